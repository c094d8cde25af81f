//! Patterns for paths in a repository.
//!
//! `?` stands for one character of a name, `*` for any number of them, `**` as a whole name for any number of folders. A
//! pattern without a slash is matched against the file's name alone, wherever it lies; any other against the whole path.
//! There are no classes and no negation. Matching is linear in the pattern times the path.

use std::str::FromStr;

/// A pattern, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    text: String,
}

/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 500;

/// The text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGlob {
    /// Nothing, or too much of it.
    #[error("a pattern has 1 to 500 bytes")]
    Length,
    /// A path that no file in a repository has.
    #[error("a pattern is a path from the top of the repository: no leading or doubled `/`, no `.` or `..`")]
    Path,
    /// A control character, or a backslash.
    #[error("a pattern holds no control characters and no `\\`")]
    Character,
    /// `a**b`: its meaning differs from tool to tool.
    #[error("`**` stands alone between slashes")]
    DoubleStar,
}

impl FromStr for Glob {
    type Err = InvalidGlob;

    fn from_str(text: &str) -> Result<Self, InvalidGlob> {
        if text.is_empty() || text.len() > MAX_PATTERN {
            return Err(InvalidGlob::Length);
        }
        if text.contains(|c: char| c.is_control() || c == '\\') {
            return Err(InvalidGlob::Character);
        }
        if text.split('/').any(|name| matches!(name, "" | "." | "..")) {
            return Err(InvalidGlob::Path);
        }
        if text.split('/').any(|name| name.contains("**") && name != "**") {
            return Err(InvalidGlob::DoubleStar);
        }
        Ok(Self { text: text.to_owned() })
    }
}

impl Glob {
    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `path`, from the top of the repository, matches.
    pub fn matches(&self, path: &str) -> bool {
        if !self.text.contains('/') && self.text != "**" {
            let name = path.rsplit('/').next().unwrap_or(path);
            return name_matches(&self.text, name);
        }
        let pattern: Vec<&str> = self.text.split('/').collect();
        let names: Vec<&str> = path.split('/').collect();
        wildcard(&pattern, &names, |pattern| *pattern == "**", |pattern, name| name_matches(pattern, name))
    }
}

fn name_matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    wildcard(&pattern, &name, |c| *c == '*', |p, c| *p == '?' || p == c)
}

/// Matches a whole sequence, going back to the last wildcard only: no pattern makes it exponential.
fn wildcard<P, T>(pattern: &[P], items: &[T], is_any: impl Fn(&P) -> bool, is_one: impl Fn(&P, &T) -> bool) -> bool {
    let (mut at, mut next) = (0, 0);
    let mut last_any: Option<(usize, usize)> = None;
    while let Some(item) = items.get(next) {
        match pattern.get(at) {
            Some(piece) if is_any(piece) => {
                last_any = Some((at, next));
                at += 1;
            }
            Some(piece) if is_one(piece, item) => {
                at += 1;
                next += 1;
            }
            Some(_) | None => {
                let Some((any, taken)) = last_any else { return false };
                last_any = Some((any, taken + 1));
                at = any + 1;
                next = taken + 1;
            }
        }
    }
    pattern.iter().skip(at).all(is_any)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        pattern.parse::<Glob>().unwrap().matches(path)
    }

    #[test]
    fn a_pattern_without_a_slash_is_about_the_name_and_any_other_about_the_path() {
        for (pattern, path) in [
            ("published-mrtds.json", "published-mrtds.json"),
            ("published-mrtds.json", "release/1/published-mrtds.json"),
            ("*attestation-policy*.json", "policies/kms-phala-attestation-policy.debug.json"),
            ("policies/**", "policies/a/b.json"),
            ("**/x.md", "x.md"),
            ("**/x.md", "a/b/x.md"),
            ("a/**/x", "a/x"),
            ("a/**/x", "a/b/c/x"),
            ("scripts/release-*.sh", "scripts/release-kms.sh"),
            ("a?.md", "é/aé.md"),
            ("**", "a/b"),
            ("*", "a/b"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("published-mrtds.json", "published-mrtds.json.bak"),
            ("scripts/release-*.sh", "scripts/old/release-kms.sh"),
            ("scripts/release-*.sh", "other/scripts/release-kms.sh"),
            ("policies/**", "policies-old/a"),
            ("a?", "a"),
            ("docs/**", "docs.md"),
            ("**/x.md/y", "x.md"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn no_pattern_takes_exponential_time() {
        let pattern = "*a".repeat(200);
        assert!(!matches(&pattern, &"a".repeat(190)));
        assert!(!matches(&format!("{}x", "**/a/".repeat(90)), &"a/".repeat(500)));
    }

    #[test]
    fn what_no_path_in_a_repository_could_match_is_refused() {
        for (text, why) in [
            ("", InvalidGlob::Length),
            ("/a", InvalidGlob::Path),
            ("a//b", InvalidGlob::Path),
            ("../a", InvalidGlob::Path),
            ("a\\b", InvalidGlob::Character),
            ("a\nb", InvalidGlob::Character),
            ("a**", InvalidGlob::DoubleStar),
        ] {
            assert_eq!(text.parse::<Glob>(), Err(why), "{text:?}");
        }
    }
}
