//! The tour: what to see when nobody says what to do.
//!
//! Every line behind a prompt is carried out as it stands, through caches over two memory levels; what is below it is
//! the reply.

use std::io::{self, Write};
use std::time::Duration;

use jcache::{Cache, LevelPolicy, Memory};

use crate::format::Format;
use crate::session::{Done, Session};

/// Longer than the short-lived key of the tour lives.
const UNTIL_EXPIRED: Duration = Duration::from_millis(300);
/// Long enough for the worker to be waiting at its queue.
const UNTIL_WAITING: Duration = Duration::from_millis(100);

/// Shows the tour; tells whether every command of it was carried out.
///
/// # Errors
/// When `out` cannot be written.
pub(crate) async fn run(out: &mut impl Write) -> io::Result<bool> {
    let (near, shared) = (Memory::new(), Memory::new());
    let deciding = LevelPolicy::new().name("shared").authority();
    let both = Cache::builder().level_with(near, LevelPolicy::new().name("near")).level_with(shared.clone(), deciding);
    let alone = Cache::builder().level_with(shared, LevelPolicy::new().name("shared"));
    let here = Session::new(both.build().expect("the levels of the tour are right"), Format::Typed);
    let elsewhere = Session::new(alone.build().expect("the level of the tour is right"), Format::Typed);
    let mut tour = Tour { out, complete: true };

    tour.say("This is a tour of jcache, a cache over several levels. Here there are two, both in memory: 'near' is")?;
    tour.say("read first; 'shared', which would be a Redis in production, decides every write.")?;

    tour.title("A value that lives for a minute")?;
    tour.show("jcache", &here, r#"set greeting "hello, world" ex 60"#).await?;
    tour.show("jcache", &here, "get greeting").await?;

    tour.title("Another process writes to 'shared'; a read here falls through to it, and fills 'near'")?;
    tour.show("elsewhere", &elsewhere, "hset user:7 name Ada lang Rust").await?;
    tour.show("jcache", &here, "explain user:7").await?;
    tour.show("jcache", &here, "hgetall user:7").await?;
    tour.show("jcache", &here, "explain user:7").await?;

    tour.title("What has expired is gone from every level")?;
    tour.show("jcache", &here, "set code 4711 px 250").await?;
    tour.show("jcache", &here, "get code").await?;
    tour.say("(300 ms later)")?;
    tokio::time::sleep(UNTIL_EXPIRED).await;
    tour.show("jcache", &here, "get code").await?;

    tour.title("A leaderboard")?;
    tour.show("jcache", &here, "zadd board 120 ada 95 grace 142 linus").await?;
    tour.show("jcache", &here, "zincrby board 60 grace").await?;
    tour.show("jcache", &here, "zrange board 0 -1 rev withscores").await?;
    tour.show("jcache", &here, "zrevrank board ada").await?;

    tour.title("A queue: a worker sleeps until there is work")?;
    tour.worker(&here).await?;

    tour.title("What the levels did for all this")?;
    tour.show("jcache", &here, "levels").await?;

    tour.title("To go on")?;
    tour.say("jcache                                              a node with a shell on it, on a terminal")?;
    tour.say("jcache serve                                        a node for redis-cli and every Redis client")?;
    tour.say("printf 'set a 1\\nget a\\n' | jcache                  commands from a pipe")?;
    tour.say("jcache --level memory --level redis://localhost     memory in front of your Redis")?;
    tour.say("jcache --help                                       everything else")?;
    tour.say("")?;
    tour.say("In a program: let cache = Cache::new(); cache.set(\"hello\", \"world\").await?;   (crate `jcache`)")?;
    tour.out.flush()?;
    Ok(tour.complete)
}

struct Tour<'a, W> {
    out: &'a mut W,
    /// Whether every command succeeded so far.
    complete: bool,
}

impl<W: Write> Tour<'_, W> {
    fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    fn title(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "\n-- {text}")?;
        self.out.flush()
    }

    /// Carries out `line` and shows it with its reply.
    async fn show(&mut self, prompt: &str, session: &Session, line: &str) -> io::Result<()> {
        writeln!(self.out, "{prompt}> {line}")?;
        let done = session.line(line.as_bytes(), self.out).await?;
        self.complete &= done == Done::Succeeded;
        self.out.flush()
    }

    /// A blocking pop, and the push that ends it.
    async fn worker(&mut self, session: &Session) -> io::Result<()> {
        let pop = "blpop jobs 5";
        writeln!(self.out, "worker> {pop}\n(waits)")?;
        let mut reply = Vec::new();
        let worker = session.line(pop.as_bytes(), &mut reply);
        let boss = async {
            tokio::time::sleep(UNTIL_WAITING).await;
            self.show("jcache", session, r#"rpush jobs "mail to ada""#).await
        };
        let (done, shown) = tokio::join!(worker, boss);
        shown?;
        self.complete &= done? == Done::Succeeded;
        writeln!(self.out, "worker>")?;
        self.out.write_all(&reply)?;
        self.show("jcache", session, "llen jobs").await
    }
}
