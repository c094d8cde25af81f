//! Keys, ids and signatures that other libraries accept and that prove nothing: with a genuine quote and everything else in
//! order, none of them opens anything.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use curve25519_dalek::{EdwardsPoint, Scalar, constants::EIGHT_TORSION};
use serde_json::json;

use super::{
    node::{Attempt, Node},
    site::{Answer, Service, Site},
};

/// y of the points of small order, below p and above, as both signs have it: 14 encodings of 8 points.
const SMALL_ORDER: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];
const PREFIX: [u8; 4] = [8, 1, 0x12, 0x20];

fn protobuf(key: &[u8]) -> Vec<u8> {
    [&PREFIX, key].concat()
}

fn peer_id(protobuf: &[u8]) -> String {
    bs58::encode([&[0, protobuf.len() as u8], protobuf].concat()).into_string()
}

struct Case {
    site: Site,
    service: Service,
    node: Node,
}

impl Case {
    async fn new() -> Self {
        let site = Site::new().await;
        let (service, node) = (site.serve().await, site.node());
        Self { site, service, node }
    }

    /// Asks for a challenge for `peer` and then for its key, with a quote that names the peer.
    async fn ask(&self, peer: &str, public_key: Vec<u8>, sign: impl Fn(&Attempt) -> Vec<u8>) -> Answer {
        let answer = self.service.post("/challenge", json!({"peerId": peer}).to_string()).await;
        if answer.status != 200 {
            return answer;
        }
        let issued = answer.json();
        let nonce = STANDARD.decode(issued["nonceB64"].as_str().unwrap()).unwrap().try_into().unwrap();
        let attempt = Attempt {
            id: issued["challengeId"].as_str().unwrap().to_owned(),
            nonce,
            quote: self.node.quote(&nonce, peer),
            peer: peer.to_owned(),
            public_key,
        };
        self.service.post("/get-key", attempt.with_signature(&sign(&attempt))).await
    }

    /// After all that, who does everything right still gets the key.
    async fn serves(&self) {
        assert_eq!(self.service.key(&self.node).await.key(), self.site.storage_key(&self.node.peer()));
    }
}

#[track_caller]
fn refused(answer: &Answer, what: &str) {
    assert!([400, 401].contains(&answer.status) && answer.json()["key"].is_null(), "{what}: {answer:?}");
}

#[tokio::test]
async fn a_point_of_small_order_opens_nothing_in_any_encoding_with_any_signature() {
    let case = Case::new().await;
    for key in SMALL_ORDER {
        let key = protobuf(&hex::decode(key).unwrap());
        // R is a point of small order as well, and s is 0.
        for r in SMALL_ORDER {
            let answer =
                case.ask(&peer_id(&key), key.clone(), |_| [hex::decode(r).unwrap(), vec![0; 32]].concat()).await;
            refused(&answer, r);
            assert!(answer.json()["details"].as_str().unwrap().contains("small order"), "{answer:?}");
        }
        // Under the id of a peer that is one, it is no more.
        refused(&case.ask(&case.node.peer(), key, |_| vec![0; 64]).await, "another peer's id");
    }
    case.serves().await;
}

#[tokio::test]
async fn a_key_with_a_torsion_component_opens_nothing_even_where_its_signature_verifies() {
    let case = Case::new().await;
    let secret = Scalar::from(7_u64);
    for torsion in &EIGHT_TORSION[1..] {
        let key = (EdwardsPoint::mul_base(&secret) + torsion).compress().to_bytes();
        let answer = case
            .ask(&peer_id(&protobuf(&key)), protobuf(&key), |attempt| {
                let mut verifies = (1_u64..).map(|nonce| sign(&secret, &key, nonce, attempt.payload().as_bytes()));
                let theirs = libp2p_identity::PublicKey::try_decode_protobuf(&protobuf(&key)).unwrap();
                verifies.find(|s| theirs.verify(attempt.payload().as_bytes(), s)).unwrap()
            })
            .await;
        refused(&answer, "mixed order");
        assert!(answer.json()["details"].as_str().unwrap().contains("mixed order"), "{answer:?}");
    }
}

/// A signature with this secret under this key, which need not belong together.
fn sign(secret: &Scalar, key: &[u8], nonce: u64, message: &[u8]) -> Vec<u8> {
    let nonce = Scalar::from(nonce);
    let r = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, &[&r, key, message].concat());
    let challenge = Scalar::from_bytes_mod_order_wide(&hash.as_ref().try_into().unwrap());
    [r, (nonce + challenge * secret).to_bytes()].concat()
}

