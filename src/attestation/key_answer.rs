//! What came of a node's asking a KMS for its key, as a value. The key itself is not part of it.
//!
//! A refusal says something about the node only when it is the KMS's own, for a measurement: 403, a word that means so, and
//! a register in what it says. Anything else that is not a key decides nothing.

use std::time::Duration;

use super::measurement::Register;

/// The status with which a KMS turns a node away.
const FORBIDDEN: u16 = 403;
/// Most of what a KMS says to people that is repeated, in characters: room for all five registers and a TCB status.
pub const MAX_DETAILS: usize = 240;
/// Words for a node whose measurements the policy does not list: ours, and upstream's two.
const BY_MEASUREMENT: [&str; 3] = ["policy_violation", "measurement_policy_rejected", "profile_policy_rejected"];

/// Words, all with 401, for a node whose evidence does not hold.
const OF_EVIDENCE: [&str; 4] =
    ["attestation_verification_failed", "peer_identity_mismatch", "invalid_signature", "invalid_challenge"];

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAnswer {
    /// The KMS released a key.
    Released(KeyRelease),
    /// The KMS answered the node's quote, and not with a key.
    Refused(KeyRefusal),
    /// Nothing is known of what the KMS makes of the node: it was not asked, did not answer, or is not proven to be the
    /// KMS. Says why, in a sentence.
    NoVerdict(String),
}

/// A key was released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRelease {
    /// From the request for a challenge to the key, the node's quote included.
    pub latency: Duration,
    /// The first digits of the key's SHA-256: enough to compare two keys by, and nothing of the key.
    pub fingerprint: String,
}

/// A node was turned away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRefusal {
    /// The HTTP status.
    pub status: u16,
    /// The service's word; empty where the answer is none of a KMS's.
    pub error: String,
    /// What it says to people.
    pub details: Option<String>,
}

impl KeyRefusal {
    /// Whether the KMS says that its policy does not list what the node measures: its own 403, with a register named.
    pub fn is_by_measurement(&self) -> bool {
        self.status == FORBIDDEN && BY_MEASUREMENT.contains(&self.error.as_str()) && !self.registers().is_empty()
    }

    /// Whether the KMS judged the node at all: its own word about what was sent to it. A proxy's 403, and a service that is
    /// busy, starting or broken, say nothing of the node.
    pub fn is_of_the_node(&self) -> bool {
        let word = self.error.as_str();
        (self.status == FORBIDDEN && BY_MEASUREMENT.contains(&word))
            || (self.status == 401 && OF_EVIDENCE.contains(&word))
    }

    /// The registers it names, in the order documents list them.
    pub fn registers(&self) -> Vec<Register> {
        let details = self.details.as_deref().unwrap_or_default().to_ascii_lowercase();
        // Upstream's words name the list (`allowed_rtmr3`) as well as the register.
        let words: Vec<&str> = details.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        Register::ALL.into_iter().filter(|register| words.contains(&register.as_str())).collect()
    }
}

impl std::fmt::Display for KeyRefusal {
    /// `403 policy_violation: MRTD is not allowed`. [`KeyRefusal::read`] reads it back.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = if self.error.is_empty() { NO_WORD } else { &self.error };
        write!(f, "{} {word}", self.status)?;
        match &self.details {
            Some(details) => write!(f, ": {details}"),
            None => Ok(()),
        }
    }
}

/// What stands for the word of an answer that has none.
const NO_WORD: &str = "without a reason";

impl KeyRefusal {
    /// Reads what [`Display`](std::fmt::Display) writes; `None` for anything else.
    pub fn read(text: &str) -> Option<Self> {
        let (status, rest) = text.split_once(' ')?;
        let status = status.parse().ok().filter(|status| (100..600).contains(status))?;
        let (word, details) = match rest.split_once(": ") {
            Some((word, details)) => (word, Some(details.to_owned())),
            None => (rest, None),
        };
        let is_word =
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let error = if word == NO_WORD { String::new() } else { word.to_owned() };
        (is_word || word == NO_WORD).then_some(Self { status, error, details })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn refusal(status: u16, error: &str, details: &str) -> KeyRefusal {
        let details = (!details.is_empty()).then(|| details.to_owned());
        KeyRefusal { status, error: error.to_owned(), details }
    }

    #[test]
    fn only_the_kms_s_own_403_that_names_a_register_is_by_measurement() {
        for (status, error, details, by_measurement) in [
            (403, "policy_violation", "RTMR2 is not allowed; RTMR3 is not allowed", true),
            (403, "measurement_policy_rejected", "mrtd not in allowed_mrtd", true),
            (403, "profile_policy_rejected", "RTMR3 mismatch", true),
            (403, "policy_violation", "TCB status outofdate is not allowed", false),
            (403, "policy_violation", "the quote is a KMS's, not a node's", false),
            (403, "policy_violation", "", false),
            (403, "", "MRTD is not allowed", false),
            (403, "forbidden", "MRTD is not allowed", false),
            (401, "policy_violation", "MRTD is not allowed", false),
            (502, "policy_violation", "MRTD is not allowed", false),
            (403, "attestation_verification_failed", "RTMR3", false),
        ] {
            assert_eq!(
                refusal(status, error, details).is_by_measurement(),
                by_measurement,
                "{status} {error} {details}"
            );
        }
    }

    #[test]
    fn what_is_not_the_kms_s_own_word_about_the_node_judges_nothing() {
        for (status, error, of_the_node) in [
            (403, "policy_violation", true),
            (401, "attestation_verification_failed", true),
            (401, "policy_violation", false),
            (403, "forbidden", false),
            (403, "", false),
            (429, "rate_limited", false),
            (503, "policy_not_ready", false),
        ] {
            assert_eq!(refusal(status, error, "").is_of_the_node(), of_the_node, "{status} {error}");
        }
    }

    #[test]
    fn registers_are_named_by_whole_words() {
        let named = |details| refusal(403, "policy_violation", details).registers();
        assert_eq!(named("rtmr3: expected one of allowed_mrtd"), [Register::Mrtd, Register::Rtmr3]);
        assert_eq!(named("RTMR10, XMRTD and mrtds"), []);
    }

    #[test]
    fn a_refusal_reads_as_it_is_written() {
        for one in [
            refusal(403, "policy_violation", "RTMR2 is not allowed; RTMR3: is not allowed"),
            refusal(503, "service_unavailable", ""),
            refusal(502, "", ""),
            refusal(403, "", "blocked: by a proxy"),
        ] {
            assert_eq!(KeyRefusal::read(&one.to_string()), Some(one));
        }
        for bad in ["", "403", "x policy_violation", "70000 policy_violation", "403 Policy Violation", "403 : x", "0 a"]
        {
            assert_eq!(KeyRefusal::read(bad), None, "{bad}");
        }
    }
}
