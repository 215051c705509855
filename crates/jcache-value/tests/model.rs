//! Random sequences of edits against a plain model, while handles to earlier texts are held and must never change.

use jcache_value::{Entry, Value};
use proptest::collection::vec;
use proptest::prelude::*;

/// What an entry is, told plainly.
#[derive(Clone, Debug)]
struct Model {
    key: Vec<u8>,
    content: Content,
    deadline: u64,
    frequency: u8,
}

#[derive(Clone, Debug, PartialEq)]
enum Content {
    Text(Vec<u8>),
    Object(String),
}

#[derive(Clone, Debug)]
enum Op {
    Text(Vec<u8>),
    Shared(Vec<u8>),
    Object(String),
    SetText(Vec<u8>),
    SetShared(Vec<u8>),
    SetSharedToHandle(usize),
    Overwrite(Vec<u8>),
    Append(Vec<u8>),
    AppendHandle(usize),
    WriteAt(usize, Vec<u8>),
    SetDeadline(u64),
    Touch,
    Cool,
    Clone,
    Lend,
    ToBytes,
    Forget(usize),
    PushObject(char),
    TakeObject,
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![
        6 => 0..64_usize,
        3 => 200..300_usize,
        2 => 4090..4100_usize,
        1 => 9_000..70_000_usize,
    ];
    (len, any::<u8>()).prop_map(|(len, seed)| (0..len).map(|i| (i as u8).wrapping_mul(7) ^ seed).collect())
}

fn op() -> impl Strategy<Value = Op> {
    use Op::{
        Append, AppendHandle, Cool, Forget, Lend, Object, Overwrite, PushObject, SetDeadline, SetShared,
        SetSharedToHandle, SetText, Shared, TakeObject, Text, ToBytes, Touch, WriteAt,
    };
    prop_oneof![
        1 => content().prop_map(Text),
        1 => content().prop_map(Shared),
        1 => ".{0,20}".prop_map(Object),
        2 => content().prop_map(SetText),
        2 => content().prop_map(SetShared),
        1 => any::<usize>().prop_map(SetSharedToHandle),
        3 => content().prop_map(Overwrite),
        4 => content().prop_map(Append),
        1 => any::<usize>().prop_map(AppendHandle),
        4 => (0..5000_usize, content()).prop_map(|(offset, bytes)| WriteAt(offset, bytes)),
        2 => any::<u64>().prop_map(SetDeadline),
        1 => Just(Touch),
        1 => Just(Cool),
        3 => Just(Op::Clone),
        3 => Just(Lend),
        1 => Just(ToBytes),
        4 => any::<usize>().prop_map(Forget),
        1 => any::<char>().prop_map(PushObject),
        1 => Just(TakeObject),
    ]
}

/// An entry with its model and the handles that were given out, each with the bytes it must keep.
struct World {
    entry: Entry<String>,
    model: Model,
    handles: Vec<(Value, Vec<u8>)>,
    buffers: Vec<(bytes::Bytes, Vec<u8>)>,
}

impl World {
    fn new(key: Vec<u8>) -> World {
        let entry = Entry::text(&key, b"", 0);
        let model = Model { key, content: Content::Text(vec![]), deadline: 0, frequency: 0 };
        World { entry, model, handles: vec![], buffers: vec![] }
    }

    /// Replaces the entry by a new one.
    fn restart(&mut self, entry: Entry<String>, content: Content) {
        self.entry = entry;
        self.model.content = content;
        self.model.frequency = 0;
    }

    fn append(&mut self, tail: &[u8]) {
        if let Content::Text(text) = &mut self.model.content {
            self.entry.append(tail);
            text.extend(tail);
        }
    }