#[tokio::test]
async fn a_second_signature_made_of_a_good_one_is_none() {
    let case = Case::new().await;
    let (peer, key) = (case.node.peer(), case.node.identity.public_key_protobuf());
    let good = |attempt: &Attempt| case.node.identity.sign(attempt.payload().as_bytes());
    // s + n L, for as often as it fits.
    let order: Vec<u8> = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    for times in 1..=14_u16 {
        let answer = case.ask(&peer, key.clone(), |attempt| {
            let (mut signature, mut carry) = (good(attempt), 0);
            for (byte, order) in signature[32..].iter_mut().zip(&order) {
                let sum = u16::from(*byte) + times * u16::from(*order) + carry;
                (*byte, carry) = (sum as u8, sum >> 8);
            }
            signature
        });
        let answer = answer.await;
        assert_eq!((answer.status, &answer.json()["error"]), (401, &"invalid_signature".into()), "{times}");
    }
    // R of small order, in every encoding, with the s that its owner could make for it.
    for r in SMALL_ORDER {
        let answer = case.ask(&peer, key.clone(), |attempt| {
            let mut signature = good(attempt);
            signature[..32].copy_from_slice(&hex::decode(r).unwrap());
            signature
        });
        refused(&answer.await, r);
    }
    case.serves().await;
}

#[tokio::test]
async fn a_key_or_an_id_in_a_second_form_opens_nothing() {
    let case = Case::new().await;
    let (peer, key) = (case.node.peer(), case.node.identity.public_key_protobuf());
    let sign = |attempt: &Attempt| case.node.identity.sign(attempt.payload().as_bytes());
    let point = &key[4..];
    for (what, spelled) in [
        ("an unknown field behind", [&key[..], &[0x18, 1]].concat()),
        ("an unknown field before", [&[0x18, 1], &key[..]].concat()),
        ("the fields in the other order", [&[0x12, 0x20], point, &[8, 1]].concat()),
        ("the kind twice", [&[8, 1], &key[..]].concat()),
        ("another kind first", [&[8, 0], &key[..]].concat()),
        ("another kind last", [&key[..], &[8, 2]].concat()),
        ("the key twice", [&key[..], &key[2..]].concat()),
        ("a long number", [&[8, 0x81, 0, 0x12, 0x20], point].concat()),
        ("a long length", [&[8, 1, 0x12, 0xa0, 0], point].concat()),
        ("a long tag", [&[0x88, 0, 1, 0x12, 0x20], point].concat()),
        ("a byte too many", [&key[..], &[0]].concat()),
        ("the point alone", point.to_vec()),
        ("secp256k1", [&[8, 2, 0x12, 0x20], point].concat()),
        ("RSA", [&[8, 0, 0x12, 0x20], point].concat()),
        ("nothing", Vec::new()),
    ] {
        let answer = case.ask(&peer, spelled.clone(), sign).await;
        assert_eq!((answer.status, &answer.json()["error"]), (400, &"invalid_request".into()), "{what}");
        // Nor under the id that derives from what it is spelled as.
        refused(&case.ask(&peer_id(&spelled), spelled, sign).await, what);
    }
    let multihash = [&[0, 0x24], &key[..]].concat();
    let hashed = [&[0x12, 0x20], merotee::digest::Sha256::of(&key).as_bytes().as_slice()].concat();
    let cid = [&[1, 0x72], &multihash[..]].concat();
    let base58 = |bytes: &[u8]| bs58::encode(bytes).into_string();
    for id in [
        base58(&hashed),
        base58(&cid),
        format!("z{}", base58(&cid)),
        format!("f{}", hex::encode(&cid)),
        format!("z{peer}"),
        format!("1{peer}"),
        base58(&[&multihash[..], &[0]].concat()),
        base58(&[&[0x80, 0, 0x24], &key[..]].concat()),
        base58(&[&[0, 0xa4, 0], &key[..]].concat()),
        hex::encode(&multihash),
        STANDARD.encode(&multihash),
        format!("{peer} "),
        peer.to_uppercase(),
    ] {
        let answer = case.ask(&id, key.clone(), sign).await;
        assert_eq!((answer.status, &answer.json()["error"]), (400, &"invalid_peer_id".into()), "{id}");
        // Nor with a challenge that was issued to the peer.
        let attempt = Attempt { peer: id.clone(), ..case.service.attempt(&case.node).await };
        let answer = case.service.post("/get-key", attempt.signed_by(&case.node)).await;
        assert_eq!((answer.status, &answer.json()["error"]), (400, &"invalid_peer_id".into()), "{id}");
    }
    case.serves().await;
}
