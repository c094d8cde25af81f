//! The release of a key: every step that stands between a request and a storage key, in the order it is taken.
//!
//! 1. Shape: every field decodes. Costs the caller nothing but the request.
//! 2. The policy is loaded.
//! 3. The challenge is ours, this peer's, not expired, and not known to be used.
//! 4. The public key is the peer's, and its signature covers challenge and quote. Attempts of a peer are counted here.
//! 5. The quote is genuine under the trust root, now.
//! 6. The quote answers this challenge, names this peer, and is not of the KMS itself.
//! 7. The policy tolerates the TCB status and lists every register.
//! 8. The challenge is used. Of all requests that came this far with it, one passes; nothing before decides that.
//! 9. The guest agent derives the key.

use std::sync::Arc;

use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::{
    Kms, Refusal, RefusalCode,
    challenge::Opened,
    peer::{PeerId, PeerKey},
    policy::{NodePolicy, Standing},
    service::{base64, internal, peer, unusable},
    wire::{GetKeyRequest, GetKeyResponse, peer_binding, signed_payload},
};
use crate::{
    attestation::{
        quote::{Quote, TdReport},
        verdict::{Collateral, Concern, Rejection, Verdict, Violation, violations},
    },
    error::{self, Error, Result},
};

/// A request for a key, its fields decoded.
struct KeyRequest<'a> {
    challenge_id: &'a str,
    peer: PeerId,
    key: PeerKey,
    signature: Vec<u8>,
    quote: Vec<u8>,
}

impl Kms {
    /// Releases the storage key of a node that proves who it is and what it runs.
    ///
    /// # Errors
    /// The first step that fails, as the module lists them.
    pub async fn get_key(&self, request: &GetKeyRequest) -> Result<GetKeyResponse, Refusal> {
        let request = KeyRequest::read(request)?;
        let policy = self
            .policy()
            .ok_or_else(|| Refusal::new(RefusalCode::PolicyNotReady, "the service has not loaded its policy yet"))?;
        warn_of(policy, &request.peer);
        let opened = self.open(&request).await?;
        self.check_peer(&request, &opened)?;
        let quote = Quote::parse(&request.quote)
            .map_err(|e| Refusal::new(RefusalCode::AttestationVerificationFailed, format!("quoteB64: {e}")))?;
        let (quote, verdict) = self.verify(quote).await?;
        check_report_data(&quote.report, &opened, &request.peer)?;
        self.check_other_machine(&quote.report).await?;
        admit(policy, &quote.report, &verdict)?;
        self.parts.consumed.consume(&opened, self.parts.clock.now()).await.map_err(unusable)?;
        self.derive(&request.peer).await
    }

    /// 3.
    async fn open(&self, request: &KeyRequest<'_>) -> Result<Opened, Refusal> {
        let now = self.parts.clock.now();
        let opened = self.challenge_key().await?.open(request.challenge_id, &request.peer, now);
        let opened = opened.map_err(|e| Refusal::new(RefusalCode::InvalidChallenge, e.to_string()))?;
        self.parts.consumed.look(&opened, now).await.map_err(unusable)?;
        Ok(opened)
    }

    /// 4.
    fn check_peer(&self, request: &KeyRequest<'_>, opened: &Opened) -> Result<(), Refusal> {
        let KeyRequest { peer, key, .. } = request;
        if !peer.is_of(key) {
            let details = "the public key is not the one the peer id derives from";
            return Err(Refusal::new(RefusalCode::PeerIdentityMismatch, details));
        }
        let payload = signed_payload(request.challenge_id, &opened.nonce, &request.quote, peer.as_str());
        if !key.verify(&payload, &request.signature) {
            let details = "the signature does not cover this challenge, quote and peer id";
            return Err(Refusal::new(RefusalCode::InvalidSignature, details));
        }
        if !self.parts.attempts.admit(peer, self.parts.clock.now()) {
            let details = "too many requests from this peer within a challenge's lifetime; try again shortly";
            return Err(Refusal::new(RefusalCode::RateLimited, details));
        }
        Ok(())
    }

    /// 5.
    async fn verify(&self, quote: Quote) -> Result<(Quote, Verdict), Refusal> {
        let refuse = |why: String| Refusal::new(RefusalCode::AttestationVerificationFailed, why);
        let platform = quote.certification.platform().map_err(|e| refuse(format!("quoteB64: {e}")))?;
        let now = self.parts.clock.now();
        let collateral = match self.parts.collateral.ready(&platform, now) {
            Some(ready) => ready,
            // No caller shall make this service ask Intel about machines that do not exist.
            None if !self.parts.verifier.vouches_for_chain_of(&quote) => {
                return Err(refuse("the quote's certificates do not lead to the trust root".to_owned()));
            }
            None => {
                let unavailable = |cause: Error| Refusal::silent(RefusalCode::ServiceUnavailable, cause);
                self.parts.collateral.get(&platform, now).await.map_err(unavailable)?
            }
        };
        let (quote, outcome) = self.judge(quote, collateral, now).await?;
        match outcome {
            Ok(verdict) => Ok((quote, verdict)),
            Err(rejection) => {
                if rejection.concern() == Concern::Collateral && self.parts.verifier.vouches_for_chain_of(&quote) {
                    // What it was judged by may be at fault. The next request finds it renewed, if it can be.
                    if let Err(error) = self.parts.collateral.doubt(&platform, now).await {
                        tracing::warn!(cause = error::chain(&error), "doubtful collateral cannot be renewed");
                    }
                }
                Err(rejected(&rejection))
            }
        }
    }

