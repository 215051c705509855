//! The messages of the engine as protobuf, and back. What cannot be read is an error of the stream, never a panic.

use bytes::Bytes;
use jcache_core::Error;

use crate::engine::codec::{broken, put_reply, take_reply};
use crate::engine::{
    Accept, Ack, AckMessage, Epoch, ForwardCall, ForwardResult, Frame, Incarnation, Join, Level, MemberId, Message,
    NodeId, Offset, PeerStatus, Reject, Snap, SnapPart, Token, Work,
};

#[allow(missing_docs, unreachable_pub, rustdoc::all, clippy::all, clippy::pedantic)] // made by prost and tonic
pub(crate) mod pb {
    include!("generated/jcache.replication.v1.rs");
}

use pb::message::Kind;

/// The longest name of a node, or id of a cluster, in bytes.
const LONGEST_NAME: usize = 256;

/// Records of frames that are sent as one, in bytes.
const MERGED_RECORDS: usize = 32 << 10;

/// The message as it travels.
pub(crate) fn encode(message: Message) -> pb::Message {
    let kind = match message {
        Message::Join(join) => Kind::Join(pb::Join {
            cluster: join.cluster,
            member: member(join.member),
            promised: join.promised,
            leo: join.leo,
            applied: join.applied,
            tainted: join.tainted,
            resync: join.resync,
            epochs: epochs(join.epochs),
            wire_min: join.wire.0,
            wire_max: join.wire.1,
            leaving: join.leaving,
            attempt: join.attempt,
        }),
        Message::Reject(reject) => Kind::Reject(pb::Reject { reason: Some(encode_reject(reject)) }),
        Message::Accept(Accept { epoch, cluster, attempt, truncate_to, full, time_ms, seq }) => {
            Kind::Accept(pb::Accept { epoch, cluster, truncate_to, full, seq, attempt, time_ms })
        }
        Message::Frame(Frame { epoch, written, first, count, hw, time_ms, seq, records }) => {
            Kind::Frame(pb::Frame { epoch, written, first, count, hw, time_ms, seq, records })
        }
        Message::Snap(Snap { epoch, seq, part }) => Kind::Snap(pb::Snap { epoch, seq, part: Some(encode_part(part)) }),
        Message::Ack(ack) => Kind::Ack(pb::Ack {
            epoch: ack.epoch,
            member: member(ack.member),
            received: ack.received,
            applied: ack.applied,
            seq: ack.seq,
            coordinated: ack.coordinated,
        }),
        Message::Handover { epoch } => Kind::Handover(pb::EpochOnly { epoch }),
        Message::Release { epoch } => Kind::Release(pb::EpochOnly { epoch }),
        Message::ReleaseFailed { epoch } => Kind::ReleaseFailed(pb::EpochOnly { epoch }),
        Message::Leave => Kind::Leave(pb::Empty {}),
        Message::Hello { member: who, cluster, generation, promised } => {
            Kind::Hello(pb::Hello { member: member(who), cluster, generation, promised })
        }
        Message::Forward(calls) => Kind::Forward(pb::Forward { calls: calls.into_iter().map(encode_call).collect() }),
        Message::ForwardCancel { seq } => Kind::ForwardCancel(pb::Cancel { seq }),
        Message::Forwarded { epoch, answers } => {
            let answers = answers.into_iter().map(|(seq, result)| encode_answer(seq, result)).collect();
            Kind::Forwarded(pb::Forwarded { epoch, answers })
        }
        Message::StatusRequest { member: who, cluster, promised } => {
            Kind::StatusRequest(pb::StatusRequest { member: member(who), promised, cluster })
        }
        Message::StatusReply(PeerStatus { member: who, cluster, promised, recorded, last_epoch, leo, prio, leads }) => {
            let (member, (recorded_epoch, recorded_n)) = (member(who), recorded);
            let reply =
                pb::StatusReply { member, promised, last_epoch, leo, prio, leads, cluster, recorded_epoch, recorded_n };
            Kind::StatusReply(reply)
        }
    };
    pb::Message { kind: Some(kind) }
}

