//! Taking down what was made on Phala Cloud, as a journal says. Only what is provably its own is deleted: the machine of the
//! application that was registered by the same journal. A name alone proves nothing.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::{
    adapters::{
        journal::Journal,
        phala::{Listed, Phala},
    },
    commands::machine::{pauses::Pauses, removed::Removed},
    context::Context,
    error::{self, Error, Result},
    probe::{
        checks::TEARDOWN,
        journal::{Cloud, Created, How, Kind, Record, Standing},
    },
    progress::Phase,
    report::Action,
    subject::cvm::{AppId, CvmId},
};

/// How long a machine that is deleted may take to be gone.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often an account is looked at, at least, before what is not seen there counts as gone.
const LOOKS: u32 = 5;
/// How long after it was asked for a machine may still come to light: the request may be under way, and the list late.
const SETTLING: Duration = Duration::from_secs(120);
/// The same where the service is on this machine.
const SETTLING_NEARBY: Duration = Duration::from_secs(5);

/// What was made on Phala Cloud under one name.
struct Made<'a> {
    name: &'a str,
    application: Option<AppId>,
    machine: Option<CvmId>,
    /// Whether its making was asked for at all.
    asked: bool,
    /// Whether it is known to have been made.
    made: bool,
    /// When it was asked for.
    since: Option<Timestamp>,
    /// The requests that are settled with it.
    standing: Vec<&'a Standing>,
}

/// How long it still takes until something that was asked for at `since`, and is not seen, was surely never made. A time that
/// is still to come says nothing: it counts as now.
fn unsettled(since: Timestamp, is_near: bool, context: &Context) -> Duration {
    let window = if is_near { SETTLING_NEARBY } else { SETTLING.max(context.http.request_timeout) };
    let passed = Duration::try_from(context.now().duration_since(since)).unwrap_or_default();
    window.saturating_sub(passed)
}

/// Takes down what stands in the journal on Phala Cloud. `again` is what a person does about what is left.
pub(in crate::commands) async fn take_down(
    phala: &Phala,
    journal: &mut Journal,
    context: &Context,
    again: &str,
) -> Removed {
    let mut removed = Removed::default();
    let standing = match journal.standing() {
        Ok(standing) => standing,
        Err(error) => {
            removed.findings.push(TEARDOWN.undecided(journal.path().display().to_string(), error::chain(&error)));
            return removed;
        }
    };
    for cvm in grouped(&standing) {
        match cvm.remove(phala, context).await {
            Ok(how) => settle(&mut removed, &cvm, how, journal, context),
            Err(error) => left(&mut removed, &cvm, &error, again),
        }
    }
    removed
}

/// What stands on Phala Cloud, by the name it has there.
fn grouped(standing: &[Standing]) -> Vec<Made<'_>> {
    let mut found: Vec<Made<'_>> = Vec::new();
    for one in standing.iter().filter(|one| one.effect.cloud == Cloud::Phala) {
        let name = one.effect.name.as_str();
        let at = found.iter().position(|cvm| cvm.name == name).unwrap_or_else(|| {
            let (application, machine, since, standing) = Default::default();
            found.push(Made { name, application, machine, asked: false, made: false, since, standing });
            found.len() - 1
        });
        let Some(cvm) = found.get_mut(at) else { continue };
        let id = |name| one.created.as_ref().and_then(|created: &Created| created.id(name));
        cvm.application = id("app_id").and_then(|id| id.parse().ok()).or(cvm.application.take());
        cvm.machine = id("vm_uuid").and_then(|id| id.parse().ok()).or(cvm.machine.take());
        if one.effect.kind == Kind::Machine {
            cvm.asked = true;
            cvm.made = one.created.is_some();
            cvm.since = Some(one.since);
        }
        cvm.standing.push(one);
    }
    found
}

