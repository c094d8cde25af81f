//! What someone makes who can have a token, a key set or a list say anything, one thing at a time: all of it is refused by
//! name, and what only looks odd is accepted.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use merotee::{
    attestation::{
        ita::{Evidence, Refusal, Step},
        measurement::Register,
        quote::Quote,
        verdict::QuoteVerifier as _,
    },
    sandbox::{
        ita::{Fault, Layout, Signing},
        tdx::{DEBUG, QuoteRequest, SEPT_VE_DISABLE},
    },
};
use serde_json::{Value, json};

use super::verifier::{Bench, request};

#[test]
fn a_chain_that_breaks_a_rule_is_refused_with_the_rule() {
    let bench = Bench::new();
    for (fault, says) in [
        (Fault::LeafDemands, "the token's key is not certified under the root: UnsupportedCriticalExtension"),
        (Fault::LeafIsAuthority, "the token's key is not certified under the root: CaUsedAsEndEntity"),
        (Fault::AuthorityExpired, "CN=ATS Token Signing CA,O=merotee sandbox is valid from "),
        (Fault::AuthorityMayNotSign, "Signing CA,O=merotee sandbox has a key that may not be used so"),
        (Fault::AuthorityIsNone, "Signing CA,O=merotee sandbox is not a certificate authority"),
        (Fault::TooManyAuthorities, "Root CA,O=merotee sandbox does not let so many authorities stand below it"),
        (Fault::ListDemands, "cannot be used: it cannot be read: UnsupportedCriticalExtension"),
        (Fault::ListDelta, "cannot be used: it cannot be read: UnsupportedDeltaCrl"),
        (Fault::ListIndirect, "cannot be used: it cannot be read: UnsupportedIndirectCrl"),
    ] {
        let refusal = bench.with(fault).expect_err(says);
        assert!(refusal.to_string().contains(says), "{fault:?}: {refusal}");
        assert_eq!(refusal.step(), Step::Certificates, "{fault:?}: {refusal}");
    }
    assert!(bench.saying(&bench.pinned(), |_| {}).is_ok(), "the same bench without a fault");
}

/// What comes of a key set whose certificates (leaf, signing authority, root, in DER) are changed.
fn with_certificates(bench: &Bench, change: impl FnOnce(&mut Vec<Value>)) -> Result<(), Refusal> {
    with_key(bench, |key| change(key["x5c"].as_array_mut().unwrap()))
}

/// What comes of a key set whose first key, which signs, is changed.
fn with_key(bench: &Bench, change: impl FnOnce(&mut Value)) -> Result<(), Refusal> {
    let mut evidence = bench.evidence(|_| {});
    let mut keys: Value = serde_json::from_slice(&evidence.jwks).unwrap();
    change(&mut keys["keys"][0]);
    evidence.jwks = keys.to_string().into_bytes();
    bench.judge(&bench.pinned(), &evidence).map(|_| ())
}

#[test]
fn certificates_are_base64_of_one_each_and_the_first_is_the_keys() {
    let bench = Bench::new();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let spelt = |change: fn(String) -> String| with_certificates(&bench, |x5c| x5c[0] = json!(change(text(&x5c[0]))));
    assert_eq!(spelt(|own| own), Ok(()));
    for change in [
        |own: String| own + "\n",
        |own: String| format!(" {own}"),
        |own: String| own + "=",
        |own: String| own.replace('/', "_").replace('+', "-"),
        |own: String| own.chars().skip(4).collect(),
        |_: String| String::new(),
        |own: String| STANDARD.encode([STANDARD.decode(own).unwrap(), vec![0]].concat()),
        |own: String| STANDARD.encode([STANDARD.decode(&own).unwrap(), STANDARD.decode(&own).unwrap()].concat()),
    ] {
        let refused = spelt(change);
        assert!(matches!(refused, Err(Refusal::Chain(_))), "{refused:?}");
    }
    assert!(matches!(with_certificates(&bench, |x5c| x5c.reverse()), Err(Refusal::Chain(_))), "the root first");
    assert!(with_certificates(&bench, |x5c| x5c.swap(0, 1)).is_err(), "the authority first");
    assert_eq!(with_certificates(&bench, |x5c| x5c.swap(1, 2)), Ok(()), "above the first, signatures order them");
    assert_eq!(with_certificates(&bench, |x5c| drop(x5c.pop())), Ok(()), "the root is pinned");
    assert!(matches!(with_certificates(&bench, |x5c| x5c.truncate(1)), Err(Refusal::NotCertified(_))));
    assert!(matches!(with_certificates(&bench, |x5c| x5c.push(x5c[2].clone())), Err(Refusal::Chain(_))), "two roots");
    let twice = with_certificates(&bench, |x5c| x5c.push(x5c[1].clone()));
    assert!(matches!(twice, Err(Refusal::NotCertified(_))), "an authority twice: {twice:?}");
}

