//! Sessions of commands as data: what is typed, and what comes back.

use jcache_core::command::Request;
use jcache_core::{Arg, Context, Model, Mutation, Query, Reply, Timestamp, Value};

/// Runs each line on one reference model and compares the reply with the text beside it.
///
/// A line is a command as typed in a shell; `"…"` holds spaces and escapes (`\x00`, `\n`, `\"`, `\\`, `\r`, `\t`).
/// `@ n` instead of a command makes n milliseconds pass; its reply is empty. Replies are written as `nil`, `OK`, `3`,
/// `1.5f`, `'text'`, `[1, 'a']`, `{'field': 'value'}` and `#{'member'}`, maps and sets in sorted order; an error is
/// its text.
///
/// What holds for every command is checked along with it: arguments written are read as the same command, an error
/// changes nothing, and the effect of a mutation, repeated on the state before, gives the state after.
#[track_caller]
pub(crate) fn check(session: &[(&str, &str)]) {
    let mut model = Model::default();
    let mut now = 1_000_000;
    for (number, (line, expected)) in session.iter().enumerate() {
        let words = words(line);
        if words[0] == b"@" {
            now += std::str::from_utf8(&words[1]).unwrap().parse::<u64>().unwrap();
            continue;
        }
        let context = Context { now: Timestamp::from_millis(now), seed: number as u64 };
        model.set_now(context.now);
        let actual = run(&mut model, &words, context).map_or_else(|text| text, |reply| show(&reply));
        assert_eq!(actual, *expected, "row {number}: {line}");
    }
}

/// Runs one command and checks what holds for all.
#[track_caller]
fn run(model: &mut Model, words: &[Vec<u8>], context: Context) -> Result<Reply, String> {
    let args: Vec<Arg<'_>> = words.iter().map(Arg::from).collect();
    let text = |error: jcache_core::Error| error.message().to_owned();
    let request = Request::parse(&args).map_err(text)?;

    let mut written: Vec<Value> = request.spec().words().map(Value::from).collect();
    match &request {
        Request::Query(query) => query.write_args(&mut written),
        Request::Mutation(mutation) => mutation.write_args(&mut written),
    }
    let written: Vec<Arg<'_>> = written.iter().map(Arg::from).collect();
    assert_eq!(Request::parse(&written).as_ref(), Ok(&request), "written as {written:?}");

    match request {
        Request::Query(query) => query_keeps_its_shape(&query, query.run(model, context).map_err(text)?),
        Request::Mutation(mutation) => mutate(model, &mutation, context),
    }
}

#[track_caller]
fn query_keeps_its_shape(query: &Query<'_>, reply: Reply) -> Result<Reply, String> {
    assert_eq!(query.canonical(reply.clone()).as_ref(), Ok(&reply), "the canonical form of a canonical reply");
    Ok(reply)
}

#[track_caller]
fn mutate(model: &mut Model, mutation: &Mutation<'_>, context: Context) -> Result<Reply, String> {
    let before = model.clone();
    let reply = match mutation.run(model, context) {
        Ok(reply) => reply,
        Err(error) => {
            assert_eq!(*model, before, "an error has changed something: {mutation:?}");
            return Err(error.message().to_owned());
        }
    };
    assert_eq!(mutation.canonical(reply.clone()).as_ref(), Ok(&reply), "the canonical form of a canonical reply");
    let effect = mutation.effect(&reply, context).unwrap();
    // Another seed: chance must not show in an effect. Nor must the time: a follower repeats it where nothing is due.
    for now in [context.now, Timestamp::ZERO] {
        let mut replica = before.clone();
        if let Some(change) = &effect.change {
            replica.at(now);
            change.run(&mut replica, Context { now, seed: !context.seed }).unwrap();
        }
        let held = |model: &Model| {
            let mut all = model.clone();
            all.at(Timestamp::ZERO);
            all
        };
        assert_eq!(held(&replica), held(model), "{mutation:?} is not repeated by {effect:?} at {now:?}");
    }
    Ok(reply)
}

/// The words of a line.
fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start().as_bytes();
    while !rest.is_empty() {
        let mut word = Vec::new();
        if rest[0] == b'"' {
            rest = &rest[1..];
            while rest[0] != b'"' {
                let (byte, len) = match rest {
                    [b'\\', b'x', high, low, ..] => {
                        let hex = String::from_utf8(vec![*high, *low]).unwrap();
                        (u8::from_str_radix(&hex, 16).unwrap(), 4)
                    }
                    [b'\\', b'n', ..] => (b'\n', 2),
                    [b'\\', b'r', ..] => (b'\r', 2),
                    [b'\\', b't', ..] => (b'\t', 2),
                    [b'\\', other, ..] => (*other, 2),
                    _ => (rest[0], 1),
                };
                word.push(byte);
                rest = &rest[len..];
            }
            rest = &rest[1..];
        } else {
            let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
            word.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
        }
        words.push(word);
        rest = rest.trim_ascii_start();
    }
    words
}

/// A reply as text.
fn show(reply: &Reply) -> String {
    let list = |items: &[Reply]| items.iter().map(show).collect::<Vec<_>>();
    match reply {
        Reply::Nil | Reply::NilArray => "nil".to_owned(),
        Reply::Ok => "OK".to_owned(),
        Reply::Status(status) => String::from_utf8_lossy(status).into_owned(),
        Reply::Int(number) => number.to_string(),
        Reply::Double(number) => format!("{number}f"),
        Reply::Bulk(text) => format!("'{}'", text.escape_ascii()),
        Reply::Array(items) => format!("[{}]", list(items).join(", ")),
        Reply::Pairs(pairs) => {
            let pairs: Vec<_> = pairs.iter().map(|(a, b)| format!("[{}, {}]", show(a), show(b))).collect();
            format!("[{}]", pairs.join(", "))
        }
        Reply::Set(items) => {
            let mut items = list(items);
            items.sort_unstable();
            format!("#{{{}}}", items.join(", "))
        }
        Reply::Map(pairs) => {
            let mut pairs: Vec<_> = pairs.iter().map(|(k, v)| format!("{}: {}", show(k), show(v))).collect();
            pairs.sort_unstable();
            format!("{{{}}}", pairs.join(", "))
        }
        other => panic!("no command of data answers {other:?}"),
    }
}
