//! Each fault: its exit code, a sentence that helps, and a clean account afterwards. The table is that of
//! `docs/tampering.md`.

use merotee::sandbox::gcp::{ACCESS_TOKEN, Flaw};

use super::Site;
use crate::{binary::Place, tampering::document::Document};

/// Kinds that leave something in the account for as long as it is so.
const STAYS: [&str; 2] = ["gcp-delete-fails", "gcp-firewall-stays"];

#[test]
fn every_kind_that_spoils_google_cloud_gives_its_code_and_a_sentence_and_leaves_a_clean_account() {
    let rows: Vec<_> = Document::read().services.into_iter().filter(|row| row.service == "Google Cloud").collect();
    assert_eq!(rows.len(), Flaw::ALL.len(), "a row for every flaw");
    crate::tampering::each(&rows, |row| {
        let site = Site::spoilt(&row.kind);
        let run = site.probe("out", &[]).run();
        let mut wrong = Vec::new();
        if run.code != row.exit {
            wrong.push(format!("documented as {}", row.exit));
        }
        let words = format!("{}{}", run.stdout, run.stderr);
        if !words.contains(&row.says) {
            wrong.push(format!("it does not say {:?}", row.says));
        }
        if words.contains(&ACCESS_TOKEN[..16]) {
            wrong.push("it shows the token".to_owned());
        }
        let stays = STAYS.contains(&row.kind.as_str());
        let candidates = site.place.path("out/measurement-policy-candidates.json").exists();
        // What is proposed is from a probe that passed, and one whose machine may still be there does not.
        if candidates != (run.code == 0) {
            wrong.push(format!("candidates: {candidates}"));
        }
        let left = site.world.gcp().standing();
        if left.is_empty() == stays {
            wrong.push(format!("left behind: {left:?}"));
        }
        // What could not be deleted is named with the way to delete it, and that works once the service does.
        if stays {
            site.world.gcp().heal();
            site.cleanup(&["--out", "out"]).run().expect(0);
            site.is_clean();
        }
        (!wrong.is_empty()).then(|| format!("{}: {}\n{}", row.kind, wrong.join("; "), run.shown()))
    });
}

#[test]
fn a_kind_works_in_a_sandbox_of_its_own_as_well() {
    let place = Place::new();
    let words = ["probe", "run", "--family", "node", "--profile", "debug", "--out", "out"];
    place.tampered("gcp-debug-td", words).run().expect(10).says(&["debug", "asked for again, it is not there"]);
    // Beside its release, an image that measures otherwise is seen.
    let other = Place::new();
    other.tampered("gcp-other-image", words).run().expect(0).says(&["[WARN]", "published"]);
    let run = place.tampered("gcp-debug-td", ["kms", "health"]).run();
    run.expect(2).says(&["--tamper gcp-debug-td spoils Google Cloud, which this command asks nothing of"]);
}

#[test]
fn the_next_zone_is_tried_when_several_are_given() {
    let site = Site::start(Some(Flaw::NoRoomInTheFirstZone));
    let run = site.probe("out", &["--zone", "europe-west4-b"]).run().expect(0);
    run.says(&["europe-west4-b"]);
    site.is_clean();
}

#[test]
fn what_a_machine_that_cannot_be_deleted_leaves_deletes_itself() {
    let site = Site::start(Some(Flaw::DeleteFails));
    site.probe("out", &[]).run().expect(1);
    assert!(!site.world.gcp().standing().is_empty());
    site.world.gcp().advance(1 + 1800);
    site.is_clean();
    // What is not there any more was not deleted by this run, and is not said to have been.
    site.cleanup(&["--out", "out"]).run().expect(0).says(&["this run did not delete it"]);
}
