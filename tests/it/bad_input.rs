//! What goes wrong outside: words, folders, disks, servers. Each has its exit code and a message that names it, and
//! leaves nothing half-written.

mod disks;
mod servers;

use crate::binary::{Place, findings, skip, statuses};

const KMS: &str = "mero-kms-v1.2.0";

#[test]
fn a_missing_or_malformed_tag_is_a_usage_error_that_lists_the_accepted_forms() {
    let place = Place::new();
    place.merotee(["verify-release-assets"]).run().expect(2).says(&["<TAG>"]).without_product();
    for tag in [
        "latest",
        "mero-kms-1.2.0",
        "mero-kms-v1.2",
        "mero-kms-v1.2.0-beta.1",
        "mero-kms-v01.2.0",
        "mero-kms-v1.2.0/../../x",
        "../../etc/passwd",
        "node-image-gcp-v1.2.0-rc.1",
        "refs/tags/mero-kms-v1.2.0",
        "MERO-KMS-v1.2.0",
        " mero-kms-v1.2.0",
        "",
    ] {
        let run = place.merotee(["verify-release-assets", tag]).run().expect(2);
        run.says(&[&format!("`{tag}`"), "mero-kms-vX.Y.Z[-rc.N]", "[v]X.Y.Z"]).without_product();
    }
}

#[test]
fn a_hostile_argument_is_repeated_without_its_power() {
    let place = Place::new();
    for hostile in ["x\n::error::pwned", "\u{1b}[2Jx", "x\r::set-output name=a::b", "##[error]x", "\u{202e}x"] {
        for run in [
            place.merotee(["verify-release-assets", hostile]).env("GITHUB_ACTIONS", "true").run(),
            place.merotee(["verify-release-assets", KMS, "--repo", hostile]).env("GITHUB_ACTIONS", "true").run(),
            place.merotee(["sandbox", "--", "verify-release-assets", hostile]).run(),
            place.tampered(hostile, ["verify-release-assets", KMS]).run(),
            place.merotee([hostile]).run(),
        ] {
            let run = run.expect(2).without_product();
            for line in run.stderr.lines() {
                let command = line.trim_start().starts_with("::") && !line.starts_with("::error title=merotee::");
                assert!(!command && !line.contains("##["), "{line:?}");
            }
            assert!(!run.stderr.contains(['\u{1b}', '\r', '\u{202e}']), "{:?}", run.stderr);
        }
    }
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    let place = Place::new();
    let mut run = place.sandbox(["verify-release-assets", KMS, "--format", "json"]);
    for name in [
        "GITHUB_REPOSITORY",
        "GITHUB_API_URL",
        "GITHUB_SERVER_URL",
        "GH_TOKEN",
        "GITHUB_TOKEN",
        "GITHUB_ACTIONS",
        "MEROTEE_TRUSTED_ROOT",
        "MEROTEE_GITHUB_ROOT",
        "MEROTEE_REKOR_URL",
        "MEROTEE_FORMAT",
        "MEROTEE_RETRIES",
        "MEROTEE_TIMEOUT",
        "COSIGN_REPOSITORY",
        "COSIGN_CERTIFICATE_IDENTITY_REGEXP",
        "COSIGN_CERTIFICATE_OIDC_ISSUER",
        "NO_COLOR",
        "CLICOLOR_FORCE",
    ] {
        run = run.env(name, "");
    }
    run.run().expect(0).report();
    for (name, value) in [("MEROTEE_RETRIES", "many"), ("MEROTEE_TIMEOUT", "0"), ("GITHUB_API_URL", "nonsense")] {
        place.merotee(["verify-release-assets", KMS]).env(name, value).run().expect(2).says(&[value]).without_product();
    }
}

#[test]
fn an_unknown_repository_is_told_from_an_unknown_release() {
    let place = Place::new();
    let verify = |tag: &str, repo: &str| place.sandbox(["verify-release-assets", tag, "--repo", repo]).run();
    verify(KMS, "nobody/nothing").expect(1).says(&["has no repository nobody/nothing"]).without_product();
    verify("mero-kms-v9.9.9", "calimero-network/mero-tee")
        .expect(1)
        .says(&["calimero-network/mero-tee has no release mero-kms-v9.9.9"])
        .without_product();
    for malformed in ["nothing", "a/b/c", "a/..", "https://github.com/a/b"] {
        verify(KMS, malformed).expect(2).says(&["--repo", malformed]).without_product();
    }
}

