//! C10: memory stays within its bounds.

use super::Violation;

/// Something that may not grow beyond a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// What it is, with its unit.
    pub name: &'static str,
    /// The most that is allowed.
    pub most: u64,
    /// The most that was seen.
    pub seen: u64,
}

impl Bound {
    /// At most `most` of `name`.
    pub fn new(name: &'static str, most: u64) -> Self {
        Self { name, most, seen: 0 }
    }

    /// `who` has `amount` of it now.
    ///
    /// # Errors
    /// That is too much.
    pub fn see(&mut self, amount: u64, who: &str) -> Result<(), Violation> {
        self.seen = self.seen.max(amount);
        if amount > self.most {
            return Err(Violation::new("C10", format!("{who}: {amount} {}, allowed are {}", self.name, self.most)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_allowed_and_no_more() {
        let mut bound = Bound::new("bytes of log", 10);
        assert_eq!(bound.see(10, "a"), Ok(()));
        assert_eq!(bound.see(11, "a").map_err(|it| it.check), Err("C10"));
        assert_eq!(bound.seen, 11);
    }
}
