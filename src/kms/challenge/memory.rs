//! Consumed challenges in this process, in bounded memory.
//!
//! Serials lie in sets by the second they expire in, and a whole set goes when its second is over.
//!
//! # Size
//! A set of `u64` takes 8 bytes and one control byte a slot, has a power of two of slots, and doubles when 7/8 of them are
//! used: at worst 2 · 9 · 8/7 ≈ 20.6 bytes an entry, 20.6 MB for the million that is the most. While the largest set
//! doubles, its old slots remain; that is worst with one set of 917,505 entries: 2^21 · 9 + 2^20 · 9 = 28.3 MB. A second
//! costs another 130 bytes or so, and there are at most [`super::MAX_TTL_SECS`]: 0.5 MB. All of it stays below 32 MiB.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{ConsumeError, Opened};

/// Most challenges that are remembered. At the default life of 60 seconds that is 16,000 key requests a second, for a
/// minute. A challenge is used last, so each of them is a key released to a node that the policy allows.
const MOST: usize = 1_000_000;

/// Consumed challenges of this process.
pub(super) struct Memory {
    most: usize,
    seconds: Mutex<Seconds>,
}

#[derive(Default)]
struct Seconds {
    /// Serials by expiry.
    used: BTreeMap<u64, HashSet<u64>>,
    /// How many serials there are.
    held: usize,
    /// The last second that was forgotten. When a clock is set back, what expires by then is not known to be unused.
    forgotten: u64,
}

impl Memory {
    pub(super) fn look(&self, opened: &Opened) -> Result<(), ConsumeError> {
        self.lock().refuse_known(opened)
    }

    pub(super) fn consume(&self, opened: &Opened, now: u64) -> Result<(), ConsumeError> {
        let mut seconds = self.lock();
        seconds.forget(now);
        seconds.refuse_known(opened)?;
        if seconds.held >= self.most {
            // To make room by forgetting one would let that one be used again.
            return Err(ConsumeError::Full);
        }
        seconds.used.entry(opened.expires_at).or_default().insert(opened.serial);
        seconds.held += 1;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Seconds> {
        // Nothing between lock and unlock can panic half-way.
        self.seconds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self { most: MOST, seconds: Mutex::default() }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("held", &self.lock().held).field("most", &self.most).finish()
    }
}

impl Seconds {
    fn refuse_known(&self, opened: &Opened) -> Result<(), ConsumeError> {
        let known = self.used.get(&opened.expires_at).is_some_and(|serials| serials.contains(&opened.serial));
        if known || opened.expires_at <= self.forgotten { Err(ConsumeError::AlreadyUsed) } else { Ok(()) }
    }

    /// Drops the seconds that are over.
    fn forget(&mut self, now: u64) {
        while let Some(first) = self.used.first_entry()
            && *first.key() <= now
        {
            self.forgotten = *first.key();
            self.held = self.held.saturating_sub(first.remove().len());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn opened(serial: u64, expires_at: u64) -> Opened {
        Opened { id: String::new(), nonce: [0; 32], expires_at, serial, store: super::super::StoreId::OF_THIS_PROCESS }
    }

    fn bounded(most: usize) -> Memory {
        Memory { most, seconds: Mutex::default() }
    }

    fn held(memory: &Memory) -> (usize, usize) {
        let seconds = memory.lock();
        (seconds.held, seconds.used.len())
    }

    /// The most that the store takes or took, from the capacities that its sets report: slots are 8/7 of them, of 8 + 1
    /// bytes, and half the largest set is what was there before it doubled.
    fn bytes(memory: &Memory) -> usize {
        let seconds = memory.lock();
        let sets = seconds.used.values().map(|serials| serials.capacity() * 8 / 7 * 9);
        sets.clone().sum::<usize>() + sets.max().unwrap() / 2 + seconds.used.len() * 130
    }

    #[test]
    fn a_serial_is_used_once_and_the_same_number_in_another_second_is_another() {
        let memory = Memory::default();
        // To look is not to use.
        assert!(memory.look(&opened(7, NOW + 60)).is_ok() && memory.look(&opened(7, NOW + 60)).is_ok());
        assert!(memory.consume(&opened(7, NOW + 60), NOW).is_ok());
        assert!(matches!(memory.consume(&opened(7, NOW + 60), NOW), Err(ConsumeError::AlreadyUsed)));
        assert!(matches!(memory.look(&opened(7, NOW + 60)), Err(ConsumeError::AlreadyUsed)));
        assert!(memory.look(&opened(7, NOW + 61)).is_ok());
        assert!(memory.consume(&opened(7, NOW + 61), NOW).is_ok());
        assert!(memory.consume(&opened(8, NOW + 60), NOW).is_ok());
    }

    #[test]
    fn what_has_expired_is_dropped_and_stays_refused_when_the_clock_is_set_back() {
        let memory = Memory::default();
        memory.consume(&opened(1, NOW + 10), NOW).unwrap();
        memory.consume(&opened(2, NOW + 20), NOW).unwrap();
        memory.consume(&opened(3, NOW + 30), NOW + 10).unwrap();
        assert_eq!(held(&memory), (2, 2));
        assert!(matches!(memory.consume(&opened(1, NOW + 10), NOW), Err(ConsumeError::AlreadyUsed)));
        // A clock that jumps ahead and comes back does not void what is issued afterwards.
        memory.consume(&opened(4, NOW + 9000), NOW + 8000).unwrap();
        memory.consume(&opened(5, NOW + 40), NOW).unwrap();
    }

    #[test]
    fn a_full_store_refuses_what_is_new_and_forgets_nothing_that_is_alive() {
        let memory = bounded(3);
        for serial in 0..3 {
            memory.consume(&opened(serial, NOW + 60), NOW).unwrap();
        }
        assert!(matches!(memory.consume(&opened(3, NOW + 61), NOW + 59), Err(ConsumeError::Full)));
        assert!(matches!(memory.consume(&opened(0, NOW + 60), NOW + 59), Err(ConsumeError::AlreadyUsed)));
        assert!(memory.consume(&opened(3, NOW + 61), NOW + 60).is_ok());
        assert_eq!(held(&memory), (1, 1));
    }

    #[test]
    fn of_many_threads_with_one_challenge_exactly_one_succeeds() {
        let memory = Arc::new(Memory::default());
        let threads: Vec<_> = (0..64)
            .map(|_| {
                let memory = Arc::clone(&memory);
                std::thread::spawn(move || memory.consume(&opened(9, NOW + 60), NOW).is_ok())
            })
            .collect();
        let succeeded: Vec<bool> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(succeeded.iter().filter(|used| **used).count(), 1);
    }

    #[test]
    fn a_million_entries_fit_into_32_mib_however_they_are_spread() {
        for seconds in [1, 60, super::super::MAX_TTL_SECS] {
            let memory = Memory::default();
            for serial in 0..MOST as u64 {
                memory.consume(&opened(serial, NOW + 1 + serial % seconds), NOW).unwrap();
            }
            assert!(matches!(memory.consume(&opened(MOST as u64, NOW + 1), NOW), Err(ConsumeError::Full)));
            let most = bytes(&memory);
            assert!((9 * MOST..32 << 20).contains(&most), "{seconds} s: {most}");
        }
    }
}
