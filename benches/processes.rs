//! Whole processes against a reference in the same run: `cargo bench --bench processes`.
//!
//! Machines are noisy and differ, so nothing here fails on a time. Each subject and its reference run in turn, many
//! times, and what is printed is the median of each and their ratio, as a Markdown table for `docs/performance.md`.
//! A reference that is not installed is left out visibly.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and its product is what it prints"
)]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use merotee::{
    digest::Sha256,
    sandbox::sigstore::{Identity, Instance},
};

const MEROTEE: &str = env!("CARGO_BIN_EXE_merotee");
const MIB: usize = 1 << 20;

fn main() {
    // `cargo test --benches` runs this binary too: there is nothing to test.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let world = World::new(folder.path());
    println!("| what | merotee | reference | reference takes | merotee ÷ reference |");
    println!("|---|---|---|---|---|");
    start_up();
    hashing(&world);
    one_bundle(&world);
    twenty_assets(&world);
}

/// Files that several measurements share.
struct World {
    folder: PathBuf,
    instance: std::cell::RefCell<Instance>,
    time: jiff::Timestamp,
}

impl World {
    fn new(folder: &Path) -> Self {
        let time = "2025-10-01T00:00:00Z".parse().expect("a time");
        let instance = Instance::new(1, time).expect("a Sigstore instance");
        let world = Self { folder: folder.to_owned(), instance: instance.into(), time };
        world.write("trusted_root.json", world.instance.borrow().trusted_root_json("http://127.0.0.1:1").as_bytes());
        world.write(
            "trust_config.json",
            world.instance.borrow().client_trust_config_json("http://127.0.0.1:1").as_bytes(),
        );
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, bytes).expect("a file");
        path
    }

    fn identity() -> Identity {
        let (repository, tag) = ("calimero-network/mero-tee", "refs/tags/mero-kms-v1.2.0");
        Identity::github_workflow(repository, "release-kms-phala.yaml", tag, &"0".repeat(40))
    }

    fn sign(&self, bytes: &[u8]) -> String {
        self.instance.borrow_mut().sign(bytes, &Self::identity(), self.time).expect("a signature").bundle_json
    }
}

/// What a user waits for before anything happens.
fn start_up() {
    let mut subject = merotee(&["--version"]);
    let mut reference = Command::new("true");
    compare("`--version`", &mut subject, "`true`", Some(&mut reference), 200);
}

/// Hashing is what verification of large assets costs; coreutils is the yardstick.
fn hashing(world: &World) {
    let big = world.path("big");
    let mut file = fs::File::create(&big).expect("a file");
    let block: Vec<u8> = (0..MIB).map(|i| (i * 31 % 251) as u8).collect();
    for _ in 0..1024 {
        file.write_all(&block).expect("room for 1 GiB");
    }
    drop(file);
    let (key, public, signature) = (world.path("key.pem"), world.path("key.pub"), world.path("big.sig"));
    let openssl = |args: &[&str]| {
        let status = Command::new("openssl").args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.expect("openssl").success(), "openssl {args:?}");
    };
    let text = |path: &Path| path.to_str().expect("a path in Unicode").to_owned();
    openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", &text(&key)]);
    openssl(&["ec", "-in", &text(&key), "-pubout", "-out", &text(&public)]);
    openssl(&["dgst", "-sha256", "-sign", &text(&key), "-out", &text(&signature), &text(&big)]);
    let mut subject =
        merotee(&["verify-blob", "--offline", "--key", &text(&public), "--signature", &text(&signature), &text(&big)]);
    let mut reference = Command::new("sha256sum");
    reference.arg(&big);
    compare("verify a 1 GiB file by key", &mut subject, "`sha256sum`", Some(&mut reference), 7);
    let mut reference = Command::new("openssl");
    reference.args(["dgst", "-sha256"]).arg(&big);
    compare("verify a 1 GiB file by key", &mut subject, "`openssl dgst -sha256`", Some(&mut reference), 7);
}

