//! Leases, and what keeps them alive.

use std::fmt;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::client::Client;
use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::generated as pb;

/// Which lease; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub i64);

impl fmt::Display for LeaseId {
    /// As `etcdctl` writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// A lease that etcd granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Which.
    pub id: LeaseId,
    /// How long it lives after a renewal: what was asked for, or etcd's least (2 s with its default settings).
    pub ttl: Duration,
}

/// Renews one lease, over a stream that is opened again when it breaks.
#[derive(Debug)]
pub struct Renewal {
    client: Client,
    lease: LeaseId,
    stream: Option<Stream>,
}

#[derive(Debug)]
struct Stream {
    connection: Connection,
    requests: mpsc::Sender<pb::LeaseKeepAliveRequest>,
    answers: Streaming<pb::LeaseKeepAliveResponse>,
}

impl Renewal {
    pub(crate) fn new(client: Client, lease: LeaseId) -> Self {
        Self { client, lease, stream: None }
    }

    /// Renews the lease within `timeout`: `Some` is its time to live from when etcd answered, `None` says that it is
    /// gone.
    ///
    /// # Errors
    /// Unreachable, uncertain or denied; the lease lives on for what is left of it, and the next call tries anew.
    pub async fn renew(&mut self, timeout: Duration) -> Result<Option<Duration>> {
        let deadline = Instant::now() + timeout;
        let mut stream = match self.stream.take() {
            // A full channel means that the last request was not even taken: the connection hangs.
            Some(stream) if stream.requests.try_send(self.request()).is_ok() => stream,
            _ => self.open(timeout).await?,
        };
        let answer = timeout_at(deadline, stream.answers.message()).await;
        let error = match answer {
            Ok(Ok(Some(answer))) => {
                // Only a stream whose answer was read is in step: one answer for one request.
                self.stream = Some(stream);
                let seconds = answer.ttl.max(0).unsigned_abs();
                return Ok((seconds > 0).then(|| Duration::from_secs(seconds)));
            }
            Ok(Ok(None)) => Error::new(crate::ErrorKind::Uncertain, "the stream of renewals ended"),
            Ok(Err(status)) => Error::from_status(&status),
            Err(_) => Error::timeout("a renewal"),
        };
        self.client.0.failed(&stream.connection).await;
        Err(error)
    }

    /// Opens a stream, with the first request on it: etcd begins to answer only when it has one.
    async fn open(&self, timeout: Duration) -> Result<Stream> {
        let first = self.request();
        self.client
            .0
            .call("a renewal", timeout, |connection| async move {
                let (requests, waiting) = mpsc::channel(1);
                requests.try_send(first).expect("the channel is new and has room");
                let request = connection.request(ReceiverStream::new(waiting));
                let mut leases = pb::lease_client::LeaseClient::new(connection.channel.clone());
                let answers = leases.lease_keep_alive(request).await?.into_inner();
                Ok(Stream { connection, requests, answers })
            })
            .await
    }

    fn request(&self) -> pb::LeaseKeepAliveRequest {
        pb::LeaseKeepAliveRequest { id: self.lease.0 }
    }
}
