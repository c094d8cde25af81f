//! The page that `--format html` makes: what stands where, where it leads, and how it behaves in a browser.

mod chromium;

use merotee::report::{Finding, Format, Report, Section, Status, Style, render};

use crate::binary::Place;

const KMS: &str = "mero-kms-v1.2.0";

/// A page of the sandbox's release, spoiled in a way or not.
fn page(place: &Place, kind: Option<&str>, tag: &str) -> String {
    let command = ["verify-release-assets", tag, "--format", "html"];
    match kind {
        Some(kind) => place.tampered(kind, command).run().expect(10).stdout,
        None => place.sandbox(command).run().expect(0).stdout,
    }
}

/// Two states of a release's policies, compared.
fn difference(place: &Place, from: &str, to: &str) -> String {
    let folder = |tag: &str| place.kept(tag).join(tag).display().to_string();
    let (from, to) = (folder(from), folder(to));
    place.merotee(["policy", "diff", &from, &to, "--format", "html"]).run().expect(0).stdout
}

fn rendered(report: &Report) -> String {
    let mut out = Vec::new();
    render(Format::Html, report, &Style::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Asserts that the texts stand in the page in this order.
#[track_caller]
fn in_order(page: &str, texts: &[&str]) {
    let mut rest = page;
    for text in texts {
        let found = rest.find(text).unwrap_or_else(|| panic!("`{text}` does not follow, in {page}"));
        rest = &rest[found + text.len()..];
    }
}

/// The attribute's values, in the order of the page.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    page.split(&start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn the_verdict_comes_first_then_what_failed_and_what_to_do_then_what_it_rests_on() {
    let place = Place::new();
    in_order(
        &page(&place, Some("payload-byte"), KMS),
        &[
            "<h1>mero-kms-v1.2.0</h1>",
            "FAILED",
            "<nav ",
            ">What failed</h2>",
            "id=\"mero-kms-v1.2.0.checksum.sbom.spdx.json\"",
            "<dt>expected</dt><dd>sha256:",
            "<dt>got</dt><dd>sha256:",
            "What to do:",
            ">Assets</h2>",
            "FAIL",
            ">Registers by profile</h2>",
            ">Signatures</h2>",
            "<svg ",
            "while the certificate was valid",
            ">Passed checks</h2>",
            "<details>",
            "</footer>",
        ],
    );
    let clean = page(&place, None, KMS);
    assert!(clean.contains("Every required check passed.") && !clean.contains("What failed"));
}

#[test]
fn one_release_makes_a_small_page_without_script_image_or_request() {
    let page = page(&Place::new(), None, KMS);
    assert!(page.len() < 200_000, "{} bytes", page.len());
    for part in ["<script", "<img", "<iframe", "<link", "src=", "url(", "@import", " style=", "javascript:", "onclick"]
    {
        assert!(!page.contains(part), "{part}");
    }
    let policy = "default-src &#39;none&#39;; style-src &#39;sha256-";
    assert!(page.contains("default-src 'none'; style-src 'sha256-"), "{policy}");
}

#[test]
fn findings_keep_their_anchors_whatever_else_is_found() {
    let place = Place::new();
    let anchor = "mero-kms-v1.2.0.checksum.sbom.spdx.json";
    let alone = page(&place, Some("payload-byte"), KMS);
    let both = page(&place, Some("payload-byte"), "1.2.0");
    for page in [&alone, &both] {
        assert_eq!(attributes(page, "id").iter().filter(|id| **id == anchor).count(), 1);
    }
    let twice = |subject: &str| Finding::new("schema", Status::Fail, subject, "");
    let section = || Section { findings: vec![twice("a"), twice("a")], ..Section::new("one") };
    let page = rendered(&Report { sections: vec![section(), section()], ..Report::default() });
    let mut ids = attributes(&page, "id");
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "{ids:?}");
}

#[test]
fn every_link_leads_into_the_page_or_to_https() {
    let place = Place::new();
    for page in [page(&place, Some("payload-byte"), "1.2.0"), rendered(&crate::renderers::everything())] {
        let ids = attributes(&page, "id");
        for link in attributes(&page, "href") {
            match link.strip_prefix('#') {
                Some(target) => assert!(ids.contains(&target), "{link} leads nowhere"),
                None => assert!(link.starts_with("https://"), "{link}"),
            }
        }
    }
}

