//! Docker on the host of a KMS, as far as `docker compose` runs one service by its digest: images are had by digest, a service
//! is one container, and its port is published on loopback. What runs in a container is the production KMS, on a machine of the
//! software TDX platform which measures what the image's release publishes, and whose compose hash is that of a host that runs
//! Docker: what Docker runs is not measured.
//!
//! `order` reads what it is told, [`Flaw`] says what is wrong with it, and `program` is what stands in the place of `docker`:
//! a script that has this program hand its words on to here.

mod client;
mod flaw;
mod order;
mod program;
mod state;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Json, Router, extract::State as Extracted, http::Method, routing::post};
use serde::{Deserialize, Serialize};

pub use self::{client::ask, flaw::Flaw};
use self::{
    order::{Act, Order},
    state::{Container, State},
};
use super::{
    app_compose,
    boot::USUAL_INSTANCE,
    boundary::{Boundaries, Boundary},
    phala::{
        self, Host,
        machine::{self, Shared},
        random, registry_has,
    },
    trouble::{Asked, Record},
};
use crate::{
    error::{Error, Result},
    probe::upgrade,
};

/// What it says that it is.
const VERSION: &str = "2.40.3-sandbox";
/// Largest compose file, in bytes.
const MAX_COMPOSE: u64 = 1 << 20;
/// The compose file of the host itself, which is what its machine measures.
const HOST: &str = "services: {}\n";

/// A Docker on loopback.
pub struct Docker {
    host: Arc<Host>,
    /// The host is one application and one instance, whatever runs on it.
    app_id: [u8; 20],
    instance_id: [u8; 20],
    /// What is wrong with the update of a service that runs.
    update: Option<phala::Flaw>,
    flaw: Option<Flaw>,
    state: Mutex<State>,
    record: Record,
    boundaries: Arc<Boundaries>,
}

/// What it is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Told {
    /// The words behind `docker`.
    pub words: Vec<String>,
    /// The folder in which they were said.
    pub folder: PathBuf,
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Whether it did what it was told.
    pub done: bool,
    /// What it prints: on standard error where it did not.
    pub text: String,
}

/// A service as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenService {
    /// Its project.
    pub project: String,
    /// The image that it was last brought up with.
    pub image: String,
    /// How often it was brought up with another one.
    pub updates: usize,
    /// Where it is reached, while it runs.
    pub address: Option<String>,
}

type Answer = std::result::Result<String, String>;

impl Docker {
    /// One that holds no image and runs nothing.
    ///
    /// # Errors
    /// Internal: the system gives no random bytes.
    pub(super) fn new(
        host: Arc<Host>,
        flaws: (Option<phala::Flaw>, Option<Flaw>),
        boundaries: Arc<Boundaries>,
    ) -> Result<Self> {
        let (app_id, instance_id) = (random()?, random()?);
        let (state, record) = Default::default();
        let (update, flaw) = flaws;
        let update = update.filter(|flaw| flaw.is_of_an_update());
        Ok(Self { host, app_id, instance_id, update, flaw, state, record, boundaries })
    }

    /// Where the program in the place of `docker` hands its words on to.
    pub(super) fn router(self: &Arc<Self>) -> Router {
        Router::new().route("/", post(told)).with_state(Arc::clone(self))
    }

    /// Writes the program that stands in the place of `docker` into `folder`: it has `merotee` say its words at `url`.
    ///
    /// # Errors
    /// Input: it cannot be written.
    pub(super) fn write_program(folder: &Path, merotee: &Path, url: &str) -> Result<PathBuf> {
        program::write(folder, merotee, url)
    }

    /// Has a service stand that was brought up before anything was asked here.
    ///
    /// # Errors
    /// Internal, when the sandbox itself is broken.
    pub(super) async fn stand(&self, file: &Path, project: &str, service: &str) -> Result<()> {
        let broken = |why: String| Error::internal(format!("the sandbox's production does not start: {why}"));
        let compose = read(file).map_err(broken)?;
        let image = of_service(&compose, service).map_err(broken)?;
        self.lock().images.insert(image.clone());
        self.replace((project, service), Wanted { image, compose, updates: 0, flaw: None }).await.map_err(broken)?;
        Ok(())
    }

    /// What it was told, oldest first: `/compose/PROJECT/up`, with the method POST where that changes something.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The services that have a container.
    pub fn services(&self) -> Vec<SeenService> {
        self.lock().services()
    }

    async fn obey(&self, told: &Told) -> Said {
        let order = match Order::read(&told.words, &told.folder) {
            Ok(order) => order,
            Err(why) => return Said { done: false, text: format!("{why}\n") },
        };
        let (method, path) = (if order.changes() { Method::POST } else { Method::GET }, order.path());
        let boundary = Boundary { service: "docker", method: method.clone(), path: path.clone() };
        let answer = self.boundaries.pass(&boundary, self.carried_out(order)).await;
        let status = Some(if answer.is_ok() { 200 } else { 500 });
        self.record.add(Asked { method, path, authorized: true, status });
        match answer {
            Ok(text) => Said { done: true, text },
            Err(why) => Said { done: false, text: format!("{why}\n") },
        }
    }

