//! Messages as gRPC carries them, looked over before anything is made of them: a message of few bytes must not become
//! one of many items.

use std::marker::PhantomData;

use bytes::{Buf, Bytes};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::ProstEncoder;

/// Items of one message: calls, answers, epochs. What is merged on the way is far less.
pub(crate) const MAX_ITEMS: usize = 65_536;

/// Protobuf with a bound for the number of items in a message.
#[derive(Debug)]
pub(crate) struct Bounded<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Bounded<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Message + Send + 'static, U: Message + Default + Send + 'static> Codec for Bounded<T, U> {
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(tonic::codec::BufferSettings::default())
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder(PhantomData)
    }
}

/// Decodes what is within the bound.
#[derive(Debug)]
pub(crate) struct BoundedDecoder<U>(PhantomData<U>);

impl<U: Message + Default> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        look_over(bytes.clone())?;
        let message = U::decode(bytes).map_err(|error| Status::invalid_argument(error.to_string()))?;
        Ok(Some(message))
    }
}

/// Counts the fields of a message and of the messages directly in it: where items are that repeat.
fn look_over(mut bytes: Bytes) -> Result<(), Status> {
    let broken = |error: prost::DecodeError| Status::invalid_argument(error.to_string());
    let mut items = 0;
    while bytes.has_remaining() {
        let (tag, wire) = decode_key(&mut bytes).map_err(broken)?;
        if wire != WireType::LengthDelimited {
            skip_field(wire, tag, &mut bytes, DecodeContext::default()).map_err(broken)?;
            count(&mut items)?;
            continue;
        }
        let len = usize::try_from(decode_varint(&mut bytes).map_err(broken)?).unwrap_or(usize::MAX);
        if len > bytes.remaining() {
            return Err(Status::invalid_argument("a part is longer than the message"));
        }
        let mut part = bytes.split_to(len);
        count(&mut items)?;
        // A part need not be a message: what cannot be one has no items.
        while part.has_remaining() {
            let Ok((tag, wire)) = decode_key(&mut part) else { break };
            if skip_field(wire, tag, &mut part, DecodeContext::default()).is_err() {
                break;
            }
            count(&mut items)?;
        }
    }
    Ok(())
}

fn count(items: &mut usize) -> Result<(), Status> {
    *items += 1;
    if *items > MAX_ITEMS { Err(Status::resource_exhausted("a message of too many items")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pb;

    fn forward(calls: usize) -> Bytes {
        let call = pb::Call { seq: 1, work: Some(pb::call::Work::OpenSession(pb::Empty {})) };
        let forward = pb::Forward { calls: vec![call; calls] };
        pb::Message { kind: Some(pb::message::Kind::Forward(forward)) }.encode_to_vec().into()
    }

    #[test]
    fn items_are_counted_before_they_are_made() {
        for (bytes, fine) in [
            (Bytes::new(), true),
            (forward(1), true),
            (forward(MAX_ITEMS - 1), true),
            (forward(MAX_ITEMS), false),
            (Bytes::from_static(&[0x0a, 0xff, 0xff, 0x03, 1]), false),
            (Bytes::from_static(&[0xff]), false),
        ] {
            assert_eq!(look_over(bytes.clone()).is_ok(), fine, "{} bytes", bytes.len());
        }
    }

    #[test]
    fn bytes_that_only_look_like_items_are_fine() {
        let records = Bytes::from(vec![8; 1 << 20]);
        let frame = pb::Frame { records, ..pb::Frame::default() };
        let message = pb::Message { kind: Some(pb::message::Kind::Frame(frame)) };
        assert!(look_over(message.encode_to_vec().into()).is_ok());
    }
}
