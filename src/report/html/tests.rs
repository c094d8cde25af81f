//! What the page says first, and what its style sheet may do.

use super::{registers::Hues, *};
use crate::report::Finding;

#[test]
fn the_policy_of_the_page_lets_in_its_own_style_sheet_and_nothing_else() {
    let shell = Shell::new(String::new(), "", "good");
    assert_eq!(shell.style_hash.len(), "sha256-".len() + 44);
    assert!(!STYLE.contains('<') && !STYLE.contains("url(") && !STYLE.contains("@import"));
}

#[test]
fn every_colour_of_a_class_is_in_the_style_sheet() {
    let hues: Vec<usize> = (0..8).map(|column| Hues::default().next(column)).collect();
    for hue in hues {
        assert!(STYLE.contains(&format!(".value.h{hue}")));
    }
    for tone in ["good", "bad", "care", "plain"] {
        assert!(STYLE.contains(&format!("\n.{tone} {{")));
    }
}

#[test]
fn what_was_not_checked_is_counted_apart_and_warnings_are_left_to_a_person() {
    use Status::{Fail, Pass, Skipped, Warn};
    let said = |statuses: &[Status]| {
        let section = |status: &Status| Section {
            findings: vec![Finding::new("checksum", *status, "a", "")],
            ..Section::new("one")
        };
        lead(&Report { sections: statuses.iter().map(section).collect(), ..Report::default() })
    };
    assert_eq!(said(&[Pass, Pass]), "All 2 passed every required check.");
    assert_eq!(said(&[Pass, Warn]), format!("All 2 passed every required check. {JUDGEMENT}"));
    assert_eq!(said(&[Pass, Pass, Skipped]), "2 of 3 passed every required check. 1 was not checked.");
    assert_eq!(said(&[Fail, Pass, Skipped, Skipped]), "1 of 4 did not pass. 2 were not checked.");
    assert_eq!(said(&[Skipped, Skipped]), "Nothing here was checked.");
}

/// Where a table is a list of cards, the title of a card stands where its labels do.
#[test]
fn the_title_of_a_card_is_indented_no_further_than_its_labels() {
    let narrow = STYLE.split_once("(max-width: 37.5rem)").map(|(_, rest)| rest).unwrap_or_default();
    assert!(narrow.contains("tbody th:first-child, tbody td:first-child { padding-left: 0; }"));
}
