//! Who holds a connection and what it does with it, so that the right one goes when places are short.
//!
//! Those with no request waiting go first: connections that sent nothing, those between two requests, then those on
//! which a request or an answer is still under way, then those that wait to be served. Never one whose request is being
//! answered, nor one that has only just come. Among those that do the same it is one of the origin that has most of them, and
//! of an origin's the one that has done so longest. One origin has a share of the places, and makes room in that by itself. So
//! a flood from one address makes room for its own, and one from many for the newest that speaks at once.
//!
//! Costs a few steps in ordered maps whenever a connection changes what it does.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use tokio::sync::{Notify, Semaphore};

use super::Limits;

/// Where a connection comes from: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer gets at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Origin {
    V4(Ipv4Addr),
    V6([u16; 4]),
}

impl Origin {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Doing {
    /// It was accepted; whether it has sent something is not known yet.
    New,
    /// It has sent nothing yet.
    Silent,
    /// It was answered, and asks nothing more for now.
    Idle,
    /// A request is on its way in.
    Receiving,
    /// An answer is on its way out.
    Sending,
    /// It has sent something, and waits for a place to be served on.
    Waiting,
    /// Its request is there and being answered. It is never sent away.
    Answering,
    /// It was sent away, and will be gone in a moment.
    Leaving,
}

impl Doing {
    /// In which turn it is sent away, if ever.
    fn rank(self) -> Option<usize> {
        match self {
            Self::Silent => Some(0),
            Self::Idle => Some(1),
            Self::Receiving | Self::Sending => Some(2),
            Self::Waiting => Some(WAITING),
            Self::New | Self::Answering | Self::Leaving => None,
        }
    }
}

/// How many ranks there are, who makes room among them for a connection that is to be served, and who waits for that.
const RANKS: usize = 4;
const SERVED: std::ops::RangeInclusive<usize> = 1..=2;
const WAITING: usize = 3;

/// Everybody who holds a connection.
pub(super) struct Crowd {
    limits: Limits,
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    /// Numbers given out, to members and to what they do: a lower one is older.
    numbers: u64,
    all: HashMap<u64, Entry>,
    origins: HashMap<Origin, Local>,
    /// By what they do, in the order in which they are sent away.
    ranks: [Rank; RANKS],
}

struct Entry {
    origin: Origin,
    doing: Doing,
    since: u64,
    leave: Arc<Notify>,
}

/// What those of one origin share.
struct Local {
    members: usize,
    places: Arc<Semaphore>,
}

/// Those that do the same.
#[derive(Default)]
struct Rank {
    /// Members by how long they do it.
    of: HashMap<Origin, BTreeMap<u64, u64>>,
    /// Origins by how many they are, then by who of them is the oldest. The last one makes room.
    order: BTreeSet<(usize, Reverse<u64>, Origin)>,
}

/// One that holds a connection, until it is dropped.
pub(super) struct Member {
    crowd: Arc<Crowd>,
    number: u64,
    origin: Origin,
    /// What it does, to be looked at without a lock: only its own connection changes it, but for being sent away.
    doing: AtomicU8,
    share: Arc<Semaphore>,
    leave: Arc<Notify>,
}

impl Crowd {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, members: Mutex::default() })
    }

    /// Takes in a connection. Where its origin has more than its share, another one of those makes room.
    pub(super) fn enter(self: &Arc<Self>, origin: Origin) -> Member {
        let leave = Arc::new(Notify::new());
        let mut members = self.lock();
        let number = members.number();
        let local = members.origins.entry(origin);
        let served = self.limits.share_served();
        let local = local.or_insert_with(|| Local { members: 0, places: Arc::new(Semaphore::new(served)) });
        local.members += 1;
        let (share, too_many) = (Arc::clone(&local.places), local.members > self.limits.share());
        members.all.insert(number, Entry { origin, doing: Doing::New, since: number, leave: Arc::clone(&leave) });
        if too_many {
            members.send_away(0..=WAITING, |rank| rank.first_of(origin));
        }
        let doing = AtomicU8::new(Doing::New as u8);
        Member { crowd: Arc::clone(self), number, origin, doing, share, leave }
    }

    /// Sends one away, in the order above; false when all are being answered.
    pub(super) fn make_room(&self) -> bool {
        self.lock().send_away(0..=WAITING, Rank::first)
    }

    /// Sends one away that is served, in the order above; false when all of them are being answered.
    pub(super) fn make_room_to_serve(&self) -> bool {
        self.lock().send_away(SERVED, Rank::first)
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        // Nothing between lock and unlock can panic half-way.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    /// Says what it does from now on. Who becomes idle while others wait to be served makes room for one of them.
    pub(super) fn does(&self, doing: Doing) {
        if self.doing.swap(doing as u8, Ordering::Relaxed) == doing as u8 {
            return;
        }
        let mut members = self.crowd.lock();
        members.moves(self.number, doing);
        if doing == Doing::Idle && members.ranks.get(WAITING).is_some_and(Rank::is_taken) {
            members.dismiss(self.number);
        }
    }

    /// Whether this is what it does, as far as it knows.
    pub(super) fn is(&self, doing: Doing) -> bool {
        self.doing.load(Ordering::Relaxed) == doing as u8
    }

    /// Ends when it has to make room.
    pub(super) async fn sent_away(&self) {
        self.leave.notified().await;
    }

    /// The places to be served on that those of its origin share.
    pub(super) fn share(&self) -> Arc<Semaphore> {
        Arc::clone(&self.share)
    }

    /// Sends away one of its own origin that is served, in the order above; false when all of them are being answered.
    pub(super) fn make_room_in_share(&self) -> bool {
        self.crowd.lock().send_away(SERVED, |rank| rank.first_of(self.origin))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut members = self.crowd.lock();
        members.moves(self.number, Doing::Leaving);
        members.all.remove(&self.number);
        if let Some(local) = members.origins.get_mut(&self.origin) {
            local.members -= 1;
            if local.members == 0 {
                members.origins.remove(&self.origin);
            }
        }
    }
}

