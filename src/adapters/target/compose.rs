//! A compose file on a host, by `docker compose`: images are pulled by digest, then the services are brought up. The file on
//! disk is what is to run; what does run, Docker says.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use serde_json::Value;
use url::Url;

use super::{Applied, Current, Phase, Target};
use crate::{
    adapters::{
        file,
        tools::{self, Call, Called},
    },
    error::{Error, Result},
    probe::upgrade,
    schema::parse_json,
    text::excerpt,
};

/// Largest compose file, in bytes.
const MAX_COMPOSE_BYTES: u64 = 1 << 20;
/// How long an image may take to be pulled.
const PULL: Duration = Duration::from_secs(15 * 60);
/// How long services may take to be started, and anything else.
const START: Duration = Duration::from_secs(180);
const ASK: Duration = Duration::from_secs(30);

/// Most that Docker says, in bytes.
const MAX_OUTPUT: u64 = 1 << 20;

/// What came of running Docker.
enum Ran {
    /// It ended well, and this is what it printed.
    Printed(String),
    /// There is no such program.
    Absent,
    /// It did not end well: the end of a sentence.
    Failed(String),
}

/// The program that runs containers.
#[derive(Debug, Clone)]
pub struct Docker {
    program: PathBuf,
}

/// A compose file, and where its KMS is reached.
#[derive(Debug, Clone)]
pub struct ComposeFile {
    docker: Docker,
    path: PathBuf,
    folder: PathBuf,
    address: Url,
}

impl Docker {
    /// Docker by its name or path.
    pub fn new(program: &Path) -> Self {
        Self { program: program.to_owned() }
    }

    /// Its version and that of its compose plugin.
    ///
    /// # Errors
    /// Usage: one of them is missing. Input: they do not run.
    pub async fn version(&self) -> Result<String> {
        match self.run(["compose", "version", "--short"].map(str::to_owned), ASK).await {
            Ran::Printed(version) => Ok(excerpt(version.trim())),
            Ran::Absent => Err(Error::usage(format!("there is no program {}", self.program.display()))
                .help("install Docker with its compose plugin on the host that runs the KMS, and roll out from there")),
            Ran::Failed(why) => Err(Error::input(format!("`docker compose version` {why}"))
                .help("install Docker's compose plugin (docker-compose-plugin)")),
        }
    }

    async fn run(&self, arguments: impl IntoIterator<Item = String>, patience: Duration) -> Ran {
        let program = self.program.to_string_lossy().into_owned();
        let words = std::iter::once(program).chain(arguments).collect();
        match tools::call(Call { words, input: Vec::new(), patience, max_output: MAX_OUTPUT }).await {
            Called::Ended { code: Some(0), output, .. } => Ran::Printed(String::from_utf8_lossy(&output).into_owned()),
            Called::Ended { code, complaint, .. } => {
                let ends = code.map_or_else(|| "was ended by a signal".to_owned(), |code| format!("ends with {code}"));
                let last = complaint.lines().rfind(|line| !line.trim().is_empty());
                Ran::Failed(last.map_or(ends.clone(), |last| format!("{ends}: {}", excerpt(last))))
            }
            Called::Absent => Ran::Absent,
            Called::Failed(why) => Ran::Failed(why),
        }
    }
}

impl ComposeFile {
    /// The compose file at `path`, whose KMS is reached at `address`.
    ///
    /// # Errors
    /// Input: there is no such file.
    pub fn new(docker: Docker, path: &Path, address: Url) -> Result<Self> {
        let cannot = |e| Error::input(format!("cannot read {}", path.display())).because(e);
        let path = path.canonicalize().map_err(cannot)?;
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        Ok(Self { docker, path, folder, address })
    }

    fn on_disk(&self) -> Result<String> {
        let bytes = file::read_bounded(&self.path, MAX_COMPOSE_BYTES)?;
        String::from_utf8(bytes).map_err(|e| Error::input(format!("{} is not text", self.path.display())).because(e))
    }

    /// `docker compose --file FILE …`, in the folder of the file.
    async fn compose(&self, file: &Path, words: &[&str], patience: Duration) -> Ran {
        let folder = self.folder.to_string_lossy().into_owned();
        let mut arguments = vec!["compose".to_owned(), "--project-directory".to_owned(), folder];
        arguments.extend(["--file".to_owned(), file.to_string_lossy().into_owned()]);
        arguments.extend(words.iter().map(|&word| word.to_owned()));
        self.docker.run(arguments, patience).await
    }

    /// Removes what runs.
    ///
    /// # Errors
    /// Remote or input: it may still run.
    pub async fn down(&self) -> Result<()> {
        match self.compose(&self.path, &["down"], START).await {
            Ran::Printed(_) => Ok(()),
            Ran::Absent => Err(self.docker.version().await.err().unwrap_or_else(|| gone("docker"))),
            Ran::Failed(why) => Err(Error::remote(format!("`docker compose down` {why}"))),
        }
    }

