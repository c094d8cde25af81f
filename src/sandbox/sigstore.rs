//! A whole Sigstore instance in miniature: Fulcio CA, certificate transparency log, Rekor v1 log, a log in the style of
//! Rekor v2, and an RFC 3161 timestamp authority. What it signs is real: any Sigstore client given its trusted root
//! accepts it, and refuses what was changed afterwards.
//!
//! Every key and serial number follows from the seed, every signature is deterministic and every time is the caller's:
//! the same calls on the same seed give the same bytes. That makes it worthless for anything but a sandbox.

mod attester;
mod bundle;
mod ct;
mod envelope;
mod fulcio;
mod http;
mod identity;
mod merkle;
mod oidc;
mod proposal;
mod record;
mod rekor;
mod rekor2;
mod timestamp;
mod trust;

pub use attester::Attester;
pub use envelope::Statement;
pub use http::{Clock, router, router_at};
pub use identity::{Extensions, GITHUB_ACTIONS_ISSUER, Identity};
pub use trust::Log;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use x509_cert::Certificate;

use self::bundle::SignedBlob;
use self::ct::CtLog;
use self::envelope::{Envelope, IN_TOTO};
use self::fulcio::Fulcio;
use self::oidc::Oidc;
use self::record::{HashedRekord, NewEntry};
use self::rekor::{Logged, LoggedEntry, Rekor};
use self::rekor2::Rekor2;
use self::timestamp::TimestampAuthority;
use self::trust::TrustMaterial;
use super::key::{Key, Seed};
use super::{certificate, key};
use crate::digest::Sha256;
use crate::error::{Error, Result};

/// By this token the instance's token service knows a job, whichever it is: it is not a secret.
pub const JOB_TOKEN: &str = "sandbox";

/// The instance: its keys and what its logs hold.
pub struct Instance {
    seed: Seed,
    signed: u64,
    fulcio: Fulcio,
    ct_log: CtLog,
    oidc: Oidc,
    rekor: Rekor,
    rekor2: Rekor2,
    tsa: TimestampAuthority,
    trust: TrustMaterial,
}

/// One signature in every form a release may publish it. All hold the same certificate and the same signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// A v0.3 bundle with a Rekor v1 entry: inclusion promise, proof and checkpoint (`X.sigstore.json`).
    pub bundle_json: String,
    /// The signature, ECDSA P-256 in DER, as base64 without a line end (`X.sig`).
    pub signature_base64: String,
    /// The certificate as PEM (`X.pem`).
    pub certificate_pem: String,
    /// Cosign's bundle from before the specification, which proves the log entry by its promise alone.
    pub cosign_bundle_json: String,
    /// A v0.3 bundle with an entry of the Rekor v2 log and an RFC 3161 timestamp, and no promise.
    pub rekor2_bundle_json: String,
    /// The Rekor v1 entry's UUID: 16 hex digits of tree id, 64 of leaf hash.
    pub entry_uuid: String,
    /// The Rekor v1 entry's index in the whole log, which is not its place in the tree.
    pub log_index: i64,
}

impl Instance {
    /// Derives every key from `seed`. The Rekor log starts with a few unrelated entries of the hour before `now`, so that
    /// proofs have siblings.
    ///
    /// # Errors
    /// Usage when `now` is before 1970; internal when something cannot be encoded.
    pub fn new(seed: u64, now: Timestamp) -> Result<Self> {
        let seed = Seed::new("sigstore", seed);
        let fulcio = Fulcio::new(seed)?;
        let ct_log = CtLog::new(seed.key("ct log", 0)?);
        let rekor = Rekor::new(seed, now.as_second())?;
        let rekor2 = Rekor2::new(seed)?;
        let tsa = TimestampAuthority::new(seed)?;
        let trust = TrustMaterial::new(&fulcio, &ct_log, &rekor, &rekor2, &tsa)?;
        let oidc = Oidc::new(seed.key("oidc", 0)?);
        Ok(Self { seed, signed: 0, fulcio, ct_log, oidc, rekor, rekor2, tsa, trust })
    }

    /// Sigstore's `trusted_root.json`. `base_url` is where [`router`] answers; it is a hint for clients and nothing that
    /// is signed depends on it.
    pub fn trusted_root_json(&self, base_url: &str) -> String {
        self.trust.trusted_root(base_url).to_string()
    }

    /// A ClientTrustConfig v0.1: the trusted root with a signing configuration v0.2, which sigstore-python wants in one
    /// file (`--trust-config`).
    pub fn client_trust_config_json(&self, base_url: &str) -> String {
        self.client_trust_config_of(base_url, Log::Rekor1)
    }

