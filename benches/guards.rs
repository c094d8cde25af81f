//! `forbid-allowed-env` as a process, beside zizmor on the same tree: `cargo bench --bench guards`.
//!
//! Machines are noisy and differ, so nothing here fails on a time. What is printed are Markdown tables for
//! `docs/performance.md`: the median of each and their ratio, and how time and memory grow with the number of files.
//! `MEROTEE_ZIZMOR` names zizmor where it is not on the path; where there is none it is left out visibly.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and its product is what it prints"
)]

mod in_turn;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use in_turn::{head, row};

/// Lines of one workflow.
const LINES: usize = 430;
const RUNS: usize = 21;

fn main() {
    // `cargo test --benches` runs this binary too: there is nothing to test.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tree = folder.path().join("few");
    write_workflows(&tree, 14);
    let what = format!("scan 14 workflows of {} lines together", 14 * LINES);
    let zizmor = std::env::var_os("MEROTEE_ZIZMOR").unwrap_or_else(|| "zizmor".into());
    let audit = || {
        let mut command = Command::new(&zizmor);
        command.args(["--offline", "--no-progress", "--no-exit-codes", "--quiet"]).arg(&tree);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()
    };
    head();
    if audit().is_ok_and(|status| status.success()) {
        row(RUNS, &what, || passes(&mut merotee(&tree)), "zizmor --offline", audit);
    } else {
        println!("zizmor is not installed: left out");
        let mut nothing = Command::new("true");
        row(RUNS, &what, || passes(&mut merotee(&tree)), "`true`", || passes(&mut nothing));
    }
    println!("\n| files | lines | time | time a file | peak memory |\n|---|---|---|---|---|");
    for files in [100, 1_000, 10_000] {
        let tree = folder.path().join(files.to_string());
        write_workflows(&tree, files);
        let (time, memory) = peak(&mut merotee(&tree));
        let each = time.as_micros() / u128::try_from(files).expect("a number");
        println!("| {files} | {} | {} ms | {each} µs | {memory} |", files * LINES, time.as_millis());
        fs::remove_dir_all(&tree).expect("the folder is ours");
    }
}

fn merotee(tree: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_merotee"));
    command.arg("forbid-allowed-env").arg(tree).current_dir(tree).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn passes(command: &mut Command) {
    assert!(command.status().expect("a program that starts").success(), "{command:?}");
}

/// How long a process takes, and the most memory it held, as far as the system tells.
fn peak(command: &mut Command) -> (Duration, String) {
    let started = Instant::now();
    let mut child = command.spawn().expect("a program that starts");
    let status = format!("/proc/{}/status", child.id());
    let mut memory = "unknown".to_owned();
    loop {
        if let Ok(text) = fs::read_to_string(&status)
            && let Some(line) = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))
        {
            memory = line.trim().to_owned();
        }
        if let Some(status) = child.try_wait().expect("a child of ours") {
            assert!(status.success(), "{command:?}");
            return (started.elapsed(), memory);
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Writes workflows as repositories have them: jobs, steps, environments and scripts with here-documents. All are clean.
fn write_workflows(tree: &Path, files: usize) {
    let folder = tree.join(".github/workflows");
    fs::create_dir_all(&folder).expect("a folder");
    for file in 0..files {
        let mut text = format!("name: release {file}\non:\n  push:\n    tags: ['v*']\npermissions: {{}}\njobs:\n");
        let mut job = 0;
        while text.lines().count() + JOB.lines().count() <= LINES {
            text.push_str(&JOB.replace("NUMBER", &job.to_string()));
            job += 1;
        }
        let missing = LINES - text.lines().count();
        text.push_str(&"# the end\n".repeat(missing));
        fs::write(folder.join(format!("release-{file:05}.yaml")), text).expect("a file");
    }
}

const JOB: &str = r#"  job-NUMBER:
    name: Build and test
    runs-on: ubuntu-latest
    permissions:
      contents: read
    env:
      GCP_ATTESTATION_ALLOWED_CIDRS: ${{ vars.GCP_ATTESTATION_ALLOWED_CIDRS }}
      MERO_KMS_VERSION: 1.2.0
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8
        with:
          persist-credentials: false
      - name: Measurements come from the release
        run: |
          set -euo pipefail
          if grep -rnE 'ALLOWED_(MRTD|RTMR[0-3])=' compose; then
            echo '::error::a measurement override is set'
            exit 1
          fi
          for profile in debug debug-read-only locked-read-only; do
            jq -e '.policy.kms_allowed_mrtd | length > 0' "attestation-policy-$profile.json"
          done
      - name: Describe the image
        shell: bash
        run: |
          cat > image.json <<EOF
          {
            "tag": "$GITHUB_REF_NAME",
            "commit": "$GITHUB_SHA"
          }
          EOF
          { echo "tag=$GITHUB_REF_NAME"; echo "image=$(jq -r .tag image.json)"; } >> "$GITHUB_OUTPUT"
      - name: Start
        run: docker run --rm -e MERO_KMS_VERSION -e ENFORCE_MEASUREMENT_POLICY=true kms
"#;
