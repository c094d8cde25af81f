//! Phala Cloud as far as running a KMS goes: the API of one account, and machines that are real. A machine here is the
//! production KMS on a machine of the software TDX platform, booted with the compose file it was provisioned with.
//!
//! The API remembers what it is told (`account`), fails where it is asked to ([`Flaw`], [`Troubles`]), and notes what it was
//! asked ([`Record`]). Serial logs are served on a port of their own, as the real ones are on another host, so that a client
//! which takes its key there is caught. Shapes follow version 2026-01-21 of the API, which `@phala/cloud` 0.2.9 speaks.
//! Machines are reached by plain HTTP on loopback, without the gateway that ends TLS in front of real ones.

mod account;
mod compose;
mod flaw;
pub(super) mod front;
pub(super) mod machine;
mod refusal;
mod routes;
mod shapes;
mod watch;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

pub use self::{account::SeenMachine, flaw::Flaw};
pub(super) use self::{
    account::random,
    compose::registry_has,
    machine::Host,
    routes::{api, logs},
};
use super::{
    app_compose,
    boot::{Application, USUAL_INSTANCE},
    trouble::{Record, Troubles},
};
use crate::{
    digest::Sha256,
    error::{Error, Result},
};

/// The key of the account. Long enough to be recognised where somebody repeats it.
pub const API_KEY: &str = "phak_sandbox_the_key_of_an_account_on_loopback";

/// Path that the API lies under.
pub(super) const PREFIX: &str = "/api/v1";

/// A Phala Cloud on loopback, with one account.
pub struct Cloud {
    host: Arc<Host>,
    state: Mutex<account::State>,
    /// Base URL of the serial logs.
    logs: String,
    flaw: Mutex<Option<Flaw>>,
    manual: AtomicBool,
    key_at_logs: AtomicBool,
    troubles: Troubles,
    record: Record,
}

type Shared = Arc<Cloud>;

impl Cloud {
    /// An empty account, whose machines run on `host`.
    pub(super) fn new(host: Arc<Host>, logs: String, flaw: Option<Flaw>) -> Self {
        let (state, troubles, record) = Default::default();
        let (manual, key_at_logs) = Default::default();
        Self { host, state, logs, flaw: Mutex::new(flaw), manual, key_at_logs, troubles, record }
    }

    /// Makes something wrong from now on, or nothing.
    pub fn set_flaw(&self, flaw: Option<Flaw>) {
        *self.flaw.lock().unwrap_or_else(PoisonError::into_inner) = flaw;
    }

    /// Makes a machine that stood before anything was asked here: the service of a release in `compose`, on the application that
    /// releases are measured as. It boots by itself.
    ///
    /// # Errors
    /// Internal, when the sandbox itself is broken.
    pub fn stand(&self, name: &str, app: &Application, compose: &str) -> Result<()> {
        let app_compose = app_compose::usual(compose);
        let stated_hash = Sha256::of(app_compose.as_bytes());
        let id = hex::encode(app.id);
        let uuid = {
            let mut state = self.lock();
            state.provision(account::App {
                id: id.clone(),
                name: name.to_owned(),
                instance_type: USUAL_INSTANCE.to_owned(),
                app_compose,
                compose: compose.to_owned(),
                stated_hash,
                committed: false,
            });
            let made = state.commit(&id, &stated_hash.to_string(), false);
            made.map_err(|_| Error::internal("the sandbox's machine cannot be made"))?.uuid.clone()
        };
        self.boot_with(&uuid, None)
    }

    /// Boots a machine in the background.
    fn boot(&self, uuid: &str) -> Result<()> {
        let updates = self.lock().find(uuid).map(|cvm| cvm.updates).unwrap_or_default();
        self.boot_with(uuid, self.flaw().filter(|flaw| flaw.touches(updates)))
    }

    fn boot_with(&self, uuid: &str, flaw: Option<Flaw>) -> Result<()> {
        let (order, phase) = {
            let state = self.lock();
            state.find(uuid).ok_or_else(|| Error::internal("a machine of the sandbox's is gone"))?.order(flaw)?
        };
        tokio::spawn(machine::boot(Arc::clone(&self.host), order, phase));
        Ok(())
    }

    /// Makes machines wait in status `created` until they are started.
    pub fn start_on_request(&self) {
        self.manual.store(true, Ordering::Relaxed);
    }

    /// Says of the machines of this name that they were made at another time.
    pub fn made_at(&self, name: &str, at: jiff::Timestamp) {
        self.lock().made_at(name, &at.to_string());
    }

    /// Says nothing of when the machines of this name were made that anyone could read.
    pub fn made_sometime(&self, name: &str) {
        self.lock().made_at(name, "lately");
    }

    /// Lists this too, as it is.
    pub fn list(&self, item: serde_json::Value) {
        self.lock().list(item);
    }

    /// The machines that exist, those on their way out included, oldest first.
    pub fn machines(&self) -> Vec<SeenMachine> {
        self.lock().machines()
    }

    /// The ids of applications that never got a machine: nothing runs, and nothing can be deleted.
    pub fn orphans(&self) -> Vec<String> {
        self.lock().orphans()
    }

    /// Services that serve.
    pub fn running(&self) -> usize {
        self.lock().running()
    }

    /// Whether the host of the logs was sent a key.
    pub fn key_went_to_logs(&self) -> bool {
        self.key_at_logs.load(Ordering::Relaxed)
    }

    /// What goes wrong at chosen requests.
    pub fn troubles(&self) -> &Troubles {
        &self.troubles
    }

    /// What was asked.
    pub fn record(&self) -> &Record {
        &self.record
    }

    fn flaw(&self) -> Option<Flaw> {
        *self.flaw.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, account::State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cloud").field("machines", &self.machines()).finish_non_exhaustive()
    }
}
