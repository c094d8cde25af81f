//! `dstack verify`: whether the keys of a KMS were made in a genuine TDX machine, in which one, and whether a KMS that runs
//! is the one of these keys.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::{
    evidence,
    serving::{self, Expectation, TLS},
};
use crate::{
    adapters::file,
    attestation::event_log::checks::{self, COMPOSE_HASH},
    cli::dstack::VerifyArgs,
    commands::quote::judgement::Judgement,
    context::Context,
    digest::Sha256,
    dstack::{
        allow_list::{self, ALLOW_LIST, AllowList},
        attestation_info::{ANNOUNCED, AttestationInfo},
        bootstrap_info::{self, BootstrapInfo, Judged},
        measured::{EXPECTED, Measured, not_compared},
        meta::{self, Expected, Meta, Origin},
        os_image::{self, OS_IMAGE},
    },
    error::{Error, Result},
    product::Product,
    report::{CheckInfo, Finding, Report, Section},
};

/// Largest app-compose.json, answer or list read, in bytes; a bootstrap document may be larger.
const MAX_BYTES: u64 = 8 << 20;

pub(super) async fn run(args: &VerifyArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let judgement_args = evidence::judgement(&args.evidence)?;
    let judgement = Judgement::new(&judgement_args, context, args.evidence.offline)?;
    let beside = Beside::read(args)?;
    let given = evidence::read(&args.bootstrap_info)?;
    let mut section = Section::new(&given.name);
    match &given.info {
        Err(finding) => section.findings.push(finding.as_ref().clone()),
        Ok(info) => {
            let judged = evidence::judged(&given.name, info, &judgement).await?;
            section.facts.clone_from(&judged.facts);
            section.findings.clone_from(&judged.findings);
            section.findings.extend(beside.judge(&given.name, info, &judged, judgement.basis().1));
            section.findings.extend(running(args, info, &judged, context).await?);
        }
    }
    Ok(Product::report(Report {
        command: "dstack verify".into(),
        rules: beside.rules(),
        sections: vec![section],
        caveats: judgement.caveats(),
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }))
}

/// What comes of a KMS that runs. Unproven keys are nothing to meet one by.
async fn running(args: &VerifyArgs, info: &BootstrapInfo, judged: &Judged, context: &Context) -> Result<Vec<Finding>> {
    let (Some(base), Some(domain)) = (&args.kms_url, &args.domain) else { return Ok(Vec::new()) };
    if !judged.passed() {
        return Ok(vec![TLS.undecided(domain.to_string(), "not met: the keys are not proven")]);
    }
    let origin = if args.replica { Origin::Replica } else { Origin::Bootstrapped(info) };
    let (allow_dev, patience) = (args.allow_dev, Duration::ZERO);
    let expected = Expectation { base, domain, keys: &info.keys, origin, allow_dev, patience };
    serving::judge(&expected, context).await
}

/// What the document is compared with.
struct Beside<'a> {
    args: &'a VerifyArgs,
    meta: Option<(String, Meta)>,
    announced: Option<(String, AttestationInfo)>,
    allow_list: Option<(String, AllowList)>,
    app_compose: Option<Vec<u8>>,
    image: Option<Image>,
}

/// An OS image's folder, read.
struct Image {
    name: String,
    list: Vec<u8>,
    digest: Option<Vec<u8>>,
    files: Vec<Option<Sha256>>,
}

impl<'a> Beside<'a> {
    /// Reads what is named, so that bad words are told before anybody is asked.
    fn read(args: &'a VerifyArgs) -> Result<Self> {
        let meta = args.meta.as_deref().map(|path| document(path, Meta::parse)).transpose()?;
        let announced =
            args.attestation_info.as_deref().map(|path| document(path, AttestationInfo::parse)).transpose()?;
        let allow_list = args.allow_list.as_deref().map(|path| document(path, AllowList::parse)).transpose()?;
        let app_compose = args.app_compose.as_deref().map(|path| file::read_source(path, MAX_BYTES)).transpose()?;
        let image = args.os_image.as_deref().map(image).transpose()?;
        Ok(Self { args, meta, announced, allow_list, app_compose, image })
    }

