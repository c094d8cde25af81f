//! The pipeline of `docs/policies.md`, walked as it stands there, from quotes of the sandbox's machines to a policy that a
//! KMS may load; and the exact place that is named for everything that must not get into one.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use merotee::{
    attestation::{
        measurement::Register,
        quote::Quote,
        verdict::{Collateral, DcapVerifier},
    },
    policy::{
        candidates::{CANDIDATES, CANDIDATES_AGREE},
        suite,
    },
    sandbox::{
        boot::Boot,
        documents::published_mrtds,
        tdx::{Platform, QuoteRequest},
    },
    subject::{profile::Profile, tag::Tag},
};
use serde_json::{Value, json};

use crate::binary::Place;

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policies.md")).unwrap()
}

fn section<'p>(page: &'p str, title: &str) -> &'p str {
    let start = page.find(&format!("\n## {title}\n")).unwrap_or_else(|| panic!("no section {title}"));
    page[start + 1..].split("\n## ").next().unwrap()
}

/// The command lines of the first `console` block.
fn pipeline(section: &str) -> Vec<&str> {
    let block = section.split("```console\n").nth(1).unwrap().split("```").next().unwrap();
    block.lines().filter(|line| !line.is_empty()).collect()
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

/// A quote of the sample KMS of `profile`, over a nonce of its own.
fn kms_quote(platform: &Platform, profile: Profile, nonce: u8) -> Vec<u8> {
    let registers = Boot::of_release(&tag("mero-kms-v1.2.0"), profile).registers();
    platform.quote(&QuoteRequest::new(registers, [nonce; 64]))
}

/// What a probe writes of a machine: nothing that its quote, verified, does not prove.
fn probed(platform: &Platform, quote: &[u8], profile: Profile, now: u64) -> Value {
    let quote = Quote::parse(quote).unwrap();
    let collateral = Collateral::from_json(platform.collateral_json().unwrap().as_bytes()).unwrap();
    let verdict = DcapVerifier::new(platform.root_der()).unwrap().verify(&quote, &collateral, now).unwrap();
    let mut lists = json!({"allowed_tcb_statuses": [verdict.tcb.as_str()], "allowed_event_payload": ["ab".repeat(32)]});
    for register in Register::ALL {
        lists[format!("allowed_{}", register.as_str())] = json!([quote.report.registers.get(register).to_string()]);
    }
    json!({"schema_version": 1, "generated_at": "2025-10-01T00:00:00Z", "measurement_source": "td_quote",
           "profile": profile.as_str(), "policy": lists})
}

/// Everything that the pipeline starts from.
fn inputs() -> Place {
    let place = Place::new();
    let now = Timestamp::now();
    let platform = Platform::new(7, now).unwrap();
    for profile in Profile::ALL {
        for probe in [1, 2] {
            let quote = kms_quote(&platform, profile, probe);
            let candidates = probed(&platform, &quote, profile, now.as_second() as u64);
            place.write(&format!("probe-{profile}-{probe}.json"), candidates.to_string());
        }
    }
    let attest = json!({"quoteB64": STANDARD.encode(kms_quote(&platform, Profile::LockedReadOnly, 3)), "eventLog": []});
    place.write("attest.json", attest.to_string());
    place.write("published-mrtds.json", published_mrtds(&tag("mero-tee-v1.2.0")).to_string());
    place.write("collateral.json", platform.collateral_json().unwrap());
    place.write("root.der", platform.root_der());
    place
}

#[test]
fn the_documented_pipeline_leads_from_two_probes_a_profile_to_a_policy_that_a_kms_may_load() {
    let page = page();
    let lines = pipeline(section(&page, "From probes to a policy"));
    let names: Vec<_> = lines.iter().map(|line| line.split_whitespace().take(3).collect::<Vec<_>>()).collect();
    let starts = ["gen-policy", "policy", "quote", "merod-config"];
    assert_eq!(names.iter().map(|words| words[1]).collect::<Vec<_>>(), starts);
    let place = inputs();
    for line in &lines {
        let words: Vec<_> = line.split_whitespace().skip(1).collect();
        place.merotee(words).run().expect(0);
    }
    for profile in Profile::ALL {
        let text = place.read(&format!("policies/attestation-policy-{profile}.json"));
        let policy: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&policy["status"], &policy["tag"]), (&json!("ready"), &json!("1.2.0")));
        let kms = Boot::of_release(&tag("mero-kms-v1.2.0"), profile).registers();
        let node = Boot::of_release(&tag("mero-tee-v1.2.0"), profile).registers();
        for register in Register::ALL {
            let list = |side: &str| policy["policy"][format!("{side}_allowed_{}", register.as_str())].clone();
            assert_eq!(list("kms"), json!([kms.get(register).to_string()]), "{profile} {register}");
            assert_eq!(list("node"), json!([node.get(register).to_string()]), "{profile} {register}");
        }
    }
    // Once more, to the same bytes; and the machine of another profile is not let in.
    let words: Vec<_> =
        lines[0].replace("--out policies", "--out again").split_whitespace().map(str::to_owned).collect();
    place.merotee(&words[1..]).run().expect(0);
    for name in place.names("policies") {
        assert_eq!(place.read(&format!("policies/{name}")), place.read(&format!("again/{name}")));
    }
    let other = lines[2].replace("locked-read-only", "debug");
    place.merotee(other.split_whitespace().skip(1)).run().expect(10).says(&["[FAIL] quote-policy"]);
}

