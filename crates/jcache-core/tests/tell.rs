//! A reply that is told is the one that would have been built.

#![allow(clippy::unwrap_used)]

use jcache_core::reply::{ReplySink, Shape};
use jcache_core::{Arg, Context, Model, Mutation, Query, Reply, Timestamp};

/// Builds what it is told.
#[derive(Default)]
struct Heard {
    begun: Option<(Shape, usize)>,
    elements: Vec<Reply>,
}

impl ReplySink for Heard {
    fn list(&mut self, shape: Shape, len: usize) {
        assert!(self.begun.replace((shape, len)).is_none(), "a reply begins once");
    }

    fn bulk(&mut self, bytes: &[u8]) {
        assert!(self.begun.is_some(), "an element before its list");
        self.elements.push(Reply::Bulk(bytes.into()));
    }
}

impl Heard {
    fn reply(self) -> Option<Reply> {
        let (shape, len) = self.begun?;
        let whole = if shape == Shape::Map { len * 2 } else { len };
        assert_eq!(self.elements.len(), whole, "as many as were announced");
        Some(match shape {
            Shape::Array => Reply::Array(self.elements),
            Shape::Set => Reply::Set(self.elements),
            Shape::Map => {
                let mut elements = self.elements.into_iter();
                Reply::Map(std::iter::from_fn(|| Some((elements.next()?, elements.next()?))).collect())
            }
        })
    }
}

fn args(line: &str) -> Vec<Arg<'_>> {
    line.split(' ').map(Arg::from).collect()
}

#[test]
fn what_is_told_is_what_would_be_built() {
    let context = Context::at(Timestamp::ZERO);
    // Packed, and in the full form.
    for count in [1, 3, 700] {
        let mut model = Model::default();
        let numbers = |each: fn(i32) -> String| (0..count).map(each).collect::<Vec<_>>().join(" ");
        let fill = [
            format!("RPUSH list {}", numbers(|i| format!("e{i}"))),
            format!("HSET hash {}", numbers(|i| format!("f{i} v{i}"))),
            format!("SADD set {}", numbers(|i| format!("m{i}"))),
            format!("SADD numbers {}", numbers(|i| i.to_string())),
            "SET text x".to_owned(),
        ];
        for line in &fill {
            Mutation::parse(&args(line)).unwrap().run(&mut model, context).unwrap();
        }
        let told = [
            "LRANGE list 0 -1",
            "LRANGE list 1 2",
            "LRANGE list -2 9",
            "LRANGE list 5 1",
            "HGETALL hash",
            "HKEYS hash",
            "HVALS hash",
            "SMEMBERS set",
            "SMEMBERS numbers",
        ];
        for line in told {
            let args = args(line);
            let query = Query::parse(&args).unwrap();
            let mut heard = Heard::default();
            assert!(query.tells() && query.tell(&model, &mut heard).unwrap(), "{line}");
            assert_eq!(heard.reply(), Some(query.run(&model, context).unwrap()), "{line} of {count}");
        }
        let not_told = ["LRANGE none 0 -1", "HGETALL none", "HGETALL text", "SMEMBERS list", "LLEN list", "GET text"];
        for line in not_told {
            let args = args(line);
            let query = Query::parse(&args).unwrap();
            let mut heard = Heard::default();
            let failure = query.tell(&model, &mut heard).err();
            assert_eq!((heard.reply(), failure), (None, query.run(&model, context).err()), "{line}");
        }
    }
}
