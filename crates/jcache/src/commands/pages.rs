//! Going through keys or elements page by page.

use std::fmt;

use jcache_core::command::hash::HScan;
use jcache_core::command::key::{KeyFilter, Scan};
use jcache_core::command::set::SScan;
use jcache_core::command::sorted_set::ZScan;
use jcache_core::command::{Cursor, ScanOptions};
use jcache_core::reply::Page;
use jcache_core::{Arg, Key, Result, Type};

use super::call::{Call, Finish};
use crate::cache::Execute;

/// A scan: pages of keys, fields or members, asked for one by one.
///
/// Everything that is there during the whole scan is in at least one page, and may be in several; what comes or goes
/// meanwhile may be in one or not. A page may be empty before the last one.
///
/// ```
/// use jcache::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
/// let cache = Cache::new();
/// cache.mset([("user:1", "ada"), ("user:2", "bob"), ("other", "x")]).await?;
/// let mut users = Vec::new();
/// let mut scan = cache.scan::<String>().matching("user:*").count(100);
/// while let Some(page) = scan.next_page().await? {
///     users.extend(page);
/// }
/// users.sort();
/// assert_eq!(users, ["user:1", "user:2"]);
/// # Ok(()) }
/// ```
#[must_use = "a scan gives pages when it is asked for them"]
pub struct Pages<'a, E: ?Sized, T> {
    cache: &'a E,
    of: Of<'a>,
    options: ScanOptions<'a>,
    /// Where to go on; `None` when all was seen.
    cursor: Option<u64>,
    read: Finish<Page<Vec<T>>>,
}

/// What is scanned.
#[derive(Debug, Clone)]
pub(super) enum Of<'a> {
    /// All keys, or those of a type.
    Keys(Option<Type>),
    Hash(Key<'a>),
    Set(Key<'a>),
    SortedSet(Key<'a>),
}

impl<E: ?Sized, T> fmt::Debug for Pages<'_, E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Pages");
        out.field("of", &self.of).field("options", &self.options).field("cursor", &self.cursor).finish_non_exhaustive()
    }
}

impl<'a, E: Execute + ?Sized, T> Pages<'a, E, T> {
    /// A scan whose pages are read with `read`.
    pub(super) fn new(cache: &'a E, of: Of<'a>, read: Finish<Page<Vec<T>>>) -> Self {
        Self { cache, of, options: ScanOptions::default(), cursor: Some(0), read }
    }

    /// Only what fits this [pattern](jcache_core::glob::matches): `*`, `?`, `[a-z]`, and `\` before any of these.
    pub fn matching(mut self, pattern: impl Into<Arg<'a>>) -> Self {
        self.options.pattern = Some(pattern.into());
        self
    }

    /// How much to look at for one page, about; 10 by default.
    pub fn count(mut self, count: u32) -> Self {
        self.options.count = Some(i64::from(count.max(1)));
        self
    }

    /// The next page, or `None` after the last one. O(count) a page.
    ///
    /// # Errors
    /// The command's own; then the same page can be asked for again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<T>>> {
        let Some(cursor) = self.cursor.map(Cursor) else { return Ok(None) };
        let options = self.options.clone();
        let (cache, read) = (self.cache, self.read);
        let page = match self.of.clone() {
            Of::Keys(kind) => {
                let filter = KeyFilter { options, kind: kind.map(|kind| Arg::from(kind.name())) };
                Call::query(cache, || Ok(Scan { cursor, filter }), read)
            }
            Of::Hash(key) => Call::query(cache, || Ok(HScan { key, cursor, options: options.into() }), read),
            Of::Set(key) => Call::query(cache, || Ok(SScan { key, cursor, options: options.into() }), read),
            Of::SortedSet(key) => Call::query(cache, || Ok(ZScan { key, cursor, options: options.into() }), read),
        };
        let Page { cursor, items } = page.await?;
        self.cursor = Some(cursor).filter(|cursor| *cursor != 0);
        Ok(Some(items))
    }
}
