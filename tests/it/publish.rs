//! `publish` through the binary, against the sandbox's GitHub behind a gate that stops, fails and notes chosen requests.

mod faults;
mod folder;
mod gate;
mod interrupted;
mod measurements;
mod races;
mod refusals;
mod replaced;

use std::process::Child;

use serde_json::Value;

use self::gate::Gate;
use crate::binary::{Invocation, Place, Run};

const REPOSITORY: &str = "calimero-network/mero-tee";
const KMS: &str = "mero-kms-v1.2.0";
const NODE: &str = "mero-tee-v1.2.0";
const RC: &str = "mero-kms-v1.3.0-rc.1";

/// A world behind a gate, and a place with the files of a release that it does not hold (any more).
struct Stage {
    gate: Gate,
    place: Place,
    tag: &'static str,
}

impl Stage {
    /// The release's files lie in `kept/TAG`; on the server there is its tag alone.
    fn new(tag: &'static str) -> Self {
        let (gate, place) = (Gate::open(), Place::new());
        place.kept(tag);
        gate.remove_releases(tag);
        gate.forget();
        Self { gate, place, tag }
    }

    fn folder(&self) -> String {
        format!("kept/{}", self.tag)
    }

    /// `publish` of the folder, with these options.
    fn publish(&self, options: &[&str]) -> Invocation<'_> {
        let run = self.place.merotee(["publish", self.tag, "--dir", &self.folder()]).args(options);
        run.envs(self.gate.exports())
    }

    /// The same in a process that the test stops: what it leaves in its temporary folder is no other's.
    fn publish_aside(&self, options: &[&str]) -> Child {
        let temporary = self.place.path("aside");
        std::fs::create_dir_all(&temporary).unwrap();
        self.publish(options).env("TMPDIR", temporary).start()
    }

    /// Runs it and asserts that all is there.
    #[track_caller]
    fn finish(&self, options: &[&str]) -> Run {
        let run = self.publish(options).run().expect(0);
        self.is_published();
        run
    }

    /// The release is there once, published, with the folder's files and nothing else.
    #[track_caller]
    fn is_published(&self) {
        let releases = self.gate.releases(self.tag);
        let [release] = &releases[..] else { panic!("{} releases: {releases:#?}", releases.len()) };
        assert_eq!((&release["draft"], &release["name"]), (&Value::Bool(false), &Value::from(self.tag)));
        assert_eq!(release["prerelease"], self.tag.contains("-rc."));
        assert_eq!(
            release["body"].as_str().unwrap().trim(),
            self.place.read(&format!("{}/release-notes.md", self.folder())).trim()
        );
        assert_eq!(self.gate.assets(release), folder::digests(&self.place, &self.folder()));
    }
}

/// Kills a process as `kill -9` does, and waits for its end.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_folder_of_each_family_and_class_becomes_a_release_that_verifies() {
    for tag in [KMS, NODE, RC] {
        let stage = Stage::new(tag);
        let run = stage.finish(&[]);
        run.says(&["publish-readback", tag]);
        let verify = stage.place.merotee(["verify-release-assets", tag]).envs(stage.gate.exports());
        verify.run().expect(0).says(&["PASSED"]);
    }
}

#[test]
fn a_second_run_finds_everything_there_and_changes_nothing() {
    let stage = Stage::new(NODE);
    stage.finish(&[]);
    stage.gate.forget();
    stage.finish(&[]).says(&["nothing to do"]);
    assert_eq!(stage.gate.writes(), [""; 0]);
}

#[test]
fn a_rehearsal_prints_what_the_run_then_does_and_changes_nothing() {
    let stage = Stage::new(KMS);
    let actions = |run: &Run| -> Vec<String> {
        let report = run.report();
        let actions = report["sections"][0]["actions"].as_array().unwrap().clone();
        actions.iter().map(|a| format!("{} {}", a["what"].as_str().unwrap(), a["target"].as_str().unwrap())).collect()
    };
    let planned = stage.publish(&["--dry-run", "--format", "json"]).run().expect(0);
    assert_eq!(stage.gate.writes(), [""; 0]);
    assert_eq!(stage.gate.releases(KMS), [Value::Null; 0]);
    let done = stage.publish(&["--format", "json"]).run().expect(0);
    assert_eq!(actions(&planned), actions(&done));
    let planned = actions(&planned);
    assert_eq!(planned.first().map(String::as_str), Some("create draft mero-kms-v1.2.0"));
    assert_eq!(planned.last().map(String::as_str), Some("publish as latest mero-kms-v1.2.0"));
    let checksums = planned.iter().position(|line| line == "upload checksums.sha256").unwrap();
    assert_eq!(planned[checksums + 1], "upload checksums.sha256.sigstore.json", "{planned:?}");
    assert_eq!(checksums + 3, planned.len());
}

#[test]
fn the_token_and_the_mark_of_a_draft_are_printed_nowhere() {
    let stage = Stage::new(NODE);
    let run = stage.publish(&["-vv"]).run().expect(0);
    assert!(!run.shown().contains(gate::TOKEN), "{}", run.shown());
    assert!(!stage.gate.releases(NODE)[0]["body"].as_str().unwrap().contains("<!-- merotee"));
}
