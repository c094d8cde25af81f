//! The machine of a node's probe and the rule that lets this host to it: made, and written down before and after.

pub(in crate::commands) mod alive;
pub(in crate::commands) mod image;
mod making;
mod operation;
pub(in crate::commands) mod order;
pub(in crate::commands) mod pace;
pub(in crate::commands) mod removal;

use self::{operation::OPERATION, pace::Pace};
use crate::{
    adapters::{
        gcp::compute::{Compute, Instance, Operation, Scope, Started, Trouble},
        journal::Journal,
    },
    context::Context,
    error::{self, Class, Error, Result},
    probe::{
        checks::MACHINE,
        journal::{Cloud, Created, Effect, How, Kind, Record, RequestId, Word},
        node::Plan,
    },
    product::random_bytes,
    progress::Phase,
    report::{Action, Finding},
    subject::gcp::{Name, Zone},
};

/// What makes a probe's things.
pub(in crate::commands) struct Maker<'a> {
    pub(in crate::commands) compute: &'a Compute,
    pub(in crate::commands) journal: &'a mut Journal,
    pub(in crate::commands) plan: &'a Plan,
    pub(in crate::commands) context: &'a Context,
    pub(in crate::commands) actions: Vec<Action>,
}

/// Why there is none.
pub(in crate::commands) enum Stop {
    /// The cloud or the machine is not as it should be.
    Finding(Box<Finding>),
    /// The work could not be done.
    Error(Error),
}

impl Stop {
    /// Why the work on a machine ended early, as a finding about that.
    pub(in crate::commands) fn told(self, name: &str) -> Finding {
        let error = match self {
            Self::Finding(finding) => return *finding,
            Self::Error(error) => error,
        };
        let words = error::chain(&error);
        let finding = match error.class() {
            Class::Trust => MACHINE.fail(name, words),
            Class::Usage | Class::Input | Class::Remote | Class::Internal => MACHINE.undecided(name, words),
        };
        match error.advice() {
            Some(advice) => finding.help(advice),
            None => finding,
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Finding(Box::new(finding))
    }
}

impl Maker<'_> {
    /// Adds the rule of the firewall.
    pub(in crate::commands) async fn rule(&mut self, network: &str) -> Result<(), Stop> {
        let Plan { project, .. } = self.plan;
        let request = request()?;
        let body = self.plan.rule(network, &request, self.context.now().as_second());
        self.announce(Kind::FirewallRule, &request, None)?;
        let started = self.compute.insert_firewall(project, &body, request.as_str()).await?;
        let operation = self.started(started, &request, "firewall rule")?;
        let _shown = Phase::waiting("waiting for Compute Engine to add the firewall rule");
        match operation::finished(self.compute, Scope::Global(project), operation, self.pace()).await? {
            None => {
                self.actions.push(Action::done("add firewall rule", self.plan.name()));
                Ok(())
            }
            Some(trouble) => Err(failed(self.plan, "the firewall rule", &trouble).into()),
        }
    }

    /// Creates the machine in the first zone that has room, and says which.
    pub(in crate::commands) async fn machine(&mut self) -> Result<(Zone, String), Stop> {
        let mut full = None;
        for zone in &self.plan.zones {
            let place = (&self.plan.project, zone);
            let request = request()?;
            let body = self.plan.machine(zone, &request, self.context.now().as_second());
            self.announce(Kind::Machine, &request, Some(zone))?;
            let started = self.compute.insert_instance(place, &body, request.as_str()).await?;
            let operation = self.started(started, &request, "machine")?;
            let id = operation.target_id.clone().unwrap_or_default();
            let _shown = Phase::waiting(format!("waiting for Compute Engine to create {}", self.plan.name()));
            match operation::finished(self.compute, Scope::Zone(place.0, zone), operation, self.pace()).await? {
                None => {
                    self.actions.push(Action::done("create machine", format!("{} in {zone}", self.plan.name())));
                    return Ok((zone.clone(), id));
                }
                Some(trouble) if trouble.is_of_the_zone() => {
                    tracing::warn!("{} in {zone}: {trouble}", self.plan.name());
                    // The operation failed as a whole: what it says is accepted when nothing is there.
                    if self.compute.instance(place, &name(self.plan)?).await?.is_none() {
                        self.write(Record::Gone { request, how: How::NeverMade })?;
                    }
                    full = Some(trouble);
                }
                Some(trouble) => return Err(failed(self.plan, "the machine", &trouble).into()),
            }
        }
        match full {
            Some(trouble) => Err(failed(self.plan, "the machine", &trouble).into()),
            None => Err(Error::usage("give a zone with TDX machines: --zone europe-west4-a").into()),
        }
    }

