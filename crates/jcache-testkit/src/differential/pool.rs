//! What random commands are made of: small pools, so that commands meet the same keys, members and values again and
//! again, with the limits and the odd ones in between.
//!
//! The rules for times, because Redis's clock cannot be stepped:
//! - a *short* life is only given as the absolute time [`soon`], with `PXAT` or `PEXPIREAT`: then all short lives
//!   end at one moment, and no command runs close to it;
//! - a relative time comes from [`seconds`] or [`millis`], which are far away and hardly ever equal, so that two keys
//!   never depend on the millisecond at which a command ran (`EXPIRE … GT`);
//! - an absolute far time comes from [`far`] or [`far_seconds`].

use std::cell::Cell;

use fastrand::Rng;

/// An argument list from parts that are texts or bytes: `args!["SET", key(rng), "x"]`.
#[macro_export]
macro_rules! args {
    ($($part:expr),* $(,)?) => { Vec::<Vec<u8>>::from([$( Vec::<u8>::from($part) ),*]) };
}

thread_local! {
    static SOON: Cell<i64> = const { Cell::new(0) };
}

/// The moment, in milliseconds since the epoch, at which all short lives of this run end: well under a second away.
pub fn soon() -> i64 {
    SOON.get()
}

pub(super) fn set_soon(millis: i64) {
    SOON.set(millis);
}

/// The names that [`key`] gives most of the time.
pub const KEYS: [&str; 10] = ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9"];
/// The names that [`key`] gives now and then: one that no creator uses, the empty one, and bytes that are no text.
pub const ODD_KEYS: [&[u8]; 3] = [b"absent", b"", b"\x00\xffk\r\n"];

/// A key.
pub fn key(rng: &mut Rng) -> Vec<u8> {
    if rng.u8(..100) < 96 { one_of(rng, &KEYS).into() } else { one_of(rng, &ODD_KEYS).into() }
}

/// A field of a hash, or a member of a set or a sorted set.
pub fn member(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..100) {
        0..60 => vec![b'a' + rng.u8(..8)],
        60..80 => rng.u8(..12).to_string().into(),
        80..90 => one_of(rng, &["aa", "ab", "b\0", "Z", "member", "-5", "9223372036854775807"]).into(),
        90..93 => Vec::new(),
        93..96 => b"\x00\xff\r\n".to_vec(),
        96..99 => vec![b'm'; 64 + rng.usize(..2)],
        _ => format!("m{}", rng.u16(..1000)).into(),
    }
}

/// A value: a text, a number, a limit, nothing, bytes, or a long one.
pub fn value(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..100) {
        0..35 => one_of(rng, &["a", "b", "hello", "world", "x y", "Hello, World"]).into(),
        35..60 => (rng.i64(-20..200)).to_string().into(),
        60..70 => integer(rng),
        70..80 => float(rng),
        80..85 => Vec::new(),
        85..90 => b"\x00\xff\xfe\r\n\x7f".to_vec(),
        90..97 => vec![b'v'; 60 + rng.usize(..10)],
        97..99 => vec![b'w'; 300],
        _ => vec![b'L'; 4090 + rng.usize(..20)],
    }
}

/// An integer, mostly small, with the limits of 64 bits; a few that are none.
pub fn integer(rng: &mut Rng) -> Vec<u8> {
    const LIMITS: [&str; 8] = [
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775806",
        "-9223372036854775807",
        "4294967296",
        "2147483648",
        "-2147483649",
        "1000000000000",
    ];
    const WRONG: [&str; 10] =
        ["9223372036854775808", "-9223372036854775809", "abc", "", " 1", "1 ", "+1", "01", "1.5", "-0"];
    match rng.u8(..100) {
        0..80 => rng.i64(-5..20).to_string().into(),
        80..92 => one_of(rng, &LIMITS).into(),
        _ => one_of(rng, &WRONG).into(),
    }
}

/// A position in a sequence: small, negative too, at times far outside.
pub fn index(rng: &mut Rng) -> Vec<u8> {
    if rng.u8(..20) == 0 { integer(rng) } else { rng.i64(-8..12).to_string().into() }
}

/// A float, mostly simple; infinite, tiny, huge, and a few that are none.
pub fn float(rng: &mut Rng) -> Vec<u8> {
    const ODD: [&str; 14] = [
        "inf",
        "-inf",
        "+inf",
        "Infinity",
        "-0",
        "1e3",
        "1E-5",
        "3.0e10",
        ".5",
        "5.",
        "1e308",
        "1e-320",
        "0.1",
        "17179869184.25",
    ];
    const WRONG: [&str; 7] = ["nan", "abc", "", " 1", "1 ", "1e", "--1"];
    match rng.u8(..100) {
        0..45 => rng.i64(-5..10).to_string().into(),
        45..80 => (f64::from(rng.i16(-200..200)) / 8.0).to_string().into(),
        80..94 => one_of(rng, &ODD).into(),
        _ => one_of(rng, &WRONG).into(),
    }
}