    fn apply(&mut self, op: Op) {
        let (key, deadline) = (self.model.key.clone(), self.model.deadline);
        let pick = |n: usize, len: usize| (len > 0).then(|| n % len);
        match op {
            Op::Text(v) => self.restart(Entry::text(&key, &v, deadline), Content::Text(v)),
            Op::Shared(v) => self.restart(Entry::shared(&key, Value::from(v.clone()), deadline), Content::Text(v)),
            Op::Object(o) => self.restart(Entry::object(&key, o.clone(), deadline), Content::Object(o)),
            Op::SetText(v) => {
                self.entry.set_text(&v);
                self.model.content = Content::Text(v);
            }
            Op::SetShared(v) => {
                self.entry.set_shared(Value::from(v.clone()));
                self.model.content = Content::Text(v);
            }
            Op::SetSharedToHandle(n) => {
                if let Some(i) = pick(n, self.handles.len()) {
                    self.entry.set_shared(self.handles[i].0.clone());
                    self.model.content = Content::Text(self.handles[i].1.clone());
                }
            }
            Op::Overwrite(v) => {
                if self.entry.overwrite(&v) {
                    assert!(matches!(self.model.content, Content::Text(_)));
                    self.model.content = Content::Text(v);
                }
            }
            Op::Append(tail) => self.append(&tail),
            Op::AppendHandle(n) => {
                if let Some(i) = pick(n, self.handles.len()) {
                    let tail = self.handles[i].0.clone();
                    self.append(&tail);
                }
            }
            Op::WriteAt(offset, bytes) => {
                if let Content::Text(text) = &mut self.model.content {
                    self.entry.write_at(offset, &bytes);
                    if !bytes.is_empty() {
                        text.resize(text.len().max(offset + bytes.len()), 0);
                        text[offset..offset + bytes.len()].copy_from_slice(&bytes);
                    }
                }
            }
            Op::SetDeadline(deadline) => {
                self.entry.set_deadline(deadline);
                let kept = deadline.min((1 << 48) - 1);
                self.model.deadline = if kept < 1 << 43 { kept } else { kept | 31 };
            }
            Op::Touch => {
                self.entry.touch();
                self.model.frequency = (self.model.frequency + 1).min(3);
            }
            Op::Cool => {
                self.entry.cool();
                self.model.frequency = self.model.frequency.saturating_sub(1);
            }
            Op::Clone => {
                if let Some(text) = self.entry.as_text() {
                    self.handles.push((text.clone(), text.to_vec()));
                }
            }
            Op::Lend => {
                if let Some(text) = self.entry.lend_text() {
                    let bytes = text.to_vec();
                    self.handles.push((text, bytes));
                    self.model.frequency = (self.model.frequency + 1).min(3);
                }
            }
            Op::ToBytes => {
                if let Some(text) = self.entry.as_text() {
                    self.buffers.push((text.clone().to_bytes(), text.to_vec()));
                }
            }
            Op::Forget(n) => {
                if let Some(i) = pick(n, self.handles.len()) {
                    let (value, expected) = self.handles.swap_remove(i);
                    assert_eq!(Vec::from(value), expected);
                }
                if let Some(i) = pick(n, self.buffers.len()) {
                    self.buffers.swap_remove(i);
                }
            }
            Op::PushObject(c) => {
                if let Content::Object(o) = &mut self.model.content {
                    self.entry.object_mut().expect("an object").push(c);
                    o.push(c);
                }
            }
            Op::TakeObject => {
                let empty = Entry::text(&key, b"", deadline);
                match std::mem::replace(&mut self.entry, empty).into_object() {
                    Ok(object) => {
                        assert_eq!(Content::Object(object), self.model.content);
                        self.model.content = Content::Text(vec![]);
                        self.model.frequency = 0;
                    }
                    Err(entry) => self.entry = entry,
                }
            }
        }
    }

    fn check(&self) {
        let Model { key, content, deadline, frequency } = &self.model;
        assert_eq!(self.entry.key(), key);
        assert_eq!((self.entry.deadline(), self.entry.frequency()), (*deadline, *frequency));
        match content {
            Content::Text(text) => {
                assert!(self.entry.as_object().is_none());
                assert_eq!(self.entry.as_text().expect("text").as_bytes(), text);
                assert!(self.entry.size() >= 24 + key.len() + text.len());
            }
            Content::Object(object) => {
                assert!(self.entry.as_text().is_none());
                assert_eq!(self.entry.as_object(), Some(object));
            }
        }
        for (value, expected) in &self.handles {
            assert_eq!(value.as_bytes(), expected);
        }
        for (buffer, expected) in &self.buffers {
            assert_eq!(buffer, expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_entry_is_its_model(key_len in prop_oneof![0..40_usize, 250..260_usize], ops in vec(op(), 0..60)) {
        let mut world = World::new((0..key_len).map(|i| i as u8).collect());
        for op in ops {
            world.apply(op);
            world.check();
        }
    }

    #[test]
    fn parts_concatenate(parts in vec(vec(any::<u8>(), 0..300), 0..20)) {
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let value = Value::from_parts(&slices);
        assert_eq!(value.as_bytes(), parts.concat());
    }
}
