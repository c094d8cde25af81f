//! `--keep`: what lies where after which verdict, and what is refused.

use std::path::Path;

use serde_json::json;

use super::{KMS, NODE};
use crate::binary::{
    Place, findings,
    loopback::{Answer, Server},
};

const KEEP: [&str; 4] = ["verify-release-assets", KMS, "--keep", "k"];

fn marked(tag: &str) -> String {
    format!("{tag}.NOT-VERIFIED")
}

#[test]
fn a_strange_entry_in_the_folder_is_refused_by_name_before_anything_is_downloaded() {
    type Strange = fn(&Path);
    let kinds: [(&str, Strange); 10] = [
        ("backdoor.tar.gz", |f| std::fs::write(f.join("backdoor.tar.gz"), "x").unwrap()),
        ("checksums.sha256.sig", |f| std::fs::write(f.join("checksums.sha256.sig"), "x").unwrap()),
        ("SBOM.spdx.json", |f| std::fs::write(f.join("SBOM.spdx.json"), "x").unwrap()),
        (".hidden", |f| std::fs::write(f.join(".hidden"), "").unwrap()),
        (".merotee-abc123.part", |f| std::fs::write(f.join(".merotee-abc123.part"), "").unwrap()),
        ("release-notes.txt", |f| std::fs::write(f.join("release-notes.txt"), "").unwrap()),
        ("a\u{1b}[31m", |f| std::fs::write(f.join("a\u{1b}[31m"), "").unwrap()),
        ("sub", |f| std::fs::create_dir(f.join("sub")).unwrap()),
        ("sbom.spdx.json (not a regular file)", |f| std::fs::create_dir(f.join("sbom.spdx.json")).unwrap()),
        #[cfg(unix)]
        ("checksums.sha256 (not a regular file)", |f| {
            std::os::unix::fs::symlink("/etc/passwd", f.join("checksums.sha256")).unwrap();
        }),
    ];
    for (name, make) in kinds {
        let place = Place::new();
        let folder = place.path("k").join(KMS);
        std::fs::create_dir_all(&folder).unwrap();
        make(&folder);
        let before = place.names(&format!("k/{KMS}"));
        let run = place.sandbox(KEEP).run().expect(2).without_product();
        let shown = name.replace('\u{1b}', "");
        assert!(shown.split("[31m").all(|part| run.stderr.contains(part)), "{name}: {}", run.stderr);
        assert!(!run.stderr.contains('\u{1b}'), "{:?}", run.stderr);
        assert_eq!((place.names("k"), place.names(&format!("k/{KMS}"))), (vec![KMS.to_owned()], before), "{name}");
    }
}

#[test]
fn only_what_passed_lies_under_the_releases_own_name() {
    for (kind, code) in [("payload-byte", 10), ("asset-unlisted", 10), ("asset-missing", 11), ("asset-unfinished", 11)]
    {
        let place = Place::new();
        let run = place.tampered(kind, KEEP).run().expect(code);
        assert!(!place.path("k").join(KMS).exists(), "{kind}");
        assert!(place.names("k").contains(&marked(KMS)), "{kind}: {:?}", place.names("k"));
        assert!(run.stderr.contains("[WARN]") && run.stderr.contains(&marked(KMS)), "{}", run.stderr);
        assert!(place.names(&format!("k/{}", marked(KMS))).contains(&"checksums.sha256".to_owned()));
    }
}

#[test]
fn a_second_run_gives_the_same_and_the_last_verdict_decides_the_name() {
    let place = Place::new();
    let passed = || place.sandbox(KEEP).run().expect(0).says(&["[INFO]", &format!("is kept in k/{KMS}")]);
    let content = |name: &str| std::fs::read(place.path("k").join(KMS).join(name)).unwrap();
    passed();
    let (names, sums) = (place.names(&format!("k/{KMS}")), content("checksums.sha256"));
    passed();
    assert_eq!((place.names(&format!("k/{KMS}")), content("checksums.sha256")), (names.clone(), sums));
    // What a run that failed leaves is not mixed with what one before it had verified.
    place.tampered("payload-byte", KEEP).run().expect(10);
    assert_eq!(place.names("k"), [marked(KMS), NODE.to_owned()]);
    passed();
    assert_eq!((place.names("k"), place.names(&format!("k/{KMS}"))), (vec![KMS.to_owned(), NODE.to_owned()], names));
    // A run that could not begin changes nothing.
    place.sandbox(["verify-release-assets", "mero-kms-v8.8.8", "--keep", "k"]).run().expect(1);
    assert_eq!(place.names("k"), [KMS, NODE]);
}

#[test]
fn of_two_releases_each_has_the_name_of_its_own_verdict() {
    let place = Place::new();
    place.tampered("policy-tag", ["verify-release-assets", "1.2.0", "--keep", "k"]).run().expect(10);
    assert_eq!(place.names("k"), [marked(KMS), NODE.to_owned()]);
    assert!(place.names(&format!("k/{NODE}")).contains(&"sbom.spdx.json".to_owned()), "the whole of it");
}

#[test]
fn a_counterpart_does_not_replace_what_is_there_and_one_that_failed_is_not_kept() {
    let place = Place::new();
    place.sandbox(["verify-release-assets", NODE, "--keep", "k"]).run().expect(0);
    let whole = place.names(&format!("k/{NODE}"));
    place.sandbox(KEEP).run().expect(0);
    assert_eq!(place.names(&format!("k/{NODE}")), whole);
    let place = Place::new();
    let serve = crate::binary::serve::Serve::start_with(&["--tamper", "mrtd-malformed"]);
    place.merotee(KEEP).envs(serve.exports()).run().expect(10);
    assert_eq!(place.names("k"), [marked(KMS)]);
}

