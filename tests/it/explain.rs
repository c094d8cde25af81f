//! `merotee explain`: the page of checks at a terminal.

use crate::binary::Place;

#[test]
fn a_check_is_explained_as_on_the_page() {
    let place = Place::new();
    let run = place.merotee(["explain", "profile-isolation"]).run().expect(0);
    assert!(run.stdout.starts_with("## profile-isolation\n\n- **Detects:** "), "{}", run.stdout);
    assert_eq!(run.stdout.matches("\n## ").count(), 0, "only this check: {}", run.stdout);
    run.says(&["**Why it matters:**", "**What to do:**", "**Rule:**"]);
}

#[test]
fn without_a_check_the_ids_are_listed_and_each_can_be_asked_for() {
    let place = Place::new();
    let list = place.merotee(["explain"]).run().expect(0);
    let ids: Vec<&str> = list.stdout.lines().collect();
    assert!(ids.len() > 50 && ids.contains(&"checksum") && ids.contains(&"kms-key"), "{ids:?}");
    for id in [ids[0], ids[ids.len() - 1]] {
        place.merotee(["explain", id]).run().expect(0).says(&[&format!("## {id}")]);
    }
}

#[test]
fn an_unknown_check_is_a_usage_error_that_names_the_nearest_one() {
    let place = Place::new();
    let near = [("profile-isolaton", "profile-isolation"), ("CHECKSUM", "checksum"), ("sboms", "sbom")];
    for (wrong, right) in near {
        let run = place.merotee(["explain", wrong]).run().expect(2);
        run.says(&[&format!("there is no check `{wrong}`"), &format!("the nearest is `{right}`")]).without_product();
    }
    place.merotee(["explain", "\u{1b}[2J"]).run().expect(2).without_product();
}
