//! Keys that are released: to whom the same, to whom others, and what a person sees of it.

use std::{collections::HashSet, fs, os::unix::fs::PermissionsExt as _, path::Path};

use insta::assert_snapshot;
use merotee::{
    kms::Parts,
    policy::acceptance::accept,
    sandbox::{boot::Boot, documents},
    subject::profile::Profile,
};

use super::{
    node::Node,
    site::{NOW, Service, Site, platform, tag},
};
use crate::binary::{Place, findings, serve::Serve};

#[tokio::test]
async fn a_peer_gets_its_key_again_from_this_service_from_a_restarted_one_and_from_a_replica() {
    let site = Site::new().await;
    let (service, node) = (site.serve().await, site.node());
    let key = service.key(&node).await.key();
    assert_eq!(key, site.storage_key(&node.peer()));
    assert_eq!(service.key(&node).await.key(), key);
    assert_eq!(site.serve().await.key(&node).await.key(), key);
    // Another machine of the same application, with an agent of its own.
    let replica = Site::new().await;
    assert_eq!(replica.serve().await.key(&node).await.key(), key);
}

#[tokio::test]
async fn no_two_peers_profiles_or_namespaces_have_a_key_in_common() {
    let mut keys = HashSet::new();
    for profile in Profile::ALL {
        let site = Site::of(platform(NOW), profile).await;
        let service = site.serve().await;
        let node = site.node();
        keys.insert(service.key(&node).await.key());
        let other = node.renamed(2);
        keys.insert(service.key(&other).await.key());
        let parts = Parts { key_namespace: "merod/other".to_owned(), ..site.parts() };
        keys.insert(site.serve_with(parts).await.key(&other).await.key());
    }
    assert_eq!(keys.len(), 9);
    assert!(keys.iter().all(|key| key.len() == 64 && key.chars().all(|c| c.is_ascii_hexdigit())), "{keys:?}");
}

#[tokio::test]
async fn a_peers_key_is_the_same_whatever_node_release_it_runs_as_long_as_the_policy_lists_it() {
    let site = Site::new().await;
    let (service, node) = (site.serve().await, site.node());
    let key = service.key(&node).await.key();
    let moved = Node::new(1, &site.platform, Boot::of_release(&tag("mero-tee-v1.1.0"), site.profile));
    assert_eq!(service.key(&moved).await.status, 403);
    let mut policy = site.policy();
    let older = documents::policy(&tag("mero-kms-v1.1.0"), site.profile).to_string();
    policy.allowed = accept("p", older.as_bytes(), site.profile, &tag("mero-kms-v1.1.0")).unwrap().node;
    let service = Service::start(site.parts(), Some(policy)).await;
    assert_eq!(service.key(&moved).await.key(), key);
    assert_eq!(service.key(&node).await.status, 403);
}

/// A report without what differs from run to run.
fn lasting(shown: &str) -> String {
    let changing = [(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[time]")];
    changing.iter().fold(shown.to_owned(), |text, (pattern, word)| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, *word).into_owned()
    })
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn one_command_runs_from_the_judgement_of_the_kms_to_the_key() {
    let place = Place::new();
    let run = place.sandbox(["kms", "get-key"]).run().expect(0);
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        assert_snapshot!("it__kms__get_key_human", lasting(&run.shown()));
    });

    let run = place.sandbox(["kms", "get-key", "--key-out", "key", "--format", "json"]).run().expect(0);
    let report = run.report();
    assert_eq!((&report["command"], &report["verdict"]), (&"kms get-key".into(), &"passed".into()));
    let checks: Vec<_> = findings(&report).iter().map(|f| f["check"].as_str().unwrap()).collect();
    assert_eq!(checks[checks.len() - 3..], ["kms-challenge", "node-quote", "kms-key"]);
    let key = place.read("key");
    assert!(key.len() == 64 && key.chars().all(|c| c.is_ascii_hexdigit()), "not a key in the file");
    assert!(!run.stdout.contains(&key) && !run.stderr.contains(&key), "the key is printed");
    assert_eq!(mode(&place.path("key")), 0o600);
}

