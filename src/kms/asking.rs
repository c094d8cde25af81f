//! The node's side of a key release: a challenge, the node's quote over it, and the request for the key.
//!
//! Whether the KMS is one is judged before it is asked: nothing here does. What it answers is told as it came.

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{
    client::{KmsClient, Refused},
    peer::NodeIdentity,
    wire::{ChallengeResponse, GetKeyResponse, binds, peer_binding},
};
use crate::{
    adapters::dstack::GuestAgent,
    attestation::{
        measurement::{Measurement, Registers},
        quote::Quote,
        report_data::report_data,
    },
    digest::Sha256,
    error::Result,
};

/// Shortest key, in bytes.
const MIN_KEY_BYTES: usize = 16;
/// Digits of a key's SHA-256 that are shown: enough to compare two keys by, and nothing of the key.
const FINGERPRINT_DIGITS: usize = 16;

/// A node that asks.
pub struct Asking<'a> {
    /// The service.
    pub client: &'a KmsClient,
    /// The node's key, which signs.
    pub identity: &'a NodeIdentity,
    /// The agent that makes the node's quote.
    pub agent: &'a GuestAgent,
}

/// How far the node came.
pub enum Exchange {
    /// The service issues no challenge.
    NoChallenge(Refused),
    /// The challenge cannot be answered: its nonce is not 32 bytes.
    Unanswerable,
    /// The node has no quote to send.
    NoQuote {
        /// Until when the challenge was valid, in seconds since 1970 UTC.
        expires_at: u64,
        /// What is wrong with the quote.
        why: QuoteFault,
    },
    /// The service answered the node's quote.
    Answered(Box<Answered>),
}

/// What is wrong with the quote that the node's agent made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuoteFault {
    /// It holds other report data.
    OtherReportData,
    /// It cannot be read.
    Unreadable(String),
}

/// What the service answered.
pub struct Answered {
    /// Until when the challenge was valid, in seconds since 1970 UTC.
    pub expires_at: u64,
    /// Length of the node's quote, in bytes.
    pub quote_bytes: usize,
    /// What the node measures, as its quote says.
    pub registers: Registers<Measurement>,
    /// From the request for a challenge to the answer, the node's quote included.
    pub latency: Duration,
    /// The answer.
    pub key: KeyOutcome,
}

/// The answer to a request for a key.
pub enum KeyOutcome {
    /// A key.
    Released(ReleasedKey),
    /// A refusal.
    Refused(Refused),
    /// An answer that holds something other than a key.
    NotAKey,
}

/// A storage key. It has no `Debug`, and is wiped when it is dropped.
pub struct ReleasedKey {
    /// The key, hex.
    pub hex: Zeroizing<String>,
    /// Its length, in bytes.
    pub bytes: usize,
    /// The first digits of its SHA-256.
    pub fingerprint: String,
}

impl Asking<'_> {
    /// Asks the service for the node's key.
    ///
    /// # Errors
    /// Remote: the service or the agent does not answer, or in a form that is not known.
    pub async fn run(&self) -> Result<Exchange> {
        let began = Instant::now();
        let peer = self.identity.peer_id();
        let challenge = match self.client.challenge(&peer).await? {
            Ok(challenge) => challenge,
            Err(refused) => return Ok(Exchange::NoChallenge(refused)),
        };
        let Some(nonce) = nonce(&challenge) else { return Ok(Exchange::Unanswerable) };
        let expires_at = challenge.expires_at;
        let binding = peer_binding(&peer);
        let quote = self.agent.get_quote(&report_data(&nonce, &binding)).await?.quote;
        let registers = match Quote::parse(&quote) {
            Ok(parsed) if binds(&parsed, &nonce, &binding) => parsed.report.registers,
            Ok(_) => return Ok(Exchange::NoQuote { expires_at, why: QuoteFault::OtherReportData }),
            Err(error) => {
                return Ok(Exchange::NoQuote { expires_at, why: QuoteFault::Unreadable(error.to_string()) });
            }
        };
        let request = self.identity.request_key(challenge.challenge_id, &nonce, &quote);
        let key = match self.client.get_key(&request).await? {
            Ok(answer) => ReleasedKey::read(answer).map_or(KeyOutcome::NotAKey, KeyOutcome::Released),
            Err(refused) => KeyOutcome::Refused(refused),
        };
        let (latency, quote_bytes) = (began.elapsed(), quote.len());
        Ok(Exchange::Answered(Box::new(Answered { expires_at, quote_bytes, registers, latency, key })))
    }
}

impl ReleasedKey {
    fn read(answer: GetKeyResponse) -> Option<Self> {
        let hex = answer.key;
        let mut bytes = Zeroizing::new(vec![0; hex.len() / 2]);
        if bytes.len() < MIN_KEY_BYTES || hex::decode_to_slice(hex.as_str(), &mut bytes).is_err() {
            return None;
        }
        let digest = Sha256::of(&bytes).to_string();
        let fingerprint = digest.chars().take(FINGERPRINT_DIGITS).collect();
        Some(Self { hex, bytes: bytes.len(), fingerprint })
    }
}

fn nonce(challenge: &ChallengeResponse) -> Option<[u8; 32]> {
    STANDARD.decode(&challenge.nonce_b64).ok()?.try_into().ok()
}
