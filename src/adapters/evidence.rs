//! Signatures of a release: finds the files that carry each, and has them verified.
//!
//! Every form present is verified: a sound signature in one form does not make up for an unsound one in another, which
//! some other client may read.

#![allow(clippy::result_large_err, reason = "both halves are an outcome, made once for each signature")]

use crate::{
    adapters::sigstore::{
        Artifact, Bundle, Half, PublicKey, Rejected, RekorLookup, TrustRoot, refuse_mismatch, verify_bundle,
        verify_bundle_with_key, verify_detached, verify_detached_beside, verify_half_beside,
    },
    error,
    release::{
        asset_name::AssetName,
        snapshot::{Asset, Content, MAX_EVIDENCE_BYTES, Signature, SignatureOutcome, evidence_of},
    },
};

/// What signatures are judged by.
pub struct Verifier<'a> {
    /// Authorities and logs that are trusted.
    pub root: &'a TrustRoot,
    /// A key that must have signed instead of a certificate's holder.
    pub key: Option<&'a PublicKey>,
    /// The log to ask for entries of detached signatures; `None` offline.
    pub rekor: Option<RekorLookup<'a>>,
}

/// Files that carry a signature over one asset.
enum Form<'a> {
    Bundle(&'a Asset),
    Certificate {
        signature: &'a Asset,
        certificate: &'a Asset,
        bundle: Option<&'a Asset>,
    },
    /// A signature without its certificate, whose other half is in the bundle beside it.
    LoneSignature {
        signature: &'a Asset,
        bundle: &'a Asset,
    },
    /// A certificate without its signature, whose other half is in the bundle beside it.
    LoneCertificate {
        certificate: &'a Asset,
        bundle: &'a Asset,
    },
    Key {
        signature: &'a Asset,
        key: &'a PublicKey,
    },
}

