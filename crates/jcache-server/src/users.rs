//! Who may come in: users with passwords, which are kept as hashes and compared in constant time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jcache_core::{Error, ErrorKind};
use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The user of those who do not say who they are.
pub(crate) const DEFAULT: &str = "default";

/// A SHA-256. A password is a secret of a machine, not of a person: Redis keeps them the same way.
type Hash = [u8; 32];

/// A user and the passwords that let them in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    name: String,
    passwords: Vec<Hash>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

impl User {
    /// A user whom nothing lets in yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), passwords: Vec::new() }
    }

    /// Lets them in with `password`, besides others that do.
    #[must_use]
    pub fn password(mut self, password: impl AsRef<[u8]>) -> Self {
        self.passwords.push(Sha256::digest(password).into());
        self
    }

    /// Lets them in with the password of this SHA-256 in 64 hexadecimal digits, so that a file need not hold it.
    ///
    /// ```
    /// use jcache_server::User;
    /// // printf %s secret | sha256sum
    /// let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    /// assert_eq!(User::new("ada").password_hash(hash), Ok(User::new("ada").password("secret")));
    /// assert!(User::new("ada").password_hash("secret").is_err());
    /// ```
    ///
    /// # Errors
    /// What is wrong with the digits.
    pub fn password_hash(mut self, hex: &str) -> Result<Self, String> {
        let wrong = || format!("the password hash of user '{}' is not 64 hexadecimal digits", self.name);
        if hex.len() != 64 || !hex.is_ascii() {
            return Err(wrong());
        }
        let mut hash = Hash::default();
        for (byte, digits) in hash.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        self.passwords.push(hash);
        Ok(self)
    }
}

/// The users of a server.
#[derive(Debug)]
pub(crate) struct Users(RwLock<BTreeMap<Arc<str>, Vec<Hash>>>);

impl Users {
    pub(crate) fn new(users: Vec<User>) -> Self {
        let mut by_name: BTreeMap<Arc<str>, Vec<Hash>> = BTreeMap::new();
        for user in users {
            by_name.entry(user.name.into()).or_default().extend(user.passwords);
        }
        by_name.entry(DEFAULT.into()).or_default();
        Self(RwLock::new(by_name))
    }

    /// Whether clients need not say who they are: the user `default` has no password.
    pub(crate) fn are_open(&self) -> bool {
        self.0.read().get(DEFAULT).is_none_or(Vec::is_empty)
    }

    pub(crate) fn has(&self, name: &[u8]) -> bool {
        std::str::from_utf8(name).is_ok_and(|name| self.0.read().contains_key(name))
    }

    /// Gives the user `default` this password and no other; an empty one lets everybody in.
    pub(crate) fn set_default_password(&self, password: &str) {
        let hash = (!password.is_empty()).then(|| Sha256::digest(password).into());
        self.0.write().insert(DEFAULT.into(), hash.into_iter().collect());
    }

    /// Lets the user `name` in, if `password` is theirs. An unknown name takes as long as a wrong password.
    ///
    /// # Errors
    /// `WRONGPASS`.
    pub(crate) fn authenticate(&self, name: &[u8], password: &[u8]) -> Result<Arc<str>, Error> {
        let hash: Hash = Sha256::digest(password).into();
        let users = self.0.read();
        let found = std::str::from_utf8(name).ok().and_then(|name| users.get_key_value(name));
        let nobody = [Hash::default()];
        let passwords = found.map_or(&nobody[..], |(_, passwords)| passwords);
        let mut right = Choice::from(0);
        for password in passwords {
            right |= password.ct_eq(&hash);
        }
        let no_password_needed = found.is_some_and(|(name, passwords)| &**name == DEFAULT && passwords.is_empty());
        match found {
            Some((name, _)) if bool::from(right) || no_password_needed => Ok(name.clone()),
            _ => Err(Error::new(ErrorKind::Auth, "WRONGPASS invalid username-password pair or user is disabled.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_pair_comes_in() {
        let users = Users::new(vec![User::new("ada").password("1").password("2"), User::new("nobody")]);
        let check = |name: &str, password: &str, comes_in: bool| {
            assert_eq!(users.authenticate(name.as_bytes(), password.as_bytes()).is_ok(), comes_in, "{name} {password}");
        };
        check("ada", "1", true);
        check("ada", "2", true);
        check("ada", "3", false);
        check("ada", "", false);
        check("Ada", "1", false);
        check("nobody", "", false);
        check("unknown", "", false);
        check("default", "whatever", true);
        assert!(users.are_open());

        users.set_default_password("secret");
        assert!(!users.are_open());
        check("default", "whatever", false);
        check("default", "", false);
        check("default", "secret", true);
        users.set_default_password("");
        assert!(users.are_open());
    }
}
