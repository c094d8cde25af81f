//! Taking down what a node's probe made, as its journal says. Only what bears the id of the request that made it is deleted;
//! the rule of the firewall first, and then the machine. Something counts as gone when it is asked for and not there, and the
//! request that makes it is over.

use std::time::Duration;

use super::{making::Making, operation, pace::Pace, request};
use crate::{
    adapters::{
        gcp::compute::{Compute, Scope, Started},
        journal::Journal,
    },
    commands::machine::removed::Removed,
    context::Context,
    error::{self, Error, Result},
    probe::{
        checks::TEARDOWN,
        journal::{Cloud, Effect, How, Kind, Record, Standing},
        node::{self, REQUEST},
    },
    progress::Phase,
    report::Action,
    subject::gcp::{Name, Project, Zone},
};

/// How long something that is deleted may take to be gone.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often something is asked for after the request for it is over: what it makes may be seen late.
const LOOKS: u32 = 5;

/// How something comes to be not there.
enum End {
    /// This run deleted it.
    Deleted,
    /// It was made, and something else deleted it; or it deleted itself.
    Vanished,
    /// It was never made.
    NeverMade,
}

impl End {
    fn not_there(made: bool) -> Self {
        if made { Self::Vanished } else { Self::NeverMade }
    }
}

/// Something on Compute Engine.
pub(in crate::commands) enum Thing {
    /// A rule of the project's firewall.
    Rule(Project, Name),
    /// A machine.
    Machine(Project, Zone, Name),
}

/// Takes down what stands in the journal on Compute Engine. `again` is what a person does about what is left.
pub(in crate::commands) async fn take_down(
    compute: &Compute,
    journal: &mut Journal,
    context: &Context,
    again: &str,
) -> Removed {
    let mut removed = Removed::default();
    let mut standing = match journal.standing() {
        Ok(standing) => standing,
        Err(error) => {
            removed.findings.push(TEARDOWN.undecided(journal.path().display().to_string(), error::chain(&error)));
            return removed;
        }
    };
    standing.retain(|one| one.effect.cloud == Cloud::Gcp);
    standing.sort_by_key(|one| one.effect.kind != Kind::FirewallRule);
    for one in &standing {
        match remove(compute, one, context).await {
            Ok(end) => settle(&mut removed, one, end, journal, context),
            Err(error) => left(&mut removed, &one.effect, &error, again),
        }
    }
    removed
}

async fn remove(compute: &Compute, standing: &Standing, context: &Context) -> Result<End> {
    let Effect { request, .. } = &standing.effect;
    let thing = Thing::of(&standing.effect)?;
    let mut making = Making::of(standing, context.now(), compute.is_near(), context.http.request_timeout);
    let _shown = Phase::waiting(format!("waiting until {} is gone", standing.effect.name.as_str()));
    let mut pace = Pace::of(compute.is_near(), PATIENCE);
    let (mut looks, mut deleted) = (0, false);
    loop {
        // Asked before it is looked for: what was made by then is there to be seen.
        let over = making.is_over(compute, thing.scope()).await;
        match (thing.owner(compute).await?, over) {
            // What bears another request's id was there before, or came after.
            (Some(owner), _) if owner.as_deref() == Some(request.as_str()) => {
                thing.delete(compute).await?;
                deleted = true;
                if thing.owner(compute).await?.is_none() {
                    return Ok(End::Deleted);
                }
            }
            _ if deleted => return Ok(End::Deleted),
            // It says nothing of what is there, which is deleted all the same.
            (_, Err(error)) => return Err(error),
            (Some(_), Ok(Some(made))) => return Ok(End::not_there(made)),
            (None, Ok(Some(made))) => {
                looks += 1;
                if looks >= LOOKS {
                    return Ok(End::not_there(made));
                }
            }
            (_, Ok(None)) => {}
        }
        if !pace.rest().await {
            let what = if deleted { "it is still there after its deletion" } else { "the request for it does not end" };
            return Err(Error::remote(what));
        }
    }
}

impl Thing {
    /// What an entry of the journal speaks of.
    fn of(effect: &Effect) -> Result<Self> {
        let unreadable = |what: &str| Error::input(format!("the journal's {what} of {} is none", effect.name));
        let place =
            |key: &str| effect.place.iter().find(|(name, _)| name.as_str() == key).map(|(_, value)| value.as_str());
        let project = place("project").and_then(|text| text.parse().ok()).ok_or_else(|| unreadable("project"))?;
        let name = effect.name.as_str().parse().map_err(|_| unreadable("name"))?;
        match effect.kind {
            Kind::FirewallRule => Ok(Self::Rule(project, name)),
            Kind::Machine => {
                let zone = place("zone").and_then(|text| text.parse().ok()).ok_or_else(|| unreadable("zone"))?;
                Ok(Self::Machine(project, zone, name))
            }
            Kind::Application => Err(unreadable("kind")),
        }
    }