#[test]
fn a_signer_and_a_log_entry_lead_to_their_pages_where_they_are_public() {
    let page = rendered(&crate::renderers::everything());
    let workflow = "https://github.com/calimero-network/mero-tee/blob/refs/tags/mero-kms-v1.2.0/.github/workflows/release-kms-phala.yaml";
    for address in ["https://search.sigstore.dev/?logIndex=123456789", workflow] {
        assert!(attributes(&page, "href").contains(&address), "{address}");
    }
    // The sandbox's log is not the public one.
    let sandbox = self::page(&Place::new(), None, KMS);
    assert!(!sandbox.contains("search.sigstore.dev"));
}

/// The class and the letter of each value in the row of a profile.
fn values<'a>(page: &'a str, profile: &str) -> Vec<(&'a str, &'a str)> {
    let row = page.split(&format!("<th scope=\"row\" class=\"name\">{profile}<")).nth(1).unwrap();
    let row = row.split("</tr>").next().unwrap();
    let value = |rest: &'a str| {
        let class = rest.split('"').next().unwrap();
        let letter = rest.split_once("<b>").map_or("", |(_, after)| after.split('<').next().unwrap());
        (class, letter)
    };
    row.split("<span class=\"")
        .filter(|rest| rest.starts_with("value ") || rest.starts_with("value\""))
        .map(value)
        .collect()
}

#[test]
fn a_shared_register_has_one_letter_and_one_colour_and_others_have_none() {
    let place = Place::new();
    let clean = page(&place, None, KMS);
    let (debug, locked) = (values(&clean, "debug"), values(&clean, "locked-read-only"));
    assert_eq!((debug.len(), debug[0]), (5, locked[0]), "MRTD is shared");
    assert!(debug[0].0.starts_with("value h") && debug[0].1 == "A", "{debug:?}");
    assert_eq!((debug[4], locked[4]), (("value", ""), ("value", "")), "RTMR3 is each profile's own");
    assert!(clean.contains("policy and published"), "equal rows of a profile are one");
    let mixed = page(&place, Some("policy-not-isolated"), KMS);
    let (debug, locked) = (values(&mixed, "debug"), values(&mixed, "locked-read-only"));
    assert_eq!(debug[4], locked[4]);
    assert!(debug[4].0.starts_with("value h") && !debug[4].1.is_empty(), "{debug:?}");
    let across = page(&place, Some("role-overlap"), KMS);
    assert!(across.contains("Shared by both roles:") && !clean.contains("Shared by both roles:"));
}

#[test]
fn several_releases_begin_with_a_table_that_leads_to_each() {
    let page = page(&Place::new(), Some("payload-byte"), "1.2.0");
    in_order(
        &page,
        &["1 of 2 did not pass.", "id=\"subjects\"", "href=\"#mero-kms-v1.2.0\"", "FAILED", "checksum", "</table>"],
    );
    in_order(
        &page,
        &["</table>", "<h2 id=\"mero-kms-v1.2.0\">", "What failed", "<details", "<h2 id=\"mero-tee-v1.2.0\">"],
    );
}

#[test]
fn a_policy_diff_shows_first_what_is_newly_admitted_with_its_lists_before_and_after() {
    let page = difference(&Place::new(), "mero-kms-v1.1.0", KMS);
    in_order(
        &page,
        &[
            "<h1>Policy changes</h1>",
            "NEWLY ADMITS",
            ">Newly admitted</h2>",
            "newly admits",
            "<th scope=\"col\">Before</th>",
            "<th scope=\"row\">MRTD</th>",
            "class=\"shown gone\"",
            "class=\"shown new\"",
            "Values in full",
        ],
    );
    let same = difference(&Place::new(), KMS, KMS);
    assert!(same.contains("NO DIFFERENCE") && !same.contains("class=\"shown new\""));
}

#[test]
fn hostile_names_in_a_policy_diff_stay_text() {
    let place = Place::new();
    let policy = |value: &str| {
        let registers: String = (0..4).map(|n| format!("\"kms_allowed_rtmr{n}\": [],")).collect();
        format!(
            r#"{{"schema_version": 1, "role": "kms", "profile": "debug", "tag": "1.2.0", "kind": "{value}",
                "policy": {{{registers} "kms_allowed_mrtd": ["{}"], "kms_allowed_tcb_statuses": ["uptodate"]}}}}"#,
            "ab".repeat(48)
        )
    };
    let name = "<img src=x onerror=alert(1)>\u{202e}.json";
    place.write(&format!("old/{name}"), policy("<b>"));
    place.write(&format!("new/{name}"), policy("\\u202e<script>alert(1)</script>"));
    let page = place.merotee(["policy", "diff", "old", "new", "--format", "html"]).run().expect(0).stdout;
    assert!(page.contains("&#60;img src=x onerror=alert(1)&#62;\\u{202e}.json"), "{page}");
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains('\u{202e}'));
}
