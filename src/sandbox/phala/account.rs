//! What stands in an account: applications and machines, and the rules about them. It speaks no HTTP.

use std::sync::Arc;

use super::machine::{Order, Phase, Shared, Up, ended, seen};
use crate::{
    digest::Sha256,
    error::{Error, Result},
};

/// Looks at a machine that is deleted until it is gone: a real one takes its time.
const LINGERS: u8 = 1;

/// An application that was provisioned.
#[derive(Debug, Clone)]
pub(super) struct App {
    /// 20 bytes, in hex.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) instance_type: String,
    /// `app-compose.json`, as it is.
    pub(super) app_compose: String,
    /// The docker-compose file in it.
    pub(super) compose: String,
    /// What was stated as its hash.
    pub(super) stated_hash: Sha256,
    /// Whether it ever got a machine.
    pub(super) committed: bool,
}

/// A machine.
pub(super) struct Cvm {
    pub(super) number: u64,
    /// 16 bytes, in hex.
    pub(super) uuid: String,
    /// 20 bytes, in hex.
    pub(super) instance_id: String,
    pub(super) app: App,
    pub(super) created_at: String,
    pub(super) phase: Shared,
    /// Whether it waits to be started.
    pub(super) waits: bool,
    /// It was deleted, and is gone after so many looks.
    pub(super) leaving: Option<u8>,
    /// How often it was given another compose file.
    pub(super) updates: usize,
}

/// A machine as the account has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenMachine {
    /// Its id.
    pub uuid: String,
    /// Its name.
    pub name: String,
    /// The application on it.
    pub app_id: String,
    /// How far it is, in the API's word.
    pub status: String,
    /// The docker-compose file that it was last given.
    pub compose: String,
    /// How often it was given another one.
    pub updates: usize,
    /// Where its service is reached, while it runs.
    pub address: Option<String>,
}

/// A machine that is to boot with another file.
pub(super) struct Updated {
    pub(super) uuid: String,
    pub(super) ran: Option<Box<Up>>,
}

/// An account.
#[derive(Default)]
pub(super) struct State {
    apps: Vec<App>,
    cvms: Vec<Cvm>,
    /// What stands in the list beside them, in whatever form.
    odd: Vec<serde_json::Value>,
    /// Machines made so far.
    made: u64,
}

/// Why a machine is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conflict {
    /// No such application was provisioned.
    UnknownApp,
    /// Its compose file hashes to something else.
    OtherHash,
    /// It has a machine.
    Committed,
    /// Another machine has its name.
    NameTaken,
}

impl State {
    /// Registers an application.
    pub(super) fn provision(&mut self, app: App) {
        self.apps.push(app);
    }

    /// Makes the machine of an application, which somebody has to boot.
    pub(super) fn commit(&mut self, id: &str, hash: &str, waits: bool) -> Result<&Cvm, Conflict> {
        let app = self.apps.iter_mut().find(|app| app.id == id).ok_or(Conflict::UnknownApp)?;
        if app.stated_hash.to_string() != hash {
            return Err(Conflict::OtherHash);
        }
        if app.committed {
            return Err(Conflict::Committed);
        }
        if self.cvms.iter().any(|cvm| cvm.app.name == app.name) {
            return Err(Conflict::NameTaken);
        }
        app.committed = true;
        self.made += 1;
        let (uuid, instance_id) = (random::<16>(), random::<20>());
        self.cvms.push(Cvm {
            number: self.made,
            uuid: hex::encode(uuid.unwrap_or_default()),
            instance_id: hex::encode(instance_id.unwrap_or_default()),
            app: app.clone(),
            created_at: jiff::Timestamp::now().to_string(),
            phase: Shared::default(),
            waits,
            leaving: None,
            updates: 0,
        });
        self.cvms.last().ok_or(Conflict::UnknownApp)
    }

    /// Says of the machines of this name that they were made at another time.
    pub(super) fn made_at(&mut self, name: &str, at: &str) {
        for cvm in self.cvms.iter_mut().filter(|cvm| cvm.app.name == name) {
            at.clone_into(&mut cvm.created_at);
        }
    }

    pub(super) fn list(&mut self, item: serde_json::Value) {
        self.odd.push(item);
    }

    /// What stands in the list beside the machines.
    pub(super) fn odd(&self) -> &[serde_json::Value] {
        &self.odd
    }

    /// A machine by any of its ids, or its name. One that was deleted is a look nearer to its end.
    pub(super) fn look(&mut self, id: &str) -> Option<&Cvm> {
        let at = self.cvms.iter().position(|cvm| cvm.is(id))?;
        let left = match self.cvms.get_mut(at)?.leaving.as_mut() {
            None => return self.cvms.get(at),
            Some(0) => None,
            Some(left) => {
                *left -= 1;
                Some(())
            }
        };
        if left.is_none() {
            self.cvms.remove(at);
        }
        left.and_then(|()| self.cvms.get(at))
    }

