//! "Did you mean": the name nearest to a wrong one.

/// Names further apart than this are not alike (Jaro–Winkler, 1 is equal).
const ALIKE: f64 = 0.8;

/// The name that was probably meant by `wrong`.
pub(crate) fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let wrong = wrong.to_ascii_lowercase().replace('_', "-");
    let scored = names.into_iter().map(|name| (strsim::jaro_winkler(&wrong, name), name));
    scored.filter(|(alike, _)| *alike >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// What to say when `wrong` is none of `words`.
pub(crate) fn no_such_word(wrong: &str, words: &[&str]) -> String {
    let known = words.join(", ");
    match nearest(wrong, words.iter().copied()) {
        Some(word) => format!("expected one of {known}, not '{wrong}'; did you mean '{word}'?"),
        None => format!("expected one of {known}, not '{wrong}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        let names = ["maxmemory", "maxmemory-policy", "maxclients", "listen", "loglevel"];
        for (wrong, expected) in [
            ("maxmemroy", Some("maxmemory")),
            ("max_memory", Some("maxmemory")),
            ("max-clients", Some("maxclients")),
            ("MAXMEMORY_POLICY", Some("maxmemory-policy")),
            ("log-level", Some("loglevel")),
            ("zebra", None),
        ] {
            assert_eq!(nearest(wrong, names), expected, "{wrong}");
        }
    }
}