/// The message that travelled.
///
/// # Errors
/// Protocol, when a part is missing or makes no sense.
pub(crate) fn decode(message: pb::Message) -> Result<Message, Error> {
    Ok(match message.kind.ok_or_else(broken)? {
        Kind::Join(join) => Message::Join(Join {
            cluster: name(join.cluster)?,
            member: to_member(join.member)?,
            promised: count(join.promised)?,
            leo: count(join.leo)?,
            applied: count(join.applied)?,
            tainted: join.tainted,
            resync: join.resync,
            epochs: to_epochs(&join.epochs)?,
            wire: (join.wire_min, join.wire_max),
            leaving: join.leaving,
            attempt: join.attempt,
        }),
        Kind::Reject(reject) => Message::Reject(decode_reject(reject.reason.ok_or_else(broken)?)?),
        Kind::Accept(pb::Accept { epoch, cluster, truncate_to, full, seq, attempt, time_ms }) => {
            let (epoch, truncate_to) = (count(epoch)?, count(truncate_to)?);
            Message::Accept(Accept { epoch, cluster: name(cluster)?, attempt, truncate_to, full, time_ms, seq })
        }
        Kind::Frame(pb::Frame { epoch, written, first, count, hw, time_ms, seq, records }) => {
            for number in [epoch, written, first, hw, time_ms] {
                self::count(number)?;
            }
            Message::Frame(Frame { epoch, written, first, count, hw, time_ms, seq, records })
        }
        Kind::Snap(pb::Snap { epoch, seq, part }) => {
            Message::Snap(Snap { epoch: count(epoch)?, seq, part: decode_part(part.ok_or_else(broken)?)? })
        }
        Kind::Ack(ack) => Message::Ack(AckMessage {
            epoch: count(ack.epoch)?,
            member: to_member(ack.member)?,
            received: count(ack.received)?,
            applied: count(ack.applied)?,
            seq: ack.seq,
            coordinated: ack.coordinated,
        }),
        Kind::Handover(pb::EpochOnly { epoch }) => Message::Handover { epoch: count(epoch)? },
        Kind::Release(pb::EpochOnly { epoch }) => Message::Release { epoch: count(epoch)? },
        Kind::ReleaseFailed(pb::EpochOnly { epoch }) => Message::ReleaseFailed { epoch: count(epoch)? },
        Kind::Leave(pb::Empty {}) => Message::Leave,
        Kind::Hello(pb::Hello { member, cluster, generation, promised }) => {
            let promised = count(promised)?;
            Message::Hello { member: to_member(member)?, cluster: name(cluster)?, generation, promised }
        }
        Kind::Forward(forward) => {
            Message::Forward(forward.calls.into_iter().map(decode_call).collect::<Result<_, _>>()?)
        }
        Kind::ForwardCancel(pb::Cancel { seq }) => Message::ForwardCancel { seq },
        Kind::Forwarded(pb::Forwarded { epoch, answers }) => Message::Forwarded {
            epoch: count(epoch)?,
            answers: answers.into_iter().map(decode_answer).collect::<Result<_, _>>()?,
        },
        Kind::StatusRequest(pb::StatusRequest { member, promised, cluster }) => {
            Message::StatusRequest { member: to_member(member)?, cluster: name(cluster)?, promised: count(promised)? }
        }
        Kind::StatusReply(reply) => Message::StatusReply(PeerStatus {
            member: to_member(reply.member)?,
            cluster: name(reply.cluster)?,
            promised: count(reply.promised)?,
            recorded: (count(reply.recorded_epoch)?, count(reply.recorded_n)?),
            last_epoch: count(reply.last_epoch)?,
            leo: count(reply.leo)?,
            prio: reply.prio,
            leads: reply.leads,
        }),
    })
}

