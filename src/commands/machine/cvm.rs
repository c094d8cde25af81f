//! The machine of a KMS on Phala Cloud, from its registration until it has an address. Each step is in the journal before it
//! is taken, and its outcome after; [`removal`] takes down what stands there.

pub(in crate::commands) mod identity;
pub(in crate::commands) mod order;
pub(in crate::commands) mod removal;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use url::Url;

use crate::{
    adapters::{
        journal::Journal,
        phala::{Answered, Cvm as Answer, Order, Phala, Provisioned, Status},
    },
    commands::machine::pauses::Pauses,
    context::Context,
    error::{Error, Result},
    probe::{
        journal::{Cloud, Created, Effect, How, Kind, Record, RequestId, Word},
        kms::Deployment,
        label::Label,
    },
    product::random_bytes,
    progress::Phase,
    report::Action,
    subject::cvm::{CvmId, CvmName},
    text::excerpt,
};

/// How often a machine that stopped is started again.
const STARTS: u32 = 3;
/// How often an application is registered until the service says which it is.
const REGISTRATIONS: u32 = 3;
/// How often an account is looked at for a machine whose making was not confirmed.
const LOOKS: u32 = 5;
/// Last lines of the serial log that are shown of a machine that does not start.
const LOG_LINES: usize = 8;

/// A machine in the making.
pub(in crate::commands) struct Cvm<'a, 'j> {
    phala: &'a Phala,
    deployment: &'a Deployment,
    /// Stands in the journal beside everything that is made.
    label: &'a Label,
    journal: &'j mut Journal,
    context: &'a Context,
    /// What was done.
    pub(in crate::commands) done: Vec<Action>,
}

/// A machine that runs.
pub(in crate::commands) struct Running<'a> {
    pub(in crate::commands) phala: &'a Phala,
    pub(in crate::commands) deployment: &'a Deployment,
    pub(in crate::commands) provisioned: Provisioned,
    /// The machine, as the service describes it.
    pub(in crate::commands) cvm: Answer,
    pub(in crate::commands) id: CvmId,
    /// Where it may be reached, the best first.
    pub(in crate::commands) addresses: Vec<Url>,
}

/// Whether the account holds a machine of this name: it was made by something else, and must not be deleted.
///
/// # Errors
/// Remote: the account cannot be asked.
pub(in crate::commands) async fn is_taken(phala: &Phala, name: &CvmName) -> Result<bool> {
    Ok(phala.named(name.as_str()).await?.iter().any(|listed| listed.name == name.as_str()))
}

impl<'a, 'j> Cvm<'a, 'j> {
    /// One that is to be made. Nothing is asked yet.
    pub(in crate::commands) fn new(
        phala: &'a Phala,
        deployment: &'a Deployment,
        label: &'a Label,
        journal: &'j mut Journal,
        context: &'a Context,
    ) -> Self {
        Self { phala, deployment, label, journal, context, done: Vec::new() }
    }