#[test]
fn a_folder_that_cannot_be_is_an_error_that_names_it() {
    let place = Place::new();
    place.write("file", "x");
    for keep in ["file", "file/k"] {
        let run = place.sandbox(["verify-release-assets", KMS, "--keep", keep]).run();
        run.expect(1).says(&[keep]).without_product();
    }
    std::fs::create_dir(place.path("k")).unwrap();
    for name in [KMS.to_owned(), marked(KMS)] {
        std::fs::write(place.path("k").join(&name), "x").unwrap();
        place.sandbox(KEEP).run().expect(2).says(&[&format!("k/{name} exists and is not a folder")]).without_product();
        std::fs::remove_file(place.path("k").join(&name)).unwrap();
    }
}

#[test]
fn an_asset_called_like_the_notes_is_kept_and_the_notes_are_not() {
    for name in ["release-notes.md", "Release-Notes.md"] {
        let server = Server::start(move |path, base| match path {
            path if path.ends_with(KMS) => Answer::json(
                &json!({"id": 1, "tag_name": KMS, "draft": false, "prerelease": false, "body": "the notes",
                "assets": [{"id": 1, "name": name, "size": 9, "url": format!("{base}/assets/1")}]}),
            ),
            "/assets/1" => Answer::Reply("200 OK", String::new(), b"the asset".to_vec()),
            _ => Answer::status("404 Not Found", "Not Found"),
        });
        let place = Place::new();
        let run = place.merotee(KEEP).args(["--api-url", &server.url, "--retries", "0"]).run().expect(10);
        assert!(run.stderr.contains("the release notes are not kept"), "{}", run.stderr);
        let folder = marked(KMS);
        assert_eq!(place.names(&format!("k/{folder}")), [name]);
        assert_eq!(place.read(&format!("k/{folder}/{name}")), "the asset");
    }
}

#[test]
fn read_back_a_file_called_like_the_notes_is_an_asset_when_the_release_vouches_for_it() {
    let place = Place::new();
    place.kept(NODE);
    let sums = format!("kept/{NODE}/checksums.sha256");
    let listed = |place: &Place| {
        let command = ["verify-release-assets", NODE, "--dir", "kept", "--offline", "--format", "json"];
        let report = place.sandbox(command).run().report();
        let told =
            findings(&report).into_iter().any(|f| f["check"] == "checksum" && f["subject"] == "release-notes.md");
        let notes = findings(&report).into_iter().find(|f| f["check"] == "notes-sections").unwrap()["status"].clone();
        (told, notes)
    };
    assert_eq!(listed(&place), (false, json!("pass")));
    let digest = merotee::digest::Sha256::of(place.read(&format!("kept/{NODE}/release-notes.md")).as_bytes());
    place.write(&sums, format!("{}{digest}  release-notes.md\n", place.read(&sums)));
    assert_eq!(listed(&place), (true, json!("skipped")));
}

#[test]
fn a_folder_among_the_files_of_a_local_release_is_named() {
    let place = Place::new();
    place.kept(NODE);
    std::fs::create_dir(place.path(format!("kept/{NODE}/extra"))).unwrap();
    let command = ["verify-release-assets", NODE, "--dir", "kept", "--offline", "--format", "json"];
    let report = place.sandbox(command).run().expect(0).report();
    let warned =
        |f: &&serde_json::Value| f["check"] == "asset-listed" && f["status"] == "warn" && f["subject"] == "extra";
    assert!(findings(&report).into_iter().any(|f| warned(&f)), "{report}");
}

#[test]
fn more_than_a_run_may_download_is_no_verdict_and_the_option_is_named() {
    let place = Place::new();
    for (size, code) in [("1KiB", 1), ("10MiB", 0)] {
        let command = ["verify-release-assets", KMS, "--max-download", size, "--keep", "k"];
        let run = place.sandbox(command).run().expect(code);
        assert_eq!(run.stderr.contains("--max-download (MEROTEE_MAX_DOWNLOAD) allows 1024 a run"), code == 1);
        assert_eq!(place.path("k").join(KMS).exists(), code == 0);
        assert_eq!(place.path("k").exists(), code == 0 || place.names("k").is_empty());
    }
    // What a server does not state is counted as it comes.
    let server = Server::start(|path, base| match path {
        path if path.ends_with(KMS) => {
            Answer::json(&json!({"id": 1, "tag_name": KMS, "draft": false, "prerelease": false, "body": "",
            "assets": [{"id": 1, "name": "checksums.sha256", "size": 1, "url": format!("{base}/assets/1")}]}))
        }
        "/assets/1" => Answer::Reply("200 OK", String::new(), vec![b'x'; 5_000]),
        _ => Answer::status("404 Not Found", "Not Found"),
    });
    let command = ["verify-release-assets", KMS, "--api-url", &server.url, "--retries", "0"];
    let run = place.merotee(command).env("MEROTEE_MAX_DOWNLOAD", "4KiB").run();
    assert!(run.stdout.contains("more bytes arrived than the 4096 a run that --max-download"), "{}", run.shown());
    for wrong in ["", "0", "ten", "1GB"] {
        let command = ["verify-release-assets", KMS, "--max-download", wrong];
        place.merotee(command).run().expect(2).says(&["--max-download"]).without_product();
    }
}
