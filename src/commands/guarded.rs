//! What the guards of a repository have in common: its top, its configuration, and what the workflow run is for.

use std::path::{Path, PathBuf};

use crate::{
    adapters::{
        file,
        git::{History, Touched},
    },
    cli::guards::{ChangeArgs, RunArgs},
    error::{Error, Result},
    guard::{
        config::{Config, FILE_NAME, MAX_BYTES},
        trigger::{MAX_EVENT_BYTES, Trigger},
    },
    report::Fact,
};

/// The top of the repository that `folder` lies in; the folder itself where it lies in none.
pub(super) fn top(folder: &Path) -> PathBuf {
    folder.ancestors().find(|above| above.join(".git").exists()).unwrap_or(folder).to_owned()
}

/// The configuration: the file named, or the repository's own, or the defaults.
///
/// # Errors
/// Usage: it is not there although it was named, or does not parse. Input: it cannot be read.
pub(super) fn config(named: Option<&Path>, top: &Path) -> Result<Config> {
    let own = top.join(FILE_NAME);
    let path = match named {
        Some(path) => path,
        None if own.symlink_metadata().is_ok() => &own,
        None => return Ok(Config::default()),
    };
    let shown = if named.is_some() { path.display().to_string() } else { FILE_NAME.to_owned() };
    let bytes = file::read_bounded(path, MAX_BYTES as u64)?;
    Config::parse(&bytes).map_err(|why| {
        Error::usage(format!("{shown}, {why}")).help("docs/merotee-toml.md lists every key with its default")
    })
}

/// What the workflow run is for.
///
/// # Errors
/// Input: the event cannot be read. Usage: it, or the ref, makes no sense.
pub(super) fn trigger(run: &RunArgs) -> Result<Trigger> {
    let event = run.event.as_deref().map(|path| file::read_bounded(path, MAX_EVENT_BYTES as u64)).transpose()?;
    Trigger::read(event.as_deref(), run.git_ref.as_deref()).map_err(|why| {
        Error::usage(why).help("--event and --ref (GITHUB_EVENT_PATH, GITHUB_REF) say what the run is for")
    })
}

/// A change to be judged.
pub(super) struct Change {
    /// Its commits.
    pub(super) history: History,
    /// The files it touches.
    pub(super) touched: Vec<Touched>,
}

impl Change {
    /// The change between two revisions of the repository at `top`.
    ///
    /// # Errors
    /// As [`History::between`] and [`History::touched`].
    pub(super) fn between(top: &Path, base: &str, head: &str) -> Result<Self> {
        let history = History::between(top, base, head)?;
        let touched = history.touched()?;
        Ok(Self { history, touched })
    }

    /// The change that the command line names, if it names one.
    ///
    /// # Errors
    /// As [`Change::between`].
    pub(super) fn named(top: &Path, args: &ChangeArgs) -> Result<Option<Self>> {
        let Some(base) = &args.base else { return Ok(None) };
        Self::between(top, base, args.head.as_deref().unwrap_or("HEAD")).map(Some)
    }

    /// Every path that it touches, old names included.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.touched.iter().flat_map(|file| [Some(file.path.as_str()), file.from.as_deref()]).flatten()
    }

    /// What a reader needs to know of it.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let short = |id: &str| id.chars().take(12).collect::<String>();
        vec![Fact::named("merge base", short(&self.history.base)), Fact::named("head", short(&self.history.head))]
    }
}
