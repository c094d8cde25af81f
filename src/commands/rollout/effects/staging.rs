//! D3 and D4: a KMS of the verified digest in staging, what it measures, a node that gets its key there, and its removal. What
//! is made on a cloud stands in a journal of its own beside the evidence, so that it is found again whatever happens.

use std::{collections::BTreeMap, time::Duration};

use url::Url;

use super::{
    Effects,
    bring::Awaited,
    checks::{KEY, MEASURED},
    deployed::{self, Published, Seen},
    node::{self, Kms},
    places::places_apart,
    releases::POLICY,
    told::{facts, judged, kept, made, remark, report},
};
use crate::{
    adapters::{
        journal::Journal,
        phala::{Cvm as Machine, Phala, Status},
        target::Target as _,
    },
    attestation::{
        event_log::{Field, checks as event_log},
        measurement::{Allowed, Registers},
        verdict,
    },
    commands::{
        kms::{
            attest::ATTEST,
            health::{self, HEALTH, IDENTITY},
        },
        machine::{
            cvm::{Cvm, is_taken, removal},
            healthy::until_healthy,
            pauses::Pauses,
        },
    },
    digest::Sha256,
    error::{Error, Result, chain},
    probe::{
        artifacts::{self, From},
        checks::{COMPOSE, MACHINE, deployed as compose_deployed},
        journal::{Kind, Owner},
        kms::{Deployment, compose},
        label::Label,
        source::{PASSED, Source},
    },
    report::{CheckInfo, Finding, Section, Status as Found, Verdict},
    rollout::{
        inputs::Target,
        path::Look,
        record::{Came, Made},
        state::{Pending, State},
        step::Judged,
        words::Remark,
    },
    subject::{
        cvm::{CvmId, CvmName},
        tag::Family,
    },
    text::excerpt,
};

/// How long a machine may take to start, and how long in a sandbox.
const START: Duration = Duration::from_secs(20 * 60);
const START_COMPRESSED: Duration = Duration::from_secs(12);
/// How long the KMS on it may take to be healthy.
const HEALTHY: Duration = Duration::from_secs(120);
const HEALTHY_COMPRESSED: Duration = Duration::from_secs(12);
/// What a rollback would have to undo is undone by this.
pub(super) const AGAIN: &str = "merotee rollout rollback";
/// Digits of a request that stand in the name of what it makes.
const DIGITS: usize = 8;
/// The candidates among what is kept.
pub(super) const CANDIDATES: &str = "candidates.json";

