//! `probe run --family kms`: a KMS on Phala Cloud, or one that runs already.

mod measure;
mod order;

use std::collections::BTreeMap;

use super::course::{self, Course, Found, Order, Probed};
use crate::{
    adapters::phala::Phala,
    attestation::{
        event_log::{Field, checks as event_log},
        measurement::Allowed,
    },
    cli::probe::ProbeRunArgs,
    commands::{
        kms::{
            attest::{self, Evidence},
            health,
        },
        machine::{
            cvm::{self, Cvm},
            folder,
            signals::until_signal,
            vm::Stop,
        },
        stop::Orders,
    },
    context::Context,
    error::{Error, Result},
    probe::{
        checks::{self, MACHINE},
        kms::{Deployment, Plan, Target},
        label::Label,
        source::Source,
    },
    product::Product,
    report::{Action, CheckInfo, Fact},
};

/// A KMS that is to be probed.
pub(super) struct Kms {
    plan: Plan,
    /// What the release's policy admits.
    admitted: Option<Allowed>,
}

pub(super) async fn run(args: &ProbeRunArgs, context: &Context) -> Result<Product> {
    course::run(args, context, order::order(args, context)).await
}

impl Probed for Kms {
    const LEFT: &'static str = "costs money";
    const TOLD: &'static [&'static str] = &[];
    const CAVEATS: &'static [&'static str] = &[];

    fn rules() -> [Vec<CheckInfo>; 2] {
        let before = vec![checks::IMAGE, MACHINE, health::HEALTH, health::IDENTITY, attest::ATTEST];
        let log = [event_log::EVENT_LOG, event_log::REPLAY, event_log::IDENTITY];
        [before, log.into_iter().chain([checks::COMPOSE, checks::AS_RELEASED]).collect()]
    }

    fn name(&self) -> String {
        match &self.plan.target {
            Target::Running(url) => crate::adapters::http::host(url),
            Target::Deployed(_) => self.plan.label.machine(),
        }
    }

    fn label(&self) -> &Label {
        &self.plan.label
    }

    fn facts(order: &Order<Self>) -> Vec<Fact> {
        let plan = &order.probed.plan;
        let mut facts = vec![Fact::named("profile", plan.profile.as_str())];
        facts.extend(order.release.as_ref().map(|release| Fact::named("release", release.to_string())));
        facts.extend(plan.version.as_ref().map(|version| Fact::named("expected version", format!("v{version}"))));
        if let Target::Deployed(deployment) = &plan.target {
            facts.push(Fact::Image(deployment.image.to_string()));
            facts.push(Fact::named("label", plan.label.as_str()));
            facts.push(Fact::named("instance type", deployment.instance_type.clone()));
            facts.extend(deployment.region.clone().map(|region| Fact::named("region", region)));
            let hash = order::compose_hash(deployment);
            facts.extend(hash.map(|hash| Fact::named("docker-compose hash", format!("sha256:{hash}"))));
        }
        facts
    }

    fn planned(&self) -> Vec<Action> {
        let deployment = match &self.plan.target {
            Target::Running(url) => {
                return vec![Action::planned("ask for a quote", crate::adapters::http::host(url))];
            }
            Target::Deployed(deployment) => deployment,
        };
        let asking = Action::planned("ask for a quote", self.plan.label.machine());
        deployment.making().into_iter().chain([asking, deployment.deleting()]).collect()
    }

    async fn probe(order: &Order<Self>, course: &Course<'_>, found: &mut Found) -> Result<bool> {
        match &order.probed.plan.target {
            Target::Running(url) => {
                if course.args.wait.is_none() {
                    measure::refuse_closed(url, course.context).await?;
                }
                folder::made(course.out)?;
                match order.measure(course, std::slice::from_ref(url), None, found).await {
                    Ok(()) => Ok(false),
                    // Nothing was found: no file is left that would keep the next probe from this folder.
                    Err(error) if found.findings.is_empty() => Err(error),
                    Err(error) => {
                        found.findings.push(Stop::Error(error).told(&order.probed.name()));
                        Ok(false)
                    }
                }
            }
            Target::Deployed(deployment) => order.deployed(course, deployment, found).await,
        }
    }

    fn source(order: &Order<Self>, evidence: &Evidence, common: Source) -> Option<Source> {
        let identity = evidence.log.as_ref()?.identity().ok()?;
        let events = Field::ALL
            .into_iter()
            .filter_map(|field| Some((field.event_name().to_owned(), hex::encode(identity.get(field)?))));
        let source = Source { events: events.collect(), ..common };
        let deployment = match &order.probed.plan.target {
            Target::Deployed(deployment) => deployment,
            Target::Running(_) => return Some(source),
        };
        let kind = ("instance_type".to_owned(), deployment.instance_type.clone());
        let region = deployment.region.clone().map(|region| ("region".to_owned(), region));
        Some(Source {
            image: Some(deployment.image.to_string()),
            release: order.release.as_ref().map(ToString::to_string),
            machine: BTreeMap::from_iter(std::iter::once(kind).chain(region)),
            docker_compose_hash: order::compose_hash(deployment).map(|hash| format!("sha256:{hash}")),
            ..source
        })
    }
}

impl Order<Kms> {
    /// Deploys, measures, and takes down whatever happens in between. Says whether a signal ended it.
    async fn deployed(&self, course: &Course<'_>, deployment: &Deployment, found: &mut Found) -> Result<bool> {
        let (plan, context) = (&self.probed.plan, course.context);
        let phala = context.phala()?;
        let mut journal = folder::journal(course.out)?;
        refuse_taken(&phala, deployment, plan).await?;
        // From here on a signal ends the work in good order: what was made is taken down.
        let mut orders = Orders::heard()?;
        let mut cvm = Cvm::new(&phala, deployment, &plan.label, &mut journal, context);
        let work = async {
            let running = cvm.start(course.args.patience()).await?;
            self.measure(course, &running.addresses, Some(&running), found).await?;
            Ok::<(), Stop>(())
        };
        let outcome = until_signal(work, &mut orders).await;
        found.actions.append(&mut cvm.done);
        let again = course.again();
        let taking_down = cvm::removal::take_down(&phala, &mut journal, context, &again);
        Ok(course.end(&self.probed, outcome, taking_down, &mut orders, found).await)
    }
}

/// Refuses a name that is taken: what bears it is not this probe's, and is never deleted.
async fn refuse_taken(phala: &Phala, deployment: &Deployment, plan: &Plan) -> Result<()> {
    if !cvm::is_taken(phala, &deployment.name).await? {
        return Ok(());
    }
    let message = format!("the account holds a machine {} already, which this probe did not make", deployment.name);
    Err(Error::input(message).help(format!(
        "choose another --label; if a crashed probe left it: merotee probe cleanup --label {}",
        plan.label
    )))
}
