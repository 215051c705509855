//! Watches: the changes of a prefix, in order, without a gap.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::client::Client;
use crate::connection::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::generated as pb;
use crate::kv::{KeyValue, end_of};

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The key was written.
    Put(KeyValue),
    /// The key is gone: deleted, or its lease ended.
    Deleted {
        /// The key.
        key: Bytes,
        /// The revision of the deletion.
        revision: i64,
    },
}

/// Changes that were made at one revision, or at several in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The latest revision that they hold.
    pub revision: i64,
    /// The changes in order.
    pub changes: Vec<Change>,
}

/// Sees the changes of a prefix.
///
/// After an error it may be asked again: it connects anew and goes on after the last change that it gave, so nothing is
/// missed. Only [`ErrorKind::Compacted`] ends it: then list the prefix anew and watch from there.
#[derive(Debug)]
pub struct Watcher {
    client: Client,
    prefix: Bytes,
    /// The first revision not seen yet.
    next: i64,
    stream: Option<Stream>,
    /// Attempts in a row that failed; they decide how long the next one waits.
    failures: u32,
}

#[derive(Debug)]
struct Stream {
    connection: Connection,
    answers: Streaming<pb::WatchResponse>,
    /// The watch ends when this is dropped.
    _requests: mpsc::Sender<pb::WatchRequest>,
}

/// Pauses between attempts to connect: from the first to the last, doubling.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

impl Watcher {
    pub(crate) fn new(client: Client, prefix: Bytes, revision: i64) -> Self {
        Self { client, prefix, next: revision, stream: None, failures: 0 }
    }

    /// The first revision that has not been seen yet.
    pub fn next_revision(&self) -> i64 {
        self.next
    }

    /// Waits for the next changes. Dropping the future loses none.
    ///
    /// # Errors
    /// The watch broke, or cannot be opened: ask again. Compacted: list anew.
    pub async fn next(&mut self) -> Result<Changes> {
        loop {
            if self.stream.is_none() {
                if let Some(doublings) = self.failures.checked_sub(1) {
                    tokio::time::sleep(PAUSES.1.min(PAUSES.0 * (1 << doublings.min(8)))).await;
                }
                self.failures += 1; // taken back by the first answer
                self.stream = Some(self.open().await?);
            }
            let stream = self.stream.as_mut().expect("a stream was opened just before");
            let broken = match stream.answers.message().await {
                Ok(Some(answer)) => {
                    self.failures = 0;
                    match self.take(answer) {
                        Ok(None) => continue,
                        Ok(Some(changes)) => return Ok(changes),
                        Err(error) => error,
                    }
                }
                Ok(None) => Error::new(ErrorKind::Uncertain, "the watch ended"),
                Err(status) => Error::from_status(&status),
            };
            if let Some(stream) = self.stream.take()
                && broken.kind() != ErrorKind::Compacted
            {
                self.client.0.failed(&stream.connection).await;
            }
            return Err(broken);
        }
    }

    fn take(&mut self, answer: pb::WatchResponse) -> Result<Option<Changes>> {
        if answer.compact_revision > 0 {
            return Err(Error::compacted(answer.compact_revision));
        }
        if answer.canceled {
            return Err(Error::new(ErrorKind::Refused, format!("the watch was cancelled: {}", answer.cancel_reason)));
        }
        let changes: Vec<Change> = answer.events.into_iter().filter_map(change).collect();
        let last = changes.iter().map(|change| match change {
            Change::Put(kv) => kv.mod_revision,
            Change::Deleted { revision, .. } => *revision,
        });
        let Some(revision) = last.max() else { return Ok(None) };
        self.next = self.next.max(revision + 1);
        Ok(Some(Changes { revision, changes }))
    }

    async fn open(&self) -> Result<Stream> {
        use pb::watch_request::RequestUnion;
        let create = pb::WatchCreateRequest {
            key: self.prefix.to_vec(),
            range_end: end_of(&self.prefix),
            start_revision: self.next,
            progress_notify: true,
            ..Default::default()
        };
        let create = pb::WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
        let timeout = self.client.0.timeout;
        let open = self.client.0.call("a watch", timeout, |connection| {
            let create = create.clone();
            async move {
                let (requests, waiting) = mpsc::channel(1);
                requests.try_send(create).expect("the channel is new and has room");
                let request = connection.request(ReceiverStream::new(waiting));
                let mut watches = pb::watch_client::WatchClient::new(connection.channel.clone());
                let answers = watches.watch(request).await?.into_inner();
                Ok(Stream { connection, answers, _requests: requests })
            }
        });
        open.await
    }
}

fn change(event: pb::Event) -> Option<Change> {
    let kind = event.r#type();
    let kv = event.kv?;
    Some(match kind {
        pb::event::EventType::Put => Change::Put(kv.into()),
        pb::event::EventType::Delete => Change::Deleted { key: kv.key, revision: kv.mod_revision },
    })
}
