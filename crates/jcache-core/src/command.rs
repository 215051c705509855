//! A command is a value, told once: its name, arguments, keys, reply, what it does, and its effect for copies.
//!
//! Each file below holds one family. A command is a struct, declared with `command!` (which derives only reading
//! and writing its arguments from the types of its fields) and an `impl` of [`QueryCommand`] or [`MutationCommand`],
//! where the logic is plain code. [`Query`] and [`Mutation`] name them all: one row a command.

mod field;
mod late;
mod levels;
mod random;
mod scan;
mod several;
mod spec;
mod table;
mod timeout;

pub mod hash;
pub mod key;
pub mod list;
pub mod set;
pub mod sorted_set;
pub mod string;

use std::time::Duration;

pub use field::{Field, Pairs};
pub use late::Late;
pub use random::{Listed, Picked};
pub use scan::{Cursor, ScanOptions};
pub use several::{KeyList, UpTo};
pub use spec::{Class, Family, KeyPositions, Spec};
pub use table::{Known, Mutation, Query, Request, check_size, find_spec, known, specs};
pub use timeout::{Awaited, AwaitedMany, Timeout};

use crate::arg::{ArgSink, Args, Key};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::reply::{Outcome, Reply, ReplySink};
use crate::time::Context;

/// What every command has: a declaration, arguments that can be read and written, and keys.
pub trait Command<'a>: Sized + Send + Sync + 'a {
    /// Name, arity, keys, class, family and summary.
    const SPEC: Spec;
    /// What the command answers.
    type Reply: Outcome;

    /// Reads the command from its arguments (without the name).
    ///
    /// # Errors
    /// Redis's error for wrong arguments.
    fn parse(args: &mut Args<'a>) -> Result<Self>;

    /// Writes the arguments (without the name) so that [`parse`](Command::parse) reads the same command.
    fn write_args<S: ArgSink + ?Sized>(&self, out: &mut S);

    /// Visits the command's keys in argument order; a repeated key is visited repeatedly.
    fn visit_keys<'s>(&'s self, visit: &mut impl FnMut(&'s Key<'s>));
}

/// A command that reads.
pub trait QueryCommand<'a>: Command<'a> + Into<Query<'a>> {
    /// Reads from `keyspace`; `&`: it cannot change anything.
    ///
    /// # Errors
    /// Wrong type, or arguments that only turn out wrong against the data, with Redis's text.
    fn run<K: Keyspace>(&self, keyspace: &K, context: Context) -> Result<Self::Reply>;

    /// Whether the command can [`tell`](QueryCommand::tell) its reply: those that give many small elements.
    const TELLS: bool = false;

    /// Tells the reply that [`run`](QueryCommand::run) would build, and says that it did. `false`: nothing was told,
    /// because the key is not there, or the command does not tell.
    ///
    /// # Errors
    /// As `run`; nothing was told then.
    fn tell<K: Keyspace>(&self, keyspace: &K, out: &mut dyn ReplySink) -> Result<bool> {
        let _ = (keyspace, out);
        Ok(false)
    }

    /// Whether `run` looks at what its [`Context`] tells: the time, for a deadline, or the seed, to pick at random.
    /// For the others a driver need find out neither.
    fn asks_context(&self) -> bool {
        false
    }

    /// Whether `reply`, to this very command, by itself shows that every key is there. Where it does not, the keys are
    /// looked for.
    fn shows_keys(&self, reply: &Reply) -> bool {
        Self::SPEC.keys.last == 1 && !reply.is_nothing()
    }

    /// Reads the reply that a server sent to this very command. A command whose options decide the shape of its reply
    /// says here which one it is, where the reply alone does not tell: RESP2 has one flat list for all of them.
    ///
    /// # Errors
    /// Unexpected reply when the shape cannot be this command's.
    fn read_reply(&self, reply: Reply) -> Result<Self::Reply> {
        Self::Reply::from_reply(reply)
    }
}

