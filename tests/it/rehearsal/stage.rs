//! A world in this process with a production, and rollouts in processes of their own: what they do to it stands in its account.

use std::process::Child;

use merotee::{
    sandbox::{
        boot::compose_of,
        documents::REPOSITORY,
        phala::{API_KEY, Cloud, SeenMachine},
        sigstore::{JOB_TOKEN, Log},
        tamper::Tamper,
        world::{
            Plan, World,
            production::{MACHINE, Production},
        },
    },
    subject::{profile::Profile, tag::Family},
};
use tokio::runtime::Runtime;

use crate::binary::{Invocation, Place, Run};

/// What production runs at first, and what is rolled out.
pub(super) const OLD: &str = "mero-kms-v1.1.1";
pub(super) const NEW: &str = "mero-kms-v1.2.0";

pub(super) struct Stage {
    pub(super) place: Place,
    world: World,
    production: Production,
    _runtime: Runtime,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::of(Plan::default())
    }

    /// In which this is spoilt; of releases, only those of these tags.
    pub(super) fn spoilt(kind: &str, targets: &[&str]) -> Self {
        let targets = targets.iter().map(|tag| tag.parse().unwrap()).collect();
        Self::of(Plan { tampers: vec![Tamper::parse(kind).unwrap()], targets, ..Plan::default() })
    }

    fn of(plan: Plan) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (world, production) = runtime.block_on(async {
            let world = World::start(&plan).await.unwrap();
            let production = world.production().await.unwrap();
            (world, production)
        });
        world.phala().record().clear();
        Self { place: Place::new(), world, production, _runtime: runtime }
    }

    pub(super) fn cloud(&self) -> &Cloud {
        self.world.phala()
    }

    /// A command in this world, as if it were the real one.
    fn merotee<'a>(&'a self, words: &[&str]) -> Invocation<'a> {
        let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
        let variables = [
            ("GITHUB_API_URL", self.world.api_url().to_owned()),
            ("GITHUB_REPOSITORY", REPOSITORY.to_owned()),
            ("GH_TOKEN", "sandbox".to_owned()),
            ("MEROTEE_TRUSTED_ROOT", path(self.world.trusted_root())),
            ("MEROTEE_SIGNING_CONFIG", path(self.world.signing_config(Log::Rekor1))),
            ("MEROTEE_REKOR_URL", self.world.sigstore_url().to_owned()),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", self.world.probe_token_url(Family::Kms)),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", JOB_TOKEN.to_owned()),
            ("PCCS_URL", self.world.pccs_url().to_owned()),
            ("PHALA_API_BASE_URL", self.world.phala_url().to_owned()),
            ("PHALA_CLOUD_API_KEY", API_KEY.to_owned()),
            ("MEROTEE_SANDBOX_PACE", "compressed".to_owned()),
        ];
        self.place.merotee(words).envs(variables.into_iter().map(|(name, value)| (name.to_owned(), value)))
    }

    /// Begins a rollout, or goes on with the one that was begun.
    pub(super) fn run(&self) -> Invocation<'_> {
        let node = self.node(&self.world.node_agent());
        let standing = self.node(&self.production.standing_agent);
        let production = format!("phala:{MACHINE}");
        let root = self.world.tdx_root();
        let words = ["rollout", "run", "1.2.0", "--profile", "locked-read-only", "--state", "rollout.jsonl"];
        let places = ["--staging", "phala:mero-kms-staging", "--production", &production, "--staging-node", &node];
        let nodes = ["--production-node", &node, "--standing-node", &standing, "--root", root.to_str().unwrap()];
        // A debug build on a busy machine is slow at times, and a sample every five minutes is enough here.
        let soak = ["--interval", "300", "--requests", "1", "--latency-limit", "500"];
        self.merotee(&[&words[..], &places, &nodes, &soak].concat())
    }

    /// What a rollout would do, with one more option.
    pub(super) fn plan(&self, option: &str, value: &str) -> Invocation<'_> {
        let node = self.node(&self.world.node_agent());
        let production = format!("phala:{MACHINE}");
        let words = ["rollout", "plan", "1.2.0", "--profile", "locked-read-only"];
        let places = ["--staging", "phala:mero-kms-staging", "--production", &production, "--staging-node", &node];
        self.merotee(&[&words[..], &places, &["--production-node", &node, option, value]].concat())
    }

    /// Another order.
    pub(super) fn order(&self, order: &str) -> Invocation<'_> {
        let root = self.world.tdx_root();
        self.merotee(&["rollout", order, "--state", "rollout.jsonl", "--root", root.to_str().unwrap()])
    }

    /// One that the test stops: what it leaves in its temporary folder is no other's.
    pub(super) fn aside(&self) -> Child {
        let temporary = self.place.path("aside");
        std::fs::create_dir_all(&temporary).unwrap();
        self.run().env("TMPDIR", temporary).start()
    }

    /// What production is.
    #[track_caller]
    pub(super) fn production(&self) -> SeenMachine {
        let machines = self.cloud().machines();
        machines.into_iter().find(|machine| machine.name == MACHINE).expect("production is gone")
    }

    /// Production runs this release and no staging is left.
    #[track_caller]
    pub(super) fn is_clean(&self, release: &str, what: &str) {
        let compose = compose_of(&release.parse().unwrap(), Profile::LockedReadOnly);
        assert_eq!(self.production().compose, compose, "{what}");
        let names: Vec<String> = self.cloud().machines().into_iter().map(|machine| machine.name).collect();
        assert_eq!((names.as_slice(), self.cloud().running()), ([MACHINE.to_owned()].as_slice(), 1), "{what}");
    }

    /// A node that production served before asks it for its key.
    pub(super) fn asks(&self, agent: &std::path::Path) -> Run {
        let (address, key) = (self.production().address.unwrap_or_default(), self.world.node_key());
        let (root, agent) = (self.world.tdx_root(), agent.to_str().unwrap());
        let words = ["kms", "get-key", "-v", "--url", &address, "--any-kms", "--node-socket", agent];
        let files = ["--node-key", key.to_str().unwrap(), "--root", root.to_str().unwrap()];
        self.merotee(&[&words[..], &files].concat()).run()
    }

    /// The fingerprint of the key that the standing node gets.
    #[track_caller]
    pub(super) fn standing_key(&self) -> String {
        let run = self.asks(&self.production.standing_agent).expect(0);
        let (_, fingerprint) = run.stdout.split_once("fingerprint ").expect("no fingerprint");
        fingerprint.split_whitespace().next().unwrap().to_owned()
    }

    /// Looks again and again until it is so.
    #[track_caller]
    pub(super) fn until(&self, so: impl Fn(&Cloud) -> bool) {
        self._runtime.block_on(async {
            let looking = async {
                while !so(self.cloud()) {
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
            };
            tokio::time::timeout(std::time::Duration::from_secs(120), looking).await.expect("it never came");
        });
    }

    fn node(&self, agent: &std::path::Path) -> String {
        format!("agent:{},{}", agent.display(), self.world.node_key().display())
    }
}
