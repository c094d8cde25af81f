//! Programs of others, run by their names and words of their own: no shell is involved, and each has bounded time and output.

use std::{
    io::{self, Read as _, Write as _},
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
/// Most of what it complains of that is read, in bytes.
const MAX_COMPLAINT: u64 = 4 << 10;

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

/// A program to run, in words that were settled before.
#[derive(Debug, Clone)]
pub struct Call {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// What it reads on standard input.
    pub input: Vec<u8>,
    /// How long it may take.
    pub patience: Duration,
    /// Most of its standard output that is read, in bytes. One that prints more is not heard.
    pub max_output: u64,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// It ended by itself.
    Ended {
        /// Its exit code; `None` where a signal ended it.
        code: Option<i32>,
        /// What it printed on standard output.
        output: Vec<u8>,
        /// The beginning of what it printed on standard error.
        complaint: String,
    },
    /// There is no such program.
    Absent,
    /// It could not be run, took too long or printed too much.
    Failed(String),
}

/// Runs a program. It is ended when it takes longer than it may.
pub async fn call(call: Call) -> Called {
    let called = tokio::task::spawn_blocking(move || {
        let Some((program, arguments)) = call.words.split_first() else {
            return Called::Failed("no program is named".to_owned());
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stderr(Stdio::piped());
        match heard(command, call.input, call.patience, call.max_output) {
            Ok(Heard { output, .. }) if output.len() as u64 > call.max_output => {
                Called::Failed(format!("prints more than {} bytes", call.max_output))
            }
            Ok(Heard { status, output, complaint }) => Called::Ended { code: status.code(), output, complaint },
            Err(Unheard::Absent) => Called::Absent,
            Err(Unheard::Failed(why)) => Called::Failed(why),
        }
    });
    called.await.unwrap_or_else(|_| Called::Failed("could not be waited for".to_owned()))
}

fn wait(program: &str, arguments: &[&str], folder: &Path, patience: Duration) -> Ran {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stderr(Stdio::null());
    match heard(command, Vec::new(), patience, MAX_OUTPUT) {
        Ok(Heard { status, output, .. }) => ended(status, &output),
        Err(Unheard::Absent) => Ran::Absent,
        Err(Unheard::Failed(why)) => Ran::Failed(why),
    }
}

/// A program that ended.
struct Heard {
    status: ExitStatus,
    /// At most one byte more than was asked for.
    output: Vec<u8>,
    complaint: String,
}

/// Why a program was not heard to its end.
enum Unheard {
    Absent,
    Failed(String),
}

fn heard(mut command: Command, input: Vec<u8>, patience: Duration, max_output: u64) -> Result<Heard, Unheard> {
    let failed = |why: String| Unheard::Failed(why);
    let mut child = match command.stdout(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unheard::Absent),
        Err(error) => return Err(failed(format!("cannot be run: {error}"))),
    };
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not want all of it is free not to read on.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let output = child.stdout.take().map(|stdout| aside(stdout, max_output.saturating_add(1)));
    let errors = child.stderr.take().map(|stderr| aside(stderr, MAX_COMPLAINT));
    let started = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() < patience => thread::sleep(PACE),
            Ok(None) => {
                // It may have ended by itself just now.
                drop(child.kill());
                drop(child.wait());
                return Err(failed(format!("says nothing within {} s", patience.as_secs())));
            }
            Err(error) => return Err(failed(format!("cannot be waited for: {error}"))),
        }
    };
    let left = || patience.saturating_sub(started.elapsed()).max(PACE);
    let read = |pipe: Option<Output>| match pipe.map(|pipe| pipe.recv_timeout(left())) {
        None => Ok(Vec::new()),
        Some(Ok(Ok(bytes))) => Ok(bytes),
        Some(Ok(Err(error))) => Err(failed(format!("cannot be read from: {error}"))),
        Some(Err(_)) => Err(failed("keeps its output open".to_owned())),
    };
    let output = read(output)?;
    // What it complains of is beside the point where it cannot be heard.
    let complaint = read(errors).unwrap_or_default();
    Ok(Heard { status, output, complaint: String::from_utf8_lossy(&complaint).into_owned() })
}

/// What is read of a pipe, once it is closed.
type Output = mpsc::Receiver<io::Result<Vec<u8>>>;

/// Reads a pipe aside: what the program leaves running may keep it open for as long as it likes.
fn aside(pipe: impl io::Read + Send + 'static, max: u64) -> Output {
    let (told, output) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.take(max).read_to_end(&mut bytes).map(|_| bytes);
        // Nobody listens any more when the time is up.
        drop(told.send(read));
    });
    output
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

    #[tokio::test]
    async fn a_program_that_is_called_reads_its_input_and_its_code_output_and_complaint_are_told() {
        let called = |words: &[&str], max_output| {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            call(Call { words, input: b"asked".to_vec(), patience: Duration::from_secs(20), max_output })
        };
        let script = "cat; echo 'not well' >&2; exit 3";
        let ended = Called::Ended { code: Some(3), output: b"asked".to_vec(), complaint: "not well\n".to_owned() };
        assert_eq!(called(&["sh", "-c", script], 5).await, ended);
        assert_eq!(called(&["sh", "-c", script], 4).await, Called::Failed("prints more than 4 bytes".to_owned()));
        // It reads nothing, and takes no harm from what it is given.
        assert!(matches!(called(&["true"], 0).await, Called::Ended { code: Some(0), .. }));
        assert_eq!(called(&["no-such-program-at-all"], 0).await, Called::Absent);
        assert!(matches!(called(&[], 0).await, Called::Failed(_)));
    }
}
