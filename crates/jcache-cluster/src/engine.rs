//! The replication engine: events in, actions out.

mod codec;
mod config;
mod coordinator;
mod event;
mod member;
mod message;
mod model_store;
mod status;
mod store;
mod switch;

pub use config::{CLOCK_DRIFT_PERMILLE, Config, ConfigError, Timing};
pub use coordinator::{
    ConfigRecord, CoordAnswer, CoordError, CoordEvent, CoordRequest, Key, Kv, LeaderRecord, LeaseId, Listing,
    MemberRecord, RequestId, Revision, StateRecord, Txn, Write,
};
pub use event::{
    Ack, Action, Admin, Answer, CallId, CallOptions, Event, Failure, Fatal, Level, Notice, Outbox, StreamId, Token,
};
pub use member::{Epoch, Identity, Incarnation, MemberId, NodeId, Now, Offset};
pub use message::{
    Accept, AckMessage, ForwardCall, ForwardResult, Frame, Join, Message, PeerStatus, Reject, Snap, SnapPart,
    StreamKind, Work,
};
pub use model_store::ModelStore;
pub use status::{Counters, Role, Status};
pub use store::{Removed, Side, Store};
pub use switch::Switch;

use switch::Rules;

/// One process's part in the cluster.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    me: Identity,
    rules: Rules,
    counters: Counters,
}

impl Engine {
    /// How often a [`Event::Tick`] is wanted, in milliseconds.
    pub const TICK_MS: u64 = 10;

    /// A process that has just started and knows nothing.
    ///
    /// # Errors
    /// Settings that cannot work.
    pub fn new(config: Config, me: Identity, now: Now) -> Result<Self, ConfigError> {
        config.validate()?;
        let _ = now;
        Ok(Self { config, me, rules: Rules::default(), counters: Counters::default() })
    }

    /// Switches a rule off: for the test of the tests.
    #[cfg(feature = "switches")]
    pub fn switch_off(&mut self, switch: Switch) {
        self.rules.switch_off(switch);
    }

    /// Takes one event, changes the store, and says what to do.
    pub fn step<S: Store>(&mut self, now: Now, event: Event<'_>, store: &mut S, out: &mut Outbox) {
        let _ = (now, event, store, out, &self.config, self.rules.off(Switch::NoTaint));
    }

    /// What the engine shows of itself.
    pub fn status(&self, now: Now) -> Status {
        Status {
            member: self.me.member.clone(),
            role: Role::Joining,
            epoch: 0,
            promised: 0,
            leader: None,
            hw: 0,
            leo: 0,
            applied: 0,
            readable: false,
            isr: Vec::new(),
            pending: None,
            lag: Default::default(),
            time_ms: now.wall_ms,
            log_bytes: 0,
            log_first: 1,
            calls: 0,
            blocked: 0,
            sessions: 0,
            coordinated: false,
            counters: self.counters,
        }
    }
}