/// Takes `next` into the message sent just before it, when both together say the same as one after the other: calls,
/// answers, frames of few records, and acknowledgements, of which the newer one says all. Gives it back otherwise.
pub(crate) fn merge(message: &mut pb::Message, next: pb::Message) -> Option<pb::Message> {
    match (&mut message.kind, next.kind) {
        (Some(Kind::Forward(before)), Some(Kind::Forward(next))) => before.calls.extend(next.calls),
        (Some(Kind::Forwarded(before)), Some(Kind::Forwarded(next))) if before.epoch == next.epoch => {
            before.answers.extend(next.answers);
        }
        (Some(Kind::Ack(before)), Some(Kind::Ack(next)))
            if before.epoch == next.epoch && before.member == next.member =>
        {
            *before = next;
        }
        (Some(Kind::Frame(before)), Some(Kind::Frame(next))) if continues(before, &next) => extend(before, next),
        (_, next) => return Some(pb::Message { kind: next }),
    }
    None
}

/// Whether two frames, one sent after the other, are as good as one. Records are copied for that: only few of them.
fn continues(before: &pb::Frame, next: &pb::Frame) -> bool {
    let in_a_row = before.written == next.written && before.first.checked_add(before.count.into()) == Some(next.first);
    before.epoch == next.epoch
        && before.records.len() + next.records.len() <= MERGED_RECORDS
        && (before.count == 0 || next.count == 0 || in_a_row)
}

/// Commit point, time and number are the later one's: acknowledging it acknowledges those before.
fn extend(before: &mut pb::Frame, next: pb::Frame) {
    if before.count == 0 {
        *before = next;
        return;
    }
    (before.hw, before.time_ms, before.seq) = (next.hw, next.time_ms, next.seq);
    if next.count > 0 {
        before.count += next.count;
        before.records = [&before.records[..], &next.records[..]].concat().into();
    }
}

pub(crate) fn member(member: MemberId) -> Option<pb::Member> {
    let incarnation = Bytes::copy_from_slice(&member.inc.0.to_be_bytes());
    Some(pb::Member { node: member.node.as_str().to_owned(), incarnation })
}

fn to_member(member: Option<pb::Member>) -> Result<MemberId, Error> {
    let member = member.ok_or_else(broken)?;
    let incarnation = <[u8; 16]>::try_from(&member.incarnation[..]).map_err(|_| broken())?;
    Ok(MemberId { node: NodeId::new(name(member.node)?), inc: Incarnation(u128::from_be_bytes(incarnation)) })
}

/// Names go into keys, logs and status pages: a hostile one must not be as long as a message may be.
fn name(name: String) -> Result<String, Error> {
    if name.len() <= LONGEST_NAME { Ok(name) } else { Err(broken()) }
}

fn epochs(epochs: Vec<(Epoch, Offset)>) -> Vec<pb::EpochStart> {
    epochs.into_iter().map(|(epoch, start)| pb::EpochStart { epoch, start }).collect()
}

fn to_epochs(epochs: &[pb::EpochStart]) -> Result<Vec<(Epoch, Offset)>, Error> {
    let epochs = epochs
        .iter()
        .map(|it| Ok((count(it.epoch)?, count(it.start)?)))
        .collect::<Result<Vec<(Epoch, Offset)>, Error>>()?;
    // Both grow, and the first record is number 1.
    let grow =
        epochs.iter().zip(epochs.iter().skip(1)).all(|((epoch, start), (next, later))| epoch < next && start < later);
    if grow && epochs.first().is_none_or(|(_, start)| *start > 0) { Ok(epochs) } else { Err(broken()) }
}

/// An epoch, an offset, or a time in milliseconds. What comes near the end of the numbers is no such thing, and must not be
/// believed: the next one would have no number.
fn count(number: u64) -> Result<u64, Error> {
    if number < 1 << 56 { Ok(number) } else { Err(broken()) }
}

fn encode_reject(reject: Reject) -> pb::reject::Reason {
    use pb::reject::Reason;
    match reject {
        Reject::StaleEpoch(epoch) => Reason::StaleEpoch(epoch),
        Reject::NotLeader(hint) => Reason::NotLeader(hint.map_or_else(String::new, |node| node.as_str().to_owned())),
        Reject::Cluster => Reason::Cluster(pb::Empty {}),
        Reject::Wire => Reason::Wire(pb::Empty {}),
        Reject::Busy => Reason::Busy(pb::Empty {}),
    }
}

