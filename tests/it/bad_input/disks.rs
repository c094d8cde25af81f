//! Full disks. What could not be written whole must not be there at all.

use super::KMS;
use crate::binary::{BINARY, Place, usable};

#[test]
fn a_full_disk_leaves_no_verdict_and_only_whole_files_in_the_folder_kept() {
    // The archive alone fills 64 KiB.
    if !usable("unshare", &["-rm", "sh", "-c", "mkdir -p /tmp && mount -t tmpfs -o size=64k tmpfs /tmp"]) {
        return;
    }
    let place = Place::new();
    place.kept(KMS);
    std::fs::create_dir(place.path("full")).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=64k tmpfs full && {BINARY} sandbox -- verify-release-assets {KMS} --keep full --jobs 1; \
         code=$?; cp -r full copy; ls -A full/* | grep -c '^\\.' >hidden; exit $code"
    );
    let run = place.program("unshare", ["-rm", "sh", "-c", &script]).run().expect(1);
    run.says(&["No space left on device", "mero-kms-phala_x86_64-unknown-linux-gnu.tar.gz", ": NO VERDICT — "]);
    assert_eq!(place.read("hidden"), "0\n");
    for tag in place.names("copy") {
        for name in place.names(&format!("copy/{tag}")) {
            // Without a verdict, the folder says so.
            let release = tag.trim_end_matches(".NOT-VERIFIED");
            let (copy, whole) = (format!("copy/{tag}/{name}"), format!("kept/{release}/{name}"));
            assert_eq!(std::fs::read(place.path(&copy)).unwrap(), std::fs::read(place.path(&whole)).unwrap(), "{copy}");
        }
    }
}

#[test]
fn a_folder_that_cannot_be_made_to_keep_files_in_is_named() {
    let place = Place::new();
    place.write("file", "x");
    let run = place.sandbox(["verify-release-assets", KMS, "--keep", "file/inside"]).run();
    run.expect(1).says(&["cannot make the folder file/inside/mero-kms-v1.2.0"]).without_product();
    assert_eq!(place.names("."), ["file"]);
}

#[test]
fn without_a_temporary_folder_nothing_is_fetched() {
    let place = Place::new();
    let run = place.merotee(["verify-release-assets", KMS]).env("TMPDIR", "/nonexistent").run();
    run.expect(1).says(&["cannot make a temporary folder"]).without_product();
}
