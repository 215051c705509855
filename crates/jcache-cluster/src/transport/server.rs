//! The listening side: peers dial, and their streams are told.

use std::pin::Pin;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

#[cfg(target_os = "linux")]
use super::USER_TIMEOUT;
use super::stream::{Answers, read};
use super::{KEEPALIVE, MAX_FRAME, MAX_MESSAGE, Security, Streams, WINDOWS, outgoing};
use crate::engine::{NodeId, StreamKind};
use crate::error::{Error, Result};
use crate::wire::pb;
use crate::wire::pb::replication_server::{Replication, ReplicationServer};

/// Streams that one connection may open; a peer opens one.
const STREAMS_PER_CONNECTION: u32 = 16;

struct Service<S> {
    streams: Arc<S>,
    security: Security,
}

type Sending = Pin<Box<dyn Stream<Item = std::result::Result<pb::Message, Status>> + Send>>;

impl<S: Streams> Service<S> {
    fn accept(
        &self,
        kind: StreamKind,
        request: Request<Streaming<pb::Message>>,
    ) -> std::result::Result<Response<Sending>, Status> {
        self.security.check(&request)?;
        let (sending, queued) = outgoing();
        let Some(stream) = self.streams.accepted(kind, sending) else {
            return Err(Status::resource_exhausted("as many peers as may be are connected"));
        };
        let streams = self.streams.clone();
        tokio::spawn(async move { read(&streams, stream, request.into_inner()).await });
        Ok(Response::new(Box::pin(Answers(queued))))
    }
}

#[tonic::async_trait]
impl<S: Streams> Replication for Service<S> {
    type ReplicateStream = Sending;
    type ForwardStream = Sending;
    type StatusStream = Sending;

    async fn replicate(
        &self,
        request: Request<Streaming<pb::Message>>,
    ) -> std::result::Result<Response<Sending>, Status> {
        self.accept(StreamKind::Replicate, request)
    }

    async fn forward(
        &self,
        request: Request<Streaming<pb::Message>>,
    ) -> std::result::Result<Response<Sending>, Status> {
        self.accept(StreamKind::Forward, request)
    }

    async fn status(&self, request: Request<Streaming<pb::Message>>) -> std::result::Result<Response<Sending>, Status> {
        self.accept(StreamKind::Status, request)
    }

    async fn inspect(&self, request: Request<pb::Empty>) -> std::result::Result<Response<pb::Report>, Status> {
        self.security.check(&request)?;
        Ok(Response::new(self.streams.report()))
    }

    async fn handover(
        &self,
        request: Request<pb::HandoverRequest>,
    ) -> std::result::Result<Response<pb::Empty>, Status> {
        self.security.check(&request)?;
        let node = request.into_inner().node;
        let node = (!node.is_empty()).then(|| NodeId::new(node));
        match self.streams.clone().hand_over(node).await {
            Ok(()) => Ok(Response::new(pb::Empty {})),
            Err(why) => Err(Status::failed_precondition(why)),
        }
    }
}

/// Gives a connection up whose peer acknowledges nothing of what was sent.
#[cfg(target_os = "linux")]
fn give_up_after(socket: &tokio::net::TcpStream) -> std::io::Result<()> {
    socket2::SockRef::from(socket).set_tcp_user_timeout(Some(USER_TIMEOUT))
}

/// Other systems have no such setting: the signs of life find a dead peer.
#[cfg(not(target_os = "linux"))]
fn give_up_after(_: &tokio::net::TcpStream) -> std::io::Result<()> {
    Ok(())
}

/// Serves peers on `listener` until the future is dropped.
///
/// # Errors
/// Configuration (TLS), or the listener fails.
pub(crate) async fn serve<S: Streams>(listener: TcpListener, security: Security, streams: Arc<S>) -> Result<()> {
    let mut server = Server::builder()
        .tcp_nodelay(true)
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .max_frame_size(MAX_FRAME)
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1));
    if let Some(tls) = security.server_tls()? {
        server = server.tls_config(tls).map_err(|e| Error::configuration(format!("TLS: {e}")))?;
    }
    let service = ReplicationServer::new(Service { streams, security })
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener).map(|accepted| {
        accepted.inspect(|socket| {
            // Nothing is lost without them: answers are then a little later, and a peer that is gone is found later.
            let _ = socket.set_nodelay(true);
            let _ = give_up_after(socket);
        })
    });
    server.add_service(service).serve_with_incoming(incoming).await.map_err(|e| Error::transport(&e))
}