fn decode_reject(reason: pb::reject::Reason) -> Result<Reject, Error> {
    use pb::reject::Reason;
    Ok(match reason {
        Reason::StaleEpoch(epoch) => Reject::StaleEpoch(count(epoch)?),
        Reason::NotLeader(hint) => {
            Reject::NotLeader((!hint.is_empty()).then(|| name(hint)).transpose()?.map(NodeId::new))
        }
        Reason::Cluster(_) => Reject::Cluster,
        Reason::Wire(_) => Reject::Wire,
        Reason::Busy(_) => Reject::Busy,
    })
}

/// The number of a shard, which is far below 2^32.
fn shard(shard: usize) -> u32 {
    u32::try_from(shard).expect("a store has far fewer shards than 2^32")
}

fn encode_part(part: SnapPart) -> pb::snap::Part {
    use pb::snap::Part;
    match part {
        SnapPart::Begin { shard: which, shards, at } => {
            Part::Begin(pb::SnapBegin { shard: shard(which), shards: shard(shards), at })
        }
        SnapPart::Chunk { shard: which, entries } => Part::Chunk(pb::SnapChunk { shard: shard(which), entries }),
        SnapPart::End { shard: which } => Part::End(pb::SnapEnd { shard: shard(which) }),
        SnapPart::Done { leo, sessions, epochs: list } => {
            Part::Done(pb::SnapDone { leo, sessions, epochs: epochs(list) })
        }
    }
}

fn decode_part(part: pb::snap::Part) -> Result<SnapPart, Error> {
    use pb::snap::Part;
    Ok(match part {
        Part::Begin(it) => SnapPart::Begin { shard: it.shard as usize, shards: it.shards as usize, at: count(it.at)? },
        Part::Chunk(it) => SnapPart::Chunk { shard: it.shard as usize, entries: it.entries },
        Part::End(it) => SnapPart::End { shard: it.shard as usize },
        Part::Done(it) => SnapPart::Done { leo: count(it.leo)?, sessions: it.sessions, epochs: to_epochs(&it.epochs)? },
    })
}

fn encode_call(call: ForwardCall) -> pb::Call {
    use pb::write::Acknowledged;
    let work = match call.work {
        Work::OpenSession => pb::call::Work::OpenSession(pb::Empty {}),
        Work::Read { level, command } => {
            let seen = match level {
                Level::Session(Token { epoch, offset }) => Some(pb::Point { epoch, offset }),
                _ => None,
            };
            pb::call::Work::Read(pb::Read { linearizable: level == Level::Linearizable, command, seen })
        }
        Work::Write { session, low, ack, until_ms, command, several } => {
            let acknowledged = match ack {
                Ack::Leader => Acknowledged::Leader(pb::Empty {}),
                Ack::InSync => Acknowledged::InSync(pb::Empty {}),
                Ack::Replicas(count) => Acknowledged::Replicas(count),
            };
            pb::call::Work::Write(pb::Write {
                session,
                low,
                acknowledged: Some(acknowledged),
                until_ms,
                command,
                several,
            })
        }
    };
    pb::Call { seq: call.seq, work: Some(work) }
}

fn decode_call(call: pb::Call) -> Result<ForwardCall, Error> {
    use pb::write::Acknowledged;
    let work = match call.work.ok_or_else(broken)? {
        pb::call::Work::OpenSession(_) => Work::OpenSession,
        pb::call::Work::Read(pb::Read { linearizable, command, seen }) => {
            let level = match seen {
                _ if linearizable => Level::Linearizable,
                Some(pb::Point { epoch, offset }) => {
                    Level::Session(Token { epoch: count(epoch)?, offset: count(offset)? })
                }
                None => Level::Leader,
            };
            Work::Read { level, command }
        }
        pb::call::Work::Write(pb::Write { session, low, acknowledged, until_ms, command, several }) => {
            until_ms.map(count).transpose()?;
            let ack = match acknowledged.ok_or_else(broken)? {
                Acknowledged::Leader(_) => Ack::Leader,
                Acknowledged::InSync(_) => Ack::InSync,
                Acknowledged::Replicas(count) => Ack::Replicas(count),
            };
            Work::Write { session, low, ack, until_ms, command, several }
        }
    };
    Ok(ForwardCall { seq: call.seq, work })
}

