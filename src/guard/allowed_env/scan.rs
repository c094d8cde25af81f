//! One file: what kind it is, what is set in it, and what its waivers and those of `merotee.toml` make of that.

use jiff::civil::Date;

use super::{
    Kind, SET, SYNTAX, WAIVED, dockerfile,
    hit::Hit,
    line, raw, shell,
    waiver::{self, Remark, Verdict},
    yaml::{self, Found, Shape},
};
use crate::{
    guard::config::Waiver,
    report::{Finding, Location},
    yaml::{Span, Tree, line_column},
};

/// Largest file that is scanned, in bytes.
pub const MAX_BYTES: usize = 4 << 20;
/// Most places of one file that have a finding each. The rest is counted.
const MAX_FINDINGS: usize = 100;

/// Ends of names of source files and pages: `env.ts` is not an env file.
const SOURCES: [&str; 19] = [
    "ts", "tsx", "js", "jsx", "mjs", "cjs", "py", "rs", "go", "rb", "java", "kt", "c", "h", "cpp", "cs", "md", "html",
    "json",
];

/// What a file is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// A workflow of GitHub Actions.
    Workflow,
    /// A composite or container action.
    Action,
    /// A compose file.
    Compose,
    /// YAML that is none of these and was named, or lies in `.github`.
    OtherYaml,
    /// An env file.
    EnvFile,
    /// A Dockerfile.
    Dockerfile,
    /// A text that was named: a script, or settings under a name of their own.
    OtherText,
}

/// What a name says about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Candidate {
    /// YAML that must be a workflow, an action or a compose file.
    Yaml,
    /// YAML that counts when its content shows one of them.
    AnyYaml,
    /// An env file.
    EnvFile,
    /// A Dockerfile.
    Dockerfile,
    /// A file that the caller named, and whose own name says nothing: YAML, or a script, or settings.
    Named,
}

/// What a file may be by its path, with `/` between names; `None` for a file that is not looked at.
pub fn candidate(path: &str) -> Option<Candidate> {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    if yaml || (name.ends_with(".json") && name.contains("compose") && !name.contains("app-compose")) {
        let sure = lower.split('/').any(|folder| folder == ".github")
            || matches!(name, "action.yml" | "action.yaml")
            || name.contains("compose");
        return Some(if sure { Candidate::Yaml } else { Candidate::AnyYaml });
    }
    let source = name.rsplit_once('.').is_some_and(|(_, extension)| SOURCES.contains(&extension));
    let env_file = name == ".env"
        || name == ".envrc"
        || name.starts_with(".env.")
        || name.starts_with(".env-")
        || name.ends_with(".env")
        || (!source && (name.starts_with("env.") || name.contains(".env.")));
    if env_file {
        return Some(Candidate::EnvFile);
    }
    let image = ["dockerfile", "containerfile"];
    let is_image = |word: &str| {
        name == word
            || name.strip_prefix(word).is_some_and(|rest| rest.starts_with(['.', '-', '_']))
            || name.strip_suffix(word).is_some_and(|rest| rest.ends_with(['.', '-', '_']))
    };
    image.into_iter().any(is_image).then_some(Candidate::Dockerfile)
}

/// A file to scan.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// Where it lies, as findings name it, with `/` between names.
    pub path: &'a str,
    /// Where it lies from the top of the repository, as waivers name it.
    pub in_repository: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
    /// What its name says.
    pub candidate: Candidate,
}

/// By what a file is judged.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The day, in UTC.
    pub today: Date,
    /// The exceptions of `merotee.toml`.
    pub waivers: &'a [Waiver],
}

/// What came of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// What it was taken for.
    pub kind: FileKind,
    /// What is wrong with it, or waived. Empty when nothing is.
    pub findings: Vec<Finding>,
    /// Which of the waivers of `merotee.toml` it needed.
    pub used: Vec<usize>,
}

