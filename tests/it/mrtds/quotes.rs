//! A machine that is compared by its quote: in every form, verified or not.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use merotee::{
    attestation::measurement::TcbStatus,
    sandbox::{
        boot::Boot,
        documents::published_mrtds,
        tdx::{DEBUG, Fault, Platform, QuoteRequest, QuoteVersion, SEPT_VE_DISABLE},
    },
    subject::{profile::Profile, tag::Tag},
};
use serde_json::json;

use crate::binary::{BINARY, Invocation, Place, statuses};

/// 2026-03-01T00:00:00Z.
const NOW: &str = "1772323200";
const UNVERIFIED: &str = "the quote is not verified: its registers are claims";

fn platform() -> Platform {
    Platform::new(7, Timestamp::from_second(NOW.parse().unwrap()).unwrap()).unwrap()
}

fn tag() -> Tag {
    "mero-tee-v1.2.0".parse().unwrap()
}

/// A quote of a node of the sample release's debug profile.
fn request() -> QuoteRequest {
    QuoteRequest::new(Boot::of_release(&tag(), Profile::Debug).registers(), [7; 64])
}

/// The release's measurements, a quote of `platform`, and what to verify it by.
fn place(platform: &Platform, request: &QuoteRequest) -> Place {
    let place = Place::new();
    place.write("published-mrtds.json", published_mrtds(&tag()).to_string());
    place.write("quote.bin", platform.quote(request));
    place.write("collateral.json", platform.collateral_json().unwrap());
    place.write("root.der", platform.root_der());
    place
}

fn compare<'p>(place: &'p Place, file: &str, profile: &str) -> Invocation<'p> {
    let words =
        ["mrtds", "verify-runtime", "--quote", file, "--expected", "published-mrtds.json", "--profile", profile];
    place.merotee(words)
}

fn verified<'p>(place: &'p Place, profile: &str) -> Invocation<'p> {
    compare(place, "quote.bin", profile).args(["--collateral", "collateral.json", "--root", "root.der", "--at", NOW])
}

#[test]
fn a_quote_that_nothing_is_given_to_verify_by_is_compared_in_every_form_and_never_passes() {
    let (platform, request) = (platform(), request());
    let place = place(&platform, &request);
    let quote = platform.quote(&request);
    let (hex, b64) = (hex::encode(&quote), STANDARD.encode(&quote));
    place.write("quote.hex", &hex);
    place.write("quote.b64", &b64);
    place.write("kms.json", json!({"quoteB64": b64, "eventLog": []}).to_string());
    place.write("node.json", json!({"data": {"quoteB64": b64}}).to_string());
    place.write("dstack.json", json!({"quote": hex, "event_log": "[]"}).to_string());
    for (file, form) in [
        ("quote.bin", "form binary"),
        ("quote.hex", "form hex"),
        ("quote.b64", "form base64"),
        ("kms.json", "form KMS attest response"),
        ("node.json", "form node attest response"),
        ("dstack.json", "form dstack GetQuote response"),
    ] {
        let run = compare(&place, file, "debug").args(["--tag", "mero-tee-v1.2.0"]).run().expect(1);
        let agreed = "measures as debug and as no other profile, but the quote is not proven genuine";
        let run = run.says(&[form, UNVERIFIED, "no collateral was given, so the quote is not verified", agreed]);
        assert!(!run.stdout.contains("[PASS]"), "{}", run.stdout);
        compare(&place, file, "locked-read-only").run().expect(10).says(&["it is the value of debug", UNVERIFIED]);
    }
    let piped =
        format!("{BINARY} mrtds compare-mdma --quote - --expected published-mrtds.json --profile debug < quote.b64");
    place.program("sh", ["-c", &piped]).run().expect(1).says(&["standard input", "form base64", UNVERIFIED]);
    let report = compare(&place, "quote.bin", "debug").args(["--format", "json"]).run().expect(1).report();
    for check in ["quote-collateral", "quote-signature", "quote-tcb", "quote-debug", "runtime-profile"] {
        assert_eq!(statuses(&report, check), ["skipped_required"], "{check}");
    }
    assert_eq!(statuses(&report, "runtime-register"), ["skipped_required"; 5]);
    assert_eq!(report["sections"][0]["facts"]["evidence"], "a quote, not verified");
}

