//! What an entry is, as a number: equal for equal data, however it is held and however it came to be.
//!
//! Fields and members have no order, so what they are is added up; elements of a list are taken one after the other. How
//! a collection is kept (packed, or in full) does not show, nor does the sign of a zero score. This finds out damage and
//! bugs; it is no protection against somebody who makes two entries that look alike.

use jcache_core::{ObjectRef, Timestamp, Type};
use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

/// The same in every version: processes of different versions compare their digests.
const SECRETS: RapidSecrets = RapidSecrets::seed(0x6a63_6163_6865_2031);

/// The digest of an entry with its deadline. The digest of several is their sum, wrapping round.
pub fn entry_digest(key: &[u8], object: ObjectRef<'_>, deadline: Option<Timestamp>) -> u64 {
    let content = match object {
        ObjectRef::String(text) => hash(text),
        ObjectRef::Hash(fields) => {
            fields.iter().fold(0, |sum: u64, (field, value)| sum.wrapping_add(join(hash(field), hash(value))))
        }
        ObjectRef::Set(set) => {
            let mut sum = 0_u64;
            set.for_each(|member| sum = sum.wrapping_add(mix(hash(member))));
            sum
        }
        ObjectRef::List(list) => list.iter().fold(0, |all, element| join(all, hash(element))),
        ObjectRef::SortedSet(sorted) => {
            let mut sum = 0_u64;
            sorted.scan(0, usize::MAX, &mut |member, score| {
                // Minus zero plus zero is zero.
                sum = sum.wrapping_add(join(hash(member), (score + 0.0).to_bits()));
            });
            sum
        }
    };
    let deadline = deadline.map_or(0, Timestamp::as_millis);
    join(join(join(hash(key), deadline), kind(object.kind())), content)
}

fn kind(kind: Type) -> u64 {
    match kind {
        Type::String => 1,
        Type::Hash => 2,
        Type::List => 3,
        Type::Set => 4,
        Type::SortedSet => 5,
    }
}

#[inline]
fn hash(bytes: &[u8]) -> u64 {
    rapidhash_v3_seeded(bytes, &SECRETS)
}

/// Two numbers as one, in this order.
#[inline]
fn join(first: u64, second: u64) -> u64 {
    mix(first ^ second.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29))
}

/// SplitMix64's output.
#[inline]
fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use jcache_core::{Arg, Context, Model, Mutation};

    use super::*;

    /// The digest of everything that the commands leave behind.
    fn digest(lines: &[&str]) -> u64 {
        let mut model = Model::default();
        for line in lines {
            let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
            Mutation::parse(&args).expect(line).run(&mut model, Context::at(Timestamp::ZERO)).expect(line);
        }
        model
            .iter()
            .fold(0, |sum, (key, object, deadline)| sum.wrapping_add(entry_digest(key, object.as_ref(), deadline)))
    }

    #[test]
    fn equal_data_have_equal_digests() {
        let fields: Vec<String> = (0..200).map(|i| format!("HSET h f{i} v{i}")).collect();
        let mut grown: Vec<&str> = fields.iter().map(String::as_str).collect();
        let removals: Vec<String> = (1..200).map(|i| format!("HDEL h f{i}")).collect();
        grown.extend(removals.iter().map(String::as_str));
        let rows: [(&[&str], &[&str]); 6] = [
            (&["HSET h a 1 b 2"], &["HSET h b 2", "HSET h a 1"]),
            (&["SADD s 1 2 3"], &["SADD s 3 1 x 2", "SREM s x"]),
            (&["ZADD z 1 a 2 b"], &["ZADD z 2 b 1 a"]),
            (&["ZADD z 0 a"], &["ZADD z -0 a"]),
            (&["RPUSH l a b"], &["LPUSH l b a"]),
            (&["HSET h f0 v0"], &grown),
        ];
        for (one, other) in rows {
            assert_eq!(digest(one), digest(other), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn other_data_have_other_digests() {
        let rows: [&[&str]; 17] = [
            &[],
            &["SET k a"],
            &["SET k b"],
            &["SET ka "],
            &["SET k a PXAT 5"],
            &["RPUSH k a"],
            &["SADD k a"],
            &["HSET k a a"],
            &["HSET k a b b a"],
            &["HSET k a a b b"],
            &["RPUSH k a b"],
            &["RPUSH k b a"],
            &["ZADD k 1 a"],
            &["ZADD k 2 a"],
            &["SADD k a b"],
            &["SADD k ab"],
            &["SADD k a", "PEXPIREAT k 7"],
        ];
        let digests: std::collections::BTreeSet<u64> = rows.iter().map(|row| digest(row)).collect();
        assert_eq!(digests.len(), rows.len());
        assert!(digests.contains(&0), "of nothing");
    }

    #[test]
    fn a_digest_is_the_same_in_every_version() {
        let all = ["SET s x PXAT 9", "HSET h a 1 b 2", "RPUSH l a b c", "SADD m 1 2 x", "ZADD z 1.5 a -inf b"];
        assert_eq!(digest(&all), 13_443_512_116_548_331_789);
    }
}
