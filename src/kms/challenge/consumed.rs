//! Which challenges were used: each may be, once.
//!
//! Responsible for the promise that of any number of attempts with one challenge exactly one succeeds, and that what
//! remembers them is still what they were issued for. Where that is remembered is [`super::memory`]'s business, for a
//! service that runs alone, or [`super::redis`]'s, for replicas.

use secrecy::SecretString;

use super::{ConsumeError, Opened, StoreId, memory::Memory, redis::Redis};
use crate::error::Result;

/// The challenges that were used and have not expired.
#[derive(Debug)]
pub struct ConsumedChallenges(Store);

#[derive(Debug)]
enum Store {
    Memory(Memory),
    /// What went through this process is remembered here as well, in case Redis loses its memory.
    Redis(Box<Redis>, Memory),
}

impl ConsumedChallenges {
    /// Remembers up to a million challenges in this process, in less than 32 MiB. For a service that runs alone, with a
    /// [`super::ChallengeKey::random`] key: another process, or this one started again, remembers nothing of it.
    pub fn in_memory() -> Self {
        Self(Store::Memory(Memory::default()))
    }

    /// Remembers in Redis, for replicas that derive their key from one secret. Nothing is connected yet, and a Redis
    /// that is down, now or later, is tried again at each challenge.
    ///
    /// URLs are `redis://[user:password@]host[:port][/db]`, `rediss://…` for TLS (against the system's roots), and
    /// `unix:///path[?db=N&user=U&pass=P]`.
    ///
    /// # Errors
    /// When the URL is none of these, or asks for TLS without verification. The message holds nothing of the URL.
    pub fn in_redis(url: &SecretString) -> Result<Self> {
        Redis::new(url).map(|redis| Self(Store::Redis(Box::new(redis), Memory::default())))
    }

    /// Whether other processes remember the same.
    pub fn is_shared(&self) -> bool {
        match self.0 {
            Store::Memory(_) => false,
            Store::Redis(..) => true,
        }
    }

    /// Which memory there is now, for challenges that are issued.
    ///
    /// # Errors
    /// [`ConsumeError::Unavailable`]. Redis has two seconds to answer.
    pub async fn id(&self) -> Result<StoreId, ConsumeError> {
        match &self.0 {
            Store::Memory(_) => Ok(StoreId::OF_THIS_PROCESS),
            Store::Redis(redis, _) => redis.id().await,
        }
    }

    /// Refuses early what [`Self::consume`] would refuse at `now`, in seconds since 1970 UTC. It decides nothing: of what it
    /// lets pass, some may have been used by the time it matters.
    ///
    /// # Errors
    /// See [`ConsumeError`]. Redis has two seconds to answer.
    pub async fn look(&self, opened: &Opened, now: u64) -> Result<(), ConsumeError> {
        remaining(opened, now)?;
        match &self.0 {
            Store::Memory(memory) => memory.look(opened),
            Store::Redis(redis, memory) => {
                memory.look(opened)?;
                redis.look(opened).await
            }
        }
    }

    /// Uses a challenge at `now`, in seconds since 1970 UTC: exactly one of any number of calls succeeds.
    ///
    /// # Errors
    /// See [`ConsumeError`]. Redis has two seconds to answer.
    pub async fn consume(&self, opened: &Opened, now: u64) -> Result<(), ConsumeError> {
        let remaining = remaining(opened, now)?;
        match &self.0 {
            Store::Memory(memory) => memory.consume(opened, now),
            Store::Redis(redis, memory) => {
                redis.consume(opened, remaining).await?;
                memory.consume(opened, now)
            }
        }
    }
}

/// Seconds it has to live.
fn remaining(opened: &Opened, now: u64) -> Result<u64, ConsumeError> {
    opened.expires_at.checked_sub(now).filter(|seconds| *seconds > 0).ok_or(ConsumeError::Expired)
}
