//! A sandbox in a process of its own, for commands that reach it over the network like any server.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, ChildStdout, Command},
};

use super::{LIMIT, Place, drained, text};

/// How the last line starts that it prints.
const LAST: &str = "# sigstore-python: ";

/// `merotee sandbox serve`, up until dropped.
pub(crate) struct Serve {
    child: Child,
    /// Kept open: it goes on printing nothing, and must not find its reader gone.
    _stdout: BufReader<ChildStdout>,
    exports: BTreeMap<String, String>,
    printed: String,
    // Holds what it writes, and goes when it does.
    place: Place,
}

impl Serve {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With options of `sandbox`.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        Self::started(options, &["serve"])
    }

    /// With what a rollout finds, where `production` says: `--production`, or `--production=compose`.
    pub(crate) fn start_with_production(production: &str) -> Self {
        Self::started(&[], &["serve", production])
    }

    fn started(options: &[&str], words: &[&str]) -> Self {
        let place = Place::new();
        let mut child = place.merotee(["sandbox"]).args(options).args(words).start();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (mut exports, mut printed) = (BTreeMap::new(), String::new());
        loop {
            let mut line = String::new();
            assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "the sandbox ended: {exports:?}");
            if let Some((name, value)) = line.trim_end().strip_prefix("export ").and_then(|e| e.split_once('=')) {
                // As a shell reads it: none of the values holds a quote of its own.
                exports.insert(name.to_owned(), value.trim_matches('\'').to_owned());
            }
            printed.push_str(&line);
            if line.starts_with(LAST) {
                break;
            }
        }
        Self { child, _stdout: stdout, exports, printed, place }
    }

    /// All it printed, as a script for a shell.
    pub(crate) fn printed(&self) -> &str {
        &self.printed
    }

    /// What it tells users of sigstore-python to give as `--trust-config`.
    pub(crate) fn trust_config(&self) -> PathBuf {
        let line = self.printed.lines().find_map(|line| line.strip_prefix(LAST)).unwrap();
        line.split(' ').skip_while(|word| *word != "--trust-config").nth(1).unwrap().into()
    }

    /// What lies in its temporary folder.
    pub(crate) fn temporary(&self) -> Vec<String> {
        self.place.temporary()
    }

    /// Sends it a signal and waits for its end: its exit code, `None` when the signal killed it, and its messages.
    pub(crate) fn stop(&mut self, signal: &str) -> (Option<i32>, String) {
        let stderr = drained(self.child.stderr.take());
        let kill = format!("kill -s {signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
        let stderr = stderr.recv_timeout(LIMIT).expect("it did not stop");
        (self.child.wait().unwrap().code(), text(stderr))
    }

    /// The environment it asks to be exported.
    pub(crate) fn exports(&self) -> impl Iterator<Item = (String, String)> {
        self.exports.clone().into_iter()
    }

    /// One of the variables.
    #[track_caller]
    pub(crate) fn export(&self, name: &str) -> &str {
        self.exports.get(name).unwrap_or_else(|| panic!("{name} is not among {:?}", self.exports))
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // A test may have stopped it.
        if self.child.try_wait().unwrap().is_none() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}
