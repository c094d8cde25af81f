//! Exhibits, actions and lists of subjects as plain grids of text, which each renderer draws in its own way.
//!
//! Not responsible for escaping: cells are as untrusted as what they are made of.

use super::{
    Action, AssetRow, Exhibit, RegisterMatrix, Report, SampleRow, Section, SignatureRow, Status, Table, TrialRow,
    Verdict, exhibit::SAMPLE_HEADINGS, wording,
};

/// Hex digits of a register value that are shown.
const SHORT: usize = 4;

/// Digits of a digest or an id that are shown of a target, and the fewest that make a run of them one.
const SHORT_ID: usize = 12;
const ID: usize = 32;

/// Most checks that a row names.
const TROUBLED: usize = 4;

/// A table of texts. Every row has as many cells as there are headings.
pub(super) struct Grid {
    pub(super) title: &'static str,
    pub(super) headings: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    /// Lines below the table.
    pub(super) notes: Vec<String>,
    /// Whether the last cell of a row that is too long for a line stands below it, where it would else be cut.
    pub(super) folds: bool,
}

/// The version that all of these begin with, to be said once.
fn one_version<'t>(mut sides: impl Iterator<Item = &'t str>) -> Option<&'t str> {
    let (version, _) = sides.next()?.split_once(' ')?;
    sides.all(|side| side.split_once(' ').is_some_and(|(other, _)| other == version)).then_some(version)
}

/// The versions of KMS and node, and the profile, where they have one.
fn one_profile(row: &TrialRow) -> Option<[&str; 3]> {
    let ((kms, profile), (node, other)) = (row.kms.split_once(' ')?, row.node.split_once(' ')?);
    (profile == other).then_some([kms, node, profile])
}

impl Grid {
    fn new<const N: usize>(title: &'static str, headings: [&str; N]) -> Self {
        Self {
            title,
            headings: headings.map(str::to_owned).to_vec(),
            rows: Vec::new(),
            notes: Vec::new(),
            folds: false,
        }
    }

    /// One row a subject, for a report on several.
    pub(super) fn subjects(report: &Report) -> Self {
        if !report.overview.is_empty() {
            return Self::overview(report);
        }
        let headings = ["Verdict", "Passed", "Failed", "Missing", "Skipped", "Warnings", "Subject"];
        let rows = report.sections.iter().map(|section| {
            let counts = section.counts();
            let numbers = [counts.passed, counts.failed, counts.missing, counts.skipped, counts.warned];
            let mut row = vec![word_of(section).to_owned()];
            row.extend(numbers.map(|number| number.to_string()));
            row.push(section.subject.clone());
            row
        });
        Self { rows: rows.collect(), ..Self::new("Subjects", headings) }
    }

    /// One row a subject: verdict, name, the facts that tell it from others, and the checks that found something.
    fn overview(report: &Report) -> Self {
        let headings = ["Verdict", "Subject"].into_iter().map(str::to_owned);
        let headings = headings.chain(report.overview.iter().map(|name| capitalised(name)));
        let row = |section: &Section| {
            let fact = |name: &&str| section.facts.iter().find(|fact| fact.name() == *name);
            let value = |name: &&str| fact(name).map_or_else(|| "-".to_owned(), |fact| fact.value().into_owned());
            let mut row = vec![word_of(section).to_owned(), section.subject.clone()];
            row.extend(report.overview.iter().map(value));
            row.push(troubled(section));
            row
        };
        Self {
            title: "Subjects",
            headings: headings.chain(["What is wrong".to_owned()]).collect(),
            rows: report.sections.iter().map(row).collect(),
            notes: Vec::new(),
            folds: false,
        }
    }

    /// One row an action, in the order of doing; none where nothing was to be done.
    pub(super) fn actions(actions: &[Action]) -> Option<Self> {
        let row = |action: &Action| vec![action.state.word().to_owned(), action.what.clone(), action.target.clone()];
        let rows: Vec<_> = actions.iter().map(row).collect();
        (!rows.is_empty()).then(|| Self { rows, ..Self::new("Actions", ["State", "Action", "Target"]) })
    }

    /// [`Self::actions`] for columns of text, where a line has no room for digests and ids: of each target the names come
    /// first, and what is long and hex is cut. Whole values are in the other formats.
    pub(super) fn actions_in_short(actions: &[Action]) -> Option<Self> {
        let mut grid = Self::actions(actions)?;
        grid.rows.iter_mut().filter_map(|row| row.last_mut()).for_each(|target| *target = names_first(target));
        Some(grid)
    }