/// Scans a file; `None` when its content shows that it is of no kind that matters.
pub fn scan(file: File<'_>, terms: Terms<'_>) -> Option<Scanned> {
    let (text, encoding) = read(file.bytes);
    let text = text.as_str();
    let mut problems = Vec::new();
    if let Some(words) = encoding {
        problems.push(SYNTAX.fail(file.path, words).help("save the file as UTF-8").at(Location::file(file.path)));
    }
    let readable = problems.is_empty();
    let (kind, found) = match file.candidate {
        // A script that a shell runs.
        Candidate::EnvFile if file.path.to_ascii_lowercase().ends_with(".envrc") => {
            (FileKind::EnvFile, plain(text_hits(text)))
        }
        Candidate::EnvFile => (FileKind::EnvFile, plain(line::env_file(text))),
        Candidate::Dockerfile => (FileKind::Dockerfile, plain(dockerfile::hits(text))),
        Candidate::Named => match Tree::parse(text) {
            Ok(tree) if readable && yaml::is_collection(&tree) => {
                (yaml::shape(&tree).map_or(FileKind::OtherYaml, kind_of), yaml::found(&tree))
            }
            Ok(_) | Err(_) => (FileKind::OtherText, plain(text_hits(text))),
        },
        Candidate::Yaml | Candidate::AnyYaml => {
            let sure = file.candidate == Candidate::Yaml;
            match Tree::parse(text) {
                Ok(tree) if readable => {
                    let kind = yaml::shape(&tree).map(kind_of).or_else(|| sure.then_some(FileKind::OtherYaml))?;
                    (kind, yaml::found(&tree))
                }
                parsed => {
                    let kind = shape_of_text(text).map(kind_of).or_else(|| sure.then_some(FileKind::OtherYaml))?;
                    if let Err(error) = parsed {
                        let (line, column) = line_column(text, error.at);
                        let place = Location::file(file.path).on(line, column).quoting(text);
                        problems.push(syntax(file.path, &error.words).at(place));
                    }
                    (kind, plain(raw::hits(text)))
                }
            }
        }
    };
    let mut judge = Judge { file, text, terms, remarks: waiver::remarks(text), used: Vec::new() };
    let mut findings = problems;
    findings.extend(judge.all(&found));
    findings.extend(judge.leftover());
    Some(Scanned { kind, findings, used: judge.used })
}

fn syntax(path: &str, words: &str) -> Finding {
    SYNTAX
        .fail(path, format!("not valid YAML: {words}"))
        .help("correct the file; what a reader cannot parse is not known to be harmless, so every forbidden name in it counts")
}

fn kind_of(shape: Shape) -> FileKind {
    match shape {
        Shape::Workflow => FileKind::Workflow,
        Shape::Action => FileKind::Action,
        Shape::Compose => FileKind::Compose,
    }
}

/// What a text that cannot be parsed was meant to be.
fn shape_of_text(text: &str) -> Option<Shape> {
    let has = |key: &str| {
        text.lines().any(|line| {
            let line = line.trim_start_matches(['"', '\'', '{', ' ']);
            line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
        })
    };
    let shapes = [("jobs", Shape::Workflow), ("runs", Shape::Action), ("services", Shape::Compose)];
    shapes.into_iter().find(|(key, _)| has(key)).map(|(_, shape)| shape)
}

/// A script, or lines that set variables: whatever either reading finds.
fn text_hits(text: &str) -> Vec<Hit> {
    let mut hits = shell::hits(text);
    hits.extend(line::env_file(text));
    hits.sort_by_key(|hit| (hit.start, hit.end));
    hits.dedup_by_key(|hit| hit.start);
    hits
}

fn plain(hits: Vec<Hit>) -> Vec<Found> {
    hits.into_iter().map(|hit| Found { hit, alias: None }).collect()
}

/// The text of a file without a byte order mark, and what is wrong with its encoding.
fn read(bytes: &[u8]) -> (String, Option<&'static str>) {
    let words = |read: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units = bytes.chunks_exact(2).filter_map(|pair| Some(read(pair.try_into().ok()?)));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => (words(u16::from_le_bytes, rest), Some("the file is UTF-16, not UTF-8")),
        [0xfe, 0xff, rest @ ..] => (words(u16::from_be_bytes, rest), Some("the file is UTF-16, not UTF-8")),
        _ => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            match str::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => (text.to_owned(), None),
                // Without the zeros, ASCII in two or four bytes a character is readable.
                Ok(text) => (text.replace('\0', ""), Some("the file holds zero bytes")),
                Err(_) => (String::from_utf8_lossy(bytes).replace('\0', ""), Some("the file is not UTF-8")),
            }
        }
    }
}

