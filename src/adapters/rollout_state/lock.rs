//! The lock of a rollout: one operator at a time, by name. The system releases it when the process ends, however it ends; what
//! a process that was killed leaves is its name in the file. That name is taken over where the process is known to be gone.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::Path,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{beside, cannot};
use crate::{
    error::{Error, Result},
    rollout::{record::Operator, words::Remark},
};

/// Largest lock file read, in bytes.
const MAX_BYTES: u64 = 16 << 10;

/// Who has a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    name: Remark,
    host: Remark,
    pid: u32,
    /// Since when.
    since: Timestamp,
    /// Which start of the machine; `None` where the system does not say.
    boot: Option<Remark>,
    /// When the process started, in ticks since that start; `None` where the system does not say.
    ticks: Option<u64>,
}

/// A lock that is held.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Holder {
    /// This process, for `name`; without one, for the user it runs as.
    pub fn this(name: Option<&str>, now: Timestamp) -> Self {
        let pid = std::process::id();
        Self {
            name: name.map_or_else(user, Remark::new),
            host: Remark::new(
                &line_of("/proc/sys/kernel/hostname")
                    .or_else(|| line_of("/etc/hostname"))
                    .unwrap_or_else(|| "this machine".to_owned()),
            ),
            pid,
            since: now,
            boot: line_of("/proc/sys/kernel/random/boot_id").as_deref().map(Remark::new),
            ticks: started(pid),
        }
    }

    /// As the state names it.
    pub fn operator(&self) -> Operator {
        Operator { name: self.name.clone(), host: self.host.clone(), pid: self.pid }
    }

    /// Whether its process may still run, as far as this machine can tell.
    pub fn is_here(&self) -> bool {
        gone(self, &Self::this(None, self.since)).is_err()
    }

    /// Since when it has the rollout.
    pub fn since(&self) -> Timestamp {
        self.since
    }
}

impl Lock {
    /// Takes the lock of the rollout in `state`. Where an earlier process left its name and is gone, says whose it was and
    /// how that is known.
    ///
    /// # Errors
    /// Input: another process has it, or may have it; the file cannot be used.
    pub(super) fn take(state: &Path, me: &Holder) -> Result<(Self, Option<(Operator, Remark)>)> {
        let path = beside(state, "lock");
        let mut file = open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let who = read(&mut file, &path).ok().flatten().map_or_else(
                    || "another operator".to_owned(),
                    |holder| format!("{}, since {}", holder.operator(), holder.since),
                );
                return Err(Error::input(format!("{} is in use by {who}", state.display()))
                    .help("wait until that ends; `merotee rollout status` shows how far it is"));
            }
            Err(TryLockError::Error(e)) => return Err(cannot(&path, e)),
        }
        let taken = match read(&mut file, &path)? {
            None => None,
            Some(left) => {
                let because = gone(&left, me).map_err(|why| held(state, &path, &left, &why))?;
                Some((left.operator(), because))
            }
        };
        write(&mut file, me).map_err(|e| cannot(&path, e))?;
        Ok((Self(file), taken))
    }

    /// Whose name stands in the lock of `state`: of one who works on it, or of a process that ended without taking it off.
    /// Nothing is locked for that, so that looking is in no one's way.
    ///
    /// # Errors
    /// Input: the file cannot be read.
    pub(super) fn named(state: &Path) -> Result<Option<Holder>> {
        let path = beside(state, "lock");
        match path.symlink_metadata() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(cannot(&path, e)),
            Ok(there) if !there.is_file() => return Err(cannot(&path, io::Error::other("it is not a regular file"))),
            Ok(_) => {}
        }
        let mut file = File::open(&path).map_err(|e| cannot(&path, e))?;
        read(&mut file, &path)
    }
}

impl Drop for Lock {
    /// Takes the name off. Where that fails, the next operator finds the name of a process that is gone.
    fn drop(&mut self) {
        drop(self.0.set_len(0));
    }
}

/// Why the process of `left` is known to be gone, the lock itself being free.
fn gone(left: &Holder, me: &Holder) -> Result<Remark, String> {
    let Holder { pid, host, .. } = left;
    if *host != me.host {
        return Err(format!("it ran on {host}, and what runs there is not seen from here"));
    }
    let because = if left.boot.is_some() && me.boot.is_some() && left.boot != me.boot {
        "the machine was started anew since".to_owned()
    } else if !runs(*pid) {
        format!("process {pid} is gone")
    } else if left.ticks.is_some() && started(*pid).is_some() && left.ticks != started(*pid) {
        format!("process {pid} belongs to another program now")
    } else {
        return Err(format!("process {pid} still runs"));
    };
    Ok(Remark::new(&format!("the lock is free, and {because}")))
}