    /// Starts a machine that waits for it.
    pub(super) fn start(&mut self, id: &str) -> Option<&Cvm> {
        let cvm = self.cvms.iter_mut().find(|cvm| cvm.is(id))?;
        cvm.waits = false;
        Some(cvm)
    }

    /// Deletes a machine, and gives what ran on it.
    pub(super) fn delete(&mut self, id: &str) -> Option<Option<Box<Up>>> {
        let cvm = self.cvms.iter_mut().find(|cvm| cvm.is(id))?;
        cvm.leaving.get_or_insert(LINGERS);
        Some(ended(&cvm.phase))
    }

    /// Gives a machine another docker-compose file, and gives what ran on it; `None` inside where it has that file already.
    /// Somebody has to boot it again.
    pub(super) fn update(&mut self, id: &str, compose: &str) -> Option<Option<Updated>> {
        let cvm = self.cvms.iter_mut().find(|cvm| cvm.is(id) && cvm.leaving.is_none())?;
        if cvm.app.compose == compose {
            return Some(None);
        }
        cvm.app.app_compose = crate::sandbox::app_compose::recomposed(&cvm.app.app_compose, compose);
        compose.clone_into(&mut cvm.app.compose);
        cvm.updates += 1;
        let before = std::mem::take(&mut cvm.phase);
        Some(Some(Updated { uuid: cvm.uuid.clone(), ran: ended(&before) }))
    }

    /// A machine by any of its ids, or its name, without any consequence.
    pub(super) fn find(&self, id: &str) -> Option<&Cvm> {
        self.cvms.iter().find(|cvm| cvm.is(id))
    }

    /// Removes a machine at once.
    pub(super) fn remove(&mut self, id: &str) {
        self.cvms.retain(|cvm| !cvm.is(id));
    }

    /// All machines, newest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Cvm> {
        self.cvms.iter().rev()
    }

    pub(super) fn machines(&self) -> Vec<SeenMachine> {
        let seen = |cvm: &Cvm| SeenMachine {
            uuid: cvm.uuid.clone(),
            name: cvm.app.name.clone(),
            app_id: cvm.app.id.clone(),
            status: cvm.status().0.to_owned(),
            compose: cvm.app.compose.clone(),
            updates: cvm.updates,
            address: cvm.up(|up| up.endpoint.clone()),
        };
        self.cvms.iter().map(seen).collect()
    }

    pub(super) fn orphans(&self) -> Vec<String> {
        self.apps.iter().filter(|app| !app.committed).map(|app| app.id.clone()).collect()
    }

    pub(super) fn running(&self) -> usize {
        self.cvms.iter().filter(|cvm| cvm.up(|up| up.serves()).unwrap_or(false)).count()
    }
}

impl Cvm {
    fn is(&self, id: &str) -> bool {
        self.uuid == id.replace('-', "")
            || self.app.name == id
            || id.strip_prefix("app_") == Some(self.app.id.as_str())
            || id.strip_prefix("instance_") == Some(self.instance_id.as_str())
    }

    /// How far it is, and why it does not start.
    pub(super) fn status(&self) -> (&'static str, Option<String>) {
        if self.leaving.is_some() {
            return ("stopping", None);
        }
        seen(&self.phase, |phase| match phase {
            Phase::Creating => ("creating", None),
            Phase::Up(_) if self.waits => ("created", None),
            Phase::Up(_) => ("running", None),
            Phase::Broken(why) => ("error", Some(why.clone())),
            Phase::Ended => ("stopped", None),
        })
    }

    /// Something of the machine, while it runs.
    pub(super) fn up<T>(&self, of: impl FnOnce(&Up) -> T) -> Option<T> {
        seen(&self.phase, |phase| match phase {
            Phase::Up(up) if !self.waits => Some(of(up)),
            Phase::Up(_) | Phase::Creating | Phase::Broken(_) | Phase::Ended => None,
        })
    }

    /// What it is booted from.
    pub(super) fn order(&self, flaw: Option<super::Flaw>) -> Result<(Order, Shared)> {
        let app_id = match flaw {
            Some(super::Flaw::OtherMachine | super::Flaw::UpdatedOtherKeys) => random()?,
            Some(_) | None => bytes(&self.app.id)?,
        };
        let instance_id = match flaw {
            Some(super::Flaw::OtherInstance) => random()?,
            Some(_) | None => bytes(&self.instance_id)?,
        };
        let order = Order {
            app_id,
            instance_id,
            instance_type: self.app.instance_type.clone(),
            app_compose: self.app.app_compose.clone(),
            compose: self.app.compose.clone(),
            flaw,
        };
        Ok((order, Arc::clone(&self.phase)))
    }
}

fn bytes(digits: &str) -> Result<[u8; 20]> {
    let mut bytes = [0; 20];
    hex::decode_to_slice(digits, &mut bytes).map_err(|e| Error::internal("an id of the sandbox's").because(e))?;
    Ok(bytes)
}

/// Bytes that no other deployment gets, in this world or another.
pub(in crate::sandbox) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::internal("the system gives no random bytes"))?;
    Ok(bytes)
}
