//! Tokens of the sandbox's Intel Trust Authority, each with one thing wrong, judged as values.

use std::sync::Arc;

use jiff::Timestamp;
use merotee::{
    attestation::{
        ita::{Evidence, ItaVerdict, ItaVerifier, List, PolicyId, Refusal, Step, judge},
        measurement::{Measurement, Registers, TcbStatus},
        quote::Quote,
        verdict::{Opinion, QuoteVerifier},
    },
    report::Status,
    sandbox::{
        ita::{Fault, Ita, Layout, POLICY, Signing},
        tdx::{Platform, QuoteRequest},
    },
};
use serde_json::{Value, json};

const PORTAL: &str = "https://portal.sandbox.example";

/// A quote whose every value is another's.
pub(super) fn request() -> QuoteRequest {
    let mut number = 0;
    let measurements = Registers::from_fn(|_| {
        number += 1;
        Measurement::from_bytes([number; 48])
    });
    QuoteRequest::new(measurements, [9; 64])
}

/// A platform's quote, and who vouches for it.
pub(super) struct Bench {
    pub(super) ita: Ita,
    bytes: Vec<u8>,
    pub(super) quote: Quote,
    now: Timestamp,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::of(&request())
    }

    /// A bench with another quote.
    pub(super) fn of(request: &QuoteRequest) -> Self {
        let now = Timestamp::now();
        let platform = Arc::new(Platform::new(0, now).unwrap());
        let bytes = platform.quote(request);
        let quote = Quote::parse(&bytes).unwrap();
        Self { ita: Ita::new(platform, 0, PORTAL).unwrap(), bytes, quote, now }
    }

    pub(super) fn evidence(&self, change: impl FnOnce(&mut Value)) -> Evidence {
        let addresses = [format!("{PORTAL}/crl/root.crl"), format!("{PORTAL}/crl/signing.crl")];
        let lists = self.ita.lists(self.now).unwrap();
        let list = |(address, der)| List { address, outcome: Ok(der) };
        Evidence {
            token: self.ita.token(&self.bytes, self.now, change).unwrap(),
            jwks: self.ita.jwks().unwrap().to_string().into_bytes(),
            lists: addresses.into_iter().zip(lists).map(list).collect(),
        }
    }

    pub(super) fn pinned(&self) -> ItaVerifier {
        ItaVerifier::new(PORTAL).pinned(self.ita.root_der()).unwrap()
    }

    pub(super) fn judge(&self, verifier: &ItaVerifier, evidence: &Evidence) -> Result<ItaVerdict, Refusal> {
        verifier.verify(&self.quote, evidence, self.seconds())
    }

    fn seconds(&self) -> u64 {
        u64::try_from(self.now.as_second()).unwrap()
    }

    /// What a fault leads to, and nothing else but it.
    pub(super) fn with(&self, fault: Fault) -> Result<ItaVerdict, Refusal> {
        self.ita.fail(fault);
        let evidence = self.evidence(|_| {});
        self.ita.recover();
        self.judge(&self.pinned(), &evidence)
    }

    /// What a token with changed claims leads to, properly signed.
    pub(super) fn saying(
        &self,
        verifier: &ItaVerifier,
        change: impl FnOnce(&mut Value),
    ) -> Result<ItaVerdict, Refusal> {
        self.judge(verifier, &self.evidence(change))
    }
}

#[test]
fn a_token_of_either_algorithm_and_layout_is_accepted_and_says_what_it_rests_on() {
    let bench = Bench::new();
    for layout in [Layout::One, Layout::Two] {
        for (signing, form) in [(Signing::Ps384, "PS384"), (Signing::Rs256, "RS256")] {
            bench.ita.speak(layout, signing);
            let vouched = bench.saying(&bench.pinned(), |_| {}).unwrap();
            assert_eq!(vouched.verdict.tcb, TcbStatus::UpToDate);
            assert!(vouched.form.starts_with(form), "{}", vouched.form);
            assert!(vouched.pinned);
            assert!(vouched.revocation.len() == 2 && vouched.revocation.iter().all(|one| one.unknown.is_none()));
            let findings = judge("q", &Ok(vouched), None, false);
            assert!(findings.iter().all(|finding| finding.status == Status::Pass), "{findings:#?}");
        }
    }
}

