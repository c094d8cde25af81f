//! Which trust root a verdict relies on, as reports say it and other runs recognise it.

use std::fmt::Display;

const START: &str = "using custom trust root ";
const DIGEST: &str = " (sha256:";

/// Says that signatures were judged by the trust root `name`, a file with this SHA-256 (in hex), and not by Sigstore's.
pub fn caveat(name: &str, sha256: impl Display) -> String {
    format!("{START}{name}{DIGEST}{sha256}), not Sigstore's public-good root")
}

/// SHA-256 of the trust root that a caveat names, as written there, and empty where it is not to be found. `None` for a
/// caveat about something else.
pub fn digest_in(caveat: &str) -> Option<&str> {
    let named = caveat.strip_prefix(START)?;
    // A file may have a name that looks like a digest: the last one counts.
    let digest = named.rsplit_once(DIGEST).and_then(|(_, rest)| rest.split_once(')'));
    Some(digest.map_or("", |(digest, _)| digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caveat_is_told_by_its_digest_whatever_its_name() {
        for name in ["root.json", "x (sha256:00), y", ""] {
            assert_eq!(digest_in(&caveat(name, "ab12")), Some("ab12"), "{name}");
        }
        assert_eq!(digest_in("using custom trust root mine.json"), Some(""));
        assert_eq!(digest_in("using custom TDX root x"), None);
    }
}
