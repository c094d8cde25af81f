//! Candidates with their signatures: read, verified, and held to who must have signed.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::{
    adapters::{
        file,
        sigstore::{
            Artifact, Bundle, PublicKey, Rejected, TrustRoot, verify_bundle, verify_bundle_with_key, verify_detached,
        },
    },
    change::Branch,
    cli::promote::PolicyPromoteArgs,
    commands::{signer_rule::signer_rule, source_caveat},
    context::Context,
    digest::Sha256,
    error::{Error, Result},
    policy::promotion::{Probe, Seal, Target, judge},
    release::{
        checks::authenticity::{IDENTITY, SIGNATURE, identity_of},
        probe_signer,
        signer::Signer,
        signer_rule::SignerRule,
        snapshot::Demanded,
    },
    report::Finding,
    subject::{repository::Repository, role::Role},
};

/// Largest candidates file and largest signature taken: both become files of a repository. Real ones have a few KiB.
const MAX_BYTES: u64 = 1 << 20;

/// The candidates of a promotion, whose signatures verified.
pub(super) struct Sealed {
    probes: Vec<(Probe, Proven)>,
    rule: SignerRule,
    workflow: Option<String>,
    refs: Vec<String>,
    profile: Option<crate::subject::profile::Profile>,
}

/// What a sound signature proves.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "there is one for each candidates file")]
enum Proven {
    By(Signer),
    WithKey,
}

/// Reads the candidates and verifies the signature over each. Who was to sign is judged later, by [`Sealed::signers`].
///
/// # Errors
/// Usage: options that do not go together. Input: a file cannot be read.
pub(super) fn read(
    args: &PolicyPromoteArgs,
    context: &Context,
    repository: &Repository,
) -> Result<(Sealed, Vec<Finding>)> {
    if !args.bundle.is_empty() && args.bundle.len() != args.candidates.len() {
        let (bundles, files) = (args.bundle.len(), args.candidates.len());
        return Err(Error::usage(format!("--bundle is given {bundles} times for {files} candidates"))
            .help("give one --bundle for each --candidates, in the same order, or none"));
    }
    let rule = signer_rule(&args.identity, context, repository)?;
    let root = context.trust_root()?;
    let key = args.identity.key.as_deref().map(PublicKey::from_file).transpose()?;
    let (mut probes, mut findings) = (Vec::new(), Vec::new());
    for (index, path) in args.candidates.iter().enumerate() {
        let name = path.display().to_string();
        let bytes = file::read_bounded(path, MAX_BYTES)?;
        let Some(evidence) = args.bundle.get(index).cloned().or_else(|| beside(path, key.is_some())) else {
            let finding = SIGNATURE.missing(&name, "no signature").compared("a bundle beside it", "none");
            findings.push(
                finding.help("sign it in the workflow that probes (`probe run --sign`), or name it with --bundle"),
            );
            continue;
        };
        let signature = text(&evidence)?;
        let artifact = Artifact { digest: Sha256::of(&bytes), path: Some(path) };
        let (seal, proven) = verified(artifact, signature, key.as_ref(), &root);
        match proven {
            Ok(proven) => match Probe::read(&name, &bytes, args.profile, seal) {
                Ok(probe) => {
                    findings.push(SIGNATURE.pass(&name, who(&proven)));
                    probes.push((with_run(probe, args), proven));
                }
                Err(finding) => findings.push(*finding),
            },
            Err(Rejected(why)) => {
                let message = format!("{}: {why}", evidence.display());
                findings
                    .push(SIGNATURE.fail(&name, message).help("do not promote this: nothing proves who measured it"));
            }
        }
    }
    let plain: Vec<Probe> = probes.iter().map(|(probe, _)| probe.clone()).collect();
    findings.extend(judge::candidates(&plain));
    let sealed = Sealed {
        probes,
        rule,
        workflow: args.probe.probe_workflow.clone(),
        refs: args.probe.probe_ref.clone(),
        profile: args.profile,
    };
    Ok((sealed, findings))
}

/// What every report must say when other authorities, or another source of the workflow, are taken than the usual ones.
///
/// # Errors
/// As [`Context::trust_root`].
pub(super) fn caveats(args: &PolicyPromoteArgs, context: &Context) -> Result<Vec<String>> {
    Ok(context.trust_root()?.caveat().into_iter().chain(source_caveat(&args.identity.source)).collect())
}

