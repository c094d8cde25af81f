//! `verify-blob`: one file or digest against one signature.

use std::{path::Path, time::Instant};

use crate::{
    adapters::{
        file::{self, OnDisk},
        http::{Http, Service},
        sigstore::{
            Artifact, Bundle, MAX_EVIDENCE_BYTES, PublicKey, Rejected, RekorLookup, TrustRoot, verify_bundle,
            verify_bundle_with_key, verify_detached,
        },
    },
    cli::VerifyBlobArgs,
    context::Context,
    digest::Sha256,
    error::{Error, Result},
    product::Product,
    release::{
        checks::authenticity::{IDENTITY, SIGNATURE, identity_of},
        signer::{ExpectedSigner, Signer},
    },
    report::{Fact, Finding, Report, Section},
};

/// Said of a workflow's certificate that holds nothing but name and issuer.
const UNTOLD: &str = "the certificate does not say for which repository and ref the workflow ran";
/// What to do about it.
const DEMAND_SOURCE: &str = "anyone who may call the workflow signs with its name; to demand the source, give \
                             --certificate-source-repository and --certificate-source-ref";

/// What a sound signature proves.
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
enum Proven {
    By(Signer),
    WithKey,
}

pub(super) async fn run(args: &VerifyBlobArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let expected = expected_signer(args)?;
    let root = context.trust_root()?;
    let key = args.key.as_deref().map(PublicKey::from_file).transpose()?;
    let (digest, file) = artifact(&args.artifact)?;
    let artifact = Artifact { digest, path: file.as_ref().map(OnDisk::path) };
    let proven = match (&args.bundle, &args.signature) {
        (Some(bundle), _) => by_bundle(artifact, bundle, key.as_ref(), &root)?,
        (None, Some(signature)) => by_signature(args, context, artifact, signature, key.as_ref(), &root).await?,
        (None, None) => return Err(Error::usage("give --bundle, or --signature with --key or --certificate")),
    };
    let mut facts = vec![Fact::named("digest", format!("sha256:{digest}"))];
    if let Ok(Proven::By(signer)) = &proven {
        facts.push(Fact::Signer(signer.to_string()));
        facts.extend(signer.signed_at.map(Fact::SignedAt));
        facts.extend(signer.log_index.map(Fact::LogIndex));
    }
    let section = Section {
        subject: args.artifact.clone(),
        facts,
        findings: judge(&args.artifact, proven, expected.as_ref()),
        ..Section::default()
    };
    Ok(Product::report(Report {
        command: "verify-blob".into(),
        rules: vec![SIGNATURE, IDENTITY],
        sections: vec![section],
        caveats: root.caveat().into_iter().chain(super::source_caveat(&args.source)).collect(),
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }))
}

/// A certificate without a demanded identity proves only that *somebody* signed, so an identity must be given.
fn expected_signer(args: &VerifyBlobArgs) -> Result<Option<ExpectedSigner>> {
    if args.key.is_some() {
        return Ok(None);
    }
    let issuer = args
        .certificate_oidc_issuer
        .clone()
        .ok_or_else(|| Error::usage("--certificate-oidc-issuer is required, unless --key is given"))?;
    let signer = match (&args.certificate_identity, &args.certificate_identity_regexp) {
        (Some(san), _) => ExpectedSigner::exact(san, &issuer).or_bare(),
        (None, Some(pattern)) => ExpectedSigner::pattern(pattern, &issuer)
            .map_err(|e| Error::usage("--certificate-identity-regexp is not a regular expression").because(e))?,
        (None, None) => {
            return Err(Error::usage("--certificate-identity is required, unless --key is given")
                .help("a valid signature by an unknown signer proves nothing"));
        }
    };
    Ok(Some(signer.running_for(super::named_source(&args.source))))
}

