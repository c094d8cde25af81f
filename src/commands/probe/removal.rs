//! Taking down what a probe made, as its journal says. Only what is provably the probe's own is deleted: on Phala Cloud, the
//! machine of the application that this probe registered. A name alone proves nothing.

use std::time::{Duration, Instant};

use crate::{
    adapters::{
        journal::Journal,
        phala::{Listed, Phala},
    },
    context::Context,
    error::{self, Error, Result},
    probe::{
        checks::TEARDOWN,
        journal::{Cloud, Created, How, Kind, Record, Standing},
    },
    report::{Action, Finding},
    subject::cvm::{AppId, CvmId},
};

/// How long a machine that is deleted may take to be gone.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two questions; longer every time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often an account is looked at for a machine whose making was asked for, and not confirmed: the request may be late.
const LOOKS: u32 = 5;

/// What came of taking down.
#[derive(Debug, Default)]
pub(super) struct Removed {
    pub(super) findings: Vec<Finding>,
    pub(super) actions: Vec<Action>,
}

/// What one probe made on Phala Cloud under one name.
struct Cvm<'a> {
    name: &'a str,
    application: Option<AppId>,
    machine: Option<CvmId>,
    /// Whether its making was asked for at all.
    asked: bool,
    /// Whether it is known to have been made.
    made: bool,
    /// The requests that are settled with it.
    standing: Vec<&'a Standing>,
}

/// Pauses that get longer.
pub(super) struct Pauses(Duration);

impl Pauses {
    pub(super) fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    /// Sleeps, and longer the next time.
    pub(super) async fn sleep(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// Takes down what stands in the journal on Phala Cloud. `again` is what a person does about what is left.
pub(super) async fn phala(phala: &Phala, journal: &mut Journal, context: &Context, again: &str) -> Removed {
    let mut removed = Removed::default();
    let standing = match journal.standing() {
        Ok(standing) => standing,
        Err(error) => {
            removed.findings.push(TEARDOWN.undecided(journal.path().display().to_string(), error::chain(&error)));
            return removed;
        }
    };
    for cvm in grouped(&standing) {
        match cvm.remove(phala).await {
            Ok(how) => removed.settle(&cvm, how, journal, context),
            Err(error) => removed.left(&cvm, &error, again),
        }
    }
    removed
}

/// What stands on Phala Cloud, by the name it has there.
fn grouped(standing: &[Standing]) -> Vec<Cvm<'_>> {
    let mut found: Vec<Cvm<'_>> = Vec::new();
    for one in standing.iter().filter(|one| one.effect.cloud == Cloud::Phala) {
        let name = one.effect.name.as_str();
        let at = found.iter().position(|cvm| cvm.name == name).unwrap_or_else(|| {
            found.push(Cvm { name, application: None, machine: None, asked: false, made: false, standing: Vec::new() });
            found.len() - 1
        });
        let Some(cvm) = found.get_mut(at) else { continue };
        let id = |name| one.created.as_ref().and_then(|created: &Created| created.id(name));
        cvm.application = id("app_id").and_then(|id| id.parse().ok()).or(cvm.application.take());
        cvm.machine = id("vm_uuid").and_then(|id| id.parse().ok()).or(cvm.machine.take());
        if one.effect.kind == Kind::Machine {
            cvm.asked = true;
            cvm.made = one.created.is_some();
        }
        cvm.standing.push(one);
    }
    found
}

impl Cvm<'_> {
    /// Deletes the machine, and finds out that it is gone.
    async fn remove(&self, phala: &Phala) -> Result<How> {
        // The application alone runs nothing, and without its id no machine of it was asked for.
        let (true, Some(application)) = (self.asked, &self.application) else { return Ok(How::NeverMade) };
        let mut pauses = Pauses::new();
        let mut found = self.found(phala, application).await?;
        let mut looks = 1;
        while found.is_empty() && !self.made && looks < LOOKS {
            pauses.sleep().await;
            found = self.found(phala, application).await?;
            looks += 1;
        }
        if found.is_empty() {
            return Ok(if self.made { How::Deleted } else { How::NeverMade });
        }
        let end = Instant::now() + PATIENCE;
        let mut pauses = Pauses::new();
        loop {
            for id in &found {
                phala.delete(id).await?;
            }
            found = self.found(phala, application).await?;
            if found.is_empty() {
                return Ok(How::Deleted);
            }
            if Instant::now() >= end {
                let ids: Vec<&str> = found.iter().map(CvmId::as_str).collect();
                return Err(Error::remote(format!("{} is still there after its deletion", ids.join(", "))));
            }
            pauses.sleep().await;
        }
    }

    /// The machines of this application that there are.
    async fn found(&self, phala: &Phala, application: &AppId) -> Result<Vec<CvmId>> {
        let mut found = Vec::new();
        let own = CvmId::from(application);
        for id in self.machine.iter().chain([&own]) {
            if let Some(there) = phala.cvm(id).await? {
                if there.app_id.as_ref().is_some_and(|app| app != application) {
                    return Err(Error::remote(format!(
                        "{id} is the machine of another application, and is left alone"
                    )));
                }
                found.push(there.id.unwrap_or_else(|| own.clone()));
            }
        }
        let is_own = |listed: &Listed| listed.name == self.name && listed.app_id.as_ref() == Some(application);
        let listed = phala.named(self.name).await?.into_iter().filter(is_own);
        found.extend(listed.map(|listed| listed.id.unwrap_or_else(|| own.clone())));
        found.sort();
        found.dedup();
        Ok(found)
    }
}

impl Removed {
    /// Adds what came of another cloud.
    pub(super) fn extend(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.actions.extend(other.actions);
    }

    /// Writes down what is gone.
    fn settle(&mut self, cvm: &Cvm<'_>, how: How, journal: &mut Journal, context: &Context) {
        for standing in &cvm.standing {
            let request = standing.effect.request.clone();
            if let Err(error) = journal.append(context.now(), Record::Gone { request, how }) {
                self.findings.push(TEARDOWN.undecided(cvm.name, error::chain(&error)));
                return;
            }
        }
        match how {
            How::Deleted => {
                self.findings.push(TEARDOWN.pass(cvm.name, "deleted, and the account holds it no more"));
                self.actions.push(Action::done("delete machine", cvm.name));
            }
            How::NeverMade => self.findings.push(TEARDOWN.pass(cvm.name, "no machine was made")),
        }
    }

    /// Says what is left, and how to remove it.
    fn left(&mut self, cvm: &Cvm<'_>, error: &Error, again: &str) {
        let id = cvm.machine.as_ref().map(|id| id.as_str().to_owned());
        let id = id.or_else(|| cvm.application.as_ref().map(|app| CvmId::from(app).as_str().to_owned()));
        let what = match &id {
            Some(id) => format!("the machine {id} may still be there, and costs money: {}", error::chain(error)),
            None => format!("a machine may still be there, and costs money: {}", error::chain(error)),
        };
        let advice = error.advice().map_or_else(String::new, |advice| format!("{advice}; then "));
        let by_hand = id.map_or_else(String::new, |id| format!(", or by hand: phala cvms delete {id}"));
        self.findings.push(TEARDOWN.undecided(cvm.name, what).help(format!("{advice}run `{again}`{by_hand}")));
        self.actions.push(Action::failed("delete machine", cvm.name));
    }
}
