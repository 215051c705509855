//! What must not be shown.

use std::fmt;

use super::One;

/// What stands for a secret.
pub(crate) const HIDDEN: &str = "(hidden)";

/// A password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl One for Secret {
    const PLACE: &'static str = "PASSWORD";

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("a password must not be empty".to_owned()) } else { Ok(Self(text.to_owned())) }
    }

    fn show(&self) -> String {
        self.0.clone()
    }

    fn mask(&self) -> String {
        HIDDEN.to_owned()
    }
}

/// A user and their password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: Secret,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mask())
    }
}

impl One for User {
    const PLACE: &'static str = "NAME:PASSWORD";

    fn read(text: &str) -> Result<Self, String> {
        // What was given is not repeated: a part of it may be a password.
        let (name, password) = text.split_once(':').ok_or("expected NAME:PASSWORD")?;
        let named = !name.is_empty() && !name.contains(char::is_whitespace);
        if named && !password.is_empty() {
            Ok(Self { name: name.to_owned(), password: Secret(password.to_owned()) })
        } else {
            Err("expected NAME:PASSWORD, neither of them empty".to_owned())
        }
    }

    fn show(&self) -> String {
        format!("{}:{}", self.name, self.password.0)
    }

    fn mask(&self) -> String {
        format!("{}:{HIDDEN}", self.name)
    }
}
