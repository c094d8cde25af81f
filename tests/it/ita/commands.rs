//! `quote verify --ita` and its relatives, as users run them: exit code and both streams.

use merotee::{
    attestation::measurement::{Measurement, Registers},
    sandbox::{
        ita::{API_KEY, Fault, POLICY},
        tamper::Tamper,
        tdx::{DEBUG, QuoteRequest, SEPT_VE_DISABLE},
        world::{Plan, World},
    },
};
use tokio::runtime::Runtime;

use crate::{
    binary::{Invocation, Place, findings, statuses},
    tampering::document::Document,
};

/// A world that fails as told, and a place to run in.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) place: Place,
    _runtime: Runtime,
}

impl Stage {
    pub(super) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let world = runtime.block_on(World::start(&Plan::default())).unwrap();
        let place = Place::new();
        place.write("quote.bin", std::fs::read(world.tdx_quote()).unwrap());
        Self { world, place, _runtime: runtime }
    }

    /// `quote verify --ita` of a file, everything else as the world has it.
    pub(super) fn verify(&self, file: &str) -> Invocation<'_> {
        self.without_pin(file).args(["--ita-root".as_ref(), self.world.ita_root().as_os_str()])
    }

    pub(super) fn without_pin(&self, file: &str) -> Invocation<'_> {
        let urls = ["--ita-api-url", self.world.ita_api_url(), "--ita-portal-url", self.world.ita_portal_url()];
        let arguments = ["quote", "verify", file, "--pccs", self.world.pccs_url(), "--ita"];
        let root = self.world.tdx_root();
        let invocation = self.place.merotee(arguments).args(urls).args(["--root".as_ref(), root.as_os_str()]);
        invocation.env("ITA_API_KEY", API_KEY).env("MEROTEE_RETRIES", "0")
    }
}

#[test]
fn a_quote_that_both_authorities_accept_passes_with_what_the_token_rests_on() {
    let place = Place::new();
    let run = place.sandbox(["kms", "attest", "--ita", "--ita-policy-id", POLICY, "--format", "json"]).run().expect(0);
    let report = run.report();
    for check in ["ita-certificates", "ita-token", "ita-claims", "ita-tcb", "ita-policy", "verifiers-agree"] {
        assert_eq!(statuses(&report, check), ["pass"], "{check}");
    }
    assert!(!run.stdout.contains(API_KEY) && !run.stderr.contains(API_KEY));
    let human = place.sandbox(["kms", "attest", "--ita"]).run().expect(0);
    human.says(&[
        "ITA root",
        "ITA trace id",
        "[PASS] verifiers-agree",
        "DCAP and Intel Trust Authority both accept the quote, with TCB status uptodate",
    ]);
}

#[test]
fn a_report_without_ita_says_nothing_of_it() {
    let place = Place::new();
    let run = place.sandbox(["kms", "attest", "--format", "json"]).run().expect(0);
    assert!(!findings(&run.report()).iter().any(|finding| finding["check"].as_str().unwrap().starts_with("ita")));
    assert!(!run.stdout.contains("verifiers-agree"));
}

