//! The connection in use: one endpoint at a time, the next one when it does not answer, and the token of the user.

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout_at};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::generated as pb;

/// A channel, and the token that calls on it carry.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub(crate) channel: Channel,
    token: Option<MetadataValue<Ascii>>,
    /// Which connection this is: a failure is told of this one and not of a later one.
    serial: u64,
}

impl Connection {
    /// A request that carries the token.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            request.metadata_mut().insert("token", token.clone());
        }
        request
    }
}

/// The endpoints, and the connection to one of them.
#[derive(Debug)]
pub(crate) struct Connections {
    endpoints: Vec<Endpoint>,
    user: Option<(String, String)>,
    pub(crate) timeout: Duration,
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    /// The endpoint to try first.
    endpoint: usize,
    serial: u64,
    connection: Option<Connection>,
}

impl Connections {
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let endpoints = config.parse()?;
        Ok(Self { endpoints, user: config.user.clone(), timeout: config.timeout, current: Mutex::default() })
    }

    /// The connection in use, or a new one to the first endpoint that accepts it.
    ///
    /// # Errors
    /// Unreachable when none does before `deadline`; denied when the user or its password is not accepted.
    pub(crate) async fn get(&self, deadline: Instant) -> Result<Connection> {
        let nobody = |why: &str| Error::new(ErrorKind::Unreachable, format!("no endpoint can be reached: {why}"));
        let Ok(mut current) = timeout_at(deadline, self.current.lock()).await else {
            return Err(nobody("none has answered yet"));
        };
        if let Some(connection) = &current.connection {
            return Ok(connection.clone());
        }
        let mut why = "deadline passed".to_owned();
        for _ in 0..self.endpoints.len() {
            let endpoint = &self.endpoints[current.endpoint % self.endpoints.len()];
            match timeout_at(deadline, self.open(endpoint)).await {
                Ok(Ok((channel, token))) => {
                    current.serial += 1;
                    let connection = Connection { channel, token, serial: current.serial };
                    current.connection = Some(connection.clone());
                    return Ok(connection);
                }
                Ok(Err(error)) if error.kind() == ErrorKind::Denied => return Err(error),
                Ok(Err(error)) => why = format!("{}: {error}", endpoint.uri()),
                Err(_) => {
                    current.endpoint += 1;
                    break;
                }
            }
            current.endpoint += 1;
        }
        Err(nobody(&why))
    }

    /// Gives `connection` up; the next call tries the next endpoint.
    pub(crate) async fn failed(&self, connection: &Connection) {
        if let Some(mut current) = self.give_up(connection).await {
            current.endpoint += 1;
        }
    }

    /// Forgets `connection`, if it is still the one in use: the next call opens another, with a new token.
    async fn give_up(&self, connection: &Connection) -> Option<MutexGuard<'_, Current>> {
        let mut current = self.current.lock().await;
        current.connection.take_if(|it| it.serial == connection.serial).map(|_| current)
    }

    async fn open(&self, endpoint: &Endpoint) -> Result<(Channel, Option<MetadataValue<Ascii>>)> {
        let unreachable = |message: String| Error::new(ErrorKind::Unreachable, message);
        let channel = endpoint.connect().await.map_err(|error| unreachable(root_cause(&error)))?;
        let Some((name, password)) = &self.user else { return Ok((channel, None)) };
        let ask = pb::AuthenticateRequest { name: name.clone(), password: password.clone() };
        let answer = pb::auth_client::AuthClient::new(channel.clone()).authenticate(ask).await;
        let token = match answer {
            Ok(answer) => answer.into_inner().token,
            // Without authentication there is nothing to prove.
            Err(status) if status.message().contains("authentication is not enabled") => return Ok((channel, None)),
            Err(status) => {
                let error = Error::from_status(&status);
                return Err(if error.is_uncertain() { unreachable(status.message().to_owned()) } else { error });
            }
        };
        let token = token.parse().map_err(|_| unreachable("etcd sent a token that is no text".to_owned()))?;
        Ok((channel, Some(token)))
    }

    /// Makes one call within `timeout`: on the connection in use, with a new token when the old one ran out.
    pub(crate) async fn call<T, F>(&self, what: &str, timeout: Duration, make: impl Fn(Connection) -> F) -> Result<T>
    where
        F: Future<Output = std::result::Result<T, Status>>,
    {
        let deadline = Instant::now() + timeout;
        let mut renewed = false;
        loop {
            let connection = self.get(deadline).await?;
            let status = match timeout_at(deadline, make(connection.clone())).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(status)) => status,
                Err(_) => {
                    self.failed(&connection).await;
                    return Err(Error::timeout(what));
                }
            };
            if status.code() == Code::Unauthenticated && !renewed {
                drop(self.give_up(&connection).await);
                renewed = true;
                continue;
            }
            let error = Error::from_status(&status);
            if error.is_uncertain() {
                self.failed(&connection).await;
            }
            return Err(error);
        }
    }
}

/// The innermost reason: tonic's own message says only "transport error".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