#[test]
fn every_forgery_is_refused_by_its_own_name() {
    let bench = Bench::new();
    let cases: [(Fault, Step, &str); 21] = [
        (Fault::Expired, Step::Token, "the token expired at "),
        (Fault::NotYetValid, Step::Token, "the token is not valid before "),
        (Fault::IssuedInFuture, Step::Token, "the token was issued at "),
        (Fault::LongLived, Step::Token, "the token is valid for 31536000 seconds"),
        (
            Fault::OtherIssuer,
            Step::Token,
            "the token is issued by `https://portal.example`, expected https://portal.sandbox",
        ),
        (Fault::AlgNone, Step::Form, "the token's algorithm is `none`, expected PS384 or RS256"),
        (Fault::AlgHs256, Step::Form, "the token's algorithm is `HS256`, expected PS384 or RS256"),
        (Fault::Crit, Step::Form, "the token's header has `crit`"),
        (Fault::UnknownKid, Step::Form, "the token names the key 0000"),
        (Fault::TwoKeys, Step::Form, "the key set has several keys named "),
        (Fault::OtherClaims, Step::Token, "the token's signature is not valid"),
        (Fault::KeyUnlikeLeaf, Step::Certificates, "the token's key is not the one in its certificate"),
        (Fault::LeafRevoked, Step::Certificates, "Signer,O=merotee sandbox is revoked (serial "),
        (Fault::AuthorityRevoked, Step::Certificates, "Signing CA,O=merotee sandbox is revoked (serial "),
        (Fault::LeafExpired, Step::Certificates, "Token Signer,O=merotee sandbox is valid from "),
        (Fault::ListExpired, Step::Certificates, "the revocation list from "),
        (Fault::ListForged, Step::Certificates, "the revocation list from "),
        (Fault::OtherRoot, Step::Certificates, "the token's key is certified under another root (SHA-256 "),
        (Fault::Debuggable, Step::Claims, "the token calls the TD debuggable: tdx_is_debuggable"),
        (Fault::Tcb("OK"), Step::Tcb, "the token's TCB status is `OK`, which is not one that Intel documents"),
        (Fault::Tcb("Revoked"), Step::Tcb, "the token says that the platform's TCB is revoked"),
    ];
    for (fault, step, says) in cases {
        let refusal = bench.with(fault).expect_err(says);
        assert!(refusal.to_string().contains(says), "{fault:?}: {refusal}");
        assert_eq!(refusal.step(), step, "{fault:?}: {refusal}");
        let findings = judge("q", &Err(refusal), None, false);
        let failed = findings.iter().filter(|finding| finding.status == Status::Fail).count();
        assert_eq!(failed, 1, "{fault:?}: {findings:#?}");
    }
    assert!(bench.saying(&bench.pinned(), |_| {}).is_ok(), "the same bench without a fault");
}

