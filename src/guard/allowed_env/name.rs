//! Which names are forbidden, and what a value must say for a switch to be harmless.

/// Words that name a measurement, or what stands for one, behind `ALLOWED_`.
const MEASURED: [&str; 11] = [
    "MRTD",
    "RTMR",
    "TCB",
    "MRSEAM",
    "MROWNER",
    "MRCONFIG",
    "MEASUREMENT",
    "EVENT_PAYLOAD",
    "COMPOSE_HASH",
    "OS_IMAGE_HASH",
    "REPORT_DATA",
];

/// What programs of the system put before a name of their own: `MERO_KMS_ALLOWED_MRTD_JSON` is what a probe proposes as a
/// repository variable. Before anything else the name differs: `NOT_ALLOWED_MRTD` sets nothing.
const OWNERS: [&str; 9] =
    ["MERO_KMS_", "MERO_TEE_", "MERO_NODE_", "MEROD_", "MERO_", "KMS_", "NODE_", "INPUT_", "TF_VAR_"];

/// What a forbidden variable does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Overrides a measurement or a list of the policy.
    Override,
    /// Lets the environment be the policy.
    EnvPolicy,
    /// Accepts quotes that no hardware made.
    MockQuotes,
    /// Checks measurements; forbidden only when it is switched off.
    Enforcement,
}

impl Kind {
    /// Whether a value leaves the rule in force: a switch that is plainly off, or enforcement that is plainly on. Anything
    /// that is not known before it runs does not.
    pub(super) fn is_harmless(self, value: &str) -> bool {
        let value = value.trim().trim_matches(['"', '\'']).trim();
        let is = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
        match self {
            Self::Override => false,
            Self::EnvPolicy | Self::MockQuotes => is(&["false", "0", "no", "off", ""]),
            Self::Enforcement => is(&["true", "1", "yes", "on"]),
        }
    }
}

/// A forbidden name as programs read it from the environment: the whole name, in capitals.
pub fn forbidden(name: &str) -> Option<Kind> {
    match name {
        "USE_ENV_POLICY" => return Some(Kind::EnvPolicy),
        "ACCEPT_MOCK_ATTESTATION" => return Some(Kind::MockQuotes),
        "ENFORCE_MEASUREMENT_POLICY" => return Some(Kind::Enforcement),
        _ => {}
    }
    let plain = |rest: &str| !rest.is_empty() && rest.bytes().all(is_capital);
    if name.strip_prefix("ALLOWED_").is_some_and(plain) {
        return Some(Kind::Override);
    }
    let owned = OWNERS.iter().find_map(|owner| name.strip_prefix(owner))?;
    (is_measured(owned) && owned.bytes().all(is_capital)).then_some(Kind::Override)
}

/// A forbidden name where GitHub or Windows reads it in any case, and an input is spelled with dashes: `allowed-mrtd`.
/// There `allowed-endpoints` and its like belong to other people's actions, so only names of measurements count.
pub(super) fn forbidden_in_any_case(name: &str) -> Option<Kind> {
    if let Some(kind) = forbidden(name) {
        return Some(kind);
    }
    if !name.is_ascii() || name.len() > 100 {
        return None;
    }
    let folded = name.to_ascii_uppercase().replace('-', "_");
    let kind = forbidden(&folded)?;
    let own = OWNERS.iter().find_map(|owner| folded.strip_prefix(owner)).unwrap_or(&folded);
    (kind != Kind::Override || is_measured(own)).then_some(kind)
}

fn is_measured(name: &str) -> bool {
    name.strip_prefix("ALLOWED_").is_some_and(|rest| MEASURED.iter().any(|word| rest.starts_with(word)))
}

fn is_capital(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

/// A forbidden name in a text, as a whole word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Occurrence<'t> {
    pub(super) name: &'t str,
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Every forbidden name in a text, as a whole word.
pub(super) fn occurrences(text: &str) -> impl Iterator<Item = Occurrence<'_>> {
    let words = text.split(|c: char| !is_word(c)).filter(|word| word.len() > "ALLOWED_".len());
    words.filter_map(move |name| {
        let kind = forbidden(name)?;
        let start = name.as_ptr().addr() - text.as_ptr().addr();
        Some(Occurrence { name, kind, start, end: start + name.len() })
    })
}

/// Whether a character continues a name. Letters of any script do, so that no name is found inside a longer one.
pub(super) fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_as_a_whole_word() {
        for name in [
            "ALLOWED_MRTD",
            "ALLOWED_RTMR0",
            "ALLOWED_TCB_STATUS",
            "ALLOWED_TCB_STATUSES",
            "ALLOWED_ANYTHING",
            "USE_ENV_POLICY",
            "MERO_KMS_ALLOWED_RTMR3_JSON",
            "KMS_ALLOWED_MRTD",
        ] {
            assert!(forbidden(name).is_some(), "{name}");
        }
        for name in [
            "GCP_ATTESTATION_ALLOWED_CIDRS",
            "CORS_ALLOWED_ORIGINS",
            "NOT_ALLOWED_MRTD",
            "DISALLOWED_MRTD",
            "MERO_KMS_ALLOWED_CIDRS",
            "allowed_mrtd",
            "ALLOWED_",
            "ALLOWED_mrtd",
            "ENFORCE_MEASUREMENT_POLICY_DOC",
        ] {
            assert!(forbidden(name).is_none(), "{name}");
        }
        let found: Vec<_> =
            occurrences("xALLOWED_MRTD ALLOWED_MRTD, éALLOWED_MRTD").map(|o| (o.start, o.end)).collect();
        assert_eq!(found, [(14, 26)]);
    }

    #[test]
    fn in_any_case_only_measurements_count() {
        for name in ["allowed-mrtd", "kms_allowed_rtmr0", "Allowed_Tcb_Statuses", "use-env-policy", "ALLOWED_X"] {
            assert!(forbidden_in_any_case(name).is_some(), "{name}");
        }
        for name in ["allowed-endpoints", "allowed_bots", "not-allowed-mrtd"] {
            assert!(forbidden_in_any_case(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_switch_is_harmless_only_when_its_value_plainly_says_so() {
        assert!(Kind::MockQuotes.is_harmless("\"false\"") && Kind::EnvPolicy.is_harmless("0"));
        assert!(Kind::Enforcement.is_harmless("TRUE") && !Kind::Enforcement.is_harmless(""));
        assert!(!Kind::Enforcement.is_harmless("${{ vars.X }}") && !Kind::MockQuotes.is_harmless("$X"));
        assert!(!Kind::Override.is_harmless(""));
    }
}
