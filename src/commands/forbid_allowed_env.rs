//! `forbid-allowed-env`: no file of a repository, and not the environment either, sets what only a release may say.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use indicatif::ProgressBar;

use crate::{
    adapters::walk::{self, Found, Visit},
    cli::{self, forbid_allowed_env::ForbidAllowedEnvArgs},
    commands::guarded,
    context::Context,
    error::Result,
    guard::{
        allowed_env::{self, Candidate, File, FileKind, MAX_BYTES, PROCESS, SET, SYNTAX, Terms, WAIVED},
        config::{FILE_NAME, ForbidAllowedEnv},
    },
    product::Product,
    report::{Fact, Finding, Location, Report, Section, Status},
    text::counted,
};

pub(super) fn run(args: &ForbidAllowedEnvArgs, context: &Context) -> Result<Product> {
    let top = guarded::top(&context.folder);
    let config = guarded::config(args.config.as_deref(), &top)?.forbid_allowed_env;
    let roots = roots(args, &config, &top, context);
    let subject = roots.iter().map(|root| root.display().to_string()).collect::<Vec<_>>().join(", ");
    let mut scan = Scan {
        top: &top,
        here: &context.folder,
        config: &config,
        terms: Terms { today: context.now().to_zoned(jiff::tz::TimeZone::UTC).date(), waivers: &config.waiver },
        kinds: BTreeMap::new(),
        findings: Vec::new(),
        used: BTreeSet::new(),
    };
    let progress = if context.output.progress { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let walked = walk::walk(&roots, MAX_BYTES, is_candidate, |visit| {
        progress.set_message(visit.path.display().to_string());
        progress.inc(1);
        scan.take(visit);
        Ok(())
    });
    progress.finish_and_clear();
    walked.map_err(|e| if args.paths.is_empty() { e.help("name the files and folders to scan") } else { e })?;
    let mut section = Section::new(subject);
    section.facts = scan.kinds.iter().map(|(kind, count)| Fact::named(plural(*kind), count.to_string())).collect();
    section.findings = scan.judged(&section.subject, args.paths.is_empty());
    let mut rules = vec![SET, SYNTAX, WAIVED];
    if args.process_env {
        rules.push(PROCESS);
        let variables = cli::variables();
        let variables = variables.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        section.findings.extend(allowed_env::process(variables));
    }
    let report = Report { command: "forbid-allowed-env".into(), rules, sections: vec![section], ..Report::default() };
    Ok(Product::report(report))
}

/// What is scanned: the paths named, else those of the configuration, which are in the repository.
fn roots(args: &ForbidAllowedEnvArgs, config: &ForbidAllowedEnv, top: &Path, context: &Context) -> Vec<PathBuf> {
    if !args.paths.is_empty() {
        return args.paths.clone();
    }
    let placed = |path: &String| if top == context.folder { PathBuf::from(path) } else { top.join(path) };
    config.paths.iter().map(placed).collect()
}

/// A path with `/` between names.
fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    if std::path::MAIN_SEPARATOR == '/' { text } else { text.replace(std::path::MAIN_SEPARATOR, "/") }
}

fn is_candidate(path: &Path) -> bool {
    allowed_env::candidate(&shown(path)).is_some()
}

fn plural(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Workflow => "workflows",
        FileKind::Action => "actions",
        FileKind::Compose => "compose files",
        FileKind::OtherYaml => "other yaml",
        FileKind::EnvFile => "env files",
        FileKind::Dockerfile => "dockerfiles",
        FileKind::OtherText => "other texts",
    }
}

/// A walk so far. It holds what was found and nothing of the files.
struct Scan<'a> {
    top: &'a Path,
    here: &'a Path,
    config: &'a ForbidAllowedEnv,
    terms: Terms<'a>,
    kinds: BTreeMap<FileKind, usize>,
    findings: Vec<Finding>,
    used: BTreeSet<usize>,
}

impl Scan<'_> {
    fn take(&mut self, visit: Visit) {
        let path = visit.path.strip_prefix(self.here).unwrap_or(&visit.path);
        let path = shown(path.strip_prefix(".").unwrap_or(path));
        let absolute = self.here.join(&visit.path);
        let in_repository = shown(absolute.strip_prefix(self.top).unwrap_or(&absolute));
        let bytes = match visit.found {
            Found::Bytes(bytes) => bytes,
            Found::TooLarge => {
                let words = format!("larger than {MAX_BYTES} bytes, so not scanned");
                return self.findings.push(SYNTAX.fail(&path, words).at(Location::file(path.clone())));
            }
            Found::Link => {
                let words = "a symbolic link, which is not followed: what it leads to is not known to be harmless";
                let finding = SYNTAX
                    .undecided(&path, words)
                    .help("name what it leads to as a path to scan, or put it in the place of the link");
                return self.findings.push(finding.at(Location::file(path.clone())));
            }
        };
        let candidate = allowed_env::candidate(&in_repository);
        // A file that is named counts, whatever it is.
        let candidate = match (candidate, visit.named) {
            (None, true) => Candidate::Named,
            (Some(Candidate::AnyYaml), true) => Candidate::Yaml,
            (Some(candidate), _) => candidate,
            (None, false) => return,
        };
        let file = File { path: &path, in_repository: &in_repository, bytes: &bytes, candidate };
        if let Some(scanned) = allowed_env::scan(file, self.terms) {
            *self.kinds.entry(scanned.kind).or_default() += 1;
            self.findings.extend(scanned.findings);
            self.used.extend(scanned.used);
        }
    }

    /// The findings of the walk, and what can be said only at its end.
    fn judged(&mut self, subject: &str, everything: bool) -> Vec<Finding> {
        let mut findings = std::mem::take(&mut self.findings);
        let files: usize = self.kinds.values().sum();
        let looked = counted(files, "file", "files");
        let none = |check: &str| !findings.iter().any(|finding| finding.check == check);
        let mut passed = Vec::new();
        if files == 0 && findings.is_empty() {
            let words = "found no workflow, action, compose file, env file or Dockerfile to look at";
            passed.push(SET.undecided(subject, words).help("name the files and folders to scan"));
        } else if none(SET.id) && files > 0 {
            passed.push(SET.pass(subject, format!("none in {looked}")));
        }
        if none(SYNTAX.id) && files > 0 {
            passed.push(SYNTAX.pass(subject, format!("{looked} read")));
        }
        if everything {
            let waivers = self.config.waiver.iter().enumerate();
            for (_, waiver) in waivers.filter(|(at, _)| !self.used.contains(at)) {
                let words = format!("nothing in {} needs the waiver of {}", waiver.path, waiver.name);
                let place = Location::file(FILE_NAME).on(waiver.line, None);
                findings.push(WAIVED.warn(FILE_NAME, words).help("remove the waiver").at(place));
            }
        }
        if !self.used.is_empty() && !findings.iter().any(|f| f.check == WAIVED.id && f.status == Status::Fail) {
            let words = counted(self.used.len(), "waiver is needed", "waivers are needed");
            passed.push(WAIVED.pass(FILE_NAME, words));
        }
        passed.extend(findings);
        // Findings of one check stand together, in the order of the table.
        let rank = |finding: &Finding| [SET.id, SYNTAX.id, WAIVED.id].iter().position(|id| *id == finding.check);
        passed.sort_by_key(rank);
        passed
    }
}
