//! The log: structured lines on standard error, as text or JSON, whose level may change while the node runs.

use std::io;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

use crate::config::kind::{LogFormat, LogLevel};

/// Changes the level of the log.
#[derive(Debug, Clone)]
pub(crate) struct Logs(reload::Handle<LevelFilter, Registry>);

/// Redis's words for what others call error, warning, information …
fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Nothing => LevelFilter::OFF,
    }
}

impl Logs {
    /// Starts the log of this process.
    pub(crate) fn start(level: LogLevel, format: LogFormat) -> Self {
        let (filter, handle) = reload::Layer::new(filter(level));
        let registry = tracing_subscriber::registry().with(filter);
        let lines = fmt::layer().with_writer(io::stderr).with_ansi(false);
        let started = match format {
            LogFormat::Text => registry.with(lines).try_init(),
            LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
        };
        started.expect("the process starts one log");
        Self(handle)
    }

    /// Changes the level.
    pub(crate) fn set(&self, level: LogLevel) {
        // Fails only when the log is gone, and then there is nothing to change.
        let _ = self.0.reload(filter(level));
    }
}
