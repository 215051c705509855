//! THE LIST: every command, one row each, no logic. What follows from the list as a whole is below it: finding a
//! command by its name, and handling any query or mutation without knowing which it is.

use std::sync::LazyLock;

use hashbrown::HashMap;

use super::{Blocking, Command, MutationCommand, QueryCommand, Spec};
use super::{hash::*, key::*, list::*, set::*, sorted_set::*, string::*};
use crate::answer::Answer;
use crate::arg::{Arg, ArgSink, Args, Key};
use crate::effect::Effect;
use crate::error::{Error, ErrorKind, Result};
use crate::keyspace::Keyspace;
use crate::reply::{Outcome, Reply, ReplySink};
use crate::time::Context;

macro_rules! commands {
    (
        Query { $( $Q:ident $(<$ql:lifetime>)? ),* $(,)? }
        Mutation { $( $M:ident $(<$ml:lifetime>)? ),* $(,)? }
    ) => {
        /// Any command that reads.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        #[allow(missing_docs)]
        pub enum Query<'a> { $( $Q($Q $(<$ql>)?) ),* }

        /// Any command that changes.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        #[allow(missing_docs)]
        pub enum Mutation<'a> { $( $M($M $(<$ml>)?) ),* }

        $( impl<'a> From<$Q $(<$ql>)?> for Query<'a> {
            #[inline]
            fn from(command: $Q $(<$ql>)?) -> Self { Query::$Q(command) }
        } )*
        $( impl<'a> From<$M $(<$ml>)?> for Mutation<'a> {
            #[inline]
            fn from(command: $M $(<$ml>)?) -> Self { Mutation::$M(command) }
        } )*

        macro_rules! each_query { ($query:expr, $it:ident => $body:expr) => { match $query { $( Query::$Q($it) => $body ),* } } }
        macro_rules! each_mutation { ($mutation:expr, $it:ident => $body:expr) => { match $mutation { $( Mutation::$M($it) => $body ),* } } }

        impl<'a> Query<'a> {
            /// The declaration.
            #[allow(elided_lifetimes_in_paths)]
            pub fn spec(&self) -> &'static Spec {
                match self { $( Query::$Q(_) => { const SPEC: &Spec = &<$Q as Command<'static>>::SPEC; SPEC } ),* }
            }
        }
        impl<'a> Mutation<'a> {
            /// The declaration.
            #[allow(elided_lifetimes_in_paths)]
            pub fn spec(&self) -> &'static Spec {
                match self { $( Mutation::$M(_) => { const SPEC: &Spec = &<$M as Command<'static>>::SPEC; SPEC } ),* }
            }
        }

        /// Every command's row: its declaration and how to parse it.
        #[allow(elided_lifetimes_in_paths)]
        static ROWS: &[Row] = &[
            $( Row { spec: &<$Q as Command<'static>>::SPEC, words: words(<$Q as Command<'static>>::SPEC.name), parse: |args| { <$Q as Command<'_>>::parse(args).map(|c| Request::Query(c.into())) } }, )*
            $( Row { spec: &<$M as Command<'static>>::SPEC, words: words(<$M as Command<'static>>::SPEC.name), parse: |args| { <$M as Command<'_>>::parse(args).map(|c| Request::Mutation(c.into())) } }, )*
        ];
    };
}

commands! {
    Query {
        // keys
        DbSize, Exists<'a>, ExpireTime<'a>, Keys<'a>, MemoryUsage<'a>, ObjectEncoding<'a>, ObjectFreq<'a>,
        ObjectIdleTime<'a>, ObjectRefCount<'a>, PExpireTime<'a>, PTtl<'a>, RandomKey, Scan<'a>, Touch<'a>, Ttl<'a>,
        TypeOf<'a>,
        // strings
        Get<'a>, GetRange<'a>, Lcs<'a>, MGet<'a>, StrLen<'a>, SubStr<'a>,
        // hashes
        HExists<'a>, HGet<'a>, HGetAll<'a>, HKeys<'a>, HLen<'a>, HMGet<'a>, HRandField<'a>, HScan<'a>,
        HStrLen<'a>, HVals<'a>,
        // lists
        LIndex<'a>, LLen<'a>, LPos<'a>, LRange<'a>,
        // sets
        SCard<'a>, SDiff<'a>, SInter<'a>, SInterCard<'a>, SIsMember<'a>, SMIsMember<'a>, SMembers<'a>,
        SRandMember<'a>, SScan<'a>, SUnion<'a>,
        // sorted sets
        ZCard<'a>, ZCount<'a>, ZDiff<'a>, ZInter<'a>, ZInterCard<'a>, ZLexCount<'a>, ZMScore<'a>, ZRandMember<'a>,
        ZRange<'a>, ZRangeByLex<'a>, ZRangeByScore<'a>, ZRank<'a>, ZRevRange<'a>, ZRevRangeByLex<'a>,
        ZRevRangeByScore<'a>, ZRevRank<'a>, ZScan<'a>, ZScore<'a>, ZUnion<'a>,
    }
    Mutation {
        // keys
        Copy<'a>, Del<'a>, Expire<'a>, ExpireAt<'a>, FlushAll, FlushDb, PExpire<'a>, PExpireAt<'a>, Persist<'a>,
        Rename<'a>, RenameNx<'a>, Unlink<'a>,
        // strings
        Append<'a>, Decr<'a>, DecrBy<'a>, GetDel<'a>, GetEx<'a>, GetSet<'a>, Incr<'a>, IncrBy<'a>, IncrByFloat<'a>,
        MSet<'a>, MSetNx<'a>, PSetEx<'a>, Set<'a>, SetEx<'a>, SetNx<'a>, SetRange<'a>,
        // hashes
        HDel<'a>, HIncrBy<'a>, HIncrByFloat<'a>, HMSet<'a>, HSet<'a>, HSetNx<'a>,
        // lists
        BLMPop<'a>, BLMove<'a>, BLPop<'a>, BRPop<'a>, BRPopLPush<'a>, LInsert<'a>, LMPop<'a>, LMove<'a>, LPop<'a>,
        LPush<'a>, LPushX<'a>, LRem<'a>, LSet<'a>, LTrim<'a>, RPop<'a>, RPopLPush<'a>, RPush<'a>, RPushX<'a>,
        // sets
        SAdd<'a>, SDiffStore<'a>, SInterStore<'a>, SMove<'a>, SPop<'a>, SRem<'a>, SUnionStore<'a>,
        // sorted sets
        BZMPop<'a>, BZPopMax<'a>, BZPopMin<'a>, ZAdd<'a>, ZDiffStore<'a>, ZIncrBy<'a>, ZInterStore<'a>, ZMPop<'a>,
        ZPopMax<'a>, ZPopMin<'a>, ZRangeStore<'a>, ZRem<'a>, ZRemRangeByLex<'a>, ZRemRangeByRank<'a>,
        ZRemRangeByScore<'a>, ZUnionStore<'a>,
    }
}

struct Row {
    spec: &'static Spec,
    /// Words of the name: arguments that say which command it is.
    words: usize,
    parse: for<'a> fn(&mut Args<'a>) -> Result<Request<'a>>,
}

/// One more than there are bars.
const fn words(name: &str) -> usize {
    let (mut words, mut rest) = (1, name.as_bytes());
    while let [byte, after @ ..] = rest {
        words += (*byte == b'|') as usize;
        rest = after;
    }
    words
}

/// Rows by the bytes of the name, which never has more than 16: as one number they are hashed and compared at once.
type Rows = LazyLock<HashMap<u128, &'static Row, foldhash::fast::FixedState>>;

/// Commands of one word.
static BY_NAME: Rows = LazyLock::new(|| rows(|spec| spec.words().count() == 1));

/// Commands of two words, by the name with a bar between them.
static BY_WORDS: Rows = LazyLock::new(|| rows(|spec| spec.words().count() == 2));

fn rows(which: impl Fn(&Spec) -> bool) -> HashMap<u128, &'static Row, foldhash::fast::FixedState> {
    let name = |row: &Row| name_number(row.spec.name.as_bytes()).expect("invariant: names have at most 16 bytes");
    ROWS.iter().filter(|row| which(row.spec)).map(|row| (name(row), row)).collect()
}

/// A name of at most 16 bytes in upper case, as a number.
#[inline]
fn name_number(name: &[u8]) -> Option<u128> {
    // The number ends in zeros: a name that does would pass for a shorter one.
    if name.last() == Some(&0) {
        return None;
    }
    let mut upper = [0; 16];
    upper.get_mut(..name.len())?.copy_from_slice(name);
    upper.make_ascii_uppercase();
    Some(u128::from_le_bytes(upper))
}

/// Every command's declaration: queries, then mutations, by family.
pub fn specs() -> impl Iterator<Item = &'static Spec> {
    ROWS.iter().map(|row| row.spec)
}

/// A command that is known by name: its declaration, and how it is read from arguments.
#[derive(Clone, Copy)]
pub struct Known(&'static Row);

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Known").field(&self.0.spec.name).finish()
    }
}

impl Known {
    /// The declaration.
    #[inline]
    pub fn spec(self) -> &'static Spec {
        self.0.spec
    }

    /// Reads the command from its name, whose words are not looked at, and arguments.
    ///
    /// # Errors
    /// Wrong number of arguments, or the command's own error for its arguments; Redis's texts.
    #[inline]
    pub fn parse<'a>(self, args: &'a [Arg<'a>]) -> Result<Request<'a>> {
        let Self(row) = self;
        if !row.spec.admits(args.len()) {
            return Err(Error::arity(row.spec.name));
        }
        let rest = args.get(row.words..).unwrap_or_default();
        if let Some(large) = rest.iter().find(|arg| arg.len() > crate::Value::MAX) {
            return Err(Error::too_large(large.len()));
        }
        (row.parse)(&mut Args::new(row.spec.name, rest))
    }
}

/// Every command: for those who look names up in a table of their own.
pub fn known() -> impl Iterator<Item = Known> {
    ROWS.iter().map(Known)
}

/// A command that was read from its arguments: a query or a mutation.
#[derive(Debug, Clone, PartialEq)]
pub enum Request<'a> {
    /// It reads.
    Query(Query<'a>),
    /// It changes.
    Mutation(Mutation<'a>),
}

impl<'a> Request<'a> {
    /// Reads a command from its name and arguments.
    ///
    /// # Errors
    /// Unknown command, wrong number of arguments, or the command's own error for its arguments; Redis's texts.
    pub fn parse(args: &'a [Arg<'a>]) -> Result<Self> {
        let Some(name) = args.first() else { return Err(Error::unknown_command(args)) };
        let row = match find_row(&BY_NAME, name) {
            Some(row) => row,
            None => find_second(args)?,
        };
        Known(row).parse(args)
    }

    /// The declaration.
    pub fn spec(&self) -> &'static Spec {
        match self {
            Request::Query(query) => query.spec(),
            Request::Mutation(mutation) => mutation.spec(),
        }
    }
}

/// The declaration of the command `name` (any case), if there is one; the two words of `OBJECT|FREQ` with a bar between.
pub fn find_spec(name: &[u8]) -> Option<&'static Spec> {
    find_row(&BY_NAME, name).or_else(|| find_row(&BY_WORDS, name)).map(|row| row.spec)
}

/// The command of two words that `args` begin with.
#[cold]
fn find_second(args: &[Arg<'_>]) -> Result<&'static Row> {
    let name = args.first().map_or(&[][..], |name| name.as_bytes());
    let mut containers = specs().filter_map(|spec| spec.name.split_once('|')).map(|(first, _)| first);
    let Some(container) = containers.find(|first| first.as_bytes().eq_ignore_ascii_case(name)) else {
        return Err(Error::unknown_command(args));
    };
    let second = args.get(1).ok_or_else(|| Error::arity(container))?;
    let row = find_row(&BY_WORDS, &[name, second].join(&b'|'));
    row.ok_or_else(|| Error::unknown_subcommand(container, second))
}

fn find_row(rows: &Rows, name: &[u8]) -> Option<&'static Row> {
    rows.get(&name_number(name)?).copied()
}

impl Error {
    /// `ERR unknown command …`: the name and the first arguments, 128 bytes of each at most.
    #[cold]
    pub fn unknown_command(args: &[Arg<'_>]) -> Self {
        let Some((name, rest)) = args.split_first() else {
            return Error::new(ErrorKind::UnknownCommand, "ERR empty command");
        };
        let mut shown = Vec::new();
        for arg in rest {
            if shown.len() >= 128 {
                break;
            }
            let room = 128 - shown.len();
            shown.push(b'\'');
            shown.extend_from_slice(&arg[..arg.len().min(room)]);
            shown.extend_from_slice(b"' ");
        }
        let name = String::from_utf8_lossy(&name[..name.len().min(128)]).into_owned();
        let text =
            format!("ERR unknown command '{name}', with args beginning with: {}", String::from_utf8_lossy(&shown));
        Error::new(ErrorKind::UnknownCommand, text.replace(['\r', '\n'], " "))
    }

    /// `ERR unknown subcommand …` of the command `container`.
    #[cold]
    pub fn unknown_subcommand(container: &str, second: &[u8]) -> Self {
        let second = String::from_utf8_lossy(&second[..second.len().min(128)]).replace(['\r', '\n'], " ");
        Error::new(ErrorKind::UnknownCommand, format!("ERR unknown subcommand '{second}'. Try {container} HELP."))
    }
}

/// Refuses arguments above the size limit without writing them anywhere.
#[derive(Default)]
struct SizeCheck {
    largest: usize,
}

impl ArgSink for SizeCheck {
    #[inline]
    fn arg(&mut self, bytes: &[u8]) {
        self.largest = self.largest.max(bytes.len());
    }
    #[inline]
    fn int(&mut self, _: i64) {}
    #[inline]
    fn float(&mut self, _: f64) {}
}

/// Refuses a command with an argument above [`Value::MAX`](crate::Value::MAX) bytes.
///
/// # Errors
/// Too large, with the size.
#[inline]
pub fn check_size<'a>(command: &impl Command<'a>) -> Result<()> {
    let mut check = SizeCheck::default();
    command.write_args(&mut check);
    if check.largest > crate::Value::MAX { Err(Error::too_large(check.largest)) } else { Ok(()) }
}

impl<'a> Query<'a> {
    /// Reads a query from its name and arguments.
    ///
    /// # Errors
    /// As [`Request::parse`]; a mutation is an unknown query.
    pub fn parse(args: &'a [Arg<'a>]) -> Result<Self> {
        match Request::parse(args)? {
            Request::Query(query) => Ok(query),
            Request::Mutation(other) => Err(Error::invalid(format!("ERR '{}' is not a query", other.spec().name))),
        }
    }

    /// Writes the arguments, without the name.
    pub fn write_args<S: ArgSink + ?Sized>(&self, out: &mut S) {
        each_query!(self, it => it.write_args(out));
    }

    /// Visits the keys in argument order.
    pub fn visit_keys<'s>(&'s self, mut visit: impl FnMut(&'s Key<'s>)) {
        each_query!(self, it => it.visit_keys(&mut visit));
    }

    /// The first key, if the command has any.
    #[inline]
    pub fn first_key(&self) -> Option<&Key<'_>> {
        let mut first = None;
        self.visit_keys(|key| first = first.or(Some(key)));
        first
    }

    /// Reads from `keyspace`.
    ///
    /// # Errors
    /// The command's, with Redis's text.
    #[inline]
    pub fn run<K: Keyspace>(&self, keyspace: &K, context: Context) -> Result<Reply> {
        each_query!(self, it => it.run(keyspace, context).map(Outcome::into_reply))
    }

    /// Whether the command can [`tell`](Query::tell) its reply.
    #[inline]
    pub fn tells(&self) -> bool {
        fn tells<'a, C: QueryCommand<'a>>(_: &C) -> bool {
            C::TELLS
        }
        each_query!(self, it => tells(it))
    }

    /// Tells the reply to `out` instead of building it, when the command can and the key is there; says whether it did.
    ///
    /// # Errors
    /// The command's, with Redis's text; nothing was told then.
    pub fn tell<K: Keyspace>(&self, keyspace: &K, out: &mut dyn ReplySink) -> Result<bool> {
        each_query!(self, it => it.tell(keyspace, out))
    }

    /// Whether [`run`](Query::run) looks at its context.
    #[inline]
    pub fn asks_context(&self) -> bool {
        each_query!(self, it => it.asks_context())
    }

    /// Reads from `keyspace`, and says whether it holds every key that was asked for.
    ///
    /// # Errors
    /// The command's, with Redis's text.
    #[inline]
    pub fn answer<K: Keyspace>(&self, keyspace: &K, context: Context) -> Result<Answer> {
        let reply = self.run(keyspace, context)?;
        let mut hit = true;
        if !each_query!(self, it => it.shows_keys(&reply)) {
            self.visit_keys(|key| hit = hit && keyspace.contains(key));
        }
        Ok(Answer { reply, hit })
    }

    /// The canonical form of a reply to this command that a server sent, in RESP2 or RESP3.
    ///
    /// # Errors
    /// Unexpected reply when the shape cannot be this command's.
    pub fn canonical(&self, reply: Reply) -> Result<Reply> {
        each_query!(self, it => it.read_reply(reply).map(Outcome::into_reply))
    }
}

