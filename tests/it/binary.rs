//! Runs the built binary as its users do: a process with arguments and an environment, judged by its exit code and both
//! of its streams together.
//!
//! Nothing of the caller's environment reaches it but `PATH`. It works in a fresh folder outside any checkout, and must
//! leave its temporary folder as empty as it found it.

pub(crate) mod killed;
pub(crate) mod loopback;
pub(crate) mod serve;

use std::{
    ffi::OsStr,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{LazyLock, mpsc},
    time::{Duration, Instant},
};

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_merotee");

/// A run that takes longer hangs. The slowest here takes a few seconds on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A fresh place to run in: a home, a temporary folder, and a working folder, all empty.
pub(crate) struct Place {
    root: TempDir,
}

/// A process that is about to run.
pub(crate) struct Invocation<'a> {
    command: Command,
    place: &'a Place,
}

/// A process that ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// Its exit code.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Where it ran, to be left out of snapshots.
    root: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let root = TempDir::with_prefix("merotee-it-").unwrap();
        for folder in ["home", "tmp", "work"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        let root = Self { root };
        assert!(root.work().ancestors().all(|a| !a.join(".git").exists()), "tests must not run inside a checkout");
        root
    }

    /// The working folder.
    pub(crate) fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// A path in the working folder.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.work().join(name)
    }

    /// Writes a file into the working folder.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Names in its temporary folder.
    pub(crate) fn temporary(&self) -> Vec<String> {
        names_in(&self.root.path().join("tmp"))
    }

    /// Names in a folder of the working folder, sorted.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        names_in(&self.path(folder))
    }

    /// The binary with arguments.
    pub(crate) fn merotee<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Invocation<'_> {
        self.program(BINARY, arguments)
    }

    /// A command inside the sandbox.
    pub(crate) fn sandbox<A: AsRef<OsStr>>(&self, command: impl IntoIterator<Item = A>) -> Invocation<'_> {
        self.merotee(["sandbox", "--"]).args(command)
    }

    /// A command inside a sandbox that spoils releases.
    pub(crate) fn tampered<A: AsRef<OsStr>>(&self, kind: &str, command: impl IntoIterator<Item = A>) -> Invocation<'_> {
        self.merotee(["sandbox", "--tamper", kind, "--"]).args(command)
    }

    /// Any program, in the same circumstances.
    pub(crate) fn program<A: AsRef<OsStr>>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Invocation<'_> {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root.path().join("home"))
            .env("TMPDIR", self.root.path().join("tmp"))
            .stdin(Stdio::null());
        Invocation { command, place: self }
    }

    /// Keeps the files of a sandbox release: returns the folder that holds `TAG/`.
    pub(crate) fn kept(&self, selector: &str) -> PathBuf {
        self.sandbox(["verify-release-assets", selector, "--keep", "kept"]).run().expect(0);
        self.path("kept")
    }
}

impl<'a> Invocation<'a> {
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn envs(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.command.envs(variables);
        self
    }

    /// With a pipe for its standard input.
    pub(crate) fn with_input(mut self) -> Self {
        self.command.stdin(Stdio::piped());
        self
    }

