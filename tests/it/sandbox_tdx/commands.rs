//! `quote verify` on the platform's evidence, as its users run it: exit code and the very line that says why.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use merotee::{attestation::quote::Quote, digest::Sha256};
use serde_json::json;

use super::*;
use crate::binary::{Place, Run, serve::Serve, statuses};

/// Quote, collateral and root of a platform, as files.
fn files(platform: &Platform, request: &QuoteRequest) -> Place {
    let place = Place::new();
    place.write("quote.bin", platform.quote(request));
    place.write("collateral.json", platform.collateral_json().unwrap());
    place.write("root.der", platform.root_der());
    place
}

fn verify_with(place: &Place, more: &[&str]) -> Run {
    let now = NOW.to_string();
    let words = ["quote", "verify", "quote.bin", "--collateral", "collateral.json", "--root", "root.der", "--at", &now];
    place.merotee(words).args(more).run()
}

fn faulty(fault: Fault) -> Place {
    files(&platform().with_fault(fault).unwrap(), &request(QuoteVersion::V4))
}

/// The lines of a human report with this status.
fn lines<'a>(run: &'a Run, status: &str) -> Vec<&'a str> {
    run.stdout.lines().filter(|line| line.starts_with(status)).collect()
}

#[test]
fn a_quote_of_the_platform_verifies_under_its_root_and_fails_under_intels() {
    let place = files(&platform(), &request(QuoteVersion::V4));
    let run = verify_with(&place, &[]).expect(0);
    assert!(lines(&run, "[FAIL]").is_empty());
    run.says(&["using custom TDX root root.der, not Intel's: nothing proves real hardware"]);
    let now = NOW.to_string();
    let words = ["quote", "verify", "quote.bin", "--collateral", "collateral.json", "--at", &now];
    let run = place.merotee(words).run().expect(10);
    assert_eq!(
        lines(&run, "[FAIL]"),
        ["[FAIL] quote-collateral   quote.bin  the TCB signing chain leads to a root other than the trust root"]
    );
}

#[test]
fn each_fault_ends_with_10_and_one_line_that_says_what_is_wrong() {
    let serial = |index: usize| {
        let quote = Quote::parse(&platform().quote(&request(QuoteVersion::V4))).unwrap();
        quote.certification.chain()[index].serial()
    };
    let expired = |document: &str| format!("quote-collateral   quote.bin  {document} expired at 2026-02-27T23:59:59Z");
    let cases = [
        (Fault::ExpiredTcbInfo, expired("the TCB info")),
        (Fault::ExpiredQeIdentity, expired("the QE identity")),
        (Fault::RevokedPck, {
            let serial = serial(0);
            format!("quote-signature    quote.bin  a certificate of the PCK certificate chain is revoked (serial {serial})")
        }),
        (
            Fault::WrongRoot,
            "quote-collateral   quote.bin  the TCB signing chain leads to a root other than the trust root"
                .to_owned(),
        ),
        (
            Fault::MismatchedFmspc,
            "quote-collateral   quote.bin  the TCB info is for FMSPC 4f5448455231, the quote is from FMSPC 53414e444258"
                .to_owned(),
        ),
        (
            Fault::DebugAttribute,
            "quote-debug        quote.bin  the TD runs in debug mode: attributes 0100001000000000 (DEBUG, SEPT_VE_DISABLE)".to_owned(),
        ),
        (Fault::BadQuoteSignature, "quote-signature    quote.bin  the signature over the quote is not valid".to_owned()),
    ];
    for (fault, line) in cases {
        let run = verify_with(&faulty(fault), &[]).expect(10);
        assert_eq!(lines(&run, "[FAIL]"), [format!("[FAIL] {line}")], "{fault:?}");
    }
}

#[test]
fn the_page_of_the_platform_says_of_every_fault_which_check_fails() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sandbox-tdx.md")).unwrap();
    let spans = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let (mut stated, mut above) = (std::collections::BTreeMap::new(), String::new());
    for row in page.lines().skip_while(|line| !line.starts_with("| fault |")).skip(2).take_while(|l| l.starts_with('|'))
    {
        let cells: Vec<&str> = row.split(" | ").collect();
        if let Some(check) = spans(cells[1]).first() {
            above.clone_from(check);
        }
        stated.extend(spans(cells[0]).into_iter().map(|fault| (fault, above.clone())));
    }
    for fault in Fault::ALL {
        let run = verify_with(&faulty(fault), &[]).expect(10);
        let failed: Vec<_> = lines(&run, "[FAIL]").iter().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
        assert_eq!(failed, [stated.remove(fault.name()).unwrap_or_else(|| panic!("{fault:?} is not in the table"))]);
    }
    assert!(stated.is_empty(), "{stated:?}");
}

