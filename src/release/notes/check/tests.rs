//! Notes of each class.

use super::{super::sections::SECTIONS, *};

/// Notes with every section a hotfix needs.
fn complete() -> String {
    SECTIONS.iter().map(|s| format!("## {}\n\nWhat there is to tell.\n\n", s.heading)).collect()
}

fn failed(notes: &str, class: Class) -> Vec<String> {
    let findings = notes_sections("release notes", notes, class);
    assert!(!findings.is_empty());
    findings.into_iter().filter(|f| f.status == Status::Fail).map(|f| f.message).collect()
}

#[test]
fn complete_notes_pass_with_a_finding_for_each_section() {
    assert_eq!(failed(&complete(), Class::Hotfix), Vec::<String>::new());
    assert_eq!(notes_sections("n", &complete(), Class::Hotfix).len(), 9);
    assert_eq!(notes_sections("n", &complete(), Class::Stable).len(), 5);
}

#[test]
fn every_missing_section_fails_by_itself() {
    for section in &SECTIONS {
        let notes = complete().replace(&format!("## {}\n", section.heading), "## Something else\n");
        let expected = format!("the section `{}` is missing", section.heading);
        assert_eq!(failed(&notes, Class::Hotfix), [expected]);
    }
    assert_eq!(failed("", Class::Stable).len(), 5);
    assert_eq!(failed("", Class::Hotfix).len(), 9);
}

