//! Who makes room for whom.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use futures_util::FutureExt as _;
use proptest::prelude::*;

use super::*;

fn v4(last: u8) -> Origin {
    Origin::of(IpAddr::from([192, 0, 2, last]))
}

fn gone(member: &Member) -> bool {
    let leaves = member.crowd.lock().all[&member.number].doing == Doing::Leaving;
    // Whoever was sent away is told, once.
    assert_eq!(member.sent_away().now_or_never().is_some(), leaves);
    leaves
}

/// Members that do these things, in the order they came.
fn crowd(those: &[(u8, Doing)]) -> (Arc<Crowd>, Vec<Member>) {
    let crowd = Crowd::new(Limits { places: 1000, served: 4 });
    let members = those.iter().map(|(origin, doing)| {
        let member = crowd.enter(v4(*origin));
        member.does(*doing);
        member
    });
    let members = members.collect();
    (crowd, members)
}

/// Who goes when room is made again and again, by number; whoever went is out of the way for the next.
fn order(those: &[(u8, Doing)], make_room: impl Fn(&Crowd) -> bool) -> Vec<usize> {
    let (crowd, members) = crowd(those);
    let mut left: Vec<_> = members.into_iter().enumerate().collect();
    let mut went = Vec::new();
    while make_room(&crowd) {
        let at = left.iter().position(|(_, member)| gone(member)).unwrap();
        went.push(left.remove(at).0);
        assert!(left.iter().all(|(_, member)| !gone(member)), "one at a time");
    }
    went
}

#[test]
fn silent_ones_go_first_then_idle_then_slow_then_waiting_ones_and_never_one_that_is_answered() {
    use Doing::{Answering, Idle, New, Receiving, Sending, Silent, Waiting};
    // The one that waits comes last: an idle one that came after it would go by itself.
    let those =
        [(1, Answering), (3, Sending), (4, Receiving), (5, Idle), (6, Silent), (7, New), (8, Silent), (2, Waiting)];
    assert_eq!(order(&those, Crowd::make_room), [4, 6, 3, 1, 2, 7]);
    assert_eq!(order(&those, Crowd::make_room_to_serve), [3, 1, 2], "who is not served makes no room for it");
    assert_eq!(order(&[(1, Answering), (1, Answering)], Crowd::make_room), [0; 0]);
    assert_eq!(order(&[], Crowd::make_room), [0; 0]);
}

#[test]
fn of_those_that_do_the_same_the_oldest_of_the_origin_with_most_goes() {
    use Doing::{Idle, Silent};
    // The flood's, oldest first, until it has as many as the others; then by age.
    let flood = [(1, Silent), (9, Silent), (9, Silent), (2, Silent), (9, Silent), (9, Silent)];
    assert_eq!(order(&flood, Crowd::make_room), [1, 2, 4, 0, 3, 5]);
    // Many in another state count for nothing.
    let mixed = [(9, Idle), (9, Idle), (9, Idle), (1, Silent), (9, Silent)];
    assert_eq!(order(&mixed, Crowd::make_room)[..2], [3, 4]);
    // Age is how long it does what it does, and not how long it is there.
    let (crowd, members) = crowd(&[(1, Silent), (2, Silent)]);
    members[0].does(Idle);
    members[1].does(Idle);
    members[0].does(Doing::Receiving);
    members[0].does(Idle);
    assert!(crowd.make_room() && gone(&members[1]) && !gone(&members[0]));
}

#[test]
fn an_origin_that_has_more_than_its_share_makes_room_for_its_own() {
    let crowd = Crowd::new(Limits { places: 8, served: 4 });
    let join = |origin: u8, doing: Doing| {
        let member = crowd.enter(v4(origin));
        member.does(doing);
        member
    };
    let other = join(1, Doing::Silent);
    let six: Vec<_> = (0..6).map(|_| join(9, Doing::Waiting)).collect();
    assert!(!six.iter().any(gone));
    let seventh = join(9, Doing::Silent);
    assert!(gone(&six[0]) && !gone(&other) && !gone(&seventh));
    // One that has only just come stays, and what is being answered.
    let eighth = crowd.enter(v4(9));
    assert!(gone(&seventh) && !gone(&eighth));
    let all = Crowd::new(Limits { places: 4, served: 4 });
    let busy: Vec<_> = (0..5).map(|_| all.enter(v4(9))).collect();
    busy.iter().for_each(|member| member.does(Doing::Answering));
    let next = all.enter(v4(9));
    assert!(!busy.iter().any(gone) && !gone(&next));
}

