//! Keys that are released: to whom the same, to whom others, and what a person sees of it.

use std::{collections::HashSet, fs, os::unix::fs::PermissionsExt as _, path::Path};

use insta::assert_snapshot;
use merotee::{
    kms::Parts,
    policy::{acceptance::accept, profile::Profile},
    sandbox::{boot::Boot, documents},
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
    let changing = [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[time]"),
        (r"until second \d+", "until second N"),
        (r"until=\d+", "until=N"),
    ];
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
