//! Publishing 20 assets of 10 MB to the sandbox beside `gh release upload` of the same: `cargo bench --bench publish`.
//!
//! Both talk to the same server on loopback. `merotee publish` checks the folder first, makes the draft, reads back and
//! publishes; `gh` is given a draft and uploads. Without `gh` (or the program that MEROTEE_GH names) its columns say so.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and its product is what it prints"
)]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use merotee::{
    digest::Sha256,
    sandbox::{
        documents::commit,
        sigstore::{Identity, Instance},
    },
};
use serde_json::{Value, json};

const MEROTEE: &str = env!("CARGO_BIN_EXE_merotee");
const TAG: &str = "mero-tee-v1.2.0";
const REPOSITORY: &str = "calimero-network/mero-tee";
const ASSETS: usize = 20;
const BYTES: usize = 10_000_000;
const RUNS: usize = 5;

fn main() {
    // `cargo test --benches` runs this binary too: there is nothing to test.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let release = Release::write(folder.path());
    let world = World::start();
    println!("| what | time | peak memory |");
    println!("|---|---|---|");
    let mut ours = Vec::new();
    for _ in 0..RUNS {
        world.clear();
        ours.push(measured(&mut world.merotee(&release)));
    }
    row("`merotee publish`, checks included", ours);
    let gh = std::env::var("MEROTEE_GH").unwrap_or_else(|_| "gh".to_owned());
    if Command::new(&gh).arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("| `gh release upload` | not installed | |");
        return;
    }
    let mut theirs = Vec::new();
    for _ in 0..RUNS {
        world.clear();
        world.draft();
        theirs.push(measured(&mut world.gh(&gh, &release)));
    }
    row("`gh release upload`", theirs);
}

/// A folder that passes with a contract of its own.
struct Release {
    folder: PathBuf,
    contract: PathBuf,
}

impl Release {
    fn write(place: &Path) -> Self {
        let release = Self { folder: place.join("release"), contract: place.join("contract.json") };
        fs::create_dir(&release.folder).expect("a folder");
        let mut checksums = String::new();
        for number in 0..ASSETS {
            let name = format!("asset-{number:02}.bin");
            let bytes: Vec<u8> = (0..BYTES).map(|at| (at * 31 + number) as u8).collect();
            fs::write(release.folder.join(&name), &bytes).expect("a file");
            checksums.push_str(&format!("{}  {name}\n", Sha256::of(&bytes)));
        }
        // The same seed as the sandbox's: its trusted root is this one's.
        let mut instance = Instance::new(0, "2025-10-01T00:00:00Z".parse().expect("a time")).expect("an instance");
        let tag = TAG.parse().expect("a tag");
        let git_ref = format!("refs/tags/{TAG}");
        let identity = Identity::github_workflow(REPOSITORY, "release-node-image-gcp.yaml", &git_ref, &commit(&tag));
        let time = "2025-10-01T00:00:00Z".parse().expect("a time");
        let signed = instance.sign(checksums.as_bytes(), &identity, time).expect("a signature");
        for (name, bytes) in [
            ("checksums.sha256", checksums.as_str()),
            ("checksums.sha256.sigstore.json", &signed.bundle_json),
            ("release-notes.md", NOTES),
        ] {
            fs::write(release.folder.join(name), bytes).expect("a file");
        }
        fs::write(&release.contract, CONTRACT).expect("a file");
        release
    }
}

const NOTES: &str =
    "## Changelog\nx\n## Breaking changes\nx\n## Upgrade path\nx\n## MRTD/RTMR changes\nx\n## Compatible versions\nx\n";

const CONTRACT: &str = r#"{"schema_version":1,"contracts":[{"family":"node","layout":"pipeline",
"checksums":{"name":"checksums.sha256","covers":"every-asset"},"signed":"checksums",
"workflow":".github/workflows/release-node-image-gcp.yaml","branch":"refs/heads/master","notes":"enforced",
"assets":[{"name":"asset-00.bin","role":"other"}]}]}"#;