    /// Waits until the machine runs and has an address.
    pub(in crate::commands) async fn running(&self, zone: &Zone) -> Result<Instance, Stop> {
        let (place, name) = ((&self.plan.project, zone), name(self.plan)?);
        let _shown = Phase::waiting(format!("waiting for {name} to start"));
        let mut pace = self.pace();
        let mut last = String::from("nothing");
        loop {
            if let Some(instance) = self.compute.instance(place, &name).await? {
                match instance.status.as_str() {
                    "RUNNING" if instance.address().is_some() => return Ok(instance),
                    "STOPPING" | "SUSPENDING" | "SUSPENDED" | "TERMINATED" | "STOPPED" => {
                        let why = instance.status_message.as_deref().map(crate::text::excerpt).unwrap_or_default();
                        let what = format!("the machine stopped before it ran: {} {why}", instance.status);
                        return Err(self.stopped(what.trim_end()).into());
                    }
                    _ => {}
                }
                last = match instance.address() {
                    None if instance.status == "RUNNING" => "RUNNING without an address".to_owned(),
                    Some(_) | None => crate::text::excerpt(&instance.status),
                };
            }
            if !pace.rest().await {
                let what = format!("the machine did not run within {} s", self.plan.patience);
                return Err(self.stopped(&what).compared("RUNNING with an address", last).into());
            }
        }
    }

    fn stopped(&self, what: &str) -> Finding {
        MACHINE
            .undecided(self.plan.name(), what)
            .help("look at the machine's events in the Google Cloud console, then probe again")
    }

    pub(in crate::commands) fn pace(&self) -> Pace {
        Pace::within(std::time::Duration::from_secs(self.plan.patience))
    }

    fn announce(&mut self, kind: Kind, request: &RequestId, zone: Option<&Zone>) -> Result<()> {
        let mut place = vec![("project", self.plan.project.as_str())];
        place.extend(zone.map(|zone| ("zone", zone.as_str())));
        let place = place.into_iter().map(|(key, value)| Ok((word(key)?, word(value)?))).collect::<Result<_>>()?;
        let (name, label) = (word(&self.plan.name())?, self.plan.label.clone());
        let request = request.clone();
        self.write(Record::Intent(Effect { cloud: Cloud::Gcp, kind, name, label, request, place }))
    }

    /// What came of asking: an operation that is under way, or a refusal, after which nothing of ours is there.
    fn started(&mut self, started: Started, request: &RequestId, what: &str) -> Result<Operation, Stop> {
        let name = self.plan.name();
        match started {
            Started::Operation(operation) => {
                let id = operation.target_id.as_deref().and_then(|id| id.parse().ok()).map(|id| ("id", id));
                // By this name it is found out later whether what is not there yet is still to come.
                let name = operation.name.parse().ok().map(|name| (OPERATION, name));
                let created = Created::with(id.into_iter().chain(name));
                self.write(Record::Result { request: request.clone(), created })?;
                Ok(operation)
            }
            Started::Missing => {
                self.write(Record::Gone { request: request.clone(), how: How::NeverMade })?;
                let message = format!("Compute Engine does not know what the {what} {name} is to be made of (404)");
                Err(Error::remote(message).help("check --project, --zone, --subnetwork and --image-name").into())
            }
            Started::Refused { status: 409, .. } => {
                self.write(Record::Gone { request: request.clone(), how: How::NeverMade })?;
                let finding =
                    MACHINE.undecided(&name, format!("there is a {what} of this name already, which is another's"));
                Err(finding.help("give another label with --label; the other probe's machine is left alone").into())
            }
            Started::Refused { error, .. } => {
                self.write(Record::Gone { request: request.clone(), how: How::NeverMade })?;
                Err(error.into())
            }
        }
    }

    fn write(&mut self, record: Record) -> Result<()> {
        self.journal.append(self.context.now(), record)
    }
}

/// Compute Engine gave up on something.
fn failed(plan: &Plan, what: &str, trouble: &Trouble) -> Finding {
    let finding = MACHINE.undecided(plan.name(), format!("{what} was not made: {trouble}"));
    finding.help(trouble.advice().unwrap_or("try again; if it lasts, ask Google"))
}

/// The name of everything the probe makes.
pub(in crate::commands) fn name(plan: &Plan) -> Result<Name> {
    plan.name().parse().map_err(|e| Error::internal("the name of a probe's machine").because(e))
}

/// A request that no other is.
pub(in crate::commands) fn request() -> Result<RequestId> {
    random_bytes().map(RequestId::new)
}

fn word(text: &str) -> Result<Word> {
    text.parse().map_err(|e| Error::internal("a word of the journal").because(e))
}

/// The address of the network that a subnetwork is part of, as a rule of the firewall names it.
pub(in crate::commands) async fn network(compute: &Compute, plan: &Plan) -> Result<String> {
    let zone =
        plan.zones.first().ok_or_else(|| Error::usage("give a zone with TDX machines: --zone europe-west4-a"))?;
    let (region, name) = (zone.region(), &plan.subnetwork);
    let found = compute.subnetwork(&plan.project, &region, name).await?;
    found.map(|subnetwork| subnetwork.network).ok_or_else(|| {
        Error::usage(format!("{} has no subnetwork {name} in {region}", plan.project))
            .help("name one that is there with --subnetwork: gcloud compute networks subnets list")
    })
}
