//! `probe run --ita`: two judges, who must agree.

use merotee::sandbox::ita::{API_KEY, Fault};

use super::{json, swept::Site};
use crate::binary::{Run, statuses};

/// A probe that Intel Trust Authority judges too.
fn probe(site: &Site, out: &str) -> Run {
    let root = site.world.ita_root();
    let run = site.probe(out, &["--ita", "--ita-api-url", site.world.ita_api_url(), "--format", "json"]);
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
fn a_probe_in_the_sandbox_is_judged_by_the_sandboxs_authority() {
    let place = crate::binary::Place::new();
    let words = ["probe", "run", "--family", "kms", "--profile", "locked-read-only", "--ita", "--out", "out"];
    place.sandbox(words).run().expect(0).says(&["[PASS] verifiers-agree"]);
}
