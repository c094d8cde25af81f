//! A service account's key. Its holder signs a token for itself, which Google's APIs take as an access token
//! (AIP-4111, "self-signed JWT"): no service is asked, so the address in the key's file is of no interest.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use zeroize::Zeroizing;

use super::{SCOPE, Token};
use crate::{
    error::{Error, Result},
    schema::excerpt::excerpt,
};

/// How long a token holds that is signed here: Google takes none that holds longer.
const LIFETIME_SECONDS: u64 = 3600;

/// A service account that can sign.
pub(super) struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    key: KeyPair,
}

impl ServiceAccount {
    /// Reads the key, PEM: PKCS #8, as Google writes it, or PKCS #1.
    pub(super) fn new(email: &str, key_id: Option<&str>, pem: &SecretString) -> Result<Self> {
        Ok(Self { email: email.to_owned(), key_id: key_id.map(str::to_owned), key: key(pem)? })
    }

    /// The account's name, fit to be shown.
    pub(super) fn email(&self) -> String {
        excerpt(&self.email)
    }

    /// A token from `now` on.
    pub(super) fn token(&self, now: Timestamp) -> Result<Token> {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.key_id});
        let (issued, lifetime) = (now.as_second(), i64::try_from(LIFETIME_SECONDS).unwrap_or(i64::from(u16::MAX)));
        let claims = json!({
            "iss": self.email,
            "sub": self.email,
            "scope": SCOPE,
            "iat": issued,
            "exp": issued.saturating_add(lifetime),
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = Zeroizing::new(format!("{}.{}", part(&header), part(&claims)));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let cannot = || Error::internal("the service account's key cannot sign");
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| cannot())?;
        // A key whose halves do not belong together signs nothing.
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.key.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| Error::usage("the halves of the service account's key do not belong together"))?;
        let token = format!("{}.{}", signed.as_str(), URL_SAFE_NO_PAD.encode(&signature));
        Ok(Token::lasting(token.into(), now, Some(LIFETIME_SECONDS)))
    }
}

fn key(pem: &SecretString) -> Result<KeyPair> {
    const EXPECTED: &str = "the credentials file's private_key must be one PEM block `PRIVATE KEY` or `RSA PRIVATE KEY`, an RSA key of \
                            2,048 bits or more";
    let wrong = || Error::usage(EXPECTED).help("make a new key: gcloud iam service-accounts keys create");
    let block = pem::parse(pem.expose_secret()).map_err(|_| wrong())?;
    let tag = block.tag().to_owned();
    let der = Zeroizing::new(block.into_contents());
    let key = match tag.as_str() {
        "PRIVATE KEY" => KeyPair::from_pkcs8(&der),
        "RSA PRIVATE KEY" => KeyPair::from_der(&der),
        _ => return Err(wrong()),
    };
    key.map_err(|_| wrong())
}