/// `merotee sandbox serve`, up until dropped.
struct World {
    child: Child,
    exports: BTreeMap<String, String>,
    _stdout: BufReader<std::process::ChildStdout>,
}

impl World {
    fn start() -> Self {
        let mut command = Command::new(MEROTEE);
        let mut child = command.args(["sandbox", "serve"]).stdout(Stdio::piped()).spawn().expect("a sandbox");
        let mut stdout = BufReader::new(child.stdout.take().expect("its standard output"));
        let (mut exports, mut line) = (BTreeMap::new(), String::new());
        while !line.starts_with("# sigstore-python: ") {
            line.clear();
            assert_ne!(stdout.read_line(&mut line).expect("a line"), 0, "the sandbox ended");
            if let Some((name, value)) = line.trim_end().strip_prefix("export ").and_then(|said| said.split_once('=')) {
                exports.insert(name.to_owned(), value.to_owned());
            }
        }
        Self { child, exports, _stdout: stdout }
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let api = self.exports.get("GITHUB_API_URL").expect("an address");
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "-X", method, "-H", "Authorization: Bearer x"]);
        if let Some(body) = body {
            curl.args(["-d", &body.to_string()]);
        }
        let output = curl.arg(format!("{api}/repos/{REPOSITORY}/{path}")).output().expect("curl");
        assert!(output.status.success(), "{method} {path}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Deletes releases and drafts of the tag.
    fn clear(&self) {
        let all = self.ask("GET", "releases?per_page=100", None);
        for release in all.as_array().expect("a list").iter().filter(|release| release["tag_name"] == TAG) {
            self.ask("DELETE", &format!("releases/{}", release["id"]), None);
        }
    }

    fn draft(&self) {
        self.ask("POST", "releases", Some(&json!({ "tag_name": TAG, "draft": true })));
    }

    fn merotee(&self, release: &Release) -> Command {
        let mut command = timed(MEROTEE);
        command.args(["publish", TAG, "--dir"]).arg(&release.folder).arg("--contract").arg(&release.contract);
        command.envs(&self.exports);
        command
    }

    fn gh(&self, gh: &str, release: &Release) -> Command {
        let mut command = timed(gh);
        command.args(["release", "upload", TAG, "--repo", REPOSITORY]);
        let files = fs::read_dir(&release.folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        command.args(files.filter(|path| !path.ends_with("release-notes.md")));
        let api = self.exports.get("GITHUB_API_URL").expect("an address");
        command.env("GH_HOST", "github.localhost").env("GH_TOKEN", "x").env("HTTP_PROXY", api);
        command
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.child.kill().expect("the sandbox to end");
        self.child.wait().expect("its end");
    }
}

/// The program under `/usr/bin/time`, which prints its peak memory in KiB.
fn timed(program: &str) -> Command {
    let mut command = Command::new("/usr/bin/time");
    command.args(["-f", "peak %M", program]);
    command
}

/// How long a program ran, and its peak memory in KiB.
fn measured(command: &mut Command) -> (Duration, u64) {
    let started = Instant::now();
    let output = command.stdin(Stdio::null()).output().expect("/usr/bin/time");
    let elapsed = started.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}{said}", String::from_utf8_lossy(&output.stdout));
    let peak = said.lines().rev().find_map(|line| line.strip_prefix("peak ")?.parse().ok());
    (elapsed, peak.expect("the peak memory"))
}

/// The medians of some runs.
fn row(what: &str, mut runs: Vec<(Duration, u64)>) {
    runs.sort_unstable();
    let times: Vec<f64> = runs.iter().map(|(time, _)| time.as_secs_f64()).collect();
    let mut peaks: Vec<u64> = runs.iter().map(|(_, peak)| *peak).collect();
    peaks.sort_unstable();
    let (time, peak) =
        (times.get(RUNS / 2).copied().unwrap_or_default(), peaks.get(RUNS / 2).copied().unwrap_or_default());
    println!("| {what} | {time:.2} s | {:.1} MiB |", peak as f64 / 1024.0);
}