/// A command that changes.
pub trait MutationCommand<'a>: Command<'a> + Clone + Into<Mutation<'a>> {
    /// Changes `keyspace`; an error means that nothing has changed.
    ///
    /// # Errors
    /// Wrong type, no room, or arguments that only turn out wrong against the data, with Redis's text.
    fn run<K: Keyspace>(&self, keyspace: &mut K, context: Context) -> Result<Self::Reply>;

    /// Whether `run` looks at what its [`Context`] tells: the time, for a deadline, or the seed, to pick at random.
    /// For the others a driver need find out neither.
    fn asks_context(&self) -> bool {
        false
    }

    /// Reads the reply that a server sent to this very command, as [`QueryCommand::read_reply`] does.
    ///
    /// # Errors
    /// Unexpected reply when the shape cannot be this command's.
    fn read_reply(&self, reply: Reply) -> Result<Self::Reply> {
        Self::Reply::from_reply(reply)
    }

    /// The change that was made, given the reply, in absolute terms: no relative time, no chance, no condition.
    fn effect(&self, reply: &Self::Reply, context: Context) -> Effect<'a>;

    /// No less than the bytes by which collections that are there already grow when the command runs on `keyspace`, at
    /// any moment meanwhile; `None` when it grows none of them. What it puts there whole, the keyspace sees itself.
    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        let _ = keyspace;
        None
    }

    /// Whether the outcome does not depend on what is there, so that the write may be queued and repeated later.
    /// A command whose options decide this says so here.
    fn is_blind(&self) -> bool {
        Self::SPEC.class == Class::Blind
    }

    /// The same command with absolute times instead of relative ones: what a queue or a log may keep.
    fn absolute(&self, context: Context) -> Mutation<'a> {
        let _ = context;
        self.clone().into()
    }

    /// For a blocking command, how long it waits; `run` then answers nothing (nil) when it would block.
    fn blocking(&self) -> Option<Blocking> {
        None
    }

    /// For a blocking command that was carried out for a caller who is gone: the mutation that puts back what the
    /// reply holds.
    fn undo(&self, reply: &Self::Reply) -> Option<Mutation<'static>> {
        let _ = reply;
        None
    }
}

/// How long a blocking command waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocking {
    /// `None` waits for ever.
    pub timeout: Option<Duration>,
}

/// Declares a command: the struct, and its [`Command`] impl from the types of its fields, which are read and written
/// in order through [`Field`].
macro_rules! command {
    (
        $(#[$doc:meta])*
        $Name:ident<$lt:lifetime> = $wire:literal, $class:ident $family:ident, arity $arity:literal,
        keys $keys:expr, $summary:literal => $Reply:ty {
            $( $(#[$field_doc:meta])* $field:ident : $Type:ty ),* $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $Name<$lt> { $( $(#[$field_doc])* pub $field: $Type ),* }

        impl<$lt> $crate::command::Command<$lt> for $Name<$lt> {
            $crate::command::command!(@body $wire, $class $family, $arity, $keys, $summary, $Reply, $lt, { $($field : $Type),* });
        }
    };
    (
        $(#[$doc:meta])*
        $Name:ident = $wire:literal, $class:ident $family:ident, arity $arity:literal,
        keys $keys:expr, $summary:literal => $Reply:ty {
            $( $(#[$field_doc:meta])* $field:ident : $Type:ty ),* $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $Name { $( $(#[$field_doc])* pub $field: $Type ),* }

        impl<'a> $crate::command::Command<'a> for $Name {
            $crate::command::command!(@body $wire, $class $family, $arity, $keys, $summary, $Reply, 'a, { $($field : $Type),* });
        }
    };
    (@body $wire:literal, $class:ident $family:ident, $arity:literal, $keys:expr, $summary:literal, $Reply:ty, $lt:lifetime, { $($field:ident : $Type:ty),* }) => {
        const SPEC: $crate::command::Spec = $crate::command::Spec {
            name: $wire,
            arity: $arity,
            class: $crate::command::Class::$class,
            family: $crate::command::Family::$family,
            keys: $keys,
            summary: $summary,
        };
        type Reply = $Reply;

        #[allow(unused_variables)]
        fn parse(args: &mut $crate::arg::Args<$lt>) -> $crate::error::Result<Self> {
            $( let $field = <$Type as $crate::command::Field<$lt>>::parse(args)?; )*
            if !args.is_empty() {
                return Err($crate::error::Error::syntax());
            }
            Ok(Self { $($field),* })
        }

        #[allow(unused_variables)]
        fn write_args<S: $crate::arg::ArgSink + ?Sized>(&self, out: &mut S) {
            $( $crate::command::Field::<$lt>::write(&self.$field, out); )*
        }

        #[allow(unused_variables)]
        fn visit_keys<'s>(&'s self, visit: &mut impl FnMut(&'s $crate::arg::Key<'s>)) {
            $( $crate::command::Field::<$lt>::visit_keys(&self.$field, visit); )*
        }
    };
}
pub(crate) use command;
