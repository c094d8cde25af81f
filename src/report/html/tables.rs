//! Facts, assets and actions.

use askama::Template;

use super::{link::Link, status_sign, status_tone};
use crate::report::{
    Action, ActionState, AssetRow, Fact, SampleRow, Section, Status, Table, TrialRow,
    escape::{self, terminal},
    exhibit::SAMPLE_HEADINGS,
    wording,
};

/// What is known of the subject.
#[derive(Template)]
#[template(
    ext = "html",
    source = "<div class=\"sheet\">
<dl class=\"facts\">
{%- for (name, value) in facts %}
<dt>{{ name }}</dt><dd{% if value.long() %} class=\"mono\"{% endif %}>{{ value|safe }}</dd>
{%- endfor %}
</dl>
</div>"
)]
pub(super) struct Facts {
    facts: Vec<(&'static str, Link)>,
}

impl Facts {
    /// None where nothing is known.
    pub(super) fn of(section: &Section) -> Option<Self> {
        let fact = |fact: &Fact| {
            let to = match fact {
                Fact::LogIndex(index) => entry(section, *index),
                Fact::Image(_) | Fact::Signer(_) | Fact::SignedAt(_) | Fact::Repository(_) | Fact::Other(..) => None,
            };
            (fact.name(), Link { text: terminal(&fact.value()), to })
        };
        let facts: Vec<_> = section.ordered_facts().into_iter().map(fact).collect();
        (!facts.is_empty()).then_some(Self { facts })
    }
}

/// The page of the log entry, where a signature says which log it is in.
fn entry(section: &Section, index: u64) -> Option<String> {
    let of = |table: &Table| match table {
        Table::Signatures(rows) => {
            let row = rows.iter().find(|row| row.log_index == Some(index))?;
            super::link::of_entry(row.log.as_deref(), index)
        }
        Table::Assets(_) | Table::Registers(_) | Table::Trials(_) | Table::Samples(_) => None,
    };
    section.exhibits.iter().find_map(|exhibit| of(&exhibit.table))
}

/// The assets and what vouches for them.
#[derive(Template)]
#[template(path = "assets.html", config = "src/report/html/askama.toml")]
pub(super) struct Assets {
    rows: Vec<Asset>,
}

struct Asset {
    name: String,
    marks: [(&'static str, Mark); 2],
    signer: Option<String>,
}

/// What came of a check on an asset; without a label, it was not made.
struct Mark {
    label: &'static str,
    sign: &'static str,
    tone: &'static str,
}

impl Mark {
    fn of(status: Option<Status>) -> Self {
        match status {
            Some(status) => {
                Self { label: wording::status_label(status), sign: status_sign(status), tone: status_tone(status) }
            }
            None => Self { label: "", sign: "", tone: "plain" },
        }
    }
}

impl Assets {
    /// What is wrong stands first.
    pub(super) fn of(assets: &[AssetRow]) -> Self {
        let mut rows: Vec<&AssetRow> = assets.iter().collect();
        let wrong = |status: Option<Status>| status.is_some_and(wording::is_problem);
        rows.sort_by_key(|row| !(wrong(row.checksum) || wrong(row.signature)));
        let row = |row: &AssetRow| Asset {
            name: terminal(&row.name),
            marks: [("Checksum", Mark::of(row.checksum)), ("Signature", Mark::of(row.signature))],
            signer: row.signer.as_deref().map(terminal),
        };
        Self { rows: rows.into_iter().map(row).collect() }
    }
}

/// Nodes before KMSs.
#[derive(Template)]
#[template(path = "trials.html", config = "src/report/html/askama.toml")]
pub(super) struct Trials {
    rows: Vec<Trial>,
    /// Whether it is said what each rests on.
    is_based: bool,
}

struct Trial {
    /// KMS, node, what it rests on where that is said, what must come of it, and what came of it.
    cells: Vec<(&'static str, String)>,
    mark: Mark,
}

impl Trials {
    /// In the order given: a reader looks for a place in the matrix.
    pub(super) fn of(rows: &[TrialRow]) -> Self {
        let is_based = rows.iter().any(|row| row.basis.is_some());
        let row = |row: &TrialRow| {
            let mut cells = vec![("KMS", terminal(&row.kms)), ("Node", terminal(&row.node))];
            cells.extend(is_based.then(|| ("By", row.basis.unwrap_or("-").to_owned())));
            cells.extend([("Expected", terminal(&row.expected)), ("Got", terminal(&row.got))]);
            Trial { cells, mark: Mark::of(Some(row.status)) }
        };
        Self { rows: rows.iter().map(row).collect(), is_based }
    }
}

/// A service over time.
#[derive(Template)]
#[template(path = "samples.html", config = "src/report/html/askama.toml")]
pub(super) struct Samples {
    rows: Vec<Sample>,
}

struct Sample {
    cells: Vec<(&'static str, String)>,
    mark: Mark,
}

impl Samples {
    /// In the order of time.
    pub(super) fn of(rows: &[SampleRow]) -> Self {
        let row = |row: &SampleRow| {
            let cells = SAMPLE_HEADINGS.into_iter().zip(row.cells()).collect();
            Sample { cells, mark: Mark::of(Some(row.status())) }
        };
        Self { rows: rows.iter().map(row).collect() }
    }
}

/// What was done or would be.
#[derive(Template)]
#[template(path = "actions.html", config = "src/report/html/askama.toml")]
pub(super) struct Actions {
    rows: Vec<Deed>,
}

struct Deed {
    what: String,
    target: String,
    state: &'static str,
    sign: &'static str,
    tone: &'static str,
    content: Option<String>,
}

impl Actions {
    pub(super) fn of(actions: &[Action]) -> Self {
        let row = |action: &Action| {
            let (sign, tone) = match action.state {
                ActionState::Done => ("✓", "good"),
                ActionState::Planned => ("…", "plain"),
                ActionState::Failed => ("×", "bad"),
            };
            let (what, target) = (terminal(&action.what), terminal(&action.target));
            let content = action.content.as_deref().map(|content| escape::lines(content.trim_end_matches('\n')));
            Deed { what, target, state: action.state.word(), sign, tone, content }
        };
        Self { rows: actions.iter().map(row).collect() }
    }
}