    /// Starts it with both streams piped, for a test that reads them itself.
    pub(crate) fn start(mut self) -> Child {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(self) -> Run {
        let program = self.command.get_program().to_owned();
        self.run_if_there().unwrap_or_else(|| panic!("no program {}", program.display()))
    }

    /// Runs it to its end; `None` when there is no such program.
    #[track_caller]
    pub(crate) fn run_if_there(mut self) -> Option<Run> {
        let (shown, place) = (format!("{:?}", self.command.get_args().collect::<Vec<_>>()), self.place);
        let mut child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
        let (stdout, stderr) = (drained(child.stdout.take()), drained(child.stderr.take()));
        let end = Instant::now() + LIMIT;
        let mut read = |stream: mpsc::Receiver<Vec<u8>>| {
            stream.recv_timeout(end.saturating_duration_since(Instant::now())).unwrap_or_else(|_| {
                child.kill().unwrap();
                panic!("still running after {LIMIT:?}: {shown}")
            })
        };
        let (stdout, stderr) = (text(read(stdout)), text(read(stderr)));
        let status = child.wait().unwrap();
        let code = status.code().unwrap_or_else(|| panic!("ended by a signal: {status}\n{stderr}"));
        assert!(!stderr.contains("panicked at") && !stderr.contains("RUST_BACKTRACE"), "{shown}\n{stderr}");
        assert_eq!(place.temporary(), [""; 0], "left behind by {shown}");
        Some(Run { code, stdout, stderr, root: place.root.path().to_owned() })
    }
}

impl Run {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that one of the streams says each of these.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stdout.contains(part) || self.stderr.contains(part), "no {part:?} in\n{}", self.shown());
        }
        self
    }

    /// Asserts that nothing was printed on standard output: there is no product.
    #[track_caller]
    pub(crate) fn without_product(self) -> Self {
        assert_eq!(self.stdout, "", "\n{}", self.stderr);
        self
    }

    /// The report of `--format json`, which must conform to its schema.
    #[track_caller]
    pub(crate) fn report(&self) -> Value {
        static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/report.schema.json");
            jsonschema::validator_for(&serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).unwrap()
        });
        let report = serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}\n{}", self.shown()));
        let errors: Vec<_> = SCHEMA.iter_errors(&report).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert_eq!(errors, [""; 0]);
        report
    }

    /// Code and both streams, without what differs from run to run: folders, ports, seconds.
    pub(crate) fn shown(&self) -> String {
        static CHANGING: LazyLock<[(Regex, &str); 3]> = LazyLock::new(|| {
            let regex = |pattern| Regex::new(pattern).unwrap();
            [
                (regex(r"merotee-sandbox-[A-Za-z0-9]+"), "merotee-sandbox-XXXXXX"),
                (regex(r"127\.0\.0\.1:[0-9]+"), "127.0.0.1:PORT"),
                (regex(r"\([0-9]+\.[0-9]{2} s\)"), "(N.NN s)"),
            ]
        });
        let text = format!("code {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr);
        let text = text.replace(&self.root.display().to_string(), "[place]");
        CHANGING.iter().fold(text, |text, (pattern, word)| pattern.replace_all(&text, *word).into_owned())
    }
}

/// Every finding of a report, of all sections.
pub(crate) fn findings(report: &Value) -> Vec<&Value> {
    let sections = report["sections"].as_array().unwrap();
    sections.iter().flat_map(|section| section["findings"].as_array().unwrap()).collect()
}

/// `status` of the findings of one check, in order.
pub(crate) fn statuses<'a>(report: &'a Value, check: &str) -> Vec<&'a str> {
    findings(report).into_iter().filter(|f| f["check"] == check).map(|f| f["status"].as_str().unwrap()).collect()
}

/// Says that a test, or a part of it, is skipped. Where everything must be there it fails instead.
#[track_caller]
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("MEROTEE_REQUIRE_INTEROP").is_none_or(|value| value != "1"), "{why}");
    eprintln!("SKIPPED: {why}");
}

/// Whether a program is there and ends well with these arguments; says so when not.
#[track_caller]
pub(crate) fn usable(program: &str, arguments: &[&str]) -> bool {
    let ended = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let usable = ended.is_ok_and(|output| output.status.success());
    if !usable {
        skip(&format!("`{program} {}` does not work here", arguments.join(" ")));
    }
    usable
}

pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Reads a pipe to its end on a thread of its own, so that neither pipe can fill up while the other is read.
fn drained(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    let mut pipe = pipe.unwrap();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        // After a timeout nobody listens any more.
        let _ = sender.send(bytes);
    });
    receiver
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}
