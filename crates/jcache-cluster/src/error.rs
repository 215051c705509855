//! Errors of the driver around the engine, as core's error.

pub(crate) use jcache_core::Result;

/// Makes core's errors.
pub(crate) struct Error;

impl Error {
    /// A setting that cannot work.
    pub(crate) fn configuration(message: impl Into<String>) -> jcache_core::Error {
        jcache_core::Error::new(jcache_core::ErrorKind::Configuration, message.into())
    }

    /// What is not there, or not now.
    pub(crate) fn unavailable(message: impl Into<String>) -> jcache_core::Error {
        jcache_core::Error::new(jcache_core::ErrorKind::Unavailable, message.into())
    }

    /// A connection that failed, with the innermost reason: tonic's own message says only "transport error".
    pub(crate) fn transport(error: &(dyn std::error::Error + 'static)) -> jcache_core::Error {
        let mut innermost = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Self::unavailable(innermost.to_string())
    }
}
