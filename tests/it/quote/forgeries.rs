//! Collateral and quotes that do not belong together or were changed: each refused for its own reason.

use std::fs;

use merotee::attestation::{
    quote::Quote,
    verdict::{Collateral, CollateralParts, Concern, DcapVerifier, Document, Rejection, Signed},
};

use super::Case;

/// A quote of TDX 1.0 whose platform is of the same kind as others' in the corpus.
fn case() -> Option<Case> {
    Case::verified().into_iter().find(|c| c.name() == "quotes/near_mpc.bin under collateral/near_mpc.json")
}

fn rejected(case: &Case, quote: &Quote, parts: CollateralParts) -> Rejection {
    let collateral = Collateral::from_parts(parts).unwrap();
    DcapVerifier::intel().unwrap().verify(quote, &collateral, case.at()).unwrap_err()
}

/// The quote with one bit changed at `offset`, which must still parse.
fn flipped(case: &Case, offset: usize) -> Quote {
    let mut bytes = fs::read(case.path("quote")).unwrap();
    bytes[offset] ^= 1;
    Quote::parse(&bytes).unwrap()
}

#[test]
fn a_changed_document_is_named_as_badly_signed() {
    let Some(case) = case() else { return };
    let quote = case.quote();
    let bad = |document| Rejection::BadSignature(Signed::Document(document));
    let spoilt = |spoil: fn(&mut CollateralParts)| {
        let mut parts = case.parts();
        spoil(&mut parts);
        rejected(&case, &quote, parts)
    };
    assert_eq!(spoilt(|p| p.tcb_info = p.tcb_info.replace("OutOfDate", "UpToDate")), bad(Document::TcbInfo));
    assert_eq!(spoilt(|p| p.tcb_info_signature[5] ^= 1), bad(Document::TcbInfo));
    assert_eq!(spoilt(|p| p.qe_identity = p.qe_identity.replace(": ", ":") + " "), bad(Document::QeIdentity));
    assert_eq!(spoilt(|p| p.qe_identity_signature[60] ^= 1), bad(Document::QeIdentity));
    assert_eq!(spoilt(|p| *p.root_ca_crl.last_mut().unwrap() ^= 1), bad(Document::RootCrl));
    assert_eq!(spoilt(|p| *p.pck_crl.last_mut().unwrap() ^= 1), bad(Document::PckCrl));
}

#[test]
fn a_longer_life_written_into_a_document_is_a_bad_signature_and_the_true_date_an_expiry() {
    let Some(case) = case() else { return };
    let quote = case.quote();
    let mut parts = case.parts();
    let late = case.number("valid_until_unix") + 86_400;
    let verify = |parts| {
        let collateral = Collateral::from_parts(parts).unwrap();
        DcapVerifier::intel().unwrap().verify(&quote, &collateral, late).unwrap_err()
    };
    assert!(matches!(verify(parts.clone()), Rejection::OutsideValidity { .. }));
    parts.tcb_info = parts.tcb_info.replace("\"nextUpdate\":\"2026", "\"nextUpdate\":\"2036");
    assert!(
        matches!(verify(parts), Rejection::OutsideValidity { .. }),
        "the other documents have expired all the same"
    );
}

#[test]
fn collateral_of_another_kind_of_machine_is_named_with_both() {
    let Some(case) = case() else { return };
    let other = Case::verified().into_iter().find(|c| c.text("quote").contains("gtg_v5")).unwrap();
    let verifier = DcapVerifier::intel().unwrap();
    let rejection = verifier.verify(&case.quote(), &other.collateral(), other.at()).unwrap_err();
    let expected = Rejection::FmspcMismatch { quote: "b0c06f000000".into(), collateral: "90c06f000000".into() };
    assert_eq!(rejection, expected);
}

#[test]
fn without_the_revocation_list_of_the_platforms_authority_nothing_is_believed() {
    let Some(case) = case() else { return };
    let mut parts = case.parts();
    parts.pck_crl = parts.root_ca_crl.clone();
    let rejection = rejected(&case, &case.quote(), parts);
    assert!(matches!(&rejection, Rejection::Collateral(why) if why.contains("revocation list")), "{rejection}");
}

