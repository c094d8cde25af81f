//! What `release-notes generate` cannot work with: each says what is wrong, and makes no notes.

use super::Repository;
use crate::binary::BINARY;

fn repository() -> Option<Repository> {
    let repository = Repository::new()?;
    repository.commit("a", "Begin");
    repository.tag("mero-kms-v1.0.0");
    repository.commit("b", "fix: x");
    repository.tag("mero-kms-v1.1.0");
    Some(repository)
}

#[test]
fn a_tag_that_is_missing_or_does_not_fit_is_a_usage_error() {
    let Some(repository) = repository() else { return };
    let refused =
        |words: &[&str], says: &[&str]| drop(repository.generate(words).expect(2).without_product().says(says));
    refused(&["mero-kms-v2.0.0"], &["this clone has no tag mero-kms-v2.0.0", "git fetch --tags", "--head HEAD"]);
    refused(&["mero-kms-v1.1.0", "--from", "mero-kms-v0.9.0"], &["this clone has no tag mero-kms-v0.9.0"]);
    refused(&["mero-kms-v1.1.0", "--from", "mero-kms-v1.1.0"], &["not an earlier kms release than mero-kms-v1.1.0"]);
    refused(&["mero-kms-v1.1.0", "--from", "mero-tee-v1.0.0"], &["not an earlier kms release"]);
    refused(&["1.1.0"], &["not a release tag"]);
    refused(&["mero-kms-v1.1.0", "--class", "rc"], &["cannot be of class rc"]);
    refused(&["mero-kms-v1.2.0-rc.1", "--class", "stable"], &["it is a release candidate by its tag"]);
    refused(&["mero-kms-v1.1.0", "--class", "hotfix"], &["a hotfix has a patch number above 0"]);
    refused(&["mero-kms-v1.2.1", "--class", "hotfix", "--head", "HEAD"], &["no release 1.2.x that it could patch"]);
    refused(&["mero-kms-v1.2.0", "--head=--output=x"], &["is not a revision"]);
    refused(&["mero-kms-v1.2.0", "--head", "nowhere"], &["`nowhere` names no commit"]);
}

#[test]
fn documents_of_another_release_or_that_cannot_be_read_are_refused() {
    let Some(repository) = repository() else { return };
    let place = &repository.place;
    place.write("dir/published-mrtds.json", r#"{"schema_version":1,"role":"kms","tag":"1.0.0","profiles":{}}"#);
    place.write("bad/published-mrtds.json", "{");
    place.write("odd/published-mrtds.json", r#"{"tag":"1.1.0","profiles":{"debug":{"mrtd":"zz"}}}"#);
    place
        .write("image/kms-phala-release-manifest.json", r#"{"tag":"1.1.0","container_profile_digests":{"debug":"x"}}"#);
    place.write("catalog.json", "[]");
    let refused = |words: &[&str], says: &[&str]| {
        let words = [&["mero-kms-v1.1.0"], words].concat();
        drop(repository.generate(&words).expect(2).without_product().says(says));
    };
    refused(&["--dir", "dir"], &["dir/published-mrtds.json: tag is `1.0.0`, not 1.1.0"]);
    refused(&["--dir", "bad"], &["bad/published-mrtds.json"]);
    refused(&["--dir", "odd"], &["odd/published-mrtds.json: malformed entry at profiles.debug.mrtd"]);
    refused(&["--dir", "image"], &["container_profile_digests.debug is not a digest"]);
    refused(&["--dir", "nowhere"], &["nowhere is not a folder"]);
    refused(&["--previous-dir", "odd"], &["tag is `1.1.0`, not 1.0.0"]);
    refused(&["--catalog", "catalog.json"], &["catalog.json: not a compatibility catalog"]);
    for image in ["ghcr.io/calimero-network/mero-kms-phala:1.1.0", "ghcr.io/evil/mero-kms-phala@sha256:00", "x"] {
        refused(&["--image", image], &["expected ghcr.io/calimero-network/mero-kms-phala@sha256:<64 hex digits>"]);
    }
    repository
        .generate(&["mero-kms-v1.1.0", "--catalog", "absent.json"])
        .expect(1)
        .without_product()
        .says(&["absent.json"]);
}

#[test]
fn a_shallow_clone_a_folder_outside_any_repository_and_a_machine_without_git_are_told_apart() {
    let Some(repository) = repository() else { return };
    let place = &repository.place;
    let from = format!("file://{}", place.work().display());
    repository.git(&["clone", "-q", "--depth", "1", &from, "../shallow"]);
    let generate = |folder: &str| repository.generate(&["mero-kms-v1.1.0", "--repo-dir", folder]);
    generate("../shallow").expect(1).without_product().says(&["this clone is shallow", "fetch-depth: 0"]);
    generate("..").expect(1).without_product().says(&["there is no git repository at ..", "--repo-dir"]);
    generate("nowhere").expect(2).without_product().says(&["nowhere is not a folder"]);
    let without =
        place.program(BINARY, ["release-notes", "generate", "mero-kms-v1.1.0"]).env("PATH", place.path("empty"));
    without.run().expect(1).without_product().says(&["cannot run git", "install git"]);
}
