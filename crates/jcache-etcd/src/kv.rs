//! Transactions and listings as values.

use bytes::Bytes;

use crate::generated as pb;
use crate::lease::LeaseId;

/// A key, its value, and when they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValue {
    /// The key.
    pub key: Bytes,
    /// The value.
    pub value: Bytes,
    /// The revision at which the key came to be.
    pub create_revision: i64,
    /// The revision of its last write.
    pub mod_revision: i64,
    /// The lease that it dies with; 0 for none.
    pub lease: LeaseId,
}

impl From<pb::KeyValue> for KeyValue {
    fn from(kv: pb::KeyValue) -> Self {
        let pb::KeyValue { key, value, create_revision, mod_revision, lease, .. } = kv;
        Self { key, value, create_revision, mod_revision, lease: LeaseId(lease) }
    }
}

/// The keys of a prefix at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The revision of the whole store; a watch from the one after it misses nothing.
    pub revision: i64,
    /// The keys in order.
    pub entries: Vec<KeyValue>,
}

/// A condition on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compare {
    /// There is no such key.
    Absent(Bytes),
    /// The key's last write was at this revision.
    ModRevision(Bytes, i64),
    /// The key holds this value.
    Value(Bytes, Bytes),
}

impl Compare {
    fn encode(&self) -> pb::Compare {
        use pb::compare::{CompareTarget, TargetUnion};
        let (key, target, union) = match self {
            Self::Absent(key) => (key, CompareTarget::Create, TargetUnion::CreateRevision(0)),
            Self::ModRevision(key, revision) => (key, CompareTarget::Mod, TargetUnion::ModRevision(*revision)),
            Self::Value(key, value) => (key, CompareTarget::Value, TargetUnion::Value(value.to_vec())),
        };
        pb::Compare {
            result: pb::compare::CompareResult::Equal.into(),
            target: target.into(),
            key: key.to_vec(),
            target_union: Some(union),
        }
    }
}

/// One step of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Reads a key.
    Get(Bytes),
    /// Reads the keys of a prefix.
    List(Bytes),
    /// Writes a key, to die with the lease when there is one.
    Put(Bytes, Bytes, Option<LeaseId>),
    /// Deletes a key.
    Delete(Bytes),
}

impl Operation {
    fn encode(&self) -> pb::RequestOp {
        use pb::request_op::Request;
        let request = match self {
            Self::Get(key) => Request::RequestRange(pb::RangeRequest { key: key.to_vec(), ..Default::default() }),
            Self::List(prefix) => Request::RequestRange(range_of(prefix)),
            Self::Put(key, value, lease) => Request::RequestPut(pb::PutRequest {
                key: key.to_vec(),
                value: value.to_vec(),
                lease: lease.map_or(0, |lease| lease.0),
                prev_kv: false,
            }),
            Self::Delete(key) => {
                Request::RequestDeleteRange(pb::DeleteRangeRequest { key: key.to_vec(), ..Default::default() })
            }
        };
        pb::RequestOp { request: Some(request) }
    }
}

/// Operations that happen all at once: the first list when every condition holds, otherwise the second.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The conditions.
    pub when: Vec<Compare>,
    /// What is done when all of them hold.
    pub then: Vec<Operation>,
    /// What is done when one does not.
    pub otherwise: Vec<Operation>,
}

impl Transaction {
    pub(crate) fn encode(&self) -> pb::TxnRequest {
        let operations = |list: &[Operation]| list.iter().map(Operation::encode).collect();
        pb::TxnRequest {
            compare: self.when.iter().map(Compare::encode).collect(),
            success: operations(&self.then),
            failure: operations(&self.otherwise),
        }
    }
}

/// What a transaction did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the conditions held.
    pub succeeded: bool,
    /// The revision of the store after it; the `mod_revision` of what it wrote.
    pub revision: i64,
    /// An answer to each operation that was done.
    pub responses: Vec<Response>,
}

/// The answer to one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// What was read.
    Read(Vec<KeyValue>),
    /// A key was written.
    Put,
    /// So many keys were deleted.
    Deleted(i64),
}

impl From<pb::TxnResponse> for Outcome {
    fn from(response: pb::TxnResponse) -> Self {
        use pb::response_op::Response as Said;
        let responses = response.responses.into_iter().filter_map(|op| op.response).map(|said| match said {
            Said::ResponseRange(range) => Response::Read(range.kvs.into_iter().map(KeyValue::from).collect()),
            Said::ResponsePut(_) => Response::Put,
            Said::ResponseDeleteRange(range) => Response::Deleted(range.deleted),
        });
        Self {
            succeeded: response.succeeded,
            revision: response.header.map_or(0, |header| header.revision),
            responses: responses.collect(),
        }
    }
}

/// A linearizable read of all keys of `prefix`.
pub(crate) fn range_of(prefix: &[u8]) -> pb::RangeRequest {
    pb::RangeRequest { key: prefix.to_vec(), range_end: end_of(prefix), ..Default::default() }
}

/// The first key after those of `prefix`.
pub(crate) fn end_of(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![0] // etcd's word for "to the very end"
}

#[cfg(test)]
mod tests {
    use super::end_of;

    #[test]
    fn a_prefix_ends_where_its_last_byte_can_grow() {
        for (prefix, end) in [(&b"/a/"[..], &b"/a0"[..]), (b"a\xff", b"b"), (b"\xff\xff", b"\0"), (b"", b"\0")] {
            assert_eq!(end_of(prefix), end, "{prefix:?}");
        }
    }
}