    /// An exhibit.
    pub(super) fn exhibit(exhibit: &Exhibit) -> Self {
        match &exhibit.table {
            Table::Assets(rows) => Self::assets(rows),
            Table::Registers(matrix) => Self::registers(matrix),
            Table::Signatures(rows) => Self::signatures(rows),
            Table::Trials(rows) => Self::trials(rows),
            Table::Samples(rows) => Self::samples(rows),
        }
    }

    fn samples(rows: &[SampleRow]) -> Self {
        let row = |sample: &SampleRow| {
            let label = wording::status_label(sample.status()).to_owned();
            std::iter::once(label).chain(sample.cells()).collect()
        };
        let headings = std::iter::once("Result").chain(SAMPLE_HEADINGS).map(str::to_owned).collect();
        Self { headings, rows: rows.iter().map(row).collect(), ..Self::new("Samples", []) }
    }

    fn trials(rows: &[TrialRow]) -> Self {
        let kms = one_version(rows.iter().map(|row| row.kms.as_str()));
        let node = one_version(rows.iter().map(|row| row.node.as_str()));
        let is_based = rows.iter().any(|row| row.basis.is_some());
        let pairs: Option<Vec<[&str; 3]>> = rows.iter().map(one_profile).collect();
        let side = |text: &str, version: Option<&str>| {
            version.and_then(|version| text.strip_prefix(version)).unwrap_or(text).trim_start().to_owned()
        };
        let sides = |index: usize, trial: &TrialRow| match pairs.as_ref().and_then(|pairs| pairs.get(index)) {
            Some(paired) => paired.map(str::to_owned).to_vec(),
            None => vec![side(&trial.kms, kms), side(&trial.node, node)],
        };
        let row = |(index, trial): (usize, &TrialRow)| {
            let label = wording::status_label(trial.status).to_owned();
            let got = trial.got.strip_prefix("no key, ").unwrap_or(&trial.got).to_owned();
            let mut cells = vec![label];
            cells.extend(sides(index, trial));
            cells.extend(is_based.then(|| trial.basis.unwrap_or("-").to_owned()));
            cells.extend([trial.expected.clone(), got]);
            cells
        };
        let heading = |name: &str, version: Option<&str>| match version {
            Some(version) => format!("{name} {version}"),
            None => name.to_owned(),
        };
        let mut headings = vec!["Result".to_owned()];
        headings.extend(match pairs {
            Some(_) => ["KMS", "Node", "Profile"].map(str::to_owned).to_vec(),
            None => vec![heading("KMS", kms), heading("Node", node)],
        });
        headings.extend(is_based.then(|| "By".to_owned()));
        headings.extend(["Expected", "Got"].map(str::to_owned));
        Self { headings, rows: rows.iter().enumerate().map(row).collect(), folds: true, ..Self::new("Keys", []) }
    }

    fn assets(rows: &[AssetRow]) -> Self {
        let mark = |status: Option<Status>| status.map_or("-", wording::status_label).to_owned();
        let row = |asset: &AssetRow| {
            let signer = asset.signer.clone().unwrap_or_else(|| "-".to_owned());
            vec![mark(asset.checksum), mark(asset.signature), asset.name.clone(), signer]
        };
        let headings = ["Checksum", "Signature", "Asset", "Signed by"];
        Self { rows: rows.iter().map(row).collect(), ..Self::new("Assets", headings) }
    }

    fn signatures(rows: &[SignatureRow]) -> Self {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let row = |signature: &SignatureRow| {
            vec![
                signature.asset.clone(),
                or_none(signature.signed_at.map(|time| time.to_string())),
                or_none(signature.log_index.map(|index| index.to_string())),
                signature.evidence.clone(),
                signature.signer.clone().unwrap_or_else(|| "a key, not a certificate".to_owned()),
            ]
        };
        let headings = ["Asset", "Signed at", "Log index", "Evidence", "Signer"];
        Self { rows: rows.iter().map(row).collect(), ..Self::new("Signatures", headings) }
    }

