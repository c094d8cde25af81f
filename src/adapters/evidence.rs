//! Signatures of a release: finds the files that carry each, and has them verified.
//!
//! Forms are tried in a fixed order and the first one present decides: a sound signature in a later form does not make
//! up for an unsound one in an earlier.

use crate::{
    adapters::sigstore::{
        Artifact, Bundle, MAX_EVIDENCE_BYTES, PublicKey, RekorLookup, TrustRoot, verify_bundle, verify_bundle_with_key,
        verify_detached,
    },
    error,
    release::snapshot::{Asset, Content, Signature, SignatureOutcome},
};

/// What signatures are judged by.
pub struct Verifier<'a> {
    /// Authorities and logs that are believed.
    pub root: &'a TrustRoot,
    /// A key that must have signed instead of a certificate's holder.
    pub key: Option<&'a PublicKey>,
    /// The log to ask for entries of detached signatures; `None` offline.
    pub rekor: Option<RekorLookup<'a>>,
}

/// The files that carry a signature.
enum Form<'a> {
    Bundle(&'a Asset),
    Certificate { signature: &'a Asset, certificate: &'a Asset },
    Key { signature: &'a Asset, key: &'a PublicKey },
    None,
}

impl Verifier<'_> {
    /// Verifies the signature over `asset`, whose evidence is among `all`.
    pub async fn verify(&self, asset: &Asset, all: &[Asset]) -> Signature {
        let name = asset.name.as_str();
        let form = self.form(name, all);
        let evidence = match &form {
            Form::Bundle(bundle) => bundle.name.to_string(),
            Form::Certificate { signature, certificate } => format!("{} + {}", signature.name, certificate.name),
            Form::Key { signature, .. } => signature.name.to_string(),
            Form::None if self.key.is_some() => format!("{name}.sig or {name}.sigstore.json"),
            Form::None => format!("{name}.sigstore.json, {name}.bundle.json, or {name}.sig with {name}.pem"),
        };
        let outcome = match &asset.content {
            Content::Read { digest, path, .. } => {
                self.outcome(Artifact { digest: *digest, path: Some(path) }, &form).await
            }
            Content::Failed(why) => SignatureOutcome::Unverified(why.clone()),
            Content::NotFetched => SignatureOutcome::Unverified("the asset was not fetched".into()),
        };
        Signature { asset: name.to_owned(), evidence, outcome }
    }

    /// The first form present, in the documented order.
    fn form<'a>(&'a self, name: &str, all: &'a [Asset]) -> Form<'a> {
        let find = |suffix: &str| all.iter().find(|a| a.name.as_str() == format!("{name}{suffix}"));
        if let Some(bundle) = find(".sigstore.json").or_else(|| find(".bundle.json")) {
            return Form::Bundle(bundle);
        }
        match (find(".sig"), find(".pem"), self.key) {
            (Some(signature), _, Some(key)) => Form::Key { signature, key },
            (Some(signature), Some(certificate), None) => Form::Certificate { signature, certificate },
            (Some(_), None, None) | (None, _, _) => Form::None,
        }
    }

    async fn outcome(&self, artifact: Artifact<'_>, form: &Form<'_>) -> SignatureOutcome {
        let verified = match form {
            Form::None => return SignatureOutcome::Absent,
            Form::Bundle(bundle) => bytes(bundle).and_then(|b| self.bundle(artifact, b)),
            Form::Key { signature, key } => bytes(signature)
                .and_then(|b| verify_detached(artifact, b, key).map_err(|e| SignatureOutcome::Rejected(e.0)))
                .map(|()| SignatureOutcome::SignedWithKey),
            Form::Certificate { signature, certificate } => match (bytes(signature), bytes(certificate)) {
                (Ok(signature), Ok(certificate)) => self.certificate(artifact, signature, certificate).await,
                (Err(why), _) | (_, Err(why)) => Err(why),
            },
        };
        verified.unwrap_or_else(|why| why)
    }

    fn bundle(&self, artifact: Artifact<'_>, bytes: &[u8]) -> Result<SignatureOutcome, SignatureOutcome> {
        let rejected = |e: crate::adapters::sigstore::Rejected| SignatureOutcome::Rejected(e.0);
        let bundle = Bundle::parse(bytes).map_err(rejected)?;
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

    async fn certificate(
        &self,
        artifact: Artifact<'_>,
        signature: &[u8],
        certificate: &[u8],
    ) -> Result<SignatureOutcome, SignatureOutcome> {
        let Some(rekor) = &self.rekor else {
            let why = "a detached signature needs its log entry from Rekor, and --offline forbids asking";
            return Err(SignatureOutcome::Unverified(why.into()));
        };
        match rekor.verify(artifact, signature, certificate, self.root).await {
            Ok(Ok(signer)) => Ok(SignatureOutcome::SignedBy(signer)),
            Ok(Err(why)) => Err(SignatureOutcome::Rejected(why.0)),
            Err(error) => Err(SignatureOutcome::Unverified(error::chain(&error))),
        }
    }
}

/// The evidence file's content, or what is to be said of the signature without it.
fn bytes(asset: &Asset) -> Result<&[u8], SignatureOutcome> {
    let name = &asset.name;
    match &asset.content {
        Content::Read { size, .. } if *size > MAX_EVIDENCE_BYTES => {
            Err(SignatureOutcome::Rejected(format!("{name} is larger than {MAX_EVIDENCE_BYTES} bytes")))
        }
        Content::Read { bytes: Some(bytes), .. } => Ok(bytes),
        Content::Read { bytes: None, .. } | Content::NotFetched => {
            Err(SignatureOutcome::Unverified(format!("{name} was not read")))
        }
        Content::Failed(why) => Err(SignatureOutcome::Unverified(format!("{name}: {why}"))),
    }
}
