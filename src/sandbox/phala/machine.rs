//! A machine of the cloud: what it was started with, what it measured of that, and the service on it. It is started in the
//! background, as a real one is, and says how far it is.

use std::sync::{Arc, Mutex, PoisonError};

use super::{compose::Workload, flaw::Flaw};
use crate::{
    digest::Sha256,
    error::{self, Error, Result},
    sandbox::{
        boot::{Application, Boot, Deployment},
        dstack::{Machine, Sockets},
        kms::{self, Running, Surroundings},
        phala::front,
        tdx::Platform,
    },
    subject::{profile::Profile, tag::Tag},
};

/// What a machine is started from.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Order {
    pub(in crate::sandbox) app_id: [u8; 20],
    pub(in crate::sandbox) instance_id: [u8; 20],
    pub(in crate::sandbox) instance_type: String,
    /// `app-compose.json`, as it is.
    pub(in crate::sandbox) app_compose: String,
    /// The docker-compose file in it.
    pub(in crate::sandbox) compose: String,
    pub(in crate::sandbox) flaw: Option<Flaw>,
}

/// How far a machine is.
#[derive(Default)]
pub(in crate::sandbox) enum Phase {
    /// It boots.
    #[default]
    Creating,
    /// It will not run.
    Broken(String),
    /// It runs.
    Up(Box<Up>),
    /// It is on its way out, or was before it came up.
    Ended,
}

/// A machine that runs.
pub(in crate::sandbox) struct Up {
    pub(in crate::sandbox) machine: Arc<Machine>,
    /// Where the published port is reached.
    pub(in crate::sandbox) endpoint: String,
    service: Running,
    front: Option<front::Front>,
}

/// Its phase, shared by who starts it and who asks.
pub(in crate::sandbox) type Shared = Arc<Mutex<Phase>>;

/// Where machines are started.
pub(in crate::sandbox) struct Host {
    pub(in crate::sandbox) platform: Arc<Platform>,
    pub(in crate::sandbox) sockets: Arc<Sockets>,
    pub(in crate::sandbox) around: Surroundings,
}

impl Up {
    /// Whether the service still serves.
    pub(in crate::sandbox) fn serves(&self) -> bool {
        self.service.is_up()
    }

    /// Ends the service, and waits until it has ended.
    pub(in crate::sandbox) async fn stop(self) {
        drop(self.front);
        self.service.stop().await;
    }
}

/// Something of a machine, as far as it is.
pub(in crate::sandbox) fn seen<T>(phase: &Shared, of: impl FnOnce(&Phase) -> T) -> T {
    of(&phase.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Has a machine end, and gives what ran on it.
pub(in crate::sandbox) fn ended(phase: &Shared) -> Option<Box<Up>> {
    let before = std::mem::replace(&mut *phase.lock().unwrap_or_else(PoisonError::into_inner), Phase::Ended);
    match before {
        Phase::Up(up) => Some(up),
        Phase::Creating | Phase::Broken(_) | Phase::Ended => None,
    }
}

/// Boots a machine and starts the service on it, and leaves in `phase` what came of it.
pub(in crate::sandbox) async fn boot(host: Arc<Host>, order: Order, phase: Shared) {
    if order.flaw == Some(Flaw::NeverReady) {
        return;
    }
    let outcome = match order.flaw {
        Some(Flaw::BootError | Flaw::UpdatedNotBooting) => {
            Err(Error::remote("failed to mount the root filesystem: dm-verity: corruption"))
        }
        Some(_) | None => start(&host, &order).await,
    };
    let late = {
        let mut phase = phase.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*phase, outcome) {
            (Phase::Ended, Ok(up)) => Some(up),
            (Phase::Ended, Err(_)) => None,
            (_, Ok(up)) => {
                *phase = Phase::Up(Box::new(up));
                None
            }
            (_, Err(error)) => {
                *phase = Phase::Broken(error::chain(&error));
                None
            }
        }
    };
    // It was deleted while it came up.
    if let Some(up) = late {
        up.stop().await;
    }
}

async fn start(host: &Host, order: &Order) -> Result<Up> {
    let workload = Workload::of(&order.compose).map_err(Error::remote)?;
    let machine = Arc::new(Machine::new(platform(host, order.flaw)?, measured(&workload, order)));
    if order.flaw == Some(Flaw::SecondComposeHash) {
        machine.emit("compose-hash", Sha256::of(b"another compose file").as_bytes());
    }
    let agent = host.sockets.serve(Arc::clone(&machine))?;
    let (version, profile) = service(&workload, order.flaw)?;
    let service = kms::launch(&host.around, &version, profile, agent).await?;
    let address = service.url().as_str().trim_end_matches('/').to_owned();
    let (endpoint, front) = match order.flaw.and_then(front::Bend::of) {
        Some(bend) => {
            let front = front::Front::before(&address, bend).await?;
            (front.url().to_owned(), Some(front))
        }
        None => (address, None),
    };
    Ok(Up { machine, endpoint, service, front })
}

/// The boot of a machine that was asked for.
fn measured(workload: &Workload, order: &Order) -> Boot {
    let (tag, profile) = &workload.image;
    let compose = match order.flaw {
        Some(Flaw::HashMeasured) => format!("{} ", order.app_compose),
        Some(_) | None => order.app_compose.clone(),
    };
    let app = Application { name: "mero-kms-phala".to_owned(), id: order.app_id, compose: Some(compose) };
    let Order { instance_id, instance_type, .. } = order;
    Boot::deployed(tag, *profile, app, &Deployment { instance_id: *instance_id, instance_type })
}

/// What the service is told it is.
fn service(workload: &Workload, flaw: Option<Flaw>) -> Result<(Tag, Profile)> {
    let Workload { version, profile, .. } = workload;
    Ok(match flaw {
        Some(Flaw::OtherVersion) => {
            let other = if version.as_str() == "mero-kms-v1.1.1" { "mero-kms-v1.2.0" } else { "mero-kms-v1.1.1" };
            (other.parse().map_err(|e| Error::internal("a sample tag does not parse").because(e))?, *profile)
        }
        Some(Flaw::OtherProfile) => {
            let other = if *profile == Profile::Debug { Profile::DebugReadOnly } else { Profile::Debug };
            (version.clone(), other)
        }
        Some(_) | None => (version.clone(), *profile),
    })
}

/// The hardware a machine runs on: the world's, or the same with a defect.
fn platform(host: &Host, flaw: Option<Flaw>) -> Result<Arc<Platform>> {
    use crate::sandbox::tdx::Fault;
    let fault = match flaw {
        Some(Flaw::DebugTd | Flaw::UpdatedDebugTd) => Fault::DebugAttribute,
        Some(Flaw::OtherRoot) => Fault::WrongRoot,
        Some(_) | None => return Ok(Arc::clone(&host.platform)),
    };
    host.platform.twin()?.with_fault(fault).map(Arc::new)
}
