//! Certificates made up extension by extension: what is read of them, and what is refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{str::FromStr as _, time::Duration};

use der::{
    Encode as _,
    asn1::{BitString, Ia5String, OctetString},
};
use x509_cert::{
    TbsCertificate, Version,
    der::oid::ObjectIdentifier,
    ext::{Extension, pkix::name::GeneralName},
    name::Name,
    serial_number::SerialNumber,
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
    time::Validity,
};

use super::*;

const SAN: &str = "https://github.com/o/r/.github/workflows/w.yaml@refs/tags/t";
const ACTIONS: &str = "https://token.actions.githubusercontent.com";
const COMMIT_SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// What an extension holds.
enum Text<'a> {
    /// As its generation has it: bare up to 6, DER from 8 on.
    Usual(&'a str),
    Bytes(&'a [u8]),
}
use Text::{Bytes, Usual};

fn extension(number: u32, text: &Text<'_>) -> Extension {
    let value = match text {
        Usual(text) if number <= LAST_BARE => text.as_bytes().to_vec(),
        Usual(text) => Utf8StringRef::new(text).unwrap().to_der().unwrap(),
        Bytes(bytes) => bytes.to_vec(),
    };
    let oid = ObjectIdentifier::new(&format!("{FULCIO_ARC}{number}")).unwrap();
    Extension { extn_id: oid, critical: false, extn_value: OctetString::new(value).unwrap() }
}

/// A certificate that says this; nobody signed it, and nothing here looks whether anybody did.
fn certificate(names: &[&str], issuer: &str, extensions: &[(u32, Text<'_>)]) -> DerCertificate {
    let algorithm =
        AlgorithmIdentifierOwned { oid: ObjectIdentifier::new("1.2.840.10045.4.3.2").unwrap(), parameters: None };
    let names: Vec<_> =
        names.iter().map(|name| GeneralName::UniformResourceIdentifier(Ia5String::new(name).unwrap())).collect();
    let san = SubjectAltName(names);
    let mut all = vec![Extension {
        extn_id: ObjectIdentifier::new("2.5.29.17").unwrap(),
        critical: true,
        extn_value: OctetString::new(san.to_der().unwrap()).unwrap(),
    }];
    all.extend(extensions.iter().map(|(number, text)| extension(*number, text)));
    let key = BitString::from_bytes(&[4; 65]).unwrap();
    let certificate = Certificate {
        tbs_certificate: TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&[1]).unwrap(),
            signature: algorithm.clone(),
            issuer: Name::from_str(issuer).unwrap(),
            validity: Validity::from_now(Duration::from_secs(600)).unwrap(),
            subject: Name::default(),
            subject_public_key_info: SubjectPublicKeyInfoOwned {
                algorithm: algorithm.clone(),
                subject_public_key: key.clone(),
            },
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(all),
        },
        signature_algorithm: algorithm,
        signature: key,
    };
    DerCertificate::new(certificate.to_der().unwrap())
}

fn read(extensions: &[(u32, Text<'_>)]) -> Result<Signer, String> {
    signer(&certificate(&[SAN], "CN=ca", extensions), SAN, ACTIONS).map_err(|why| why.0)
}

fn source(extensions: &[(u32, Text<'_>)]) -> [Option<String>; 3] {
    let signer = read(extensions).unwrap();
    [signer.source_repository, signer.source_ref, signer.source_commit]
}

fn older() -> Vec<(u32, Text<'static>)> {
    let claims = [ACTIONS, "push", COMMIT_SHA, "release", "evil/fork", "refs/heads/main"];
    (1..).zip(claims).map(|(number, claim)| (number, Usual(claim))).collect()
}

fn newer() -> Vec<(u32, Text<'static>)> {
    vec![
        (8, Usual(ACTIONS)),
        (12, Usual("https://github.com/evil/fork")),
        (13, Usual(COMMIT_SHA)),
        (14, Usual("refs/heads/main")),
        (20, Usual("push")),
    ]
}

#[test]
fn the_source_is_read_from_either_generation_of_extensions_and_from_both() {
    let expected = ["https://github.com/evil/fork", "refs/heads/main", COMMIT_SHA].map(|claim| Some(claim.to_owned()));
    assert_eq!(source(&older()), expected);
    assert_eq!(source(&newer()), expected);
    assert_eq!(source(&older().into_iter().chain(newer()).collect::<Vec<_>>()), expected);
    assert_eq!(source(&[(8, Usual(ACTIONS))]), [None, None, None], "a certificate may name none");
    assert!(read(&[(8, Usual(ACTIONS))]).unwrap().bare && read(&[(1, Usual(ACTIONS))]).unwrap().bare);
    for more in [2, 3, 4, 5, 6, 9, 11, 20, 24] {
        assert!(!read(&[(8, Usual(ACTIONS)), (more, Usual("x"))]).unwrap().bare, "{more}");
    }
    // Each claim for itself may stand in one generation only.
    assert_eq!(
        source(&[(1, Usual(ACTIONS)), (5, Usual("evil/fork")), (14, Usual("refs/heads/main"))]),
        [expected[0].clone(), expected[1].clone(), None]
    );
}

#[test]
fn generations_that_contradict_each_other_are_refused() {
    for (number, other) in [
        (1, "https://issuer.example"),
        (2, "workflow_dispatch"),
        (3, "ffffffffffffffffffffffffffffffffffffffff"),
        (3, ""),
        (5, "o/r"),
        (5, "Evil/fork"),
        (5, "https://github.com/evil/fork"),
        (5, ""),
        (6, "refs/tags/t"),
        (6, "refs/heads/Main"),
        (6, "main"),
    ] {
        let mut claims = older();
        claims.iter_mut().filter(|(n, _)| *n == number).for_each(|(_, text)| *text = Usual(other));
        claims.extend(newer());
        let refusal = read(&claims).unwrap_err();
        assert!(refusal.contains("contradicts itself"), "{number} {other}: {refusal}");
    }
}

#[test]
fn a_claim_that_cannot_be_read_or_stands_twice_is_never_an_absent_one() {
    let bare: &[u8] = b"https://github.com/evil/fork";
    let long: &[u8] = b"\x0c\x02ab trailing";
    for (number, value, why) in [
        (12, bare, "not readable"),
        (13, b"".as_slice(), "not readable"),
        (14, long, "not readable"),
        (14, b"\x16\x01a", "not readable"),
        (14, b"\x0c\x81\x01a", "not readable"),
        (14, b"\x0c\x01\xff", "not readable"),
        (18, b"\x30\x00", "not readable"),
        (2, b"\xff", "not readable"),
        (5, b"\xc3\x28", "not readable"),
        (6, b"\xff\xfe", "not readable"),
    ] {
        let refusal = read(&[(8, Usual(ACTIONS)), (number, Bytes(value))]).unwrap_err();
        assert!(refusal.contains(why) && refusal.contains(&format!("{FULCIO_ARC}{number} ")), "{number}: {refusal}");
    }
    for number in [1, 3, 5, 6, 8, 12, 13, 14] {
        let mut claims: Vec<_> = older().into_iter().chain(newer()).collect();
        claims.push((number, Usual("once more")));
        assert!(read(&claims).unwrap_err().contains("appears twice"), "{number}");
    }
    // Not one of ours, and not text at all.
    assert!(read(&[(8, Usual(ACTIONS)), (7, Bytes(b"\xff")), (99, Bytes(b"\xff"))]).is_ok());
}

#[test]
fn the_identity_must_be_one_and_the_issuer_the_one_that_was_verified() {
    let issuer = [(8, Usual(ACTIONS))];
    for (names, why) in
        [(&[SAN, SAN][..], "2 identities"), (&[SAN, "https://x.example"], "2 identities"), (&[], "no identity")]
    {
        let refusal = signer(&certificate(names, "CN=ca", &issuer), SAN, ACTIONS).unwrap_err().0;
        assert!(refusal.contains(why), "{refusal}");
    }
    assert!(signer(&certificate(&[SAN], "CN=ca", &issuer), SAN, "https://other.example").is_err());
    assert!(signer(&certificate(&[SAN], "CN=ca", &[]), SAN, ACTIONS).is_err(), "no issuer at all");
}

#[test]
fn an_authority_of_githubs_own_instance_is_known_by_its_organisation() {
    for (name, own) in [
        ("CN=Fulcio Intermediate l2,O=GitHub\\, Inc.", true),
        ("CN=sigstore-intermediate,O=sigstore.dev", false),
        ("CN=GitHub\\, Inc.,O=evil", false),
    ] {
        assert_eq!(is_githubs_own(&certificate(&[SAN], name, &[])), own, "{name}");
    }
}

#[test]
fn a_repository_without_a_server_is_on_the_server_of_the_workflow() {
    let san = SAN.replace("github.com", "ghe.example");
    let claims = Claims(BTreeMap::from([(5, "o/r".to_owned())]));
    assert_eq!(claims.repository(&san).unwrap().as_deref(), Some("https://ghe.example/o/r"));
    assert_eq!(claims.repository("x").unwrap().as_deref(), Some("https://github.com/o/r"));
}
