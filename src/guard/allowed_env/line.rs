//! Lines that set a variable: of an env file, of what a script writes, of an input that holds several `NAME=value`.

use super::{
    hit::{Hit, How},
    name::{self, Kind},
};

/// A text that begins with a forbidden name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lead<'t> {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Bytes of the name.
    pub(super) length: usize,
    /// What follows the name.
    pub(super) after: &'t str,
}

impl Lead<'_> {
    /// The value behind `=`, `+=` or `[0]=`; `None` where nothing is assigned.
    pub(super) fn assigned(&self) -> Option<&str> {
        let mut after = self.after;
        if let Some((_, behind)) = after.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            after = behind;
        }
        let value = after.strip_prefix("+=").or_else(|| after.strip_prefix('='))?;
        // `==` and `=~` compare.
        (!value.starts_with(['=', '~'])).then_some(value)
    }
}

/// Takes a forbidden name from the beginning of a text: a whole word, or the beginning of one whose end is known only when
/// the script runs (`ALLOWED_$REGISTER`, `ALLOWED_%s`).
pub(super) fn lead(text: &str) -> Option<Lead<'_>> {
    let length = text.find(|c| !name::is_word(c)).unwrap_or(text.len());
    let (word, after) = text.split_at_checked(length)?;
    let open = after.starts_with(['$', '%', '{', '\u{0}']) || after.starts_with("\"$");
    if open && (word.starts_with("ALLOWED_") || word == "ALLOWED") {
        let end = text.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(text.len());
        let (whole, after) = text.split_at_checked(end)?;
        return Some(Lead { name: format!("{word}*"), kind: Kind::Override, length: whole.len(), after });
    }
    Some(Lead { name: word.to_owned(), kind: name::forbidden(word)?, length, after })
}

/// What a line may hold before the name. A space stands for a blank of any kind.
const BEFORE: [&str; 14] =
    ["export ", "set ", "setx ", "ENV ", "ARG ", "- ", "-e ", "--env ", "declare -x ", "\"", "'", "`", "$env:", "?"];

/// Where the name begins in a line that sets a variable in one of the usual forms.
fn begin(line: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = line.get(at..).unwrap_or_default();
        let spaces = rest.len() - rest.trim_start().len();
        let rest = rest.trim_start();
        let leads = |before: &&&str| match before.strip_suffix(' ') {
            Some(word) => rest.strip_prefix(word).is_some_and(|rest| rest.starts_with([' ', '\t'])),
            None => rest.starts_with(**before),
        };
        match BEFORE.iter().find(leads) {
            Some(before) => at += spaces + before.len(),
            None => return at + spaces,
        }
    }
}

/// Whether a line may name a variable by `NAME: value`, as YAML does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colon {
    Counts,
    IsText,
}

/// Lines that set a variable. `\n` as two characters ends a line too: `echo -e` and `printf` make it one.
pub(super) fn written(text: &str, colon: Colon, how: How) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut at = 0;
    for line in text.split('\n') {
        let mut part_at = at;
        for part in line.split("\\n") {
            hits.extend(in_line(part, colon, how).map(|hit| hit.moved(part_at)));
            part_at += part.len() + 2;
        }
        at += line.len() + 1;
    }
    hits
}

fn in_line(line: &str, colon: Colon, how: How) -> Option<Hit> {
    let at = begin(line);
    let lead = lead(line.get(at..)?)?;
    let mut after = lead.after;
    if let Some(value) = lead.assigned() {
        return (!lead.kind.is_harmless(value)).then(|| hit(&lead, at, how));
    }
    if after.starts_with("<<") {
        return Some(hit(&lead, at, how));
    }
    after = after.trim_start_matches(['"', '\'']);
    let value = after.strip_prefix(':').filter(|value| value.is_empty() || value.starts_with([' ', '\r']));
    // PowerShell and Dockerfiles set `NAME = value` and `NAME value`.
    let spaced = || after.trim_start().strip_prefix('=').filter(|rest| !rest.starts_with(['=', '~']));
    let value = value.filter(|_| colon == Colon::Counts).or_else(spaced)?;
    (!lead.kind.is_harmless(value)).then(|| hit(&lead, at, how))
}

fn hit(lead: &Lead<'_>, at: usize, how: How) -> Hit {
    Hit::new(lead.name.clone(), lead.kind, at, at + lead.length, how)
}

/// An env file: `NAME=value`, `export NAME=value`, `NAME: value`, and `NAME` alone, which passes on what the caller has.
pub(super) fn env_file(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim_start().starts_with('#') {
            let found = in_line(line.trim_end_matches(['\n', '\r']), Colon::Counts, How::Line).or_else(|| {
                let begin = begin(line);
                let lead = lead(line.get(begin..)?)?;
                lead.after.trim().is_empty().then(|| hit(&lead, begin, How::Line))
            });
            hits.extend(found.map(|hit| hit.moved(at)));
        }
        at += line.len();
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<(usize, usize)> {
        env_file(text).into_iter().map(|hit| (hit.start, hit.end)).collect()
    }

    #[test]
    fn every_form_of_a_line_is_seen_and_comments_and_prose_are_not() {
        for (text, place) in [
            ("ALLOWED_MRTD=x", (0, 12)),
            ("A=1\r\n  export ALLOWED_MRTD='x'\r\n", (14, 26)),
            ("ALLOWED_MRTD: x", (0, 12)),
            ("export\tALLOWED_MRTD=x", (7, 19)),
            ("-\t ALLOWED_MRTD=x", (3, 15)),
            ("ALLOWED_MRTD\n", (0, 12)),
            ("ALLOWED_MRTD = x", (0, 12)),
            ("ALLOWED_$R=x", (0, 10)),
            ("USE_ENV_POLICY=true", (0, 14)),
            ("ENFORCE_MEASUREMENT_POLICY=false", (0, 26)),
        ] {
            assert_eq!(places(text), [place], "{text}");
        }
        for text in [
            "# ALLOWED_MRTD=x",
            "X=ALLOWED_MRTD",
            "GCP_ATTESTATION_ALLOWED_CIDRS=1",
            "ALLOWED_MRTD is not set here",
            "USE_ENV_POLICY=false",
            "ENFORCE_MEASUREMENT_POLICY=true",
            "ACCEPT_MOCK_ATTESTATION=\"false\"",
        ] {
            assert_eq!(places(text), [], "{text}");
        }
    }
}
