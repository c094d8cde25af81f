//! The service itself: who it is, what it attests, which challenges it issues. Values in, values or refusals out: no HTTP.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;
use semver::Version;
use tokio::sync::{OnceCell, Semaphore};
use zeroize::Zeroizing;

use super::{
    Refusal, RefusalCode,
    challenge::{ChallengeKey, ConsumeError, ConsumedChallenges, PeerAttempts},
    clock::Clock,
    collateral::CollateralStore,
    metrics::Metrics,
    peer::PeerId,
    policy::NodePolicy,
    wire::{AttestRequest, AttestResponse, ChallengeRequest, ChallengeResponse, Health, SERVICE},
};
use crate::{
    adapters::dstack::GuestAgent,
    attestation::{
        measurement::{Measurement, Registers},
        quote::Quote,
        report_data::{default_binding, report_data},
        verdict::DcapVerifier,
    },
    error::{Error, Result},
    subject::profile::Profile,
};

/// Path of the secret that challenges of replicas are derived from: their guest agents give the same. No storage key lies
/// there: `challenge-key` stands where a storage key's path has a profile.
const CHALLENGE_KEY_PATH: &str = "mero-kms/challenge-key";
/// What the guest agent is told that secret is for.
const CHALLENGE_KEY_PURPOSE: &str = "challenge-key";

/// Attestations made at the same time.
const ATTESTED_AT_ONCE: usize = 4;
/// How long a caller waits for a turn to be attested to.
const ATTEST_PATIENCE: Duration = Duration::from_secs(5);

/// What a service is made of.
#[derive(Debug)]
pub struct Parts {
    /// The KMS release it is.
    pub version: Version,
    /// The one profile it serves.
    pub profile: Profile,
    /// First part of every key's path: `merod/storage`.
    pub key_namespace: String,
    /// How long a challenge is good for, in seconds.
    pub challenge_ttl: u64,
    /// The machine's guest agent.
    pub agent: GuestAgent,
    /// Under which root quotes are genuine.
    pub verifier: Arc<DcapVerifier>,
    /// What they are judged by.
    pub collateral: Arc<CollateralStore>,
    /// Which challenges have been used.
    pub consumed: ConsumedChallenges,
    /// How often a peer may try.
    pub attempts: PeerAttempts,
    /// The time.
    pub clock: Clock,
}

/// A key-management service. Shared by everything that serves it.
#[derive(Debug)]
pub struct Kms {
    pub(super) parts: Parts,
    policy: OnceLock<NodePolicy>,
    challenge_key: OnceCell<ChallengeKey>,
    /// Quotes verified at the same time: it is work for a processor, and more at once would only make all of them late.
    pub(super) verifying: Arc<Semaphore>,
    /// Quotes asked of the guest agent at the same time for callers of `/attest`, so that keys are not kept waiting.
    attesting: Semaphore,
    /// What this very machine measures as.
    own_registers: OnceCell<Registers<Measurement>>,
    pub(super) metrics: Metrics,
}

