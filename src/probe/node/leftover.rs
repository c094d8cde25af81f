//! What probes left on Compute Engine, known by its marks alone: no name makes anything a probe's.

use crate::probe::label::Label;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// What bears this label.
    Label(Label),
    /// What was made before this time, in seconds since 1970, by any probe.
    Before(i64),
}

/// Marks of a machine or a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks<'a> {
    /// The probe's label.
    pub label: Option<&'a str>,
    /// When it was made, as Compute Engine says it.
    pub made: Option<&'a str>,
}

impl Wanted {
    /// The probe that something with these marks belongs to, if it is looked for. What bears no probe's label never is.
    pub fn finds(&self, marks: Marks<'_>) -> Option<Label> {
        let label: Label = marks.label?.parse().ok()?;
        let wanted = match self {
            Self::Label(wanted) => *wanted == label,
            // Without a time it may be somebody's probe that runs.
            Self::Before(time) => {
                let made: Option<jiff::Timestamp> = marks.made.and_then(|made| made.parse().ok());
                made.is_some_and(|made| made.as_second() < *time)
            }
        };
        wanted.then_some(label)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn only_what_bears_a_probes_label_is_found() {
        let made = Some("2026-11-30T01:00:00.000-08:00");
        let ours = Marks { label: Some("ci-1"), made };
        let label = |text: &str| Wanted::Label(text.parse().unwrap());
        assert!(label("ci-1").finds(ours).is_some() && label("ci-2").finds(ours).is_none());
        let time = "2026-11-30T09:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
        assert!(Wanted::Before(time + 1).finds(ours).is_some() && Wanted::Before(time).finds(ours).is_none());
        for marks in [
            Marks { label: None, made },
            Marks { label: Some(""), made },
            Marks { label: Some("Not A Label"), made },
            Marks { label: Some("ci-1"), made: None },
            Marks { label: Some("ci-1"), made: Some("yesterday") },
        ] {
            assert_eq!(Wanted::Before(i64::MAX).finds(marks), None, "{marks:?}");
        }
    }
}