impl Sealed {
    /// The probes of a target, in the order in which they were given.
    pub(super) fn of(&self, target: Target) -> impl Iterator<Item = &Probe> {
        let meant = self.profile.is_none_or(|profile| profile == target.profile);
        let probes = self.probes.iter().filter(move |(probe, _)| meant && probe.targets().contains(&target));
        probes.map(|(probe, _)| probe)
    }

    /// Who signed the candidates of a probe, for people.
    pub(super) fn signer(&self, probe: &Probe) -> String {
        self.probes
            .iter()
            .find(|(one, _)| one.digest == probe.digest)
            .map(|(_, proven)| who(proven))
            .unwrap_or_default()
    }

    /// Whether each was signed by the workflow that probes machines of its role, for the branch that the policies change on.
    pub(super) fn signers(&self, base: &Branch) -> Vec<Finding> {
        let refs = probe_signer::refs(base.as_str(), &self.refs);
        self.probes.iter().flat_map(|(probe, proven)| self.allowed(probe, proven, &refs)).collect()
    }

    fn allowed(&self, probe: &Probe, proven: &Proven, refs: &[String]) -> Vec<Finding> {
        let name = probe.name();
        let role = probe.about.role.unwrap_or(Role::Kms);
        let demanded = probe_signer::demanded(&self.rule, role, self.workflow.as_deref(), refs);
        match (proven, demanded) {
            (Proven::By(signer), Demanded::Signer(expected)) => identity_of(name, signer, &expected),
            (Proven::WithKey, Demanded::Key) => vec![IDENTITY.pass(name, "the holder of the key given with --key")],
            (Proven::By(_), Demanded::Key) => {
                vec![IDENTITY.fail(name, "signed with a certificate, and not with the key given with --key")]
            }
            (Proven::WithKey, Demanded::Signer(_)) => {
                vec![IDENTITY.fail(name, "signed with a key, and not by the workflow that probes")]
            }
        }
    }
}

fn who(proven: &Proven) -> String {
    match proven {
        Proven::By(signer) => signer.to_string(),
        Proven::WithKey => "the key given with --key".to_owned(),
    }
}

fn with_run(mut probe: Probe, args: &PolicyPromoteArgs) -> Probe {
    if let Some(url) = &args.run_url {
        probe.about.run_url = Some(url.to_string());
    }
    probe
}

/// The signature beside a file.
fn beside(path: &Path, with_key: bool) -> Option<PathBuf> {
    let endings = [".bundle.json", ".sigstore.json"].into_iter().chain(with_key.then_some(".sig"));
    let named = endings.map(|ending| {
        let mut name = OsString::from(path);
        name.push(ending);
        PathBuf::from(name)
    });
    named.into_iter().find(|path| path.is_file())
}

/// A signature as text, which it becomes in the repository.
fn text(path: &Path) -> Result<String> {
    let bytes = file::read_bounded(path, MAX_BYTES)?;
    String::from_utf8(bytes).map_err(|_| {
        Error::input(format!("{} is not text", path.display()))
            .help("give the Sigstore bundle, or the detached signature in base64")
    })
}

fn verified(
    artifact: Artifact<'_>,
    signature: String,
    key: Option<&PublicKey>,
    root: &TrustRoot,
) -> (Seal, Result<Proven, Rejected>) {
    if let Some(key) = key
        && !signature.trim_start().starts_with('{')
    {
        let proven = verify_detached(artifact, signature.as_bytes(), key).map(|()| Proven::WithKey);
        return (Seal::Signature(signature), proven);
    }
    let proven = Bundle::parse(signature.as_bytes()).and_then(|bundle| match key {
        Some(key) => verify_bundle_with_key(artifact, &bundle, key, root).map(|()| Proven::WithKey),
        None if bundle.needs_key() => {
            Err(Rejected("signed with a key, not a certificate: give the public key with --key".to_owned()))
        }
        None => verify_bundle(artifact, &bundle, root).map(Proven::By),
    });
    (Seal::Bundle(signature), proven)
}
