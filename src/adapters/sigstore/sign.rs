//! Signing without a key of one's own: a certificate for a key that is made for the run and never leaves it, from an
//! identity token.
//!
//! What is signed is a digest, and what comes of it is a bundle. In this order: 1. the token is looked at: what has expired
//! or is for others is sent nowhere, 2. Fulcio certifies the key, 3. the digest is signed, 4. timestamp authorities and
//! logs take the signature, 5. the bundle is judged by the trust root as any other would be, and only then given away. The
//! calls are our own, for the reasons in docs/dependencies.md; what they may do twice is said where they are made.

mod cosign_key;
mod fulcio;
mod key;
mod log;
mod services;
mod timestamp;
mod token;

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sigstore_crypto::VerificationKey;
use sigstore_types::{DerCertificate, HashAlgorithm, Sha256Hash, SignatureBytes, SignatureContent};
use tokio::sync::Mutex;
use url::Url;

pub use self::{
    key::PrivateKey,
    services::{Services, SigningConfigSource},
    token::IdentitySource,
};
use super::{Artifact, Bundle, Rejected, TrustRoot, claims, hashes_with_sha256, verify_bundle};
use crate::{
    adapters::http::{Http, HttpOptions, Service, host},
    digest::Sha256,
    error::{Error, Result},
    release::signer,
};

/// The newest format of bundles that every client reads.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Largest answer of a service. Real ones are under 20 KiB.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// A certificate that ends sooner is not begun with: what is signed by it must reach the log within its time.
const LEAST_LIFE: SignedDuration = SignedDuration::from_secs(60);

/// What a signer needs to know, all of it resolved.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who certifies, logs and tells the time.
    pub services: Services,
    /// Where the identity token comes from.
    pub identity: IdentitySource,
    /// What the own bundles are judged by.
    pub root: TrustRoot,
    /// Bounds of every request.
    pub http: HttpOptions,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
}

/// Signs for one run. It may be shared: files are signed at the same time, by one certificate.
pub struct Signer {
    settings: Settings,
    logs: Vec<log::Log>,
    authorities: Vec<timestamp::Authority>,
    credential: Mutex<Option<Arc<Credential>>>,
}

/// A key, and who its holder is.
struct Credential {
    key: sigstore_crypto::KeyPair,
    certificate: DerCertificate,
    expires: Timestamp,
}

/// A signature that was verified.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The bundle, as a file holds it.
    pub bundle: Vec<u8>,
    /// Who signed, and when.
    pub by: signer::Signer,
}

impl Signer {
    /// A signer. Nothing is asked yet.
    ///
    /// # Errors
    /// Usage: the address of a service cannot be used.
    pub fn new(settings: Settings) -> Result<Self> {
        let http = HttpOptions { max_json_bytes: MAX_ANSWER_BYTES, ..settings.http.clone() };
        let settings = Settings { http, ..settings };
        let logs =
            settings.services.logs.iter().map(|log| log::Log::new(log, &settings.http)).collect::<Result<_>>()?;
        let authorities = settings.services.timestamps.iter();
        let authorities =
            authorities.map(|url| timestamp::Authority::new(url, &settings.http)).collect::<Result<_>>()?;
        Ok(Self { settings, logs, authorities, credential: Mutex::new(None) })
    }

    /// Who certifies, logs and tells the time.
    pub fn services(&self) -> &Services {
        &self.settings.services
    }

    /// Signs the content that has this digest and is called `name` in messages.
    ///
    /// # Errors
    /// Usage: there is no token that can be used. Remote: a service cannot be asked or answers with something else. Trust:
    /// what the services answered does not verify under the trust root; nothing of it may be used.
    pub async fn sign(&self, name: &str, digest: Sha256) -> Result<Signed> {
        let credential = self.credential().await?;
        let signature = credential
            .key
            .sign_digest(&Sha256Hash::from(*digest.as_bytes()))
            .map_err(|e| Error::internal(format!("cannot sign {name}")).because(e))?;
        let record = Record { digest, signature: &signature, certificate: &credential.certificate };
        let timestamps = try_join_all(self.authorities.iter().map(|authority| authority.timestamp(&signature))).await?;
        let entries = try_join_all(self.logs.iter().map(|log| log.add(&record))).await?;
        let bundle = format!("{}\n", bundle(&record, &entries, &timestamps)).into_bytes();
        let by = self.judged(digest, &bundle, &credential.certificate).map_err(|Rejected(why)| {
            Error::trust(format!("the signature of {name} does not verify, and is thrown away: {why}"))
                .help("a service of Sigstore answered wrongly, or the trust root is not that of the services")
        })?;
        Ok(Signed { bundle, by })
    }