#[test]
fn a_debug_td_passes_only_when_it_is_asked_for_by_name() {
    let run = verify_with(&faulty(Fault::DebugAttribute), &["--allow-debug-td"]).expect(0);
    run.says(&["[WARN] quote-debug", "as allowed"]);
}

#[test]
fn each_status_is_said_with_its_advisories_and_a_revoked_one_ends_with_10() {
    for status in TcbStatus::ALL {
        let platform = platform().with_status(status, &["INTEL-SA-00001"]).unwrap();
        let place = files(&platform, &request(QuoteVersion::V4));
        let advised = format!("{status}: INTEL-SA-00001");
        let (code, expected, said) = match status {
            TcbStatus::UpToDate => (0, "pass", advised.as_str()),
            TcbStatus::SwHardeningNeeded
            | TcbStatus::ConfigurationNeeded
            | TcbStatus::ConfigurationAndSwHardeningNeeded
            | TcbStatus::OutOfDate
            | TcbStatus::OutOfDateConfigurationNeeded => (0, "warn", advised.as_str()),
            TcbStatus::Revoked => (10, "fail", "the platform's TCB is revoked"),
        };
        let report = verify_with(&place, &["--format", "json"]).expect(code).report();
        assert_eq!(statuses(&report, "quote-tcb"), [expected], "{status}");
        verify_with(&place, &[]).expect(code).says(&[said]);
    }
}

#[test]
fn what_a_served_sandbox_exports_verifies_from_its_file_and_from_its_service() {
    let serve = Serve::start();
    let place = Place::new();
    let [quote, root, collateral, nonce, pccs] =
        ["MEROTEE_TDX_QUOTE", "MEROTEE_TDX_ROOT", "MEROTEE_TDX_COLLATERAL", "MEROTEE_TDX_NONCE", "PCCS_URL"]
            .map(|name| serve.export(name));
    let words = ["quote", "verify", quote, "--root", root, "--nonce", nonce, "--format", "json"];
    let from_service = place.merotee(words).env("PCCS_URL", pccs).run().expect(0).report();
    let from_file = place.merotee(words).args(["--collateral", collateral, "--offline"]).run().expect(0).report();
    for report in [from_service, from_file] {
        assert_eq!(statuses(&report, "quote-report-data"), ["pass", "pass"], "nonce and default binding");
        assert_eq!(statuses(&report, "quote-tcb"), ["pass"]);
    }
    let wrong = ["quote", "verify", quote, "--root", root, "--nonce", root, "--collateral", collateral];
    place.merotee(wrong).run().expect(2).without_product();
    let other = "00".repeat(32);
    let replay = ["quote", "verify", quote, "--root", root, "--nonce", &other, "--collateral", collateral];
    place.merotee(replay).run().expect(10).says(&["[FAIL] quote-report-data", "the nonce differs"]);
}

#[test]
fn a_second_compose_hash_that_the_quote_vouches_for_is_reported_and_never_taken_for_the_first() {
    let app_compose = br#"{"manifest_version":2,"runner":"docker-compose","docker_compose_file":""}"#;
    let mut events = App::new(*Sha256::of(app_compose).as_bytes()).boot(EventVersion::V1);
    events.push(Event::runtime(EventVersion::V1, "compose-hash", &[0xee; 32]));
    let log = platform().event_log(&events);
    let quote = platform().quote(&QuoteRequest::new(log.registers(measurement(0xaa)), [0; 64]));
    let place = Place::new();
    place.write("app-compose.json", app_compose);
    let attest = |entries: &[serde_json::Value]| {
        place.write("attest.json", json!({"quoteB64": STANDARD.encode(&quote), "eventLog": entries}).to_string());
        place.merotee(["compose-hash", "app-compose.json", "--attest-response", "attest.json", "-v"]).run()
    };
    let run = attest(&log.entries).expect(0);
    assert_eq!(lines(&run, "[PASS] event-log-replay").len(), 4, "{}", run.stdout);
    run.says(&["[PASS] event-log-compose-hash", "entry 7: a `compose-hash` event after system-ready was ignored"]);
    // Left out of the log, it is missed; in place of the first, it is found out.
    let run = attest(&log.entries[..7]).expect(10);
    assert_eq!(lines(&run, "[FAIL]").len(), 1, "{}", run.stdout);
    run.says(&["[FAIL] event-log-replay", "RTMR3 of the quote differs from the replay of the event log"]);
    let mut moved = log.entries.clone();
    moved.swap(2, 7);
    attest(&moved).expect(10).says(&["[FAIL] event-log-replay", "[FAIL] event-log-compose-hash"]);
}