#[test]
fn the_certificate_of_another_key_of_the_same_portal_does_not_certify_this_one() {
    let bench = Bench::new();
    let evidence = bench.evidence(|_| {});
    let keys: Value = serde_json::from_slice(&evidence.jwks).unwrap();
    let other = keys["keys"][1]["x5c"].clone();
    assert_eq!(with_key(&bench, |key| key["x5c"] = other), Err(Refusal::KeyUnlikeCertificate));
    let (n, e) = (keys["keys"][1]["n"].clone(), json!("Aw"));
    assert_eq!(with_key(&bench, |key| key["n"] = n), Err(Refusal::KeyUnlikeCertificate));
    assert_eq!(with_key(&bench, |key| key["e"] = e), Err(Refusal::KeyUnlikeCertificate));
    // The other algorithm's key under this one's name is for its own algorithm alone.
    let (kid, mut other) = (keys["keys"][0]["kid"].clone(), keys["keys"][1].clone());
    other["kid"] = kid;
    assert!(matches!(with_key(&bench, |key| *key = other), Err(Refusal::KeyPurpose { .. })));
}

#[test]
fn a_list_that_revokes_counts_wherever_it_stands_among_several_of_one_authority() {
    let bench = Bench::new();
    let mut evidence = bench.evidence(|_| {});
    bench.ita.fail(Fault::LeafRevoked);
    let revoking = bench.evidence(|_| {}).lists;
    bench.ita.recover();
    assert!(bench.judge(&bench.pinned(), &evidence).is_ok());
    evidence.lists.extend(revoking);
    for _ in 0..2 {
        let refused = bench.judge(&bench.pinned(), &evidence);
        assert!(matches!(refused, Err(Refusal::Revoked { .. })), "{refused:?}");
        evidence.lists.reverse();
    }
}

#[test]
fn a_claim_is_hex_of_its_length_in_either_case_and_of_no_other_type() {
    let bench = Bench::new();
    for layout in [Layout::One, Layout::Two] {
        bench.ita.speak(layout, Signing::Ps384);
        let say = |claim: &'static str, change: &dyn Fn(String) -> Value| {
            bench.saying(&bench.pinned(), |claims| {
                let machine = if layout == Layout::One { claims } else { &mut claims["tdx"] };
                machine[claim] = change(machine[claim].as_str().unwrap().to_owned());
            })
        };
        for claim in ["tdx_rtmr3", "tdx_report_data", "tdx_td_attributes", "tdx_xfam"] {
            assert!(say(claim, &|hex| json!(hex.to_uppercase())).is_ok(), "{claim} in capitals");
            let spelt: [&dyn Fn(String) -> String; 8] = [
                &|hex| hex[2..].to_owned(),
                &|hex| hex[1..].to_owned(),
                &|hex| hex + "00",
                &|hex| format!("00{hex}"),
                &|hex| format!("0x{hex}"),
                &|hex| format!(" {hex}"),
                &|_| String::new(),
                &|hex| STANDARD.encode(hex::decode(hex).unwrap()),
            ];
            for change in spelt {
                let refused = say(claim, &|hex| json!(change(hex)));
                assert!(matches!(refused, Err(Refusal::Mismatch(_))), "{claim}: {refused:?}");
            }
            for other in [json!(5), json!(true), json!(["00"]), json!({}), Value::Null] {
                let refused = say(claim, &|_| other.clone());
                let named = matches!(&refused, Err(Refusal::MalformedClaim { claim: found, .. }) if *found == claim);
                assert!(named, "{claim} {other}: {refused:?}");
            }
        }
        for claim in ["attester_tcb_status", "attester_type", "dbgstat"] {
            let refused = say(claim, &|_| json!(["UpToDate"]));
            let named = matches!(&refused, Err(Refusal::MalformedClaim { claim: found, .. }) if *found == claim);
            assert!(named, "{claim}: {refused:?}");
        }
        assert!(matches!(say("attester_type", &|_| json!("SGX")), Err(Refusal::MachineType(_))));
    }
}