impl Verifier<'_> {
    /// Verifies every signature over `asset` whose evidence is among `all`; one that says it is absent when there is
    /// none.
    pub async fn verify(&self, asset: &Asset, all: &[Asset]) -> Vec<Signature> {
        let name = asset.name.as_str();
        let forms = self.forms(name, all);
        if forms.is_empty() {
            let evidence = match self.key {
                Some(_) => format!("{name}.sig, or {name}.sigstore.json made with the key"),
                None => format!("{name}.sigstore.json, {name}.bundle.json, or {name}.sig with {name}.pem"),
            };
            return vec![Signature { asset: name.to_owned(), evidence, outcome: SignatureOutcome::Absent }];
        }
        let mut signatures = Vec::new();
        for form in forms {
            let outcome = match &asset.content {
                Content::Read { digest, path, .. } => {
                    let artifact = Artifact { digest: *digest, path: path.as_deref() };
                    self.outcome(artifact, &form).await.unwrap_or_else(|why| why)
                }
                Content::Failed(why) => SignatureOutcome::Unverified(why.clone()),
                Content::NotFetched => SignatureOutcome::Unverified("the asset was not fetched".into()),
            };
            signatures.push(Signature { asset: name.to_owned(), evidence: evidence_of(&form.files()), outcome });
        }
        signatures
    }

    /// Every form present, in the documented order. With a key, only those that a key can judge, and what is not a
    /// bundle at all: a certificate's holder made none of it.
    fn forms<'a>(&'a self, name: &str, all: &'a [Asset]) -> Vec<Form<'a>> {
        let find = |suffix: &str| all.iter().find(|a| a.name.as_str() == format!("{name}{suffix}"));
        let bundles: Vec<&Asset> = [find(".sigstore.json"), find(".bundle.json")].into_iter().flatten().collect();
        let mut forms: Vec<Form<'a>> =
            bundles.iter().filter(|b| self.key.is_none() || !has_a_certificate(b)).map(|b| Form::Bundle(b)).collect();
        let with_a_certificate = bundles.iter().copied().find(|bundle| has_a_certificate(bundle));
        match (find(".sig"), find(".pem"), self.key) {
            (Some(signature), _, Some(key)) => forms.push(Form::Key { signature, key }),
            (Some(signature), Some(certificate), None) => {
                forms.push(Form::Certificate { signature, certificate, bundle: bundles.first().copied() });
            }
            (Some(signature), None, None) => {
                forms.extend(with_a_certificate.map(|bundle| Form::LoneSignature { signature, bundle }));
            }
            (None, Some(certificate), None) => {
                forms.extend(with_a_certificate.map(|bundle| Form::LoneCertificate { certificate, bundle }));
            }
            (None, None, None) | (None, _, Some(_)) => {}
        }
        forms
    }

    async fn outcome(&self, artifact: Artifact<'_>, form: &Form<'_>) -> Result<SignatureOutcome, SignatureOutcome> {
        match form {
            Form::Bundle(bundle) => self.bundle(artifact, bytes(bundle)?),
            Form::Key { signature, key } => verify_detached(artifact, bytes(signature)?, key)
                .map(|()| SignatureOutcome::SignedWithKey)
                .map_err(rejected),
            Form::Certificate { signature, certificate, bundle } => {
                self.certificate(artifact, bytes(signature)?, bytes(certificate)?, *bundle).await
            }
            Form::LoneSignature { signature, bundle } => {
                self.half(artifact, Half::Signature(bytes(signature)?), bundle)
            }
            Form::LoneCertificate { certificate, bundle } => {
                self.half(artifact, Half::Certificate(bytes(certificate)?), bundle)
            }
        }
    }

    /// Half of a signing is sound when it is the same signing that the bundle beside it records.
    fn half(
        &self,
        artifact: Artifact<'_>,
        half: Half<'_>,
        bundle: &Asset,
    ) -> Result<SignatureOutcome, SignatureOutcome> {
        let beside = Bundle::parse(bytes(bundle)?).map_err(rejected)?;
        verify_half_beside(artifact, half, &beside, self.root).map(SignatureOutcome::SignedBy).map_err(
            |Rejected(why)| {
                SignatureOutcome::Rejected(format!("does not belong to the signing in {}: {why}", bundle.name))
            },
        )
    }

    fn bundle(&self, artifact: Artifact<'_>, bytes: &[u8]) -> Result<SignatureOutcome, SignatureOutcome> {
        let bundle = Bundle::parse(bytes).map_err(rejected)?;
        // An attestation says something about a file (a test failed on it, a scanner read it) and is not a signature of
        // it.
        if !bundle.is_message_signature() {
            return Err(SignatureOutcome::Rejected(
                "holds an attestation about the file, not a signature over it".into(),
            ));
        }
        match (bundle.needs_key(), self.key) {
            (true, Some(key)) => verify_bundle_with_key(artifact, &bundle, key, self.root)
                .map(|()| SignatureOutcome::SignedWithKey)
                .map_err(rejected),
            (true, None) => Err(SignatureOutcome::Rejected(
                "signed with a key, not a certificate: give the public key with --key".into(),
            )),
            (false, _) => verify_bundle(artifact, &bundle, self.root).map(SignatureOutcome::SignedBy).map_err(rejected),
        }
    }

    /// The log entry comes from a bundle beside it when that is of the same signing, else from the log.
    async fn certificate(
        &self,
        artifact: Artifact<'_>,
        signature: &[u8],
        certificate: &[u8],
        bundle: Option<&Asset>,
    ) -> Result<SignatureOutcome, SignatureOutcome> {
        let beside = bundle.and_then(|b| Bundle::parse(bytes(b).ok()?).ok());
        if let Some(beside) = beside
            && let Ok(signer) = verify_detached_beside(artifact, signature, certificate, &beside, self.root)
        {
            return Ok(SignatureOutcome::SignedBy(signer));
        }
        let Some(rekor) = &self.rekor else {
            refuse_mismatch(artifact, signature, certificate).map_err(rejected)?;
            let why = "a detached signature needs its log entry from Rekor, and --offline forbids asking";
            return Err(SignatureOutcome::Unverified(why.into()));
        };
        match rekor.verify(artifact, signature, certificate, self.root).await {
            Ok(Ok(signer)) => Ok(SignatureOutcome::SignedBy(signer)),
            Ok(Err(why)) => Err(rejected(why)),
            Err(error) => Err(SignatureOutcome::Unverified(error::chain(&error))),
        }
    }
}

impl<'a> Form<'a> {
    /// The files that it was judged by, apart from a bundle that is judged for itself.
    fn files(&self) -> Vec<&'a AssetName> {
        match self {
            Self::Bundle(bundle) => vec![&bundle.name],
            Self::Certificate { signature, certificate, .. } => vec![&signature.name, &certificate.name],
            Self::LoneSignature { signature, .. } | Self::Key { signature, .. } => vec![&signature.name],
            Self::LoneCertificate { certificate, .. } => vec![&certificate.name],
        }
    }
}

fn rejected(why: Rejected) -> SignatureOutcome {
    // That it was hashed and not kept is nothing against it.
    if why.wants_the_file() { SignatureOutcome::Unverified(why.0) } else { SignatureOutcome::Rejected(why.0) }
}

fn has_a_certificate(bundle: &Asset) -> bool {
    bytes(bundle).ok().and_then(|b| Bundle::parse(b).ok()).is_some_and(|b| !b.needs_key())
}

/// The evidence file's content, or what is to be said of the signature without it.
fn bytes(asset: &Asset) -> Result<&[u8], SignatureOutcome> {
    let name = &asset.name;
    match &asset.content {
        Content::Read { size, .. } if *size > MAX_EVIDENCE_BYTES => {
            Err(SignatureOutcome::Rejected(format!("{name} is larger than {MAX_EVIDENCE_BYTES} bytes")))
        }
        Content::Read { document: Some(document), .. } => Ok(document.bytes()),
        Content::Read { document: None, .. } | Content::NotFetched => {
            Err(SignatureOutcome::Unverified(format!("{name} was not read")))
        }
        Content::Failed(why) => Err(SignatureOutcome::Unverified(format!("{name}: {why}"))),
    }
}