    /// What its changes belong to.
    fn scope(&self) -> Scope<'_> {
        match self {
            Self::Rule(project, _) => Scope::Global(project),
            Self::Machine(project, zone, _) => Scope::Zone(project, zone),
        }
    }

    /// The id of the request that made it, where it bears one; `None`: it is not there.
    async fn owner(&self, compute: &Compute) -> Result<Option<Option<String>>> {
        Ok(match self {
            Self::Rule(project, name) => {
                let rule = compute.firewall(project, name).await?;
                rule.map(|rule| node::mark(&rule.description, REQUEST).map(str::to_owned))
            }
            Self::Machine(project, zone, name) => {
                let instance = compute.instance((project, zone), name).await?;
                instance.map(|instance| instance.labels.get(REQUEST).cloned())
            }
        })
    }

    /// Has it deleted, and waits until that is done.
    pub(in crate::commands) async fn delete(&self, compute: &Compute) -> Result<()> {
        let request = request()?;
        let started = match self {
            Self::Rule(project, name) => compute.delete_firewall(project, name, request.as_str()).await?,
            Self::Machine(project, zone, name) => {
                compute.delete_instance((project, zone), name, request.as_str()).await?
            }
        };
        match started {
            Started::Missing => Ok(()),
            Started::Refused { error, .. } => Err(error),
            Started::Operation(operation) => {
                match operation::finished(compute, self.scope(), operation, Pace::within(PATIENCE)).await? {
                    Some(trouble) if !trouble.is_missing() => Err(Error::remote(trouble.to_string())),
                    Some(_) | None => Ok(()),
                }
            }
        }
    }

    /// How a person deletes it.
    fn by_hand(&self) -> String {
        match self {
            Self::Rule(project, name) => {
                format!("gcloud compute firewall-rules delete {name} --project {project}")
            }
            Self::Machine(project, zone, name) => {
                format!("gcloud compute instances delete {name} --zone {zone} --project {project}")
            }
        }
    }

    /// Whether it is not there any more.
    pub(in crate::commands) async fn is_gone(&self, compute: &Compute) -> Result<bool> {
        let mut pace = Pace::within(PATIENCE);
        loop {
            if self.owner(compute).await?.is_none() {
                return Ok(true);
            }
            if !pace.rest().await {
                return Ok(false);
            }
        }
    }
}

/// Writes down what is gone.
fn settle(removed: &mut Removed, standing: &Standing, end: End, journal: &mut Journal, context: &Context) {
    let Effect { request, kind, name, .. } = &standing.effect;
    let (name, kind) = (name.as_str(), kind.name());
    let how = match end {
        End::Deleted => How::Deleted,
        End::Vanished | End::NeverMade => How::NeverMade,
    };
    if let Err(error) = journal.append(context.now(), Record::Gone { request: request.clone(), how }) {
        removed.findings.push(TEARDOWN.undecided(name, error::chain(&error)));
        return;
    }
    match end {
        End::Deleted => {
            removed.findings.push(TEARDOWN.pass(name, format!("the {kind} is gone: asked for again, it is not there")));
            removed.actions.push(Action::done(format!("delete {kind}"), name));
        }
        End::Vanished => {
            let what = format!("the {kind} was made, and is not there any more: this run did not delete it");
            removed.findings.push(TEARDOWN.pass(name, what));
        }
        End::NeverMade => removed.findings.push(TEARDOWN.pass(name, format!("no {kind} was made"))),
    }
}

/// Says what is left, and how to remove it.
fn left(removed: &mut Removed, effect: &Effect, error: &Error, again: &str) {
    let (name, kind) = (effect.name.as_str(), effect.kind.name());
    let by_hand = Thing::of(effect).map(|thing| format!(", or by hand: {}", thing.by_hand())).unwrap_or_default();
    let costs = match effect.kind {
        Kind::Machine => ", and costs money until it deletes itself",
        Kind::FirewallRule | Kind::Application => "",
    };
    let what = format!("the {kind} may still be there{costs}: {}", error::chain(error));
    let advice = error.advice().map_or_else(String::new, |advice| format!("{advice}; then "));
    removed.findings.push(TEARDOWN.undecided(name, what).help(format!("{advice}run `{again}`{by_hand}")));
    removed.actions.push(Action::failed(format!("delete {kind}"), name));
}
