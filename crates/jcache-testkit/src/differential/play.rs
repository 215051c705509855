//! One batch of commands: on the oracle in one go, then on the subject one by one, each reply compared.

use jcache_core::{Reply, Value};

use super::compare::{Kind, Outcomes, canonical, check_pick, everything, flat, name, same, scan_all};
use super::subject::{Subject, now};
use super::{REMEMBERED, Run};
use crate::args;
use crate::notation::line;
use crate::oracle::RawClient;

impl<S: Subject> Run<'_, S> {
    /// Runs a batch on the oracle, then on the subject, and compares.
    pub(super) fn play(&mut self, batch: &[Vec<Vec<u8>>]) -> Result<(), String> {
        let start = now().as_i64();
        let replies = call_many(&mut self.oracle, batch);
        for (args, expected) in batch.iter().zip(replies) {
            self.step += 1;
            self.log.push_back(args.clone());
            if self.log.len() > REMEMBERED {
                self.log.pop_front();
            }
            let expected = expected.and_then(|reply| canonical(args, reply));
            let kind = Kind::of(args);
            let before = if kind == Kind::Pop && args.len() > 1 {
                everything(self.subject, "SMEMBERS", &args[1], false)
            } else {
                Vec::new()
            };
            let actual = self.subject.call(args).and_then(|reply| canonical(args, reply));
            self.longest = self.longest.max(now().as_i64() - start);
            let wrong = match kind {
                Kind::Plain => (!same(args, &expected, &actual, self.drift())).then(String::new),
                Kind::Pick | Kind::RandomKey => check_pick(self.subject, args, &expected, &actual),
                Kind::Pop => self.follow_pop(args, &before, &expected, &actual),
                Kind::Scan => self.check_scan(args, &expected, &actual),
            };
            if let Some(wrong) = wrong {
                return Err(self.explain(args, &wrong, &expected, &actual));
            }
        }
        Ok(())
    }

    /// Checks the subject's own choice of members to pop, then makes it hold what the oracle holds.
    fn follow_pop(
        &mut self,
        args: &[Vec<u8>],
        before: &[Value],
        expected: &Outcomes,
        actual: &Outcomes,
    ) -> Option<String> {
        let (Ok(theirs), Ok(ours)) = (expected, actual) else {
            return (expected != actual).then(|| "an error on one side".to_owned());
        };
        let (theirs, ours) = (flat(theirs), flat(ours));
        let after = everything(self.subject, "SMEMBERS", &args[1], false);
        let mut parts = [ours.clone(), after.clone()].concat();
        let mut whole = before.to_vec();
        parts.sort_unstable();
        whole.sort_unstable();
        if theirs.len() != ours.len() {
            return Some(format!("{} members instead of {}", ours.len(), theirs.len()));
        }
        if parts != whole {
            return Some(format!("popped and left are {parts:?}, but there were {whole:?}"));
        }
        // First back, then out, so that the set is never empty in between and keeps its deadline.
        if !after.is_empty() {
            for (command, members) in [("SADD", &ours), ("SREM", &theirs)] {
                for member in members {
                    let repair = args![command, args[1].clone(), member.to_vec()];
                    if let Err(text) = self.subject.call(&repair) {
                        return Some(format!("{} gave {text}", line(&repair)));
                    }
                }
            }
        }
        None
    }

    /// Compares whole scans: pages and cursors are each side's own.
    fn check_scan(&mut self, args: &[Vec<u8>], expected: &Outcomes, actual: &Outcomes) -> Option<String> {
        if expected.is_err() || actual.is_err() {
            return (expected != actual).then(|| "an error on one side".to_owned());
        }
        let theirs = scan_all(args, |args| self.oracle.call(args));
        let ours = scan_all(args, |args| self.subject.call(args));
        (theirs != ours).then(|| format!("the whole scan gives\n  oracle:  {theirs:?}\n  subject: {ours:?}"))
    }

    /// The difference, and the last commands that share a word with the one that shows it: mostly, its keys.
    fn explain(&self, args: &[Vec<u8>], why: &str, expected: &Outcomes, actual: &Outcomes) -> String {
        let related = |it: &&Vec<Vec<u8>>| {
            name(it).starts_with("FLUSH") || it[1..].iter().any(|arg| arg.len() < 8 && args[1..].contains(arg))
        };
        let mut lines: Vec<String> = self.log.iter().rev().filter(related).take(16).map(|args| line(args)).collect();
        lines.reverse();
        let lines = lines.join("\n  ");
        format!(
            "step {}: {why}\n  {}\n  oracle:  {expected:?}\n  subject: {actual:?}\nlast related commands:\n  {lines}",
            self.step,
            line(args),
        )
    }
}

/// Runs a batch on a server. A blocking command goes into a transaction, where Redis does not let it wait.
pub(super) fn call_many(oracle: &mut RawClient, batch: &[Vec<Vec<u8>>]) -> Vec<Outcomes> {
    let blocks = |args: &[Vec<u8>]| {
        let name = name(args);
        name == "BRPOPLPUSH" || ["BL", "BR", "BZ"].iter().any(|it| name.starts_with(it))
    };
    let sent: Vec<Vec<Vec<u8>>> = batch
        .iter()
        .flat_map(|args| {
            let args = args.clone();
            if blocks(&args) { vec![args!["MULTI"], args, args!["EXEC"]] } else { vec![args] }
        })
        .collect();
    let mut replies = oracle.call_many(&sent).into_iter();
    let mut next = || replies.next().expect("invariant: one reply for each command");
    batch
        .iter()
        .map(|args| {
            if !blocks(args) {
                return next();
            }
            let (_, queued, done) = (next(), next(), next());
            // A command that is refused when it is queued says so itself; what runs is the transaction's only reply.
            queued?;
            Ok(done?.into_items().ok().and_then(|items| items.into_iter().next()).unwrap_or(Reply::Nil))
        })
        .collect()
}
