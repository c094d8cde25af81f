//! What lies beside candidates and shows that a probe measured their values: its quote, and signatures.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::{
    adapters::{
        file,
        sigstore::{
            Artifact, Bundle, MAX_EVIDENCE_BYTES, PrivateKey, Rejected, TrustRoot, verify_bundle,
            verify_bundle_with_key, verify_detached,
        },
    },
    attestation::quote::input::MAX_INPUT_BYTES,
    commands::{repository::resolve, signer_rule::own_workflows},
    context::Context,
    digest::Sha256,
    error::Result,
    policy::candidates::Given,
    probe::{
        artifacts::QUOTE,
        checks::SOURCE,
        combine::quoted::quoted,
        source::{Source, sources},
    },
    release::{
        checks::authenticity::{SIGNATURE, identity_of},
        probe_signer,
        signer::{Signer, WorkflowIdentity},
        signer_rule::SignerRule,
        snapshot::Demanded,
    },
    report::{Finding, Status},
    subject::{role::Role, tag::Family},
};

/// Names that signatures have behind the file's own.
const SUFFIXES: [&str; 3] = [".bundle.json", ".sigstore.json", ".sig"];
/// What to do about a signature that does not verify.
const ADVICE: &str = "the candidates were changed after they were signed, or another key signed: do not use them";

/// By what signatures are judged.
pub(super) struct Vouching<'a> {
    context: &'a Context,
    /// The key that will sign: it verifies what it signed before.
    key: Option<&'a PrivateKey>,
    /// Whether what is combined gets a signature, and so needs something to rest on.
    sign: bool,
    /// Found out for the first bundle.
    rule: Option<(TrustRoot, SignerRule)>,
}

impl<'a> Vouching<'a> {
    pub(super) fn new(context: &'a Context, key: Option<&'a PrivateKey>, sign: bool) -> Self {
        Self { context, key, sign, rule: None }
    }

    /// What the report must say of the authorities by which bundles were judged.
    pub(super) fn caveat(&self) -> Option<String> {
        self.rule.as_ref().and_then(|(root, _)| root.caveat())
    }

    /// What quote and signatures beside `path` say of the candidates in it.
    ///
    /// # Errors
    /// Input: one of them cannot be read. As [`Context::trust_root`].
    pub(super) fn judge(&mut self, path: &Path, bytes: &[u8], given: &Given) -> Result<Vec<Finding>> {
        let name = &given.file.name;
        let sources = sources(&given.file.document).unwrap_or_default();
        let mut findings = Vec::new();
        if path.as_os_str() != "-" {
            let quote = path.with_file_name(QUOTE);
            // A set of several probes has no quote of its own.
            if let ([source], true) = (sources.as_slice(), quote.is_file()) {
                findings.extend(quoted(given, source, &file::read_bounded(&quote, MAX_INPUT_BYTES as u64)?));
            }
            for signature in beside(path) {
                let artifact = Artifact { digest: Sha256::of(bytes), path: Some(path) };
                findings.extend(self.signature(name, artifact, &signature, sources.first())?);
            }
        }
        if !findings.iter().any(|finding| finding.status != Status::Skipped) {
            let message = format!("neither {QUOTE} nor a signature that can be verified lies beside it");
            findings.push(if self.sign {
                SOURCE
                    .missing(name, message)
                    .help("what is signed must have been measured: give the whole folder of the probe")
            } else {
                SOURCE.skip(name, format!("{message}: nothing shows that a probe measured these values"))
            });
        }
        Ok(findings)
    }

    fn signature(
        &mut self,
        name: &str,
        artifact: Artifact<'_>,
        signature: &Path,
        source: Option<&Source>,
    ) -> Result<Vec<Finding>> {
        let text = file::read_bounded(signature, MAX_EVIDENCE_BYTES)?;
        let failed = |Rejected(why)| vec![SIGNATURE.fail(name, format!("{}: {why}", signature.display())).help(ADVICE)];
        let by_key = || vec![SIGNATURE.pass(name, format!("{}: by the key that signs now", signature.display()))];
        let unknown =
            || vec![SIGNATURE.skip(name, format!("{}: made with a key that is not given", signature.display()))];
        let key = self.key.map(PrivateKey::public);
        if signature.extension().is_some_and(|extension| extension == "sig") {
            return Ok(match key {
                Some(key) => verify_detached(artifact, &text, key).map_or_else(failed, |()| by_key()),
                None => unknown(),
            });
        }
        let bundle = match Bundle::parse(&text) {
            Ok(bundle) => bundle,
            Err(rejected) => return Ok(failed(rejected)),
        };
        if bundle.needs_key() && key.is_none() {
            return Ok(unknown());
        }
        let (root, rule) = self.rule()?;
        Ok(match (bundle.needs_key(), key) {
            (true, Some(key)) => {
                verify_bundle_with_key(artifact, &bundle, key, root).map_or_else(failed, |()| by_key())
            }
            _ => match verify_bundle(artifact, &bundle, root) {
                Ok(signer) => signed(name, &signer, rule, source),
                Err(rejected) => failed(rejected),
            },
        })
    }

    fn rule(&mut self) -> Result<&(TrustRoot, SignerRule)> {
        let rule = if let Some(rule) = self.rule.take() {
            rule
        } else {
            let repository = resolve(&self.context.endpoints)?;
            (self.context.trust_root()?, own_workflows(self.context, &repository))
        };
        Ok(self.rule.insert(rule))
    }
}

/// Whether the workflow that probes machines of this role signed. On which branch it must have run is for `policy promote` to
/// demand, which knows where the policies go.
fn signed(name: &str, signer: &Signer, rule: &SignerRule, source: Option<&Source>) -> Vec<Finding> {
    let mut findings = vec![SIGNATURE.pass(name, signer.to_string())];
    let Some(source) = source else { return findings };
    let workflow = WorkflowIdentity::parse(&signer.san);
    let branch = workflow.and_then(|workflow| workflow.git_ref.strip_prefix("refs/heads/")).unwrap_or("*");
    let refs = probe_signer::refs(branch, &[]);
    let role = match source.family {
        Family::Kms => Role::Kms,
        Family::Node => Role::Node,
    };
    if let Demanded::Signer(expected) = probe_signer::demanded(rule, role, None, &refs) {
        findings.extend(identity_of(name, signer, &expected));
    }
    findings
}

/// The signatures of a file.
fn beside(path: &Path) -> Vec<PathBuf> {
    let named = SUFFIXES.into_iter().map(|suffix| {
        let mut name = OsString::from(path);
        name.push(suffix);
        PathBuf::from(name)
    });
    named.filter(|path| path.is_file()).collect()
}