#[test]
fn every_documented_heading_is_accepted_and_no_heading_means_two_sections() {
    let documentation = include_str!("../sections.rs");
    for section in &SECTIONS {
        assert!(section.accepted.contains(&words(section.heading).as_str()), "{}", section.heading);
    }
    let rows: Vec<_> = documentation.lines().filter(|l| l.starts_with("//! |")).skip(2).collect();
    assert_eq!(rows.len(), SECTIONS.len());
    for (row, section) in rows.iter().zip(&SECTIONS) {
        let headings: Vec<_> = row.split('|').nth(2).unwrap_or_default().split(',').map(words).collect();
        assert_eq!(headings, section.accepted, "{row}");
    }
    let mut all: Vec<_> = SECTIONS.iter().flat_map(|s| s.accepted).collect();
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn headings_are_compared_by_their_words() {
    for heading in [
        "# CHANGELOG",
        "###### **Changelog**",
        "## 1. Changelog (since 1.1.0)",
        "## 📝 What’s Changed:",
        "Changelog\n====",
    ] {
        let notes = complete().replace("## Changelog", heading);
        assert_eq!(failed(&notes, Class::Stable), Vec::<String>::new(), "{heading}");
    }
    for heading in ["## Changelogs", "Changelog", "    ## Changelog", "```\n## Changelog\n```", "<!-- ## Changelog -->"]
    {
        let notes = complete().replace("## Changelog", heading);
        assert_eq!(failed(&notes, Class::Stable), ["the section `Changelog` is missing"], "{heading}");
    }
}

#[test]
fn a_section_without_text_is_empty_and_text_of_deeper_headings_counts() {
    let with = |body: &str| complete().replacen("What there is to tell.", body, 1);
    for body in [
        "",
        "<!-- to do -->",
        "### Details",
        "---",
        "<br>",
        "&nbsp;&#160;",
        "[1]: https://x\n\n![](a.png)",
        "<div hidden>x</div>",
        "- [ ]",
        "`TODO`",
    ] {
        assert_eq!(failed(&with(body), Class::Stable), ["the section `Changelog` is empty"], "{body:?}");
    }
    for body in ["TBD", "tbd", "- TODO", "**FIXME**", "- [ ] TODO: write this", "| TODO | TBD |", "todo: later"] {
        assert_eq!(failed(&with(body), Class::Stable), ["the section `Changelog` was never filled in"], "{body:?}");
    }
    for body in ["None.", "### Details\n- a fix", "```\nmerotee --version\n```", "`<b>`", "- [x] a fix", "<p>a fix</p>"]
    {
        assert_eq!(failed(&with(body), Class::Stable), Vec::<String>::new(), "{body:?}");
    }
}

#[test]
fn a_release_candidate_may_be_short_but_is_told_when_it_says_nothing() {
    let status = |notes| notes_sections("n", notes, Class::Rc).iter().map(|f| f.status).collect::<Vec<_>>();
    assert_eq!(status("For testing."), [Status::Pass]);
    assert_eq!(status("<!-- x -->"), [Status::Warn]);
}

#[test]
fn a_gap_is_refused_wherever_it_stands_and_whatever_else_the_section_says() {
    let with = |body: &str| complete().replacen("What there is to tell.", body, 1);
    for gap in [
        "<!-- merotee:gap changelog -->",
        "**TODO:** tell it",
        "- TBD",
        "> FIXME: why",
        "1. TBA:",
        "* __TODO__.",
        "None, (TODO: check with Ada)",
        "Text. **TODO:** write the rest.",
    ] {
        for body in [format!("A fix.\n\n{gap}"), format!("{gap}\n\nA fix."), format!("### Details\n{gap}\nA fix.")] {
            assert_eq!(failed(&with(&body), Class::Stable), ["the section `Changelog` has a gap"], "{body:?}");
        }
    }
    let marked = "<!-- merotee:gap changelog -->\n**TODO:** tell it";
    assert_eq!(failed(&with(marked), Class::Stable), ["the section `Changelog` was never filled in"]);
    let elsewhere = format!("<!-- merotee:gap summary -->\n\n{}\n## Thanks\n\nTODO: names\n", complete());
    let expected = ["a gap is left before the first heading", "a gap is left under `Thanks`"];
    assert_eq!(failed(&elsewhere, Class::Hotfix), expected);
    assert_eq!(failed("# Notes\n\nFor testing.\n\nTODO\n", Class::Rc), ["a gap is left under `Notes`"]);
    for said in ["The TODO list is done.", "- todo is a word", "- `TODO: x` is gone", "TODOs are gone", "TBDX: a"] {
        assert_eq!(failed(&with(said), Class::Stable), Vec::<String>::new(), "{said}");
    }
}

#[test]
fn the_image_is_judged_by_the_same_call_where_the_release_has_one() {
    let (digest, another) = ("a".repeat(64), [format!("sha256:{}", "b".repeat(64))]);
    let pinned = format!("`ghcr.io/o/kms@sha256:{digest}`\n\n{}", complete());
    let checks = |notes: &str, image| {
        let findings = check("n", notes, Demands { class: Class::Stable, image });
        findings.into_iter().filter(|f| f.status == Status::Fail).map(|f| f.check).collect::<Vec<_>>()
    };
    let image = |stated| Some(DemandedImage { name: "ghcr.io/o/kms", stated });
    assert_eq!(checks(&pinned, image(&[])), [""; 0]);
    assert_eq!(checks(&complete(), None), [""; 0]);
    assert_eq!(checks(&complete(), image(&[])), ["notes-image"]);
    assert_eq!(checks(&pinned, image(&another)), ["notes-image"]);
    assert_eq!(checks(&pinned.replace("## Changelog", "## Else"), image(&[])), ["notes-sections"]);
}

#[test]
fn a_heading_that_is_shown_as_it_is_typed_is_no_heading() {
    for (before, after) in [("<pre>", "</pre>"), ("<details>", "</details>"), ("1. ```", "   ```")] {
        let typed = if before.starts_with('<') { "## Changelog\nA fix." } else { "   ## Changelog\n   A fix." };
        let notes = complete().replace("## Changelog\n", &format!("{before}\n{typed}\n{after}\n"));
        assert_eq!(failed(&notes, Class::Stable), ["the section `Changelog` is missing"], "{before}");
    }
}