impl Kms {
    /// A service without a policy yet: it attests and issues challenges, and refuses every key.
    pub fn new(parts: Parts) -> Self {
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            parts,
            policy: OnceLock::new(),
            challenge_key: OnceCell::new(),
            verifying: Arc::new(Semaphore::new(at_once)),
            attesting: Semaphore::new(ATTESTED_AT_ONCE),
            own_registers: OnceCell::new(),
            metrics: Metrics::new(),
        }
    }

    /// Begins to release keys by this policy, for the rest of the service's life.
    ///
    /// # Errors
    /// Internal: there is a policy already. A running service never changes its mind about whom it trusts.
    pub fn set_policy(&self, policy: NodePolicy) -> Result<()> {
        let standing = policy.standing;
        let set = self.policy.set(policy);
        set.map_err(|_| Error::internal("the policy of a running service cannot be replaced"))?;
        self.metrics.policy_standing(standing);
        Ok(())
    }

    /// The policy, once it is loaded.
    pub fn policy(&self) -> Option<&NodePolicy> {
        self.policy.get()
    }

    /// What the service counts.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Who the service is and whether it can release keys.
    pub fn health(&self) -> Health {
        let policy_loaded = self.policy.get().is_some();
        Health {
            status: if policy_loaded { "ok" } else { "starting" }.to_owned(),
            service: SERVICE.to_owned(),
            version: format!("v{}", self.parts.version),
            profile: self.parts.profile.to_string(),
            policy_loaded,
        }
    }

    /// A quote of this very machine over the caller's nonce and binding.
    ///
    /// # Errors
    /// `invalid_request`: a value is not 32 bytes in base64. `rate_limited`: too many others ask. `internal_error`: the
    /// guest agent gives no quote.
    pub async fn attest(&self, request: &AttestRequest) -> Result<AttestResponse, Refusal> {
        let nonce = half("nonceB64", &request.nonce_b64)?;
        let binding = match request.binding_b64.as_deref() {
            Some(text) => half("bindingB64", text)?,
            None => *default_binding().as_bytes(),
        };
        let report_data = report_data(&nonce, &binding);
        let turn = tokio::time::timeout(ATTEST_PATIENCE, self.attesting.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            let details = "too many callers want an attestation; try again shortly";
            return Err(Refusal::new(RefusalCode::RateLimited, details));
        };
        let answer = self.parts.agent.get_quote(&report_data).await.map_err(internal)?;
        Ok(AttestResponse {
            quote_b64: STANDARD.encode(answer.quote),
            report_data_hex: hex::encode(report_data),
            event_log: answer.event_log,
            vm_config: answer.vm_config,
        })
    }

    /// A challenge for a peer. Nothing is stored: asking costs others nothing.
    ///
    /// # Errors
    /// `invalid_peer_id`; `internal_error` when the guest agent does not give the key that challenges are derived from;
    /// `service_unavailable` when the store of used challenges does not say which it is.
    pub async fn challenge(&self, request: &ChallengeRequest) -> Result<ChallengeResponse, Refusal> {
        let peer = peer(&request.peer_id)?;
        let key = self.challenge_key().await?;
        let store = self.parts.consumed.id().await.map_err(unusable)?;
        let challenge = key.issue(&peer, store, self.parts.clock.now(), self.parts.challenge_ttl).map_err(internal)?;
        Ok(ChallengeResponse {
            challenge_id: challenge.id,
            nonce_b64: STANDARD.encode(challenge.nonce),
            expires_at: challenge.expires_at,
        })
    }

    /// Renews collateral that expires soon. To be called now and then.
    pub async fn renew_collateral(&self) {
        self.parts.collateral.renew(self.parts.clock.now()).await;
    }

    /// The registers of the machine this runs on, which do not change while it does. Asked for once.
    pub(super) async fn own_registers(&self) -> Result<&Registers<Measurement>, Refusal> {
        let registers = self.own_registers.get_or_try_init(|| async {
            let answer = self.parts.agent.get_quote(&[0; 64]).await?;
            let quote = Quote::parse(&answer.quote);
            let quote = quote.map_err(|e| Error::remote("the guest agent's quote cannot be read").because(e))?;
            Ok(quote.report.registers)
        });
        registers.await.map_err(internal)
    }

    /// The key of challenges, made when it is first needed: a service whose guest agent is late still comes up.
    ///
    /// What remembers used challenges decides which key: only those who share that memory may share the key. A process
    /// that remembers by itself makes a key of its own, so that nothing it has forgotten by a restart, and nothing another
    /// replica has used, can be used again.
    pub(super) async fn challenge_key(&self) -> Result<&ChallengeKey, Refusal> {
        let key = self.challenge_key.get_or_try_init(|| async {
            if !self.parts.consumed.is_shared() {
                return ChallengeKey::random();
            }
            let path = format!("{CHALLENGE_KEY_PATH}/{}", self.parts.profile);
            let digits = self.parts.agent.get_key(&path, CHALLENGE_KEY_PURPOSE).await?;
            let digits = digits.expose_secret();
            let mut secret = Zeroizing::new(vec![0; digits.len() / 2]);
            hex::decode_to_slice(digits, &mut secret)
                .map_err(|_| Error::remote("the guest agent's key for challenges is not valid hex"))?;
            ChallengeKey::from_secret(&secret)
        });
        key.await.map_err(internal)
    }
}

/// A peer id in its one form.
pub(super) fn peer(text: &str) -> Result<PeerId, Refusal> {
    PeerId::parse(text)
        .ok_or_else(|| Refusal::new(RefusalCode::InvalidPeerId, "peerId: not the id of an Ed25519 key (12D3KooW…)"))
}

/// A field in base64.
pub(super) fn base64(field: &str, text: &str) -> Result<Vec<u8>, Refusal> {
    STANDARD.decode(text).map_err(|e| Refusal::new(RefusalCode::InvalidRequest, format!("{field}: not base64: {e}")))
}

fn half(field: &str, text: &str) -> Result<[u8; 32], Refusal> {
    let bytes = base64(field, text)?;
    let length = bytes.len();
    bytes
        .try_into()
        .map_err(|_| Refusal::new(RefusalCode::InvalidRequest, format!("{field}: expected 32 bytes, got {length}")))
}

/// Why a challenge cannot be used, or issued to be used.
pub(super) fn unusable(error: ConsumeError) -> Refusal {
    let code = match error {
        ConsumeError::AlreadyUsed | ConsumeError::Expired | ConsumeError::Forgotten => RefusalCode::InvalidChallenge,
        ConsumeError::Full => RefusalCode::RateLimited,
        ConsumeError::Unavailable(cause) => return Refusal::silent(RefusalCode::ServiceUnavailable, cause),
    };
    Refusal::new(code, error.to_string())
}

pub(super) fn internal(cause: Error) -> Refusal {
    Refusal::silent(RefusalCode::InternalError, cause)
}
