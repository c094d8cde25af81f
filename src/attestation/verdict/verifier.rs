//! Who can say whether a quote is genuine, and whether two who were asked agree.

use crate::{
    attestation::{measurement::TcbStatus, quote::Quote},
    report::{CheckInfo, Finding},
};

/// Two authorities do not contradict each other.
pub const AGREEMENT: CheckInfo = CheckInfo {
    id: "verifiers-agree",
    title: "DCAP and Intel Trust Authority come to the same verdict and TCB status on the quote",
};

/// Says whether a quote is genuine, by the word of one authority: a function of the quote, evidence and a time.
pub trait QuoteVerifier {
    /// What the authority is called.
    const AUTHORITY: &'static str;
    /// What it judges by, beside the quote.
    type Evidence;
    /// What it says of a genuine quote.
    type Verdict;
    /// Why it refuses one.
    type Rejection: std::error::Error;

    /// Judges `quote` at `now`, in seconds since 1970 UTC.
    ///
    /// # Errors
    /// Why the quote is refused, or could not be judged by this evidence.
    fn verify(&self, quote: &Quote, evidence: &Self::Evidence, now: u64) -> Result<Self::Verdict, Self::Rejection>;

    /// What an outcome says of the quote, in the terms that authorities share.
    fn opinion(outcome: &Result<Self::Verdict, Self::Rejection>) -> Opinion;
}

/// What an authority says of a quote. That both speak of the same bytes, each verifier has made sure of by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opinion {
    /// It is genuine, and its machine's firmware is in this state.
    Accepts(TcbStatus),
    /// It is not, for this reason.
    Refuses(String),
    /// Nothing that counts: its evidence failed verification.
    Unknown,
}

/// [`AGREEMENT`]: the opinions of two authorities, each with its name.
pub fn judge_agreement(subject: &str, one: (&str, &Opinion), other: (&str, &Opinion)) -> Finding {
    const STATUSES: &str = "trust neither until it is clear why: the two may know different TCB information for a while after \
                            Intel publishes it, and nothing else is harmless";
    const REFUSED: &str = "do not rely on this quote before the reason of the refusal is cleared up";
    let ((one, first), (other, second)) = (one, other);
    let contradiction = |yes: &str, no: &str, why: &str| {
        AGREEMENT.fail(subject, format!("{yes} accepts the quote and {no} refuses it: {why}")).help(REFUSED)
    };
    match (first, second) {
        (Opinion::Unknown, _) | (_, Opinion::Unknown) => {
            AGREEMENT.undecided(subject, "not judged: the evidence of one of them failed verification")
        }
        (Opinion::Accepts(a), Opinion::Accepts(b)) if a == b => {
            AGREEMENT.pass(subject, format!("{one} and {other} both accept the quote, with TCB status {a}"))
        }
        (Opinion::Accepts(a), Opinion::Accepts(b)) => AGREEMENT
            .fail(subject, "the two give different TCB statuses")
            .compared(format!("{a} ({one})"), format!("{b} ({other})"))
            .help(STATUSES),
        (Opinion::Refuses(_), Opinion::Refuses(_)) => AGREEMENT.pass(subject, "both refuse the quote"),
        (Opinion::Accepts(_), Opinion::Refuses(why)) => contradiction(one, other, why),
        (Opinion::Refuses(why), Opinion::Accepts(_)) => contradiction(other, one, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Status;

    #[test]
    fn two_authorities_agree_only_on_the_same_verdict_and_the_same_status() {
        use Opinion::{Accepts, Refuses, Unknown};
        let no = || Refuses("debug".to_owned());
        for (one, other, status) in [
            (Accepts(TcbStatus::UpToDate), Accepts(TcbStatus::UpToDate), Status::Pass),
            (Accepts(TcbStatus::UpToDate), Accepts(TcbStatus::OutOfDate), Status::Fail),
            (Accepts(TcbStatus::UpToDate), no(), Status::Fail),
            (no(), Accepts(TcbStatus::UpToDate), Status::Fail),
            (no(), no(), Status::Pass),
        ] {
            let finding = judge_agreement("q", ("DCAP", &one), ("ITA", &other));
            assert_eq!(finding.status, status, "{one:?} {other:?}");
            // Time heals a difference of statuses, and no refusal.
            let advice = finding.help.unwrap_or_default();
            let statuses = !matches!((&one, &other), (Refuses(_), _) | (_, Refuses(_)));
            assert_eq!(advice.contains("TCB information"), status == Status::Fail && statuses, "{advice}");
        }
        for (one, other) in [(Unknown, no()), (Accepts(TcbStatus::UpToDate), Unknown), (Unknown, Unknown)] {
            let finding = judge_agreement("q", ("DCAP", &one), ("ITA", &other));
            assert!(!matches!(finding.status, Status::Pass), "{one:?} {other:?}");
        }
    }
}