impl<'a> Mutation<'a> {
    /// Reads a mutation from its name and arguments.
    ///
    /// # Errors
    /// As [`Request::parse`]; a query is an unknown mutation.
    pub fn parse(args: &'a [Arg<'a>]) -> Result<Self> {
        match Request::parse(args)? {
            Request::Mutation(mutation) => Ok(mutation),
            Request::Query(other) => Err(Error::invalid(format!("ERR '{}' is not a mutation", other.spec().name))),
        }
    }

    /// Writes the arguments, without the name.
    pub fn write_args<S: ArgSink + ?Sized>(&self, out: &mut S) {
        each_mutation!(self, it => it.write_args(out));
    }

    /// Visits the keys in argument order.
    pub fn visit_keys<'s>(&'s self, mut visit: impl FnMut(&'s Key<'s>)) {
        each_mutation!(self, it => it.visit_keys(&mut visit));
    }

    /// The first key, if the command has any.
    #[inline]
    pub fn first_key(&self) -> Option<&Key<'_>> {
        let mut first = None;
        self.visit_keys(|key| first = first.or(Some(key)));
        first
    }

    /// Changes `keyspace`.
    ///
    /// # Errors
    /// The command's, with Redis's text; then nothing has changed.
    #[inline]
    pub fn run<K: Keyspace>(&self, keyspace: &mut K, context: Context) -> Result<Reply> {
        each_mutation!(self, it => it.run(keyspace, context).map(Outcome::into_reply))
    }

    /// No less than the bytes by which collections that are there already grow when the mutation runs on `keyspace`, at
    /// any moment meanwhile; `None` when it grows none of them.
    pub fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        each_mutation!(self, it => it.growth_ahead(keyspace))
    }

    /// Whether [`run`](Mutation::run) looks at its context.
    #[inline]
    pub fn asks_context(&self) -> bool {
        each_mutation!(self, it => it.asks_context())
    }

    /// The change that was made, given the reply.
    ///
    /// # Errors
    /// Unexpected reply when the reply cannot be this command's.
    pub fn effect(&self, reply: &Reply, context: Context) -> Result<Effect<'a>> {
        each_mutation!(self, it => Ok(it.effect(&it.read_reply(reply.clone())?, context)))
    }

    /// Whether the outcome does not depend on what is there.
    #[inline]
    pub fn is_blind(&self) -> bool {
        each_mutation!(self, it => it.is_blind())
    }

    /// The same mutation with absolute times instead of relative ones.
    pub fn absolute(&self, context: Context) -> Mutation<'a> {
        each_mutation!(self, it => it.absolute(context))
    }

    /// How long a blocking command waits; `None` for all others.
    #[inline]
    pub fn blocking(&self) -> Option<Blocking> {
        each_mutation!(self, it => it.blocking())
    }

    /// The reply of the command when it takes effect on one thing, for blind commands.
    pub(super) fn affirmative(&self) -> Option<Reply> {
        each_mutation!(self, it => super::levels::affirmative(it))
    }

    /// For a blocking command whose caller is gone: what puts back what `reply` took.
    pub fn undo(&self, reply: &Reply) -> Option<Mutation<'static>> {
        each_mutation!(self, it => it.undo(&it.read_reply(reply.clone()).ok()?))
    }

    /// The canonical form of a reply to this command that a server sent, in RESP2 or RESP3.
    ///
    /// # Errors
    /// Unexpected reply when the shape cannot be this command's.
    pub fn canonical(&self, reply: Reply) -> Result<Reply> {
        each_mutation!(self, it => it.read_reply(reply).map(Outcome::into_reply))
    }

    /// The removal of every key of this command: what a copy does that cannot repeat the command. For a command
    /// without keys, everything is removed.
    pub fn drop_keys(&self) -> Mutation<'_> {
        let mut keys = Vec::new();
        self.visit_keys(|key| keys.push(key.borrow()));
        if keys.is_empty() { Mutation::clearing() } else { Mutation::removal(keys) }
    }

    /// Whether the command does nothing but remove whole keys.
    pub fn only_removes(&self) -> bool {
        matches!(self, Mutation::Del(_) | Mutation::Unlink(_) | Mutation::FlushAll(_) | Mutation::FlushDb(_))
    }
}
