//! A world in this process, and probes of it in processes of their own: what they leave behind stands in the world's account.

use std::process::Child;

use merotee::sandbox::{
    boot::image_digest,
    phala::{API_KEY, Cloud},
    tamper::Tamper,
    world::{Plan, World},
};
use merotee::subject::profile::Profile;
use tokio::runtime::Runtime;

use crate::binary::{Invocation, Place};

pub(super) struct Stage {
    pub(super) place: Place,
    world: World,
    runtime: Runtime,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::of(Plan::default())
    }

    /// With a service that is spoilt.
    pub(super) fn spoilt(kind: &str) -> Self {
        Self::of(Plan { tampers: vec![Tamper::parse(kind).unwrap()], ..Plan::default() })
    }

    fn of(plan: Plan) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let world = runtime.block_on(World::start(&plan)).unwrap();
        Self { place: Place::new(), world, runtime }
    }

    pub(super) fn cloud(&self) -> &Cloud {
        self.world.phala()
    }

    /// A command in this world, as if it were the real one.
    pub(super) fn merotee<'a>(&'a self, words: &[&str]) -> Invocation<'a> {
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

    /// A probe of an image that is pinned, in a folder of its own.
    pub(super) fn probe<'a>(&'a self, out: &str, options: &[&str]) -> Invocation<'a> {
        let digest = image_digest(&super::RELEASE.parse().unwrap(), Profile::Debug);
        let image = format!("ghcr.io/calimero-network/mero-kms-phala@{digest}");
        let root = self.world.tdx_root();
        let words = ["probe", "run", "--family", "kms", "--profile", "debug", "--image", &image];
        let words = [&words[..], &["--expect-version", "1.2.0", "--wait", "4", "--out", out]].concat();
        self.merotee(&words).args(["--root", root.to_str().unwrap()]).args(options)
    }

    /// The same in a process that the test stops: what it leaves in its temporary folder is no other's.
    pub(super) fn aside(&self, out: &str, options: &[&str]) -> Child {
        let temporary = self.place.path("aside");
        std::fs::create_dir_all(&temporary).unwrap();
        self.probe(out, options).env("TMPDIR", temporary).start()
    }

    /// Looks again and again until it is so.
    #[track_caller]
    pub(super) fn until(&self, so: impl Fn(&Cloud) -> bool) {
        self.runtime.block_on(super::until(|| async { so(self.cloud()) }));
    }

    /// The account holds nothing, and nothing runs.
    #[track_caller]
    pub(super) fn is_clean(&self, what: &str) {
        // A machine that was deleted goes when it is looked at; whoever deleted it has looked.
        assert_eq!((self.cloud().machines(), self.cloud().running()), (Vec::new(), 0), "{what}");
    }
}