#[test]
fn a_claim_that_stands_under_tdx_and_beside_it_says_one_thing() {
    let bench = Bench::new();
    let beside =
        |claim: &'static str, value: Value| bench.saying(&bench.pinned(), |claims| claims[claim] = value).map(|_| ());
    let rtmr3 = json!(bench.quote.report.registers.get(Register::Rtmr3));
    assert_eq!(beside("tdx_rtmr3", rtmr3), Ok(()));
    for (claim, value) in [
        ("tdx_rtmr3", json!("00".repeat(48))),
        ("tdx_xfam", Value::Null),
        ("tdx_is_debuggable", json!(true)),
        ("attester_tcb_status", json!("OutOfDate")),
    ] {
        assert_eq!(beside(claim, value), Err(Refusal::TwoLayouts(claim)));
    }
}

#[test]
fn a_debuggable_quote_is_refused_though_the_token_says_nothing_of_it() {
    let bench = Bench::of(&QuoteRequest { attributes: SEPT_VE_DISABLE | DEBUG, ..request() });
    let silent = |claims: &mut Value| {
        for word in ["dbgstat", "tdx_is_debuggable", "tdx_td_attributes_debug"] {
            claims["tdx"].as_object_mut().unwrap().remove(word);
        }
    };
    assert_eq!(bench.saying(&bench.pinned(), silent), Err(Refusal::Debuggable("tdx_td_attributes")));
    assert!(bench.saying(&bench.pinned().allow_debug(true), silent).is_ok());
    let bench = Bench::new();
    let word = |word: &str| bench.saying(&bench.pinned(), |claims| claims["tdx"]["dbgstat"] = json!(word));
    for disabled in ["disabled", "disabled-since-boot", "disabled-permanently", "disabled-fully-and-permanently"] {
        assert!(word(disabled).is_ok(), "{disabled}");
    }
    for other in ["enabled", "", "disabled, for now", "DISABLED"] {
        assert_eq!(word(other), Err(Refusal::Debuggable("dbgstat")), "{other}");
    }
}

#[test]
fn a_token_of_the_same_machine_does_for_no_other_quote_of_it() {
    let bench = Bench::new();
    let other = Bench::of(&QuoteRequest { report_data: [8; 64], ..request() });
    let evidence = bench.evidence(|_| {});
    let seconds = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
    let judged = |quote: &Quote| bench.pinned().verify(quote, &evidence, seconds);
    assert!(judged(&bench.quote).is_ok());
    let Err(Refusal::Mismatch(differing)) = judged(&other.quote) else { panic!("accepted, or refused otherwise") };
    assert_eq!(differing.iter().map(|one| one.claim).collect::<Vec<_>>(), ["tdx_report_data"]);
}

#[test]
fn a_name_twice_in_a_key_set_is_refused() {
    let bench = Bench::new();
    let good = bench.evidence(|_| {});
    let text = String::from_utf8(good.jwks.clone()).unwrap();
    for (from, to) in [(r#""kty":"#, r#""kty":"oct","kty":"#), (r#""keys":"#, r#""keys":[],"keys":"#)] {
        assert!(text.contains(from));
        let jwks = text.replacen(from, to, 1).into_bytes();
        let refused = bench.judge(&bench.pinned(), &Evidence { jwks, ..good.clone() });
        assert!(matches!(refused, Err(Refusal::KeySet(_))), "{refused:?}");
    }
}