impl Effects<'_> {
    /// How long a machine may take to start.
    pub(super) fn start_patience(&self) -> Duration {
        if self.context.pace.is_compressed() { START_COMPRESSED } else { START }
    }

    /// Pauses between two looks at something.
    pub(super) fn pauses(&self) -> Pauses {
        Pauses::of(self.context.pace.is_compressed())
    }

    /// How long a KMS may take to be healthy.
    pub(super) fn health_patience(&self) -> Duration {
        if self.context.pace.is_compressed() { HEALTHY_COMPRESSED } else { HEALTHY }
    }

    pub(super) async fn deploy_staging(&self, pending: &Pending, state: &State) -> Result<Came> {
        let inputs = state.inputs();
        let image = self.image(state)?;
        match &inputs.staging.target {
            Target::Phala { name, instance_type, region } => {
                let deployment = Deployment {
                    name: name_of(name.as_str(), pending)?,
                    compose: compose(&image, inputs.kms.version(), inputs.profile),
                    image,
                    instance_type: instance_type.to_string(),
                    region: region.as_ref().map(ToString::to_string),
                };
                self.deploy_machine(&deployment, &label_of(pending)?).await
            }
            Target::Compose { .. } => {
                places_apart(inputs, self.context)?;
                let file = self.compose_file(&inputs.staging)?;
                let before = file.current().await?.compose.unwrap_or_default();
                let wanted = upgraded(&before, state, &image)?;
                Ok(self.bring(&file, &wanted, Made::default()).await)
            }
        }
    }

    async fn deploy_machine(&self, deployment: &Deployment, label: &Label) -> Result<Came> {
        let phala = self.context.phala()?;
        if is_taken(&phala, &deployment.name).await? {
            let what =
                format!("the account holds a machine {} already, which this rollout did not make", deployment.name);
            return Ok(Came::Refused(Remark::new(&what)));
        }
        let mut journal = self.journal()?;
        let name = deployment.name.to_string();
        let started = {
            let mut cvm = Cvm::new(&phala, deployment, label, &mut journal, self.context);
            cvm.start(self.start_patience()).await.map(|running| {
                made([
                    ("name", name.clone()),
                    ("vm_uuid", running.id.as_str().to_owned()),
                    ("app_id", running.provisioned.app_id.digits().to_owned()),
                    ("compose_hash", running.provisioned.compose_hash.to_string()),
                ])
            })
        };
        match started {
            Ok(made) => Ok(Came::Done(made)),
            // Whatever stands in the journal may be there, and is removed by it.
            Err(error) if journal.standing()?.iter().any(|standing| standing.effect.kind == Kind::Machine) => {
                Ok(Came::Broken { made: made([("name", name)]), why: remark(&error) })
            }
            Err(error) => Ok(Came::Refused(remark(&error))),
        }
    }

    /// Looks for a machine whose making was announced and not confirmed.
    pub(super) async fn find_staging(&self, pending: &Pending, state: &State) -> Result<Came> {
        let site = &state.inputs().staging;
        let Target::Phala { name, .. } = &site.target else {
            let current = self.compose_file(site)?.current().await?.compose.unwrap_or_default();
            let wanted = upgraded(&current, state, &self.image(state)?)?;
            let awaited = Awaited { place: "staging", wanted: &wanted, since: pending.since, made: Made::default() };
            return Ok(self.find(awaited, async || self.target(site).await).await);
        };
        let (phala, name) = (self.context.phala()?, name_of(name.as_str(), pending)?);
        let found = phala.named(name.as_str()).await?.into_iter().find(|listed| listed.name == name.as_str());
        if let Some(listed) = found {
            let id = |id: Option<String>| id.unwrap_or_default();
            return Ok(Came::Done(made([
                ("name", name.to_string()),
                ("vm_uuid", id(listed.id.map(|id| id.as_str().to_owned()))),
                ("app_id", id(listed.app_id.map(|app| app.digits().to_owned()))),
            ])));
        }
        // What was announced there may still come to light; the removal waits as long as that takes.
        let mut journal = self.journal()?;
        let removed = removal::take_down(&phala, &mut journal, self.context, AGAIN).await;
        match removed.findings.iter().find(|finding| finding.status != Found::Pass) {
            None => Ok(Came::NeverDone(Remark::new(&format!("the account holds no machine {name}")))),
            Some(finding) => Ok(Came::Unknown(Remark::new(&finding.message))),
        }
    }

    pub(super) async fn staging_health(&self, state: &State) -> Result<Judged> {
        let rules = vec![MACHINE, HEALTH, IDENTITY];
        let section = match self.reached(state).await {
            Ok(url) => health_of(&state.subject(Look::StagingHealth), &url.1, state),
            Err(error) => {
                let finding = MACHINE.fail(state.subject(Look::StagingHealth), chain(&error));
                Section { findings: vec![finding.help("look at its log, then roll back")], ..Section::default() }
            }
        };
        Ok(judged(report(Look::StagingHealth, state, rules, vec![section]), Vec::new(), Vec::new()))
    }

    pub(super) async fn staging_probe(&self, state: &State) -> Result<Judged> {
        const LOOK: Look = Look::StagingProbe;
        let (inputs, subject) = (state.inputs(), state.subject(LOOK));
        let (url, _) = self.reached(state).await?;
        let policy = self.kept(state, Look::KmsRelease, POLICY)?;
        let release = inputs.kms.as_str();
        let published = Published { policy: &policy, profile: inputs.profile, release, target: &inputs.staging.target };
        let mut seen = self.seen(&url, published).await?;
        if let Target::Phala { .. } = &inputs.staging.target {
            let found = self.answers(&subject, state, &seen).await?;
            seen.section.findings.extend(found);
        }
        if seen.section.verdict() == Verdict::Passed {
            let rtmr3 = seen.rtmr3().unwrap_or_default();
            let own = deployed::of_this_deployment(&policy, inputs.profile, &rtmr3)?;
            let kms = Kms { url: &url, policy: &own, profile: inputs.profile };
            let node = &inputs.staging.node;
            let answer = self.ask(kms, node).await?;
            seen.section.findings.push(node::told(&subject, node, &answer));
        } else {
            let why = "not asked: the KMS of staging differs from what was published";
            seen.section.findings.push(KEY.undecided(&subject, why));
        }
        let attachments = match seen.section.verdict() {
            Verdict::Passed => kept(CANDIDATES, self.candidates(state, &seen)?).into_iter().collect(),
            Verdict::Undecided | Verdict::Incomplete | Verdict::Failed => Vec::new(),
        };
        let learnt = seen.rtmr3().map(|rtmr3| facts([("rtmr3", rtmr3)])).into_iter().flatten().collect();
        Ok(judged(report(LOOK, state, rules(), vec![seen.section]), attachments, learnt))
    }

    /// The machine that answers is the one that was made, and runs the file that it was made with.
    async fn answers(&self, subject: &str, state: &State, seen: &Seen) -> Result<Vec<Finding>> {
        let (phala, id) = (self.context.phala()?, machine_of(state)?);
        let application = state.staging().and_then(|made| made.id("app_id")).unwrap_or_default();
        let mut findings = vec![match seen.application() {
            Some(measured) if measured == application => {
                MACHINE.pass(subject, "the event log is of the application that was made")
            }
            other => MACHINE
                .fail(subject, "the event log is of another application than the one that was made")
                .compared(application, other.unwrap_or_else(|| "none".to_owned()))
                .help("another machine answered: roll back"),
        }];
        let attestation = phala.attestation(&id).await?;
        let shown = attestation.and_then(|attestation| attestation.tcb_info).map(|info| info.app_compose);
        let image = self.image(state)?;
        let wanted = compose(&image, state.inputs().kms.version(), state.inputs().profile);
        findings.push(match (shown, seen.compose_hash()) {
            (Some(shown), Some(measured)) => compose_deployed(subject, shown.as_bytes(), measured, &wanted),
            (None, _) | (_, None) => COMPOSE.fail(subject, "it is not stated what was deployed"),
        });
        Ok(findings)
    }

    /// Where staging answers, and its health, once it is healthy.
    async fn reached(&self, state: &State) -> Result<(Url, crate::kms::wire::Health)> {
        let site = &state.inputs().staging;
        let addresses = match (&site.target, &site.url) {
            (Target::Compose { .. }, _) => {
                return self.healthy(&self.compose_file(site)?, site, self.health_patience()).await;
            }
            (Target::Phala { .. }, Some(url)) => vec![url.clone()],
            (Target::Phala { .. }, None) => {
                until_reached(&self.context.phala()?, &machine_of(state)?, self.start_patience(), self.pauses()).await?
            }
        };
        until_healthy(&addresses, self.health_patience(), self.context).await
    }

    /// What a promotion proposes: what staging measured, and where that is from.
    fn candidates(&self, state: &State, seen: &Seen) -> Result<Vec<u8>> {
        let nothing = || Error::internal("a probe that passed has no evidence");
        let evidence = seen.evidence.as_ref().ok_or_else(nothing)?;
        let identity = evidence.log.as_ref().and_then(|log| log.identity().ok()).ok_or_else(nothing)?;
        let (inputs, image) = (state.inputs(), self.image(state)?);
        let events = Field::ALL
            .into_iter()
            .filter_map(|field| Some((field.event_name().to_owned(), hex::encode(identity.get(field)?))));
        let mut machine = BTreeMap::new();
        if let Target::Phala { instance_type, region, .. } = &inputs.staging.target {
            machine.insert("instance_type".to_owned(), instance_type.to_string());
            machine.extend(region.as_ref().map(|region| ("region".to_owned(), region.to_string())));
        }
        let id = state.id().to_string();
        let label = format!("rollout-{}", id.get(..DIGITS).unwrap_or(&id));
        let source = Source {
            family: Family::Kms,
            profile: inputs.profile,
            label: label.parse().map_err(|e| Error::internal("the label of a rollout").because(e))?,
            image: Some(image.to_string()),
            release: Some(inputs.kms.to_string()),
            version: Some(format!("v{}", inputs.kms.version())),
            machine,
            nonce: hex::encode(seen.nonce),
            quote_sha256: Sha256::of(evidence.input.quote.as_bytes()).to_string(),
            compose_hash: identity.compose_hash().map(|hash| hash.to_string()),
            docker_compose_hash: None,
            events: events.collect(),
            run_url: self.context.actions.as_ref().and_then(|actions| actions.run.clone()),
            judged_by: seen.judges.clone(),
            verdict: PASSED.to_owned(),
        };
        let registers = &evidence.input.quote.report.registers;
        let tcb = evidence.tcb.ok_or_else(nothing)?;
        let allowed = Allowed::new(Registers::from_fn(|register| vec![*registers.get(register)]), vec![tcb]);
        let hashes: Vec<Sha256> = identity.compose_hash().into_iter().collect();
        let time = jiff::Timestamp::from_second(self.context.now().as_second()).unwrap_or_default().to_string();
        artifacts::candidates(From::One(&source), &time, &allowed, &hashes)
            .map_err(|e| Error::internal("the candidates cannot be written as JSON").because(e))
    }

    pub(super) fn journal(&self) -> Result<Journal> {
        let cannot = |e| Error::input(format!("cannot make {}", self.evidence.display())).because(e);
        std::fs::create_dir_all(&self.evidence).map_err(cannot)?;
        Journal::open(&self.evidence, Owner::Rollout)
    }
}

