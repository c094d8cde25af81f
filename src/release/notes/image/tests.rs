//! Members of the kind "notes that seem to pin the image": each with what must come of it.

use super::*;
use crate::report::Status;

const IMAGE: &str = "ghcr.io/calimero-network/mero-kms-phala";

fn hex() -> String {
    "a1".repeat(32)
}

/// The image, pinned.
fn good() -> String {
    format!("{IMAGE}@sha256:{}", hex())
}

fn judged(notes: &str) -> Vec<Finding> {
    notes_image("release notes", notes, IMAGE, &[])
}

fn statuses(notes: &str) -> Vec<Status> {
    judged(notes).iter().map(|f| f.status).collect()
}

#[test]
fn the_repositorys_image_pinned_where_a_reader_sees_it_passes() {
    let good = good();
    for notes in [
        format!("Image: {good}."),
        format!("Image: **{good}**, and _{good}_"),
        format!("| Container image | `{good}` |"),
        format!("```\ndocker pull {}\n```", good.replace('@', ":1.2.0@")),
        format!("IMAGE={good}\n"),
        format!("    image: \"{good}\""),
        format!("docker://{good} or <https://{good}>"),
        format!("[{good}](https://example.org)"),
        format!("“{good}”…"),
        format!("{good}\nand the tag {IMAGE}:1.2.0"),
        format!("{good}, short {IMAGE}@sha256:a1a1a1a1…"),
        format!(
            "{good}\n\n## Images\n\nMail a@example.org. They lie at {IMAGE}, see crates/mero-kms-phala and mero-kms-phala: fixed."
        ),
        format!("{good}, mirrored as mirror.example/{IMAGE}@sha256:{}", hex()),
        format!("{good} beside ghcr.io/acme/postgres@sha256:{}", "b".repeat(64)),
        format!("{good}\nghcr.io/acme/postgres@sha256:{} (ghcr.io/acme/postgres:16)", "b".repeat(64)),
        format!("{good} for https://github.com/calimero-network/mero-tee/pkgs/container/mero-kms-phala"),
        format!("{good}\n{IMAGE}:1.2.0-debug@sha256:{}", "b".repeat(64)),
    ] {
        let findings = judged(&notes);
        assert!(findings.iter().all(|f| f.status == Status::Pass), "{notes}\n{findings:?}");
    }
    let message = |notes: &str| judged(notes).first().map(|f| f.message.clone());
    assert_eq!(message(&good.replace('@', ":1.2.0@")), Some(format!("pinned as {good}")));
    let two = format!("{good} {}", good.replace("a1", "b1"));
    assert_eq!(message(&two), Some(format!("pinned as {good} and 1 more")));
}

#[test]
fn what_pins_no_image_of_this_repository_fails_and_shows_what_was_there() {
    let (hex, foreign) = (hex(), format!("ghcr.io/acme/postgres@sha256:{}", "b".repeat(64)));
    for (notes, message, got) in [
        (String::new(), "the notes name no image", "no image of ghcr.io".to_owned()),
        (format!("sha256:{hex}"), "the notes name no image", "no image of ghcr.io".to_owned()),
        (format!("Use {IMAGE}:1.2.0."), "the image is named by a mutable tag only", format!("{IMAGE}:1.2.0")),
        (format!("Use {IMAGE}."), "the image is named by a mutable tag only", IMAGE.to_owned()),
        (format!("{IMAGE}:latest {foreign}"), "the image is named by a mutable tag only", format!("{IMAGE}:latest")),
        (format!("docker pull {IMAGE}:1@{hex}"), "the image's digest is malformed", format!("{IMAGE}:1@{hex}")),
        (foreign.clone(), "the notes do not name this repository's image", foreign.clone()),
        (
            format!("{IMAGE}-debug@sha256:{hex}"),
            "the notes do not name this repository's image",
            format!("{IMAGE}-debug@sha256:{hex}"),
        ),
    ] {
        let findings = judged(&notes);
        let seen: Vec<_> = findings.iter().map(|f| (f.status, f.message.as_str(), f.actual.clone())).collect();
        let got = excerpt(&got);
        assert_eq!(seen, [(Status::Fail, message, Some(got))], "{notes}");
    }
}

#[test]
fn a_digest_that_a_registry_would_not_take_is_no_pin() {
    let hex = hex();
    for digest in [
        "sha256:abcd".to_owned(),
        "sha256:abcd…".to_owned(),
        format!("sha256:{}", hex.to_uppercase()),
        format!("SHA256:{hex}"),
        format!("sha256:{hex}a"),
        format!("sha256:{hex}\u{430}"),
        format!("sha256:0x{hex}"),
        format!("sha512:{hex}{hex}"),
        format!("sha256:{hex}@sha256:{hex}"),
        format!("sha256:{hex}%20"),
        hex.clone(),
    ] {
        assert_eq!(statuses(&format!("{IMAGE}@{digest}")), [Status::Fail], "{digest}");
    }
}

