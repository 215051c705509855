//! One stream's way out: a queue bounded in bytes, and the task that reads its way in.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_stream::Stream;
use tonic::{Status, Streaming};

use super::Streams;
use crate::engine::{Message, StreamId};
use crate::wire::{self, pb};

/// What one stream may hold that its peer has not taken, in bytes; a message that finds less than that is always taken.
const QUEUE: usize = 128 << 20;
/// What a message costs besides its payload, in bytes.
const OVERHEAD: usize = 256;
/// A message is not made larger than this by what waits behind it, in bytes.
const MERGED: usize = 256 << 10;
/// How long a closed stream may take to send what was sent before.
const LINGER: Duration = Duration::from_secs(2);

/// Where messages of one stream are sent. Dropping it closes the stream after what was sent before.
#[derive(Debug)]
pub(crate) struct Outgoing {
    queue: UnboundedSender<(usize, pb::Message)>,
    held: Arc<AtomicUsize>,
}

/// The queue as the body of a gRPC stream.
#[derive(Debug)]
pub(crate) struct Queued {
    queue: UnboundedReceiver<(usize, pb::Message)>,
    held: Arc<AtomicUsize>,
    /// Taken out of the queue, and not a part of the message before it.
    next: Option<(usize, pb::Message)>,
}

/// A stream's way out: where to send, and what gRPC reads.
pub(crate) fn outgoing() -> (Outgoing, Queued) {
    let (sender, receiver) = unbounded_channel();
    let held = Arc::new(AtomicUsize::new(0));
    (Outgoing { queue: sender, held: held.clone() }, Queued { queue: receiver, held, next: None })
}

impl Outgoing {
    /// Sends a message; `false` when the peer takes too little, or is gone: the stream is to be given up.
    pub(crate) fn send(&self, message: Message) -> bool {
        if self.held.load(Ordering::Relaxed) > QUEUE {
            return false;
        }
        let message = wire::encode(message);
        let bytes = prost::Message::encoded_len(&message) + OVERHEAD;
        self.held.fetch_add(bytes, Ordering::Relaxed);
        self.queue.send((bytes, message)).is_ok()
    }
}

impl Queued {
    /// The next message; with it those that wait behind it and can go in the same one. Nothing waits for more to come.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<pb::Message>> {
        let first = match self.next.take() {
            Some(first) => Some(first),
            None => std::task::ready!(self.queue.poll_recv(context)),
        };
        let Some((mut bytes, mut message)) = first else { return Poll::Ready(None) };
        while bytes < MERGED
            && let Ok((more, other)) = self.queue.try_recv()
        {
            match wire::merge(&mut message, other) {
                None => bytes += more,
                Some(other) => {
                    self.next = Some((more, other));
                    break;
                }
            }
        }
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        Poll::Ready(Some(message))
    }
}

/// As a client sends it.
impl Stream for Queued {
    type Item = pb::Message;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<pb::Message>> {
        self.poll(context)
    }
}

/// As a server sends it.
#[derive(Debug)]
pub(crate) struct Answers(pub(crate) Queued);

impl Stream for Answers {
    type Item = Result<pb::Message, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll(context).map(|next| next.map(Ok))
    }
}

/// Delivers what arrives until the stream ends; then tells that it broke.
pub(crate) async fn read<S: Streams>(streams: &Arc<S>, stream: StreamId, mut incoming: Streaming<pb::Message>) {
    loop {
        let message = match incoming.message().await {
            Ok(Some(message)) => wire::decode(message),
            Ok(None) => break,
            Err(status) => {
                tracing::debug!(?stream, %status, "the stream broke");
                break;
            }
        };
        match message {
            Ok(message) => {
                if !streams.message(stream, message) {
                    // Closed here: what was sent before has to get out, so the connection may not be reset at once.
                    let drained = async { while let Ok(Some(_)) = incoming.message().await {} };
                    let _ = tokio::time::timeout(LINGER, drained).await;
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(?stream, %error, "a peer sent what cannot be read");
                break;
            }
        }
    }
    streams.broken(stream);
}
