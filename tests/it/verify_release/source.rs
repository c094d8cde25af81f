//! One release, one source: signatures that are each sound, and together are not of one ref and commit.

use std::path::PathBuf;

use merotee::sandbox::sigstore::{Extensions, Identity, Instance};
use serde_json::Value;

use super::only;
use crate::binary::{Place, Run, findings, statuses};

const KMS: &str = "mero-kms-v1.0.0";
const NODE: &str = "mero-tee-v1.0.0";
const REPOSITORY: &str = "calimero-network/mero-tee";
const MASTER: &str = "refs/heads/master";
const OTHER: &str = "ffffffffffffffffffffffffffffffffffffffff";
const SBOM: &str = "kms-phala-container-sbom.spdx.json";

/// A kept release whose assets are signed anew, one bundle each, by the sandbox's own instance.
struct Release {
    place: Place,
    tag: &'static str,
    instance: Instance,
    commit: String,
}

impl Release {
    fn kept(tag: &'static str) -> Self {
        let place = Place::new();
        let kept = place.kept(tag);
        if tag == KMS {
            // Its signatures are detached, and nothing here asks a log.
            std::fs::remove_dir_all(kept.join(NODE)).unwrap();
        }
        let instance = Instance::new(0, now()).unwrap();
        let mut release = Self { place, tag, instance, commit: String::new() };
        release.commit = release.stated().expect("a document states a commit");
        release
    }

    fn folder(&self) -> PathBuf {
        self.place.path("kept").join(self.tag)
    }

    fn stated(&self) -> Option<String> {
        let documents =
            self.place.names(&format!("kept/{}", self.tag)).into_iter().filter(|name| name.ends_with(".json"));
        let read =
            |name: String| serde_json::from_slice::<Value>(&std::fs::read(self.folder().join(name)).unwrap()).ok();
        documents.filter_map(read).find_map(|document| document["commit_sha"].as_str().map(str::to_owned))
    }

    /// The assets that are signed.
    fn signed(&self) -> Vec<String> {
        let evidence = [".sig", ".pem", ".bundle.json", ".sigstore.json"];
        let names = self.place.names(&format!("kept/{}", self.tag));
        let signed =
            names.iter().filter(|name| evidence.iter().any(|suffix| names.contains(&format!("{name}{suffix}"))));
        signed.cloned().collect()
    }

    /// Signs every asset, each by the identity that `by` gives for it, in place of its signatures so far.
    fn sign(&mut self, by: impl Fn(&str) -> Identity) {
        for name in self.signed() {
            let path = self.folder().join(&name);
            for suffix in [".sig", ".pem", ".bundle.json", ".sigstore.json"] {
                let _ = std::fs::remove_file(self.folder().join(format!("{name}{suffix}")));
            }
            let bundle = self.instance.sign(&std::fs::read(path).unwrap(), &by(&name), now()).unwrap().bundle_json;
            std::fs::write(self.folder().join(format!("{name}.sigstore.json")), bundle).unwrap();
        }
    }

    fn by(&self, git_ref: &str, commit: &str) -> Identity {
        let workflow = if self.tag == KMS { "release-kms-phala.yaml" } else { "release-node-image-gcp.yaml" };
        Identity::github_workflow(REPOSITORY, workflow, git_ref, commit)
    }

    fn verify(&self, more: &[&str]) -> Run {
        let command = ["verify-release-assets", self.tag, "--dir", "kept", "--offline", "--format", "json"];
        self.place.sandbox(command).args(more).run()
    }
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_760_000_000).unwrap()
}

