//! `probe cleanup` by label and by age, and the names of others: an account with machines that this program did not make, or made
//! long ago.

use std::time::Duration;

use axum::http::Method;
use merotee::{
    adapters::{
        http::HttpOptions,
        phala::{Answered, Order, Phala},
    },
    sandbox::{
        phala::API_KEY,
        trouble::{Mishap, Trouble},
        world::{Plan, World},
    },
};
use secrecy::SecretString;
use tokio::runtime::Runtime;
use url::Url;

use crate::binary::{Invocation, Place};

/// A world in this process.
pub(super) struct Site {
    pub(super) world: World,
    pub(super) place: Place,
    runtime: Runtime,
}

impl Site {
    pub(super) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let world = runtime.block_on(World::start(&Plan::default())).unwrap();
        Self { world, place: Place::new(), runtime }
    }

    /// A command with the account's key.
    pub(super) fn merotee(&self, words: &[&str]) -> Invocation<'_> {
        let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
        let variables = [
            ("GITHUB_API_URL", self.world.api_url().to_owned()),
            ("GITHUB_REPOSITORY", "calimero-network/mero-tee".to_owned()),
            ("GH_TOKEN", "sandbox".to_owned()),
            ("MEROTEE_TRUSTED_ROOT", path(self.world.trusted_root())),
            ("MEROTEE_REKOR_URL", self.world.sigstore_url().to_owned()),
            ("PCCS_URL", self.world.pccs_url().to_owned()),
            ("PHALA_API_BASE_URL", self.world.phala_url().to_owned()),
            ("PHALA_CLOUD_API_KEY", API_KEY.to_owned()),
        ];
        self.place.merotee(words).envs(variables.into_iter().map(|(name, value)| (name.to_owned(), value)))
    }

    /// A probe of the sample release's debug image.
    pub(super) fn probe(&self, out: &str, options: &[&str]) -> Invocation<'_> {
        let words = ["probe", "run", super::RELEASE, "--family", "kms", "--profile", "debug", "--out", out];
        self.merotee(&words).args(["--root".as_ref(), self.world.tdx_root().as_os_str()]).args(options)
    }

    /// A machine that somebody makes, which boots nothing.
    fn machine(&self, name: &str) {
        let url = Url::parse(self.world.phala_url()).unwrap();
        let options = HttpOptions { backoff: Duration::from_millis(1), ..HttpOptions::default() };
        let phala = Phala::new(&url, &SecretString::from(API_KEY), options).unwrap();
        let name = name.parse().unwrap();
        let order = Order { name: &name, instance_type: "tdx.small", region: None, compose: "services: {}\n" };
        self.runtime.block_on(async {
            let Answered::Done(provisioned) = phala.provision(&order).await.unwrap() else { panic!("not provisioned") };
            let Answered::Done(_) = phala.create(&provisioned, &name).await.unwrap() else { panic!("not created") };
        });
    }

    /// Names of the machines that there are.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.world.phala().machines().into_iter().map(|machine| machine.name).collect();
        names.sort();
        names
    }
}

#[test]
fn a_name_that_another_has_taken_is_refused_and_its_machine_is_left_alone() {
    let site = Site::start();
    site.machine("merotee-probe-mine");
    let before = site.world.phala().machines();
    let run = site.probe("out", &["--label", "mine"]).run().expect(1);
    drop(run.says(&["the account holds a machine merotee-probe-mine already", "another --label"]));
    let [one] = before.as_slice() else { panic!("{before:?}") };
    let ids = |machines: Vec<merotee::sandbox::phala::SeenMachine>| -> Vec<String> {
        machines.into_iter().map(|machine| machine.uuid).collect()
    };
    assert_eq!(ids(site.world.phala().machines()), std::slice::from_ref(&one.uuid));
    // Nor does a journal that names it make it the probe's: the application is not the one that it registered.
    let record = |kind: &str, request: &str| {
        format!(
            "{{\"v\":1,\"at\":\"2026-11-30T09:10:04Z\",\"record\":{{\"intent\":{{\"cloud\":\"phala\",\"kind\":\"{kind}\",\"name\":\
             \"merotee-probe-mine\",\"label\":\"mine\",\"request\":\"{request}\"}}}}}}\n"
        )
    };
    let journal = record("application", "07070707-0707-4707-8707-070707070707");
    site.place.write("out/probe-journal.jsonl", journal + &record("machine", "08080808-0808-4808-8808-080808080808"));
    let run = site.merotee(&["probe", "cleanup", "--out", "out"]).run().expect(0);
    drop(run.says(&["no machine was made"]));
    assert_eq!(ids(site.world.phala().machines()), std::slice::from_ref(&one.uuid));
}

#[test]
fn what_bears_a_label_is_removed_and_nothing_else_is_touched() {
    let site = Site::start();
    for name in ["merotee-probe-gone", "merotee-probe-gone-2", "merotee-probe-other", "production"] {
        site.machine(name);
    }
    let all = site.names();
    let cleanup = ["probe", "cleanup", "--family", "kms", "--label", "gone"];
    site.merotee(&cleanup).args(["--dry-run"]).run().expect(0).says(&["delete machine"]);
    assert_eq!(site.names(), all, "a rehearsal removes nothing");
    let run = site.merotee(&cleanup).run().expect(0);
    drop(run.says(&["merotee-probe-gone", "deleted, and the account holds it no more"]));
    assert_eq!(site.names(), ["merotee-probe-gone-2", "merotee-probe-other", "production"]);
    site.merotee(&cleanup).run().expect(0).says(&["no matching machines in the account"]);
}

