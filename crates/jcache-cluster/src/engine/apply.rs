//! Executing the log: a record is decoded and its effect run through core. Nothing here knows a command by name.

use jcache_core::Error;
use jcache_core::command::Mutation;

use super::codec::{read_open_command, take_bytes, take_varint};
use super::event::{Fatal, Notice};
use super::log::next_record;
use super::member::Offset;
use super::record::{self, Kind, take_member};
use super::store::{Side, Store};
use super::{Cx, Engine, Part};

impl Engine {
    /// Executes the log up to `to`.
    pub(super) fn apply_up_to<S: Store>(&mut self, cx: &mut Cx<'_, S>, to: Offset) {
        while let Some(run) = self.log.piece(self.applied, to) {
            let mut bytes = run.bytes;
            while let Some(record) = next_record(&mut bytes) {
                let offset = self.applied + 1;
                if let Err(failure) = self.apply_record(cx, &record, offset)
                    && !self.differs(cx, failure, offset)
                {
                    return;
                }
                self.applied = offset;
            }
        }
    }

    fn apply_record<S: Store>(&mut self, cx: &mut Cx<'_, S>, bytes: &[u8], offset: Offset) -> Result<(), Mismatch> {
        let record = record::read(bytes).map_err(|_| Mismatch::Unknown)?;
        if let Some(tag) = record.tag {
            self.sessions.note(tag, offset);
        }
        let mut body = record.body;
        match record.kind {
            Kind::NoOp => {}
            Kind::Effect => apply_effect(cx.store, record.body, Side::Live, &|_| true)?,
            Kind::Batch => {
                cx.store.together(true);
                let applied = self.apply_batch(cx, body, offset);
                cx.store.together(false);
                applied?;
            }
            Kind::SessionOpen => self.sessions.open(offset, take_member(&mut body)?),
            Kind::SessionClose => self.sessions.close(take_varint(&mut body)?),
            Kind::Wire => self.wire = u32::try_from(take_varint(&mut body)?).unwrap_or(u32::MAX),
            Kind::Digest => {
                let (shard, digest) = (take_varint(&mut body)? as usize, take_varint(&mut body)?);
                self.counters.digests += 1;
                if shard >= cx.store.shards() || cx.store.digest(shard) != digest {
                    return Err(Mismatch::Digest(shard));
                }
            }
        }
        Ok(())
    }

    fn apply_batch<S: Store>(&mut self, cx: &mut Cx<'_, S>, mut body: &[u8], offset: Offset) -> Result<(), Mismatch> {
        while !body.is_empty() {
            self.apply_record(cx, take_bytes(&mut body)?, offset)?;
        }
        Ok(())
    }

    /// This copy is not the leader's: alarm, and everything anew. Gives whether to go on: who is to lead has nobody to
    /// take it from, and must execute all of the tail that it keeps (R9).
    fn differs<S: Store>(&mut self, cx: &mut Cx<'_, S>, failure: Mismatch, offset: Offset) -> bool {
        let shard = match failure {
            Mismatch::Unknown => {
                self.fail(cx, Fatal::UnknownRecord);
                return false;
            }
            Mismatch::Digest(shard) => shard,
            Mismatch::Effect => usize::MAX,
        };
        self.counters.digest_mismatches += 1;
        self.notify(cx, Notice::DigestMismatch { shard, offset });
        let Part::Following(following) = &mut self.part else { return true };
        following.resync = true;
        self.rejoin(cx);
        false
    }
}

/// Why a record could not be applied.
#[derive(Debug, Clone, Copy)]
enum Mismatch {
    Unknown,
    Effect,
    Digest(usize),
}

impl From<Error> for Mismatch {
    fn from(_: Error) -> Self {
        Mismatch::Effect
    }
}

/// Decodes a logged effect and repeats it: this knows no command by name.
pub(super) fn apply_effect<S: Store>(
    store: &mut S,
    body: &[u8],
    side: Side,
    admits: &dyn Fn(usize) -> bool,
) -> Result<(), Error> {
    let args = read_open_command(body)?;
    store.apply(&Mutation::parse(&args)?, side, admits)
}
