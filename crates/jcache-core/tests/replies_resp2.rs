//! RESP2 has one flat list for members, for members with scores, and for one popped member: what it means, the command
//! knows that asked for it.

#![allow(clippy::unwrap_used)]

use jcache_core::{Arg, Mutation, Query, Reply};

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

fn flat(texts: &[&str]) -> Reply {
    Reply::Array(texts.iter().map(|text| bulk(text)).collect())
}

fn pair(member: &str, score: f64) -> Reply {
    Reply::Array(vec![bulk(member), Reply::Double(score)])
}

fn canonical(line: &str, reply: Reply) -> Reply {
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    match Query::parse(&args) {
        Ok(query) => query.canonical(reply).unwrap(),
        Err(_) => Mutation::parse(&args).unwrap().canonical(reply).unwrap(),
    }
}

#[test]
fn a_flat_list_is_read_as_the_command_asked() {
    // Members that look like scores are still members.
    let two = flat(&["1", "2"]);
    let members = [
        "ZRANGE z 0 -1",
        "ZREVRANGE z 0 -1",
        "ZRANGEBYSCORE z 1 2",
        "ZREVRANGEBYSCORE z 2 1",
        "ZRANGEBYLEX z - +",
        "ZREVRANGEBYLEX z + -",
        "ZUNION 1 z",
        "ZINTER 1 z",
        "ZDIFF 1 z",
        "ZRANDMEMBER z 2",
        "HRANDFIELD h 2",
    ];
    for line in members {
        assert_eq!(canonical(line, two.clone()), two, "{line}");
    }
    let scored = [
        "ZRANGE z 0 -1 WITHSCORES",
        "ZREVRANGE z 0 -1 WITHSCORES",
        "ZRANGEBYSCORE z 1 2 WITHSCORES",
        "ZREVRANGEBYSCORE z 2 1 WITHSCORES",
        "ZUNION 1 z WITHSCORES",
        "ZINTER 1 z WITHSCORES",
        "ZDIFF 1 z WITHSCORES",
        "ZRANDMEMBER z 1 WITHSCORES",
        "ZPOPMIN z 1",
        "ZPOPMAX z 1",
    ];
    for line in scored {
        let read = Reply::Pairs(vec![(bulk("1"), Reply::Double(2.0))]);
        assert_eq!(canonical(line, two.clone()), read, "{line}");
        assert_eq!(canonical(line, Reply::Array(vec![pair("1", 2.0)])), read, "{line}");
        assert_eq!(canonical(line, read.clone()), read, "{line}");
        assert_eq!(canonical(line, Reply::Array(vec![])), Reply::Pairs(vec![]), "{line}");
    }
    for line in ["ZPOPMIN z", "ZPOPMAX z"] {
        assert_eq!(canonical(line, two.clone()), pair("1", 2.0), "{line}");
        assert_eq!(canonical(line, pair("1", 2.0)), pair("1", 2.0), "{line}");
        assert_eq!(canonical(line, Reply::Array(vec![])), Reply::Array(vec![]), "{line}");
    }
    assert_eq!(
        canonical("HRANDFIELD h 1 WITHVALUES", two.clone()),
        Reply::Pairs(vec![(bulk("1"), bulk("2"))]),
        "HRANDFIELD"
    );
}

#[test]
fn a_score_comes_as_text() {
    assert_eq!(canonical("ZADD z INCR 1 a", bulk("2.5")), Reply::Double(2.5));
    assert_eq!(canonical("ZADD z INCR 1 a", Reply::Nil), Reply::Nil);
    assert_eq!(canonical("ZADD z 1 a", Reply::Int(1)), Reply::Int(1));
    assert_eq!(canonical("ZINCRBY z 1 a", bulk("inf")), Reply::Double(f64::INFINITY));
    assert_eq!(canonical("ZSCORE z a", bulk("-3")), Reply::Double(-3.0));
    let popped = Reply::Array(vec![bulk("z"), bulk("a"), bulk("1")]);
    let read = Reply::Array(vec![bulk("z"), bulk("a"), Reply::Double(1.0)]);
    assert_eq!(canonical("BZPOPMIN z 0", popped), read);
    let page = Reply::Array(vec![bulk("0"), Reply::Array(vec![bulk("a"), bulk("0.10000000000000001")])]);
    assert_eq!(canonical("ZSCAN z 0", page.clone()), page);
}

/// Where a list would be, RESP2 has a nil of its own; the command knows which one is meant.
#[test]
fn there_are_two_nils() {
    let one = [
        "GET k",
        "LPOP l",
        "LMOVE a b LEFT LEFT",
        "BLMOVE a b LEFT LEFT 1",
        "ZRANDMEMBER z",
        "SPOP s",
        "ZADD z INCR 1 a",
    ];
    let list =
        ["LPOP l 1", "RPOP l 0", "LMPOP 1 l LEFT", "BLPOP l 1", "BRPOP l 1", "BLMPOP 1 1 l LEFT", "ZMPOP 1 z MIN"];
    let more = ["BZPOPMIN z 1", "BZPOPMAX z 1", "BZMPOP 1 1 z MIN"];
    for (lines, nil) in [(&one[..], Reply::Nil), (&list, Reply::NilArray), (&more, Reply::NilArray)] {
        for line in lines {
            assert_eq!(canonical(line, Reply::Nil), nil, "{line}");
            assert_eq!(canonical(line, Reply::NilArray), nil, "{line}");
        }
    }
}
