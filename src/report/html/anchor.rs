//! Names of places in the page, which stay the same as long as what stands there does.

use std::collections::{BTreeMap, BTreeSet};

/// Characters of a part that become part of a name.
const LIMIT: usize = 60;

/// The names given so far, and the number that is next for each.
#[derive(Default)]
pub(super) struct Anchors {
    taken: BTreeSet<String>,
    next: BTreeMap<String, usize>,
}

impl Anchors {
    /// A name of its own for what `parts` say, the largest thing first. Equal things are numbered.
    pub(super) fn take(&mut self, parts: &[&str]) -> String {
        let name = parts.iter().map(|part| slug(part)).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".");
        let name = if name.is_empty() { "here".to_owned() } else { name };
        let next = self.next.entry(name.clone()).or_insert(1);
        loop {
            let free = if *next == 1 { name.clone() } else { format!("{name}-{next}") };
            *next += 1;
            if self.taken.insert(free.clone()) {
                return free;
            }
        }
    }
}

/// Letters, digits, dots and underscores; a hyphen for any run of others.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().take(LIMIT) {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_it_is_of_and_occurs_once() {
        let mut anchors = Anchors::default();
        let mut take = |parts: &[&str]| anchors.take(parts);
        assert_eq!(take(&["mero-kms-v1.2.0", "checksum", "SBOM.json"]), "mero-kms-v1.2.0.checksum.sbom.json");
        assert_eq!(take(&["a", "b"]), "a.b");
        assert_eq!(take(&["a.b"]), "a.b-2");
        assert_eq!(take(&["a.b-2"]), "a.b-2-2", "a name that a numbered one took already");
        assert_eq!(take(&["a", "b"]), "a.b-3");
        assert_eq!(take(&["c-2"]), "c-2");
        assert_eq!([take(&["c"]), take(&["c"])], ["c", "c-3"]);
    }

    #[test]
    fn hostile_text_makes_a_plain_name_or_none() {
        let mut anchors = Anchors::default();
        assert_eq!(anchors.take(&["\"><script>", "\u{202e}x y"]), "script.x-y");
        assert_eq!(anchors.take(&["", "../"]), "here");
        assert_eq!(anchors.take(&["…"]), "here-2");
        assert_eq!(anchors.take(&[&"x".repeat(500)]).len(), LIMIT);
    }
}
