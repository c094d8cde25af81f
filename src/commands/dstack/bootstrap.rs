//! `dstack bootstrap`: a KMS that waits makes its keys, once; the keys are verified before it serves, and it is compared with
//! them after. Each step is in a journal before it is taken, so that a run which was cut off is gone on with.
//!
//! 1. What the KMS says of itself is looked at, and whether it is allowed.
//! 2. It makes its keys. Its answer is on disk, for its owner alone, before anything else is done.
//! 3. The answer is verified. If it fails, the KMS is left waiting: nothing has used its keys.
//! 4. It is told to serve.
//! 5. It is met over TLS by the attested key, and says what was verified.

mod keys;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    allowed::{ALLOWED, Authority},
    evidence, reach,
    serving::{self, Expectation},
};
use crate::{
    adapters::{
        bootstrap_journal::BootstrapJournal,
        dstack_kms::{Announced, Answered, Onboarding},
        file,
    },
    cli::dstack::onboarding::BootstrapArgs,
    commands::quote::judgement::Judgement,
    context::Context,
    digest::Sha256,
    dstack::{
        attestation_info::ANNOUNCED,
        bootstrap_info::{self, BootstrapInfo, MAX_DOCUMENT_BYTES},
        meta::Origin,
        progress::Record,
    },
    error::{self, Error, Result},
    product::Product,
    report::{Action, CheckInfo, Fact, Finding, Report, Section, Status},
};

/// The KMS made its keys.
pub(super) const MADE: CheckInfo =
    CheckInfo { id: "dstack-bootstrapped", title: "a KMS makes its keys once, and its answer is on disk" };

/// The answer of the KMS.
const INFO: &str = "bootstrap-info.json";

/// Checks of `dstack bootstrap`.
pub(super) fn rules() -> Vec<CheckInfo> {
    let before = [ALLOWED, MADE].into_iter().chain(bootstrap_info::RULES).chain([ANNOUNCED]);
    before.chain(serving::rules()).collect()
}

/// A bootstrap on its way.
struct Work<'a> {
    args: &'a BootstrapArgs,
    context: &'a Context,
    kms: Onboarding,
    authority: Authority,
    judgement: Judgement<'a>,
    journal: BootstrapJournal,
    /// Where the answer of the KMS goes.
    info: PathBuf,
    subject: String,
    facts: Vec<Fact>,
    findings: Vec<Finding>,
    actions: Vec<Action>,
}

pub(super) async fn run(args: &BootstrapArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let base = reach::kms(context)?;
    let kms = Onboarding::new(&base, context.http.clone())?;
    let authority = Authority::named(&args.allowed, context)?;
    let by = args.quotes.alone();
    let judgement = Judgement::new(&by, context, false)?;
    std::fs::create_dir_all(&args.out)
        .map_err(|e| Error::input(format!("cannot make the folder {}", args.out.display())).because(e))?;
    let journal = BootstrapJournal::open(&args.out)?;
    refuse_another(args, &kms, &journal)?;
    refuse_rejected(&journal)?;
    let mut work = Work {
        args,
        context,
        subject: args.kms.domain.to_string(),
        info: args.out.join(INFO),
        facts: vec![Fact::named("KMS", kms.host())],
        kms,
        authority,
        judgement,
        journal,
        findings: Vec::new(),
        actions: Vec::new(),
    };
    work.steps(&base).await?;
    Ok(work.product(started))
}

/// Refuses to go on with the journal of another KMS.
fn refuse_another(args: &BootstrapArgs, kms: &Onboarding, journal: &BootstrapJournal) -> Result<()> {
    let Some(asked) = &journal.progress().asked else { return Ok(()) };
    let (host, domain) = (kms.host(), args.kms.domain.to_string());
    if asked.kms == host && asked.domain == domain {
        return Ok(());
    }
    let message = format!("{} is about the KMS at {} for {}", journal.path().display(), asked.kms, asked.domain);
    Err(Error::input(message).help(format!("name another folder with --out for {host} and {domain}")))
}

/// Refuses to go on with an answer that failed verification: it is not trusted by being looked at again.
fn refuse_rejected(journal: &BootstrapJournal) -> Result<()> {
    if !journal.progress().rejected {
        return Ok(());
    }
    Err(Error::input(format!("{} says that the KMS's answer failed verification", journal.path().display()))
        .help("nothing has used its keys: remove the VM, deploy it again, and bootstrap it into another folder"))
}

