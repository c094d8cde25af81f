//! `dstack backup`: a dated copy of a bootstrap document, once that is verified.

use super::evidence;
use crate::{
    adapters::file,
    cli::dstack::BackupArgs,
    commands::quote::judgement::Judgement,
    context::Context,
    dstack::{
        bootstrap_info::{self, BACKUP},
        measured::{EXPECTED, not_compared},
    },
    error::{Error, Result},
    product::Product,
    report::{Action, Report, Section},
};

/// What the copy is not.
const NO_PRIVATE_KEYS: &str =
    "the copy holds no private key: those exist in the machine of the KMS and its replicas alone";

pub(super) async fn run(args: &BackupArgs, context: &Context) -> Result<Product> {
    let judgement_args = evidence::judgement(&args.evidence)?;
    let judgement = Judgement::new(&judgement_args, context, args.evidence.offline)?;
    if args.dir.is_file() {
        return Err(Error::usage(format!("--dir {} is a file: name a folder", args.dir.display())));
    }
    let given = evidence::read(&args.bootstrap_info)?;
    let mut section = Section::new(&given.name);
    let passed = match &given.info {
        Err(finding) => {
            section.findings.push(finding.as_ref().clone());
            false
        }
        Ok(info) => {
            let judged = evidence::judged(&given.name, info, &judgement).await?;
            let passed = judged.passed();
            section.facts = judged.facts;
            section.findings = judged.findings;
            section.findings.push(not_compared(&given.name, false).help("`dstack verify` compares it"));
            passed
        }
    };
    let path = args.dir.join(format!("kms-bootstrap-info-{}.json", evidence::date(context)));
    let shown = path.display().to_string();
    if !passed {
        section.findings.push(BACKUP.undecided(&shown, "not written: the document did not verify"));
    } else if path.exists() {
        let same = file::read_bounded(&path, bootstrap_info::MAX_DOCUMENT_BYTES as u64)? == given.bytes;
        section.findings.push(if same {
            BACKUP.pass(&shown, "is there already, with the same bytes")
        } else {
            BACKUP
                .fail(&shown, "is there already and says something else; it was left as it is")
                .help("keep both: move the older one away, and find out why a KMS had two bootstrap documents")
        });
    } else if args.dry_run {
        section.actions.push(Action::planned("write", &shown));
    } else {
        std::fs::create_dir_all(&args.dir)
            .map_err(|e| Error::input(format!("cannot make the folder {}", args.dir.display())).because(e))?;
        file::write_secret(&path, &given.bytes)?;
        let read = file::read_bounded(&path, bootstrap_info::MAX_DOCUMENT_BYTES as u64)?;
        section.actions.push(Action::done("write", &shown));
        section.findings.push(if read == given.bytes {
            BACKUP.pass(&shown, "reads back as it was verified; its owner alone may read it")
        } else {
            BACKUP.fail(&shown, "does not read back as it was written")
        });
    }
    let mut rules = bootstrap_info::RULES.to_vec();
    rules.extend([EXPECTED, BACKUP]);
    let mut caveats = judgement.caveats();
    caveats.push(NO_PRIVATE_KEYS.to_owned());
    Ok(Product::report(Report {
        command: "dstack backup".into(),
        rules,
        sections: vec![section],
        caveats,
        ..Report::default()
    }))
}
