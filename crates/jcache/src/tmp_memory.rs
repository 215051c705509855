#![allow(missing_docs)]
use jcache_core::*;
use jcache_core::driver::*;
#[derive(Debug, Default)]
pub struct Memory(parking_lot::Mutex<Model>);
impl Memory { pub fn new() -> Self { Self::default() } }
impl Driver for Memory {
    fn try_query(&self, query: &Query<'_>) -> Option<Result<Answer>> { Some(query.answer(&*self.0.lock(), Context::at(Timestamp::ZERO))) }
    async fn query(&self, query: &Query<'_>) -> Result<Answer> { query.answer(&*self.0.lock(), Context::at(Timestamp::ZERO)) }
    async fn mutate(&self, m: &Mutation<'_>) -> Result<Reply> { m.run(&mut *self.0.lock(), Context::at(Timestamp::ZERO)) }
}
impl StringDriver for Memory {}
impl HashDriver for Memory {}
impl ListDriver for Memory {}
impl SetDriver for Memory {}
impl SortedSetDriver for Memory {}
