//! Policies from a URL and from a file: with a bundle, with a pin, with both, with neither.

use std::collections::BTreeMap;

use merotee::{
    digest::Sha256,
    sandbox::{
        documents::{self, GENERATED_AT, REPOSITORY},
        sigstore::{Identity, Instance},
    },
    subject::profile::Profile,
};

use super::serve;
use crate::binary::{
    Invocation, Place,
    loopback::{Answer, Server},
};

const WORKFLOW: &str = "release-kms-phala.yaml";
const AT_TAG: &str = "refs/tags/mero-kms-v1.2.0";

/// A policy, its bundle, and the trust root that the bundle is to be judged by.
struct Signed {
    policy: Vec<u8>,
    bundle: String,
    root: String,
}

impl Signed {
    /// The sample policy of `profile`, signed by `workflow` at `git_ref`.
    fn by(profile: Profile, workflow: &str, git_ref: &str) -> Self {
        let tag = "mero-kms-v1.2.0".parse().unwrap();
        let policy = format!("{:#}\n", documents::policy(&tag, profile)).into_bytes();
        let time = GENERATED_AT.parse().unwrap();
        let mut instance = Instance::new(7, time).unwrap();
        let identity = Identity::github_workflow(REPOSITORY, workflow, git_ref, &documents::commit(&tag));
        let bundle = instance.sign(&policy, &identity, time).unwrap().bundle_json;
        Self { policy, bundle, root: instance.trusted_root_json("https://sigstore.invalid") }
    }

    fn genuine() -> Self {
        Self::by(Profile::LockedReadOnly, WORKFLOW, AT_TAG)
    }

    fn digest(&self) -> String {
        Sha256::of(&self.policy).to_string()
    }

    /// A locked-read-only service that believes this root and is told to ask nobody else.
    fn serve<'p>(&self, place: &'p Place) -> Invocation<'p> {
        place.write("root.json", &self.root);
        let service = serve("1.2.0", "locked-read-only");
        place.merotee(service).args([
            "--trusted-root",
            "root.json",
            "--api-url",
            "http://127.0.0.1:9",
            "--retries",
            "0",
        ])
    }

    /// A server that has the policy at `/p.json` and, when asked to, the bundle beside it.
    fn server(&self, with_bundle: bool) -> Server {
        let mut files = BTreeMap::from([("/p.json".to_owned(), self.policy.clone())]);
        if with_bundle {
            files.insert("/p.json.sigstore.json".to_owned(), self.bundle.clone().into_bytes());
        }
        Server::start(move |path, _| match files.get(path.split('?').next().unwrap()) {
            Some(bytes) => Answer::Reply("200 OK", String::new(), bytes.clone()),
            None => Answer::status("404 Not Found", "no such file"),
        })
    }

    /// Writes the policy and, when asked to, the bundle beside it.
    fn write(&self, place: &Place, with_bundle: bool) {
        place.write("p.json", &self.policy);
        if with_bundle {
            place.write("p.json.sigstore.json", &self.bundle);
        }
    }
}

#[test]
fn a_policy_at_a_url_is_believed_with_its_bundle_and_the_query_is_not_shown() {
    let (signed, place) = (Signed::genuine(), Place::new());
    let url = format!("{}/p.json?token=hunter2", signed.server(true).url);
    let run = signed.serve(&place).args(["--policy-url", &url, "-vv"]).run().expect(0);
    let run = run.says(&["is signed by release-kms-phala.yaml @ refs/tags/mero-kms-v1.2.0", "/p.json, sha256:"]);
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    let pinned = signed.serve(&place).args(["--policy-url", &url, "--policy-sha256", &signed.digest()]).run();
    pinned.expect(0);
}

#[test]
fn a_policy_at_a_url_without_a_bundle_is_refused_even_when_it_is_pinned() {
    let (signed, place) = (Signed::genuine(), Place::new());
    let url = format!("{}/p.json", signed.server(false).url);
    for pin in [&[][..], &["--policy-sha256", &signed.digest()]] {
        let run = signed.serve(&place).args(["--policy-url", &url]).args(pin).run().expect(10);
        run.says(&["signature: p.json: no signature", "publish its Sigstore bundle"]).says(&["[FAIL] kms-start"]);
    }
}

#[test]
fn a_redirect_to_another_host_is_followed() {
    let (signed, place) = (Signed::genuine(), Place::new());
    let storage = signed.server(true);
    let front = Server::start(move |path, _| {
        Answer::Reply("302 Found", format!("Location: {}{path}\r\n", storage.url), Vec::new())
    });
    signed.serve(&place).args(["--policy-url", &format!("{}/p.json", front.url)]).run().expect(0);
}

#[test]
fn a_url_that_nobody_answers_or_that_has_no_policy_is_no_verdict() {
    let (signed, place) = (Signed::genuine(), Place::new());
    let url = format!("{}/other.json", signed.server(true).url);
    signed
        .serve(&place)
        .args(["--policy-url", &url])
        .run()
        .expect(1)
        .says(&["answered 404", "no policy at that address"]);
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = signed.serve(&place).args(["--policy-url", &format!("http://{gone}/p.json")]).run().expect(1);
    run.says(&[&gone.to_string()]).without_product();
}