fn held(state: &Path, lock: &Path, left: &Holder, why: &str) -> Error {
    let message = format!("{} may be in use by {}, since {}: {why}", state.display(), left.operator(), left.since);
    Error::input(message).help(format!("make sure that it ended; then remove {}", lock.display()))
}

fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    options.open(path).map_err(|e| cannot(path, e))
}

/// Whose name stands in it; `None` where none does. A name that a crash cut is none: nothing was done under it.
fn read(file: &mut File, path: &Path) -> Result<Option<Holder>> {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.take(MAX_BYTES).read_to_end(&mut bytes)).map_err(|e| cannot(path, e))?;
    match bytes.strip_suffix(b"\n") {
        None => Ok(None),
        Some(line) => serde_json::from_slice(line).map(Some).map_err(|e| {
            Error::input(format!("{} does not say who has the rollout", path.display()))
                .because(e)
                .help("make sure that no rollout runs with this state; then remove it")
        }),
    }
}

fn write(file: &mut File, me: &Holder) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(me)?;
    bytes.push(b'\n');
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&bytes)?;
    file.sync_all()
}

fn line_of(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// When a process started, in ticks: field 22 of `/proc/PID/stat`, counted behind the name, which may hold anything.
fn started(pid: u32) -> Option<u64> {
    let stat = line_of(&format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(unix)]
fn runs(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    // One that is not ours may not be asked, and runs.
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn runs(_: u32) -> bool {
    true
}

#[cfg(unix)]
fn user() -> Remark {
    Remark::new(&format!("user {}", rustix::process::getuid().as_raw()))
}

#[cfg(not(unix))]
fn user() -> Remark {
    Remark::new("an operator")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn me() -> Holder {
        Holder::this(Some("ada"), "2026-11-30T02:00:00Z".parse().unwrap())
    }

    #[test]
    fn the_second_operator_is_refused_with_who_has_it_since_when_and_a_clean_end_leaves_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("r.state");
        let (lock, taken) = Lock::take(&state, &me()).unwrap();
        assert_eq!(taken, None);
        assert_eq!(Lock::named(&state).unwrap(), Some(me()));
        assert!(me().is_here());
        let refused = Lock::take(&state, &me()).unwrap_err().to_string();
        let pid = std::process::id();
        assert!(refused.contains(&format!("is in use by ada (process {pid} on ")), "{refused}");
        assert!(refused.ends_with("), since 2026-11-30T02:00:00Z"), "{refused}");
        drop(lock);
        assert_eq!(Lock::named(&state).unwrap(), None);
        assert_eq!(Lock::take(&state, &me()).unwrap().1, None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_name_that_was_left_is_taken_over_only_where_its_process_is_known_to_be_gone() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("r.state");
        let left = |holder: &Holder| {
            let mut bytes = serde_json::to_vec(holder).unwrap();
            bytes.push(b'\n');
            std::fs::write(beside(&state, "lock"), bytes).unwrap();
            Lock::take(&state, &me())
        };
        let ran_once =
            std::process::Command::new("true").spawn().and_then(|mut child| child.wait().map(|_| child.id()));
        let dead = ran_once.unwrap();
        let table = [
            (Holder { pid: dead, ..me() }, "is gone"),
            (Holder { boot: Some(Remark::new("another")), ..me() }, "the machine was started anew since"),
            (Holder { ticks: Some(1), ..me() }, "belongs to another program now"),
        ];
        for (holder, because) in table {
            let (_lock, taken) = left(&holder).unwrap();
            let (from, why) = taken.unwrap();
            assert_eq!(from, holder.operator());
            assert!(why.as_str().starts_with("the lock is free, and ") && why.as_str().ends_with(because), "{why}");
        }
        let refused = left(&me()).unwrap_err().to_string();
        assert!(refused.contains("may be in use by ada") && refused.ends_with("still runs"), "{refused}");
        let elsewhere = Holder { host: Remark::new("ops-2"), pid: dead, ..me() };
        let refused = left(&elsewhere).unwrap_err().to_string();
        assert!(refused.contains("it ran on ops-2"), "{refused}");
        std::fs::write(beside(&state, "lock"), "nonsense\n").unwrap();
        assert!(Lock::take(&state, &me()).unwrap_err().to_string().contains("does not say who"));
        std::fs::write(beside(&state, "lock"), "{\"name\":\"ad").unwrap();
        assert_eq!(Lock::take(&state, &me()).unwrap().1, None);
    }
}
