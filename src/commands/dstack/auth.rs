//! `dstack auth …`: the allow-list of the auth API, shown and changed.

use std::path::Path;

use crate::{
    adapters::{edited_file::EditedFile, file},
    cli::dstack::{AuthCommand, AuthEditArgs, AuthEntries},
    digest::Sha256,
    dstack::allow_list::{self, AllowList, AuthEdit, EDIT, EditError, Edited, Entry, SHOWN},
    error::{Error, Result},
    product::Product,
    report::{Action, Report, Section},
    text::line_diff,
};

pub(super) fn run(command: &AuthCommand) -> Result<Product> {
    match command {
        AuthCommand::Show(args) => show(&args.list),
        AuthCommand::Allow(args) => edit("dstack auth allow", "says so already", args, allow_list::allow),
        AuthCommand::Revoke(args) => edit("dstack auth revoke", "does not list it", args, allow_list::revoke),
    }
}

fn show(path: &Path) -> Result<Product> {
    let name = file::source_name(path);
    let bytes = file::read_source(path, allow_list::MAX_BYTES)?;
    let list = AllowList::parse(&bytes).map_err(|error| unusable(&name, error.into()))?;
    let section = Section { subject: name.clone(), findings: list.describe(&name), ..Section::default() };
    let rules = vec![SHOWN];
    Ok(Product::report(Report {
        command: "dstack auth show".into(),
        rules,
        sections: vec![Section { told: &[SHOWN.id], ..section }],
        ..Report::default()
    }))
}

fn edit(command: &str, unchanged: &str, args: &AuthEditArgs, change: AuthEdit) -> Result<Product> {
    let shown = args.config.display().to_string();
    let file = EditedFile::read(&args.config)?;
    let mut edited = Edited { text: file.text.clone(), changes: Vec::new() };
    for entry in entries(&args.entries) {
        let next = change(edited.text.as_bytes(), &entry).map_err(|error| unusable(&shown, error))?;
        edited.text = next.text;
        edited.changes.extend(next.changes);
    }
    let mut section = Section { told: &[EDIT.id], ..Section::new(&shown) };
    if edited.changes.is_empty() {
        section.findings.push(EDIT.pass(&shown, format!("{unchanged}: nothing was changed")));
    } else {
        let diff = line_diff(&file.text, &edited.text);
        if args.dry_run {
            section.actions.push(Action::planned("write", &shown).holding(diff));
        } else {
            let backup = file.replace(&edited.text)?;
            section.actions.push(Action::done("write", &shown).holding(diff));
            section.actions.push(Action::done("keep what it said in", backup.display().to_string()));
        }
        section.findings.extend(edited.changes.iter().map(|change| EDIT.pass(&shown, change)));
    }
    Ok(Product::report(Report {
        command: command.to_owned(),
        rules: vec![EDIT],
        sections: vec![section],
        ..Report::default()
    }))
}

fn entries(given: &AuthEntries) -> Vec<Entry> {
    let all = |hashes: &[Sha256], entry: fn(String) -> Entry| -> Vec<Entry> {
        hashes.iter().map(|hash| entry(hash.to_string())).collect()
    };
    let mut entries = all(&given.mr_aggregated, Entry::Kms);
    entries.extend(all(&given.device, Entry::KmsDevice));
    entries.extend(all(&given.os_image, Entry::OsImage));
    if let Some(id) = &given.app {
        let app = |hash: &Sha256| Entry::App { id: id.clone(), compose_hash: hash.to_string() };
        entries.extend(given.compose_hash.iter().map(app));
    }
    entries
}

fn unusable(shown: &str, error: EditError) -> Error {
    match error {
        EditError::Unreadable(_) => Error::usage(format!("{shown} is not an allow-list"))
            .because(error)
            .help("the service takes such a file for an empty list, and allows nothing"),
        EditError::LastDevice(_) => Error::usage(format!("{shown} was left as it is"))
            .because(error)
            .help("add the device that takes its place first, or remove the KMS's mr_aggregated"),
        EditError::Defect => {
            Error::internal(format!("{shown} was left as it is, because the edit went wrong")).because(error)
        }
    }
}