/// Checks of a probe of staging.
fn rules() -> Vec<CheckInfo> {
    let log = [event_log::EVENT_LOG, event_log::REPLAY, event_log::IDENTITY];
    let own = [MEASURED, MACHINE, COMPOSE, KEY];
    [ATTEST].into_iter().chain(verdict::RULES).chain(log).chain(own).collect()
}

/// What a KMS says of itself, held against the rollout.
pub(super) fn health_of(subject: &str, health: &crate::kms::wire::Health, state: &State) -> Section {
    let inputs = state.inputs();
    let mut findings = vec![if health::is_ready(health) {
        HEALTH.pass(subject, "ready to release keys")
    } else {
        HEALTH
            .fail(subject, "it answers, and has not loaded its policy")
            .help("look at its log: does it trust its release?")
    }];
    findings.extend(health::expected(subject, health, Some(inputs.kms.version()), Some(inputs.profile)));
    Section { findings, ..Section::default() }
}

/// The compose file of another release.
pub(super) fn upgraded(before: &str, state: &State, image: &crate::probe::image::Image) -> Result<String> {
    let inputs = state.inputs();
    crate::probe::upgrade::upgraded(before, image, inputs.kms.version(), inputs.profile).map_err(|e| {
        Error::usage("the compose file cannot be brought to the new release")
            .because(e)
            .help("pin the image by digest, and set MERO_KMS_VERSION and MERO_KMS_PROFILE in it")
    })
}

