//! Programs of others, run by their names and words of their own: no shell is involved, and each has bounded time and output.

use std::{
    io::{self, Read as _},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked at.
const PACE: Duration = Duration::from_millis(10);
/// Most of its output that is read, in bytes.
const MAX_OUTPUT: u64 = 64 << 10;

/// What came of running a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ran {
    /// It ended well, and this is what it printed on standard output.
    Printed(String),
    /// There is no such program.
    Absent,
    /// It could not be run, took too long or ended badly.
    Failed(String),
}

/// Runs `program` in `folder` with nothing on its standard input. It is ended when it takes longer than five seconds.
pub async fn run(program: &'static str, arguments: &'static [&'static str], folder: &Path) -> Ran {
    let folder = folder.to_owned();
    let waited = tokio::task::spawn_blocking(move || wait(program, arguments, &folder, PATIENCE)).await;
    waited.unwrap_or_else(|_| Ran::Failed("could not be waited for".to_owned()))
}

fn wait(program: &str, arguments: &[&str], folder: &Path, patience: Duration) -> Ran {
    let child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ran::Absent,
        Err(error) => return Ran::Failed(format!("cannot be run: {error}")),
    };
    // Read aside: what the program leaves running may keep the pipe open for as long as it likes.
    let (told, output) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.take(MAX_OUTPUT).read_to_end(&mut bytes).map(|_| bytes);
            // Nobody listens any more when the time is up.
            drop(told.send(read));
        });
    }
    let started = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() < patience => thread::sleep(PACE),
            Ok(None) => {
                // It may have ended by itself just now.
                drop(child.kill());
                drop(child.wait());
                return Ran::Failed(format!("says nothing within {} s", patience.as_secs()));
            }
            Err(error) => return Ran::Failed(format!("cannot be waited for: {error}")),
        }
    };
    let left = patience.saturating_sub(started.elapsed());
    match output.recv_timeout(left.max(PACE)) {
        Ok(Ok(bytes)) => ended(status, &bytes),
        Ok(Err(error)) => Ran::Failed(format!("cannot be read from: {error}")),
        Err(_) => Ran::Failed("keeps its output open".to_owned()),
    }
}

fn ended(status: ExitStatus, output: &[u8]) -> Ran {
    if status.success() {
        Ran::Printed(String::from_utf8_lossy(output).into_owned())
    } else {
        Ran::Failed(format!("ends with {status}"))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn ran(program: &str, arguments: &[&str]) -> Ran {
        wait(program, arguments, Path::new("/"), Duration::from_millis(300))
    }

    #[test]
    fn a_program_is_heard_when_it_ends_well_in_time() {
        assert_eq!(ran("printf", &["x 1.0"]), Ran::Printed("x 1.0".into()));
        assert_eq!(ran("no-such-program-at-all", &[]), Ran::Absent);
        assert!(matches!(ran("false", &[]), Ran::Failed(why) if why.contains("exit status: 1")));
        assert!(matches!(ran("sleep", &["60"]), Ran::Failed(why) if why.contains("says nothing")));
        assert!(matches!(ran("yes", &[]), Ran::Failed(_)), "an endless talker is cut off");
    }

    #[test]
    fn what_a_program_leaves_behind_does_not_hold_it_up() {
        let started = Instant::now();
        assert_eq!(ran("sh", &["-c", "sleep 60 & echo started"]), Ran::Failed("keeps its output open".into()));
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}