#[test]
fn each_claim_is_compared_with_the_quote_and_each_that_a_verdict_needs_must_be_there() {
    let bench = Bench::new();
    let required = [
        "tdx_mrtd",
        "tdx_rtmr0",
        "tdx_rtmr1",
        "tdx_rtmr2",
        "tdx_rtmr3",
        "tdx_report_data",
        "tdx_mrseam",
        "tdx_td_attributes",
    ];
    let compared = [
        "tdx_mrsignerseam",
        "tdx_mrconfigid",
        "tdx_mrowner",
        "tdx_mrownerconfig",
        "tdx_tee_tcb_svn",
        "tdx_xfam",
        "tdx_seam_attributes",
    ];
    for layout in [Layout::Two, Layout::One] {
        bench.ita.speak(layout, Signing::Ps384);
        for claim in required.into_iter().chain(compared) {
            let refusal = bench.with(Fault::Claim(claim)).unwrap_err();
            let Refusal::Mismatch(mismatches) = &refusal else { panic!("{claim}: {refusal}") };
            let [one] = mismatches.as_slice() else { panic!("{mismatches:?}") };
            assert!(one.claim == claim && one.found.starts_with("5a5a") && one.expected != one.found, "{one:?}");
            let findings = judge("q", &Err(refusal), None, false);
            assert!(findings.iter().any(|f| f.check == "ita-claims" && f.message.contains(claim)), "{findings:#?}");
        }
        for claim in required.into_iter().chain(["attester_tcb_status"]) {
            assert_eq!(bench.with(Fault::NoClaim(claim)), Err(Refusal::MissingClaim(claim)));
        }
        for claim in compared {
            assert!(bench.with(Fault::NoClaim(claim)).is_ok(), "{claim}");
        }
    }
    for claim in ["iss", "iat", "exp"] {
        assert_eq!(bench.with(Fault::NoClaim(claim)), Err(Refusal::MissingClaim(claim)));
    }
    assert!(bench.with(Fault::NoClaim("nbf")).is_ok());
}

#[test]
fn several_claims_that_differ_are_all_named() {
    let bench = Bench::new();
    bench.ita.fail(Fault::Claim("tdx_rtmr0"));
    let refusal = bench.with(Fault::Claim("tdx_rtmr3")).unwrap_err();
    assert_eq!(refusal.to_string(), "the token is about another quote: tdx_rtmr0 and tdx_rtmr3 differ");
}

#[test]
fn a_policy_counts_only_when_it_is_matched_and_none_is_unmatched() {
    let bench = Bench::new();
    let id: PolicyId = POLICY.parse().unwrap();
    let other = "00000000-0000-4000-8000-000000000000";
    let asking = bench.pinned().asking(vec![id.clone()]);
    let say = |matched: Value, unmatched: Value| {
        bench.saying(&asking, |claims| {
            claims["policy_ids_matched"] = matched;
            claims["policy_ids_unmatched"] = unmatched;
        })
    };
    let accepted = say(json!([{ "id": POLICY, "version": "v1" }]), json!([])).unwrap();
    assert_eq!(accepted.matched, std::slice::from_ref(&id));
    assert!(say(json!([POLICY.to_uppercase()]), Value::Null).is_ok(), "an id alone, in capitals");
    assert_eq!(say(json!([]), json!([])), Err(Refusal::NotMatched(id.clone())));
    assert_eq!(say(json!([{ "id": other }]), json!([])), Err(Refusal::NotMatched(id.clone())));
    assert_eq!(say(Value::Null, Value::Null), Err(Refusal::NotMatched(id)));
    let unmatched = say(json!([{ "id": POLICY }]), json!([{ "id": other, "version": "v1" }]));
    assert_eq!(unmatched, Err(Refusal::Unmatched(vec![other.to_owned()])));
    assert!(matches!(say(json!("all"), json!([])), Err(Refusal::MalformedClaim { claim: "policy_ids_matched", .. })));
    // Who asks for none is told of none.
    let none = bench.saying(&bench.pinned(), |claims| claims["policy_ids_unmatched"] = json!([{ "id": other }]));
    assert!(none.is_ok());
}

#[test]
fn a_root_that_is_not_pinned_is_announced_and_a_list_that_is_missing_is_said() {
    let bench = Bench::new();
    let mut evidence = bench.evidence(|_| {});
    let vouched = bench.judge(&ItaVerifier::new(PORTAL), &evidence).unwrap();
    let root = merotee::digest::Sha256::of(bench.ita.root_der()).to_string();
    assert!(!vouched.pinned && vouched.root == root);
    let findings = judge("q", &Ok(vouched), None, false);
    assert!(findings[0].status == Status::Warn && findings[0].message.contains(&root), "{findings:#?}");

    evidence.lists[1].outcome = Err("the server answered 404 (not found)".to_owned());
    let vouched = bench.judge(&bench.pinned(), &evidence).unwrap();
    let unknown: Vec<_> =
        vouched.revocation.iter().filter(|one| one.unknown.is_some()).map(ToString::to_string).collect();
    let [one] = unknown.as_slice() else { panic!("{unknown:?}") };
    assert!(
        one.contains("Token Signer") && one.ends_with("/crl/signing.crl: the server answered 404 (not found)"),
        "{one}"
    );

    evidence.lists.clear();
    let vouched = bench.judge(&bench.pinned(), &evidence).unwrap();
    assert_eq!(vouched.revocation.iter().filter(|one| one.unknown.is_some()).count(), 2);
    let findings = judge("q", &Ok(vouched), None, false);
    assert_eq!(findings[0].status, Status::Warn);
}

