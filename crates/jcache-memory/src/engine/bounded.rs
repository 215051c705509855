//! Commands under a bound: what room they need, and how it is gathered without holding anything.

use jcache_core::command::Mutation;
use jcache_core::{Arg, ArgSink, Context, ErrorKind, Result, Timestamp};
use smallvec::SmallVec;

use super::{Engine, Growth, Keyed};
use crate::view::{Hold, Purse, Room, View, Want};

/// Entries that are evicted under one lock.
const BATCH: usize = 64;

/// How often room is gathered for a command before it has to do with what it finds: others may have taken what was there
/// at first, so that a little is missing once more.
const ATTEMPTS: usize = 32;

/// Bytes that an entry takes besides key and value: its header, the allocator's rounding, its part of the table and of
/// the policy's queue.
const ENTRY: usize = 64;

/// Adds up what arguments would take as keys and values.
struct Sum(usize);

impl ArgSink for Sum {
    fn arg(&mut self, bytes: &[u8]) {
        self.0 += bytes.len() + ENTRY;
    }
    fn shared(&mut self, arg: &Arg<'_>) {
        self.arg(arg.as_bytes());
    }
    fn int(&mut self, _: i64) {
        self.0 += ENTRY;
    }
    fn float(&mut self, _: f64) {
        self.0 += ENTRY;
    }
}

/// The room that `mutation` needs. Those that need none are the ones that Redis serves above its bound too.
pub(super) fn growth(mutation: &Mutation<'_>) -> Growth {
    use Mutation as M;
    match mutation {
        M::Del(_) | M::Unlink(_) | M::FlushAll(_) | M::FlushDb(_) => Growth::None,
        M::Expire(_) | M::ExpireAt(_) | M::PExpire(_) | M::PExpireAt(_) | M::Persist(_) => Growth::None,
        M::GetDel(_) | M::GetEx(_) | M::HDel(_) | M::SPop(_) | M::SRem(_) => Growth::None,
        M::LPop(_) | M::RPop(_) | M::LMPop(_) | M::LRem(_) | M::LTrim(_) => Growth::None,
        M::BLMPop(_) | M::BLPop(_) | M::BRPop(_) | M::BZMPop(_) | M::BZPopMax(_) | M::BZPopMin(_) => Growth::None,
        M::ZMPop(_) | M::ZPopMax(_) | M::ZPopMin(_) | M::ZRem(_) => Growth::None,
        M::ZRemRangeByLex(_) | M::ZRemRangeByRank(_) | M::ZRemRangeByScore(_) => Growth::None,
        M::Rename(_) | M::RenameNx(_) | M::SMove(_) => Growth::Move,
        // Several keys, all or none.
        M::MSet(_) | M::MSetNx(_) => {
            let mut sum = Sum(0);
            mutation.write_args(&mut sum);
            Growth::About(sum.0)
        }
        _ => Growth::Exact,
    }
}

impl Engine {
    /// [`Engine::change`] under a bound.
    pub(super) fn change_bounded<R>(
        &self,
        keyed: &impl Keyed,
        (now, context): (Option<Timestamp>, Context),
        run: &mut dyn FnMut(&mut View<'_>, Context) -> Result<R>,
    ) -> Result<R> {
        let mut own: SmallVec<[u64; 4]> = SmallVec::new();
        keyed.visit_keys(|key| own.push(self.seed.hash(key)));
        let (mut serves, mut purse, mut attempts) = (false, Purse::default(), 0);
        loop {
            let is_last = attempts >= ATTEMPTS;
            let hold = match own[..] {
                _ if serves => self.hold_all(),
                [hash] => Hold::One { shard: self.lock(self.index(hash)), hash },
                _ => self.hold(keyed, || self.hold_all()),
            };
            if !serves && !self.waiters.is_empty() && self.waiters.await_any(keyed) {
                serves = true;
                continue;
            }
            let room =
                Room { own: std::mem::take(&mut own), purse: std::mem::take(&mut purse), is_last, ..Room::default() };
            let mut view = View::bounded(self, hold, now, room);
            let result = view.provide(keyed).and_then(|()| run(&mut view, context));
            let wanted = match &result {
                Err(error) if error.kind() == ErrorKind::OutOfMemory && !is_last => view.wanted(),
                _ => Want::default(),
            };
            let wakers = if serves && result.is_ok() { self.waiters.serve(&mut view, keyed) } else { Vec::new() };
            view.settle();
            own = view.take_own();
            view.release();
            self.tell();
            wakers.into_iter().for_each(std::task::Waker::wake);
            if wanted.bytes == 0 {
                return result;
            }
            purse = self.gather(&wanted, &own)?;
            attempts += 1;
        }
    }

    /// Leases what is `wanted`, evicting from shard after shard of its area, a few entries at a time and none of `own`.
    ///
    /// # Errors
    /// Out of memory: when they would not fit beside `own` alone, nobody is evicted.
    fn gather(&self, wanted: &Want, own: &[u64]) -> Result<Purse> {
        let Want { area, mut bytes, growth } = *wanted;
        let (shards, Some(budget)) = (&self.areas[area].shards, self.areas[area].budget()) else {
            return Ok(Purse::default());
        };
        let overhead: usize = shards.clone().map(|index| self.lock(index).overhead()).sum();
        let mut distinct: SmallVec<[u64; 4]> =
            own.iter().copied().filter(|it| shards.contains(&self.index(*it))).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let stays: usize = distinct.iter().map(|hash| self.lock(self.index(*hash)).weight_of(*hash)).sum();
        if growth + overhead + stays > budget.max() {
            return Err(budget.out_of_memory());
        }
        let now = self.clock.now().as_millis();
        let (mut purse, mut owed) = (budget.lease_some(bytes), 0);
        // Starting anywhere, so that no shard bears more than others.
        let first = self.clock.seed() as usize;
        while purse < bytes {
            // Who evicted has come closer, also when nothing was gained: a table that becomes smaller takes room at first,
            // which is gathered too.
            let mut is_closer = false;
            for step in 0..shards.len() {
                if purse >= bytes {
                    break;
                }
                let mut garbage = Vec::new();
                let mut shard = self.lock(shards.start + first.wrapping_add(step) % shards.len());
                let mut entries = 0;
                while shard.slack() < (bytes - purse) as isize && entries < BATCH {
                    let Some(item) = shard.evict(|| now, own) else { break };
                    self.let_go(item, || now, &mut garbage);
                    entries += 1;
                }
                let given = shard.cut_lease(bytes - purse);
                let taken = shard.square(budget);
                drop(shard);
                purse += given;
                (bytes, owed) = (bytes + taken, owed + taken);
                is_closer |= entries > 0 || given > 0;
            }
            let leased = budget.lease_some(bytes - purse);
            purse += leased;
            self.tell();
            if !is_closer && leased == 0 {
                budget.give_back(purse);
                return Err(budget.out_of_memory());
            }
        }
        budget.give_back(owed);
        Ok(Purse { area, bytes: purse - owed })
    }
}
