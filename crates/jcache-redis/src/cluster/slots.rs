//! Which node owns which of the 16,384 slots, and which slot a key is in.

use jcache_core::arg::Key;
use redis::Value;

use crate::link::Link;
use crate::stream::Address;

/// The number of slots of a cluster.
pub(crate) const SLOTS: usize = 16_384;

/// The slot of `key`: of what stands between its first `{` and the next `}`, unless that is empty; else of all of it.
pub(crate) fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|&byte| byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|&byte| byte == b'}')?;
        (close > 0).then(|| &rest[..close])
    });
    crc16::State::<crc16::XMODEM>::calculate(tag.unwrap_or(key)) % SLOTS as u16
}

/// Where the keys of a command are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spread {
    /// The command has no key.
    NoKey,
    /// All in this slot.
    Slot(u16),
    /// In several slots.
    Several,
}

impl Spread {
    /// Adds one more key.
    pub(crate) fn add(&mut self, key: &Key<'_>) {
        let slot = slot_of(key.as_bytes());
        *self = match *self {
            Spread::NoKey => Spread::Slot(slot),
            Spread::Slot(same) if same == slot => Spread::Slot(slot),
            _ => Spread::Several,
        };
    }
}

/// A master and the way to it.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) address: Address,
    pub(crate) link: Link,
}

/// The masters of a cluster and their slots, as one node told them.
#[derive(Debug)]
pub(crate) struct SlotMap {
    masters: Vec<Node>,
    /// The place of the owner in `masters`, for each slot.
    owners: Box<[Option<u16>]>,
}

impl SlotMap {
    /// Nobody owns anything.
    pub(crate) fn empty() -> Self {
        Self { masters: Vec::new(), owners: vec![None; SLOTS].into() }
    }

    /// Reads the reply of the node at `told_by`; `node` makes or finds the way to an address.
    pub(crate) fn read(reply: &Value, told_by: &Address, mut node: impl FnMut(Address) -> Node) -> Option<Self> {
        let Value::Array(ranges) = reply else { return None };
        let mut map = Self::empty();
        for range in ranges {
            let Value::Array(parts) = range else { return None };
            let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = parts.as_slice() else { return None };
            let address = read_address(master, told_by)?;
            let place = map.masters.iter().position(|it| it.address == address).unwrap_or_else(|| {
                map.masters.push(node(address));
                map.masters.len() - 1
            });
            let slots = usize::try_from(*first).ok()?..=usize::try_from(*last).ok()?;
            map.owners.get_mut(slots)?.fill(Some(u16::try_from(place).ok()?));
        }
        Some(map)
    }

    /// The masters that own slots.
    pub(crate) fn masters(&self) -> &[Node] {
        &self.masters
    }

    /// The owner of `slot`.
    pub(crate) fn owner(&self, slot: u16) -> Option<&Node> {
        self.masters.get(usize::from((*self.owners.get(usize::from(slot))?)?))
    }
}

/// Reads `[host, port, …]`; without a host it is the one that told.
fn read_address(parts: &[Value], told_by: &Address) -> Option<Address> {
    let [host, Value::Int(port), ..] = parts else { return None };
    let host = match host {
        Value::BulkString(host) if !host.is_empty() => std::str::from_utf8(host).ok()?,
        Value::BulkString(_) | Value::Nil => host_of(told_by)?,
        _ => return None,
    };
    Some(Address::Tcp(host.to_owned(), u16::try_from(*port).ok()?))
}

fn host_of(address: &Address) -> Option<&str> {
    match address {
        Address::Tcp(host, _) => Some(host),
        Address::Unix(_) => None,
    }
}

/// Where a node sends us with a command that it did not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redirect {
    pub(crate) address: Address,
    /// For this one command only, while its slot is being moved.
    pub(crate) ask: bool,
}

impl Redirect {
    /// Reads `MOVED 3999 127.0.0.1:6381` or `ASK …` as the node at `told_by` says it.
    pub(crate) fn read(text: &str, told_by: &Address) -> Option<Self> {
        let mut words = text.split(' ');
        let ask = match words.next()? {
            "MOVED" => false,
            "ASK" => true,
            _ => return None,
        };
        let (host, port) = words.nth(1)?.rsplit_once(':')?;
        let host = if host.is_empty() { host_of(told_by)? } else { host };
        Some(Self { address: Address::Tcp(host.to_owned(), port.parse().ok()?), ask })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        // `CLUSTER KEYSLOT` of a real server.
        let cases: [(&str, u16); 9] = [
            ("123456789", 0x31c3),
            ("foo", 12182),
            ("{foo}bar", 12182),
            ("a{foo}{bar}", 12182),
            ("foo{}", 5542),
            ("foo{}{bar}", 8363),
            ("{}", 15257),
            ("{", 4092),
            ("", 0),
        ];
        for (key, slot) in cases {
            assert_eq!(slot_of(key.as_bytes()), slot, "{key:?}");
        }
    }

    #[test]
    fn redirects_are_read() {
        let here = Address::Tcp("here".into(), 1);
        let to = |host: &str, port, ask| Some(Redirect { address: Address::Tcp(host.into(), port), ask });
        assert_eq!(Redirect::read("MOVED 3999 127.0.0.1:6381", &here), to("127.0.0.1", 6381, false));
        assert_eq!(Redirect::read("ASK 3999 ::1:6381", &here), to("::1", 6381, true));
        assert_eq!(Redirect::read("MOVED 3999 :6381", &here), to("here", 6381, false));
        for other in ["ERR no", "MOVED", "MOVED 1", "MOVED 1 x", "ASK 1 h:port"] {
            assert_eq!(Redirect::read(other, &here), None, "{other}");
        }
    }
}
