//! The dialling side: one connection a stream.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper_util::client::legacy::connect::HttpConnector;
use tokio::runtime::Handle;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use super::complaints::Complaints;
use super::stream::read;
use super::{KEEPALIVE, MAX_FRAME, MAX_MESSAGE, Security, Streams, WINDOWS, outgoing};
use crate::engine::{StreamId, StreamKind};
use crate::error::{Error, Result};
use crate::wire::pb;
use crate::wire::pb::replication_client::ReplicationClient;

/// Dials peers.
#[derive(Debug, Clone)]
pub(crate) struct Dialler {
    security: Security,
    timeout: Duration,
    runtime: Handle,
    complaints: Arc<Complaints>,
}

impl Dialler {
    /// A peer that does not accept within `timeout` is not there.
    pub(crate) fn new(security: Security, timeout: Duration, runtime: Handle) -> Self {
        Self { security, timeout, runtime, complaints: Arc::default() }
    }

    /// Dials `addr` in a task of its own, and serves the stream there until it ends.
    pub(crate) fn dial<S: Streams>(&self, streams: Arc<S>, stream: StreamId, kind: StreamKind, addr: String) {
        let this = self.clone();
        self.runtime.spawn(async move {
            let opening = tokio::time::timeout(this.timeout, this.open(&streams, stream, kind, &addr));
            match opening.await.unwrap_or_else(|_| Err(Error::unavailable("no answer in time"))) {
                Ok(Some(incoming)) => read(&streams, stream, incoming).await,
                Ok(None) => {}
                Err(error) => {
                    if this.complaints.is_news(&addr, error.message(), Instant::now()) {
                        tracing::warn!(addr, %error, "a peer cannot be dialled");
                    }
                    streams.broken(stream);
                }
            }
        });
    }

    async fn open<S: Streams>(
        &self,
        streams: &Arc<S>,
        stream: StreamId,
        kind: StreamKind,
        addr: &str,
    ) -> Result<Option<tonic::Streaming<crate::wire::pb::Message>>> {
        let channel = self.connect(addr).await?;
        let mut client = ReplicationClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        let (sending, queued) = outgoing();
        let request = self.security.sign(Request::new(queued));
        let answered = match kind {
            StreamKind::Replicate => client.replicate(request).await,
            StreamKind::Forward => client.forward(request).await,
            StreamKind::Status => client.status(request).await,
        };
        let incoming = answered.map_err(|status| Error::transport(&status))?.into_inner();
        self.complaints.settle(addr);
        Ok(streams.opened(stream, sending).then_some(incoming))
    }

    /// The figures of the member at `addr`.
    ///
    /// # Errors
    /// Unavailable, with the reason.
    pub(crate) async fn inspect(&self, addr: &str) -> Result<pb::Report> {
        let asked = async {
            let channel = self.connect(addr).await?;
            let request = self.security.sign(Request::new(pb::Empty {}));
            let answered = ReplicationClient::new(channel).inspect(request).await;
            Ok(answered.map_err(|status| Error::unavailable(status.message()))?.into_inner())
        };
        self.in_time(asked).await
    }

    /// Asks the leader at `addr` to give leadership to `node`; empty for the best.
    ///
    /// # Errors
    /// Unavailable, with the reason.
    pub(crate) async fn hand_over(&self, addr: &str, node: &str) -> Result<()> {
        let asked = async {
            let channel = self.connect(addr).await?;
            let request = self.security.sign(Request::new(pb::HandoverRequest { node: node.to_owned() }));
            let answered = ReplicationClient::new(channel).handover(request).await;
            answered.map(drop).map_err(|status| Error::unavailable(status.message()))
        };
        self.in_time(asked).await
    }

    async fn in_time<T>(&self, asked: impl Future<Output = Result<T>>) -> Result<T> {
        let answered = tokio::time::timeout(self.timeout, asked).await;
        answered.unwrap_or_else(|_| Err(Error::unavailable("no answer in time")))
    }

    async fn connect(&self, addr: &str) -> Result<Channel> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        #[cfg(target_os = "linux")]
        connector.set_tcp_user_timeout(Some(super::USER_TIMEOUT));
        self.endpoint(addr)?.connect_with_connector(connector).await.map_err(|e| Error::transport(&e))
    }

    fn endpoint(&self, addr: &str) -> Result<Endpoint> {
        let tls = self.security.client_tls()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let endpoint = Channel::from_shared(format!("{scheme}://{addr}"))
            .map_err(|e| Error::configuration(format!("'{addr}' is no address: {e}")))?
            .connect_timeout(self.timeout)
            .initial_stream_window_size(WINDOWS.0)
            .initial_connection_window_size(WINDOWS.1)
            .max_frame_size(MAX_FRAME)
            .http2_keep_alive_interval(KEEPALIVE.0)
            .keep_alive_timeout(KEEPALIVE.1)
            .keep_alive_while_idle(true);
        match tls {
            None => Ok(endpoint),
            Some(tls) => endpoint.tls_config(tls).map_err(|e| Error::configuration(format!("TLS: {e}"))),
        }
    }
}
