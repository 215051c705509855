//! gRPC between the processes of a cluster: streams of messages, each first in, first out until it breaks.
//!
//! One connection a stream, so that a full synchronisation never stands in the way of forwarded calls. A stream that
//! cannot take what is sent, because its peer does not read, is broken rather than left to grow.

mod client;
pub(crate) mod codec;
mod complaints;
mod security;
mod server;
mod stream;

use std::sync::Arc;

pub(crate) use client::Dialler;
pub use security::Tls;
pub(crate) use security::{Secret, Security};
pub(crate) use server::serve;
pub(crate) use stream::{Outgoing, outgoing};

use crate::engine::{Message, NodeId, StreamId, StreamKind};
use crate::wire::pb;

/// What streams tell their owner; none of these waits.
pub(crate) trait Streams: Send + Sync + 'static {
    /// A peer dialled: the number of its stream; `None` when no more are accepted.
    fn accepted(self: &Arc<Self>, kind: StreamKind, outgoing: Outgoing) -> Option<StreamId>;
    /// A dialled stream is ready; `false` when it is not wanted any more.
    fn opened(self: &Arc<Self>, stream: StreamId, outgoing: Outgoing) -> bool;
    /// A message arrived; `false` when the stream is not wanted any more.
    fn message(self: &Arc<Self>, stream: StreamId, message: Message) -> bool;
    /// The stream broke, or could not be dialled.
    fn broken(self: &Arc<Self>, stream: StreamId);
    /// What an operator is told.
    fn report(&self) -> pb::Report;
    /// An operator wants leadership given to a node, or to the best; the error says why not.
    fn hand_over(self: Arc<Self>, node: Option<NodeId>) -> impl Future<Output = Result<(), String>> + Send;
}

/// HTTP/2 windows, in bytes: a stream's and its connection's. The defaults throttle a distant peer to window / RTT.
const WINDOWS: (u32, u32) = (8 << 20, 16 << 20);
/// The largest HTTP/2 frame, in bytes.
const MAX_FRAME: u32 = 256 << 10;
/// The largest message, in bytes: a record with the largest value.
pub(crate) const MAX_MESSAGE: usize = if cfg!(test) { 8 << 20 } else { (512 << 20) + (1 << 20) };
/// A connection is given up when what was sent is not acknowledged for this long.
const USER_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
/// A silent peer is asked for a sign of life this often, and given up when none comes for this long.
const KEEPALIVE: (std::time::Duration, std::time::Duration) =
    (std::time::Duration::from_secs(1), std::time::Duration::from_secs(2));
