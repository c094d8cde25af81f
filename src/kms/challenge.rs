//! Challenges that cost the service nothing to issue and can be used once.
//!
//! Responsible for what a challenge is, for telling ours from others', and ([`ConsumedChallenges`]) for using each once.
//! Not for who may ask how often ([`PeerAttempts`] counts, the caller decides), nor for what a used challenge is good for.
//!
//! # Shape
//! An id is 80 lowercase hex digits: expiry (8 bytes, big endian) ‖ store (8 bytes) ‖ serial (8 random bytes) ‖ tag (16
//! bytes). The tag is a MAC over expiry, store, serial and peer; the nonce is a MAC, under a key of its own, over the id and
//! the peer. So nothing is stored until a challenge has done its work, however many ask and how often. The store is the
//! memory of used challenges that it was issued for: one that was lost makes it void. See `docs/kms-challenges.md`.

mod attempts;
mod consumed;
mod memory;
mod redis;

use std::fmt;

use aws_lc_rs::{constant_time, hmac, rand};
use zeroize::Zeroizing;

pub use self::{attempts::PeerAttempts, consumed::ConsumedChallenges};
use super::peer::PeerId;
use crate::{
    digest::Sha256,
    error::{Error, Result},
};

/// Longest life of a challenge, in seconds. It bounds what the stores of consumed challenges hold.
pub const MAX_TTL_SECS: u64 = 3600;

/// Shortest secret that keys are derived from, in bytes.
const MIN_SECRET_BYTES: usize = 32;
const EXPIRY_BYTES: usize = 8;
const STORE_BYTES: usize = 8;
const SERIAL_BYTES: usize = 8;
const TAG_BYTES: usize = 16;
const ID_BYTES: usize = EXPIRY_BYTES + STORE_BYTES + SERIAL_BYTES + TAG_BYTES;

/// What the two subkeys are derived for. A change of the format changes the number, and no old id is accepted.
const TAG_LABEL: &[u8] = b"merotee/kms/challenge/v2/tag";
const NONCE_LABEL: &[u8] = b"merotee/kms/challenge/v2/nonce";

/// What challenges are made with. Never prints.
///
/// Who shares it accepts the others' challenges, so who shares it must also share where they are consumed: replicas with
/// one Redis derive it from one secret, and a service that consumes in memory has a [`ChallengeKey::random`] one, which
/// ends with the process as its memory does.
pub struct ChallengeKey {
    tags: hmac::Key,
    nonces: hmac::Key,
}

/// Which memory of used challenges there is: another one after whatever makes it forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId([u8; STORE_BYTES]);

/// A challenge as it is issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// 80 lowercase hex digits, to be sent back.
    pub id: String,
    /// The first half of the report data that answers.
    pub nonce: [u8; 32],
    /// Seconds since 1970 UTC; from then on it is void.
    pub expires_at: u64,
}

/// A challenge that came back from the peer it was issued to, in time. It may have been used before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The id, in the only spelling that is accepted.
    pub id: String,
    /// The nonce it was issued with.
    pub nonce: [u8; 32],
    /// Seconds since 1970 UTC.
    pub expires_at: u64,
    /// Tells it from the others that expire in the same second.
    pub serial: u64,
    /// The memory that must know whether it was used.
    pub store: StoreId,
}

/// Why a challenge is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum InvalidChallenge {
    /// It has not the form of an id.
    #[error("the challenge is not 80 lowercase hex digits")]
    Malformed,
    /// We never issued it, or to another peer.
    #[error("the challenge was not issued to this peer by this service, or by a replica that shares its Redis")]
    NotThisPeers,
    /// Its time is over.
    #[error("the challenge has expired")]
    Expired,
}

/// Why a challenge can't be used. None of them is ever read as "use it".
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// It was used, or so long ago that it is no longer on record.
    #[error("the challenge has been used already")]
    AlreadyUsed,
    /// Its time is over.
    #[error("the challenge has expired")]
    Expired,
    /// What would know whether it was used has lost its memory since it was issued.
    #[error("the challenge is void: the memory of used challenges was lost since it was issued; ask for another one")]
    Forgotten,
    /// As many challenges are remembered as there is room for, and none of them has expired.
    #[error("too many challenges were used within their lifetime; try again shortly")]
    Full,
    /// The store does not answer.
    #[error(transparent)]
    Unavailable(Error),
}

impl StoreId {
    /// A memory that ends with the process, as the key of its challenges does: there is no other one to mistake it for.
    const OF_THIS_PROCESS: Self = Self([0; STORE_BYTES]);

    /// The memory that is known by these words, none of which holds a newline.
    fn of(words: &[&str]) -> Self {
        Self(filled(Sha256::of(words.join("\n").as_bytes()).as_bytes()))
    }
}