#[test]
fn every_kind_that_spoils_intel_trust_authority_gives_its_code_and_a_sentence() {
    let rows = Document::read().services.into_iter().filter(|row| row.service == "Intel Trust Authority");
    let rows: Vec<_> = rows.collect();
    let kinds = Tamper::all().filter(|kind| kind.of_authority().is_some()).count();
    assert_eq!(rows.len(), kinds, "a row for every kind");
    let stage = Stage::new();
    let ita = stage.world.ita();
    let verify = || stage.verify("quote.bin").args(["--ita-policy-id", POLICY]).run();
    let mut wrong = Vec::new();
    for row in rows {
        ita.fail(Tamper::parse(&row.kind).unwrap().of_authority().unwrap());
        let run = verify();
        ita.recover();
        let shown = run.shown();
        if run.code != row.exit || !shown.contains(&row.says) || shown.contains(API_KEY) {
            wrong.push(format!("{}: documented as {} with {:?}\n{shown}", row.kind, row.exit, row.says));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    verify().expect(0);
}

#[test]
fn what_fails_is_told_under_the_check_it_belongs_to() {
    let stage = Stage::new();
    for (kind, check) in [
        ("ita-expired", "[FAIL] ita-token"),
        ("ita-leaf-revoked", "[FAIL] ita-certificates"),
        ("ita-claim-rtmr3", "[FAIL] ita-claims"),
        ("ita-debuggable", "[FAIL] ita-claims"),
        ("ita-outdated-tcb", "[FAIL] verifiers-agree"),
        ("ita-policy-missing", "[FAIL] ita-policy"),
        ("ita-list-missing", "[WARN] ita-certificates"),
    ] {
        stage.world.ita().fail(Tamper::parse(kind).unwrap().of_authority().unwrap());
        stage.verify("quote.bin").args(["--ita-policy-id", POLICY]).run().says(&[check]);
        stage.world.ita().recover();
    }
}

#[test]
fn a_kind_is_refused_where_it_would_spoil_nothing_and_works_where_it_does() {
    let place = Place::new();
    let spoilt = |kind: &str, words: &[&str]| place.tampered(kind, words).run();
    let run = spoilt("ita-expired", &["kms", "attest"]).expect(2);
    run.says(&["--tamper ita-expired spoils Intel Trust Authority, which this command asks nothing of"]);
    let run = spoilt("ita-policy-missing", &["kms", "attest", "--ita"]).expect(2);
    run.says(&["spoils policies of Intel Trust Authority, which this command asks nothing of"]);
    spoilt("ita-policy-missing", &["kms", "attest", "--ita", "--ita-policy-id", POLICY]).expect(10).says(&[POLICY]);
    spoilt("ita-expired", &["kms", "attest", "--ita"]).expect(10).says(&["the token expired at"]);
}

#[test]
fn a_refused_policy_is_never_asked_for_again_without_it() {
    let stage = Stage::new();
    let unknown = "00000000-0000-4000-8000-000000000000";
    let run = stage.verify("quote.bin").args(["--ita-policy-id", unknown]).run().expect(10);
    run.says(&[
        "[FAIL] ita-token",
        "refuses the quote: one or more policies are unmatched",
        "check that each --ita-policy-id",
    ]);
    let seen = stage.world.ita().seen();
    let asked: Vec<_> = seen.iter().filter(|one| one.path.ends_with("/attest")).collect();
    assert_eq!(asked.len(), 1, "{seen:?}");
    assert_eq!(asked[0].policies, [unknown]);
}

#[test]
fn passing_trouble_is_retried_with_the_same_request() {
    let stage = Stage::new();
    for status in [429, 500, 503] {
        stage.world.ita().fail(Fault::Status(status, 1));
    }
    stage.verify("quote.bin").args(["--retries", "3", "--ita-policy-id", POLICY]).run().expect(0);
    let seen = stage.world.ita().seen();
    let asked: Vec<_> = seen.iter().filter(|one| one.path.ends_with("/attest")).collect();
    assert_eq!(asked.len(), 4, "{seen:?}");
    assert!(asked.iter().all(|one| one.policies == [POLICY]), "{asked:?}");
}

#[test]
fn a_padded_quote_is_sent_without_its_padding_and_accepted() {
    let stage = Stage::new();
    let mut quote = std::fs::read(stage.world.tdx_quote()).unwrap();
    let own = quote.len();
    quote.resize(8_000.max(own + 64), 0);
    stage.place.write("padded.bin", &quote);
    stage.verify("padded.bin").run().expect(0).says(&["[PASS] ita-claims", "[PASS] verifiers-agree"]);
    let seen = stage.world.ita().seen();
    assert_eq!(seen.iter().find_map(|one| one.quote), Some(own), "{seen:?}");
}

#[test]
fn a_root_that_is_not_pinned_is_announced_with_its_digest() {
    let stage = Stage::new();
    let root = merotee::digest::Sha256::of(stage.world.ita().root_der()).to_string();
    let run = stage.without_pin("quote.bin").run().expect(0);
    run.says(&["[WARN] ita-certificates", "no root is pinned for Intel Trust Authority (--ita-root)", &root]);
}

#[test]
fn a_debug_machine_is_refused_by_both_and_accepted_by_both_when_allowed() {
    let stage = Stage::new();
    let registers = Registers::from_fn(|_| Measurement::from_bytes([7; 48]));
    let request = QuoteRequest { attributes: SEPT_VE_DISABLE | DEBUG, ..QuoteRequest::new(registers, [9; 64]) };
    stage.place.write("debug.bin", stage.world.platform().quote(&request));
    stage.verify("debug.bin").run().expect(10).says(&["[FAIL] quote-debug", "[FAIL] ita-claims", "debuggable"]);
    stage.verify("debug.bin").args(["--allow-debug-td"]).run().expect(0).says(&["[PASS] ita-claims"]);
}

#[test]
fn a_saved_token_is_judged_offline_and_as_of_its_own_time() {
    let stage = Stage::new();
    let (ita, now) = (stage.world.ita(), jiff::Timestamp::now());
    let quote = std::fs::read(stage.world.tdx_quote()).unwrap();
    stage.place.write("token.jwt", ita.token(&quote, now, |_| {}).unwrap() + "\n");
    stage.place.write("jwks.json", ita.jwks().unwrap().to_string());
    let [root, signing] = ita.lists(now).unwrap();
    stage.place.write("root.crl", root);
    stage.place.write("signing.crl", signing);
    let offline = |more: &[&str]| {
        let (collateral, roots) = (stage.world.tdx_collateral(), [stage.world.tdx_root(), stage.world.ita_root()]);
        let arguments =
            ["quote", "verify", "quote.bin", "--offline", "--ita-token", "token.jwt", "--ita-jwks", "jwks.json"];
        let invocation = stage.place.merotee(arguments).args(["--ita-portal-url", stage.world.ita_portal_url()]);
        let invocation = invocation.args(["--collateral".as_ref(), collateral.as_os_str()]);
        let invocation = invocation.args(["--root".as_ref(), roots[0].as_os_str()]);
        invocation.args(["--ita-root".as_ref(), roots[1].as_os_str()]).args(more)
    };
    let asked = stage.world.ita().seen().len();
    offline(&[]).run().expect(0).says(&["[WARN] ita-certificates", "its revocation list was not given"]);
    let lists = ["--ita-crl", "root.crl", "--ita-crl", "signing.crl"];
    offline(&lists).run().expect(0).says(&["[PASS] ita-certificates", "[PASS] verifiers-agree"]);
    let later = (now + jiff::SignedDuration::from_mins(10)).to_string();
    offline(&["--at", &later]).run().expect(10).says(&["the token expired at "]);
    offline(&["--at", &now.to_string()]).run().expect(0);
    let before = (now - jiff::SignedDuration::from_mins(10)).to_string();
    offline(&["--at", &before]).run().expect(10).says(&["the token is not valid before "]);
    // A token that someone kept is not made fresh by being judged now.
    let kept = now - jiff::SignedDuration::from_mins(7);
    stage.place.write("token.jwt", ita.token(&quote, kept, |_| {}).unwrap());
    offline(&[]).run().expect(10).says(&["[FAIL] ita-token", "the token expired at "]);
    offline(&["--at", &kept.to_string()]).run().expect(0);
    assert_eq!(stage.world.ita().seen().len(), asked, "nothing was fetched");
}

#[test]
fn what_is_missing_is_said_before_anything_is_asked() {
    let stage = Stage::new();
    let bare = |arguments: &[&str]| stage.place.merotee(["quote", "verify", "quote.bin"]).args(arguments);
    bare(&["--ita"]).run().expect(2).without_product().says(&["--ita needs a key", "set ITA_API_KEY"]);
    bare(&["--ita"]).env("ITA_API_KEY", "").run().expect(2).says(&["set ITA_API_KEY"]);
    let elsewhere = ["--ita", "--ita-api-url", "https://api.example"];
    bare(&elsewhere).env("ITA_API_KEY", "k").run().expect(2).says(&["--ita-portal-url (ITA_PORTAL_URL)"]);
    bare(&["--ita", "--offline", "--cache", "c"]).env("ITA_API_KEY", "k").run().expect(2).says(&["--ita-token FILE"]);
    bare(&["--ita-policy-id", POLICY]).run().expect(2).says(&["--ita"]);
    bare(&["--ita", "--ita-policy-id", "mine"]).run().expect(2).says(&["expected a UUID"]);
    bare(&["--ita-token", "t"]).run().expect(2).says(&["--ita-jwks"]);
    let many = ["--ita-policy-id", POLICY].repeat(11);
    bare(&["--ita"]).args(many).env("ITA_API_KEY", "k").run().expect(2).says(&["10 policies at a time"]);
    stage.place.write("root.pem", "no certificate");
    let pinned = ["--ita", "--ita-root", "root.pem"];
    bare(&pinned).env("ITA_API_KEY", "k").run().expect(2).says(&["root.pem: not a root certificate"]);
    assert_eq!(stage.world.ita().seen(), []);
}