#[test]
fn the_page_says_of_every_check_of_policies_what_it_means() {
    let page = page();
    let rows = section(&page, "What each check means");
    let named: Vec<&str> = rows.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let mut expected: Vec<&str> =
        [CANDIDATES, CANDIDATES_AGREE].iter().chain(&suite::rules()).map(|rule| rule.id).collect();
    assert_eq!(named, std::mem::take(&mut expected));
}

fn edit(place: &Place, name: &str, change: impl FnOnce(&mut Value)) {
    let mut document: Value = serde_json::from_str(&place.read(name)).unwrap();
    change(&mut document);
    place.write(name, document.to_string());
}

/// The lines of a human report that say what failed.
fn failed(stdout: &str) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    stdout.lines().filter(|line| line.starts_with("[FAIL]")).map(words).collect()
}

const DEBUG: &str = "policies/attestation-policy-debug.json";
const LOCKED: &str = "policies/attestation-policy-locked-read-only.json";

#[test]
fn policy_validate_ends_with_10_and_names_the_very_place() {
    let good = inputs();
    let page = page();
    let lines = pipeline(section(&page, "From probes to a policy"));
    good.merotee(lines[0].split_whitespace().skip(1)).run().expect(0);
    let validated = |change: &dyn Fn(&Place)| {
        let place = Place::new();
        for name in good.names("policies") {
            place.write(&format!("policies/{name}"), good.read(&format!("policies/{name}")));
        }
        change(&place);
        failed(&place.merotee(["policy", "validate", "--tag", "mero-kms-v1.2.0", "policies"]).run().expect(10).stdout)
    };
    let list = |list: &'static str, value: Value| {
        move |place: &Place| edit(place, DEBUG, |d| d["policy"][list] = value.clone())
    };
    let says = |check: &str, file: &str, what: &str| format!("[FAIL] {check} {file} {what}");
    assert_eq!(
        validated(&|place| {
            edit(place, DEBUG, |d| {
                for list in ["kms_allowed_rtmr1", "allowed_rtmr1"] {
                    d["policy"][list] = json!([]);
                }
            });
        }),
        [says(
            "policy-measurements",
            DEBUG,
            "debug kms: an empty list; expected at least one value in every list, got nothing in RTMR1"
        )]
    );
    let short = validated(&list("kms_allowed_mrtd", json!(["abcd"])));
    let malformed = "malformed entry at policy.kms_allowed_mrtd[0]; expected a measurement: 96 hex digits (48 bytes), \
                     got \"abcd\"";
    assert!(short.contains(&says("policy-measurements", DEBUG, malformed)), "{short:#?}");
    assert!(short[0].starts_with(&says("schema", DEBUG, "/policy/kms_allowed_mrtd/0: ")), "{short:#?}");
    assert_eq!(
        validated(&list("node_allowed_tcb_statuses", json!(["uptodate", "Revoked"]))),
        [says(
            "policy-tcb",
            DEBUG,
            "debug node: revoked platforms are tolerated; expected any status but revoked, got uptodate, revoked"
        )]
    );
    assert_eq!(
        validated(&|place| edit(place, DEBUG, |d| d["tag"] = json!("1.1.0"))),
        [says("policy-tag", DEBUG, "the policy is for another release; expected 1.2.0, got 1.1.0")]
    );
    let shared = validated(&|place| {
        edit(place, DEBUG, |d| d["policy"]["node_allowed_rtmr3"] = d["policy"]["kms_allowed_rtmr3"].clone());
    });
    let value = Boot::of_release(&tag("mero-kms-v1.2.0"), Profile::Debug).registers().get(Register::Rtmr3).short();
    assert_eq!(
        shared,
        [says(
            "role-separation",
            DEBUG,
            &format!(
                "debug: KMS and node share a value of RTMR3; expected no value of RTMR3 in both kms_ and node_ lists, got {value}"
            )
        )]
    );
    let overlapping = validated(&|place| {
        let debug: Value = serde_json::from_str(&place.read(DEBUG)).unwrap();
        edit(place, LOCKED, |d| d["policy"] = debug["policy"].clone());
    });
    assert_eq!(overlapping.len(), 2);
    for (line, side) in overlapping.iter().zip(["kms", "node"]) {
        let pair = format!("{side}: debug and locked-read-only are not isolated: one machine satisfies both;");
        assert!(line.starts_with(&says("profile-isolation", LOCKED, &pair)), "{line}");
    }
}