impl ChallengeKey {
    /// Derives the key from a secret (HMAC-SHA256, one subkey for tags and one for nonces).
    ///
    /// # Errors
    /// When the secret has fewer than 32 bytes.
    pub fn from_secret(secret: &[u8]) -> Result<Self> {
        if secret.len() < MIN_SECRET_BYTES {
            let has = secret.len();
            return Err(Error::input(format!(
                "the secret of challenges has {has} bytes, not {MIN_SECRET_BYTES} or more"
            )));
        }
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let subkey = |label| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&secret, label).as_ref());
        Ok(Self { tags: subkey(TAG_LABEL), nonces: subkey(NONCE_LABEL) })
    }

    /// A key of its own.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn random() -> Result<Self> {
        Self::from_secret(Zeroizing::new(random_bytes::<MIN_SECRET_BYTES>()?).as_slice())
    }

    /// Makes a challenge for a peer that is void `ttl` seconds after `now`, and when the store loses its memory. Stores
    /// nothing.
    ///
    /// # Errors
    /// When `ttl` is not 1 to [`MAX_TTL_SECS`] seconds, or the system gives no random bytes.
    pub fn issue(&self, peer: &PeerId, store: StoreId, now: u64, ttl: u64) -> Result<Challenge> {
        let sensible = (1..=MAX_TTL_SECS).contains(&ttl);
        let expires_at = now
            .checked_add(ttl)
            .filter(|_| sensible)
            .ok_or_else(|| Error::usage(format!("a challenge lives 1 to {MAX_TTL_SECS} seconds, not {ttl}")))?;
        Ok(self.numbered(peer, store, expires_at, u64::from_be_bytes(random_bytes()?)))
    }

    /// Takes a challenge back from a peer at `now`, in seconds since 1970 UTC.
    ///
    /// 1. The id has the form of one.
    /// 2. The tag is ours over this expiry, store, serial and peer, compared in constant time. An expiry further away than
    ///    any time we give can't have one.
    /// 3. It has not expired.
    ///
    /// Whether the store still is the one it was issued for is for [`ConsumedChallenges`] to say.
    ///
    /// # Errors
    /// Which of the three failed.
    pub fn open(&self, id: &str, peer: &PeerId, now: u64) -> Result<Opened, InvalidChallenge> {
        let id = Id::parse(id).ok_or(InvalidChallenge::Malformed)?;
        constant_time::verify_slices_are_equal(&id.tag, &self.tag(&id, peer))
            .map_err(|_| InvalidChallenge::NotThisPeers)?;
        if id.expires_at <= now {
            return Err(InvalidChallenge::Expired);
        }
        let nonce = self.nonce(&id, peer);
        Ok(Opened { id: id.to_string(), nonce, expires_at: id.expires_at, serial: id.serial, store: id.store })
    }

    fn numbered(&self, peer: &PeerId, store: StoreId, expires_at: u64, serial: u64) -> Challenge {
        let mut id = Id { expires_at, store, serial, tag: [0; TAG_BYTES] };
        id.tag = self.tag(&id, peer);
        Challenge { id: id.to_string(), nonce: self.nonce(&id, peer), expires_at }
    }

    /// Over all of the id but its own place there. The peer stands last in what is authenticated.
    fn tag(&self, id: &Id, peer: &PeerId) -> [u8; TAG_BYTES] {
        let (expiry, serial) = (id.expires_at.to_be_bytes(), id.serial.to_be_bytes());
        mac(&self.tags, &[&expiry, &id.store.0, &serial, peer.as_str().as_bytes()])
    }

    fn nonce(&self, id: &Id, peer: &PeerId) -> [u8; 32] {
        mac(&self.nonces, &[&id.to_bytes(), peer.as_str().as_bytes()])
    }
}

impl fmt::Debug for ChallengeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChallengeKey([redacted])")
    }
}

/// The parts of an id. They are claims until the tag is verified.
struct Id {
    expires_at: u64,
    store: StoreId,
    serial: u64,
    tag: [u8; TAG_BYTES],
}

impl Id {
    /// Accepts one spelling only: a second one would pass for a second challenge where spellings are counted.
    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; ID_BYTES];
        let lowercase = text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        hex::decode_to_slice(text, &mut bytes).ok().filter(|()| lowercase)?;
        let (expiry, rest) = bytes.split_first_chunk::<EXPIRY_BYTES>()?;
        let (store, rest) = rest.split_first_chunk::<STORE_BYTES>()?;
        let (serial, rest) = rest.split_first_chunk::<SERIAL_BYTES>()?;
        Some(Self {
            expires_at: u64::from_be_bytes(*expiry),
            store: StoreId(*store),
            serial: u64::from_be_bytes(*serial),
            tag: *rest.first_chunk()?,
        })
    }

    fn to_bytes(&self) -> [u8; ID_BYTES] {
        let (expiry, serial) = (self.expires_at.to_be_bytes(), self.serial.to_be_bytes());
        filled(expiry.iter().chain(&self.store.0).chain(&serial).chain(&self.tag))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.to_bytes()))
    }
}

/// The first `N` bytes of HMAC-SHA256 over the parts, one after the other.
fn mac<const N: usize>(key: &hmac::Key, parts: &[&[u8]]) -> [u8; N] {
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    filled(context.sign().as_ref())
}

fn filled<'a, const N: usize>(bytes: impl IntoIterator<Item = &'a u8>) -> [u8; N] {
    let mut array = [0; N];
    array.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    array
}

fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| Error::internal("the system gives no random bytes"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
