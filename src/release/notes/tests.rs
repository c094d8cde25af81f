//! Notes of each class.

use super::*;

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
    let documentation = include_str!("../notes.rs");
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
    for body in ["", "<!-- to do -->", "### Details", "TBD", "- TODO", "---", "**FIXME**"] {
        assert_eq!(failed(&with(body), Class::Stable), ["the section `Changelog` is empty"], "{body:?}");
    }
    for body in ["None.", "### Details\n- a fix", "```\nmerotee --version\n```"] {
        assert_eq!(failed(&with(body), Class::Stable), Vec::<String>::new(), "{body:?}");
    }
}

#[test]
fn a_release_candidate_may_be_short_but_is_told_when_it_says_nothing() {
    let status = |notes| notes_sections("n", notes, Class::Rc).iter().map(|f| f.status).collect::<Vec<_>>();
    assert_eq!(status("For testing."), [Status::Pass]);
    assert_eq!(status("<!-- x -->"), [Status::Warn]);
}
