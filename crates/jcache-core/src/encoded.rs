//! A command as its arguments: what outlives the call (a waiting pop, a queued repair, the replication log).

use jcache_value::Value;

use crate::arg::{Arg, ArgSink};
use crate::command::{Mutation, Query};
use crate::error::Result;

/// The name and arguments of a command, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    args: Vec<Arg<'static>>,
}

impl ArgSink for Encoded {
    fn arg(&mut self, bytes: &[u8]) {
        self.args.push(Arg::Value(Value::new(bytes)));
    }
    fn shared(&mut self, arg: &Arg<'_>) {
        self.args.push(Arg::Value(arg.to_value()));
    }
}

impl Encoded {
    /// Encodes `mutation`.
    pub fn mutation(mutation: &Mutation<'_>) -> Self {
        let mut encoded = Self { args: Vec::new() };
        mutation.spec().words().for_each(|word| encoded.arg(word.as_bytes()));
        mutation.write_args(&mut encoded);
        encoded
    }

    /// Encodes `query`.
    pub fn query(query: &Query<'_>) -> Self {
        let mut encoded = Self { args: Vec::new() };
        query.spec().words().for_each(|word| encoded.arg(word.as_bytes()));
        query.write_args(&mut encoded);
        encoded
    }

    /// The name and the arguments.
    pub fn args(&self) -> &[Arg<'static>] {
        &self.args
    }

    /// The mutation again.
    ///
    /// # Errors
    /// None for what [`Encoded::mutation`] made; the parse error otherwise.
    pub fn as_mutation(&self) -> Result<Mutation<'_>> {
        Mutation::parse(&self.args)
    }

    /// The query again.
    ///
    /// # Errors
    /// None for what [`Encoded::query`] made; the parse error otherwise.
    pub fn as_query(&self) -> Result<Query<'_>> {
        Query::parse(&self.args)
    }
}
