//! A world in this process, and commands about its dstack host in processes of their own.

use std::process::Child;

use merotee::sandbox::{
    tamper::Tamper,
    vmm::{Flaw, Host, STANDING, SeenVm, TOKEN},
    world::{Plan, World},
};
use std::sync::Arc;
use tokio::runtime::Runtime;

use crate::binary::{Invocation, Place};

/// The name that KMSs are certified under here.
pub(super) const DOMAIN: &str = "kms.example.com";

pub(super) struct Stage {
    pub(super) place: Place,
    pub(super) world: World,
    runtime: Runtime,
}

impl Stage {
    /// With nothing on the host.
    pub(super) fn empty() -> Self {
        Self::of(&[])
    }

    /// With a VM whose KMS waits.
    pub(super) fn waiting() -> Self {
        Self::spoilt(&[])
    }

    /// The same, on a host that is spoilt.
    pub(super) fn spoilt(kinds: &[&str]) -> Self {
        let stage = Self::of(kinds);
        stage.stand();
        stage
    }

    /// Another world, whose keys are others.
    pub(super) fn with_seed(seed: u64) -> Self {
        Self::made(&[], seed)
    }

    /// With nothing on the host, which is spoilt.
    pub(super) fn of(kinds: &[&str]) -> Self {
        Self::made(kinds, 0)
    }

    fn made(kinds: &[&str], seed: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let tampers = kinds.iter().map(|kind| Tamper::parse(kind).unwrap()).collect();
        let world = runtime.block_on(World::start(&Plan { seed, tampers, ..Plan::default() })).unwrap();
        Self { place: Place::new(), world, runtime }
    }

    pub(super) fn host(&self) -> &Arc<Host> {
        self.world.dstack()
    }

    /// Runs a VM whose KMS waits, and is allowed.
    pub(super) fn stand(&self) {
        self.runtime.block_on(self.host().stand(STANDING)).unwrap();
    }

    /// Runs a second one.
    pub(super) fn stand_replica(&self) {
        self.runtime.block_on(self.host().stand_replica("kms-2")).unwrap();
    }

    /// Takes the VM of this name away, and its disk.
    pub(super) fn remove(&self, name: &str) {
        self.host().remove(name);
    }

    /// The VM of this name.
    #[track_caller]
    pub(super) fn vm(&self, name: &str) -> SeenVm {
        self.host().vms().into_iter().find(|vm| vm.name == name).unwrap_or_else(|| panic!("no VM {name}"))
    }

    pub(super) fn spoil(&self, flaw: Flaw) {
        self.host().spoil(flaw);
    }

    /// A command in this world, as if it were the real one.
    pub(super) fn merotee<'a>(&'a self, words: &[&str]) -> Invocation<'a> {
        let host = self.host();
        let variables = [
            ("PCCS_URL", self.world.pccs_url().to_owned()),
            ("DSTACK_VMM_URL", host.vmm_url()),
            ("DSTACK_VMM_TOKEN", TOKEN.to_owned()),
            ("DSTACK_KMS_URL", host.kms_url()),
            ("MEROTEE_DSTACK_ALLOW_LIST", host.allow_list().to_str().unwrap().to_owned()),
        ];
        self.place.merotee(words).envs(variables.into_iter().map(|(name, value)| (name.to_owned(), value)))
    }

    /// `dstack bootstrap` into the folder `kms`.
    pub(super) fn bootstrap(&self, options: &[&str]) -> Invocation<'_> {
        let root = self.world.tdx_root();
        let words = ["dstack", "bootstrap", "--domain", DOMAIN, "--out", "kms", "--wait", "20"];
        self.merotee(&words).args(["--root", root.to_str().unwrap()]).args(options)
    }

    /// The same in a process that the test stops: what it leaves in its temporary folder is no other's.
    pub(super) fn aside(&self) -> Child {
        let temporary = self.place.path("aside");
        std::fs::create_dir_all(&temporary).unwrap();
        self.bootstrap(&[]).env("TMPDIR", temporary).start()
    }

    /// Has the VMM create a VM, as another of its users can.
    pub(super) fn create(&self, order: &serde_json::Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/prpc/CreateVm?json", self.host().vmm_url());
        let asked =
            async { client.post(url).bearer_auth(TOKEN).body(order.to_string()).send().await.unwrap().status() };
        assert!(self.runtime.block_on(asked).is_success(), "{order}");
    }

    /// Sends something, as anybody can.
    pub(super) fn post(&self, url: &str, body: &'static str) -> String {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let asked = async { client.post(url).body(body).send().await.unwrap().text().await.unwrap() };
        self.runtime.block_on(asked)
    }

    /// Looks again and again until it is so.
    #[track_caller]
    pub(super) fn until(&self, so: impl Fn() -> bool) {
        let end = std::time::Instant::now() + crate::binary::LIMIT;
        while !so() {
            assert!(std::time::Instant::now() < end, "it never came to be so: {:?}", self.host());
            self.runtime.block_on(async { tokio::time::sleep(std::time::Duration::from_millis(5)).await });
        }
    }

    /// How often the KMS was asked for its keys, and told to serve.
    pub(super) fn asked(&self) -> (usize, usize) {
        let requests = self.host().record().requests();
        let of = |path: &str| requests.iter().filter(|one| one.path.contains(path)).count();
        (of("Onboard.Bootstrap"), of("/finish"))
    }
}