fn failed(report: &Value, check: &str) -> Vec<String> {
    let wrong = findings(report).into_iter().filter(|f| f["check"] == check && f["status"] == "fail");
    wrong.map(|f| f["subject"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_release_signed_at_one_ref_and_commit_passes_and_the_report_shows_both() {
    for tag in [KMS, NODE] {
        let mut release = Release::kept(tag);
        for git_ref in [MASTER, &format!("refs/tags/{tag}")] {
            for extensions in [Extensions::Both, Extensions::Older, Extensions::Newer] {
                let identity = Identity { extensions, ..release.by(git_ref, &release.commit) };
                release.sign(|_| identity.clone());
                let report = release.verify(&[]).expect(0).report();
                let message = only(&report, "source-commit")["message"].to_string();
                assert!(message.contains(git_ref) && message.contains(&release.commit), "{message}");
                assert_eq!(report["sections"][0]["facts"]["commit"], release.commit.as_str());
            }
        }
        let command = ["verify-release-assets", tag, "--dir", "kept", "--offline"];
        let run = release.place.sandbox(command).run().expect(0);
        assert!(run.stdout.contains("source-commit") && run.stdout.contains(&release.commit), "{}", run.stdout);
    }
}

#[test]
fn one_asset_of_another_ref_or_commit_fails_by_its_name() {
    let mut release = Release::kept(KMS);
    let (tag, commit) = (format!("refs/tags/{KMS}"), release.commit.clone());
    for (odd_ref, odd_commit, rest) in [
        (MASTER, OTHER, tag.as_str()),
        (MASTER, commit.as_str(), tag.as_str()),
        (tag.as_str(), OTHER, tag.as_str()),
        (MASTER, OTHER, MASTER),
        (tag.as_str(), commit.as_str(), MASTER),
    ] {
        let (odd, usual) = (release.by(odd_ref, odd_commit), release.by(rest, &commit));
        release.sign(|name| if name == SBOM { odd.clone() } else { usual.clone() });
        let report = release.verify(&[]).expect(10).report();
        assert_eq!(failed(&report, "source-commit"), [SBOM], "{odd_ref} {odd_commit} among {rest}");
        assert!(statuses(&report, "identity").iter().all(|s| *s == "pass"), "each for itself is of the workflow");
        assert_eq!(report["sections"][0]["facts"].get("commit"), None);
    }
    // The SBOM of another release, soundly signed on the branch when that was made.
    let mut other = Release::kept(KMS);
    let sbom = other.place.read(&format!("kept/{KMS}/{SBOM}")).replace("1.0.0", "0.9.0");
    other.place.write(&format!("kept/{KMS}/{SBOM}"), sbom);
    let (odd, usual) = (other.by(MASTER, OTHER), other.by(&tag, &commit));
    other.sign(|name| if name == SBOM { odd.clone() } else { usual.clone() });
    assert_eq!(failed(&other.verify(&[]).expect(10).report(), "source-commit"), [SBOM]);
}

#[test]
fn a_release_whose_every_asset_is_of_another_commit_fails_by_its_documents() {
    for tag in [KMS, NODE] {
        let mut release = Release::kept(tag);
        let other = release.by(&format!("refs/tags/{tag}"), OTHER);
        release.sign(|_| other.clone());
        let report = release.verify(&[]).expect(10).report();
        let wrong = failed(&report, "source-commit");
        assert!(!wrong.is_empty() && wrong.iter().all(|name| name.ends_with(".json")), "{wrong:?}");
        let finding = findings(&report).into_iter().find(|f| f["check"] == "source-commit").unwrap();
        assert_eq!((&finding["expected"], &finding["actual"]), (&OTHER.into(), &release.commit.as_str().into()));
    }
}

#[test]
fn two_forms_of_one_signature_must_agree_as_well() {
    let mut release = Release::kept(KMS);
    let usual = release.by(MASTER, &release.commit);
    release.sign(|_| usual.clone());
    let bytes = std::fs::read(release.folder().join(SBOM)).unwrap();
    let (git_ref, commit) = (format!("refs/tags/{KMS}"), release.commit.clone());
    for odd in [release.by(MASTER, OTHER), release.by(&git_ref, &commit)] {
        let bundle = release.instance.sign(&bytes, &odd, now()).unwrap().cosign_bundle_json;
        std::fs::write(release.folder().join(format!("{SBOM}.bundle.json")), bundle).unwrap();
        assert_eq!(failed(&release.verify(&[]).expect(10).report(), "source-commit"), [SBOM]);
    }
}

#[test]
fn a_signer_the_user_names_is_held_to_one_source_too_and_to_his_own() {
    let mut release = Release::kept(KMS);
    let (odd, usual) = (release.by(MASTER, OTHER), release.by(MASTER, &release.commit));
    let exact = ["--certificate-identity", usual.san.as_str()];
    let pattern = ["--certificate-identity-regexp", "https://github.com/calimero-network/.*"];
    release.sign(|_| usual.clone());
    for named in [&exact, &pattern] {
        release.verify(named).expect(0);
    }
    release.sign(|name| if name == SBOM { odd.clone() } else { usual.clone() });
    for named in [&exact, &pattern] {
        assert_eq!(failed(&release.verify(named).expect(10).report(), "source-commit"), [SBOM]);
    }
    // A foreign caller of the workflow: everything else is as it should be.
    for extensions in [Extensions::Both, Extensions::Older, Extensions::Newer, Extensions::IssuerOnly] {
        let caller = Identity { repository: "evil/fork".into(), extensions, ..usual.clone() };
        release.sign(|_| caller.clone());
        for named in [&[][..], &exact, &pattern] {
            let report = release.verify(named).expect(10).report();
            assert!(!failed(&report, "identity").is_empty(), "{extensions:?} {named:?}");
        }
        if extensions != Extensions::IssuerOnly {
            release.verify(&["--certificate-source-repository", "evil/fork"]).expect(0);
        }
    }
}

#[test]
fn a_quick_run_and_a_counterpart_are_held_to_one_source() {
    let mut node = Release::kept(NODE);
    let (odd, usual) = (node.by(MASTER, OTHER), node.by(MASTER, &node.commit));
    let measurements = "published-mrtds.json";
    node.sign(|name| if name == measurements { odd.clone() } else { usual.clone() });
    assert_eq!(failed(&node.verify(&["--quick"]).expect(10).report(), "source-commit"), [measurements]);
    node.sign(|_| usual.clone());
    node.verify(&["--quick"]).expect(0);

    // The KMS is genuine; the node release beside it is not of one source, so nothing in it is believed.
    let mut kms = Release::kept(KMS);
    let usual = kms.by(MASTER, &kms.commit);
    kms.sign(|_| usual.clone());
    kms.verify(&[]).expect(0);
    node.sign(|name| if name == measurements { odd.clone() } else { node_usual(&odd) });
    let beside = kms.place.path("kept").join(NODE);
    std::fs::create_dir(&beside).unwrap();
    let copy = |node: &Release| {
        for name in node.place.names(&format!("kept/{NODE}")) {
            std::fs::copy(node.folder().join(&name), beside.join(&name)).unwrap();
        }
    };
    copy(&node);
    let report = kms.verify(&[]).expect(10).report();
    assert_eq!(failed(&report, "counterpart-measurements"), [NODE]);
    node.sign(|_| node_usual(&odd));
    copy(&node);
    assert_eq!(statuses(&kms.verify(&[]).expect(0).report(), "counterpart-measurements"), ["pass"; 3]);
}

/// The same signer at the commit that the sample's documents state.
fn node_usual(odd: &Identity) -> Identity {
    let commit = merotee::sandbox::documents::commit(&NODE.parse().unwrap());
    Identity { commit_sha: commit, ..odd.clone() }
}