struct Judge<'a> {
    file: File<'a>,
    text: &'a str,
    terms: Terms<'a>,
    remarks: Vec<Remark>,
    used: Vec<usize>,
}

impl Judge<'_> {
    fn all(&mut self, found: &[Found]) -> Vec<Finding> {
        let mut findings: Vec<Finding> = found.iter().take(MAX_FINDINGS).map(|found| self.one(found)).collect();
        let more = found.len().saturating_sub(MAX_FINDINGS);
        if more > 0 {
            let words = format!("{more} more places set a measurement override");
            findings.push(SET.fail(self.file.path, words).at(Location::file(self.file.path)));
        }
        findings
    }

    fn place(&self, span: Span) -> Location {
        let ((line, column), (last, end)) = (line_column(self.text, span.start), line_column(self.text, span.end));
        Location::file(self.file.path).on(line, column).until(last, end).quoting(self.text)
    }

    fn one(&mut self, found: &Found) -> Finding {
        let Found { hit, alias } = found;
        let place = self.place(Span { start: hit.start, end: hit.end });
        let line = place.line.unwrap_or_default();
        let mut words = hit.how.sentence(&hit.name);
        if let Some(alias) = alias {
            let (line, _) = line_column(self.text, alias.start);
            words = format!("{words}; the alias on line {line} leads here");
        }
        let path = self.file.path;
        let finding = match self.verdict(&hit.name, line) {
            None => SET.fail(path, words).help(help(hit.kind, &hit.name)),
            Some(Verdict::Expired(day)) => SET
                .fail(path, format!("{words}; its waiver expired after {day}"))
                .help("remove the variable, or have the exception granted anew with another day"),
            Some(Verdict::Waived { until, reason, soon }) => {
                let words = format!("{words}; waived until {until}: {reason}");
                let finding = SET.warn(path, words);
                if soon {
                    finding.help("the waiver ends within two weeks: remove the variable before")
                } else {
                    finding
                }
            }
        };
        finding.within(hit.name.clone()).at(place)
    }

    /// What the waivers make of a name on a line. One that holds wins over one that expired.
    fn verdict(&mut self, name: &str, line: u32) -> Option<Verdict> {
        let (name, today) = (waiver::name_of(name), self.terms.today);
        let mut verdicts = Vec::new();
        for remark in &mut self.remarks {
            if let Ok(said) = &remark.said
                && remark.about == line
                && said.name == name
            {
                remark.used = true;
                verdicts.push(waiver::verdict(said, today));
            }
        }
        for (at, granted) in self.terms.waivers.iter().enumerate() {
            if granted.covers(self.file.in_repository, name) {
                if !self.used.contains(&at) {
                    self.used.push(at);
                }
                verdicts.push(waiver::verdict(granted, today));
            }
        }
        verdicts.sort_by_key(|verdict| matches!(verdict, Verdict::Expired(_)));
        verdicts.into_iter().next()
    }

    /// Waivers in comments that are wrong, or that nothing needs.
    fn leftover(&self) -> Vec<Finding> {
        let unfit = self.remarks.iter().filter(|remark| !remark.used).take(MAX_FINDINGS);
        unfit
            .map(|remark| {
                let place = self.place(Span { start: remark.at, end: remark.at + "merotee: allow".len() });
                match &remark.said {
                    Err(why) => WAIVED.fail(self.file.path, format!("not a waiver: {why}")),
                    Ok(said) => {
                        let words = format!("nothing on line {} needs the waiver of {}", remark.about, said.name);
                        WAIVED.warn(self.file.path, words).help("remove the comment")
                    }
                }
                .at(place)
            })
            .collect()
    }
}

/// What to do about a forbidden variable.
fn help(kind: Kind, name: &str) -> String {
    let advice = match kind {
        Kind::Override => "measurements come from the release: let the KMS load attestation-policy-{profile}.json",
        Kind::EnvPolicy => "let the KMS load the policy of its release; never from the environment (ADR-0002)",
        Kind::MockQuotes => "use the sandbox's TDX root for tests; a deployment accepts genuine quotes only (ADR-0002)",
        Kind::Enforcement => "leave it out, or set it to `true`: measurements are enforced (ADR-0002)",
    };
    let name = waiver::name_of(name);
    format!(
        "{advice}. An exception: `# merotee: allow {name} until YYYY-MM-DD: reason` above the line, or merotee.toml"
    )
}
