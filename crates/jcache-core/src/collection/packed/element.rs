//! One element of a packed sequence: its length, its bytes, its length again.
//!
//! The lengths are varints, seven bits a byte with the lowest first; the one behind the bytes is mirrored, so that it is
//! read from its end.

/// The elements of a [`Packed`](super::Packed), from either end.
#[derive(Clone, Default)]
pub(crate) struct Iter<'a> {
    pub(super) rest: &'a [u8],
    pub(super) len: usize,
}

impl Iter<'_> {
    /// Drops the first `count` elements, of which there must be as many.
    pub(crate) fn skip_front(&mut self, count: usize) {
        self.rest = &self.rest[self.offset(count)..];
        self.len -= count;
    }

    /// Drops the last `count` elements, of which there must be as many.
    pub(crate) fn skip_back(&mut self, count: usize) {
        self.rest = &self.rest[..self.offset(self.len - count)];
        self.len -= count;
    }

    /// Where the element `index` starts, or the end for `len`. Walks from the nearer end.
    pub(super) fn offset(&self, index: usize) -> usize {
        let mut walk = self.clone();
        if index <= self.len / 2 {
            for _ in 0..index {
                walk.next();
            }
            self.rest.len() - walk.rest.len()
        } else {
            for _ in index..self.len {
                walk.next_back();
            }
            walk.rest.len()
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.len == 0 || self.rest.is_empty() {
            return None;
        }
        self.len -= 1;
        let len = match self.rest[0] {
            short @ 0..0x80 => short as usize,
            _ => read_varint(self.rest.iter()),
        };
        let head = varint_len(len);
        let (element, rest) = self.rest[head..].split_at(len);
        self.rest = &rest[head..];
        Some(element)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.len == 0 {
            return None;
        }
        let len = match *self.rest.last()? {
            short @ 0..0x80 => short as usize,
            _ => read_varint(self.rest.iter().rev()),
        };
        self.len -= 1;
        let head = varint_len(len);
        let (rest, element) = self.rest[..self.rest.len() - head].split_at(self.rest.len() - head - len);
        self.rest = &rest[..rest.len() - head];
        Some(element)
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// Writes an element with its lengths; `room` is exactly as long as they are together.
#[inline]
pub(super) fn write(room: &mut [u8], element: &[u8]) {
    let len = element.len();
    if len < 0x80 {
        let (front, rest) = room.split_at_mut(1);
        let (middle, back) = rest.split_at_mut(len);
        middle.copy_from_slice(element);
        (front[0], back[0]) = (len as u8, len as u8);
        return;
    }
    let (front, rest) = room.split_at_mut(varint_len(len));
    let (middle, back) = rest.split_at_mut(len);
    middle.copy_from_slice(element);
    let mut left = len;
    for (forward, backward) in front.iter_mut().zip(back.iter_mut().rev()) {
        let more = if left >= 0x80 { 0x80 } else { 0 };
        *forward = left as u8 & 0x7f | more;
        *backward = *forward;
        left >>= 7;
    }
}

/// The bytes of the varint of `len`.
#[inline]
pub(super) fn varint_len(len: usize) -> usize {
    match len {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        _ => (len.ilog2() as usize) / 7 + 1,
    }
}

#[cold]
fn read_varint<'a>(bytes: impl Iterator<Item = &'a u8>) -> usize {
    let mut value = 0;
    for (index, byte) in bytes.enumerate() {
        value |= ((byte & 0x7f) as usize) << (7 * index);
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}
