//! Who signed what, where that is logged, and whether the certificate was valid at the time.

use askama::Template;
use jiff::Timestamp;

use super::link::{self, Link};
use crate::report::{SignatureRow, escape::terminal};

/// Units of the time line's width, and of the least that is seen.
const WIDTH: i64 = 1000;
const LEAST: i64 = 8;
/// Half of what marks a moment.
const HALF: i64 = 3;

/// The signatures, with their times as a line.
#[derive(Template)]
#[template(path = "signatures.html", config = "src/report/html/askama.toml")]
pub(super) struct Signatures {
    rows: Vec<Row>,
    times: Vec<Time>,
    scale: (String, String),
}

struct Row {
    asset: String,
    evidence: String,
    signer: Link,
    signed_at: String,
    entry: Link,
}

/// One certificate's validity and the time of signing within it.
struct Time {
    of: String,
    from: i64,
    width: i64,
    /// Where the moment of signing is, and the class that colours it.
    at: Option<(i64, &'static str)>,
    words: String,
}

impl Signatures {
    pub(super) fn of(signatures: &[SignatureRow]) -> Self {
        let scale = Scale::of(signatures);
        Self {
            rows: signatures.iter().map(Row::of).collect(),
            times: scale.as_ref().map(|scale| scale.times(signatures)).unwrap_or_default(),
            scale: scale.map(|scale| (scale.first.to_string(), scale.last.to_string())).unwrap_or_default(),
        }
    }
}

impl Row {
    fn of(row: &SignatureRow) -> Self {
        let signer = match &row.signer {
            Some(signer) => Link { text: terminal(signer), to: link::of_workflow(signer) },
            None => Link { text: "a key, not a certificate".to_owned(), to: None },
        };
        let entry = match row.log_index {
            Some(index) => Link { text: index.to_string(), to: link::of_entry(row.log.as_deref(), index) },
            None => Link { text: "none".to_owned(), to: None },
        };
        Self {
            asset: terminal(&row.asset),
            evidence: terminal(&row.evidence),
            signer,
            signed_at: row.signed_at.map_or_else(|| "not known".to_owned(), |time| time.to_string()),
            entry,
        }
    }
}

/// From the first certificate's start to the last one's end.
struct Scale {
    first: Timestamp,
    last: Timestamp,
}

impl Scale {
    /// None where no certificate says how long it is valid.
    fn of(signatures: &[SignatureRow]) -> Option<Self> {
        let known = || signatures.iter().filter_map(|row| row.valid);
        let signed = || signatures.iter().filter(|row| row.valid.is_some()).filter_map(|row| row.signed_at);
        let first = known().map(|(from, _)| from).chain(signed()).min()?;
        let last = known().map(|(_, until)| until).chain(signed()).max()?;
        Some(Self { first, last })
    }

    /// Signatures of the same times share a line.
    fn times(&self, signatures: &[SignatureRow]) -> Vec<Time> {
        /// When the certificate is valid, when it was signed, and what was.
        type Line<'a> = ((Timestamp, Timestamp), Option<Timestamp>, Vec<&'a str>);
        let mut lines: Vec<Line<'_>> = Vec::new();
        for row in signatures {
            let Some(valid) = row.valid else { continue };
            match lines.iter_mut().find(|(other, at, _)| *other == valid && *at == row.signed_at) {
                Some((_, _, assets)) => assets.push(&row.asset),
                None => lines.push((valid, row.signed_at, vec![&row.asset])),
            }
        }
        lines.into_iter().map(|(valid, at, assets)| self.time(valid, at, &assets)).collect()
    }

    fn time(&self, (from, until): (Timestamp, Timestamp), at: Option<Timestamp>, assets: &[&str]) -> Time {
        let of = match assets {
            [one] => terminal(one),
            several => format!("{} assets", several.len()),
        };
        let within = at.is_some_and(|at| from <= at && at <= until);
        let words = match at {
            Some(at) if within => format!("Signed {at}, while the certificate was valid ({from} to {until})."),
            Some(at) => format!("Signed {at}, while the certificate was not valid ({from} to {until})."),
            None => format!("The certificate was valid from {from} to {until}."),
        };
        let start = self.place(from).min(WIDTH - LEAST);
        let mark = |at| ((self.place(at) - HALF).clamp(0, WIDTH - 2 * HALF), if within { "logged" } else { "outside" });
        Time { of, from: start, width: (self.place(until) - start).max(LEAST), at: at.map(mark), words }
    }

    fn place(&self, time: Timestamp) -> i64 {
        let span = i128::from((self.last.as_second() - self.first.as_second()).max(1));
        let past = i128::from(time.as_second() - self.first.as_second());
        i64::try_from(past * i128::from(WIDTH) / span).unwrap_or(0).clamp(0, WIDTH)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn row(asset: &str, from: &str, until: &str, at: &str) -> SignatureRow {
        let time = |text: &str| text.parse::<Timestamp>().ok();
        SignatureRow {
            asset: asset.to_owned(),
            evidence: String::new(),
            signer: None,
            signed_at: time(at),
            log_index: None,
            log: None,
            valid: time(from).zip(time(until)),
        }
    }

    #[test]
    fn a_signature_is_marked_within_the_life_of_its_certificate() {
        let rows = [row("a", "2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z", "2026-01-01T00:01:00Z")];
        let shown = Signatures::of(&rows);
        let time = &shown.times[0];
        assert_eq!((time.from, time.width, time.at), (0, 1000, Some((97, "logged"))));
        assert!(time.words.contains("while the certificate was valid"), "{}", time.words);
        assert_eq!(shown.scale, ("2026-01-01T00:00:00Z".to_owned(), "2026-01-01T00:10:00Z".to_owned()));
    }

    #[test]
    fn one_outside_of_it_is_marked_as_such_and_said() {
        let rows = [row("a", "2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z", "2026-01-01T00:20:00Z")];
        let time = &Signatures::of(&rows).times[0];
        assert_eq!((time.from, time.width, time.at), (0, 500, Some((994, "outside"))));
        assert!(time.words.contains("was not valid"), "{}", time.words);
    }

    #[test]
    fn equal_times_share_a_line_and_a_short_one_among_long_ones_is_seen() {
        let (from, until, at) = ("2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z", "2026-01-01T00:01:00Z");
        let late = row("c", "2026-11-01T00:00:00Z", "2026-11-01T00:10:00Z", "2026-11-01T00:01:00Z");
        let shown = Signatures::of(&[row("a", from, until, at), row("b", from, until, at), late]);
        let lines: Vec<_> = shown.times.iter().map(|time| (time.of.as_str(), time.from, time.width)).collect();
        assert_eq!(lines, [("2 assets", 0, LEAST), ("c", WIDTH - LEAST, LEAST)]);
    }

    #[test]
    fn times_at_the_ends_of_the_calendar_do_not_overflow() {
        let rows = [row("a", &Timestamp::MIN.to_string(), &Timestamp::MAX.to_string(), "2026-01-01T00:00:00Z")];
        assert_eq!(Signatures::of(&rows).times.len(), 1);
    }

    #[test]
    fn without_a_certificate_there_is_no_line() {
        assert!(Signatures::of(&[row("a", "", "", "2026-01-01T00:00:00Z")]).times.is_empty());
    }
}