/// Members of "another image passes for this repository's": alone they fail, and beside the right pin they fail too.
#[test]
fn another_image_that_passes_for_this_repositorys_fails_even_beside_the_pin() {
    let hex = "b2".repeat(32);
    for name in [
        "ghcr.io/evil/mero-kms-phala",
        "ghcr.io/calimero-network-evil/mero-kms-phala",
        "ghcr.io/calimero-network/mero-tee/mero-kms-phala",
        "ghcr.io/Calimero-Network/mero-kms-phala",
        "ghcr.io/calimero-network/Mero-KMS-Phala",
        "GHCR.IO/calimero-network/mero-kms-phala",
        "docker.io/calimero-network/mero-kms-phala",
        "calimero-network/mero-kms-phala",
        "mero-kms-phala",
        "ghcr.io.evil.example/calimero-network/mero-kms-phala",
        "evil.example/ghcr.io/calimero-network/mero-kms-phala",
        "notghcr.io/calimero-network/mero-kms-phala",
        "https://ghcr.io/calimero-network%2Fmero-kms-phala",
        "gh\u{441}r.io/calimero-network/mero-kms-phala",
        "ghcr.io/calimero-n\u{435}twork/mero-kms-phala",
        "ghcr.io/calimero-network/mero-kms-ph\u{430}la",
        "ghcr.io/calimero-net\u{200b}work/mero-kms-phala",
        "ghcr.io/calimero\u{2010}network/mero-kms-phala",
    ] {
        let notes = format!("Deploy {name}@sha256:{hex}");
        assert_eq!(statuses(&notes), [Status::Fail], "{notes}");
        let both = format!("{}\n\n{notes}", good());
        // One encoded as a URL is not a name that an engine takes.
        let expected = if name.contains('%') { Status::Pass } else { Status::Fail };
        assert!(statuses(&both).contains(&expected), "{both}");
    }
    for notes in ["ghcr.io/evil/mero-kms-phala:latest", "ghcr.io/evil/mero-kms-phala", "docker.io/x/mero-kms-phala:1"] {
        assert!(statuses(&format!("{} {notes}", good())).contains(&Status::Fail), "{notes}");
    }
}

#[test]
fn a_pin_that_no_reader_sees_does_not_count() {
    let good = good();
    for notes in [
        format!("<!-- {good} -->"),
        format!("<!--\n{good}\n-->"),
        format!("[the image](https://{good})"),
        format!("[image]: docker://{good}"),
        format!("![{good}](picture.png)"),
        format!("<span title=\"{good}\"></span>"),
        format!("{IMAGE}:latest <!-- {good} -->"),
    ] {
        assert_eq!(statuses(&notes), [Status::Fail], "{notes}");
    }
    // A reader who follows the link, or reads the source, is misled all the same.
    let evil = good.replace("calimero-network", "evil").replace("a1", "c1");
    for notes in [format!("{good} [pull](docker://{evil})"), format!("{good} <!-- {evil} -->")] {
        assert!(statuses(&notes).contains(&Status::Fail), "{notes}");
    }
}

#[test]
fn what_a_person_should_look_at_beside_the_pin_is_warned_about() {
    let good = good();
    for (notes, got) in [
        (format!("{good}\nghcr.io/o/probe:latest"), "ghcr.io/o/probe:latest".to_owned()),
        (format!("{good}\nghcr.io/calimero-network/mero-kms-phala-debug:1"), format!("{IMAGE}-debug:1")),
        (format!("{good}\n```\ndocker pull {IMAGE}:latest\n```"), format!("{IMAGE}:latest")),
        (format!("{good}\n    image: {IMAGE}:1.2.0"), format!("{IMAGE}:1.2.0")),
        (format!("{good}\n`docker run -d {IMAGE}`"), IMAGE.to_owned()),
        (format!("{good}\n{IMAGE}@sha256:beef"), format!("{IMAGE}@sha256:beef")),
    ] {
        let findings = judged(&notes);
        let seen: Vec<_> = findings.iter().map(|f| (f.status, f.actual.clone())).collect();
        assert_eq!(seen, [(Status::Pass, None), (Status::Warn, Some(got))], "{notes}");
    }
}

#[test]
fn the_pinned_digest_is_one_that_the_release_states() {
    let notes = format!("{} ghcr.io/acme/postgres@sha256:{}", good(), "b".repeat(64));
    let with = |stated: &[String]| notes_image("n", &notes, IMAGE, stated).iter().map(|f| f.status).collect::<Vec<_>>();
    assert_eq!(with(&[format!("sha256:{}", hex())]), [Status::Pass]);
    assert_eq!(with(&[format!("sha256:{}", "c".repeat(64))]), [Status::Pass, Status::Fail]);
}