#[test]
fn addresses_are_told_apart_as_their_owners_are() {
    let of = |text: &str| Origin::of(text.parse().unwrap());
    for (one, other, same) in [
        ("192.0.2.1", "192.0.2.1", true),
        ("192.0.2.1", "192.0.2.2", false),
        ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
        ("192.0.2.1", "::192.0.2.1", false),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
        ("2001:db8::1", "2001:db8:0:1::1", false),
        ("2001:db8:0:1::", "2001:db8:0:1:8000::", true),
        ("::1", "::2", true),
        ("fe80::1", "fe80:0:0:1::1", false),
    ] {
        assert_eq!(of(one) == of(other), same, "{one} {other}");
    }
}

#[test]
fn one_that_was_sent_away_is_not_sent_away_again_whatever_it_does_meanwhile() {
    let (crowd, members) = crowd(&[(1, Doing::Idle), (1, Doing::Idle)]);
    assert!(crowd.make_room());
    members[0].does(Doing::Receiving);
    members[0].does(Doing::Idle);
    assert!(crowd.make_room() && gone(&members[1]));
    assert!(!crowd.make_room());
}

#[test]
fn who_becomes_idle_while_another_waits_to_be_served_makes_room() {
    let (_, members) = crowd(&[(1, Doing::Sending), (2, Doing::Answering)]);
    members[0].does(Doing::Idle);
    assert!(!gone(&members[0]), "nobody waits");
    let (_, members) = crowd(&[(1, Doing::Sending), (2, Doing::Waiting)]);
    members[0].does(Doing::Idle);
    assert!(gone(&members[0]) && !gone(&members[1]));
}

#[test]
fn an_origin_makes_room_in_its_share_by_its_own_and_shares_end_with_it() {
    let (crowd, members) =
        crowd(&[(1, Doing::Idle), (1, Doing::Answering), (2, Doing::Receiving), (2, Doing::Waiting)]);
    assert_eq!(members[2].share().available_permits(), 2);
    assert!(
        Arc::ptr_eq(&members[2].share(), &members[3].share()) && !Arc::ptr_eq(&members[0].share(), &members[2].share())
    );
    assert!(members[3].make_room_in_share() && gone(&members[2]) && !gone(&members[0]));
    assert!(!members[3].make_room_in_share(), "the other's are none of its business");
    drop(members);
    let left = crowd.lock();
    assert!(left.all.is_empty() && left.origins.is_empty());
    assert!(left.ranks.iter().all(|rank| rank.of.is_empty() && rank.order.is_empty()));
}

proptest! {
    /// Against the rule written down naively, over everything that can happen.
    #[test]
    fn whatever_happens_the_one_that_goes_is_the_one_the_rule_names(
        events in prop::collection::vec((0_u8..4, 0_usize..24, 0_usize..8), 1..200)
    ) {
        const KINDS: [Doing; 6] =
            [Doing::Silent, Doing::Idle, Doing::Receiving, Doing::Sending, Doing::Waiting, Doing::Answering];
        let crowd = Crowd::new(Limits { places: 1000, served: 8 });
        // Members with what they do, by how long.
        let (mut members, mut now): (Vec<(Member, Doing, usize)>, usize) = (Vec::new(), 0);
        for (event, at, kind) in events {
            now += 1;
            match (event, kind) {
                (0, _) => members.push((crowd.enter(v4(at as u8 % 5)), Doing::New, now)),
                (1, 0..6) if !members.is_empty() => {
                    let at = at % members.len();
                    let (member, doing, since) = &mut members[at];
                    // Idle while others wait is a case of its own.
                    if *doing != KINDS[kind] && KINDS[kind] != Doing::Idle {
                        (*doing, *since) = (KINDS[kind], now);
                        member.does(*doing);
                    }
                }
                (2, _) if !members.is_empty() => drop(members.swap_remove(at % members.len())),
                _ => {
                    let rank = |doing: &Doing| doing.rank();
                    let first = members.iter().filter_map(|(_, doing, _)| rank(doing)).min();
                    let among: Vec<_> = members.iter().filter(|(_, doing, _)| first.is_some() && rank(doing) == first).collect();
                    let of = |origin: Origin| among.iter().filter(|(member, ..)| member.origin == origin).count();
                    let oldest = |origin: Origin| among.iter().filter(|(m, ..)| m.origin == origin).map(|m| m.2).min();
                    let origin = among.iter().map(|(member, ..)| member.origin).max_by_key(|o| (of(*o), Reverse(oldest(*o))));
                    let expected = origin.and_then(|o| among.iter().filter(|m| m.0.origin == o).min_by_key(|m| m.2)).map(|m| m.0.number);
                    prop_assert_eq!(crowd.make_room(), expected.is_some());
                    let went: Vec<_> = members.iter().filter(|(member, ..)| gone(member)).map(|m| m.0.number).collect();
                    prop_assert_eq!(went, expected.into_iter().collect::<Vec<_>>());
                    members.retain(|(member, ..)| Some(member.number) != expected);
                }
            }
        }
    }
}