impl Made<'_> {
    /// Deletes the machine, and finds out that it is gone.
    async fn remove(&self, phala: &Phala, context: &Context) -> Result<How> {
        // The application alone runs nothing, and without its id no machine of it was asked for.
        let (true, Some(application)) = (self.asked, &self.application) else { return Ok(How::NeverMade) };
        let unsettled = match self.since {
            Some(since) if !self.made => unsettled(since, phala.is_near(), context),
            Some(_) | None => Duration::ZERO,
        };
        if !unsettled.is_zero() {
            tracing::info!("looking for {} for {} s: its making was not confirmed", self.name, unsettled.as_secs());
        }
        let _shown = Phase::waiting(format!("waiting until {} is gone", self.name));
        let begun = Instant::now();
        let (settled, end) = (begun + unsettled, begun + PATIENCE);
        let mut pauses = Pauses::of(phala.is_near());
        let (mut looks, mut deleted) = (0, false);
        loop {
            let found = self.swept(phala, application).await?;
            looks += 1;
            match found.as_slice() {
                [] if deleted => return Ok(How::Deleted),
                [] if looks >= LOOKS && Instant::now() >= settled => {
                    return Ok(if self.made { How::Deleted } else { How::NeverMade });
                }
                [] => {}
                [_, ..] if Instant::now() >= end => {
                    let ids: Vec<&str> = found.iter().map(CvmId::as_str).collect();
                    return Err(Error::remote(format!("{} is still there after its deletion", ids.join(", "))));
                }
                [_, ..] => deleted = true,
            }
            pauses.sleep().await;
        }
    }

    /// Has every machine of this application deleted that there is, and says which there were. What an id in the journal leads
    /// to is deleted first: the list may fail, and confirms.
    async fn swept(&self, phala: &Phala, application: &AppId) -> Result<Vec<CvmId>> {
        let mut found = Vec::new();
        let own = CvmId::from(application);
        let mut refused = None;
        for id in self.machine.iter().chain([&own]) {
            let Some(there) = phala.cvm(id).await? else { continue };
            if there.name.as_deref() != Some(self.name) || there.app_id.as_ref() != Some(application) {
                refused = Some(Error::remote(format!(
                    "{id} is not said to be the machine {} of this application, and is left alone",
                    self.name
                )));
                continue;
            }
            found.push(self.deleted(phala, there.id.unwrap_or_else(|| own.clone()), &found).await?);
        }
        if let Some(error) = refused {
            return Err(error);
        }
        let is_own = |listed: &Listed| listed.name == self.name && listed.app_id.as_ref() == Some(application);
        for listed in phala.named(self.name).await?.into_iter().filter(is_own) {
            found.push(self.deleted(phala, listed.id.unwrap_or_else(|| own.clone()), &found).await?);
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// Has a machine deleted, once in a sweep.
    async fn deleted(&self, phala: &Phala, id: CvmId, before: &[CvmId]) -> Result<CvmId> {
        if !before.contains(&id) {
            phala.delete(&id).await?;
        }
        Ok(id)
    }
}

/// Writes down what is gone.
fn settle(removed: &mut Removed, cvm: &Made<'_>, how: How, journal: &mut Journal, context: &Context) {
    for standing in &cvm.standing {
        let request = standing.effect.request.clone();
        if let Err(error) = journal.append(context.now(), Record::Gone { request, how }) {
            removed.findings.push(TEARDOWN.undecided(cvm.name, error::chain(&error)));
            return;
        }
    }
    match how {
        How::Deleted => {
            removed.findings.push(TEARDOWN.pass(cvm.name, "deleted, and the account holds it no more"));
            removed.actions.push(Action::done("delete machine", cvm.name));
        }
        How::NeverMade => removed.findings.push(TEARDOWN.pass(cvm.name, "no machine was made")),
    }
}

/// Says what is left, and how to remove it.
fn left(removed: &mut Removed, cvm: &Made<'_>, error: &Error, again: &str) {
    let id = cvm.machine.as_ref().map(|id| id.as_str().to_owned());
    let id = id.or_else(|| cvm.application.as_ref().map(|app| CvmId::from(app).as_str().to_owned()));
    let what = match &id {
        Some(id) => format!("the machine {id} may still be there, and costs money: {}", error::chain(error)),
        None => format!("a machine may still be there, and costs money: {}", error::chain(error)),
    };
    let advice = error.advice().map_or_else(String::new, |advice| format!("{advice}; then "));
    let by_hand = id.map_or_else(String::new, |id| format!(", or by hand: phala cvms delete {id}"));
    removed.findings.push(TEARDOWN.undecided(cvm.name, what).help(format!("{advice}run `{again}`{by_hand}")));
    removed.actions.push(Action::failed("delete machine", cvm.name));
}