impl Members {
    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Notes what a member does from now on. One that was sent away stays so.
    fn moves(&mut self, number: u64, doing: Doing) {
        let since = self.number();
        let Some(entry) = self.all.get_mut(&number).filter(|entry| entry.doing != Doing::Leaving) else { return };
        let (origin, before, was_since) = (entry.origin, entry.doing, entry.since);
        (entry.doing, entry.since) = (doing, since);
        self.change(before, origin, |of| of.remove(&was_since));
        self.change(doing, origin, |of| of.insert(since, number));
    }

    fn change(&mut self, doing: Doing, origin: Origin, change: impl FnOnce(&mut BTreeMap<u64, u64>) -> Option<u64>) {
        if let Some(rank) = doing.rank().and_then(|rank| self.ranks.get_mut(rank)) {
            rank.change(origin, change);
        }
    }

    /// Sends away the first of these ranks that `pick` finds.
    fn send_away(&mut self, ranks: std::ops::RangeInclusive<usize>, pick: impl Fn(&Rank) -> Option<u64>) -> bool {
        let first = self.ranks.get(ranks).and_then(|ranks| ranks.iter().find_map(pick));
        first.is_some_and(|number| self.dismiss(number))
    }

    fn dismiss(&mut self, number: u64) -> bool {
        self.moves(number, Doing::Leaving);
        let leaving = self.all.get(&number);
        leaving.iter().for_each(|entry| entry.leave.notify_one());
        leaving.is_some()
    }
}

impl Rank {
    fn is_taken(&self) -> bool {
        !self.order.is_empty()
    }

    fn first(&self) -> Option<u64> {
        let (_, _, origin) = self.order.last()?;
        self.first_of(*origin)
    }

    fn first_of(&self, origin: Origin) -> Option<u64> {
        self.of.get(&origin)?.first_key_value().map(|(_, number)| *number)
    }

    /// Changes who of an origin is here, and the origin's place in the order with it.
    fn change(&mut self, origin: Origin, change: impl FnOnce(&mut BTreeMap<u64, u64>) -> Option<u64>) {
        let of = self.of.entry(origin).or_default();
        let place =
            |of: &BTreeMap<u64, u64>| of.first_key_value().map(|(oldest, _)| (of.len(), Reverse(*oldest), origin));
        if let Some(place) = place(of) {
            self.order.remove(&place);
        }
        change(of);
        match place(of) {
            Some(place) => drop(self.order.insert(place)),
            None => drop(self.of.remove(&origin)),
        }
    }
}

#[cfg(test)]
mod tests;
