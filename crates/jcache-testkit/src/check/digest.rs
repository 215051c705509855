//! C4: copies are equal at equal offsets.

use std::collections::BTreeMap;

use super::Violation;

/// How many offsets are remembered; older ones are forgotten, and no more compared.
const MOST: usize = 65_536;

/// The digest of every shard after each committed offset at which somebody looked.
#[derive(Debug, Default)]
pub struct Digests {
    known: BTreeMap<u64, (Vec<u64>, String)>,
    compared: u64,
}

impl Digests {
    /// Whether somebody has looked at `offset`.
    pub fn knows(&self, offset: u64) -> bool {
        self.known.contains_key(&offset)
    }

    /// Without what is known: other copies count from now on.
    pub fn anew(&self) -> Self {
        Self { compared: self.compared, ..Self::default() }
    }

    /// How many comparisons there were.
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// `who` had executed everything up to the committed `offset`, and its shards have these digests.
    ///
    /// # Errors
    /// Another copy had other digests at this offset.
    pub fn see(&mut self, offset: u64, shards: Vec<u64>, who: &str) -> Result<(), Violation> {
        if let Some((known, first)) = self.known.get(&offset) {
            self.compared += 1;
            let differ = known.iter().zip(&shards).position(|(a, b)| a != b);
            let differ = differ.or((known.len() != shards.len()).then_some(shards.len()));
            return match differ {
                None => Ok(()),
                Some(shard) => Err(Violation::new(
                    "C4",
                    format!("after offset {offset} shard {shard} of {who} differs from {first}'s"),
                )),
            };
        }
        if self.known.len() >= MOST {
            self.known.pop_first();
        }
        self.known.insert(offset, (shards, who.to_owned()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_offsets_want_equal_digests() {
        for (second, good) in
            [((1, vec![5, 6]), true), ((2, vec![7, 6]), true), ((1, vec![5, 7]), false), ((1, vec![5]), false)]
        {
            let mut digests = Digests::default();
            digests.see(1, vec![5, 6], "a").unwrap();
            let (offset, shards) = second;
            assert_eq!(digests.see(offset, shards, "b").is_ok(), good);
        }
    }

    #[test]
    fn old_offsets_are_forgotten() {
        let mut digests = Digests::default();
        for offset in 0..=MOST as u64 {
            digests.see(offset, vec![offset], "a").unwrap();
        }
        assert!(!digests.knows(0) && digests.knows(MOST as u64));
    }
}