    /// Who will have signed, by the certificate that is or will be used: its chain is verified with the first signature.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    pub async fn identity(&self) -> Result<signer::Signer> {
        let credential = self.credential().await?;
        let strange = |why: String| Error::remote(format!("Fulcio's certificate cannot be read: {why}"));
        let info =
            sigstore_crypto::parse_certificate_info(&credential.certificate).map_err(|e| strange(e.to_string()))?;
        let (Some(san), Some(issuer)) = (info.identity, info.issuer) else {
            return Err(strange("it names no identity, or no issuer".to_owned()));
        };
        claims::signer(&credential.certificate, san.as_str(), &issuer).map_err(|Rejected(why)| strange(why))
    }

    /// What the bundle proves to anyone else.
    fn judged(&self, digest: Sha256, bytes: &[u8], own: &DerCertificate) -> Result<signer::Signer, Rejected> {
        let bundle = Bundle::parse(bytes)?;
        if bundle.inner.signing_certificate() != Some(own) {
            return Err(Rejected::new("the bundle does not hold our certificate"));
        }
        verify_bundle(Artifact { digest, path: None }, &bundle, &self.settings.root)
    }

    /// The credential of the run, made at first use and again before it ends.
    async fn credential(&self) -> Result<Arc<Credential>> {
        let mut held = self.credential.lock().await;
        let now = (self.settings.clock)();
        if let Some(credential) = held.as_ref().filter(|held| now + LEAST_LIFE < held.expires) {
            return Ok(Arc::clone(credential));
        }
        let Settings { services, identity, http, .. } = &self.settings;
        let token = identity.token(now, http).await?;
        let key = sigstore_crypto::KeyPair::generate_ecdsa_p256()
            .map_err(|e| Error::internal("cannot make a key").because(e))?;
        let fulcio = Http::new(Service::Fulcio, services.fulcio.clone(), Some(&token), http.clone())?;
        let fulcio::Issued { certificate, expires } = fulcio::certificate(&fulcio, &key).await?;
        let credential = Arc::new(Credential { key, certificate, expires });
        *held = Some(Arc::clone(&credential));
        Ok(credential)
    }
}

/// Whether a bundle is of the content that has this digest, whatever else is wrong with it: by the key of its own
/// certificate, or by the digest it states. What cannot be told is taken for one that is.
pub fn is_of(digest: Sha256, bundle: &Bundle) -> bool {
    let SignatureContent::MessageSignature(message) = &bundle.inner.content else { return true };
    let certificate = bundle.inner.signing_certificate();
    let info = certificate.and_then(|certificate| sigstore_crypto::parse_certificate_info(certificate).ok());
    let key = info.and_then(|info| VerificationKey::from_spki(&info.public_key).ok());
    if let Some(key) = key.filter(hashes_with_sha256) {
        return key.verify_prehashed(digest.as_bytes(), &message.signature).is_ok();
    }
    let stated = message.message_digest.as_ref().filter(|stated| stated.algorithm == HashAlgorithm::Sha2256);
    stated.is_none_or(|stated| stated.digest.as_bytes() == digest.as_bytes())
}

/// What a log is to hold.
struct Record<'a> {
    digest: Sha256,
    signature: &'a SignatureBytes,
    certificate: &'a DerCertificate,
}

fn bundle(record: &Record<'_>, entries: &[Value], timestamps: &[Vec<u8>]) -> Value {
    let timestamps: Vec<Value> =
        timestamps.iter().map(|der| json!({"signedTimestamp": STANDARD.encode(der)})).collect();
    json!({
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {
            "certificate": {"rawBytes": record.certificate.to_base64()},
            "tlogEntries": entries,
            "timestampVerificationData": {"rfc3161Timestamps": timestamps},
        },
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": STANDARD.encode(record.digest.as_bytes())},
            "signature": record.signature.to_base64(),
        },
    })
}

/// An address below that of a service.
fn below(base: &Url, path: &[&str]) -> Result<Url> {
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| Error::usage(format!("{}: the address of a service must be http or https", host(base))))?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}
