//! `audit` as its users run it.

mod cache;
mod fifty;
mod limits;
mod memory;
mod proxy;
mod words;

use std::{collections::BTreeMap, io::Read, process::Child};

use merotee::{
    release::contract::Layout,
    sandbox::{
        release::Sample,
        tamper::Tamper,
        world::{Ordered, Plan, World},
    },
};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::binary::{Invocation, Place};

/// A world in the test's own process, so that the test sees what was asked.
pub(crate) struct Repository {
    world: World,
    _runtime: Runtime,
}

impl Repository {
    fn of(instead: Vec<Ordered>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let plan = Plan { instead, ..Plan::default() };
        let world = runtime.block_on(World::start(&plan)).unwrap();
        Self { world, _runtime: runtime }
    }

    /// An audit of it, by way of the API at `api`.
    fn audit_at<'p>(&self, place: &'p Place, api: &str, arguments: &[&str]) -> Invocation<'p> {
        let exports = [
            ("GITHUB_API_URL", api.to_owned()),
            ("GH_TOKEN", "a-token-of-nobody".to_owned()),
            ("MEROTEE_TRUSTED_ROOT", self.world.trusted_root().display().to_string()),
            ("MEROTEE_GITHUB_ROOT", self.world.github_root().display().to_string()),
            ("MEROTEE_REKOR_URL", self.world.sigstore_url().to_owned()),
        ];
        let exports = exports.map(|(name, value)| (name.to_owned(), value));
        place.merotee(["audit", "--repo", "calimero-network/mero-tee"]).args(arguments).envs(exports)
    }

    fn audit<'p>(&self, place: &'p Place, arguments: &[&str]) -> Invocation<'p> {
        self.audit_at(place, self.world.api_url(), arguments)
    }

    /// Paths that the API was asked for since the last time.
    fn asked(&self, since: &mut usize) -> Vec<String> {
        let all = self.world.github().recorder().requests();
        let new = all.iter().skip(*since).map(|request| request.path.clone()).collect();
        *since = all.len();
        new
    }
}

/// A release that is ordered of the world.
fn ordered(tag: &str, layout: Layout, tampers: &[&str]) -> Ordered {
    let tampers = tampers.iter().map(|name| Tamper::parse(name).unwrap()).collect();
    Ordered { sample: Sample { tag: tag.parse().unwrap(), layout }, tampers, archive: None }
}

/// A process that ended, in whatever time it took: many releases take long on a busy machine.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn of(mut child: Child) -> Self {
        let mut pipe = child.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).unwrap();
            text
        });
        let mut stdout = String::new();
        child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let (stderr, status) = (stderr.join().unwrap(), child.wait().unwrap());
        assert!(!stderr.contains("panicked at"), "{stderr}");
        Self { code: status.code(), stdout, stderr }
    }

    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn report(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}\n{}\n{}", self.stdout, self.stderr))
    }
}

/// The verdict on each subject of a report.
fn verdicts(report: &Value) -> BTreeMap<&str, &str> {
    let sections = report["sections"].as_array().unwrap();
    sections.iter().map(|s| (s["subject"].as_str().unwrap(), s["verdict"].as_str().unwrap())).collect()
}

/// The checks that found something on one subject.
fn troubled<'a>(report: &'a Value, subject: &str) -> Vec<&'a str> {
    let sections = report["sections"].as_array().unwrap();
    let section = sections.iter().find(|section| section["subject"] == subject).unwrap();
    let bad = |finding: &&Value| ["fail", "missing", "skipped_required"].contains(&finding["status"].as_str().unwrap());
    let found = section["findings"].as_array().unwrap().iter().filter(bad);
    found.map(|finding| finding["check"].as_str().unwrap()).collect()
}