    /// The same, with clients writing to this log.
    pub fn client_trust_config_of(&self, base_url: &str, log: Log) -> String {
        self.trust.client_trust_config(base_url, log).to_string()
    }

    /// The signing configuration alone, with clients writing to this log.
    pub fn signing_config_json(&self, base_url: &str, log: Log) -> String {
        self.trust.signing_config(base_url, log).to_string()
    }

    /// From now on no certificate holds an SCT, as if no log of certificates would take any.
    pub fn forget_scts(&mut self) {
        self.fulcio.forget_scts();
    }

    /// Signs a blob as `identity` with a fresh key: issues the certificate and logs the signature in both logs, all at
    /// `time`, which counts in whole seconds. Verifiers refuse a time in their future.
    ///
    /// # Errors
    /// Usage when the identity has characters no certificate can hold, or the time is before 1970.
    pub fn sign(&mut self, artifact: &[u8], identity: &Identity, time: Timestamp) -> Result<Signed> {
        let time = time.as_second();
        let (key, certificate) = self.signer(identity, time)?;
        let certificate_der = certificate::der(&certificate)?;
        let certificate_pem = certificate::pem(&certificate)?;
        let digest = Sha256::of(artifact);
        let signature = key.sign(artifact);

        let record = HashedRekord { digest, signature: signature.clone(), verifier_pem: certificate_pem.clone() };
        let entry = self.log(record.new_entry()?, time)?;
        let entry2 = self.rekor2.add(&digest, &signature, &certificate_der)?;
        let timestamp = self.tsa.timestamp(&signature, time)?;

        let blob = SignedBlob {
            digest,
            signature: &signature,
            certificate_der: &certificate_der,
            certificate_pem: &certificate_pem,
        };
        Ok(Signed {
            bundle_json: bundle::with_rekor(&blob, &entry),
            signature_base64: STANDARD.encode(&signature),
            cosign_bundle_json: bundle::cosign(&blob, &entry),
            rekor2_bundle_json: bundle::with_rekor2(&blob, &entry2, &timestamp),
            entry_uuid: entry.uuid,
            log_index: i64::try_from(entry.log_index)
                .map_err(|e| Error::internal("the log has outgrown its index").because(e))?,
            certificate_pem,
        })
    }

    /// Signs an in-toto statement as `identity` with a fresh key at `time` and logs it in the v1 log. Returns a v0.3
    /// bundle with a DSSE envelope.
    ///
    /// # Errors
    /// As [`Instance::sign`].
    pub fn sign_statement(&mut self, statement: &Statement, identity: &Identity, time: Timestamp) -> Result<String> {
        self.sign_payload(IN_TOTO, statement.to_json().as_bytes(), identity, time)
    }

    /// Signs any payload as [`Instance::sign_statement`] does a statement, also one that is none.
    ///
    /// # Errors
    /// As [`Instance::sign`].
    pub fn sign_payload(&mut self, kind: &str, payload: &[u8], identity: &Identity, time: Timestamp) -> Result<String> {
        let time = time.as_second();
        let (key, certificate) = self.signer(identity, time)?;
        let envelope = Envelope::sign(kind, payload, &key).json();
        let entry = envelope::log_entry(&envelope.to_string(), certificate::pem(&certificate)?.as_bytes())?;
        let entry = self.log(entry, time)?;
        Ok(bundle::of_statement(&envelope, &certificate::der(&certificate)?, &entry))
    }

    /// An OIDC token that [`router`]'s Fulcio exchanges for a certificate of `identity`, valid for ten minutes from
    /// `time`.
    ///
    /// # Errors
    /// Internal when the token cannot be written.
    pub fn identity_token(&self, identity: &Identity, time: Timestamp) -> Result<String> {
        self.oidc.token(identity, time.as_second())
    }

    /// A fresh key and its certificate.
    fn signer(&mut self, identity: &Identity, time: i64) -> Result<(Key, Certificate)> {
        let key = self.seed.key("signer", self.signed)?;
        self.signed = self.signed.saturating_add(1);
        let certificate = self.fulcio.issue(key.spki(), identity, time, &self.ct_log)?;
        Ok((key, certificate))
    }

    /// Logs an entry in the v1 log and returns it, proved against the head it made.
    fn log(&mut self, entry: NewEntry, time: i64) -> Result<LoggedEntry> {
        let (Logged::New(index) | Logged::Before(index)) = self.rekor.add(entry, time);
        self.rekor.entry(index)?.ok_or_else(|| Error::internal("an entry just logged is not in the log"))
    }
}