#[test]
fn a_chain_that_holds_no_signer_is_refused_and_a_changed_certificate_in_it_named() {
    let Some(case) = case() else { return };
    let mut parts = case.parts();
    // The PCK authority in place of the TCB signer: certified by the root, but no signer of anything here.
    parts.tcb_info_issuer_chain = parts.pck_crl_issuer_chain.clone();
    let rejection = rejected(&case, &case.quote(), parts);
    assert_eq!(rejection.concern(), Concern::Collateral);
    assert_eq!(
        rejection.to_string(),
        "a certificate chain is not acceptable: Failed to verify certificate chain: CaUsedAsEndEntity"
    );
    // A signer whose certificate was changed.
    let mut parts = case.parts();
    let pem = parts.tcb_info_issuer_chain.clone();
    let mut changed = pem::parse_many(&pem).unwrap().remove(0).into_contents();
    *changed.last_mut().unwrap() ^= 1;
    parts.tcb_info_issuer_chain = pem::encode(&pem::Pem::new("CERTIFICATE", changed));
    let rejection = rejected(&case, &case.quote(), parts);
    assert_eq!(rejection, Rejection::BadSignature(Signed::Document(Document::TcbSigningChain)));
}

#[test]
fn another_root_is_named_as_such_and_never_as_a_forgery() {
    let Some(case) = case() else { return };
    let quote = case.quote();
    let authority = quote.certification.chain()[1].der();
    let verifier = DcapVerifier::new(authority).unwrap();
    assert!(!verifier.is_intel());
    let rejection = verifier.verify(&quote, &case.collateral(), case.at()).unwrap_err();
    assert_eq!(rejection, Rejection::WrongRoot(Document::TcbSigningChain));
    assert!(DcapVerifier::new(b"no certificate").is_err());
}

#[test]
fn a_changed_quote_is_refused_for_the_signature_that_covers_the_change() {
    let Some(case) = case() else { return };
    let (signed, authentication) = (48 + 584, 48 + 584 + 4);
    let enclave = authentication + 128 + 6;
    for (offset, expected) in [
        (184, Signed::Quote),
        (signed - 1, Signed::Quote),
        (authentication, Signed::Quote),
        // A changed key is no longer the one the quoting enclave vouched for.
        (authentication + 64, Signed::AttestationKey),
        (enclave, Signed::QeReport),
        (enclave + 384, Signed::QeReport),
        (enclave + 384 + 64 + 2, Signed::AttestationKey),
    ] {
        let rejection = rejected(&case, &flipped(&case, offset), case.parts());
        assert_eq!(rejection, Rejection::BadSignature(expected), "{offset}");
    }
}

#[test]
fn the_platforms_certificate_is_always_the_quotes_own() {
    let Some(case) = case() else { return };
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(case.path("collateral")).unwrap()).unwrap();
    json["pck_certificate_chain"] = "not even PEM".into();
    let collateral = Collateral::from_json(json.to_string().as_bytes()).unwrap();
    assert!(DcapVerifier::intel().unwrap().verify(&case.quote(), &collateral, case.at()).is_ok());
}

#[test]
fn malformed_collateral_names_the_field() {
    let Some(case) = case() else { return };
    let original: serde_json::Value = serde_json::from_slice(&fs::read(case.path("collateral")).unwrap()).unwrap();
    let message = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut json = original.clone();
        change(&mut json);
        Collateral::from_json(json.to_string().as_bytes()).unwrap_err().to_string()
    };
    for field in [
        "pck_crl_issuer_chain",
        "root_ca_crl",
        "pck_crl",
        "tcb_info_issuer_chain",
        "tcb_info",
        "tcb_info_signature",
        "qe_identity_issuer_chain",
        "qe_identity",
        "qe_identity_signature",
    ] {
        let gone = message(&|json| drop(json.as_object_mut().unwrap().remove(field)));
        assert_eq!(gone, format!("collateral: {field}: missing"));
        assert_eq!(message(&|json| json[field] = 7.into()), format!("collateral: {field}: not text"));
    }
    assert!(message(&|json| json["pck_crl"] = "zz".into()).contains("pck_crl: not PEM, hex or base64: `zz`"));
    assert!(message(&|json| json["pck_crl"] = "3000".into()).contains("pck_crl: not a DER revocation list"));
    assert!(message(&|json| json["tcb_info"] = "{}".into()).contains("tcb_info: not the JSON expected"));
    let date = r#"{"issueDate":"yesterday","nextUpdate":"2026-01-01T00:00:00Z"}"#;
    assert!(message(&|json| json["tcb_info"] = date.into()).contains("issueDate is not an RFC 3339 time: `yesterday`"));
    assert!(message(&|json| json["qe_identity_issuer_chain"] = "".into()).contains("no PEM certificate"));
    for bad in [&b""[..], b"[]", b"{", b"{}", &[0xff; 100], &vec![b' '; 5 << 20]] {
        assert!(Collateral::from_json(bad).is_err());
    }
}
