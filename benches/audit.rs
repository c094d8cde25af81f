//! `audit` of fifty releases as a process, beside one `verify-release-assets` after the other, and beside `gh release
//! download` with `sha256sum --check`: `cargo bench --bench audit`.
//!
//! Machines are noisy and differ, so nothing here fails on a time. All are run in turn against one world on loopback; what is
//! printed, as a Markdown table for `docs/performance.md`, are medians, their ratio, and the most memory that any process of
//! each held, by `/usr/bin/time`. What is not installed is left out visibly.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and its product is what it prints"
)]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use merotee::{
    release::contract::Layout,
    sandbox::{
        github::Limits,
        release::Sample,
        world::{Ordered, Plan, World},
    },
};

const REPOSITORY: &str = "calimero-network/mero-tee";
const MEROTEE: &str = env!("CARGO_BIN_EXE_merotee");
const VERSIONS: usize = 25;
/// Bytes of the archive that each release of the KMS holds.
const ARCHIVE: usize = 8 << 20;
const RUNS: usize = 5;
/// File that standard error goes to.
const SAID: &str = "said";

fn main() {
    // `cargo test --benches` runs this binary too: there is nothing to test.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let tags: Vec<String> =
        (0..VERSIONS).rev().flat_map(|n| [format!("mero-kms-v2.0.{n}"), format!("mero-tee-v2.0.{n}")]).collect();
    let ordered = |tag: &String| {
        let tag: merotee::subject::tag::Tag = tag.parse().expect("a tag");
        Ordered { sample: Sample { tag, layout: Layout::Pipeline }, tampers: Vec::new(), archive: Some(ARCHIVE) }
    };
    let plan = Plan { instead: tags.iter().map(ordered).collect(), ..Plan::default() };
    let world = runtime.block_on(World::start(&plan)).expect("a world");
    // All the runs together take more requests than GitHub grants in an hour, and the sandbox states that number even where
    // it limits nothing.
    world.github().set_limits(Limits { requests_an_hour: Some(1_000_000), ..Limits::OFF });
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shell = |script: String| Way { world: &world, folder: folder.path(), script };
    let each = |body: &str| format!("set -e; for tag in {}; do {body}; done", tags.join(" "));
    let ways = [
        ("audit --recent 50", shell(format!("{MEROTEE} audit --recent 50"))),
        ("the same again, with --cache", shell(format!("{MEROTEE} audit --recent 50 --cache cache"))),
        ("verify-release-assets, one by one", shell(each(&format!("{MEROTEE} verify-release-assets $tag")))),
        (
            "gh release download, then sha256sum --check",
            shell(each(
                "rm -rf got; HTTP_PROXY=$GITHUB_API_URL GH_HOST=github.localhost gh release download $tag \
                 --repo $GITHUB_REPOSITORY --dir got; (cd got && sha256sum --check --quiet checksums.sha256)",
            )),
        ),
    ];
    // Warms the caches, ours too.
    let ways: Vec<_> = ways.into_iter().filter(|(name, way)| way.run().is_some() || left_out(name)).collect();
    let mut times = vec![Vec::new(); ways.len()];
    let mut peaks = vec![0; ways.len()];
    for _ in 0..RUNS {
        for (((name, way), times), peak) in ways.iter().zip(&mut times).zip(&mut peaks) {
            let Some((time, memory)) = way.run() else { panic!("{name} failed:\n{}", way.said()) };
            times.push(time);
            *peak = memory.max(*peak);
        }
    }
    println!("| 50 releases, {} MiB | takes | ÷ audit | peak memory |", VERSIONS * (ARCHIVE >> 20));
    println!("|---|---|---|---|");
    let medians: Vec<Duration> = times.into_iter().map(median).collect();
    let audit = medians.first().copied().expect("an audit");
    for (((name, _), time), peak) in ways.iter().zip(medians).zip(peaks) {
        let ratio = time.as_secs_f64() / audit.as_secs_f64();
        println!("| {name} | {:.2} s | {ratio:.2} | {} MiB |", time.as_secs_f64(), peak >> 10);
    }
}

fn left_out(name: &str) -> bool {
    println!("{name}: not installed, or it failed; left out");
    false
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let middle = times.len() / 2;
    times.into_iter().nth(middle).expect("a run")
}

/// One way to look at all releases, as a script.
struct Way<'a> {
    world: &'a World,
    folder: &'a Path,
    script: String,
}

impl Way<'_> {
    /// What its last run said on standard error.
    fn said(&self) -> String {
        fs::read_to_string(self.folder.join(SAID)).unwrap_or_default()
    }

    /// How long it takes, and KiB of memory that the largest of its processes held; `None` when it fails.
    fn run(&self) -> Option<(Duration, u64)> {
        let memory = self.folder.join("memory");
        let said = fs::File::create(self.folder.join(SAID)).expect("a file");
        let mut command = Command::new("/usr/bin/time");
        command.args(["--format", "%M", "--output"]).arg(&memory).args(["sh", "-c", &self.script]);
        command
            .current_dir(self.folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder)
            .env("GITHUB_REPOSITORY", REPOSITORY)
            .env("GITHUB_API_URL", self.world.api_url())
            .env("GH_TOKEN", "a-token-of-the-benchmark")
            .env("MEROTEE_TRUSTED_ROOT", self.world.trusted_root())
            .env("MEROTEE_REKOR_URL", self.world.sigstore_url())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said);
        let started = Instant::now();
        command.status().ok().filter(|status| status.success())?;
        let time = started.elapsed();
        let peak = fs::read_to_string(memory).expect("what time writes");
        Some((time, peak.lines().last().and_then(|line| line.trim().parse().ok()).expect("a number")))
    }
}
