//! What a command declares about itself.

/// Whether a command reads or writes, and whether its write depends on what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Reads.
    Query,
    /// Writes, and the result does not depend on what is there (`SET`, `DEL`, `EXPIRE`): it may be repeated later.
    Blind,
    /// Writes, and the result or reply depends on what is there (`INCR`, `LPOP`): exactly one level may decide it.
    Decides,
}

/// Which family a command belongs to; a specialised cache offers one family and the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Commands of keys of any type.
    Key,
    /// Commands of strings.
    String,
    /// Commands of hashes.
    Hash,
    /// Commands of lists.
    List,
    /// Commands of sets.
    Set,
    /// Commands of sorted sets.
    SortedSet,
}

impl Family {
    /// The type that the family's keys hold, as `TYPE` names it; `none` for keys of any type.
    pub const fn type_name(self) -> &'static str {
        match self {
            Family::Key => "none",
            Family::String => "string",
            Family::Hash => "hash",
            Family::List => "list",
            Family::Set => "set",
            Family::SortedSet => "zset",
        }
    }
}

/// Where a command's keys stand among its arguments, counted as in `COMMAND INFO`: the name is argument 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyPositions {
    /// The first key; 0 for none.
    pub first: i8,
    /// The last key; negative counts from the end.
    pub last: i8,
    /// The step from one key to the next.
    pub step: i8,
}

impl KeyPositions {
    /// No keys.
    pub const NONE: Self = Self { first: 0, last: 0, step: 0 };
    /// The first argument.
    pub const ONE: Self = Self { first: 1, last: 1, step: 1 };
    /// The second argument, after the second word of a command's name.
    pub const SECOND: Self = Self { first: 2, last: 2, step: 1 };
    /// The first two arguments.
    pub const TWO: Self = Self { first: 1, last: 2, step: 1 };
    /// Every argument.
    pub const ALL: Self = Self { first: 1, last: -1, step: 1 };
    /// Every other argument, from the first on (`MSET`).
    pub const PAIRS: Self = Self { first: 1, last: -1, step: 2 };
    /// Every argument but the last (`BLPOP`).
    pub const ALL_BUT_LAST: Self = Self { first: 1, last: -2, step: 1 };
}

/// The declaration of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// The name, in upper case; one of two words has a bar between them (`OBJECT|FREQ`), as in `COMMAND INFO`.
    pub name: &'static str,
    /// Number of arguments with the name; negative: at least so many.
    pub arity: i8,
    /// Reads, writes blindly, or decides.
    pub class: Class,
    /// The family.
    pub family: Family,
    /// Where the keys are.
    pub keys: KeyPositions,
    /// One line for help texts.
    pub summary: &'static str,
}

impl Spec {
    /// The words of the name: what a call begins with.
    pub fn words(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.name.split('|')
    }

    /// Whether a call with `count` arguments, the name included, has the right number of them.
    pub const fn admits(&self, count: usize) -> bool {
        let arity = self.arity.unsigned_abs() as usize;
        if self.arity < 0 { count >= arity } else { count == arity }
    }
}