#[test]
fn whoever_else_signed_the_policy_is_named_and_refused() {
    let place = Place::new();
    for (signed, says) in [
        (Signed::by(Profile::LockedReadOnly, "test.yaml", AT_TAG), "another workflow signed"),
        (Signed::by(Profile::LockedReadOnly, WORKFLOW, "refs/heads/feature"), "another ref signed"),
        (Signed::by(Profile::LockedReadOnly, WORKFLOW, "refs/tags/mero-kms-v1.1.0"), "another ref signed"),
    ] {
        let url = format!("{}/p.json", signed.server(true).url);
        let run = signed.serve(&place).args(["--policy-url", &url]).run().expect(10);
        run.says(&["identity: p.json: ", says]).says(&["[FAIL] kms-start"]);
    }
}

#[test]
fn a_sound_signature_makes_no_policy_of_another_profile_acceptable() {
    let (signed, place) = (Signed::by(Profile::Debug, WORKFLOW, AT_TAG), Place::new());
    signed.write(&place, true);
    let run = signed.serve(&place).args(["--policy-file", "p.json"]).run().expect(10);
    run.says(&["p.json: the policy in it is for another profile: expected locked-read-only, got debug"]);
}

#[test]
fn a_policy_in_a_file_needs_its_bundle_or_a_pin() {
    let (signed, place) = (Signed::genuine(), Place::new());
    let digest = signed.digest();
    signed.write(&place, false);
    let run = signed.serve(&place).args(["--policy-file", "p.json"]).run().expect(10);
    run.says(&["p.json: no signature", "put its Sigstore bundle beside it", "MERO_KMS_POLICY_SHA256"]);
    let run = signed.serve(&place).args(["--policy-file", "p.json", "--policy-sha256", &digest]).run().expect(0);
    run.says(&["[WARN] p.json is not signed: only MERO_KMS_POLICY_SHA256 vouches for it"]);
    signed.write(&place, true);
    signed.serve(&place).args(["--policy-file", "p.json"]).run().expect(0).says(&["p.json is signed by"]);
    signed.serve(&place).args(["--policy-file", "absent.json"]).run().expect(1).says(&["absent.json"]);
}

#[test]
fn a_bad_bundle_is_not_made_up_for_by_a_pin_nor_a_wrong_pin_by_a_bundle() {
    let (signed, place) = (Signed::genuine(), Place::new());
    let digest = signed.digest();
    signed.write(&place, true);
    place.write("p.json.sigstore.json", "{}");
    let run = signed.serve(&place).args(["--policy-file", "p.json", "--policy-sha256", &digest]).run().expect(10);
    run.says(&["the policy is refused: signature: p.json: "]);
    signed.write(&place, true);
    let wrong = "0".repeat(64);
    let run = signed.serve(&place).args(["--policy-file", "p.json", "--policy-sha256", &wrong]).run().expect(10);
    run.says(&[&format!("expected sha256:{wrong}, got sha256:{digest}"), "MERO_KMS_POLICY_SHA256"]);
    let mut changed = signed.policy.clone();
    changed.push(b' ');
    place.write("p.json", &changed);
    signed
        .serve(&place)
        .args(["--policy-file", "p.json"])
        .run()
        .expect(10)
        .says(&["the policy is refused: signature: p.json: "]);
}

#[test]
fn a_pin_holds_for_the_policy_of_a_release_too() {
    let signed = Signed::genuine();
    let service = serve("1.2.0", "locked-read-only");
    // The sandbox's release has the very same policy.
    Place::new().sandbox(service.clone()).args(["--policy-sha256", &signed.digest()]).run().expect(0);
    let prefixed = format!("sha256:{}", signed.digest().to_uppercase());
    Place::new().sandbox(service.clone()).args(["--policy-sha256", &prefixed]).run().expect(0);
    let run = Place::new().sandbox(service).args(["--policy-sha256", &"0".repeat(64)]).run().expect(10);
    run.says(&["the policy is not the pinned one: expected sha256:0000", "came from mero-kms-v1.2.0"])
        .says(&["[FAIL] kms-start"]);
}

#[test]
fn a_policy_that_stands_alone_must_not_take_a_kms_for_a_node() {
    let tag = "mero-kms-v1.2.0".parse().unwrap();
    let place = Place::new();
    for (profile, other) in [
        (Profile::Debug, Profile::LockedReadOnly),
        (Profile::Debug, Profile::Debug),
        (Profile::DebugReadOnly, Profile::Debug),
    ] {
        let mut policy = documents::policy(&tag, profile);
        let kms = documents::policy(&tag, other);
        for register in ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"] {
            let value = kms["policy"][format!("kms_allowed_{register}")][0].clone();
            policy["policy"][format!("node_allowed_{register}")].as_array_mut().unwrap().push(value);
        }
        let text = policy.to_string();
        place.write("p.json", &text);
        let pin = Sha256::of(text.as_bytes()).to_string();
        let service = serve("1.2.0", profile.as_str());
        let run = place.merotee(service).args(["--policy-file", "p.json", "--policy-sha256", &pin]).run().expect(10);
        run.says(&["[FAIL] kms-start", "[ERROR] the policy is refused: role-separation: p.json: "]);
    }
}
