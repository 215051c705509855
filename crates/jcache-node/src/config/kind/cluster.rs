//! Settings that only clusters have.

use std::time::Duration;

use super::One;
use super::word::choice;
use crate::config::hint;

choice! {
    /// How fast a failure is found.
    Times {
        Fast = "fast",
        Balanced = "balanced",
        Wan = "wan",
    }
}

choice! {
    /// Who answers reads.
    ReadFrom {
        Local = "local",
        Leader = "leader",
        Linearizable = "linearizable",
    }
}

/// When writes are acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acknowledge {
    InSync,
    Leader,
    Copies(u32),
}

impl One for Acknowledge {
    const PLACE: &'static str = "in-sync|leader|N";

    fn read(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("in-sync", _) => Ok(Self::InSync),
            ("leader", _) => Ok(Self::Leader),
            (_, Ok(copies)) if copies > 0 => Ok(Self::Copies(copies)),
            _ => Err(format!("expected in-sync, leader, or a number of copies, not '{text}'")),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::InSync => "in-sync".to_owned(),
            Self::Leader => "leader".to_owned(),
            Self::Copies(copies) => copies.to_string(),
        }
    }
}

/// When to go on without the members that have every write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unclean {
    Auto,
    Never,
    After(Duration),
}

impl One for Unclean {
    const PLACE: &'static str = "auto|never|TIME";

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "never" => Ok(Self::Never),
            _ => match humantime::parse_duration(text) {
                Ok(time) if !time.is_zero() => Ok(Self::After(time)),
                _ => Err(hint::no_such_word(text, &["auto", "never", "a time such as 30s"])),
            },
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Auto => "auto".to_owned(),
            Self::Never => "never".to_owned(),
            Self::After(time) => humantime::format_duration(*time).to_string(),
        }
    }
}
