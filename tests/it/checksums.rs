//! `checksums write` and `checksums check`, as their users run them; coreutils reads what is written.

use crate::binary::{Place, statuses, usable};

const KMS: &str = "mero-kms-v1.2.0";

#[test]
fn the_file_of_a_release_is_written_as_it_was_published_and_a_second_run_keeps_it() {
    for tag in [KMS, "mero-tee-v1.2.0"] {
        let place = Place::new();
        place.kept(tag);
        let folder = format!("kept/{tag}");
        let name = format!("{folder}/checksums.sha256");
        let published = place.read(&name);
        std::fs::remove_file(place.path(&name)).unwrap();
        let write = ["checksums", "write", "--dir", &folder];
        place.merotee(write).run().expect(0).says(&["[PASS] checksums-file", "write"]);
        assert_eq!(place.read(&name), published, "{tag}");
        place.merotee(write).run().expect(0).says(&["keep"]);
        place.merotee(["checksums", "check", &name]).run().expect(0);
        place.sandbox(["verify-release-assets", tag, "--dir", &folder]).run().expect(0);
    }
}

#[test]
fn coreutils_checks_what_is_written_and_what_it_writes_is_checked() {
    if !usable("sha256sum", &["--version"]) {
        return;
    }
    let place = Place::new();
    for name in ["b.tar.gz", "a.json", "Z", "u_1", ".hidden"] {
        place.write(&format!("out/{name}"), name);
    }
    place.merotee(["checksums", "write", "--dir", "out", "--name", "SHA256SUMS"]).run().expect(0);
    let names: Vec<String> = place.read("out/SHA256SUMS").lines().map(|line| line[66..].to_owned()).collect();
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!((names.len(), &names), (5, &sorted));
    place.program("sh", ["-c", "cd out && sha256sum --check --strict SHA256SUMS"]).run().expect(0);
    place.program("sh", ["-c", "cd out && sha256sum a.json b.tar.gz Z u* .hidden > theirs.txt && rm SHA256SUMS"]).run();
    place.merotee(["checksums", "check", "out/theirs.txt"]).run().expect(0);
}

#[test]
fn what_changed_is_missing_or_is_not_listed_is_named_and_nothing_else() {
    let place = Place::new();
    place.kept(KMS);
    let folder = format!("kept/{KMS}");
    let check = || place.merotee(["checksums", "check", "--dir", &folder, "--format", "json"]).run();
    let report = check().expect(0).report();
    assert!(statuses(&report, "checksum").iter().all(|status| *status == "pass"));

    place.write(&format!("{folder}/unlisted.bin"), "x");
    let run = check().expect(10);
    assert_eq!(statuses(&run.report(), "asset-listed"), ["fail"]);
    assert!(run.stdout.contains("unlisted.bin"));
    std::fs::remove_file(place.path(format!("{folder}/unlisted.bin"))).unwrap();

    place.write(&format!("{folder}/compose-hash.txt"), "changed");
    let report = check().expect(10).report();
    assert_eq!(statuses(&report, "checksum").iter().filter(|status| **status == "fail").count(), 1);
    std::fs::remove_file(place.path(format!("{folder}/compose-hash.txt"))).unwrap();
    assert_eq!(statuses(&check().expect(11).report(), "asset-present"), ["missing"]);

    place.write(&format!("{folder}/checksums.sha256"), "no checksums\n");
    place.merotee(["checksums", "check", "--dir", &folder]).run().expect(10).says(&["[FAIL] checksums-file"]);
    std::fs::remove_file(place.path(format!("{folder}/checksums.sha256"))).unwrap();
    place.merotee(["checksums", "check", "--dir", &folder]).run().expect(11).says(&["checksums.sha256"]);
}

#[test]
fn a_folder_with_a_name_that_no_release_may_have_gets_no_checksums_file() {
    for (name, says) in [("a b", "printable ASCII"), ("-rf", "starts with a dash"), ("a..b", "holds `..`")] {
        let place = Place::new();
        place.write(&format!("out/{name}"), "x");
        place.write("out/good", "x");
        place.merotee(["checksums", "write", "--dir", "out"]).run().expect(10).says(&["[FAIL] asset-name", says]);
        assert_eq!(place.names("out").len(), 2);
    }
    let place = Place::new();
    place.write("out/A", "x");
    place.write("out/a", "x");
    if place.names("out").len() == 2 {
        place.merotee(["checksums", "write", "--dir", "out"]).run().expect(10).says(&["[FAIL] asset-unique"]);
    }
}

#[test]
fn an_empty_folder_has_nothing_to_list_and_a_folder_in_it_is_not_listed() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("out/inner")).unwrap();
    place.merotee(["checksums", "write", "--dir", "out"]).run().expect(10).says(&["there is nothing to list"]);
    place.write("out/a", "x");
    place.merotee(["checksums", "write", "--dir", "out"]).run().expect(0).says(&["a folder, not a file"]);
    assert_eq!(place.read("out/checksums.sha256").lines().count(), 1);
}

#[test]
fn a_dry_run_says_what_would_be_written_and_writes_nothing() {
    let place = Place::new();
    place.write("out/a", "x");
    let run = place.merotee(["checksums", "write", "--dir", "out", "--dry-run", "--format", "json"]).run().expect(0);
    let action = &run.report()["sections"][0]["actions"][0];
    assert_eq!((&action["what"], &action["state"]), (&"write".into(), &"planned".into()));
    assert_eq!(place.names("out"), ["a"]);
}

#[test]
fn a_signature_of_the_file_as_it_was_is_pointed_out() {
    let place = Place::new();
    place.kept(KMS);
    let folder = format!("kept/{KMS}");
    place.write(&format!("{folder}/compose-hash.txt"), "changed");
    let run = place.merotee(["checksums", "write", "--dir", &folder]).run().expect(0);
    run.says(&["[WARN] checksums-file", "checksums.sha256.sigstore.json", "sign it again"]);
}

#[test]
fn what_is_no_folder_or_no_file_is_an_error_that_names_it() {
    let place = Place::new();
    place.write("file", "x");
    for (arguments, code, says) in [
        (&["checksums", "write", "--dir", "absent"][..], 1, "absent"),
        (&["checksums", "write", "--dir", "file"], 1, "file"),
        (&["checksums", "write"], 2, "--dir"),
        (&["checksums", "check"], 2, "required"),
        (&["checksums", "check", "absent.sha256"], 1, "cannot read absent.sha256"),
        (&["checksums", "check", "."], 2, "give it with --dir"),
        #[cfg(unix)]
        (&["checksums", "check", "/dev/null"], 2, "/dev/null is not a regular file"),
        (&["checksums", "check", "file", "--dir", "."], 2, "cannot be used with"),
        (&["checksums", "write", "--dir", ".", "--name", "../x"], 2, "--name: the name holds a path separator"),
        (&["checksums", "write", "--dir", ".", "--name", "file.sig"], 2, "--name: file.sig is the name of a signature"),
    ] {
        place.merotee(arguments).run().expect(code).says(&[says]);
    }
    assert_eq!(place.names("."), ["file"]);
}
