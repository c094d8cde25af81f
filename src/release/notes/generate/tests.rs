//! Notes of every class, complete and with gaps, and what hostile words come to.

use proptest::prelude::*;

use super::*;
use crate::{
    attestation::measurement::{Allowed, Measurement, Registers},
    release::notes::{
        DemandedImage, Demands,
        changes::changes,
        check,
        commit::{Commit, Person},
        image::pinned,
    },
    report::Status,
};

const IMAGE: &str = "ghcr.io/calimero-network/mero-kms-phala";

fn tag(text: &str) -> Tag {
    text.parse().unwrap_or_else(|e| unreachable!("{e}"))
}

fn repository() -> Repository {
    "calimero-network/mero-tee".parse().unwrap_or_else(|e| unreachable!("{e}"))
}

fn commit(number: usize, message: &str) -> Commit {
    let id = |number: usize| format!("{number:040x}");
    Commit {
        id: id(number),
        parents: vec![id(number + 1)],
        author: Person { name: "Ada Lovelace".into(), email: "ada@example.org".into() },
        message: message.into(),
        files: Vec::new(),
    }
}

/// Changes with these messages, newest first.
fn history(messages: &[&str]) -> Vec<Change> {
    let commits: Vec<Commit> = messages.iter().enumerate().map(|(number, m)| commit(number, m)).collect();
    changes(&commits, &format!("{:040x}", 0), |_| false).0
}

/// Measurements in which every register of a profile is one byte, repeated.
fn measured(of: impl Fn(Profile, usize) -> u8) -> Measurements {
    Measurements::of(Profile::ALL.map(|profile| {
        let mut index = 0;
        let registers = Registers::from_fn(|_| {
            index += 1;
            vec![Measurement::from_bytes([of(profile, index); 48])]
        });
        (profile, Allowed::new(registers, Vec::new()))
    }))
}

fn facts<'a>(tag: &'a Tag, repository: &'a Repository, class: Class, changes: &'a [Change]) -> Facts<'a> {
    Facts {
        tag,
        class,
        repository,
        server: "https://github.com",
        previous: None,
        changes,
        left_out: 0,
        files: &[],
        images: Images::default(),
        measured: Known::No("there is no --dir".into()),
        measured_before: Known::No("there is no --previous-dir".into()),
        compatible: Known::No("there is no catalog".into()),
        admitted: None,
    }
}

/// Everything that can be known of a KMS release.
fn complete<'a>(tag: &'a Tag, previous: &'a Tag, repository: &'a Repository, changes: &'a [Change]) -> Facts<'a> {
    let pair = |version: &str, tested| Pair {
        tag: Tag::new(tag.family().counterpart(), version.parse().unwrap_or_else(|e| unreachable!("{e}"))),
        profiles: Profile::ALL.to_vec(),
        tested,
        notes: Some("see <b>docs</b>".into()),
    };
    Facts {
        previous: Some(previous),
        images: Images {
            name: Some(IMAGE.into()),
            production: Some(format!("sha256:{}", "c".repeat(64))),
            profiles: vec![(Profile::Debug, format!("sha256:{}", "d".repeat(64)))],
        },
        measured: Known::Yes(measured(|profile, index| if profile == Profile::Debug && index > 4 { 9 } else { 1 })),
        measured_before: Known::Yes(measured(|_, _| 1)),
        compatible: Known::Yes(vec![pair("1.3.1", true), pair("1.2.0", false)]),
        admitted: Some(measured(|_, _| 7)),
        ..facts(tag, repository, Class::Stable, changes)
    }
}

fn problems(notes: &str, class: Class, image: bool) -> Vec<String> {
    let image = image.then_some(DemandedImage { name: IMAGE, stated: &[] });
    let findings = check("notes", notes, Demands { class, image });
    findings.into_iter().filter(|f| f.status != Status::Pass).map(|f| f.message).collect()
}

