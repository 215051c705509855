//! What a key can hold.

use jcache_value::Value;

use crate::collection::{Hash, List, Set, SortedSet};

/// The type of what a key holds, as `TYPE` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// A byte string.
    String,
    /// Fields with values.
    Hash,
    /// A sequence.
    List,
    /// Unique members.
    Set,
    /// Unique members ordered by score.
    SortedSet,
}

impl Type {
    /// Redis's name: `string`, `hash`, `list`, `set`, `zset`.
    pub const fn name(self) -> &'static str {
        match self {
            Type::String => "string",
            Type::Hash => "hash",
            Type::List => "list",
            Type::Set => "set",
            Type::SortedSet => "zset",
        }
    }
}

/// What a key holds, owned.
#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    /// A byte string.
    String(Value),
    /// Fields with values.
    Hash(Hash),
    /// A sequence.
    List(List),
    /// Unique members.
    Set(Set),
    /// Unique members ordered by score.
    SortedSet(SortedSet),
}

/// What a key holds, borrowed from its keyspace.
#[derive(Debug, Clone, Copy)]
pub enum ObjectRef<'a> {
    /// A byte string.
    String(&'a Value),
    /// Fields with values.
    Hash(&'a Hash),
    /// A sequence.
    List(&'a List),
    /// Unique members.
    Set(&'a Set),
    /// Unique members ordered by score.
    SortedSet(&'a SortedSet),
}

impl Object {
    /// The same, borrowed.
    #[inline]
    pub fn as_ref(&self) -> ObjectRef<'_> {
        match self {
            Object::String(it) => ObjectRef::String(it),
            Object::Hash(it) => ObjectRef::Hash(it),
            Object::List(it) => ObjectRef::List(it),
            Object::Set(it) => ObjectRef::Set(it),
            Object::SortedSet(it) => ObjectRef::SortedSet(it),
        }
    }

    /// Whether this is a collection without elements, which no keyspace keeps.
    #[inline]
    pub fn is_empty_collection(&self) -> bool {
        self.as_ref().elements() == Some(0)
    }

    /// Bytes on the heap that the object owns beyond itself, as the allocator rounds them. O(1).
    #[inline]
    pub fn heap_size(&self) -> usize {
        self.as_ref().heap_size()
    }
}

impl ObjectRef<'_> {
    /// The type.
    #[inline]
    pub fn kind(self) -> Type {
        match self {
            ObjectRef::String(_) => Type::String,
            ObjectRef::Hash(_) => Type::Hash,
            ObjectRef::List(_) => Type::List,
            ObjectRef::Set(_) => Type::Set,
            ObjectRef::SortedSet(_) => Type::SortedSet,
        }
    }

    /// How many elements a collection has; `None` for a string.
    #[inline]
    pub fn elements(self) -> Option<usize> {
        match self {
            ObjectRef::String(_) => None,
            ObjectRef::Hash(it) => Some(it.len()),
            ObjectRef::List(it) => Some(it.len()),
            ObjectRef::Set(it) => Some(it.len()),
            ObjectRef::SortedSet(it) => Some(it.len()),
        }
    }

    /// Bytes on the heap that the object owns, as the allocator rounds them. O(1).
    #[inline]
    pub fn heap_size(self) -> usize {
        match self {
            ObjectRef::String(it) => it.heap_size(),
            ObjectRef::Hash(it) => it.heap_size(),
            ObjectRef::List(it) => it.heap_size(),
            ObjectRef::Set(it) => it.heap_size(),
            ObjectRef::SortedSet(it) => it.heap_size(),
        }
    }

    /// An owned copy: strings share their bytes, collections are cloned.
    pub fn to_object(self) -> Object {
        match self {
            ObjectRef::String(it) => Object::String(it.clone()),
            ObjectRef::Hash(it) => Object::Hash(it.clone()),
            ObjectRef::List(it) => Object::List(it.clone()),
            ObjectRef::Set(it) => Object::Set(it.clone()),
            ObjectRef::SortedSet(it) => Object::SortedSet(it.clone()),
        }
    }
}

/// A collection type: how commands of one family ask for theirs.
pub trait Collection: Default {
    /// The collection in `object`, when it is of this type.
    fn of(object: ObjectRef<'_>) -> Option<&Self>;
    /// The same, to change.
    fn of_mut(object: &mut Object) -> Option<&mut Self>;
    /// The collection as an object.
    fn into_object(self) -> Object;
}

macro_rules! collections {
    ($($name:ident),*) => {$(
        impl Collection for $name {
            #[inline]
            fn of(object: ObjectRef<'_>) -> Option<&Self> {
                match object { ObjectRef::$name(it) => Some(it), _ => None }
            }
            #[inline]
            fn of_mut(object: &mut Object) -> Option<&mut Self> {
                match object { Object::$name(it) => Some(it), _ => None }
            }
            fn into_object(self) -> Object { Object::$name(self) }
        }
    )*};
}
collections!(Hash, List, Set, SortedSet);