    /// The verifier's work, on a thread that may be busy.
    async fn judge(
        &self,
        quote: Quote,
        collateral: Arc<Collateral>,
        now: u64,
    ) -> Result<(Quote, Result<Verdict, Rejection>), Refusal> {
        let closed = |_| internal(Error::internal("no quote can be verified any more"));
        let turn = Arc::clone(&self.verifying).acquire_owned().await.map_err(closed)?;
        let verifier = Arc::clone(&self.parts.verifier);
        let began = std::time::Instant::now();
        let work = tokio::task::spawn_blocking(move || {
            let outcome = verifier.verify(&quote, &collateral, now);
            // The turn ends with the work, also when the caller has hung up.
            drop(turn);
            (quote, outcome)
        });
        let judged =
            work.await.map_err(|e| internal(Error::internal("verification of a quote ended early").because(e)));
        self.metrics.verification(began.elapsed());
        judged
    }

    /// 6. Anybody can have a quote of this very machine over anything, from `/attest`: it stands for no node.
    async fn check_other_machine(&self, report: &TdReport) -> Result<(), Refusal> {
        if report.registers == *self.own_registers().await? {
            return Err(Refusal::new(RefusalCode::PolicyViolation, "the quote is a KMS's, not a node's"));
        }
        Ok(())
    }

    /// 9.
    async fn derive(&self, peer: &PeerId) -> Result<GetKeyResponse, Refusal> {
        let prefix = self.parts.key_namespace.trim_matches('/');
        let path = format!("{prefix}/{}/{peer}", self.parts.profile);
        let key = self.parts.agent.get_key(&path, "").await.map_err(internal)?;
        self.metrics.key_released();
        Ok(GetKeyResponse { key: Zeroizing::new(key.expose_secret().to_owned()) })
    }
}

impl<'a> KeyRequest<'a> {
    /// 1.
    fn read(request: &'a GetKeyRequest) -> Result<Self, Refusal> {
        let key = base64("peerPublicKeyB64", &request.peer_public_key_b64)?;
        Ok(Self {
            challenge_id: &request.challenge_id,
            peer: peer(&request.peer_id)?,
            key: PeerKey::from_protobuf(&key)
                .map_err(|e| Refusal::new(RefusalCode::InvalidRequest, format!("peerPublicKeyB64: {e}")))?,
            signature: base64("signatureB64", &request.signature_b64)?,
            quote: base64("quoteB64", &request.quote_b64)?,
        })
    }
}

/// Repeated, because a service that lets everyone in must not become normal.
fn warn_of(policy: &NodePolicy, peer: &PeerId) {
    match policy.standing {
        Standing::Enforced => {}
        Standing::NotReady => {
            tracing::warn!(%peer, "the policy is not ready: any genuine machine gets a key; never in production");
        }
        Standing::NotEnforced => {
            tracing::warn!(%peer, "measurements are not enforced: any genuine machine gets a key; never in production");
        }
    }
}

fn rejected(rejection: &Rejection) -> Refusal {
    let code = match rejection.concern() {
        Concern::Tcb => RefusalCode::PolicyViolation,
        Concern::Collateral | Concern::Signature | Concern::Debug => RefusalCode::AttestationVerificationFailed,
    };
    // Words of the library are for the log.
    if matches!(rejection, Rejection::Other(_) | Rejection::BadChain { .. } | Rejection::Collateral(_)) {
        let cause = Some(Error::remote(rejection.to_string()));
        return Refusal { code, details: Some("the quote cannot be verified".to_owned()), cause };
    }
    Refusal::new(code, rejection.to_string())
}

/// 6.
fn check_report_data(report: &TdReport, opened: &Opened, peer: &PeerId) -> Result<(), Refusal> {
    if report.nonce() != opened.nonce {
        return Err(Refusal::new(RefusalCode::InvalidChallenge, "the quote answers another challenge"));
    }
    if report.binding() != peer_binding(peer.as_str()) {
        return Err(Refusal::new(RefusalCode::PeerIdentityMismatch, "the quote is another peer's"));
    }
    Ok(())
}

/// 7. Every objection is told, so that an operator need not find them one by one.
fn admit(policy: &NodePolicy, report: &TdReport, verdict: &Verdict) -> Result<(), Refusal> {
    let mut objections = violations(report, verdict, &policy.allowed);
    match policy.standing {
        Standing::Enforced => {}
        // Any measurement will do. Firmware that the policy lists states for must be in one of them all the same.
        Standing::NotReady | Standing::NotEnforced => objections.retain(|objection| match objection {
            Violation::Tcb(_) => !policy.allowed.tcb().is_empty(),
            Violation::Register(_) => false,
        }),
    }
    let objections: Vec<_> = objections.iter().map(ToString::to_string).collect();
    if objections.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::PolicyViolation, objections.join("; ")))
}