/// A relative time in seconds, far away.
pub fn seconds(rng: &mut Rng) -> Vec<u8> {
    rng.i64(1_000..100_000_000).to_string().into()
}

/// A relative time in milliseconds, far away.
pub fn millis(rng: &mut Rng) -> Vec<u8> {
    rng.i64(1_000_000..100_000_000_000).to_string().into()
}

/// An absolute time in milliseconds, far away.
pub fn far(rng: &mut Rng) -> Vec<u8> {
    (soon() + rng.i64(1_000_000..100_000_000_000)).to_string().into()
}

/// An absolute time in seconds, far away.
pub fn far_seconds(rng: &mut Rng) -> Vec<u8> {
    (soon() / 1000 + rng.i64(1_000..100_000_000)).to_string().into()
}

/// An absolute time in milliseconds: soon, far away, or past.
pub fn at(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..10) {
        0..5 => soon().to_string().into(),
        5..9 => far(rng),
        _ => one_of(rng, &["0", "-1", "1", "1000000000000"]).into(),
    }
}

/// The option words of `SET` and `GETEX` that say when a string expires, now and then wrong ones.
pub fn expiry(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..20) {
        0..6 => args!["PXAT", soon().to_string()],
        6..9 => args!["EX", seconds(rng)],
        9..12 => args!["px", millis(rng)],
        12..14 => args!["EXAT", far_seconds(rng)],
        14..17 => args!["PXAT", far(rng)],
        17 => args!["PXAT", one_of(rng, &["1", "1000", "-1"])],
        18 => args!["EX", one_of(rng, &["0", "-1", "abc", "", "9223372036854775807", "9223372036854775"])],
        _ => args!["PX", one_of(rng, &["0", "-1", "1.5", "9223372036854775808", "9223372036854775807"])],
    }
}

/// Any one of `items`.
pub fn one_of<T: Copy>(rng: &mut Rng, items: &[T]) -> T {
    items[rng.usize(..items.len())]
}

/// One to `most` things.
pub fn some(rng: &mut Rng, most: usize, mut make: impl FnMut(&mut Rng) -> Vec<u8>) -> Vec<Vec<u8>> {
    (0..rng.usize(1..=most)).map(|_| make(rng)).collect()
}

/// A command that makes, removes or dates a key of any type, so that every family meets absent keys, keys of a wrong
/// type and keys with a deadline.
pub fn creator(rng: &mut Rng) -> Vec<Vec<u8>> {
    let key = key(rng);
    // Now and then a collection is made large enough for its full form.
    let large = if rng.u8(..50) == 0 { 140 } else { 0 };
    match rng.u8(..100) {
        0..15 => args!["SET", key, value(rng)],
        15..20 => args!["SET", key, value(rng), "PXAT", if rng.bool() { soon().to_string().into() } else { far(rng) }],
        20..32 => [args!["HSET", key, member(rng), value(rng)], numbered(large, true)].concat(),
        32..44 => [args!["RPUSH", key], some(rng, 3, value), numbered(large, false)].concat(),
        44..56 => [args!["SADD", key], some(rng, 3, member), numbered(large, false)].concat(),
        56..68 => {
            let score = rng.i64(-3..5).to_string();
            let more = (0..large).flat_map(|n| args![(n % 50).to_string(), format!("n{n}")]);
            args!["ZADD", key, score, member(rng)].into_iter().chain(more).collect()
        }
        68..84 => args!["DEL", key],
        _ => args!["PEXPIREAT", key, at(rng)],
    }
}

/// `n0 n1 …`, each with a value when they are fields.
fn numbered(count: usize, with_values: bool) -> Vec<Vec<u8>> {
    let more = |n: usize| if with_values { args![format!("n{n}"), n.to_string()] } else { args![format!("n{n}")] };
    (0..count).flat_map(more).collect()
}

/// Makes a command wrong, mostly: an argument too few or too many, or one that is not what was asked for.
pub fn spoil(rng: &mut Rng, args: &mut Vec<Vec<u8>>) {
    match rng.u8(..4) {
        0 if args.len() > 1 => drop(args.pop()),
        1 => args.push(one_of(rng, &["extra", "NX", "1", ""]).into()),
        // The first key stays: some families keep keys of a special kind under names of their own. So do scores.
        2 if args.len() > 2 => {
            let place = rng.usize(2..args.len());
            let sorted = args[0].to_ascii_uppercase().starts_with(b"Z");
            args[place] = one_of(rng, if sorted { &["abc", ""] } else { &["abc", "", "-1"] }).into();
        }
        _ => args[0].make_ascii_lowercase(),
    }
}
