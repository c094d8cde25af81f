//! The instance's OIDC provider: tokens that assert an identity, and the check Fulcio makes of them.
//!
//! A token may name any issuer, so that a rehearsal's certificates look like the real ones; what counts is that the
//! instance signed it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, signature::Verifier};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::identity::Identity;
use super::key::Key;
use crate::error::{Error, Result};

/// Who a token is for; Fulcio takes no other.
const AUDIENCE: &str = "sigstore";
/// How long a token lives, in seconds.
const LIFETIME: i64 = 600;
/// Where workflows live.
const GITHUB: &str = "https://github.com/";

/// The provider: nothing but its key.
pub(super) struct Oidc {
    key: Key,
}

/// What a valid token asserts.
pub(super) struct Asserted {
    pub(super) identity: Identity,
    /// What a client without a certificate request signs to prove that it holds its key: the e-mail, or the subject.
    pub(super) challenge: String,
}

impl Oidc {
    pub(super) fn new(key: Key) -> Self {
        Self { key }
    }

    /// A JSON Web Token for `identity`, valid for ten minutes from `time` (Unix seconds).
    pub(super) fn token(&self, identity: &Identity, time: i64) -> Result<String> {
        self.token_for(AUDIENCE, identity, time)
    }

    /// The same, for any audience.
    pub(super) fn token_for(&self, audience: &str, identity: &Identity, time: i64) -> Result<String> {
        let mut claims = Claims {
            iss: identity.issuer.clone(),
            sub: identity.san.clone(),
            aud: audience.to_owned(),
            iat: time,
            exp: time.saturating_add(LIFETIME),
            ..Claims::default()
        };
        if let Some(workflow) = identity.san.strip_prefix(GITHUB) {
            claims.sub = format!("repo:{}:ref:{}", identity.repository, identity.git_ref);
            claims.job_workflow_ref = Some(workflow.to_owned());
            claims.repository = Some(identity.repository.clone());
            claims.git_ref = Some(identity.git_ref.clone());
            claims.sha = Some(identity.commit_sha.clone());
            claims.event_name = Some(identity.trigger.clone());
            claims.workflow = Some(identity.workflow_name.clone());
        } else if !identity.san.contains("://") {
            claims.email = Some(identity.san.clone());
            claims.email_verified = Some(true);
        }
        let header = json!({ "alg": "ES256", "kid": self.key.id().to_string(), "typ": "JWT" });
        let claims =
            serde_json::to_vec(&claims).map_err(|e| Error::internal("cannot write an identity token").because(e))?;
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign_fixed(signed.as_bytes()));
        Ok(format!("{signed}.{signature}"))
    }

    /// Checks a token at `time` (Unix seconds): 1. signed by this provider, 2. for Sigstore, 3. not expired.
    ///
    /// # Errors
    /// A usage error that says what is wrong, without the token.
    pub(super) fn check(&self, token: &str, time: i64) -> Result<Asserted> {
        let malformed = || Error::usage("the identity token is malformed");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        // The header's algorithm is not asked: the key has only one.
        let (_header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|e| malformed().because(e))?;
        let signature = Signature::from_slice(&signature).map_err(|e| malformed().because(e))?;
        self.key
            .verifying()
            .verify(signed.as_bytes(), &signature)
            .map_err(|e| Error::usage("the identity token was not issued by this instance").because(e))?;
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|e| malformed().because(e))?;
        let claims: Claims = serde_json::from_slice(&claims).map_err(|e| malformed().because(e))?;
        if claims.aud != AUDIENCE {
            return Err(Error::usage("the identity token is not for Sigstore"));
        }
        if time >= claims.exp {
            return Err(Error::usage("the identity token has expired"));
        }
        Ok(claims.asserted())
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_workflow_ref: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    git_ref: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<String>,
}

impl Claims {
    fn asserted(self) -> Asserted {
        let san = match (self.job_workflow_ref, &self.email) {
            (Some(workflow), _) => format!("{GITHUB}{workflow}"),
            (None, Some(email)) => email.clone(),
            (None, None) => self.sub.clone(),
        };
        let identity = Identity {
            san,
            issuer: self.iss,
            repository: self.repository.unwrap_or_default(),
            git_ref: self.git_ref.unwrap_or_default(),
            commit_sha: self.sha.unwrap_or_default(),
            trigger: self.event_name.unwrap_or_default(),
            workflow_name: self.workflow.unwrap_or_default(),
            ..Identity::default()
        };
        Asserted { identity, challenge: self.email.unwrap_or(self.sub) }
    }
}
