//! The HTTP side of operations: `/metrics` for Prometheus and `/healthz` for whoever restarts what is not well.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Metrics;

/// Connections that are served at one time; others wait.
const CONNECTIONS: usize = 16;
/// How long one connection may take, from its first byte to its last.
const PATIENCE: Duration = Duration::from_secs(10);
/// Waiting after a failure to accept, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves the metrics until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, metrics: Metrics) {
    let (metrics, slots) = (Arc::new(metrics), Arc::new(Semaphore::new(CONNECTIONS)));
    loop {
        let slot = Arc::clone(&slots).acquire_owned().await.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => {
                let metrics = Arc::clone(&metrics);
                tokio::spawn(async move {
                    let _slot = slot;
                    // Whoever is slow or gone is of no interest.
                    let _ = tokio::time::timeout(PATIENCE, connection(stream, &metrics)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "metrics: cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Listens for Prometheus.
///
/// # Errors
/// When the address cannot be used.
pub(crate) async fn listen(address: &str) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

async fn connection(stream: TcpStream, metrics: &Metrics) -> Result<(), hyper::Error> {
    let service = service_fn(|request| async move { Ok::<_, Infallible>(answer(&request, metrics)) });
    http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).await
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<String> {
    let readable = matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, kind, text) = match request.uri().path() {
        _ if !readable => (StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET\n".to_owned()),
        "/metrics" => (StatusCode::OK, OPEN_METRICS, metrics.text()),
        // Levels that are away do not make the node unwell: it serves without them, and a restart would lose its memory.
        "/healthz" => (StatusCode::OK, "text/plain", "ok\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "text/plain", "there are /metrics and /healthz\n".to_owned()),
    };
    Response::builder().status(status).header(header::CONTENT_TYPE, kind).body(text).expect("the head is well formed")
}