fn encode_answer(seq: u64, result: ForwardResult) -> pb::Answer {
    use pb::answer::Result as Said;
    let result = match result {
        ForwardResult::Done { reply, offset } => {
            let mut encoded = Vec::new();
            put_reply(&mut encoded, &reply);
            Said::Done(pb::Done { reply: encoded.into(), offset })
        }
        ForwardResult::Command(error) => Said::Command(error.to_string()),
        ForwardResult::Again => Said::Again(pb::Empty {}),
        ForwardResult::NoSession => Said::NoSession(pb::Empty {}),
        ForwardResult::Unknown => Said::Unknown(pb::Empty {}),
        ForwardResult::NotEnoughReplicas => Said::NotEnoughReplicas(pb::Empty {}),
        ForwardResult::Overloaded => Said::Overloaded(pb::Empty {}),
        ForwardResult::Fenced => Said::Fenced(pb::Empty {}),
        ForwardResult::Cancelled => Said::Cancelled(pb::Empty {}),
        ForwardResult::SessionLost => Said::SessionLost(pb::Empty {}),
    };
    pb::Answer { seq, result: Some(result) }
}

fn decode_answer(answer: pb::Answer) -> Result<(u64, ForwardResult), Error> {
    use pb::answer::Result as Said;
    let result = match answer.result.ok_or_else(broken)? {
        Said::Done(pb::Done { reply, offset }) => {
            ForwardResult::Done { reply: take_reply(&mut &reply[..])?, offset: count(offset)? }
        }
        Said::Command(text) => ForwardResult::Command(Error::server(text)),
        Said::Again(_) => ForwardResult::Again,
        Said::NoSession(_) => ForwardResult::NoSession,
        Said::Unknown(_) => ForwardResult::Unknown,
        Said::NotEnoughReplicas(_) => ForwardResult::NotEnoughReplicas,
        Said::Overloaded(_) => ForwardResult::Overloaded,
        Said::Fenced(_) => ForwardResult::Fenced,
        Said::Cancelled(_) => ForwardResult::Cancelled,
        Said::SessionLost(_) => ForwardResult::SessionLost,
    };
    Ok((answer.seq, result))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(written: Epoch, first: Offset, records: &'static [u8], seq: u64) -> pb::Frame {
        let count = records.len() as u32;
        pb::Frame {
            epoch: 7,
            written,
            first,
            count,
            hw: seq + 1,
            time_ms: seq + 2,
            seq,
            records: Bytes::from_static(records),
        }
    }

    #[test]
    fn frames_in_a_row_go_as_one() {
        for (before, next, together) in [
            (frame(7, 10, b"abc", 1), frame(7, 13, b"de", 2), Some(frame(7, 10, b"abcde", 2))),
            (frame(7, 10, b"abc", 1), frame(7, 13, b"", 2), Some(frame(7, 10, b"abc", 2))),
            (frame(7, 10, b"", 1), frame(6, 10, b"de", 2), Some(frame(6, 10, b"de", 2))),
            (frame(7, 10, b"", 1), frame(7, 10, b"", 2), Some(frame(7, 10, b"", 2))),
            // Written in another epoch, or not the one after.
            (frame(6, 10, b"abc", 1), frame(7, 13, b"de", 2), None),
            (frame(7, 10, b"abc", 1), frame(7, 14, b"de", 2), None),
            (frame(7, 10, b"abc", 1), pb::Frame { epoch: 8, ..frame(7, 13, b"de", 2) }, None),
            (frame(7, 10, &[0; MERGED_RECORDS], 1), frame(7, 10 + MERGED_RECORDS as u64, b"d", 2), None),
        ] {
            let message = |frame: &pb::Frame| pb::Message { kind: Some(Kind::Frame(frame.clone())) };
            let mut merged = message(&before);
            let left = merge(&mut merged, message(&next));
            let expected = match &together {
                Some(together) => (message(together), None),
                None => (message(&before), Some(message(&next))),
            };
            assert_eq!((merged, left), expected, "{before:?} and {next:?}");
        }
    }
}
