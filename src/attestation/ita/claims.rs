//! What a token says: of itself, of the quote, of the machine, of policies.
//!
//! Version 2 keeps what it says of the machine under `tdx`; version 1 has it beside everything else.

use serde_json::{Map, Value};

use super::{Mismatch, PolicyId, Refusal};
use crate::{
    attestation::{
        measurement::{Register, TcbStatus},
        quote::Quote,
        verdict::Advisory,
    },
    schema::excerpt::excerpt,
    text,
};

/// Issuers that tokens of version 1 name, instead of the portal's address.
const OLD_ISSUERS: [&str; 2] = ["Intel Trust Authority", "Trust Authority"];
/// What is read about the machine, beside what the quote's own bytes say.
const OF_THE_MACHINE: [&str; 6] = [
    "attester_type",
    "attester_tcb_status",
    "attester_advisory_ids",
    "dbgstat",
    "tdx_is_debuggable",
    "tdx_td_attributes_debug",
];
/// The words for a machine that cannot be looked into (RFC 9711, section 4.2.9).
const DISABLED: [&str; 4] =
    ["disabled", "disabled-since-boot", "disabled-permanently", "disabled-fully-and-permanently"];
/// Most advisories and policies that are read.
const MAX_ENTRIES: usize = 200;

/// The claims of a token whose signature holds.
pub(super) struct Claims<'a> {
    all: &'a Map<String, Value>,
    /// Those about the machine.
    machine: &'a Map<String, Value>,
    version: Version,
}

/// The layout of the claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// Flat.
    One,
    /// The machine's under `tdx`.
    Two,
}

/// A claim and what the quote's bytes say of it.
struct Stated {
    claim: &'static str,
    bytes: Vec<u8>,
    required: bool,
}

impl<'a> Claims<'a> {
    pub(super) fn read(payload: &'a Value) -> Result<Self, Refusal> {
        let all = payload.as_object();
        let all = all.ok_or_else(|| Refusal::Malformed("its payload is not a JSON object".to_owned()))?;
        match all.get("tdx") {
            None => Ok(Self { all, machine: all, version: Version::One }),
            Some(Value::Object(machine)) => Ok(Self { all, machine, version: Version::Two }),
            Some(other) => Err(malformed("tdx", "an object", other)),
        }
    }

    /// The version, as the token calls it, else by its layout.
    pub(super) fn version(&self) -> String {
        let layout = match self.version {
            Version::One => "1",
            Version::Two => "2",
        };
        self.all.get("ver").and_then(Value::as_str).map_or(layout.to_owned(), excerpt)
    }

    /// The token's id, where it has one.
    pub(super) fn id(&self) -> String {
        self.all.get("jti").and_then(Value::as_str).map(excerpt).unwrap_or_default()
    }

    /// Whether the portal issued it.
    pub(super) fn by(&self, portal: &str) -> Result<(), Refusal> {
        let found = self.text(self.all, "iss")?.ok_or(Refusal::MissingClaim("iss"))?;
        if found == portal || (self.version == Version::One && OLD_ISSUERS.contains(&found)) {
            return Ok(());
        }
        Err(Refusal::Issuer { expected: portal.to_owned(), found: format!("`{}`", excerpt(found)) })
    }

    /// A time in whole seconds since 1970.
    pub(super) fn seconds(&self, claim: &'static str) -> Result<Option<u64>, Refusal> {
        let Some(value) = self.all.get(claim) else { return Ok(None) };
        // The latest time that can be written with a four-digit year.
        let seconds = value.as_u64().filter(|seconds| *seconds <= 253_402_300_799);
        seconds.map(Some).ok_or_else(|| malformed(claim, "a time in seconds since 1970", value))
    }

    /// Whether the claims about the quote are what the quote says: all that differ at once.
    pub(super) fn agree(&self, quote: &Quote) -> Result<(), Refusal> {
        let stated = stated(quote);
        self.said_once(stated.iter().map(|one| one.claim).chain(OF_THE_MACHINE))?;
        if let Some(kind) = self.text(self.machine, "attester_type")?
            && kind != "TDX"
        {
            return Err(Refusal::MachineType(format!("`{}`", excerpt(kind))));
        }
        let mut mismatches = Vec::new();
        for Stated { claim, bytes, required } in stated {
            let Some(found) = self.text(self.machine, claim)? else {
                if required {
                    return Err(Refusal::MissingClaim(claim));
                }
                continue;
            };
            if hex::decode(found).ok().as_deref() != Some(bytes.as_slice()) {
                let found = text::excerpt_within(format_args!("{found}"), 2 * bytes.len().max(8));
                mismatches.push(Mismatch { claim, expected: hex::encode(bytes), found });
            }
        }
        if mismatches.is_empty() { Ok(()) } else { Err(Refusal::Mismatch(mismatches)) }
    }

    /// Whether nothing beside `tdx` says something else of the machine than what stands under it: two readers would take
    /// different values.
    fn said_once(&self, mut claims: impl Iterator<Item = &'static str>) -> Result<(), Refusal> {
        // In version 1 they are the same object.
        let two = |claim: &&str| self.all.get(*claim).is_some_and(|beside| self.machine.get(*claim) != Some(beside));
        claims.find(two).map_or(Ok(()), |claim| Err(Refusal::TwoLayouts(claim)))
    }

