//! Every way in which Phala Cloud or a machine on it goes wrong under `probe run`: its exit code, a sentence that helps, and
//! an account that is clean afterwards. The table is that of `docs/tampering.md`.

use merotee::{
    sandbox::{boot::image_digest, phala::API_KEY, trouble::Mishap},
    subject::profile::Profile,
};

use super::stage::Stage;
use crate::tampering::document::Document;

/// Kinds that leave the machine in the account for as long as it is so.
const STAYS: [&str; 2] = ["phala-delete-fails", "phala-no-app-id"];

#[test]
fn every_kind_that_spoils_phala_cloud_gives_its_code_and_a_sentence_and_leaves_a_clean_account() {
    let rows: Vec<_> = Document::read().services.into_iter().filter(|row| row.service == "Phala Cloud").collect();
    assert!(rows.len() > 20, "the table is cut short: {}", rows.len());
    crate::tampering::each(&rows, |row| {
        let stage = Stage::spoilt(&row.kind);
        let run = stage.probe("out", &["-vv", "--label", "spoilt"]).run();
        let mut wrong = Vec::new();
        if run.code != row.exit {
            wrong.push(format!("documented as {}", row.exit));
        }
        let words = format!("{}{}", run.stdout, run.stderr);
        if !words.contains(&row.says) {
            wrong.push(format!("it does not say {:?}", row.says));
        }
        if words.contains(&API_KEY[..16]) {
            wrong.push("it shows the key".to_owned());
        }
        let candidates = stage.place.path("out/measurement-policy-candidates.json").exists();
        if candidates != (run.code == 0) {
            wrong.push(format!("candidates: {candidates}"));
        }
        // What could not be deleted is named with the way to delete it, and that works once the service does.
        let left = stage.cloud().machines();
        if STAYS.contains(&row.kind.as_str()) {
            if left.is_empty() {
                wrong.push("nothing is left".to_owned());
            }
            stage.cloud().set_flaw(None);
            stage.merotee(&["probe", "cleanup", "--out", "out"]).run().expect(0);
        } else if !left.is_empty() || stage.cloud().running() > 0 {
            wrong.push(format!("left behind: {left:?}"));
        }
        stage.is_clean(&row.kind);
        (!wrong.is_empty()).then(|| format!("{}: {}\n{}", row.kind, wrong.join("; "), run.shown()))
    });
}

#[test]
fn a_kind_works_in_a_sandbox_of_its_own_as_well() {
    let place = crate::binary::Place::new();
    let digest = image_digest(&super::RELEASE.parse().unwrap(), Profile::Debug);
    let image = format!("ghcr.io/calimero-network/mero-kms-phala@{digest}");
    let words =
        ["probe", "run", "--family", "kms", "--profile", "debug", "--image", &image, "--expect-version", "1.2.0"];
    let run = place.tampered("phala-debug-td", words).args(["--out", "out"]).run();
    run.expect(10).says(&["quote-debug", "deleted, and the account holds it no more"]);
    let run = place.tampered("phala-debug-td", ["kms", "health"]).run();
    run.expect(2).says(&["--tamper phala-debug-td spoils Phala Cloud, which this command asks nothing of"]);
}

#[test]
fn a_passing_trouble_at_any_request_is_overcome_and_never_makes_a_second_machine() {
    let stage = Stage::new();
    stage.probe("untroubled", &[]).run().expect(0);
    let all = stage.cloud().record().requests().len();
    assert!(all > 6, "{all}");
    for number in 0..all {
        let mishap =
            [Mishap::Limited(0), Mishap::Status(500), Mishap::DoneButStatus(502), Mishap::AnswerLost, Mishap::Dropped];
        let mishap = mishap[number % mishap.len()];
        stage.cloud().record().clear();
        stage.cloud().troubles().clear();
        stage.cloud().troubles().add_after(number, mishap);
        let out = format!("out-{number}");
        let run = stage.probe(&out, &[]).run();
        let what = format!("{mishap:?} at {number}: {}", run.shown());
        let made = stage.cloud().record().writes();
        let created = made.iter().filter(|one| one.path.ends_with("/cvms") && one.status == Some(200)).count();
        assert!(created <= 1, "{what}");
        // What surely or perhaps was not done may end the probe, and never in a pass or a mess.
        assert!(run.code == 0 || run.code == 1, "{what}");
        stage.is_clean(&what);
    }
}
