use super::{registers::Hues, *};

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
