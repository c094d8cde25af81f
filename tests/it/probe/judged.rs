//! `probe run` with a key of Intel Trust Authority: two judges, who must agree.

use merotee::sandbox::ita::{API_KEY, Fault, POLICY};

use super::{json, swept::Site};
use crate::binary::{Place, Run, statuses};

/// A probe that Intel Trust Authority judges too.
fn probe(site: &Site, out: &str) -> Run {
    let root = site.world.ita_root();
    let run = site.probe(out, &["--ita-api-url", site.world.ita_api_url(), "--format", "json"]);
    let run = run.args(["--ita-portal-url", site.world.ita_portal_url()]);
    run.args(["--ita-root".as_ref(), root.as_os_str()]).env("ITA_API_KEY", API_KEY).run()
}

#[test]
fn a_probe_that_both_judges_accept_says_so_and_one_on_which_they_differ_proposes_nothing() {
    let site = Site::start();
    let run = probe(&site, "agreed").expect(0);
    assert_eq!(statuses(&run.report(), "verifiers-agree"), ["pass"]);
    let source = &json(&site.place, "agreed/measurement-policy-candidates.json")["source"];
    assert_eq!(source["judged_by"], serde_json::json!(["dcap", "ita"]));
    assert!(!run.stdout.contains(API_KEY) && !run.stderr.contains(API_KEY));
    // Intel's collateral says that the firmware is up to date, and its service that it is not.
    site.world.ita().fail(Fault::Tcb("OutOfDate"));
    let run = probe(&site, "differ").expect(10);
    assert_eq!(statuses(&run.report(), "verifiers-agree"), ["fail"]);
    assert_eq!(
        site.place.names("differ"),
        ["attestation-quote.bin", "attestation-quote.json", "probe-journal.jsonl", "probe-report.md"]
    );
    assert_eq!(site.world.phala().machines(), [], "its machine is gone all the same");
}

#[test]
fn a_probe_without_a_key_is_judged_by_dcap_alone_and_one_that_demands_more_is_refused() {
    let site = Site::start();
    site.probe("alone", &[]).run().expect(0);
    let judges = |out: &str| {
        json(&site.place, &format!("{out}/measurement-policy-candidates.json"))["source"]["judged_by"].clone()
    };
    assert_eq!(judges("alone"), serde_json::json!(["dcap"]));
    // An empty variable is none.
    site.probe("empty", &[]).env("ITA_API_KEY", "").run().expect(0);
    assert_eq!(judges("empty"), serde_json::json!(["dcap"]));
    for demand in [&["--ita"][..], &["--ita-policy-id", POLICY]] {
        site.probe("none", demand).run().expect(2).says(&["--ita needs a key", "set ITA_API_KEY"]);
    }
    // A key for a service whose keys cannot be found is no reason to go without it.
    let elsewhere = ["--ita-api-url", "https://api.example"];
    site.probe("none", &elsewhere).env("ITA_API_KEY", API_KEY).run().expect(2).says(&["--ita-portal-url"]);
    // There is no token yet for a nonce that is still to be made.
    site.probe("none", &["--ita-token", "t"]).run().expect(2).says(&["unexpected argument '--ita-token'"]);
    assert!(!site.place.path("none").exists(), "a folder is made for a probe that begins");
    assert_eq!(site.world.ita().seen(), []);
}

#[test]
fn probes_in_the_sandbox_are_judged_by_the_sandboxs_authority_which_can_be_spoilt() {
    let place = Place::new();
    let probe = ["probe", "run", "--profile", "locked-read-only", "--family"];
    for family in ["kms", "node"] {
        let run = |kind: &str, out: &str| place.tampered(kind, probe).args([family, "--out", out]).run();
        let good = format!("{family}-good");
        place.sandbox(probe).args([family, "--out", &good]).run().expect(0).says(&["[PASS] verifiers-agree"]);
        let bad = format!("{family}-bad");
        run("ita-claim-rtmr2", &bad).expect(10).says(&["tdx_rtmr2 differs from the quote's", "verifiers-agree"]);
        assert!(!place.path(&bad).join("measurement-policy-candidates.json").exists());
        // The service cannot be asked: there is no verdict, and the machine is gone all the same.
        let run = run("ita-unavailable", &format!("{family}-none")).expect(1);
        run.says(&["503", "[PASS] probe-teardown"]);
    }
    let dry = place.tampered("ita-expired", probe).args(["kms", "--dry-run"]).run();
    dry.expect(2).says(&["which this command asks nothing of"]);
}