    fn rules(&self) -> Vec<CheckInfo> {
        let mut rules = bootstrap_info::RULES.to_vec();
        let args = self.args;
        rules.extend(self.announced.iter().map(|_| ANNOUNCED));
        rules.push(EXPECTED);
        rules.extend(self.allow_list.iter().map(|_| ALLOW_LIST));
        rules.extend(self.app_compose.iter().map(|_| COMPOSE_HASH));
        rules.extend(self.image.iter().map(|_| OS_IMAGE));
        rules.extend(self.meta.iter().flat_map(|_| meta::RULES));
        rules.extend(args.kms_url.iter().flat_map(|_| serving::rules()));
        rules
    }

    fn judge(&self, name: &str, info: &BootstrapInfo, judged: &Judged, now: u64) -> Vec<Finding> {
        let mut findings = match &judged.measured {
            Some(measured) => self.judge_machine(name, info, judged, measured),
            None => self.unjudged(name),
        };
        if let Some((subject, meta)) = &self.meta {
            let origin = if self.args.replica { Origin::Replica } else { Origin::Bootstrapped(info) };
            let expected = Expected { keys: &info.keys, origin, now, allow_dev: self.args.allow_dev };
            findings.extend(meta.judge(subject, &expected));
        }
        findings
    }

    fn judge_machine(&self, name: &str, info: &BootstrapInfo, judged: &Judged, measured: &Measured) -> Vec<Finding> {
        let args = self.args;
        let mut findings = Vec::new();
        if let Some((_, announced)) = &self.announced {
            findings.extend(announced.judge(name, measured));
        }
        findings.extend(measured.judge(name, args.mr_aggregated, args.mr_system));
        if !self.names_machine() {
            findings.push(not_compared(name, args.kms_url.is_some()));
        }
        if let Some((_, list)) = &self.allow_list {
            findings.extend(allow_list::judge_kms(name, list, measured, judged.verdict.as_ref()));
        }
        if let (Some(bytes), Ok(log)) = (&self.app_compose, info.event_log()) {
            findings.push(checks::compose_hash(name, &log, Sha256::of(bytes)));
        }
        if let Some(Image { name, list, digest, files }) = &self.image {
            let found = os_image::Found { list, digest: digest.as_deref(), files };
            findings.extend(os_image::judge(name, &found, Some(measured)));
        }
        // What an unproven machine agrees with proves nothing.
        if judged.verdict.is_some() { findings } else { findings.into_iter().map(bootstrap_info::unproven).collect() }
    }

    /// Whether anything says which machine is meant. An OS image does not: its name is the machine's own word.
    fn names_machine(&self) -> bool {
        let args = self.args;
        args.mr_aggregated.is_some()
            || args.mr_system.is_some()
            || self.announced.is_some()
            || self.allow_list.is_some()
            || self.app_compose.is_some()
    }

    /// What was asked for and cannot be compared.
    fn unjudged(&self, name: &str) -> Vec<Finding> {
        let all = bootstrap_info::RULES.map(|rule| rule.id);
        let metas: Vec<&str> = serving::rules().iter().map(|rule| rule.id).collect();
        let rules = self.rules().into_iter().filter(|rule| !all.contains(&rule.id) && !metas.contains(&rule.id));
        rules.map(|rule| rule.undecided(name, "not compared: the event log says nothing that counts")).collect()
    }
}

/// A document that must be what it is said to be.
fn document<T, E: std::error::Error + Send + Sync + 'static>(
    path: &Path,
    parse: impl Fn(&[u8]) -> Result<T, E>,
) -> Result<(String, T)> {
    let name = file::source_name(path);
    let bytes = file::read_source(path, bootstrap_info::MAX_DOCUMENT_BYTES as u64)?;
    let document = parse(&bytes).map_err(|error| Error::usage(format!("{name} cannot be used")).because(error))?;
    Ok((name, document))
}

/// The list, the name and the hashes of an OS image's files.
fn image(folder: &Path) -> Result<Image> {
    let list = file::read_bounded(&folder.join(os_image::LIST), os_image::MAX_TEXT_BYTES)?;
    let digest = folder.join(os_image::DIGEST);
    let digest = digest.exists().then(|| file::read_bounded(&digest, os_image::MAX_TEXT_BYTES)).transpose()?;
    let listed = os_image::list(&list).unwrap_or_default();
    let hash = |entry: &os_image::Listed| -> Result<Option<Sha256>> {
        let path = folder.join(&entry.name);
        if path.is_file() { file::digest(&path).map(|(hash, _)| Some(hash)) } else { Ok(None) }
    };
    let files = listed.iter().map(hash).collect::<Result<_>>()?;
    Ok(Image { name: folder.display().to_string(), list, digest, files })
}
