//! What a running KMS says of itself: its answer to `GetMeta`, and whether that is the KMS whose keys were verified.
//!
//! Its certificate is signed anew by each replica, its key is not: so the key is compared. Whether the answer came from the
//! KMS at all, TLS decides.

use serde_json::{Map, Value};

use super::{
    bootstrap_info::{BootstrapError, BootstrapInfo, MAX_DOCUMENT_BYTES},
    keys::PublicKeys,
};
use crate::{
    attestation::quote::Certificate,
    report::{CheckInfo, Finding},
    schema::{JsonError, excerpt::excerpt_json, parse_json_within},
    text::time,
};

/// Its root certificate is the attested one.
pub const CA: CheckInfo = CheckInfo {
    id: "dstack-meta-ca",
    title: "ca_cert of a KMS is self-signed, valid now, and its key is the attested ca_pubkey",
};
/// Its other key is the attested one.
pub const K256: CheckInfo =
    CheckInfo { id: "dstack-meta-k256", title: "k256_pubkey of a running KMS is the attested one" };
/// It asks who may boot.
pub const MODE: CheckInfo = CheckInfo {
    id: "dstack-meta-mode",
    title: "a KMS asks its auth API who may boot: neither is_dev nor allow_any_upgrade is true",
};
/// It remembers the same bootstrap.
pub const BOOTSTRAP: CheckInfo = CheckInfo {
    id: "dstack-meta-bootstrap",
    title: "bootstrap_info of a running KMS is the verified document; a replica has none",
};

/// Every check of an answer to `GetMeta`, in the order they are reported.
pub const RULES: [CheckInfo; 4] = [CA, K256, MODE, BOOTSTRAP];

/// An answer to `GetMeta`, read and not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// `ca_cert`: PEM of the root of its certificates.
    pub ca_cert: String,
    /// `k256_pubkey`.
    pub k256: Vec<u8>,
    /// `bootstrap_info`; `None` where it is null.
    pub bootstrap_info: Option<Value>,
    /// `is_dev`: it asks no auth API who may boot.
    pub is_dev: bool,
    /// `allow_any_upgrade`: an application may be changed without being asked for.
    pub allow_any_upgrade: bool,
    /// `gateway_app_id`, where there is one.
    pub gateway_app_id: Option<String>,
    /// `kms_contract_address`, where there is one.
    pub contract: Option<String>,
    /// `chain_id`, where there is one.
    pub chain_id: Option<u64>,
}

/// Why an answer is not one to `GetMeta`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetaError {
    /// Not JSON.
    #[error("not acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// Not an object.
    #[error("expected an object, got {0}")]
    NotAnObject(String),
    /// A field is not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field is not what it must be.
    #[error("`{field}`: expected {expected}, got {actual}")]
    Field {
        /// Which one.
        field: &'static str,
        /// What must be there.
        expected: &'static str,
        /// The beginning of what is.
        actual: String,
    },
}

/// What a KMS must be.
pub struct Expected<'a> {
    /// The keys whose attestation was verified.
    pub keys: &'a PublicKeys,
    /// The document they came from.
    pub origin: Origin<'a>,
    /// As of when, in seconds since 1970 UTC.
    pub now: u64,
    /// Whether a KMS that asks no auth API is accepted: in a sandbox alone.
    pub allow_dev: bool,
}

/// Where a KMS has its keys from.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    /// It made them itself, and answered this.
    Bootstrapped(&'a BootstrapInfo),
    /// From another KMS. It has no bootstrap document, ever.
    Replica,
}

