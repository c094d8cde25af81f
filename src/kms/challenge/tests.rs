//! What must hold of any challenge.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use crate::kms::peer::tests::made_up;

const NOW: u64 = 1_700_000_000;
const TTL: u64 = 60;

fn key() -> ChallengeKey {
    ChallengeKey::from_secret(&[7; 32]).unwrap()
}

const STORE: StoreId = StoreId([3; STORE_BYTES]);

fn node() -> PeerId {
    PeerId::parse("12D3KooWR5V4zmisVtVdGE6i8jfFwtgRNq5t8eDGxfckKuhXu7Eh").unwrap()
}

/// Replicas of several versions accept each other's challenges. Computed with Python's `hmac` from the module's header.
#[test]
fn the_format_is_the_one_that_is_written_down() {
    let challenge = key().numbered(&node(), STORE, NOW, 0x0102_0304_0506_0708);
    assert_eq!(challenge.id, "000000006553f100030303030303030301020304050607080173dd5efb0879e24547be469ebdcb12");
    assert_eq!(hex::encode(challenge.nonce), "9313b0fb6ebf88c6b5ccd402bbc4ea0d813f0a7bfb7ab00fe10cd8acbcd243fa");
}

#[test]
fn a_challenge_names_the_memory_it_was_issued_for_and_no_other_word_makes_it() {
    let opened = |store: StoreId| {
        let challenge = key().numbered(&node(), store, NOW + TTL, 1);
        key().open(&challenge.id, &node(), NOW).unwrap()
    };
    let stores =
        [STORE, StoreId::OF_THIS_PROCESS, StoreId::of(&["a", "b"]), StoreId::of(&["ab", ""]), StoreId::of(&["b", "a"])];
    for (number, store) in stores.into_iter().enumerate() {
        assert_eq!(opened(store).store, store);
        assert!(stores[..number].iter().all(|other| *other != store && opened(*other).nonce != opened(store).nonce));
    }
}

#[test]
fn what_was_issued_opens_once_and_again_with_the_same_nonce() {
    let challenge = key().issue(&node(), STORE, NOW, TTL).unwrap();
    assert_eq!(challenge.expires_at, NOW + TTL);
    let opened = key().open(&challenge.id, &node(), NOW).unwrap();
    assert_eq!((&opened.id, opened.nonce, opened.expires_at), (&challenge.id, challenge.nonce, challenge.expires_at));
    assert_eq!(key().open(&challenge.id, &node(), NOW + 1).unwrap(), opened);
}

#[test]
fn a_challenge_is_good_until_the_second_before_it_expires() {
    let challenge = key().issue(&node(), STORE, NOW, TTL).unwrap();
    assert!(key().open(&challenge.id, &node(), NOW + TTL - 1).is_ok());
    for late in [NOW + TTL, NOW + TTL + 1, u64::MAX] {
        assert_eq!(key().open(&challenge.id, &node(), late), Err(InvalidChallenge::Expired));
    }
}

#[test]
fn a_life_of_no_time_or_too_much_is_refused() {
    assert!(key().issue(&node(), STORE, NOW, MAX_TTL_SECS).is_ok());
    for ttl in [0, MAX_TTL_SECS + 1, u64::MAX] {
        assert_eq!(key().issue(&node(), STORE, NOW, ttl).unwrap_err().class(), crate::error::Class::Usage);
    }
    assert!(key().issue(&node(), STORE, u64::MAX, 1).is_err());
}

#[test]
fn a_short_secret_is_refused_and_a_key_never_prints() {
    assert!(ChallengeKey::from_secret(&[7; 31]).is_err());
    assert_eq!(format!("{:?}", key()), "ChallengeKey([redacted])");
}

#[test]
fn another_secret_makes_other_challenges() {
    let challenge = ChallengeKey::random().unwrap().issue(&node(), STORE, NOW, TTL).unwrap();
    assert_eq!(key().open(&challenge.id, &node(), NOW), Err(InvalidChallenge::NotThisPeers));
}

/// That none of them is stored needs no test: `issue` has a shared reference to two keys, and nothing to store it in.
#[test]
fn a_hundred_thousand_challenges_are_all_different_and_a_first_one_still_opens() {
    let key = key();
    let first = key.issue(&node(), STORE, NOW, TTL).unwrap();
    let mut ids: Vec<String> = (0..100_000).map(|_| key.issue(&node(), STORE, NOW, TTL).unwrap().id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 100_000);
    assert_eq!(key.open(&first.id, &node(), NOW).unwrap().nonce, first.nonce);
}

#[test]
fn whatever_is_no_id_is_malformed() {
    let id = key().issue(&node(), STORE, NOW, TTL).unwrap().id;
    let spelled = [
        String::new(),
        id.to_uppercase(),
        format!(" {id}"),
        format!("{id}0"),
        format!("{id}00"),
        id[1..].to_owned(),
        id[2..].to_owned(),
        format!("0x{}", &id[2..]),
        "é".repeat(40),
        "g".repeat(80),
        // The form of earlier versions.
        "0".repeat(64),
    ];
    for text in spelled {
        assert_eq!(key().open(&text, &node(), NOW), Err(InvalidChallenge::Malformed), "{text}");
    }
}

proptest! {
    #[test]
    fn any_change_of_one_character_is_refused(serial: u64, ttl in 1..=MAX_TTL_SECS, at in 0_usize..80, to in 0_u8..128) {
        let challenge = key().numbered(&node(), STORE, NOW + ttl, serial);
        let mut changed = challenge.id.clone().into_bytes();
        prop_assume!(changed[at] != to);
        changed[at] = to;
        let opened = key().open(std::str::from_utf8(&changed).unwrap(), &node(), NOW);
        prop_assert!(matches!(opened, Err(InvalidChallenge::Malformed | InvalidChallenge::NotThisPeers)));
    }

    #[test]
    fn another_peer_is_refused_and_has_another_nonce(serial: u64, other: u64) {
        let other = made_up(other);
        let (issued, its) = (key().numbered(&node(), STORE, NOW + TTL, serial), key().numbered(&other, STORE, NOW + TTL, serial));
        prop_assert_eq!(key().open(&issued.id, &other, NOW), Err(InvalidChallenge::NotThisPeers));
        prop_assert_ne!(issued.nonce, its.nonce);
    }

    #[test]
    fn whatever_the_text_nothing_panics(id in "\\PC{0,90}", hex in "[0-9a-f]{80}", now: u64) {
        prop_assert_eq!(key().open(&id, &node(), now), Err(InvalidChallenge::Malformed));
        prop_assert_eq!(key().open(&hex, &node(), now), Err(InvalidChallenge::NotThisPeers));
    }
}
