//! Keys as `cosign generate-key-pair` encrypts them: scrypt and NaCl's secretbox, in JSON.
//! <https://github.com/secure-systems-lab/go-securesystemslib/blob/main/encrypted/encrypted.go>
//!
//! The file says what deriving its key costs, so that is bounded: a hostile one must not take memory and time at will.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto_secretbox::{
    Key, Nonce, XSalsa20Poly1305,
    aead::{Aead as _, KeyInit as _},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

/// The costs that the library has ever written: 32, 64 and 128 MiB.
const COSTS: [u32; 3] = [32_768, 65_536, 131_072];
const BLOCK: u32 = 8;
const PARALLEL: u32 = 1;
/// The salt is 32 bytes.
const MAX_SALT: usize = 64;

#[derive(Deserialize)]
struct Encrypted {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Deserialize)]
struct Params {
    #[serde(rename = "N")]
    cost: u32,
    r: u32,
    p: u32,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// Why a file is of no use for signing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// It does not hold such a key.
    #[error("{0}")]
    Key(String),
    /// It cannot be decrypted.
    #[error("{0}")]
    Password(&'static str),
}

/// The private key inside, DER.
pub(super) fn decrypt(json: &[u8], password: Option<&SecretString>) -> Result<Zeroizing<Vec<u8>>, Unusable> {
    let key = |why: &str| Unusable::Key(why.to_owned());
    let Encrypted { kdf, cipher, ciphertext } =
        serde_json::from_slice(json).map_err(|e| Unusable::Key(format!("not an encrypted key of cosign's: {e}")))?;
    if (kdf.name.as_str(), cipher.name.as_str()) != ("scrypt", "nacl/secretbox") {
        return Err(key("its key is encrypted with something other than scrypt and nacl/secretbox"));
    }
    let Params { cost, r, p } = kdf.params;
    if !COSTS.contains(&cost) || (r, p) != (BLOCK, PARALLEL) {
        return Err(Unusable::Key(format!(
            "its scrypt parameters N={cost}, r={r}, p={p} are none that cosign writes (N of 32768, 65536 or 131072, r=8, p=1)"
        )));
    }
    let decoded =
        |what: &str, text: &str| STANDARD.decode(text).map_err(|_| Unusable::Key(format!("its {what} is not base64")));
    let salt = decoded("salt", &kdf.salt)?;
    if salt.len() > MAX_SALT {
        return Err(key("its salt is too long"));
    }
    let nonce = decoded("nonce", &cipher.nonce)?;
    let nonce: [u8; 24] = nonce.try_into().map_err(|_| key("its nonce is not of 24 bytes"))?;
    let ciphertext = decoded("ciphertext", &ciphertext)?;
    let log_cost = u8::try_from(cost.ilog2()).map_err(|_| key("its scrypt parameters are impossible"))?;
    let params = scrypt::Params::new(log_cost, r, p, 32).map_err(|_| key("its scrypt parameters are impossible"))?;
    let mut derived = Zeroizing::new([0; 32]);
    let given = password.map(|password| password.expose_secret().as_bytes()).unwrap_or_default();
    scrypt::scrypt(given, &salt, &params, derived.as_mut_slice()).map_err(|_| key("its key cannot be derived"))?;
    let opened = XSalsa20Poly1305::new(<&Key>::from(&*derived)).decrypt(<&Nonce>::from(&nonce), ciphertext.as_slice());
    opened.map(Zeroizing::new).map_err(|_| match password {
        Some(_) => Unusable::Password("COSIGN_PASSWORD does not open this key, or the file was changed"),
        None => Unusable::Password("the key is encrypted with a password, and COSIGN_PASSWORD gives none"),
    })
}