    /// Whether neither the quote's attributes, which are compared in [`Self::agree`], nor any word about debugging says
    /// that the TD can be looked into.
    pub(super) fn not_debuggable(&self, quote: &Quote) -> Result<(), Refusal> {
        if quote.report.attributes.is_under_debug() {
            return Err(Refusal::Debuggable("tdx_td_attributes"));
        }
        for claim in ["tdx_is_debuggable", "tdx_td_attributes_debug"] {
            match self.machine.get(claim) {
                None | Some(Value::Bool(false)) => {}
                Some(Value::Bool(true)) => return Err(Refusal::Debuggable(claim)),
                Some(other) => return Err(malformed(claim, "true or false", other)),
            }
        }
        match self.text(self.machine, "dbgstat")? {
            Some(word) if !DISABLED.contains(&word) => Err(Refusal::Debuggable("dbgstat")),
            Some(_) | None => Ok(()),
        }
    }

    /// The state of the machine's firmware.
    pub(super) fn tcb(&self) -> Result<TcbStatus, Refusal> {
        const CLAIM: &str = "attester_tcb_status";
        let word = self.text(self.machine, CLAIM)?.ok_or(Refusal::MissingClaim(CLAIM))?;
        match word.parse() {
            Ok(TcbStatus::Revoked) => Err(Refusal::TcbRevoked),
            Ok(status) => Ok(status),
            // `OK` of samples from 2023 among them: nothing says which of the seven it stands for.
            Err(_) => Err(Refusal::UnknownTcb(format!("`{}`", excerpt(word)))),
        }
    }

    /// Advisories that apply to the machine.
    pub(super) fn advisories(&self) -> Result<Vec<Advisory>, Refusal> {
        const CLAIM: &str = "attester_advisory_ids";
        let entries = entries(self.machine, CLAIM)?;
        let advisory = |entry: &Value| {
            let text = entry.as_str().ok_or_else(|| malformed(CLAIM, "a list of texts", entry))?;
            Ok(Advisory(excerpt(text)))
        };
        entries.iter().map(advisory).collect()
    }

    /// The policies that are matched, when all `asked` are and none is unmatched.
    pub(super) fn matched(&self, asked: &[PolicyId]) -> Result<Vec<PolicyId>, Refusal> {
        let unmatched = entries(self.all, "policy_ids_unmatched")?;
        if let (false, false) = (asked.is_empty(), unmatched.is_empty()) {
            let shown = |entry: &Value| id_of(entry).map_or_else(|| excerpt(&entry.to_string()), excerpt);
            return Err(Refusal::Unmatched(unmatched.iter().map(shown).collect()));
        }
        let ids = entries(self.all, "policy_ids_matched")?.iter().map(|entry| {
            let id = id_of(entry).and_then(|id| id.parse().ok());
            id.ok_or_else(|| malformed("policy_ids_matched", "a list of policies with an id each", entry))
        });
        let matched = ids.collect::<Result<Vec<PolicyId>, _>>()?;
        match asked.iter().find(|id| !matched.contains(id)) {
            Some(missing) => Err(Refusal::NotMatched(missing.clone())),
            None => Ok(matched),
        }
    }

    fn text(&self, of: &'a Map<String, Value>, claim: &'static str) -> Result<Option<&'a str>, Refusal> {
        match of.get(claim) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(malformed(claim, "a text", other)),
        }
    }
}

/// What the quote's own bytes say, claim by claim. Integers stand in claims as their bytes in the quote, lowest first.
fn stated(quote: &Quote) -> Vec<Stated> {
    let report = &quote.report;
    let required = |claim, bytes: &[u8]| Stated { claim, bytes: bytes.to_vec(), required: true };
    let optional = |claim, bytes: &[u8]| Stated { claim, bytes: bytes.to_vec(), required: false };
    let register = |register: Register| {
        let claim = match register {
            Register::Mrtd => "tdx_mrtd",
            Register::Rtmr0 => "tdx_rtmr0",
            Register::Rtmr1 => "tdx_rtmr1",
            Register::Rtmr2 => "tdx_rtmr2",
            Register::Rtmr3 => "tdx_rtmr3",
        };
        required(claim, report.registers.get(register).as_bytes())
    };
    let mut claims: Vec<Stated> = Register::ALL.into_iter().map(register).collect();
    claims.extend([
        required("tdx_report_data", &report.report_data),
        required("tdx_mrseam", report.mr_seam.as_bytes()),
        required("tdx_td_attributes", &report.attributes.bits().to_le_bytes()),
        optional("tdx_mrsignerseam", report.mr_signer_seam.as_bytes()),
        optional("tdx_mrconfigid", report.mr_config_id.as_bytes()),
        optional("tdx_mrowner", report.mr_owner.as_bytes()),
        optional("tdx_mrownerconfig", report.mr_owner_config.as_bytes()),
        optional("tdx_tee_tcb_svn", &report.tee_tcb_svn),
        optional("tdx_xfam", &report.xfam.to_le_bytes()),
        optional("tdx_seam_attributes", &report.seam_attributes.to_le_bytes()),
    ]);
    claims
}

/// A list; one that is absent or null is empty.
fn entries<'a>(of: &'a Map<String, Value>, claim: &'static str) -> Result<&'a [Value], Refusal> {
    match of.get(claim) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(entries)) if entries.len() <= MAX_ENTRIES => Ok(entries),
        Some(other) => Err(malformed(claim, "a short list", other)),
    }
}

/// The id of a policy: `{"id": …}`, or the id alone.
fn id_of(entry: &Value) -> Option<&str> {
    entry.get("id").unwrap_or(entry).as_str()
}

fn malformed(claim: &'static str, expected: &'static str, found: &Value) -> Refusal {
    Refusal::MalformedClaim { claim, expected, found: format!("`{}`", excerpt(&found.to_string())) }
}