/// The digest to be verified, and the file when there is one.
fn artifact(text: &str) -> Result<(Sha256, Option<OnDisk>)> {
    match text.strip_prefix("sha256:") {
        Some(_) => text.parse().map(|digest| (digest, None)).map_err(|e| {
            Error::usage(format!("`{text}`: {e}")).help("to verify a file of that name, write ./sha256:…")
        }),
        None => {
            let file = OnDisk::of(Path::new(text))?;
            let (digest, _) = file::digest(file.path())?;
            Ok((digest, Some(file)))
        }
    }
}

fn by_bundle(
    artifact: Artifact<'_>,
    path: &Path,
    key: Option<&PublicKey>,
    root: &TrustRoot,
) -> Result<Result<Proven, Rejected>> {
    let size = std::fs::metadata(path).map_or(0, |m| m.len());
    if size > MAX_EVIDENCE_BYTES {
        return Ok(Err(Rejected(format!("{} is larger than {MAX_EVIDENCE_BYTES} bytes", path.display()))));
    }
    let bytes = file::read_source(path, MAX_EVIDENCE_BYTES)?;
    let parsed = Bundle::parse(&bytes);
    if parsed.is_err()
        && let Some(kind) = Bundle::other_kind(&bytes)
    {
        return Err(Error::usage(format!("{}: not a bundle: this is {kind}", file::source_name(path))));
    }
    Ok(parsed.and_then(|bundle| match key {
        Some(key) => verify_bundle_with_key(artifact, &bundle, key, root).map(|()| Proven::WithKey),
        None if bundle.needs_key() => {
            Err(Rejected("signed with a key, not a certificate: give the public key with --key".into()))
        }
        None => verify_bundle(artifact, &bundle, root).map(Proven::By),
    }))
}

async fn by_signature(
    args: &VerifyBlobArgs,
    context: &Context,
    artifact: Artifact<'_>,
    path: &Path,
    key: Option<&PublicKey>,
    root: &TrustRoot,
) -> Result<Result<Proven, Rejected>> {
    let signature = file::read_source(path, MAX_EVIDENCE_BYTES)?;
    if let Some(key) = key {
        return Ok(verify_detached(artifact, &signature, key).map(|()| Proven::WithKey));
    }
    let certificate =
        args.certificate.as_deref().ok_or_else(|| Error::usage("--signature needs --key or --certificate"))?;
    if args.offline {
        return Err(Error::usage(
            "--signature with --certificate needs the log entry from Rekor, and --offline forbids asking",
        )
        .help("give the entry in a bundle: --bundle"));
    }
    let certificate = file::read_source(certificate, MAX_EVIDENCE_BYTES)?;
    let rekor_url = &context.endpoints.rekor_url;
    let http = Http::new(Service::Rekor, rekor_url.clone(), None, context.http.clone())?;
    let rekor = RekorLookup::new(&http, rekor_url);
    Ok(rekor.verify(artifact, &signature, &certificate, root).await?.map(Proven::By))
}

fn judge(subject: &str, proven: Result<Proven, Rejected>, expected: Option<&ExpectedSigner>) -> Vec<Finding> {
    match (proven, expected) {
        (Err(why), _) => {
            vec![SIGNATURE.fail(subject, why.0).help("do not trust this file: the evidence does not prove who made it")]
        }
        (Ok(Proven::WithKey), _) => vec![SIGNATURE.pass(subject, "the key given with --key")],
        (Ok(Proven::By(signer)), expected) => {
            let mut findings = vec![SIGNATURE.pass(subject, signer.to_string())];
            match expected {
                Some(expected) => {
                    findings.extend(identity_of(subject, &signer, expected));
                    if signer.is_workflow() && expected.takes_bare(&signer) {
                        findings.push(IDENTITY.warn(subject, UNTOLD).help(DEMAND_SOURCE));
                    }
                }
                None => findings
                    .push(IDENTITY.fail(subject, "signed with a certificate, and not with the key given with --key")),
            }
            findings
        }
    }
}