/// The notes with every gap written by a person.
fn filled(notes: &str) -> String {
    let kept = notes.lines().filter(|line| !line.starts_with(GAP));
    kept.map(|line| if line.starts_with("**TODO:**") { "Written by a person." } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_complete_stable_release_leaves_only_what_people_must_write() {
    let (tag, previous, repository) = (tag("mero-kms-v1.3.0"), tag("mero-kms-v1.2.0"), repository());
    let changes =
        history(&["feat(kms)!: a new answer (#12)\n\nBREAKING CHANGE: the answer has another form", "fix: x (#11)"]);
    let notes = generate(&complete(&tag, &previous, &repository, &changes));
    assert_eq!(problems(&notes, Class::Stable, true), ["the section `Upgrade path` was never filled in"]);
    assert_eq!(problems(&filled(&notes), Class::Stable, true), [""; 0]);
    assert_eq!(pinned(&notes, IMAGE), Some(format!("{IMAGE}@sha256:{}", "c".repeat(64))), "one image alone");
    for line in [
        "Changes since [mero-kms-v1.2.0](https://github.com/calimero-network/mero-tee/compare/mero-kms-v1.2.0...mero-kms-v1.3.0): 2 changes in 2 commits.",
        "- the answer has another form ([#12](https://github.com/calimero-network/mero-tee/pull/12))",
        "- kms: a new answer — breaking ([#12](https://github.com/calimero-network/mero-tee/pull/12))",
        "Changed since mero-kms-v1.2.0: RTMR3 of debug.",
        "| mero-tee-v1.3.1 | all | yes | see `<b>docs</b>` |",
        "| mero-tee-v1.2.0 | all | no | see `<b>docs</b>` |",
        "- Ada Lovelace",
    ] {
        assert!(notes.lines().any(|found| found == line), "no {line:?} in\n{notes}");
    }
    let heading = |text: &str| notes.find(&format!("## {text}\n")).unwrap_or_else(|| unreachable!("{text}"));
    assert!(heading("Breaking changes") < heading("Changelog"), "what breaks comes first");
    assert!(heading("Features") < heading("Fixes"));
}

#[test]
fn what_cannot_be_filled_in_is_a_gap_of_its_own_and_each_is_refused_by_itself() {
    let (tag, repository, changes) = (tag("mero-kms-v1.3.1"), repository(), history(&["fix: x"]));
    let notes = generate(&Facts {
        images: Images { name: Some(IMAGE.into()), ..Images::default() },
        ..facts(&tag, &repository, Class::Hotfix, &changes)
    });
    let left = problems(&notes, Class::Hotfix, true);
    for heading in [
        "Breaking changes",
        "Upgrade path",
        "MRTD/RTMR changes",
        "Compatible counterpart versions",
        "CVE or incident reference",
        "Rollback instructions",
        "Why a patch was needed",
    ] {
        assert!(left.contains(&format!("the section `{heading}` was never filled in")), "{heading}: {left:?}");
    }
    assert!(
        left.contains(&"a gap is left under `Image`".to_owned())
            && left.contains(&"the notes name no image".to_owned())
    );
    assert_eq!(left.len(), 9, "the changelog and the exact change are written: {left:?}");
    assert_eq!(problems(&filled(&notes), Class::Hotfix, false), [""; 0]);
    for section in ["upgrade-path", "measurements", "rollback", "reason", "incident", "counterpart", "image"] {
        assert!(notes.contains(&format!("{GAP}{section} -->")), "{section}");
    }
}

#[test]
fn a_release_candidate_has_no_gaps_and_says_what_there_is() {
    let (tag, repository, changes) = (tag("mero-tee-v1.3.0-rc.1"), repository(), history(&["feat: x", "feat!: y"]));
    let notes = generate(&facts(&tag, &repository, Class::Rc, &changes));
    assert_eq!(problems(&notes, Class::Rc, false), [""; 0]);
    assert!(!notes.contains("TODO") && notes.contains("## Breaking changes") && !notes.contains("MRTD"), "{notes}");
    let previous = self::tag("mero-tee-v1.2.0");
    let known = Facts {
        measured: Known::Yes(measured(|_, _| 3)),
        previous: Some(&previous),
        ..facts(&tag, &repository, Class::Rc, &changes)
    };
    let notes = generate(&known);
    assert!(notes.contains("Those of mero-tee-v1.2.0 are not known: there is no --previous-dir."), "{notes}");
    assert_eq!(problems(&notes, Class::Rc, false), [""; 0]);
}

#[test]
fn a_hotfix_names_its_flaw_its_exact_change_and_its_files() {
    let (tag, previous, repository) = (tag("mero-kms-v1.2.1"), tag("mero-kms-v1.2.0"), repository());
    let changes = history(&["fix: bound the log (#40)\n\nCVE-2025-12345"]);
    let files = ["mero-kms/src/log.rs".to_owned(), "x\u{202e}y.rs".to_owned()];
    let facts = Facts { class: Class::Hotfix, files: &files, ..complete(&tag, &previous, &repository, &changes) };
    let notes = generate(&facts);
    for line in [
        "- CVE-2025-12345: bound the log ([#40](https://github.com/calimero-network/mero-tee/pull/40))",
        "### Security",
        "2 files differ from mero-kms-v1.2.0:",
        "- `mero-kms/src/log.rs`",
        "- `x\\u{202e}y.rs`",
    ] {
        assert!(notes.lines().any(|found| found == line), "no {line:?} in\n{notes}");
    }
    let expected = ["Breaking changes", "Upgrade path", "Rollback instructions", "Why a patch was needed"];
    assert_eq!(
        problems(&notes, Class::Hotfix, true),
        expected.map(|s| format!("the section `{s}` was never filled in"))
    );
}

#[test]
fn registers_without_a_value_and_documents_that_are_not_there_leave_a_gap() {
    let (tag, previous, repository, changes) =
        (tag("mero-tee-v1.3.0"), tag("mero-tee-v1.2.0"), repository(), history(&["fix: x"]));
    let with = |measured, before: Known<Measurements>| {
        let facts = Facts {
            previous: Some(&previous),
            measured,
            measured_before: before,
            ..facts(&tag, &repository, Class::Stable, &changes)
        };
        problems(&generate(&facts), Class::Stable, false)
    };
    let gap = |problems: &[String]| problems.iter().any(|p| p.starts_with("the section `MRTD/RTMR changes`"));
    let whole = || Known::Yes(measured(|_, _| 1));
    assert!(!gap(&with(whole(), whole())));
    assert!(gap(&with(whole(), Known::No("x".into()))));
    assert!(gap(&with(Known::No("x".into()), whole())));
    assert!(gap(&with(Known::Yes(Measurements::default()), whole())));
    let first = Facts { measured: whole(), ..facts(&tag, &repository, Class::Stable, &changes) };
    assert!(!gap(&problems(&generate(&first), Class::Stable, false)), "the first release has nothing to compare with");
}

#[test]
fn what_is_taken_back_is_listed_as_such_and_still_among_what_breaks() {
    let (tag, repository) = (tag("mero-tee-v1.3.0"), repository());
    let id = format!("{:040x}", 1);
    let revert = format!("Revert \"feat!: x\"\n\nThis reverts commit {id}.");
    let changes = history(&[&revert, "feat!: x", "Revert \"old\"\n\nThis reverts commit 0123456789."]);
    let notes = generate(&facts(&tag, &repository, Class::Stable, &changes));
    assert!(notes.contains("### Taken back\n\n- x — breaking ([`000000000`]"), "{notes}");
    assert!(
        notes.contains("### Reverts\n\n- Revert `\"old\"` (") || notes.contains("### Reverts\n\n- Revert \"old\" ("),
        "{notes}"
    );
    assert!(!notes.contains("### Features"));
    assert!(notes.contains("## Breaking changes\n\n- x ([`000000000`]"), "{notes}");
    let breaking = notes.lines().find(|line| line.starts_with("- x ("));
    assert!(breaking.is_some_and(|line| line.contains("), taken back by [`000000000`](")), "{notes}");
    let hotfix = generate(&facts(&tag, &repository, Class::Hotfix, &changes));
    let exact = hotfix.split("## Exact change\n").nth(1).unwrap_or_default();
    assert!(exact.lines().any(|line| line.starts_with("- x (") && line.contains("taken back by")), "{hotfix}");
}

#[test]
fn notes_stay_within_what_github_takes_and_say_what_is_left_out() {
    let (tag, previous, repository) = (tag("mero-kms-v1.2.1"), tag("mero-kms-v1.2.0"), repository());
    let message = format!("feat!: {}\n\nBREAKING CHANGE: {}\n\nCVE-2025-12345", "|<@a".repeat(60), "<|>".repeat(200));
    let commits: Vec<String> = (0..2_000).map(|number| format!("{message} {number}")).collect();
    let changes = history(&commits.iter().map(String::as_str).collect::<Vec<_>>());
    let files: Vec<String> = (0..5_000).map(|number| format!("a/very/long/path/of/a/file/{number}.rs")).collect();
    let facts = Facts { class: Class::Hotfix, files: &files, ..complete(&tag, &previous, &repository, &changes) };
    let notes = generate(&facts);
    assert!(notes.chars().count() < 125_000, "{}", notes.chars().count());
    assert!(notes.contains("more changes\n") && notes.contains("5000 files differ"));
    assert_eq!(notes, generate(&facts), "the same facts give the same bytes");
}

/// Words that try to be something else.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<!-- merotee:gap x -->"),
        Just("<!--"),
        Just("-->"),
        Just("# "),
        Just("## Changelog"),
        Just("```"),
        Just("~~~"),
        Just("TODO: "),
        Just("**TBD**"),
        Just("@everyone"),
        Just("#1"),
        Just("![x](http://evil.example/a.png)"),
        Just("[x](javascript:alert(1))"),
        Just("<img src=x onerror=y>"),
        Just("www.evil.example"),
        Just("https://evil.example"),
        Just("`"),
        Just("``"),
        Just("|"),
        Just("\\"),
        Just("\u{202e}"),
        Just("\u{1b}[31m"),
        Just("\r"),
        Just("\t"),
        Just("&lt;"),
        Just("$x^2$"),
        Just(":tada:"),
        Just("feat!: "),
        Just("fix(a): "),
        Just(" (#7)"),
        Just("0123456789abcdef"),
        Just("- "),
        Just("1. "),
        Just("> "),
        Just("---"),
        Just("==="),
        Just("é漢"),
        Just("::error::x"),
        Just("##[error]"),
        Just(" "),
        Just("word"),
        Just("\n"),
        Just("\n\nBREAKING CHANGE: "),
        Just("Co-authored-by: <script> <a@b>\n"),
    ];
    prop::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn complete_notes_pass_once_the_gaps_are_filled_whatever_commits_say(
        messages in prop::collection::vec(hostile(), 1..8), names in prop::collection::vec(hostile(), 1..4), hotfix: bool,
    ) {
        let (tag, previous, repository) = (tag("mero-kms-v1.3.1"), tag("mero-kms-v1.3.0"), repository());
        let commits: Vec<Commit> = messages.iter().enumerate().map(|(number, message)| {
            let name = names.get(number % names.len()).cloned().unwrap_or_default();
            Commit { author: Person { name, email: format!("{number}@x") }, ..commit(number, message) }
        }).collect();
        let changes = changes(&commits, &format!("{:040x}", 0), |_| false).0;
        let class = if hotfix { Class::Hotfix } else { Class::Stable };
        let notes = generate(&Facts { class, ..complete(&tag, &previous, &repository, &changes) });
        // Unfilled, they are refused for gaps and for nothing else; filled, they pass.
        let left = problems(&notes, class, true);
        prop_assert!(!left.is_empty() && left.iter().all(|p| p.ends_with("was never filled in")), "{left:?}\n{notes}");
        prop_assert_eq!(problems(&filled(&notes), class, true), Vec::<String>::new(), "{}", notes);
        // Nothing of the commits' own became markup: what is special stands in code.
        for line in notes.lines() {
            let outside = without_code(line);
            prop_assert!(!outside.contains("<img") && !outside.contains("![") && !outside.contains("@everyone"), "{line}");
            prop_assert!(!outside.contains("evil.example") && !outside.contains("javascript"), "{line}");
            prop_assert!(!line.chars().any(crate::report::escape::is_hidden), "{line}");
        }
    }
}

/// A line without its code spans, as CommonMark reads them.
fn without_code(line: &str) -> String {
    let (mut outside, mut rest) = (String::new(), line);
    while let Some(at) = rest.find('`') {
        let (before, from) = rest.split_at(at);
        outside.push_str(before);
        let run = from.len() - from.trim_start_matches('`').len();
        let body = &from[run..];
        let mut end = None;
        let mut offset = 0;
        while let Some(tick) = body[offset..].find('`') {
            let start = offset + tick;
            let length = body[start..].len() - body[start..].trim_start_matches('`').len();
            if length == run {
                end = Some(start + length);
                break;
            }
            offset = start + length;
        }
        match end {
            Some(end) => rest = &body[end..],
            None => {
                outside.push_str(&from[..run]);
                rest = body;
            }
        }
    }
    outside + rest
}
