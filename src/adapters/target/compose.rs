//! A service of a compose file on a host, by `docker compose`: its image is had by digest, then it is brought up. The file on
//! disk is what is to run; what does run, Docker says. Every command is limited to the one service of the one project:
//! whatever else runs on the host stays as it is.

mod address;
mod containers;
mod project;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use url::Url;

pub use self::address::Address;
use super::{Applied, Current, Phase, Target};
use crate::{
    adapters::{
        file,
        tools::{self, Call, Called},
    },
    error::{Error, Result},
    probe::{
        image::Image,
        upgrade::{self, Published},
    },
    subject::profile::Profile,
    text::excerpt,
};

/// How a script begins that stands in the place of Docker in a sandbox.
pub const STAND_IN: &str = "#!/bin/sh\n# Stands in the place of Docker in a sandbox of merotee.\n";

/// The port of a KMS in its container.
const PORT: u16 = 8080;
/// Largest script that may stand in, in bytes.
const MAX_SCRIPT: u64 = 16 << 10;
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

/// A compose file, the service in it that is a KMS, and where that is reached.
#[derive(Debug, Clone)]
pub struct ComposeFile {
    docker: Docker,
    path: PathBuf,
    folder: PathBuf,
    /// Its compose project.
    project: String,
    service: String,
    address: Address,
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

