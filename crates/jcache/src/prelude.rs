//! What most programs need: `use jcache::prelude::*;`.

pub use crate::commands::{HashCommands, KeyCommands, ListCommands, SetCommands, SortedSetCommands, StringCommands};
pub use crate::typed::{Json, MsgPack, Struct};
pub use crate::{Cache, Error, ErrorKind, Execute, Value};