    /// Registers, creates and starts the machine, and waits until it has an address.
    ///
    /// # Errors
    /// Remote: the service refuses, or the machine does not start in time. Input: the journal cannot be written.
    pub(in crate::commands) async fn start(&mut self, patience: Duration) -> Result<Running<'a>> {
        let end = Instant::now() + patience;
        let name = &self.deployment.name;
        let provisioned = self.provision(name).await?;
        let id = self.create(name, &provisioned).await?;
        self.until_running(&id, end).await?;
        let (cvm, addresses) = self.addresses(&id, end).await?;
        Ok(Running { phala: self.phala, deployment: self.deployment, provisioned, cvm, id, addresses })
    }

    async fn provision(&mut self, name: &CvmName) -> Result<Provisioned> {
        let request = self.intend(Kind::Application, name)?;
        let order = Order {
            name,
            instance_type: &self.deployment.instance_type,
            region: self.deployment.region.as_deref(),
            compose: &self.deployment.compose,
        };
        let mut tries = 0;
        let provisioned = loop {
            tries += 1;
            match self.phala.provision(&order).await? {
                Answered::Done(provisioned) => break provisioned,
                Answered::Refused(error) => {
                    self.record(Record::Gone { request, how: How::NeverMade })?;
                    return Err(error);
                }
                // Registering once more does no harm: nothing runs.
                Answered::Unknown(error) if tries < REGISTRATIONS => {
                    tracing::warn!("registering {name} again: {error}");
                    Pauses::new().sleep().await;
                }
                Answered::Unknown(error) => return Err(error),
            }
        };
        let created = Created::with([
            ("app_id", word(provisioned.app_id.digits())?),
            ("compose_hash", word(&provisioned.compose_hash.to_string())?),
        ]);
        self.record(Record::Result { request, created })?;
        self.done.push(Action::done("register application", format!("{name} ({})", provisioned.app_id)));
        Ok(provisioned)
    }

    async fn create(&mut self, name: &CvmName, provisioned: &Provisioned) -> Result<CvmId> {
        let request = self.intend(Kind::Machine, name)?;
        let own = CvmId::from(&provisioned.app_id);
        let made = match self.phala.create(provisioned, name).await? {
            Answered::Done(cvm) => cvm.id,
            Answered::Refused(error) => {
                self.record(Record::Gone { request, how: How::NeverMade })?;
                return Err(error);
            }
            Answered::Unknown(error) => {
                tracing::warn!("looking whether {name} was created: {error}");
                self.look(name, provisioned).await?.ok_or(error)?
            }
        };
        let mut created = Created::with([("app_id", word(provisioned.app_id.digits())?)]);
        if let Some(id) = &made {
            created.ids.extend(Created::with([("vm_uuid", word(id.as_str())?)]).ids);
        }
        self.record(Record::Result { request, created })?;
        let id = made.unwrap_or(own);
        self.done.push(Action::done("create machine", format!("{name} ({id})")));
        Ok(id)
    }

    /// The machine, where it was created although no answer said so; with its id, where it has one.
    async fn look(&self, name: &CvmName, provisioned: &Provisioned) -> Result<Option<Option<CvmId>>> {
        let _shown = Phase::waiting(format!("waiting to see whether {name} was created"));
        let mut pauses = Pauses::new();
        for _ in 0..LOOKS {
            let listed = self.phala.named(name.as_str()).await?;
            let own = listed
                .into_iter()
                .find(|listed| listed.name == name.as_str() && listed.app_id.as_ref() == Some(&provisioned.app_id));
            if let Some(listed) = own {
                return Ok(Some(listed.id));
            }
            pauses.sleep().await;
        }
        Ok(None)
    }

    async fn until_running(&self, id: &CvmId, end: Instant) -> Result<()> {
        let _shown = Phase::waiting(format!("waiting for {} to start", self.deployment.name));
        let mut pauses = Pauses::new();
        let mut starts = 0;
        loop {
            let state = self.phala.state(id).await?;
            let state = state.ok_or_else(|| Error::remote(format!("machine {id} is gone before it started")))?;
            if let Some(why) = &state.boot_error {
                return Err(self.does_not_start(id, &format!("it does not boot: {}", excerpt(why))).await);
            }
            match &state.status {
                Status::Running => return Ok(()),
                Status::Failed(word) => {
                    return Err(self.does_not_start(id, &format!("its state is `{}`", excerpt(word))).await);
                }
                Status::Startable(word) if starts < STARTS => {
                    tracing::info!("machine {id} is `{}`: starting it", excerpt(word));
                    starts += 1;
                    match self.phala.start(id).await? {
                        Answered::Done(()) => {}
                        // It may have begun to start by itself meanwhile: the next look tells.
                        Answered::Refused(error) | Answered::Unknown(error) => tracing::warn!("{error}"),
                    }
                }
                Status::Startable(_) | Status::NotYet(_) => {}
            }
            if Instant::now() >= end {
                let word = excerpt(state.status.word());
                let progress = state.boot_progress.as_deref().map(|text| format!(" ({})", excerpt(text)));
                let what = format!("it did not start in time: its state is `{word}`{}", progress.unwrap_or_default());
                return Err(self.does_not_start(id, &what).await);
            }
            pauses.sleep().await;
        }
    }

    /// Why a machine does not start, with the end of its serial log.
    async fn does_not_start(&self, id: &CvmId, why: &str) -> Error {
        let error = Error::remote(format!("machine {id}: {why}"));
        match self.phala.serial_log(id).await {
            Ok(Some(log)) => {
                let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
                let last = lines.iter().skip(lines.len().saturating_sub(LOG_LINES)).map(|line| excerpt(line));
                let shown = last.collect::<Vec<_>>().join(" | ");
                error.help(format!("its serial log ends with: {shown}"))
            }
            Ok(None) => error.help("it has no serial log; probe again, or with another --instance-type or --region"),
            Err(no_log) => error.help(format!("its serial log cannot be read: {no_log}")),
        }
    }

    async fn addresses(&self, id: &CvmId, end: Instant) -> Result<(Answer, Vec<Url>)> {
        let _shown = Phase::waiting(format!("waiting for an address of {}", self.deployment.name));
        let mut pauses = Pauses::new();
        loop {
            let cvm = self.phala.cvm(id).await?;
            let cvm = cvm.ok_or_else(|| Error::remote(format!("machine {id} is gone before it was reached")))?;
            let addresses = self.phala.addresses(&cvm);
            if !addresses.is_empty() {
                return Ok((cvm, addresses));
            }
            if Instant::now() >= end {
                let message = format!("machine {id} runs, and the service names no address that it is reached at");
                return Err(Error::remote(message).help("probe again; if it lasts, ask the service's support"));
            }
            pauses.sleep().await;
        }
    }

    fn intend(&mut self, kind: Kind, name: &CvmName) -> Result<RequestId> {
        let request = RequestId::new(random_bytes()?);
        let effect = Effect {
            cloud: Cloud::Phala,
            kind,
            name: word(name.as_str())?,
            label: self.label.clone(),
            request: request.clone(),
            place: BTreeMap::new(),
        };
        self.record(Record::Intent(effect))?;
        Ok(request)
    }

    fn record(&mut self, record: Record) -> Result<()> {
        self.journal.append(self.context.now(), record)
    }
}

fn word(text: &str) -> Result<Word> {
    text.parse().map_err(|e| Error::remote(format!("`{}` cannot be written down", excerpt(text))).because(e))
}
