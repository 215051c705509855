//! `LATENCY`: how long commands take, and the spikes of those that took longer than the threshold.

use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use jcache_core::{Arg, Reply, Result};

use super::admin::ADMIN;
use super::{Command, HELP, Kind, Row, Step, all, named};
use crate::session::Session;

/// The one event that is watched.
const EVENT: &str = "command";

pub(super) const ROWS: &[Row] =
    &[Row::container("LATENCY", "server", "A container for commands that tell of latency spikes.", LATENCY)];

const LATENCY: &[Row] = &[
    Row::new("DOCTOR", 2, ADMIN, "Says in words what the spikes were.", doctor),
    HELP,
    Row::new("HISTOGRAM", -2, ADMIN, "Returns how the latencies of commands are spread, by a sample.", histogram),
    Row::new("HISTORY", 3, ADMIN, "Returns the spikes of an event.", history),
    Row::new("LATEST", 2, ADMIN, "Returns the latest spikes of all events.", latest),
    Row::new("RESET", -2, ADMIN, "Forgets the spikes.", reset),
];

fn pair(at: u64, millis: u64) -> [Reply; 2] {
    [Reply::Int(at as i64), Reply::Int(millis as i64)]
}

fn history(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    if !args[2].is_word(EVENT) {
        return Ok(Reply::Array(Vec::new()).into());
    }
    let (spikes, _) = session.shared.slow.spikes();
    Ok(Reply::Array(spikes.into_iter().map(|(at, millis)| Reply::Array(pair(at, millis).into())).collect()).into())
}

fn latest(session: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    let (spikes, max) = session.shared.slow.spikes();
    let event = spikes.last().map(|(at, millis)| {
        let [at, millis] = pair(*at, *millis);
        Reply::Array(vec![Reply::Bulk(EVENT.into()), at, millis, Reply::Int(max as i64)])
    });
    Ok(Reply::Array(event.into_iter().collect()).into())
}

fn reset(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let chosen = args.len() == 2 || args[2..].iter().any(|event| event.is_word(EVENT));
    let forgotten = chosen && session.shared.slow.forget_spikes();
    Ok(Reply::Int(forgotten.into()).into())
}

/// Of the commands that are named, a container standing for its subcommands, or of all.
fn histogram(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let chosen: Vec<&Command> = match &args[2..] {
        [] => all().iter().collect(),
        names => names
            .iter()
            .filter_map(|name| named(name))
            .flat_map(|command| match command.kind {
                Kind::Container(..) if !command.subcommands().is_empty() => command.subcommands().iter(),
                _ => std::slice::from_ref(command).iter(),
            })
            .collect(),
    };
    let text = |text: &str| Reply::Bulk(text.into());
    let measured = chosen.into_iter().filter_map(|command| {
        let measured = session.shared.latencies.of(command.place)?;
        let steps = measured.steps().into_iter();
        let steps = steps.map(|(micros, calls)| (Reply::Int(micros as i64), Reply::Int(calls as i64)));
        let about = vec![
            (text("calls"), Reply::Int(measured.count as i64)),
            (text("histogram_usec"), Reply::Map(steps.collect())),
        ];
        Some((text(&command.name), Reply::Map(about)))
    });
    Ok(Reply::Map(measured.collect()).into())
}

fn doctor(session: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    let threshold = session.shared.settings.spike_millis.load(Ordering::Relaxed);
    let (spikes, worst) = session.shared.slow.spikes();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(Reply::Verbatim(diagnosis(threshold, &spikes, worst, now).into()).into())
}

/// What is to be said of spikes above a threshold in milliseconds; they are seconds of the clock, with milliseconds.
fn diagnosis(threshold: u64, spikes: &[(u64, u64)], worst: u64, now: u64) -> String {
    let mut text = String::new();
    if threshold == 0 {
        text += "Spikes are not watched. CONFIG SET latency-monitor-threshold MILLISECONDS begins to.\n";
    }
    let (Some((first, _)), Some((last, latest))) = (spikes.first(), spikes.last()) else {
        if threshold > 0 {
            text += &format!("No command took {threshold} ms or longer.\n");
        }
        return text;
    };
    let count = spikes.len() as u64;
    let mean = spikes.iter().map(|(_, millis)| millis).sum::<u64>() / count;
    text += &format!(
        "Commands were slow in {count} of the last {} seconds: {mean} ms on average, {worst} ms at worst, {latest} ms \
         the last time, {} seconds ago.\n",
        now.saturating_sub(*first).max(count),
        now.saturating_sub(*last),
    );
    text += "- SLOWLOG GET names the commands, when slowlog-log-slower-than is no longer than the threshold.\n";
    text += "- Commands over many elements (KEYS, LRANGE, SMEMBERS, SUNION of large keys) take their time; SCAN and ranges \
             take it in parts.\n";
    text += "- Where levels lie over a network, INFO levels tells how long their calls take.\n";
    text +=
        "- Where many commands are slow at once, the process itself was: look at the machine's load and at swapping.\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doctor_says_what_was_seen() {
        for (threshold, spikes, worst, start) in [
            (0, &[][..], 0, "Spikes are not watched."),
            (10, &[], 0, "No command took 10 ms or longer."),
            (
                10,
                &[(100, 20), (150, 40)],
                90,
                "Commands were slow in 2 of the last 60 seconds: 30 ms on average, 90 ms at worst, 40 ms the last time, 10 \
                 seconds ago.",
            ),
            (
                0,
                &[(160, 20)],
                20,
                "Spikes are not watched. CONFIG SET latency-monitor-threshold MILLISECONDS begins to.",
            ),
        ] {
            let text = diagnosis(threshold, spikes, worst, 160);
            assert!(text.starts_with(start), "{text}");
            assert_eq!(text.contains("SLOWLOG"), !spikes.is_empty());
        }
    }
}
