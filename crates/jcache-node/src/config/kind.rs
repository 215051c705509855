//! The types that settings have: how each is read from text and shown as text.
//!
//! Flags, variables, the file and `CONFIG SET` all give text, and `CONFIG GET` and the printed file show it, so one
//! pair of functions a type serves all of them. Numbers have Redis's units where Redis has the setting.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use jcache_memory::Eviction;
use jcache_server::{Limits, OutputLimit};

use super::hint;
use crate::levels::LevelSpec;

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

/// A whole number within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number<const MIN: i64, const MAX: i64>(pub(crate) i64);

impl<const MIN: i64, const MAX: i64> One for Number<MIN, MAX> {
    const SHAPE: Shape = Shape::Number;
    const PLACE: &'static str = "N";

    fn read(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(number) if (MIN..=MAX).contains(&number) => Ok(Self(number)),
            _ => Err(format!("expected a whole number from {MIN} to {MAX}, not '{text}'")),
        }
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// A number of bytes: `k`, `m` and `g` are thousands, `kb`, `mb` and `gb` are 1,024s, as in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

const UNITS: [(&str, u64); 7] =
    [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10), ("g", 1_000_000_000), ("m", 1_000_000), ("k", 1_000), ("b", 1)];

impl One for Bytes {
    const PLACE: &'static str = "BYTES";

    fn read(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let unit = UNITS.iter().find_map(|(unit, factor)| Some((lower.strip_suffix(unit)?, *factor)));
        let (digits, factor) = unit.unwrap_or((&lower, 1));
        let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        number.map(Self).ok_or_else(|| format!("expected a number of bytes such as 256mb, not '{text}'"))
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// A time that Redis counts in units of `MILLIS` thousandths of a second; a text such as `5m` is taken too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time<const MILLIS: u64>(pub(crate) Duration);

/// Seconds, when only a number is given.
pub(crate) type Seconds = Time<1000>;

/// The longest time that a setting can have: some 31 years.
const LONGEST: Duration = Duration::from_secs(1_000_000_000);

impl<const MILLIS: u64> One for Time<MILLIS> {
    const SHAPE: Shape = Shape::Number;
    const PLACE: &'static str = "TIME";

    fn read(text: &str) -> Result<Self, String> {
        let unit = Duration::from_millis(MILLIS);
        let time = match text.parse::<u32>() {
            Ok(number) => unit.checked_mul(number),
            Err(_) => humantime::parse_duration(text).ok(),
        };
        let whole = |time: &Duration| time.as_nanos().is_multiple_of(unit.as_nanos()) && *time <= LONGEST;
        let what = if MILLIS == 1000 { "seconds" } else { "milliseconds" };
        time.filter(whole).map(Self).ok_or_else(|| format!("expected whole {what} or a time such as 5m, not '{text}'"))
    }

    fn show(&self) -> String {
        (self.0.as_millis() / u128::from(MILLIS)).to_string()
    }
}

/// A time such as `30s`, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life(pub(crate) Option<Duration>);

impl One for Life {
    const PLACE: &'static str = "TIME";

    fn read(text: &str) -> Result<Self, String> {
        crate::levels::read_time(text).map(Self)
    }

    fn show(&self) -> String {
        self.0.map_or_else(|| "none".to_owned(), |time| humantime::format_duration(time).to_string())
    }
}

/// Where to listen: a host's name or number, and a port; port 0 is any that is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Whether only programs of this machine reach it.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }
}

impl One for Address {
    const PLACE: &'static str = "HOST:PORT";

    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected HOST:PORT such as 127.0.0.1:6399, not '{text}'");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = |host: &str| !host.is_empty() && !host.contains([':', '[', ']', '/', ' ', '@']);
        match bare {
            Some(host) if host.parse::<std::net::Ipv6Addr>().is_ok() => Ok(Self { host: host.to_owned(), port }),
            None if host == "*" => Ok(Self { host: "0.0.0.0".to_owned(), port }),
            None if is_host(host) => Ok(Self { host: host.to_owned(), port }),
            _ => Err(wrong()),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl One for PathBuf {
    const PLACE: &'static str = "FILE";

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("expected a path".to_owned()) } else { Ok(text.into()) }
    }

    fn show(&self) -> String {
        self.to_string_lossy().into_owned()
    }
}

/// The permissions of a file, in octal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Permissions(pub(crate) u32);

impl One for Permissions {
    const PLACE: &'static str = "OCTAL";

    fn read(text: &str) -> Result<Self, String> {
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
        mode.map(Self).ok_or_else(|| format!("expected permissions in octal such as 770, not '{text}'"))
    }

    fn show(&self) -> String {
        format!("{:o}", self.0)
    }
}

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

impl One for LevelSpec {
    const PLACE: &'static str = "LEVEL";

    fn read(text: &str) -> Result<Self, String> {
        text.parse()
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn mask(&self) -> String {
        self.masked()
    }
}

/// How many bytes may wait to be read by a client: Redis's `normal` and `pubsub`, each with a hard limit, a soft limit,
/// and the seconds that the soft limit may be exceeded; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutputLimits {
    pub(crate) normal: OutputLimit,
    pub(crate) pubsub: OutputLimit,
}

impl One for OutputLimits {
    const PLACE: &'static str = "CLASS HARD SOFT SECONDS …";

    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected 'normal HARD SOFT SECONDS' or 'pubsub HARD SOFT SECONDS', not '{text}'");
        let Limits { output: mut normal, subscriber_output: mut pubsub, .. } = Limits::default();
        let words: Vec<&str> = text.split_whitespace().collect();
        let (classes, []) = words.as_chunks::<4>() else { return Err(wrong()) };
        for [class, hard, soft, seconds] in classes {
            let bytes = |text: &str| usize::try_from(Bytes::read(text)?.0).map_err(|error| error.to_string());
            let soft_for = Duration::from_secs(seconds.parse().map_err(|_| wrong())?);
            let limit = OutputLimit { hard: bytes(hard)?, soft: bytes(soft)?, soft_for };
            match *class {
                "normal" => normal = limit,
                "pubsub" => pubsub = limit,
                // Redis has one for replicas, which there are none of.
                "replica" | "slave" => {}
                _ => return Err(wrong()),
            }
        }
        Ok(Self { normal, pubsub })
    }

    fn show(&self) -> String {
        let class = |name: &str, it: &OutputLimit| format!("{name} {} {} {}", it.hard, it.soft, it.soft_for.as_secs());
        format!("{} {}", class("normal", &self.normal), class("pubsub", &self.pubsub))
    }
}

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
