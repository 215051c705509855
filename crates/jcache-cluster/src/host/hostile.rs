//! What a peer sends that is no peer: its own stream breaks, and nothing else.

use bytes::{BufMut, Bytes};
use jcache_core::Reply;
use prost::Message as _;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::tests::{LINEARIZABLE, listen, run, start_on, until, until_done};
use crate::engine::{CallOptions, Role};
use crate::wire::pb;
use jcache_testkit::etcd::etcd_or_skip;

/// Bytes as they are, in place of messages.
#[derive(Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, bytes: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(bytes);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        bytes::Buf::advance(buffer, bytes::Buf::remaining(buffer));
        Ok(Some(()))
    }
}

/// Sends `bytes` as one message on a stream for `what`, and waits until the stream ends; gives the error, if any.
async fn send(addr: &str, what: &'static str, bytes: Bytes) -> Option<Code> {
    let channel = Channel::from_shared(format!("http://{addr}")).unwrap().connect().await.unwrap();
    let mut client = tonic::client::Grpc::new(channel).max_encoding_message_size(usize::MAX);
    client.ready().await.unwrap();
    let path = tonic::codegen::http::uri::PathAndQuery::from_static(what);
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    sender.send(bytes).await.unwrap();
    let stream = Request::new(tokio_stream::wrappers::ReceiverStream::new(receiver));
    let mut answers = match client.streaming(stream, path, Raw).await {
        Ok(answers) => answers.into_inner(),
        Err(status) => return Some(status.code()),
    };
    let ended = async {
        loop {
            match answers.message().await {
                Ok(Some(())) => {}
                Ok(None) => return None,
                Err(status) => return Some(status.code()),
            }
        }
    };
    // A stream whose message means nothing where it came may stay open.
    tokio::time::timeout(std::time::Duration::from_millis(300), ended).await.unwrap_or(None)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_and_giants_break_their_own_stream_and_nothing_else() {
    use pb::message::Kind;
    let Some(etcd) = etcd_or_skip() else { return };
    let (listener, addr) = listen().await;
    let a = start_on(listener, &etcd, "a", 1, None);
    until("a leads", &a, |it| it.status().role == Role::Leader).await;
    assert_eq!(until_done(&a, "SET key value", CallOptions::default()).await, Reply::Ok);
    let message = |kind: Kind| Bytes::from(pb::Message { kind: Some(kind) }.encode_to_vec());
    let call = pb::Call { seq: 1, work: Some(pb::call::Work::OpenSession(pb::Empty {})) };
    let member = pb::Member { node: "x".into(), incarnation: vec![7; 16].into() };
    let frame = pb::Frame { epoch: 9, first: 1, count: 3, records: vec![255; 100].into(), ..pb::Frame::default() };
    let part = pb::snap::Part::Begin(pb::SnapBegin { shard: u32::MAX, shards: u32::MAX, at: 1 });
    let mut random = fastrand::Rng::with_seed(6);
    let mut messages = vec![
        Bytes::new(),
        Bytes::from_static(b"GET / HTTP/1.1"),
        message(Kind::Forward(pb::Forward { calls: vec![call; crate::transport::codec::MAX_ITEMS + 1] })),
        message(Kind::Frame(frame)),
        message(Kind::Snap(pb::Snap { epoch: 9, seq: 1, part: Some(part) })),
        message(Kind::Join(pb::Join {
            cluster: "y".repeat(10_000),
            member: Some(member.clone()),
            ..pb::Join::default()
        })),
        message(Kind::Join(pb::Join { member: None, ..pb::Join::default() })),
        message(Kind::Ack(pb::Ack { epoch: u64::MAX, member: Some(member), received: u64::MAX, ..pb::Ack::default() })),
        message(Kind::Handover(pb::EpochOnly { epoch: 0 })),
    ];
    messages.extend((0..50).map(|_| (0..random.usize(1..200)).map(|_| random.u8(..)).collect::<Bytes>()));
    for (number, bytes) in messages.into_iter().enumerate() {
        let what = [
            "/jcache.replication.v1.Replication/Replicate",
            "/jcache.replication.v1.Replication/Forward",
            "/jcache.replication.v1.Replication/Status",
        ][number % 3];
        send(&addr, what, bytes).await;
    }
    let giant = Bytes::from(vec![0; crate::transport::MAX_MESSAGE + 1]);
    send(&addr, "/jcache.replication.v1.Replication/Forward", giant).await;
    // Who is let in and speaks of a later leadership costs an election, and nothing else.
    until("a leads", &a, |it| it.status().role == Role::Leader).await;
    assert_eq!(run(&a, "GET key", LINEARIZABLE).await, Ok(Reply::Bulk("value".into())));
    let status = a.status();
    assert_eq!((status.isr.len(), status.counters.unclean_starts), (1, 0), "{status:#?}");
    assert!(status.epoch < 100, "{status:#?}");
}
