//! Settings that are one of a few words.

use jcache_memory::Eviction;

use super::One;
use crate::config::hint;

/// The policies, the default first.
const EVICTIONS: [Eviction; 6] =
    [Eviction::S3Fifo, Eviction::Lru, Eviction::Lfu, Eviction::Random, Eviction::Ttl, Eviction::NoEviction];

impl One for Eviction {
    const PLACE: &'static str = "POLICY";

    fn read(text: &str) -> Result<Self, String> {
        let words = EVICTIONS.map(|policy| policy.to_string());
        text.parse().map_err(|_| hint::no_such_word(text, &words.each_ref().map(String::as_str)))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// A name, or another word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) String);

impl One for Word {
    const PLACE: &'static str = "NAME";

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.contains(char::is_whitespace) {
            return Err(format!("expected a word, not '{text}'"));
        }
        Ok(Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// An `enum` of words.
macro_rules! choice {
    ($(#[$doc:meta])* $Name:ident { $( $(#[$vdoc:meta])* $Variant:ident = $word:literal, )+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $Name { $( $(#[$vdoc])* $Variant, )+ }

        impl One for $Name {
            const PLACE: &'static str = choice!(@place $($word)+);

            fn read(text: &str) -> Result<Self, String> {
                match text {
                    $( $word => Ok(Self::$Variant), )+
                    other => Err(hint::no_such_word(other, &[$($word),+])),
                }
            }

            fn show(&self) -> String {
                match self { $( Self::$Variant => $word, )+ }.to_owned()
            }
        }
    };
    (@place $first:literal $($rest:literal)*) => { concat!($first $(, "|", $rest)*) };
}

pub(super) use choice;

choice! {
    /// How much is logged, by Redis's words.
    LogLevel {
        Debug = "debug",
        Verbose = "verbose",
        Notice = "notice",
        Warning = "warning",
        Nothing = "nothing",
    }
}

choice! {
    /// How a line of the log looks.
    LogFormat {
        Text = "text",
        Json = "json",
    }
}

choice! {
    /// Whether clients must show a certificate.
    AuthClients {
        No = "no",
        Optional = "optional",
        Yes = "yes",
    }
}