#[test]
fn what_comes_in_a_lists_place_is_refused_and_a_list_of_another_authority_proves_nothing() {
    let bench = Bench::new();
    let mut evidence = bench.evidence(|_| {});
    let good = evidence.lists.clone();
    evidence.lists[0].outcome = Ok(b"<html>not found</html>".to_vec());
    assert!(matches!(bench.judge(&bench.pinned(), &evidence), Err(Refusal::RevocationList { .. })));
    // The root's list in place of the signing authority's.
    evidence.lists = good;
    evidence.lists[1].outcome = evidence.lists[0].outcome.clone();
    let vouched = bench.judge(&bench.pinned(), &evidence).unwrap();
    assert_eq!(vouched.revocation.iter().filter(|one| one.unknown.is_some()).count(), 1);
}

#[test]
fn opinions_are_formed_by_tokens_that_count_alone() {
    let bench = Bench::new();
    let opinion = |fault| ItaVerifier::opinion(&bench.with(fault));
    assert_eq!(opinion(Fault::Tcb("OutOfDate")), Opinion::Accepts(TcbStatus::OutOfDate));
    for fault in [Fault::Expired, Fault::AlgNone, Fault::OtherRoot, Fault::OtherClaims] {
        assert_eq!(opinion(fault), Opinion::Unknown, "{fault:?}");
    }
    assert!(matches!(opinion(Fault::Claim("tdx_mrtd")), Opinion::Refuses(_)));
}

#[test]
fn a_debuggable_machine_is_refused_unless_it_is_allowed_by_name() {
    let bench = Bench::new();
    let allowing = bench.pinned().allow_debug(true);
    let debuggable = |claims: &mut Value| claims["tdx"]["dbgstat"] = json!("enabled");
    assert_eq!(bench.saying(&bench.pinned(), debuggable), Err(Refusal::Debuggable("dbgstat")));
    assert!(bench.saying(&allowing, debuggable).is_ok());
    let word = bench.saying(&bench.pinned(), |claims| claims["tdx"]["tdx_is_debuggable"] = json!("no"));
    assert!(matches!(word, Err(Refusal::MalformedClaim { claim: "tdx_is_debuggable", .. })));
}

#[test]
fn no_single_character_of_a_token_can_be_changed() {
    let bench = Bench::new();
    let verifier = bench.pinned();
    let evidence = bench.evidence(|_| {});
    let length = evidence.token.len();
    // Every 23rd character: all of a token would take a minute.
    for at in (0..length).step_by(23).chain([length - 1]) {
        let mut token = evidence.token.clone().into_bytes();
        token[at] = if token[at] == b'A' { b'B' } else { b'A' };
        let changed = Evidence { token: String::from_utf8(token).unwrap(), ..evidence.clone() };
        assert!(bench.judge(&verifier, &changed).is_err(), "character {at}");
    }
}

#[test]
fn a_moment_before_its_end_and_its_beginning_decides() {
    let bench = Bench::new();
    let evidence = bench.evidence(|_| {});
    let at = |seconds: u64| bench.pinned().verify(&bench.quote, &evidence, seconds);
    let start = bench.seconds();
    assert!(at(start + 359).is_ok(), "300 seconds and 60 of leeway");
    assert!(matches!(at(start + 360), Err(Refusal::Expired { .. })));
    assert!(at(start - 60).is_ok());
    assert!(matches!(at(start - 61), Err(Refusal::NotYetValid { .. })));
}
