//! What earlier runs downloaded: used where it is right, and never trusted for more.

use merotee::release::contract::Layout;

use super::{Ended, Repository, ordered, verdicts};
use crate::binary::{Place, names_in};

const KMS: &str = "mero-kms-v5.0.0";
const NODE: &str = "mero-tee-v5.0.0";
const ARCHIVE: &str = "mero-kms-phala_x86_64-unknown-linux-gnu.tar.gz";

fn two() -> Repository {
    Repository::of(vec![ordered(KMS, Layout::Pipeline, &[]), ordered(NODE, Layout::Pipeline, &[])])
}

const ARGUMENTS: [&str; 5] = ["5.0.0", "--cache", "audited", "--format", "json"];

fn downloads(asked: &[String]) -> usize {
    asked.iter().filter(|path| path.contains("/releases/assets/")).count()
}

#[test]
fn documents_are_judged_again_under_todays_trust_root_though_none_is_downloaded() {
    let (repository, place, mut since) = (two(), Place::new(), 0);
    Ended::of(repository.audit(&place, &ARGUMENTS).start()).expect(0);
    assert!(downloads(&repository.asked(&mut since)) > 10);
    // The public-good root knows nothing of the sandbox.
    let other = repository.audit(&place, &ARGUMENTS).env("MEROTEE_TRUSTED_ROOT", "");
    let ended = Ended::of(other.start()).expect(10);
    assert_eq!(verdicts(&ended.report())[NODE], "failed");
    assert_eq!(downloads(&repository.asked(&mut since)), 0);
}

#[test]
fn an_asset_whose_bytes_were_not_read_is_counted_in_every_format_and_never_an_unmarked_pass() {
    let (repository, place, mut since) = (two(), Place::new(), 0);
    let words = "1 asset was not downloaded: hashed by an earlier run, and GitHub states the same digest";
    let first = Ended::of(repository.audit(&place, &ARGUMENTS).start()).expect(0);
    assert!(!first.stdout.contains("not downloaded"), "{}", first.stdout);
    repository.asked(&mut since);
    let report = Ended::of(repository.audit(&place, &ARGUMENTS).start()).expect(0).report();
    assert!(report["caveats"].as_array().unwrap().iter().any(|caveat| caveat == words), "{report}");
    for format in ["human", "markdown", "html", "sarif"] {
        let run = repository.audit(&place, &["5.0.0", "--cache", "audited", "--format", format]);
        let shown = Ended::of(run.start()).expect(0).stdout;
        // Lines may be wrapped, and in Markdown some characters are escaped.
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains("1 asset was not downloaded"), "{format}: {shown}");
    }
    assert_eq!(downloads(&repository.asked(&mut since)), 0);
    // Which release it is of, and what: the archive is all that is not a document.
    let sections = report["sections"].as_array().unwrap();
    let of = |tag: &str| sections.iter().find(|one| one["subject"] == tag).unwrap()["facts"].to_string();
    assert!(of(KMS).contains("1 asset: hashed by an earlier run"), "{report}");
    assert!(!of(NODE).contains("earlier run"), "{report}");
}

#[test]
fn a_poisoned_cache_is_a_warning_and_a_download_and_never_a_pass() {
    let (repository, place, mut since) = (two(), Place::new(), 0);
    Ended::of(repository.audit(&place, &ARGUMENTS).start()).expect(0);
    let first = downloads(&repository.asked(&mut since));
    for folder in ["audited/documents", "audited/hashed"] {
        for name in place.names(folder) {
            let path = place.path(folder).join(name);
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[0] ^= 1;
            std::fs::write(path, bytes).unwrap();
        }
    }
    let ended = Ended::of(repository.audit(&place, &ARGUMENTS).start()).expect(0);
    assert_eq!(downloads(&repository.asked(&mut since)), first);
    assert!(ended.stderr.contains("in the cache is ignored: it is not what its name says"), "{}", ended.stderr);
    // What was wrong was replaced.
    let ended = Ended::of(repository.audit(&place, &ARGUMENTS).start()).expect(0);
    assert_eq!(downloads(&repository.asked(&mut since)), 0);
    assert!(!ended.stderr.contains("ignored"), "{}", ended.stderr);
}

#[test]
fn what_is_not_what_the_api_says_is_never_remembered() {
    for (kind, asset) in [("api-digest", "sbom.spdx.json"), ("download-truncated", "sbom.spdx.json")] {
        let releases = vec![ordered(KMS, Layout::Pipeline, &[kind]), ordered(NODE, Layout::Pipeline, &[])];
        let (repository, place, mut since) = (Repository::of(releases), Place::new(), 0);
        for expected in [None, Some(1)] {
            let ended = Ended::of(repository.audit(&place, &ARGUMENTS).start()).expect(10);
            assert!(ended.stdout.contains(asset), "{kind}");
            let asked = downloads(&repository.asked(&mut since));
            assert!(expected.is_none_or(|number| asked == number), "{kind}: {asked}");
        }
    }
}

#[test]
fn only_documents_are_kept_and_what_was_hashed_is_an_entry_of_a_few_words() {
    let (repository, place) = (two(), Place::new());
    Ended::of(repository.audit(&place, &ARGUMENTS).start()).expect(0);
    let hashed = place.names("audited/hashed");
    assert_eq!(hashed.len(), 1, "{hashed:?}");
    let entry = place.read(&format!("audited/hashed/{}", hashed[0]));
    assert!(entry.contains(ARCHIVE) && entry.len() < 1_000, "{entry}");
    for name in place.names("audited/documents") {
        let bytes = std::fs::read(place.path("audited/documents").join(&name)).unwrap();
        assert_eq!(merotee::digest::Sha256::of(&bytes).to_string(), name);
    }
    assert_eq!(place.names("audited"), ["CACHEDIR.TAG", "documents", "hashed"]);
}

#[test]
fn two_audits_at_once_share_one_cache() {
    let (repository, place, other) = (two(), Place::new(), Place::new());
    let cache = place.path("audited").display().to_string();
    let arguments = ["5.0.0", "--cache", &cache, "--format", "json"];
    let children = [repository.audit(&place, &arguments).start(), repository.audit(&other, &arguments).start()];
    for child in children {
        let ended = Ended::of(child).expect(0);
        let stderr = &ended.stderr;
        assert!(!stderr.contains("ignored") && !stderr.contains("cannot write"), "{stderr}");
    }
    let left = names_in(&place.path("audited/documents"));
    assert!(!left.iter().any(|name| name.contains(".part")), "{left:?}");
}

#[test]
fn a_cache_that_cannot_be_one_is_refused_before_anything_is_asked() {
    let (repository, place, mut since) = (two(), Place::new(), 0);
    place.write("file", "");
    repository
        .audit(&place, &["5.0.0", "--cache", "file"])
        .run()
        .expect(2)
        .says(&["file is not a folder"])
        .without_product();
    let nowhere = "/proc/audited";
    if std::path::Path::new("/proc/self").exists() {
        let run = repository.audit(&place, &["5.0.0", "--cache", nowhere]).run();
        run.expect(1).says(&["cannot make the folder /proc/audited"]).without_product();
    }
    assert_eq!(repository.asked(&mut since), [""; 0]);
}
