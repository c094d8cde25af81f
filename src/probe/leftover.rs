//! What probes left in an account, without a journal: judged by the label that it bears, and by its age. No name makes anything
//! a probe's but that of a label.

use jiff::Timestamp;

use super::{checks::TEARDOWN, label::Label};
use crate::report::Finding;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// What bears this label.
    Label(Label),
    /// What any probe made before this time.
    Before(Timestamp),
}

/// Whether something is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It may be: nothing says how old it is, so it may be of a probe that runs.
    Unknown,
}

impl Wanted {
    /// Judges something that bears a label, and was made at a time where that is known. What bears none is never meant.
    pub fn judge(&self, label: Option<&Label>, made: Option<Timestamp>) -> Match {
        let Some(label) = label else { return Match::No };
        match self {
            Self::Label(wanted) if wanted == label => Match::Yes,
            Self::Label(_) => Match::No,
            Self::Before(time) => match made.or_else(|| label.made_at()) {
                Some(made) if made < *time => Match::Yes,
                Some(_) => Match::No,
                None => Match::Unknown,
            },
        }
    }
}

/// [`TEARDOWN`] of something of which nothing says how old it is.
pub fn ageless(name: &str) -> Finding {
    TEARDOWN
        .undecided(name, "left alone: nothing says when it was made")
        .help("remove it by its label, where it is no longer in use: --label")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn only_what_bears_a_probes_label_is_meant_and_what_has_no_age_may_be() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let label = |text: &str| text.parse::<Label>().unwrap();
        let (ours, made) = (label("ci-1"), at("2026-11-30T01:00:00-08:00"));
        let before = |text: &str| Wanted::Before(at(text));
        for (wanted, label, made, expected) in [
            (Wanted::Label(ours.clone()), Some(&ours), None, Match::Yes),
            (Wanted::Label(label("ci-2")), Some(&ours), Some(made), Match::No),
            (Wanted::Label(ours.clone()), None, Some(made), Match::No),
            (before("2026-11-30T09:00:01Z"), Some(&ours), Some(made), Match::Yes),
            (before("2026-11-30T09:00:00Z"), Some(&ours), Some(made), Match::No),
            (before("2026-11-30T09:00:00Z"), Some(&ours), None, Match::Unknown),
            (before("2026-11-30T09:00:00Z"), None, None, Match::No),
            // A label that was derived says when.
            (before("2026-11-30T09:10:05Z"), Some(&label("lro-20261130t091004z-abababab")), None, Match::Yes),
            (before("2026-11-30T09:10:04Z"), Some(&label("lro-20261130t091004z-abababab")), None, Match::No),
        ] {
            assert_eq!(wanted.judge(label, made), expected, "{wanted:?} {label:?} {made:?}");
        }
    }
}
