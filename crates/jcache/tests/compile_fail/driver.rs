//! A driver that serves strings alone.

use jcache::driver::StringDriver;
use jcache::{Answer, Driver, Error, Mutation, Query, Reply, Result};

#[derive(Debug)]
pub struct Strings;

impl Driver for Strings {
    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        Err(Error::unsupported(query.spec().name))
    }
    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        Err(Error::unsupported(mutation.spec().name))
    }
}

impl StringDriver for Strings {}