    async fn read(&self) -> Result<Current> {
        let compose = self.on_disk()?;
        let said = match self.compose(&self.path, &["ps", "--all", "--format", "json"], ASK).await {
            Ran::Printed(text) => text,
            Ran::Absent => return Err(self.docker.version().await.err().unwrap_or_else(|| gone("docker"))),
            Ran::Failed(why) => return Err(Error::input(format!("`docker compose ps` {why}"))),
        };
        let wanted = upgrade::stated(&compose).map_err(|e| Error::input(self.path.display().to_string()).because(e))?;
        let containers = containers(&said)?;
        let image = wanted.image.to_string();
        let phase = match containers.iter().find(|container| container.image == image) {
            Some(container) if container.state == "running" => Phase::Running,
            Some(container) if matches!(container.state.as_str(), "exited" | "dead") => {
                Phase::Failed(format!("its container is `{}`", excerpt(&container.state)))
            }
            Some(container) => Phase::Coming(excerpt(&container.state)),
            None => Phase::Coming("no container has the image of its file".to_owned()),
        };
        Ok(Current { compose: Some(compose), phase })
    }

    async fn give(&self, compose: &str) -> Result<Applied> {
        let same = self.on_disk()? == compose;
        if same && self.read().await?.phase == Phase::Running {
            return Ok(Applied::Unchanged);
        }
        // Pulled from a file beside it: when the image cannot be had, nothing has changed yet.
        let cannot = |e| Error::input(format!("cannot write to {}", self.folder.display())).because(e);
        let mut next =
            tempfile::Builder::new().prefix(".merotee-").suffix(".yaml").tempfile_in(&self.folder).map_err(cannot)?;
        next.write_all(compose.as_bytes()).and_then(|()| next.flush()).map_err(cannot)?;
        match self.compose(next.path(), &["pull", "--quiet"], PULL).await {
            Ran::Printed(_) => {}
            Ran::Absent => return Err(self.docker.version().await.err().unwrap_or_else(|| gone("docker"))),
            Ran::Failed(why) => {
                let error = Error::remote(format!("`docker compose pull` {why}"));
                return Ok(Applied::Refused(error.help("is the host logged in to the registry, and the image there?")));
            }
        }
        file::write_atomic(&self.path, compose.as_bytes())?;
        Ok(match self.compose(&self.path, &["up", "--detach", "--quiet-pull"], START).await {
            Ran::Printed(_) => Applied::Begun,
            Ran::Absent => Applied::Unknown(gone("docker")),
            Ran::Failed(why) => Applied::Unknown(Error::remote(format!("`docker compose up` {why}"))),
        })
    }
}

impl Target for ComposeFile {
    fn describe(&self) -> String {
        format!("compose file {}", self.path.display())
    }

    fn current(&self) -> BoxFuture<'_, Result<Current>> {
        self.read().boxed()
    }

    fn apply<'a>(&'a self, compose: &'a str) -> BoxFuture<'a, Result<Applied>> {
        self.give(compose).boxed()
    }

    fn addresses(&self) -> BoxFuture<'_, Result<Vec<Url>>> {
        std::future::ready(Ok(vec![self.address.clone()])).boxed()
    }
}

/// A container of the project.
struct Container {
    image: String,
    state: String,
}

/// What `docker compose ps --format json` says: a list, or an object a line since version 2.21.
fn containers(said: &str) -> Result<Vec<Container>> {
    let odd = |why: &str| Error::input(format!("`docker compose ps` answered in an unexpected form: {}", excerpt(why)));
    let read = |text: &str| parse_json(text.as_bytes()).map_err(|e| odd(&e.to_string()));
    let said = said.trim();
    let values = match said.starts_with('[') {
        true => match read(said)? {
            Value::Array(values) => values,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Vec::new(),
        },
        false => said.lines().filter(|line| !line.trim().is_empty()).map(read).collect::<Result<_>>()?,
    };
    let field = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let container = |value: Value| {
        let (image, state) =
            field(&value, "Image").zip(field(&value, "State")).ok_or_else(|| odd("no Image or State"))?;
        Ok(Container { image, state })
    };
    values.into_iter().map(container).collect()
}

fn gone(program: &str) -> Error {
    Error::input(format!("there is no program {program} any more"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn containers_are_read_from_a_list_and_from_lines_and_anything_else_is_refused() {
        let one = r#"{"Image":"a@sha256:b","State":"running","Name":"kms-1"}"#;
        let two = r#"{"Image":"c","State":"exited"}"#;
        for said in [format!("[{one},{two}]"), format!("{one}\n{two}\n")] {
            let found = containers(&said).unwrap();
            let found: Vec<_> = found.iter().map(|c| (c.image.as_str(), c.state.as_str())).collect();
            assert_eq!(found, [("a@sha256:b", "running"), ("c", "exited")]);
        }
        assert!(containers("").unwrap().is_empty() && containers("[]").unwrap().is_empty());
        for bad in ["no JSON", r#"{"Image":"a"}"#, r#"[{"State":1}]"#] {
            assert!(containers(bad).is_err(), "{bad}");
        }
    }
}