impl Meta {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`MetaError`] names the field.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetaError> {
        let document = parse_json_within(bytes, MAX_DOCUMENT_BYTES + (1 << 20))?;
        let Value::Object(fields) = &document else { return Err(MetaError::NotAnObject(excerpt_json(&document))) };
        let digits = required_text(fields, "k256_pubkey")?;
        let k256 = hex::decode(digits.strip_prefix("0x").unwrap_or(digits)).map_err(|_| {
            let actual = crate::schema::excerpt::excerpt(digits);
            MetaError::Field { field: "k256_pubkey", expected: "hex digits, two a byte", actual }
        })?;
        Ok(Self {
            ca_cert: required_text(fields, "ca_cert")?.to_owned(),
            k256,
            bootstrap_info: fields.get("bootstrap_info").filter(|value| !value.is_null()).cloned(),
            is_dev: flag(fields, "is_dev")?,
            allow_any_upgrade: flag(fields, "allow_any_upgrade")?,
            gateway_app_id: text(fields, "gateway_app_id")?,
            contract: text(fields, "kms_contract_address")?,
            chain_id: number(fields, "chain_id")?,
        })
    }

    /// Judges the answer: every check of [`RULES`], in order.
    pub fn judge(&self, subject: &str, expected: &Expected<'_>) -> Vec<Finding> {
        let mut findings = vec![self.ca(subject, expected), self.k256(subject, expected)];
        findings.extend(self.mode(subject, expected));
        findings.push(self.bootstrap(subject, expected));
        findings
    }

    fn ca(&self, subject: &str, expected: &Expected<'_>) -> Finding {
        let untrusted = "the party that answered does not hold the attested keys: trust no certificate under this root";
        let chain = match Certificate::chain_from_pem(self.ca_cert.as_bytes()) {
            Ok(chain) => chain,
            Err(error) => return CA.fail(subject, format!("`ca_cert`: {error}")).help(untrusted),
        };
        let [certificate] = chain.as_slice() else {
            return CA.fail(subject, format!("`ca_cert` holds {} certificates instead of one", chain.len()));
        };
        let key = certificate.public_key_der();
        if key != expected.keys.ca {
            return CA
                .fail(subject, "the key of ca_cert is not the attested ca_pubkey")
                .compared(hex::encode(&expected.keys.ca), hex::encode(key))
                .help(untrusted);
        }
        if !certificate.is_self_issued() || !certificate.is_signed_by(certificate) {
            return CA.fail(subject, "ca_cert is not signed by its own key").help(untrusted);
        }
        let validity = certificate.validity();
        if !validity.contains(expected.now) {
            let (from, until) = (time(validity.from), time(validity.until));
            return CA
                .fail(subject, format!("ca_cert is valid from {from} until {until}, not at {}", time(expected.now)))
                .help("clients refuse it: check the clock, and have the KMS sign it again (restart it)");
        }
        CA.pass(subject, format!("self-signed by the attested key, valid until {}", time(validity.until)))
    }

    fn k256(&self, subject: &str, expected: &Expected<'_>) -> Finding {
        if self.k256 == expected.keys.k256 {
            return K256.pass(subject, hex::encode(&self.k256));
        }
        K256.fail(subject, "k256_pubkey is not the attested one")
            .compared(hex::encode(&expected.keys.k256), hex::encode(&self.k256))
            .help("this KMS has other keys: it was bootstrapped again, or it is another KMS")
    }

    fn mode(&self, subject: &str, expected: &Expected<'_>) -> Vec<Finding> {
        let flags = [
            ("is_dev", self.is_dev, "gives keys to any machine that asks"),
            ("allow_any_upgrade", self.allow_any_upgrade, "gives an application's keys to any change of it"),
        ];
        let set: Vec<_> = flags.into_iter().filter(|(_, set, _)| *set).collect();
        if set.is_empty() {
            return vec![MODE.pass(subject, "is_dev and allow_any_upgrade are false")];
        }
        let finding = |(field, _, meaning): &(&str, bool, &str)| {
            let message = format!("{field} is true: the KMS {meaning}");
            if expected.allow_dev {
                return MODE.warn(subject, format!("{message}; accepted, as asked for"));
            }
            let help = "set `type = \"webhook\"` under `[core.auth_api]` in kms.toml, and deploy a new KMS: \
                        keys given out so far stay given out";
            MODE.fail(subject, message).help(help)
        };
        set.iter().map(finding).collect()
    }

    fn bootstrap(&self, subject: &str, expected: &Expected<'_>) -> Finding {
        match (expected.origin, &self.bootstrap_info) {
            (Origin::Replica, None) => BOOTSTRAP.pass(subject, "none, as of a replica"),
            (Origin::Replica, Some(_)) => BOOTSTRAP
                .fail(subject, "this KMS has a bootstrap document: it made keys of its own, so it is not a replica")
                .help("verify it as what it is, or onboard it again"),
            (Origin::Bootstrapped(_), None) => BOOTSTRAP
                .fail(subject, "this KMS has no bootstrap document: it did not make these keys, or not when asked to")
                .help("a replica never has one: say --replica if it is one"),
            (Origin::Bootstrapped(verified), Some(stated)) => same(subject, verified, BootstrapInfo::from_json(stated)),
        }
    }
}

/// Whether the document a KMS remembers is the verified one.
fn same(subject: &str, verified: &BootstrapInfo, stated: Result<BootstrapInfo, BootstrapError>) -> Finding {
    let help = "this KMS was bootstrapped again, or another KMS answers: its keys are not the verified ones";
    let stated = match stated {
        Ok(stated) => stated,
        Err(error) => return BOOTSTRAP.fail(subject, format!("`bootstrap_info`: {error}")).help(help),
    };
    let differing = [
        ("ca_pubkey", stated.keys.ca != verified.keys.ca),
        ("k256_pubkey", stated.keys.k256 != verified.keys.k256),
        ("attestation", stated.attestation != verified.attestation),
    ];
    match differing.into_iter().find(|(_, differs)| *differs) {
        Some((field, _)) => {
            BOOTSTRAP.fail(subject, format!("`bootstrap_info.{field}` differs from the verified document")).help(help)
        }
        None => BOOTSTRAP.pass(subject, "equal to the verified document"),
    }
}

fn wrong(field: &'static str, expected: &'static str, value: &Value) -> MetaError {
    MetaError::Field { field, expected, actual: excerpt_json(value) }
}

fn required_text<'v>(fields: &'v Map<String, Value>, field: &'static str) -> Result<&'v str, MetaError> {
    let value = fields.get(field).ok_or(MetaError::Missing(field))?;
    value.as_str().ok_or_else(|| wrong(field, "text", value))
}

fn text(fields: &Map<String, Value>, field: &'static str) -> Result<Option<String>, MetaError> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(value) => Err(wrong(field, "text", value)),
    }
}

fn number(fields: &Map<String, Value>, field: &'static str) -> Result<Option<u64>, MetaError> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or_else(|| wrong(field, "a number", value)),
    }
}

/// A flag that must be there: one that is left out says nothing.
fn flag(fields: &Map<String, Value>, field: &'static str) -> Result<bool, MetaError> {
    let value = fields.get(field).ok_or(MetaError::Missing(field))?;
    value.as_bool().ok_or_else(|| wrong(field, "true or false", value))
}

#[cfg(test)]
mod tests;