#[test]
fn a_quote_of_every_version_that_verifies_proves_its_registers() {
    let platform = platform();
    for version in QuoteVersion::ALL {
        let place = place(&platform, &request().version(version));
        let report = verified(&place, "debug").args(["--format", "json"]).run().expect(0).report();
        for check in ["quote-collateral", "quote-signature", "quote-tcb", "quote-debug", "runtime-profile"] {
            assert_eq!(statuses(&report, check), ["pass"], "{version:?} {check}");
        }
        assert_eq!(statuses(&report, "runtime-register"), ["pass"; 5]);
        assert_eq!(report["sections"][0]["facts"]["evidence"], "a quote, verified");
        let caveats = report["caveats"].to_string();
        assert!(caveats.contains("root.der") && caveats.contains("--at") && !caveats.contains("claims"), "{caveats}");
    }
}

#[test]
fn agreement_of_a_quote_that_is_not_genuine_is_no_pass_and_a_difference_still_fails() {
    for fault in [Fault::BadQuoteSignature, Fault::WrongRoot, Fault::RevokedPck, Fault::ExpiredTcbInfo] {
        let place = place(&platform().with_fault(fault).unwrap(), &request());
        let report = verified(&place, "debug").args(["--format", "json"]).run().expect(10).report();
        assert_eq!(statuses(&report, "runtime-register"), ["skipped_required"; 5], "{fault:?}");
        assert_eq!(statuses(&report, "runtime-profile"), ["skipped_required"], "{fault:?}");
        verified(&place, "debug").run().expect(10).says(&["but the quote is not proven genuine"]);
        let other = verified(&place, "locked-read-only").args(["--format", "json"]).run().expect(10).report();
        assert!(statuses(&other, "runtime-register").contains(&"fail"), "{fault:?}");
    }
}

#[test]
fn a_td_under_debug_fails_verified_or_not() {
    let request = QuoteRequest { attributes: SEPT_VE_DISABLE | DEBUG, ..request() };
    let place = place(&platform(), &request);
    let line = "[FAIL] quote-debug       quote.bin  the TD runs in debug mode: attributes 0100001000000000 (DEBUG, SEPT_VE_DISABLE)";
    compare(&place, "quote.bin", "debug")
        .run()
        .expect(10)
        .says(&["[FAIL] quote-debug", "attributes 0100001000000000 (DEBUG, SEPT_VE_DISABLE)"]);
    let run = verified(&place, "debug").run().expect(10);
    assert!(run.stdout.lines().any(|l| l.split_whitespace().eq(line.split_whitespace())), "{}", run.stdout);
}

#[test]
fn the_releases_list_decides_which_tcb_status_is_tolerated() {
    let platform = platform().with_status(TcbStatus::OutOfDate, &["INTEL-SA-00001"]).unwrap();
    let place = place(&platform, &request());
    let mut published = published_mrtds(&tag());
    for (tolerated, code, status) in [("uptodate", 10, "fail"), ("outofdate", 0, "warn")] {
        published["profiles"]["debug"]["allowed_tcb_statuses"] = json!([tolerated]);
        place.write("published-mrtds.json", published.to_string());
        let report = verified(&place, "debug").args(["--format", "json"]).run().expect(code).report();
        assert_eq!(statuses(&report, "quote-tcb"), [status], "{tolerated}");
    }
}

#[test]
fn words_that_leave_open_what_is_compared_are_usage_errors() {
    let place = place(&platform(), &request());
    let with = |words: &[&str]| {
        let all = [&["mrtds", "verify-runtime", "--expected", "published-mrtds.json", "--profile", "debug"], words];
        place.merotee(all.concat()).run().expect(2).without_product()
    };
    with(&[]).says(&["--measurements", "--quote"]);
    with(&["--quote", "quote.bin", "--measurements", "m.txt"]);
    with(&["--measurements", "m.txt", "--collateral", "collateral.json"]);
    with(&["--quote", "quote.bin", "--root", "root.der"]);
    with(&["--quote", "quote.bin", "--pointer", "/a"]);
    place.write("text", "hello, world!");
    compare(&place, "text", "debug").run().expect(1).without_product().says(&["text: no quote that can be read"]);
}