async fn until_reached(phala: &Phala, id: &CvmId, patience: Duration, mut pauses: Pauses) -> Result<Vec<Url>> {
    let end = std::time::Instant::now() + patience;
    loop {
        let machine: Machine =
            phala.cvm(id).await?.ok_or_else(|| Error::remote(format!("the machine {id} of staging is gone")))?;
        if let Status::Failed(word) = &machine.status {
            return Err(Error::remote(format!("the machine {id} of staging is `{}`", excerpt(word))));
        }
        let addresses = phala.addresses(&machine);
        if !addresses.is_empty() {
            return Ok(addresses);
        }
        if std::time::Instant::now() >= end {
            return Err(Error::remote(format!("the machine {id} of staging has no address")));
        }
        pauses.sleep().await;
    }
}

fn machine_of(state: &State) -> Result<CvmId> {
    let made = state.staging().ok_or_else(|| Error::internal("there is no staging"))?;
    let app = made.id("app_id").map(|app| format!("app_{app}"));
    let id = made.id("vm_uuid").map(str::to_owned).or(app);
    let id = id.ok_or_else(|| Error::internal("staging has no id"))?;
    id.parse().map_err(|e| Error::internal("the id of staging").because(e))
}

/// The name of what one attempt makes, which no other attempt's has.
fn name_of(begins: &str, pending: &Pending) -> Result<CvmName> {
    let request = pending.request.to_string();
    let name = format!("{begins}-{}", request.get(..DIGITS).unwrap_or(&request));
    name.parse().map_err(|e| Error::usage("the name of staging").because(e))
}

fn label_of(pending: &Pending) -> Result<Label> {
    let request = pending.request.to_string();
    let label = format!("rollout-{}", request.get(..DIGITS).unwrap_or(&request));
    label.parse().map_err(|e| Error::internal("the label of a rollout").because(e))
}
