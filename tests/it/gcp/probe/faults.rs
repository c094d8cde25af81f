//! Each fault: its exit code, a sentence that helps, and a clean account afterwards.

use merotee::sandbox::gcp::Flaw;

use super::Site;

/// What is to be said, with which code, and whether the account is clean afterwards.
const FAULTS: [(Flaw, i32, &str); 20] = [
    (Flaw::NoRoom, 1, "the zone has no room for such a machine"),
    (Flaw::Quota, 1, "the project's quota is used up"),
    (Flaw::OperationFails, 1, "Compute Engine gave up (INTERNAL_ERROR)"),
    (Flaw::NeverRuns, 1, "the machine did not run within 1 s"),
    (Flaw::NoAddress, 1, "RUNNING without an address"),
    (Flaw::NeverHealthy, 1, "serial-port-1.txt"),
    (Flaw::ImageReplaced, 10, "another image than the one that was looked at"),
    (Flaw::ImageNotCapable, 10, "TDX_CAPABLE"),
    (Flaw::AttestUnavailable, 10, "it answers 501"),
    (Flaw::OtherNonce, 10, "the nonce differs"),
    (Flaw::DebugTd, 10, "debug"),
    (Flaw::OtherRoot, 10, "root"),
    // What stands beside the quote does not matter.
    (Flaw::FalseReading, 0, "a quote of"),
    (Flaw::GoneBeforeDelete, 0, "asked for again, it is not there"),
    (Flaw::DeleteFails, 1, "probe cleanup --out out"),
    (Flaw::FirewallDeleteFails, 1, "gcloud compute firewall-rules delete"),
    (Flaw::Forbidden, 1, "compute.instanceAdmin.v1"),
    (Flaw::TokenRefused, 1, "the access token was not accepted"),
    (Flaw::Limited, 1, "requests a minute"),
    (Flaw::Unavailable, 1, "503"),
];

#[test]
fn every_fault_has_its_code_and_its_sentence_and_leaves_a_clean_account() {
    let mut wrong = Vec::new();
    for (flaw, code, words) in FAULTS {
        let site = Site::start(Some(flaw));
        let run = site.probe("out", &[]).run();
        let said = format!("{}{}", run.stdout, run.stderr);
        if run.code != code || !said.contains(words) {
            wrong.push(format!("{flaw:?}: expected {code} and {words:?}\n{} {said}", run.code));
        }
        let left = site.world.gcp().standing();
        let stays = matches!(flaw, Flaw::DeleteFails | Flaw::FirewallDeleteFails);
        if left.is_empty() == stays {
            wrong.push(format!("{flaw:?} leaves {left:?}"));
        }
        let files = site.place.names("out");
        let proposes = files.iter().any(|name| name == "measurement-policy-candidates.json");
        // What became of the machine says nothing of what was measured.
        if proposes != (code == 0 || stays) {
            wrong.push(format!("{flaw:?} leaves {files:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_next_zone_is_tried_when_several_are_given() {
    let site = Site::start(Some(Flaw::NoRoomInTheFirstZone));
    let run = site.probe("out", &["--zone", "europe-west4-b"]).run().expect(0);
    run.says(&["europe-west4-b"]);
    site.is_clean();
    let other = Site::start(Some(Flaw::OtherImage));
    other.probe("out", &[]).run().expect(0);
    other.is_clean();
}

#[test]
fn what_a_machine_that_cannot_be_deleted_leaves_deletes_itself() {
    let site = Site::start(Some(Flaw::DeleteFails));
    site.probe("out", &[]).run().expect(1);
    assert!(!site.world.gcp().standing().is_empty());
    site.world.gcp().advance(1 + 1800);
    site.is_clean();
}