impl Work<'_> {
    /// Goes as far as findings allow.
    async fn steps(&mut self, base: &url::Url) -> Result<()> {
        let saved = match self.saved()? {
            Some(bytes) => Some(bytes),
            None => self.ask().await?,
        };
        let Some(bytes) = saved else { return Ok(()) };
        let Some(info) = self.verified(&bytes).await? else { return Ok(()) };
        if self.args.dry_run {
            self.actions.push(Action::planned("have the KMS serve", self.kms.host()));
            return Ok(());
        }
        self.record(Record::Verified)?;
        let expected = Expectation {
            base,
            domain: &self.args.kms.domain,
            keys: &info.keys,
            origin: Origin::Bootstrapped(&info),
            allow_dev: self.args.kms.allow_dev,
            patience: Duration::from_secs(self.args.kms.wait.into()),
        };
        self.finish().await?;
        let met = serving::judge(&expected, self.context).await?;
        let serves = met.iter().all(|one| matches!(one.status, Status::Pass | Status::Warn));
        self.findings.extend(met);
        if serves && !self.journal.progress().serves {
            self.record(Record::Serves)?;
        }
        Ok(())
    }

    /// The answer that an earlier run has on disk.
    fn saved(&self) -> Result<Option<Vec<u8>>> {
        match self.info.symlink_metadata() {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return self.none_saved(),
            Err(e) => return Err(Error::input(format!("cannot read {}", self.info.display())).because(e)),
            Ok(_) => {}
        }
        let bytes = file::read_bounded(&self.info, MAX_DOCUMENT_BYTES as u64)?;
        if self.journal.progress().is_another(&Sha256::of(&bytes)) {
            return Err(Error::input(format!(
                "{} is not what the KMS answered: it was changed since",
                self.info.display()
            ))
            .help("put the saved answer back from a backup"));
        }
        Ok(Some(bytes))
    }

    /// No file: none was written, or it is gone. What is gone is never asked for again.
    fn none_saved(&self) -> Result<Option<Vec<u8>>> {
        let Some(saved) = &self.journal.progress().answered else { return Ok(None) };
        let message = format!("{} is gone, and the KMS is not asked for its keys again", self.info.display());
        Err(Error::input(message).help(format!("put the file with sha256 {saved} back, from a backup")))
    }

    /// Verifies the answer; `None` where it must not be trusted, and the KMS is left waiting.
    async fn verified(&mut self, bytes: &[u8]) -> Result<Option<BootstrapInfo>> {
        let name = self.info.display().to_string();
        let info = match BootstrapInfo::parse(bytes) {
            Ok(info) => info,
            Err(error) => {
                self.findings.push(bootstrap_info::malformed(&name, &error));
                self.rejected().await?;
                return Ok(None);
            }
        };
        let judged = evidence::judged(&name, &info, &self.judgement).await?;
        let mut sound = judged.passed();
        self.facts.extend(judged.facts.clone());
        self.findings.extend(judged.findings.clone());
        let announced = self.journal.progress().asked.as_ref().map(|asked| asked.announced.clone());
        let mut variant = String::new();
        match (announced, &judged.measured) {
            (Some(text), Some(measured)) => {
                let before = Announced::read(text.as_bytes())?.info;
                let compared = before.judge(&name, measured);
                variant = before.variant;
                sound &= compared.iter().all(|one| one.status != Status::Fail);
                self.findings.extend(compared);
            }
            (None, _) => self.findings.push(ANNOUNCED.undecided(&name, "the journal does not say what was announced")),
            (Some(_), None) => {}
        }
        sound &= self.journal.progress().asked.is_some();
        let measured = judged.measured.as_ref().filter(|_| sound);
        let Some(measured) = measured else {
            self.rejected().await?;
            return Ok(None);
        };
        // What was said before the bootstrap is not proven: what was attested decides, in every run.
        let allowed = self.authority.judge_attested(&self.subject, measured, &variant).await?;
        let is_allowed = allowed.status == Status::Pass;
        self.findings.push(allowed);
        Ok(is_allowed.then_some(info))
    }

    /// What follows where the answer must not be trusted.
    async fn rejected(&mut self) -> Result<()> {
        let progress = self.journal.progress();
        if progress.finishing || progress.serves {
            tracing::warn!(
                "this KMS was told to serve before: do not remove it before you know why its quote no longer passes"
            );
            return Ok(());
        }
        if self.args.dry_run || progress.asked.is_none() || progress.verified {
            return Ok(());
        }
        self.record(Record::Rejected)?;
        if matches!(self.kms.waits().await, Ok(true)) {
            tracing::warn!("the KMS is left waiting, and nothing has used its keys: remove its VM");
        }
        Ok(())
    }

    /// Tells the KMS to serve, unless it does already.
    async fn finish(&mut self) -> Result<()> {
        let was_told = self.journal.progress().finishing;
        let waits = match self.kms.waits().await {
            Ok(waits) => waits,
            // What it speaks is TLS by now: whether it is the right one is seen when it is met.
            Err(error) if was_told => {
                tracing::debug!("the KMS does not wait any more: {}", error::chain(&error));
                false
            }
            Err(error) => return Err(error),
        };
        if !waits {
            return Ok(());
        }
        self.same_machine().await?;
        self.record(Record::Finishing)?;
        match self.kms.finish().await? {
            Answered::Done(()) => self.actions.push(Action::done("have the KMS serve", self.kms.host())),
            Answered::Refused(error) => return Err(error),
            // Whether it was told, its TLS will show.
            Answered::Unknown(error) => tracing::warn!("{error}"),
        }
        Ok(())
    }

    /// Refuses to tell another KMS to serve than the one that was asked for its keys.
    async fn same_machine(&self) -> Result<()> {
        let Some(asked) = &self.journal.progress().asked else { return Ok(()) };
        let (before, now) =
            (Announced::read(asked.announced.as_bytes())?.info, self.kms.attestation_info().await?.info);
        if before.mr_aggregated == now.mr_aggregated && before.device_id == now.device_id {
            return Ok(());
        }
        let message = format!("another KMS waits at {} than the one that made the keys", self.kms.host());
        Err(Error::trust(message).help("it does not serve: bootstrap it into another folder"))
    }

    fn record(&mut self, record: Record) -> Result<()> {
        self.journal.append(self.context.now(), record)
    }

    fn product(self, started: Instant) -> Product {
        let section = Section {
            subject: self.subject,
            facts: self.facts,
            caveats: self.judgement.caveats(),
            findings: self.findings,
            actions: self.actions,
            ..Section::default()
        };
        Product::report(Report {
            command: "dstack bootstrap".into(),
            rules: rules(),
            sections: vec![section],
            elapsed: Some(started.elapsed()),
            ..Report::default()
        })
    }
}