    /// Whether it is what stands in the place of Docker in a sandbox, and runs nothing on this host.
    pub fn stands_in(&self) -> bool {
        let script = file::read_bounded(&self.program, MAX_SCRIPT);
        script.is_ok_and(|script| script.starts_with(STAND_IN.as_bytes()))
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
    /// The service `service` of the compose file at `path`, whose KMS is reached at `address`.
    ///
    /// # Errors
    /// Input: there is no such file. Usage: it is not known what its project is called, or the address cannot be its own.
    pub fn new(docker: Docker, path: &Path, service: &str, address: Address) -> Result<Self> {
        let cannot = |e| Error::input(format!("cannot read {}", path.display())).because(e);
        let path = path.canonicalize().map_err(cannot)?;
        let project = project::project(&path, &on_disk(&path)?)?;
        if service.starts_with('-') {
            return Err(Error::usage(format!("{} is not the name of a service", excerpt(service))));
        }
        if let Address::Held(url) = &address {
            address::can_be_published(url)?;
        }
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        Ok(Self { docker, path, folder, project, service: service.to_owned(), address })
    }

    /// Whether nothing that is done to one of them is done to the other.
    ///
    /// # Errors
    /// Usage: they are the same file, or of one compose project.
    pub fn apart(&self, other: &Self) -> Result<()> {
        let (ours, theirs) = (self.path.display(), other.path.display());
        if self.path == other.path {
            return Err(Error::usage(format!("staging and production are the same compose file, {ours}"))
                .help("give staging a file of its own, in a project of its own"));
        }
        if self.project == other.project {
            let message = format!("{ours} and {theirs} are one compose project, {}", self.project);
            return Err(Error::usage(message).help("write another `name:` at the top of one of them"));
        }
        Ok(())
    }

    /// Whether the file can be brought to another release of `profile`.
    ///
    /// # Errors
    /// Input or usage: it cannot, and why.
    pub fn fits(&self, profile: Profile) -> Result<()> {
        let compose = on_disk(&self.path)?;
        let stated = self.takes(&compose)?;
        let is_asked_there = !matches!(self.address, Address::Unchecked(_));
        if is_asked_there && upgrade::published(&compose, PORT) == Ok(Published::No) {
            return Err(self.unpublished(""));
        }
        if stated.profile == profile {
            return Ok(());
        }
        Err(Error::usage(format!("{}: its KMS is of profile {}, not {profile}", self.path.display(), stated.profile)))
    }

    fn unpublished(&self, why: &str) -> Error {
        let message = format!("{} publishes no port {PORT}{why}", self.describe());
        Error::usage(message).help(format!("publish it: ports: [\"8080:{PORT}\"]"))
    }

    /// Whether the file may become `compose`: its KMS is this service, and its project stays the same.
    fn takes(&self, compose: &str) -> Result<upgrade::Stated> {
        let unfit = |e| {
            Error::usage(self.path.display().to_string())
                .because(e)
                .help("pin the image by digest, and set MERO_KMS_VERSION and MERO_KMS_PROFILE in it")
        };
        let stated = upgrade::stated(compose).map_err(unfit)?;
        let service = upgrade::service(compose).map_err(unfit)?;
        let refused = |why: String| Err(Error::usage(format!("{}: {why}", self.path.display())));
        if service != self.service {
            return refused(format!("its KMS is the service {}, not {}", excerpt(&service), self.service));
        }
        match project::project(&self.path, compose)? {
            project if project == self.project => Ok(stated),
            project => refused(format!("it would become the compose project {project} instead of {}", self.project)),
        }
    }

    /// `docker compose --file FILE …`, in the folder of the file and for its project, whatever the environment says.
    async fn compose(&self, file: &Path, words: &[&str], patience: Duration) -> Ran {
        let folder = self.folder.to_string_lossy().into_owned();
        let mut arguments = vec!["compose".to_owned(), "--project-directory".to_owned(), folder];
        arguments.extend(["--project-name".to_owned(), self.project.clone()]);
        arguments.extend(["--file".to_owned(), file.to_string_lossy().into_owned()]);
        arguments.extend(words.iter().map(|&word| word.to_owned()));
        self.docker.run(arguments, patience).await
    }

    /// Whether the host has an image, so that no registry need be asked.
    async fn has(&self, image: &Image) -> bool {
        let words = ["image", "inspect", "--format", "{{.Id}}"].map(str::to_owned);
        matches!(self.docker.run(words.into_iter().chain([image.to_string()]), ASK).await, Ran::Printed(_))
    }

    /// Stops the service and removes its container. What else is in the project stays.
    ///
    /// # Errors
    /// Remote or input: it may still run.
    pub async fn remove(&self) -> Result<()> {
        match self.compose(&self.path, &["rm", "--stop", "--force", &self.service], START).await {
            Ran::Printed(_) => {}
            Ran::Absent => return Err(self.docker.version().await.err().unwrap_or_else(|| gone("docker"))),
            Ran::Failed(why) => return Err(Error::remote(format!("`docker compose rm` {why}"))),
        }
        match self.containers().await?.len() {
            0 => Ok(()),
            _ => Err(Error::remote(format!("{} still has a container after `docker compose rm`", self.describe()))),
        }
    }

    async fn containers(&self) -> Result<Vec<containers::Container>> {
        match self.compose(&self.path, &["ps", "--all", "--format", "json", &self.service], ASK).await {
            Ran::Printed(said) => containers::containers(&said, &self.service),
            Ran::Absent => Err(self.docker.version().await.err().unwrap_or_else(|| gone("docker"))),
            Ran::Failed(why) => Err(Error::input(format!("`docker compose ps` {why}"))),
        }
    }

    async fn read(&self) -> Result<Current> {
        let compose = on_disk(&self.path)?;
        let image = self.takes(&compose)?.image.to_string();
        let phase = containers::phase(&self.containers().await?, &image);
        Ok(Current { compose: Some(compose), phase })
    }

    async fn give(&self, compose: &str) -> Result<Applied> {
        let wanted = self.takes(compose)?;
        let same = on_disk(&self.path)? == compose;
        if same && self.read().await?.phase == Phase::Running {
            return Ok(Applied::Unchanged);
        }
        // An image is had by its digest. One that is here needs no registry: that may be out of reach when production has to
        // come back.
        if !self.has(&wanted.image).await
            && let Some(refused) = self.pull(compose).await?
        {
            return Ok(refused);
        }
        file::write_atomic(&self.path, compose.as_bytes())?;
        let up = ["up", "--detach", "--no-deps", "--pull", "never", "--remove-orphans=false", &self.service];
        Ok(match self.compose(&self.path, &up, START).await {
            Ran::Printed(_) => Applied::Begun,
            Ran::Absent => Applied::Unknown(gone("docker")),
            Ran::Failed(why) => Applied::Unknown(Error::remote(format!("`docker compose up` {why}"))),
        })
    }

    /// Pulls from a file beside it: when the image cannot be had, nothing has changed yet.
    async fn pull(&self, compose: &str) -> Result<Option<Applied>> {
        let cannot = |e| Error::input(format!("cannot write to {}", self.folder.display())).because(e);
        let mut next =
            tempfile::Builder::new().prefix(".merotee-").suffix(".yaml").tempfile_in(&self.folder).map_err(cannot)?;
        next.write_all(compose.as_bytes()).and_then(|()| next.flush()).map_err(cannot)?;
        match self.compose(next.path(), &["pull", "--quiet", &self.service], PULL).await {
            Ran::Printed(_) => Ok(None),
            Ran::Absent => Err(self.docker.version().await.err().unwrap_or_else(|| gone("docker"))),
            Ran::Failed(why) => {
                let error = Error::remote(format!("`docker compose pull` {why}"));
                Ok(Some(Applied::Refused(error.help("is the host logged in to the registry, and the image there?"))))
            }
        }
    }

    async fn reached(&self) -> Result<Vec<Url>> {
        let held = match &self.address {
            Address::Unchecked(url) => return Ok(vec![url.clone()]),
            Address::Held(url) => Some(url),
            Address::Published => None,
        };
        match self.compose(&self.path, &["port", &self.service, &PORT.to_string()], ASK).await {
            Ran::Printed(said) => Ok(vec![address::address(&said, held)?]),
            Ran::Absent => Err(self.docker.version().await.err().unwrap_or_else(|| gone("docker"))),
            // A container that is not up yet publishes nothing.
            Ran::Failed(why) if self.read().await?.phase == Phase::Running => {
                Err(self.unpublished(&format!(": `docker compose port` {why}")))
            }
            Ran::Failed(_) => Ok(Vec::new()),
        }
    }
}

impl Target for ComposeFile {
    fn describe(&self) -> String {
        format!("service {} of {}", self.service, self.path.display())
    }

    fn current(&self) -> BoxFuture<'_, Result<Current>> {
        self.read().boxed()
    }

    fn apply<'a>(&'a self, compose: &'a str) -> BoxFuture<'a, Result<Applied>> {
        self.give(compose).boxed()
    }

    fn addresses(&self) -> BoxFuture<'_, Result<Vec<Url>>> {
        self.reached().boxed()
    }
}

fn on_disk(path: &Path) -> Result<String> {
    let bytes = file::read_bounded(path, MAX_COMPOSE_BYTES)?;
    String::from_utf8(bytes).map_err(|e| Error::input(format!("{} is not text", path.display())).because(e))
}

fn gone(program: &str) -> Error {
    Error::input(format!("there is no program {program} any more"))
}
