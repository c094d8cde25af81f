//! A world in this process with a production, and rollouts in processes of their own: what they do to it stands in its account.

use std::{
    path::{Path, PathBuf},
    process::Child,
};

use merotee::{
    sandbox::{
        boot::{compose_of, image_digest},
        docker::SeenService,
        documents::REPOSITORY,
        phala::{API_KEY, Cloud, SeenMachine},
        sigstore::{JOB_TOKEN, Log},
        tamper::Tamper,
        world::{
            Plan, World,
            production::{Composed, MACHINE, Production, SERVICE},
        },
    },
    subject::{profile::Profile, tag::Family},
};
use tokio::runtime::Runtime;

use crate::binary::{BINARY, Invocation, Place, Run};

/// What production runs at first, and what is rolled out.
pub(super) const OLD: &str = "mero-kms-v1.1.1";
pub(super) const NEW: &str = "mero-kms-v1.2.0";

/// Where a KMS runs for good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum On {
    Cloud,
    Host,
}

pub(super) struct Stage {
    pub(super) place: Place,
    pub(super) world: World,
    production: Standing,
    /// What stands in the place of Docker.
    docker: PathBuf,
    _runtime: Runtime,
}

enum Standing {
    Machine(Production),
    Composed(Composed),
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::of(On::Cloud, Plan::default())
    }

    pub(super) fn on(on: On) -> Self {
        Self::of(on, Plan::default())
    }

    /// In which this is spoilt; of releases, only those of these tags.
    pub(super) fn spoilt(on: On, kind: &str, targets: &[&str]) -> Self {
        let targets = targets.iter().map(|tag| tag.parse().unwrap()).collect();
        Self::of(on, Plan { tampers: vec![Tamper::parse(kind).unwrap()], targets, ..Plan::default() })
    }

    fn of(on: On, plan: Plan) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (world, production) = runtime.block_on(async {
            let world = World::start(&plan).await.unwrap();
            let production = match on {
                On::Cloud => Standing::Machine(world.production().await.unwrap()),
                On::Host => Standing::Composed(world.composed_production().await.unwrap()),
            };
            (world, production)
        });
        world.phala().record().clear();
        let docker = world.docker_program(Path::new(BINARY)).unwrap();
        Self { place: Place::new(), world, production, docker, _runtime: runtime }
    }

    pub(super) fn cloud(&self) -> &Cloud {
        self.world.phala()
    }

    /// A command in this world, as if it were the real one.
    fn merotee<'a>(&'a self, words: &[&str]) -> Invocation<'a> {
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
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
            ("MEROTEE_DOCKER", path(self.docker.clone())),
            ("MEROTEE_SANDBOX_PACE", "compressed".to_owned()),
        ];
        self.place.merotee(words).envs(variables.into_iter().map(|(name, value)| (name.to_owned(), value)))
    }

    /// Begins a rollout, or goes on with the one that was begun.
    pub(super) fn run(&self) -> Invocation<'_> {
        self.run_with(self.unmeasured())
    }

    /// The same with other options about places.
    pub(super) fn run_with(&self, options: &[&str]) -> Invocation<'_> {
        let standing = self.node(self.standing());
        let root = self.world.tdx_root();
        let words = ["rollout", "run", "1.2.0", "--profile", "locked-read-only", "--state", "rollout.jsonl"];
        let places = self.places();
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        let nodes = ["--standing-node", &standing, "--root", root.to_str().unwrap()];
        // A debug build on a busy machine is slow at times, and a sample every five minutes is enough here.
        let soak = ["--interval", "300", "--requests", "1", "--latency-limit", "500"];
        self.merotee(&[&words[..], &places, options, &nodes, &soak].concat())
    }

    /// What a rollout would do, with one more option.
    pub(super) fn plan(&self, option: &str, value: &str) -> Invocation<'_> {
        self.planned(&self.places(), &[option, value])
    }

    /// What a rollout would do with staging there.
    pub(super) fn plan_of(&self, staging: &str, options: &[&str]) -> Invocation<'_> {
        let mut places = self.places();
        *places.get_mut(1).unwrap() = staging.to_owned();
        self.planned(&places, options)
    }

    fn planned(&self, places: &[String], options: &[&str]) -> Invocation<'_> {
        let words = ["rollout", "plan", "1.2.0", "--profile", "locked-read-only"];
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        self.merotee(&[&words[..], &places, self.unmeasured(), options].concat())
    }

    /// Where staging and production are, and the nodes there.
    fn places(&self) -> Vec<String> {
        let (staging, production) = match &self.production {
            Standing::Machine(_) => ("phala:mero-kms-staging".to_owned(), format!("phala:{MACHINE}")),
            Standing::Composed(composed) => {
                let of = |file: &Path| format!("compose:{}#{SERVICE}", file.display());
                (of(&composed.staging), of(&composed.production))
            }
        };
        let node = self.node(&self.world.node_agent());
        let words = ["--staging", &staging, "--production", &production, "--staging-node", &node, "--production-node"];
        words.into_iter().map(str::to_owned).chain([node.clone()]).collect()
    }

    /// What Docker runs is not measured.
    fn unmeasured(&self) -> &'static [&'static str] {
        match self.production {
            Standing::Machine(_) => &[],
            Standing::Composed(_) => &["--unmeasured"],
        }
    }

    fn standing(&self) -> &Path {
        match &self.production {
            Standing::Machine(production) => &production.standing_agent,
            Standing::Composed(composed) => &composed.standing_agent,
        }
    }

    /// Another order.
    pub(super) fn order(&self, order: &str) -> Invocation<'_> {
        let root = self.world.tdx_root();
        self.merotee(&["rollout", order, "--state", "rollout.jsonl", "--root", root.to_str().unwrap()])
    }

    /// Goes on until it is complete: what is not settled yet asks to be resumed again.
    pub(super) fn resumed(&self) -> Run {
        let mut run = self.order("resume").run();
        for _ in 0..3 {
            if run.code == 0 {
                break;
            }
            run = self.order("resume").run();
        }
        run
    }

    /// One that the test stops: what it leaves in its temporary folder is no other's.
    pub(super) fn aside(&self) -> Child {
        self.stopped(self.run())
    }

    /// A command that the test stops.
    pub(super) fn stopped(&self, command: Invocation<'_>) -> Child {
        let temporary = self.place.path("aside");
        std::fs::create_dir_all(&temporary).unwrap();
        command.env("TMPDIR", temporary).start()
    }

    /// What production is on the cloud.
    #[track_caller]
    fn machine(&self) -> SeenMachine {
        let machines = self.cloud().machines();
        machines.into_iter().find(|machine| machine.name == MACHINE).expect("production is gone")
    }

    /// What production is on the host.
    #[track_caller]
    fn service(&self) -> SeenService {
        let services = self.world.docker().services();
        services.into_iter().find(|service| service.project == MACHINE).expect("production is gone")
    }

    /// How often production was given something else to run.
    #[track_caller]
    pub(super) fn updates(&self) -> usize {
        match self.production {
            Standing::Machine(_) => self.machine().updates,
            Standing::Composed(_) => self.service().updates,
        }
    }

    /// Production runs this release and no staging is left.
    #[track_caller]
    pub(super) fn is_clean(&self, release: &str, what: &str) {
        let release = release.parse().unwrap();
        let compose = compose_of(&release, Profile::LockedReadOnly);
        match &self.production {
            Standing::Machine(_) => {
                assert_eq!(self.machine().compose, compose, "{what}");
                let names: Vec<String> = self.cloud().machines().into_iter().map(|machine| machine.name).collect();
                let one = [MACHINE.to_owned()];
                assert_eq!((names.as_slice(), self.cloud().running()), (one.as_slice(), 1), "{what}");
            }
            Standing::Composed(composed) => {
                let on_disk = std::fs::read_to_string(&composed.production).unwrap();
                assert_eq!(on_disk, format!("name: {MACHINE}\n{compose}"), "{what}");
                let service = self.service();
                let digest = image_digest(&release, Profile::LockedReadOnly);
                assert!(service.image.ends_with(&digest) && service.address.is_some(), "{what}: {service:?}");
                assert_eq!(self.world.docker().services(), [service], "{what}");
            }
        }
    }

    /// A node that production served before asks it for its key.
    fn asks(&self, agent: &Path) -> Run {
        let address = match self.production {
            Standing::Machine(_) => self.machine().address,
            Standing::Composed(_) => self.service().address,
        };
        let (address, key) = (address.unwrap_or_default(), self.world.node_key());
        let (root, agent) = (self.world.tdx_root(), agent.to_str().unwrap());
        let words = ["kms", "get-key", "-v", "--url", &address, "--any-kms", "--node-socket", agent];
        let files = ["--node-key", key.to_str().unwrap(), "--root", root.to_str().unwrap()];
        self.merotee(&[&words[..], &files].concat()).run()
    }

    /// The fingerprint of the key that the standing node gets.
    #[track_caller]
    pub(super) fn standing_key(&self) -> String {
        let run = self.asks(self.standing()).expect(0);
        let (_, fingerprint) = run.stdout.split_once("fingerprint ").expect("no fingerprint");
        fingerprint.split_whitespace().next().unwrap().to_owned()
    }

    fn node(&self, agent: &Path) -> String {
        format!("agent:{},{}", agent.display(), self.world.node_key().display())
    }
}
