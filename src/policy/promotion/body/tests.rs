//! What a pull request says, whatever the candidates say.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use crate::policy::{fixtures::spoiled, promotion::PROMOTION};

fn row() -> Row {
    Row {
        role: "kms".to_owned(),
        profile: Profile::Debug,
        number: 1,
        candidates_sha256: "ab".repeat(32),
        signer: "kms-phala-staging-probe.yaml @ refs/heads/master".to_owned(),
        verdict: Some("passed".to_owned()),
        image: Some("ghcr.io/o/r@sha256:aa".to_owned()),
        run_url: Some("https://github.com/o/r/actions/runs/7".to_owned()),
    }
}

fn diff() -> Diff {
    let (before, after) = (
        spoiled(Profile::Debug, |_| {}),
        spoiled(Profile::Debug, |document| {
            document["policy"]["kms_allowed_mrtd"] = serde_json::json!(["cd".repeat(48)]);
        }),
    );
    Diff::of("master", "this change", &[before], &[after])
}

#[test]
fn the_probes_are_read_back_from_the_text() {
    let text = render(&[row()], &[], &diff());
    assert_eq!(rows(&text), Some(vec![row()]));
    assert!(text.contains("<https://github.com/o/r/actions/runs/7>"), "{text}");
    assert!(text.contains("## Policy changes: `master` → `this change`"), "{text}");
    for other in [
        "",
        "Rewritten.",
        "<!-- merotee:promotion {} -->",
        "<!-- merotee:promotion {\"schema_version\":2,\"probes\":[]} -->",
    ] {
        assert_eq!(rows(other), None, "{other}");
    }
}

#[test]
fn hostile_words_of_candidates_stay_words() {
    let evil = "--> <img src=x> | @octocat [x](javascript:1) merotee:end";
    let hostile = Row {
        verdict: Some(evil.to_owned()),
        image: Some(evil.to_owned()),
        run_url: Some(format!("https://x/{evil}")),
        ..row()
    };
    let warning = PROMOTION.warn(evil, evil).help(evil);
    let text = render(std::slice::from_ref(&hostile), &[warning], &diff());
    assert_eq!(rows(&text), Some(vec![hostile]));
    let comment_end = text.find("-->").expect("a comment");
    let outside = text.get(comment_end + 3..).expect("the rest");
    // Whatever is not plain stands between backticks.
    let bare: String = outside.split('`').step_by(2).collect();
    for active in ["<img", "@octocat", "javascript", "-->"] {
        assert!(!bare.contains(active), "{active} in {bare}");
    }
}

#[test]
fn a_text_that_is_too_long_is_cut_at_a_line_and_says_so() {
    let after = spoiled(Profile::Debug, |document| {
        let many: Vec<String> = (0..600).map(|n| format!("{n:096x}")).collect();
        document["policy"]["kms_allowed_mrtd"] = serde_json::json!(many);
    });
    let before = spoiled(Profile::Debug, |_| {});
    let text = render(&[row()], &[], &Diff::of("a", "b", &[before], &[after]));
    assert!(text.chars().count() <= MAX_CHARS, "{}", text.chars().count());
    assert!(text.ends_with("compare the branches with `merotee policy diff --git`."));
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
}
