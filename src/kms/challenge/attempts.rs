//! How often a peer may try, in bounded memory.
//!
//! To be asked only after the peer's signature was verified: who can't sign for a peer can't use up its attempts.
//!
//! # Size
//! At most 65,536 windows: a map of 2^17 slots of 49 bytes (6.4 MB) and a queue of 2^16 entries of 40 bytes (2.6 MB). When
//! one more is needed the oldest goes: a flood of new peers, each with a key of its own, can restart somebody's count,
//! which admits too much, and can never keep anybody out.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::super::peer::PeerId;
use crate::digest::Sha256;

/// Most peers that are counted at a time.
const MOST: usize = 1 << 16;

/// Attempts of peers, each in a window that opens with the first.
#[derive(Debug)]
pub struct PeerAttempts {
    limit: u32,
    window_secs: u64,
    most: usize,
    windows: Mutex<Windows>,
}

#[derive(Debug, Default)]
struct Windows {
    open: HashMap<Sha256, Window>,
    /// When windows were opened, oldest first. One that was opened anew stands here twice, and the older entry is void.
    opened: VecDeque<(u64, Sha256)>,
}

#[derive(Debug)]
struct Window {
    opened_at: u64,
    attempts: u32,
}

impl PeerAttempts {
    /// Admits `limit` attempts of each peer within `window_secs` seconds of its first.
    pub fn new(limit: u32, window_secs: u64) -> Self {
        Self { limit, window_secs, most: MOST, windows: Mutex::default() }
    }

    /// Counts an attempt at `now`, in seconds since 1970 UTC; whether it is still within the limit.
    pub fn admit(&self, peer: &PeerId, now: u64) -> bool {
        let peer = Sha256::of(peer.as_str().as_bytes());
        let mut windows = self.lock();
        windows.close(|opened_at| self.is_over(opened_at, now));
        match windows.open.get_mut(&peer).filter(|window| !self.is_over(window.opened_at, now)) {
            Some(window) if window.attempts >= self.limit => false,
            Some(window) => {
                window.attempts += 1;
                true
            }
            None if self.limit == 0 => false,
            None => {
                while windows.opened.len() >= self.most {
                    windows.close_oldest();
                }
                windows.open.insert(peer, Window { opened_at: now, attempts: 1 });
                windows.opened.push_back((now, peer));
                true
            }
        }
    }

    /// A window that opens in the future was opened before the clock was set back; it would last too long.
    fn is_over(&self, opened_at: u64, now: u64) -> bool {
        now.checked_sub(opened_at).is_none_or(|age| age >= self.window_secs)
    }

    fn lock(&self) -> MutexGuard<'_, Windows> {
        // A count that is off by one after a panic is a count still.
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Windows {
    fn close(&mut self, is_over: impl Fn(u64) -> bool) {
        while self.opened.front().is_some_and(|(opened_at, _)| is_over(*opened_at)) {
            self.close_oldest();
        }
    }

    fn close_oldest(&mut self) {
        let Some((opened_at, peer)) = self.opened.pop_front() else { return };
        if self.open.get(&peer).is_some_and(|window| window.opened_at == opened_at) {
            self.open.remove(&peer);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn peer(number: usize) -> PeerId {
        crate::kms::peer::tests::made_up(number as u64)
    }

    fn sizes(attempts: &PeerAttempts) -> (usize, usize) {
        let windows = attempts.lock();
        (windows.open.len(), windows.opened.len())
    }

    #[test]
    fn a_peer_has_its_attempts_within_a_window_and_again_in_the_next() {
        let attempts = PeerAttempts::new(3, 60);
        let admitted: Vec<bool> = (0..5).map(|second| attempts.admit(&peer(1), NOW + second)).collect();
        assert_eq!(admitted, [true, true, true, false, false]);
        assert!(!attempts.admit(&peer(1), NOW + 59));
        assert!(attempts.admit(&peer(1), NOW + 60));
        assert_eq!(sizes(&attempts), (1, 1));
    }

    #[test]
    fn one_peer_does_not_use_up_anothers_attempts() {
        let attempts = PeerAttempts::new(1, 60);
        assert!(attempts.admit(&peer(1), NOW));
        assert!(!attempts.admit(&peer(1), NOW));
        assert!(attempts.admit(&peer(2), NOW));
    }

    #[test]
    fn a_limit_of_none_admits_nobody() {
        let attempts = PeerAttempts::new(0, 60);
        assert!(!attempts.admit(&peer(1), NOW));
        assert_eq!(sizes(&attempts), (0, 0));
    }

    #[test]
    fn when_there_is_no_room_the_oldest_window_goes_and_the_new_peer_is_admitted() {
        let attempts = PeerAttempts { most: 3, ..PeerAttempts::new(1, 60) };
        for number in 1..=4 {
            assert!(attempts.admit(&peer(number), NOW + number as u64));
        }
        assert_eq!(sizes(&attempts), (3, 3));
        assert!(!attempts.admit(&peer(4), NOW + 5));
        assert!(!attempts.admit(&peer(2), NOW + 5));
        assert!(attempts.admit(&peer(1), NOW + 5), "its window went");
    }

    #[test]
    fn a_clock_set_back_opens_windows_anew_and_keeps_the_bound() {
        let attempts = PeerAttempts { most: 2, ..PeerAttempts::new(1, 60) };
        assert!(attempts.admit(&peer(1), NOW));
        assert!(attempts.admit(&peer(2), NOW + 50));
        assert!(attempts.admit(&peer(2), NOW + 10), "its window lay in the future");
        assert!(!attempts.admit(&peer(2), NOW + 11));
        let (open, opened) = sizes(&attempts);
        assert!(open <= opened && opened <= 2, "{open} {opened}");
        assert!(attempts.admit(&peer(2), NOW + 70));
    }

    #[test]
    fn a_flood_of_peers_is_counted_in_bounded_memory() {
        let attempts = PeerAttempts::new(1, 60);
        for number in 0..MOST + 1000 {
            assert!(attempts.admit(&peer(number), NOW));
        }
        assert_eq!(sizes(&attempts), (MOST, MOST));
        let windows = attempts.lock();
        assert!(windows.open.capacity() < 1 << 17);
        assert!(windows.opened.capacity() <= 1 << 17);
    }
}