/// One keyless bundle: certificate chain, SCT, log inclusion, signature.
fn one_bundle(world: &World) {
    let artifact = world.write("artifact", b"an artifact\n");
    let bundle = world.write("artifact.sigstore.json", world.sign(b"an artifact\n").as_bytes());
    let identity = World::identity();
    let text = |path: &Path| path.to_str().expect("a path in Unicode").to_owned();
    let mut subject = merotee(&[
        "verify-blob",
        "--offline",
        "--trusted-root",
        &text(&world.path("trusted_root.json")),
        "--bundle",
        &text(&bundle),
        "--certificate-identity",
        &identity.san,
        "--certificate-oidc-issuer",
        &identity.issuer,
        &text(&artifact),
    ]);
    let mut python = std::env::var_os("MEROTEE_SIGSTORE_PYTHON").map(Command::new);
    if let Some(python) = &mut python {
        python
            .args([
                "--trust-config",
                &text(&world.path("trust_config.json")),
                "verify",
                "identity",
                "--offline",
                "--bundle",
            ])
            .arg(&bundle)
            .args(["--cert-identity", &identity.san, "--cert-oidc-issuer", &identity.issuer])
            .arg(&artifact);
    }
    compare("verify one bundle", &mut subject, "sigstore-python", python.as_mut(), 20);
}

/// A local release of 20 assets of 4 MiB under one signed checksums file.
fn twenty_assets(world: &World) {
    let names: Vec<String> = (0..20).map(|i| format!("asset-{i:02}.bin")).collect();
    let mut checksums = String::new();
    for (i, name) in names.iter().enumerate() {
        let bytes = vec![i as u8; 4 * MIB];
        world.write(&format!("release/{name}"), &bytes);
        checksums.push_str(&format!("{}  {name}\n", Sha256::of(&bytes)));
    }
    world.write("release/checksums.sha256", checksums.as_bytes());
    world.write("release/checksums.sha256.sigstore.json", world.sign(checksums.as_bytes()).as_bytes());
    world.write("release/release-notes.md", NOTES.as_bytes());
    let contract = world.write("contract.json", CONTRACT.as_bytes());
    let text = |path: &Path| path.to_str().expect("a path in Unicode").to_owned();
    let mut subject = merotee(&[
        "verify-release-assets",
        "mero-kms-v1.2.0",
        "--repo",
        "calimero-network/mero-tee",
        "--offline",
        "--trusted-root",
        &text(&world.path("trusted_root.json")),
        "--contract",
        &text(&contract),
        "--dir",
        &text(&world.path("release")),
    ]);
    let mut reference = Command::new("sha256sum");
    reference.args(["--check", "--quiet", "checksums.sha256"]).current_dir(world.path("release"));
    compare("verify a release of 20 assets, 80 MiB", &mut subject, "`sha256sum --check`", Some(&mut reference), 20);
}

const NOTES: &str = "## Changelog\nx\n## Breaking changes\nx\n## Upgrade path\nx\n## MRTD/RTMR changes\nx\n## Compatible versions\nx\n\
ghcr.io/calimero-network/mero-kms-phala@sha256:0000000000000000000000000000000000000000000000000000000000000000\n";

const CONTRACT: &str = r#"{"schema_version":1,"contracts":[{"family":"kms","layout":"pipeline",
"checksums":{"name":"checksums.sha256","covers":"every-asset"},"signed":"checksums",
"workflow":".github/workflows/release-kms-phala.yaml","branch":"refs/heads/master","notes":"enforced",
"assets":[{"name":"asset-00.bin","role":"other"}]}]}"#;

fn merotee(args: &[&str]) -> Command {
    let mut command = Command::new(MEROTEE);
    command.args(args);
    command
}

/// Runs subject and reference in turn and prints one row.
fn compare(what: &str, subject: &mut Command, name: &str, reference: Option<&mut Command>, runs: usize) {
    let Some(reference) = reference else {
        let times = (0..runs).map(|_| timed(subject)).collect();
        println!("| {what} | {} | {name} | not installed | |", show(median(times)));
        return;
    };
    // Once each to warm the caches.
    timed(subject);
    timed(reference);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        ours.push(timed(subject));
        theirs.push(timed(reference));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    println!("| {what} | {} | {name} | {} | {ratio:.2} |", show(ours), show(theirs));
}

fn timed(command: &mut Command) -> Duration {
    let started = Instant::now();
    let output = command.stdin(Stdio::null()).output().expect("a program that starts");
    let elapsed = started.elapsed();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    elapsed
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn show(time: Duration) -> String {
    match time.as_micros() {
        micros if micros < 100_000 => format!("{:.2} ms", micros as f64 / 1e3),
        micros => format!("{:.2} s", micros as f64 / 1e6),
    }
}