    /// Values are shown by their first digits; one that several profiles accept has its name behind it.
    fn registers(matrix: &RegisterMatrix) -> Self {
        let shared = matrix.shared();
        let cell = |register: usize, values: &Vec<String>| match values.as_slice() {
            [] => "-".to_owned(),
            [value, rest @ ..] => {
                let name = shared.iter().find(|s| s.register == register && s.value == value).map(|s| s.name.as_str());
                let more = if rest.is_empty() { String::new() } else { format!(" +{}", rest.len()) };
                let name = name.map(|name| format!(" {name}")).unwrap_or_default();
                format!("{}{name}{more}", short(value))
            }
        };
        let row = |row: &super::RegisterRow| {
            let mut cells = vec![row.profile.clone()];
            cells.extend((0..matrix.registers.len()).map(|register| {
                row.values.get(register).map_or_else(|| "-".to_owned(), |values| cell(register, values))
            }));
            cells
        };
        let named = |row: &usize| matrix.rows.get(*row).map(|row| row.profile.as_str());
        // Profiles of one role may share firmware and kernel, and do: what needs words is a value that two roles share.
        let role = |row: &usize| matrix.rows.get(*row).and_then(|row| row.role);
        let expected = |value: &&super::SharedValue<'_>| {
            let first = value.rows.first().and_then(role);
            first.is_some() && value.rows.iter().all(|row| role(row) == first)
        };
        let letters =
            shared.iter().any(|value| expected(&value)).then(|| "The same letter is the same value.".to_owned());
        let note = |value: &super::SharedValue<'_>| {
            let register = matrix.registers.get(value.register).copied().unwrap_or_default();
            let rows = value.rows.iter().filter_map(named).collect::<Vec<_>>().join(", ");
            format!("{} = {register} {}, in {rows}", value.name, short(value.value))
        };
        let headings = ["Profile"].into_iter().chain(matrix.registers.iter().copied()).map(str::to_owned).collect();
        Self {
            title: "Registers",
            headings,
            rows: matrix.rows.iter().map(row).collect(),
            notes: letters.into_iter().chain(shared.iter().filter(|value| !expected(value)).map(note)).collect(),
            folds: false,
        }
    }
}

/// The verdict on a section, in a word. What was looked at by no check has not passed any.
fn word_of(section: &Section) -> &'static str {
    let (verdict, counts) = (section.verdict(), section.counts());
    let unchecked = verdict == Verdict::Passed && counts.passed + counts.warned == 0;
    match (section.is_planned() && verdict == Verdict::Passed, unchecked) {
        (true, _) => "PLANNED",
        (false, true) => "NOT CHECKED",
        (false, false) => verdict.word(),
    }
}

/// The checks that found something, in the order they were made.
fn troubled(section: &Section) -> String {
    let mut checks: Vec<&str> = Vec::new();
    for finding in section.findings.iter().filter(|finding| wording::is_problem(finding.status)) {
        if !checks.contains(&finding.check) {
            checks.push(finding.check);
        }
    }
    let more = checks.len().saturating_sub(TROUBLED);
    checks.truncate(TROUBLED);
    match (checks.is_empty(), more) {
        (true, _) => "-".to_owned(),
        (false, 0) => checks.join(", "),
        (false, more) => format!("{} and {more} more", checks.join(", ")),
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn short(value: &str) -> String {
    let cut: String = value.chars().take(SHORT).collect();
    if cut.len() < value.len() { format!("{cut}…") } else { cut }
}

/// The parts of a target, those without a digest or an id before those with one, which are cut.
fn names_first(target: &str) -> String {
    let parts = target.split(", ").map(|part| (part, shortened(part)));
    let (ids, names): (Vec<_>, Vec<_>) = parts.partition(|(part, short)| part != short);
    names.into_iter().chain(ids).map(|(_, short)| short).collect::<Vec<_>>().join(", ")
}

/// `text` with each run of hex digits that is as long as an id or a digest cut after its first digits.
fn shortened(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(from.len()));
        let is_id = word.len() >= ID && word.bytes().all(|b| b.is_ascii_hexdigit());
        out.push_str(before);
        match word.get(..SHORT_ID).filter(|_| is_id) {
            Some(digits) => out.extend([digits, "…"]),
            None => out.push_str(word),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_names_its_thing_before_its_digests_and_these_are_cut() {
        let (digest, id) = ("ab".repeat(32), "0f".repeat(16));
        for (target, shown) in [
            (
                format!("digest sha256:{digest}, name kms-staging, id {id}"),
                "name kms-staging, digest sha256:abababababab…, id 0f0f0f0f0f0f…",
            ),
            (format!("merotee-probe-x ({id})"), "merotee-probe-x (0f0f0f0f0f0f…)"),
            (format!("b, é {id}ü, a"), "b, a, é 0f0f0f0f0f0f…ü"),
            (
                format!("{digest}x and v1.2.0, 0123456789abcdef"),
                format!("{digest}x and v1.2.0, 0123456789abcdef").as_str(),
            ),
            (String::new(), ""),
        ] {
            assert_eq!(names_first(&target), shown);
        }
    }
}
