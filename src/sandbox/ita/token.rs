//! Tokens: claims in JSON, signed.

use aws_lc_rs::{hmac, rand::SystemRandom};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    Fault, Manner, Signing,
    pki::{Signer, Signers},
};
use crate::error::{Error, Result};

/// A token that holds these claims.
pub(super) fn signed(claims: &Value, signers: &Signers, manner: &Manner) -> Result<String> {
    let has = |fault| manner.faults.contains(&fault);
    let signing = manner.signing;
    let published = signers.of(signing);
    let signer = if has(Fault::KeyUnlikeLeaf) { &signers.stranger } else { published };
    let alg = match (has(Fault::AlgNone), has(Fault::AlgHs256)) {
        (true, _) => "none",
        (false, true) => "HS256",
        (false, false) => signing.as_str(),
    };
    let kid = if has(Fault::UnknownKid) { "0".repeat(64) } else { published.kid() };
    let jku = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    let mut header = json!({ "alg": alg, "jku": format!("{jku}/certs"), "kid": kid, "typ": "JWT" });
    if let Some(header) = header.as_object_mut().filter(|_| has(Fault::Crit)) {
        header.insert("crit".to_owned(), json!(["exp"]));
    }
    let text = format!("{}.{}", part(&header), part(claims));
    let signature = match alg {
        "none" => Vec::new(),
        "HS256" => {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, published.public()), text.as_bytes()).as_ref().to_vec()
        }
        _ => sign(signer, signing, text.as_bytes())?,
    };
    let text = if has(Fault::OtherClaims) { format!("{}.{}", part(&header), part(&changed(claims))) } else { text };
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn sign(signer: &Signer, signing: Signing, text: &[u8]) -> Result<Vec<u8>> {
    let mut signature = vec![0; signer.keys.public_modulus_len()];
    let random = SystemRandom::new();
    let signed = signer.keys.sign(signing.encoding(), &random, text, &mut signature);
    signed.map_err(|_| Error::internal("cannot sign a token of the sandbox"))?;
    Ok(signature)
}

/// The same claims with another id.
fn changed(claims: &Value) -> Value {
    let mut claims = claims.clone();
    if let Some(claims) = claims.as_object_mut() {
        claims.insert("jti".to_owned(), json!("changed after it was signed"));
    }
    claims
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