#[test]
fn what_is_older_than_said_is_removed_and_what_is_younger_or_no_probes_stays() {
    let site = Site::start();
    let old = jiff::Timestamp::now() - Duration::from_secs(7_200);
    for name in ["merotee-probe-old", "merotee-probe-young", "my-merotee-probe-old", "production"] {
        site.machine(name);
    }
    for name in ["merotee-probe-old", "my-merotee-probe-old", "production"] {
        site.world.phala().made_at(name, old);
    }
    let cleanup =
        |age: &str| site.merotee(&["probe", "cleanup", "--family", "kms", "--older-than", age]).run().expect(0);
    drop(cleanup("3h").says(&["no matching machines in the account"]));
    drop(cleanup("1h").says(&["merotee-probe-old", "deleted, and the account holds it no more"]));
    assert_eq!(site.names(), ["merotee-probe-young", "my-merotee-probe-old", "production"]);
}

#[test]
fn what_has_no_age_is_left_alone_and_told_and_what_is_listed_in_an_odd_form_is_so_only_where_it_is_asked_for() {
    let site = Site::start();
    for name in ["merotee-probe-old", "merotee-probe-ageless"] {
        site.machine(name);
    }
    site.world.phala().made_at("merotee-probe-old", jiff::Timestamp::now() - Duration::from_secs(7_200));
    site.world.phala().made_sometime("merotee-probe-ageless");
    // Somebody else's machine, of a kind that this program does not know.
    site.world.phala().list(serde_json::json!({"name": "production", "app_id": 7, "vm_uuid": ["?"]}));
    let by_age = || site.merotee(&["probe", "cleanup", "--family", "kms", "--older-than", "1h"]).run();
    let run = by_age().expect(1);
    drop(run.says(&["merotee-probe-ageless", "left alone: nothing says when it was made", "delete machine"]));
    assert_eq!(site.names(), ["merotee-probe-ageless"]);
    let by_label = |label: &str| site.merotee(&["probe", "cleanup", "--family", "kms", "--label", label]).run();
    by_label("ageless").expect(0);
    assert!(site.names().is_empty());
    // One that may be what is asked for is not passed over.
    site.world.phala().list(serde_json::json!({"name": "merotee-probe-odd", "app_id": 7, "vm_uuid": ["?"]}));
    by_label("odd").expect(1).says(&["answered in an unexpected form"]);
}

/// A journal by which a probe made this machine under this name.
fn journal(name: &str, machine: &merotee::sandbox::phala::SeenMachine) -> String {
    let line = |record: String| format!("{{\"v\":1,\"at\":\"2026-11-30T09:10:04Z\",\"record\":{record}}}\n");
    let ids = format!("{{\"app_id\":\"{}\",\"vm_uuid\":\"{}\"}}", machine.app_id, machine.uuid);
    let made = |kind: &str, request: &str| {
        let intent = line(format!(
            "{{\"intent\":{{\"cloud\":\"phala\",\"kind\":\"{kind}\",\"name\":\"{name}\",\"label\":\"x\",\"request\":\"{request}\"}}}}"
        ));
        intent + &line(format!("{{\"result\":{{\"request\":\"{request}\",\"created\":{{\"ids\":{ids}}}}}}}"))
    };
    made("application", "07070707-0707-4707-8707-070707070707")
        + &made("machine", "08080808-0808-4808-8808-080808080808")
}

#[test]
fn a_journal_that_names_the_ids_of_anothers_machine_deletes_nothing() {
    let site = Site::start();
    site.machine("production");
    let [machine] = site.world.phala().machines().try_into().unwrap();
    std::fs::create_dir(site.place.path("out")).unwrap();
    site.place.write("out/probe-journal.jsonl", journal("merotee-probe-x", &machine));
    let run = site.merotee(&["probe", "cleanup", "--out", "out"]).run().expect(1);
    drop(run.says(&["is not said to be the machine merotee-probe-x", "left alone"]));
    assert_eq!(site.world.phala().machines(), [machine]);
}

#[test]
fn a_machine_whose_id_is_known_is_deleted_although_the_list_fails() {
    let site = Site::start();
    site.machine("merotee-probe-x");
    let [machine] = site.world.phala().machines().try_into().unwrap();
    std::fs::create_dir(site.place.path("out")).unwrap();
    site.place.write("out/probe-journal.jsonl", journal("merotee-probe-x", &machine));
    site.world.phala().record().clear();
    let path = "/cvms/paginated".to_owned();
    site.world.phala().troubles().add(Trouble { method: Method::GET, path, after: 0, what: Mishap::Status(500) });
    let cleanup = ["probe", "cleanup", "--out", "out", "--retries", "0"];
    site.merotee(&cleanup).run().expect(1).says(&["may still be there"]);
    let deleted = site.world.phala().record().writes();
    assert!(deleted.iter().any(|one| one.path.ends_with(&machine.uuid)), "{deleted:?}");
    site.merotee(&cleanup).run().expect(0);
    assert!(site.names().is_empty());
}
