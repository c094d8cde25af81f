//! Whether Intel Trust Authority vouches for a quote: its token (a JWT), verified to the end.
//!
//! A function of values: quote, [`Evidence`], settings and time. Steps, in the order of [`ItaVerifier::verify`]:
//! 1. The token is a JWT of bounded size that is signed with PS384 or RS256 and demands nothing that is not understood.
//! 2. Exactly one key of the set has the token's `kid`, and is meant for that algorithm. `jku` is never followed.
//! 3. The key's certificates lead to the root: the one that is pinned, else the one that the set itself brings, which is
//!    then announced. Every certificate is valid at that time and may do what it does; none is revoked by a list that could
//!    be had, and each list that could not is said.
//! 4. The key is the one in the first certificate.
//! 5. The token's signature is by that key.
//! 6. The token is by the portal that was asked, and valid at that time, for a short time only.
//! 7. Its claims are what the quote's own bytes say, and none that a verdict needs is missing.
//! 8. It does not call the TD debuggable, unless that is allowed by name.
//! 9. The TCB status is one that a machine can have, and not revoked.
//! 10. Every policy that was asked for is matched, and none is unmatched.
//!
//! A policy file says whether the TCB status will do: [`judge`]. Freshness is the nonce in the quote's own report data, as
//! it is without Intel Trust Authority: a token adds nothing to it.

mod chain;
mod claims;
mod findings;
mod jwks;
mod policy_id;
mod refusal;
mod revocation;
mod times;
mod token;

#[cfg(test)]
mod tests;

pub use self::{
    chain::Place,
    findings::{CERTIFICATES, CLAIMS, POLICY_IDS, RULES, TCB, TOKEN, judge, judge_refused},
    policy_id::{InvalidPolicyId, PolicyId},
    refusal::{Mismatch, Refusal, Step},
    revocation::{List, Revocation},
    times::{LEEWAY_SECONDS, MAX_LIFETIME_SECONDS},
};

use self::{chain::Chain, claims::Claims, times::Times, token::Token};
use super::{
    quote::{Certificate, CertificateError, Quote, Validity},
    verdict::{Dated, Document, Opinion, QuoteVerifier, Verdict},
};

/// Largest token read, in bytes. Real ones have about 8,000.
pub const MAX_TOKEN_BYTES: usize = 256 << 10;
/// Largest key set read, in bytes. A key takes about 6,000.
pub const MAX_JWKS_BYTES: usize = 1 << 20;

/// What a verdict rests on, beside the quote. Nothing of it is trusted by itself.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The token: three parts of base64url with dots between.
    pub token: String,
    /// The portal's key set (JWKS), as it came.
    pub jwks: Vec<u8>,
    /// What came of asking for revocation lists.
    pub lists: Vec<List>,
}

/// Judges quotes by tokens of one portal.
#[derive(Debug, Clone)]
pub struct ItaVerifier {
    portal: String,
    root: Option<Certificate>,
    policies: Vec<PolicyId>,
    allow_debug: bool,
}

/// What Intel Trust Authority says of a genuine quote, and what that rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItaVerdict {
    /// The status of the machine. Never revoked: that is a refusal.
    pub verdict: Verdict,
    /// SHA-256 of the root certificate's DER, in hex.
    pub root: String,
    /// Whether that root was named by the caller. Otherwise it is the one that the key set brought itself.
    pub pinned: bool,
    /// Per certificate below the root, whether a list says that it is not revoked.
    pub revocation: Vec<Revocation>,
    /// Every policy that the token says is matched.
    pub matched: Vec<PolicyId>,
    /// The token's own id, as it says it; empty where it says none.
    pub id: String,
    /// The algorithm and the version of the claims: `PS384, claims 2.0.0`.
    pub form: String,
}

impl ItaVerifier {
    /// Judges tokens of the portal at this address, which they name as their issuer. No root is pinned.
    pub fn new(portal: &str) -> Self {
        let portal = portal.trim_end_matches('/').to_owned();
        Self { portal, root: None, policies: Vec::new(), allow_debug: false }
    }