/// `kms get-key` or `kms attest` of a node of this sandbox, which is told nothing of whom it may trust.
fn bare<'p>(place: &'p Place, sandbox: &Serve, command: &str) -> crate::binary::Invocation<'p> {
    place.merotee(["kms", command, "--root", sandbox.export("MEROTEE_TDX_ROOT")]).envs(sandbox.exports())
}

#[test]
fn without_a_policy_no_key_is_taken_from_any_machine_unless_that_is_asked_for_by_name() {
    let (sandbox, place) = (Serve::start(), Place::new());
    let run = bare(&place, &sandbox, "get-key").args(["--key-out", "key"]).run().expect(2).without_product();
    run.says(&["[ERROR] no policy says which machines are the KMS", "--expect-policy", "--any-kms"]);
    assert!(!place.path("key").exists());

    let run = bare(&place, &sandbox, "get-key").args(["--key-out", "key", "--any-kms"]).run().expect(0);
    run.says(&["[WARN] kms-known", "not a KMS on it", "any genuine machine could be this KMS"]);
    assert_eq!(place.read("key").len(), 64);

    let policy = sandbox.export("MEROTEE_KMS_POLICY");
    bare(&place, &sandbox, "get-key").args(["--any-kms", "--expect-policy", policy]).run().expect(2).without_product();
    // It waives the policy and nothing else.
    let run = place.merotee(["kms", "get-key", "--any-kms"]).envs(sandbox.exports()).run();
    assert_eq!(run.code, 10, "judged by Intel's root: {}", run.shown());
}

#[test]
fn an_attestation_without_a_policy_says_what_it_proves_and_what_it_does_not() {
    let (sandbox, place) = (Serve::start(), Place::new());
    let run = bare(&place, &sandbox, "attest").run().expect(0);
    run.says(&["[WARN] kms-known", "a genuine TDX machine that answered just now, not a KMS on it"]);
    let policy = sandbox.export("MEROTEE_KMS_POLICY");
    let run = bare(&place, &sandbox, "attest").args(["--expect-policy", policy]).run().expect(0);
    assert!(!run.stdout.contains("kms-known"), "{}", run.stdout);
}

#[test]
fn a_key_does_not_travel_in_the_clear_unless_that_is_asked_for_by_name() {
    let (sandbox, place) = (Serve::start(), Place::new());
    let policy = sandbox.export("MEROTEE_KMS_POLICY");
    for url in ["http://kms.example", "http://192.0.2.1:8080/kms", "http://[2001:db8::1]:8080"] {
        let run = bare(&place, &sandbox, "get-key").args(["--expect-policy", policy, "--url", url]).run().expect(2);
        run.without_product().says(&["the key would travel to", "in the clear", "--allow-http"]);
    }
}

#[test]
fn the_address_of_a_kms_holds_with_and_without_a_slash_at_its_end() {
    let (sandbox, place) = (Serve::start(), Place::new());
    let url = sandbox.export("MERO_KMS_URL");
    assert!(!url.ends_with('/'), "{url}");
    for url in [url.to_owned(), format!("{url}/"), format!("{url}//")] {
        place.merotee(["kms", "health"]).envs(sandbox.exports()).env("MERO_KMS_URL", &url).run().expect(0);
    }
}

#[test]
fn a_key_goes_into_a_file_for_its_owner_alone_the_same_for_a_peer_and_another_for_another() {
    let (sandbox, place) = (Serve::start(), Place::new());
    let policy = sandbox.export("MEROTEE_KMS_POLICY").to_owned();
    let get = |file: &str, more: &[(&str, &Path)]| {
        let by = ["kms", "get-key", "--root", sandbox.export("MEROTEE_TDX_ROOT"), "--expect-policy", &policy];
        let run = place.merotee(by).args(["--key-out", file]).envs(sandbox.exports());
        more.iter().fold(run, |run, (name, value)| run.env(name, value)).run().expect(0);
        assert_eq!(mode(&place.path(file)), 0o600, "{file}");
        place.read(file)
    };
    // A file that everybody may read does not stay so.
    fs::set_permissions(place.write("again", "old"), fs::Permissions::from_mode(0o644)).unwrap();
    let key = get("key", &[]);
    assert_eq!(get("again", &[]), key);
    let other = place.write("other-node", Node::secret(9));
    assert_ne!(get("another", &[("MEROTEE_NODE_KEY", &other)]), key);
}
