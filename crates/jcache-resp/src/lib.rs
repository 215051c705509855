//! RESP2 and RESP3, the protocols of Redis, between bytes and what jcache means by them. No I/O, no clock, no threads.
//!
//! A server reads commands with a [`RequestDecoder`] and writes replies into an [`Output`]; a client writes commands into
//! an [`Output`] and reads replies with a [`ReplyDecoder`]. Decoders own the buffer that the socket reads into: one
//! asks for the place of the next bytes, fills it, and takes what has become whole. A byte is looked at once however
//! the bytes are cut, and nothing is reserved for bytes that have not come.
//!
//! ```
//! use bytes::BufMut;
//! use jcache_core::Reply;
//! use jcache_resp::{Output, Protocol, RequestDecoder};
//!
//! let mut decoder = RequestDecoder::default();
//! decoder.input().put_slice(b"*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\nPING\r\n"); // a socket's read_buf
//! let mut output = Output::default();
//! while let Some(args) = decoder.next().unwrap() {
//!     output.reply(&Reply::Bulk(args.last().unwrap().to_value()), Protocol::Resp3);
//! }
//! assert_eq!(output.to_vec(), b"$2\r\nhi\r\n$4\r\nPING\r\n"); // or write_vectored: it is a `bytes::Buf`
//! ```

mod encode;
mod error;
mod inline;
mod input;
mod limits;
mod output;
mod reply;
mod request;

pub use error::ProtocolError;
pub use limits::Limits;
pub use output::Output;
pub use reply::ReplyDecoder;
pub use request::{Arguments, RequestDecoder};

/// Which of the two protocols a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// What a connection speaks at first.
    #[default]
    Resp2,
    /// What `HELLO 3` asks for: it has maps, sets, doubles and push messages.
    Resp3,
}
