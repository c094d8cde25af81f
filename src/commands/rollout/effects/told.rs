//! Outcomes in words: a judgement from its report, and what an error amounts to.

use crate::{
    attestation::ita,
    error::{Class, Error, chain},
    probe::journal::Word,
    report::{CheckInfo, Report, Section, Status, Verdict as Reported},
    rollout::{
        path::Look,
        record::{Came, Made, Verdict},
        state::State,
        step::{Judged, Kept},
        words::{FileName, Remark},
    },
    text::excerpt,
};

/// A judgement from its report; what was learnt and kept counts for a pass alone.
pub(super) fn judged(report: Report, attachments: Vec<Kept>, facts: Vec<(Word, Word)>) -> Judged {
    let verdict = match report.verdict() {
        Reported::Passed => Verdict::Passed,
        Reported::Failed | Reported::Incomplete => Verdict::Failed,
        Reported::Undecided => Verdict::Undecided,
    };
    let why = (verdict != Verdict::Passed).then(|| Remark::new(&objection(&report)));
    Judged { verdict, why, report: Some(report), attachments, facts }
}

/// A judgement that could not be made.
pub(super) fn undecided(error: &Error) -> Judged {
    let verdict = match error.class() {
        Class::Trust => Verdict::Failed,
        Class::Usage | Class::Input | Class::Remote | Class::Internal => Verdict::Undecided,
    };
    let (attachments, facts) = Default::default();
    Judged { verdict, why: Some(remark(error)), report: None, attachments, facts }
}

/// The proof that production serves again is had or it is not: production that could not be asked is not shown to serve.
pub(super) fn proven(judged: Judged) -> Judged {
    let verdict = match judged.verdict {
        Verdict::Undecided => Verdict::Failed,
        Verdict::Passed | Verdict::Failed | Verdict::Waiting => judged.verdict,
    };
    Judged { verdict, ..judged }
}

/// An error as a remark, with what to do about it.
pub(super) fn remark(error: &Error) -> Remark {
    let said = chain(error);
    Remark::new(&match error.advice() {
        Some(advice) => format!("{said}; {advice}"),
        None => said,
    })
}

/// An error before anything was asked for: nothing changed.
pub(super) fn refused(error: &Error) -> Came {
    Came::Refused(remark(error))
}

/// An error in the midst of an effect: what it changed is not known.
pub(super) fn unknown(error: &Error) -> Came {
    Came::Unknown(remark(error))
}

/// An error that an effect ended with. What was asked of somebody may have been done; what never got so far was not.
pub(super) fn broken(error: &Error) -> Came {
    match error.class() {
        Class::Remote | Class::Internal => unknown(error),
        Class::Usage | Class::Input | Class::Trust => refused(error),
    }
}

/// What speaks most against a pass.
fn objection(report: &Report) -> String {
    let findings = || report.sections.iter().flat_map(|section| &section.findings);
    let worst = [Status::Fail, Status::Missing, Status::SkippedRequired];
    let first = worst.into_iter().find_map(|status| findings().find(|finding| finding.status == status));
    first.map_or_else(
        || "nothing was judged".to_owned(),
        |finding| {
            let mut said = format!("{}: {}", finding.check, finding.message);
            if !finding.subject.is_empty() {
                said = format!("{} ({})", said, finding.subject);
            }
            said
        },
    )
}

/// A report of the rollout's own about one thing that it looks at. `sections` are what was judged by the way; they are all
/// about the subject of `look`.
pub(super) fn report(look: Look, state: &State, rules: Vec<CheckInfo>, sections: Vec<Section>) -> Report {
    let mut all = Section::new(state.subject(look));
    for section in sections {
        all.facts.extend(section.facts);
        all.caveats.extend(section.caveats);
        all.findings.extend(section.findings);
        all.exhibits.extend(section.exhibits);
    }
    // A second judge speaks only where it is asked.
    let spoke = |rule: &CheckInfo| all.findings.iter().any(|finding| finding.check == rule.id);
    let rules = rules.into_iter().chain(ita::RULES.into_iter().filter(spoke)).collect();
    Report { command: look.command().to_owned(), rules, sections: vec![all], ..Report::default() }
}

/// A file to be kept.
pub(super) fn kept(name: &str, bytes: Vec<u8>) -> Option<Kept> {
    let name = FileName::try_from(name.to_owned()).ok()?;
    Some(Kept { name, bytes })
}

/// Facts, as far as they are words: each of ours is.
pub(super) fn facts<const N: usize>(facts: [(&str, String); N]) -> Vec<(Word, Word)> {
    let word = |text: &str| text.parse::<Word>().ok();
    facts.into_iter().filter_map(|(name, fact)| Some((word(name)?, word(&fact)?))).collect()
}

/// What was made, by its ids.
pub(super) fn made<const N: usize>(ids: [(&str, String); N]) -> Made {
    Made::with(facts(ids))
}

/// What is there, and is not what it was to be.
pub(super) fn half_done(made: Made, why: &str) -> Came {
    Came::Broken { made, why: Remark::new(&excerpt(why)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_that_cannot_be_asked_after_a_rollback_is_not_back() {
        let down = proven(undecided(&Error::remote("connection refused")));
        assert_eq!(down.verdict, Verdict::Failed);
        assert!(down.why.is_some_and(|why| why.as_str().contains("connection refused")));
    }
}