    /// Under this root alone, in DER.
    ///
    /// # Errors
    /// It is not a DER certificate.
    pub fn pinned(self, root_der: &[u8]) -> Result<Self, CertificateError> {
        Ok(Self { root: Some(Certificate::from_der(root_der)?), ..self })
    }

    /// Wants these policies matched.
    #[must_use]
    pub fn asking(self, policies: Vec<PolicyId>) -> Self {
        Self { policies, ..self }
    }

    /// Accepts TDs in debug mode, whose host can read and change everything in them.
    #[must_use]
    pub fn allow_debug(self, allow_debug: bool) -> Self {
        Self { allow_debug, ..self }
    }

    /// Whether a root is pinned.
    pub fn is_pinned(&self) -> bool {
        self.root.is_some()
    }

    /// The policies that must be matched.
    pub fn policies(&self) -> &[PolicyId] {
        &self.policies
    }

    /// Where the certificates of a token's key say that their revocation lists are. Asked before [`Self::verify`], by whoever
    /// can fetch them; only a chain that holds up to the root is listened to.
    ///
    /// # Errors
    /// The token, the key set or the chain is refused: [`Self::verify`] then says so too.
    pub fn places(&self, token: &str, jwks: &[u8], now: u64) -> Result<Vec<Place>, Refusal> {
        let token = Token::read(token)?;
        let key = token.key(jwks)?;
        let chain = Chain::read(&key)?;
        chain.certified(self.root.as_ref(), &[], now)?;
        Ok(chain.places())
    }
}

impl QuoteVerifier for ItaVerifier {
    const AUTHORITY: &'static str = "Intel Trust Authority";
    type Evidence = Evidence;
    type Verdict = ItaVerdict;
    type Rejection = Refusal;

    fn verify(&self, quote: &Quote, evidence: &Evidence, now: u64) -> Result<ItaVerdict, Refusal> {
        // 1. The form of the token.
        let token = Token::read(&evidence.token)?;
        // 2. The key.
        let key = token.key(&evidence.jwks)?;
        // 3. Its certificates.
        let chain = Chain::read(&key)?;
        let certified = chain.certified(self.root.as_ref(), &evidence.lists, now)?;
        // 4. The key is the certified one.
        chain.holds(&key)?;
        // 5. The signature.
        token.signed_by(&key)?;
        // 6. Issuer and times.
        let claims = Claims::read(token.payload())?;
        claims.by(&self.portal)?;
        let times = Times::read(&claims)?;
        times.current(now)?;
        // 7. The quote.
        claims.agree(quote)?;
        // 8. Debug.
        if !self.allow_debug {
            claims.not_debuggable(quote)?;
        }
        // 9. The status.
        let tcb = claims.tcb()?;
        // 10. Policies.
        let matched = claims.matched(&self.policies)?;
        let validity = Validity { from: times.issued, until: times.expires };
        Ok(ItaVerdict {
            verdict: Verdict {
                tcb,
                relaunch_advised: false,
                advisories: claims.advisories()?,
                until: Dated { document: Document::ItaToken, validity },
            },
            root: certified.root,
            pinned: self.root.is_some(),
            revocation: certified.revocation,
            matched,
            id: claims.id(),
            form: format!("{}, claims {}", token.algorithm().as_str(), claims.version()),
        })
    }

    fn opinion(outcome: &Result<ItaVerdict, Refusal>) -> Opinion {
        match outcome {
            Ok(vouched) => Opinion::Accepts(vouched.verdict.tcb),
            Err(refusal) => match refusal.step() {
                // A token that does not count says nothing of the quote.
                Step::Form | Step::Certificates | Step::Token => Opinion::Unknown,
                Step::Claims | Step::Tcb | Step::Policies => Opinion::Refuses(refusal.to_string()),
            },
        }
    }
}
