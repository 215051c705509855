//! The types that settings have: how each is read from text and shown as text.
//!
//! Flags, variables, the file and `CONFIG SET` all give text, and `CONFIG GET` and the printed file show it, so one
//! pair of functions a type serves all of them. Numbers have Redis's units where Redis has the setting.

mod cluster;
mod limits;
mod number;
mod place;
mod secret;
mod word;

pub(crate) use cluster::{Acknowledge, ReadFrom, Times, Unclean};
pub(crate) use limits::OutputLimits;
pub(crate) use number::{Bytes, Life, Number, Seconds};
pub(crate) use place::{Address, Permissions};
pub(crate) use secret::{HIDDEN, Secret, User};
pub(crate) use word::{AuthClients, LogFormat, LogLevel, Word};

/// How a value is written in a TOML file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    Number,
    Boolean,
}

/// A value that a setting can have.
pub(crate) trait One: Sized {
    const SHAPE: Shape = Shape::Text;
    /// Whether the flag may stand without a value, which then is `yes`; another value follows after `=`.
    const BARE: bool = false;
    /// What stands for the value in help texts.
    const PLACE: &'static str;

    /// Reads a value.
    ///
    /// # Errors
    /// Says what is expected.
    fn read(text: &str) -> Result<Self, String>;

    /// The value as [`read`](One::read) takes it.
    fn show(&self) -> String;

    /// The value for everybody's eyes: without what is secret in it.
    fn mask(&self) -> String {
        self.show()
    }
}

/// One value, or any number of them.
pub(crate) trait Kind: Sized {
    /// What one value is.
    type One: One;
    const MANY: bool;

    fn read_all(texts: &[String]) -> Result<Self, String>;
    fn show_all(&self) -> Vec<String>;
    fn mask_all(&self) -> Vec<String>;
}

impl<T: One> Kind for T {
    type One = T;
    const MANY: bool = false;

    fn read_all(texts: &[String]) -> Result<Self, String> {
        match texts {
            [text] => T::read(text),
            texts => Err(format!("expected one value, not {}", texts.len())),
        }
    }

    fn show_all(&self) -> Vec<String> {
        vec![self.show()]
    }

    fn mask_all(&self) -> Vec<String> {
        vec![self.mask()]
    }
}

impl<T: One> Kind for Vec<T> {
    type One = T;
    const MANY: bool = true;

    fn read_all(texts: &[String]) -> Result<Self, String> {
        // An empty text is how a flag or a variable says "none".
        texts.iter().filter(|text| !text.is_empty()).map(|text| T::read(text)).collect()
    }

    fn show_all(&self) -> Vec<String> {
        self.iter().map(T::show).collect()
    }

    fn mask_all(&self) -> Vec<String> {
        self.iter().map(T::mask).collect()
    }
}

/// A value that may be absent, for which stands the empty text, as in Redis's configuration.
impl<T: One> One for Option<T> {
    const SHAPE: Shape = T::SHAPE;
    const PLACE: &'static str = T::PLACE;

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::read(text).map(Some) }
    }

    fn show(&self) -> String {
        self.as_ref().map(T::show).unwrap_or_default()
    }

    fn mask(&self) -> String {
        self.as_ref().map(T::mask).unwrap_or_default()
    }
}

impl One for bool {
    const SHAPE: Shape = Shape::Boolean;
    const PLACE: &'static str = "yes|no";

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "yes" => Ok(true),
            "no" => Ok(false),
            other => Err(format!("expected yes or no, not '{other}'")),
        }
    }

    fn show(&self) -> String {
        if *self { "yes" } else { "no" }.to_owned()
    }
}

/// A `bool` whose flag may stand alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Switch(pub(crate) bool);

impl One for Switch {
    const SHAPE: Shape = Shape::Boolean;
    const BARE: bool = true;
    const PLACE: &'static str = "yes|no";

    fn read(text: &str) -> Result<Self, String> {
        bool::read(text).map(Self)
    }

    fn show(&self) -> String {
        self.0.show()
    }
}