    async fn carried_out(&self, order: Order) -> Answer {
        match order {
            Order::Version => Ok(format!("{VERSION}\n")),
            Order::Has(image) => match self.lock().images.contains(&image) {
                true => Ok(format!("{image}\n")),
                false => Err(format!("Error response from daemon: No such image: {image}")),
            },
            Order::Compose { file, project, service, act } => {
                let compose = read(&file)?;
                let image = of_service(&compose, &service)?;
                let key = (project.as_str(), service.as_str());
                match act {
                    Act::Pull => self.pull(image),
                    Act::Up => self.up(key, image, compose).await,
                    Act::Remove => self.remove(key).await,
                    Act::List => Ok(self.lock().listed(key)),
                    Act::Port if self.flaw == Some(Flaw::NoPort) => Err("no port 8080/tcp for container".to_owned()),
                    Act::Port => self.lock().port(key),
                }
            }
        }
    }

    fn pull(&self, image: String) -> Answer {
        if self.flaw == Some(Flaw::PullRefused) {
            return Err(format!("Error response from daemon: denied: pull access to {image} is denied"));
        }
        if !registry_has(&image) {
            return Err(format!("Error response from daemon: manifest unknown: {image}"));
        }
        self.lock().images.insert(image);
        Ok(String::new())
    }

    async fn up(&self, key: (&str, &str), image: String, compose: String) -> Answer {
        let (updates, same) = {
            let state = self.lock();
            if !state.images.contains(&image) {
                return Err(format!("Error response from daemon: No such image: {image}"));
            }
            let ran = state.container(key);
            (ran.map_or(0, |ran| ran.updates + 1), ran.is_some_and(|ran| ran.image == image && ran.compose == compose))
        };
        if same {
            return Ok(String::new());
        }
        if self.flaw == Some(Flaw::UpFails) {
            return Err("Error response from daemon: failed to create task for container: no space left".to_owned());
        }
        let update = self.update.filter(|flaw| flaw.touches(updates));
        if update == Some(phala::Flaw::UpdateIgnored) {
            return Ok(String::new());
        }
        let flaw = update.or_else(|| self.flaw.filter(|_| updates == 0).and_then(Flaw::of_machine));
        self.replace(key, Wanted { image, compose, updates, flaw }).await?;
        match update {
            Some(phala::Flaw::UpdateLost) => Err("error during connect: unexpected EOF".to_owned()),
            Some(_) | None => Ok(String::new()),
        }
    }

    /// Ends the container of a service, and starts another in the background.
    async fn replace(&self, key: (&str, &str), wanted: Wanted) -> Answer {
        self.remove(key).await?;
        let phase = Shared::default();
        let other = || random().map_err(|error| error.to_string());
        let app_id = if wanted.flaw == Some(phala::Flaw::UpdatedOtherKeys) { other()? } else { self.app_id };
        let order = machine::Order {
            app_id,
            instance_id: self.instance_id,
            instance_type: USUAL_INSTANCE.to_owned(),
            app_compose: app_compose::usual(HOST),
            compose: wanted.compose.clone(),
            flaw: wanted.flaw,
        };
        let Wanted { image, compose, updates, flaw: _ } = wanted;
        self.lock().put(key, Container { image, compose, updates, phase: Arc::clone(&phase) });
        tokio::spawn(machine::boot(Arc::clone(&self.host), order, phase));
        Ok(String::new())
    }

    async fn remove(&self, key: (&str, &str)) -> Answer {
        let ran = self.lock().take(key);
        if let Some(up) = ran.and_then(|ran| machine::ended(&ran.phase)) {
            up.stop().await;
        }
        Ok(String::new())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Docker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Docker").field("services", &self.services()).finish_non_exhaustive()
    }
}

/// A container that is to be started.
struct Wanted {
    image: String,
    compose: String,
    updates: usize,
    flaw: Option<phala::Flaw>,
}

async fn told(Extracted(docker): Extracted<Arc<Docker>>, Json(told): Json<Told>) -> Json<Said> {
    Json(docker.obey(&told).await)
}

fn read(file: &Path) -> Result<String, String> {
    let cannot = |why: &dyn std::fmt::Display| format!("open {}: {why}", file.display());
    let bytes = crate::adapters::file::read_bounded(file, MAX_COMPOSE).map_err(|error| cannot(&error))?;
    String::from_utf8(bytes).map_err(|error| cannot(&error))
}

/// The image of a service of a compose file.
fn of_service(compose: &str, service: &str) -> Result<String, String> {
    let found = upgrade::service(compose).map_err(|error| error.to_string())?;
    if found != service {
        return Err(format!("no such service: {service}"));
    }
    upgrade::stated(compose).map(|stated| stated.image.to_string()).map_err(|error| error.to_string())
}
