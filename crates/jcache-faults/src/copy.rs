//! All that a node holds, read over the network: one number a key, to compare copies with.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use jcache_core::{Reply, Value};
use jcache_testkit::oracle::RawClient;

/// Keys that are asked for at a time.
const PAGE: usize = 10_000;
/// Commands that are sent at a time.
const BATCH: usize = 1_000;

/// A number that stands for the type and content of each key.
pub(crate) type Copy = BTreeMap<Vec<u8>, u64>;

/// Reads everything, except keys that `skip` tells.
///
/// # Errors
/// What the node answered instead.
pub(crate) fn read(client: &mut RawClient, skip: impl Fn(&[u8]) -> bool) -> Result<Copy, String> {
    let mut names = Vec::new();
    let mut cursor = String::from("0");
    loop {
        let reply = client.call(&["SCAN", &cursor, "COUNT", &PAGE.to_string()])?;
        let Reply::Array(parts) = &reply else { return Err(format!("SCAN gave {reply:?}")) };
        let [next, page] = &parts[..] else { return Err(format!("SCAN gave {reply:?}")) };
        names.extend(strings(page).into_iter().map(|it| it.to_vec()));
        cursor = strings(next).first().map(|it| String::from_utf8_lossy(it).into_owned()).unwrap_or_default();
        if cursor == "0" {
            break;
        }
    }
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !skip(name));
    let mut copy = Copy::new();
    for names in names.chunks(BATCH) {
        let types: Vec<Vec<Vec<u8>>> = names.iter().map(|name| vec![b"TYPE".to_vec(), name.clone()]).collect();
        let types = client.call_many(&types);
        let mut questions = Vec::new();
        for (name, kind) in names.iter().zip(&types) {
            let Ok(Reply::Status(kind)) = kind else { return Err(format!("TYPE gave {kind:?}")) };
            let words: &[&str] = match kind.as_bytes() {
                b"string" => &["GET"],
                b"list" => &["LRANGE", "0", "-1"],
                b"set" => &["SMEMBERS"],
                b"zset" => &["ZRANGE", "0", "-1", "WITHSCORES"],
                b"hash" => &["HGETALL"],
                _ => continue,
            };
            let mut words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
            words.insert(1, name.clone());
            questions.push(words);
        }
        for (question, reply) in questions.iter().zip(client.call_many(&questions)) {
            copy.insert(question[1].clone(), digest(&question[0], &reply?));
        }
    }
    Ok(copy)
}

/// Where two copies differ: some of the keys.
pub(crate) fn differences(a: &Copy, b: &Copy) -> Vec<String> {
    let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
    let different = keys.filter(|key| a.get(*key) != b.get(*key));
    different.map(|key| key.escape_ascii().to_string()).collect()
}

fn digest(command: &[u8], reply: &Reply) -> u64 {
    let mut parts = strings(reply);
    match command {
        b"SMEMBERS" => parts.sort_unstable(),
        b"HGETALL" => {
            let mut pairs: Vec<[&Value; 2]> = parts.as_chunks::<2>().0.to_vec();
            pairs.sort_unstable();
            parts = pairs.concat();
        }
        _ => {}
    }
    let mut hasher = FixedState::default().build_hasher();
    command.hash(&mut hasher);
    parts.iter().for_each(|part| part.as_bytes().hash(&mut hasher));
    hasher.finish()
}

/// Every byte string in a reply.
pub(crate) fn strings(reply: &Reply) -> Vec<&Value> {
    match reply {
        Reply::Bulk(value) | Reply::Status(value) => vec![value],
        Reply::Array(items) | Reply::Set(items) => items.iter().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}