#[test]
fn a_folder_that_is_missing_a_file_or_unreadable_is_named() {
    let place = Place::new();
    place.write("file", "x");
    let verify = ["verify-release-assets", KMS, "--offline", "--dir"];
    for dir in ["nowhere", "file"] {
        place.merotee(verify).args([dir]).run().expect(1).says(&[&format!("cannot list {dir}")]).without_product();
    }
    std::fs::create_dir(place.path("locked")).unwrap();
    std::fs::set_permissions(place.path("locked"), std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let mut run = if std::fs::read_dir(place.path("locked")).is_err() {
        Some(place.merotee(verify))
    } else {
        // The superuser reads everything, unless it gives that power away.
        let without = "--bounding-set=-dac_override,-dac_read_search";
        let lists = place.program("setpriv", [without, "ls", "locked"]).run_if_there();
        let refused = lists.is_some_and(|run| run.stderr.contains("Permission denied"));
        refused.then(|| place.program("setpriv", [without, crate::binary::BINARY]).args(verify))
    };
    match run.take() {
        Some(run) => {
            run.args(["locked"]).run().expect(1).says(&["cannot list locked", "Permission denied"]).without_product();
        }
        None => skip("every folder can be read here, so none is unreadable"),
    }
}

#[test]
fn files_that_cannot_be_read_leave_no_verdict_and_are_named() {
    let place = Place::new();
    place.kept(KMS);
    let folder = place.path("kept").join(KMS);
    std::fs::remove_file(folder.join("sbom.spdx.json")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("sbom.spdx.json")).unwrap();
    let command = ["verify-release-assets", KMS, "--dir", "kept", "--offline", "--format", "json"];
    let report = place.sandbox(command).run().expect(1).report();
    let found = findings(&report).into_iter().find(|f| f["status"] == "skipped_required").unwrap();
    assert_eq!((&found["check"], &found["subject"]), (&"checksum".into(), &"sbom.spdx.json".into()));
    assert!(found["message"].as_str().unwrap().contains("No such file"), "{found}");
}

#[test]
fn a_checksums_file_of_a_million_lines_is_refused_in_a_few_lines() {
    let place = Place::new();
    place.kept(KMS);
    let lines: String = (0..1_000_000).map(|i| format!("{i:064x}  file-{i}\n")).collect();
    place.write(&format!("kept/{KMS}/checksums.sha256"), lines);
    let command = ["verify-release-assets", KMS, "--dir", "kept", "--offline", "--format", "json"];
    let run = place.sandbox(command).run().expect(10).says(&["too large to be genuine"]);
    let report = run.report();
    assert_eq!(statuses(&report, "checksums-file"), ["fail"]);
    // What an unusable file says makes no findings of its own.
    assert_eq!(report["counts"]["missing"], 0);
    assert!(findings(&report).len() < 150, "{}", findings(&report).len());
}

#[test]
fn a_checksums_file_that_is_empty_or_garbage_is_named_with_the_line() {
    let place = Place::new();
    place.kept(KMS);
    for (content, why) in [
        (&b""[..], "lists nothing"),
        (b"\xff\xfe\n", "not UTF-8"),
        (b"hello\n", "line 1: "),
        (b"0000000000000000000000000000000000000000000000000000000000000000  ../../x\n", "line 1: "),
    ] {
        place.write(&format!("kept/{KMS}/checksums.sha256"), content);
        let command = ["verify-release-assets", KMS, "--dir", "kept", "--offline", "--format", "json"];
        let report = place.sandbox(command).run().expect(10).report();
        let found = findings(&report).into_iter().find(|f| f["check"] == "checksums-file").unwrap();
        assert!(found["message"].as_str().unwrap().contains(why), "{found}");
    }
}
