//! The report as one self-contained page: no script, no request to anywhere, readable in light, dark and print.
//!
//! The template escapes every value it inserts; texts are made visible and cut before they reach it.

use std::io::{self, Write};

use askama::Template;

use super::{
    Finding, Report, Section, Status, Verdict,
    escape::terminal,
    excerpt,
    grid::Grid,
    wording::{self, Elapsed},
};

/// Columns of quoted source.
const SOURCE_WIDTH: usize = 120;

/// Writes the report.
pub(super) fn render(report: &Report, w: &mut dyn Write) -> io::Result<()> {
    let page = Page::of(report).render().map_err(io::Error::other)?;
    writeln!(w, "{page}")
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ subject }}: {{ verdict }}</title>
<style>
:root { --text: #1f2328; --page: #ffffff; --line: #c9d1d9; --quiet: #57606a;
  --good: #116329; --bad: #a40e26; --care: #7d4e00; --head: #f3f5f7; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --page: #0d1117; --line: #3d444d; --quiet: #9da7b1;
  --good: #56d364; --bad: #ff8f87; --care: #e3b341; --head: #161b22; } }
body { margin: 2rem auto; padding: 0 1rem; max-width: 75rem; color: var(--text); background: var(--page);
  font: 1rem/1.5 system-ui, sans-serif; }
h1, h2, td, dd, li, p { overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
caption { text-align: left; font-weight: bold; padding: .3rem 0; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
thead th { background: var(--head); }
td.mono, .mono { font-family: ui-monospace, monospace; font-size: .9em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
dt, .quiet { color: var(--quiet); }
dd { margin: 0; }
.good { color: var(--good); } .bad { color: var(--bad); } .care { color: var(--care); }
.status { font-weight: bold; white-space: nowrap; }
a { color: inherit; }
td pre { margin: .3rem 0; overflow-x: auto; font-size: .85em; line-height: 1.3; }
.caveat { border-left: .3rem solid var(--care); padding-left: .8rem; }
@media print { :root { --text: #000; --page: #fff; --line: #888; --quiet: #333; --good: #000; --bad: #000;
  --care: #000; --head: #eee; } body { margin: 0; max-width: none; font-size: 10pt; }
  tr { break-inside: avoid; } thead { display: table-header-group; } .scroll { overflow: visible; } }
</style>
</head>
<body>
<header>
<h1>{{ subject }}: <span class="{{ tone }}">{{ verdict }}</span></h1>
<p>{{ tally }}{{ elapsed }}{% match made_at %}{% when Some with (time) %}, made at <time>{{ time }}</time>{% when None %}{% endmatch %}</p>
{%- for caveat in caveats %}
<p class="caveat"><strong>Caveat:</strong> {{ caveat }}</p>
{%- endfor %}
</header>
<main>
{%- match subjects %}{% when Some with (grid) %}{{ grid.render()?|safe }}{% when None %}{% endmatch %}
{%- for part in parts %}
<section>
{%- if parts.len() > 1 %}
<h2>{{ part.subject }}: <span class="{{ part.tone }}">{{ part.verdict }}</span></h2>
<p>{{ part.tally }}</p>
{%- endif %}
{%- for caveat in part.caveats %}
<p class="caveat"><strong>Caveat:</strong> {{ caveat }}</p>
{%- endfor %}
{%- if !part.facts.is_empty() %}
<dl>
{%- for fact in part.facts %}
<dt>{{ fact.0 }}</dt><dd>{{ fact.1 }}</dd>
{%- endfor %}
</dl>
{%- endif %}
<div class="scroll">
<table>
<caption>Findings for {{ part.subject }}, in the order they were checked</caption>
<thead>
<tr><th scope="col">Result</th><th scope="col">Check</th><th scope="col">Subject</th><th scope="col">Detail</th></tr>
</thead>
<tbody>
{%- for row in part.rows %}
<tr><td class="status {{ row.tone }}">{{ row.label }}</td><td class="mono"><a href="{{ row.page }}" rel="noreferrer">{{ row.check }}</a></td>{# -#}
<td class="mono">{{ row.subject }}</td><td>{{ row.detail }}
{%- match row.place %}{% when Some with (place) %}<div class="quiet">at {{ place }}</div>{% when None %}{% endmatch -%}
{%- match row.source %}{% when Some with (source) %}<pre>{{ source }}</pre>{% when None %}{% endmatch -%}
{%- match row.help %}{% when Some with (help) %}<div class="quiet">→ {{ help }}</div>{% when None %}{% endmatch -%}
</td></tr>
{%- endfor %}
</tbody>
</table>
</div>
{%- for grid in part.grids %}{{ grid.render()?|safe }}{% endfor %}
</section>
{%- endfor %}
</main>
<footer><p class="quiet">{{ command }} by {{ tool }} {{ version }}</p></footer>
</body>
</html>"#
)]
struct Page<'a> {
    subject: String,
    verdict: String,
    tone: &'static str,
    tally: String,
    elapsed: String,
    made_at: Option<String>,
    caveats: Vec<String>,
    subjects: Option<Gridded>,
    parts: Vec<Part<'a>>,
    command: String,
    tool: &'static str,
    version: &'static str,
}

/// A table beside the findings.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"
<div class="scroll">
<table>
<caption>{{ self.title() }}</caption>
<thead>
<tr>{% for heading in self.headings() %}<th scope="col">{{ heading }}</th>{% endfor %}</tr>
</thead>
<tbody>
{%- for row in self.rows() %}
<tr>{% for cell in row %}<td class="mono">{{ cell }}</td>{% endfor %}</tr>
{%- endfor %}
</tbody>
</table>
</div>
{%- for note in self.notes() %}
<p class="quiet">{{ note }}</p>
{%- endfor %}"#
)]
struct Gridded(Grid);

impl Gridded {
    fn title(&self) -> &'static str {
        self.0.title
    }

    fn headings(&self) -> Vec<String> {
        self.0.headings.iter().map(|heading| terminal(heading)).collect()
    }

    fn rows(&self) -> Vec<Vec<String>> {
        self.0.rows.iter().map(|row| row.iter().map(|cell| terminal(cell)).collect()).collect()
    }

    fn notes(&self) -> Vec<String> {
        self.0.notes.iter().map(|note| terminal(note)).collect()
    }
}

struct Part<'a> {
    subject: String,
    verdict: String,
    tone: &'static str,
    tally: String,
    facts: Vec<(&'static str, String)>,
    caveats: Vec<String>,
    grids: Vec<Gridded>,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    tone: &'static str,
    label: &'static str,
    check: &'a str,
    page: String,
    subject: String,
    detail: String,
    place: Option<String>,
    source: Option<String>,
    help: Option<String>,
}

impl<'a> Page<'a> {
    fn of(report: &'a Report) -> Self {
        Self {
            subject: terminal(wording::overall_subject(report)),
            verdict: wording::verdict_words(report.verdict(), report.counts()),
            tone: verdict_tone(report.verdict()),
            tally: wording::tally(report.counts()),
            elapsed: Elapsed(report.elapsed).to_string(),
            made_at: report.made_at.map(|time| time.to_string()),
            caveats: report.caveats.iter().map(|caveat| terminal(caveat)).collect(),
            subjects: (report.sections.len() > 1).then(|| Gridded(Grid::subjects(report))),
            parts: report.sections.iter().map(Part::of).collect(),
            command: terminal(&report.command),
            tool: wording::TOOL_NAME,
            version: wording::TOOL_VERSION,
        }
    }
}

impl<'a> Part<'a> {
    fn of(section: &'a Section) -> Self {
        Self {
            subject: terminal(&section.subject),
            verdict: wording::verdict_words(section.verdict(), section.counts()),
            tone: verdict_tone(section.verdict()),
            tally: wording::tally(section.counts()),
            facts: section.ordered_facts().into_iter().map(|fact| (fact.name(), terminal(&fact.value()))).collect(),
            caveats: section.caveats.iter().map(|caveat| terminal(caveat)).collect(),
            grids: Grid::actions(&section.actions)
                .into_iter()
                .chain(section.exhibits.iter().map(Grid::exhibit))
                .map(Gridded)
                .collect(),
            rows: section.findings.iter().map(Row::of).collect(),
        }
    }
}

impl<'a> Row<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            tone: status_tone(finding.status),
            label: wording::status_label(finding.status),
            check: finding.check,
            page: wording::page_of(finding.check),
            subject: terminal(&finding.subject),
            detail: wording::sentence(finding, terminal),
            place: wording::place(finding).as_deref().map(terminal),
            source: excerpt::drawn(finding, SOURCE_WIDTH, false),
            help: wording::help(finding).map(terminal),
        }
    }
}

/// The class that colours a verdict. Colour never carries meaning alone: the word is always there.
fn verdict_tone(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "good",
        Verdict::Undecided => "care",
        Verdict::Incomplete | Verdict::Failed => "bad",
    }
}

/// The class that colours a status.
fn status_tone(status: Status) -> &'static str {
    match status {
        Status::Pass => "good",
        Status::Fail | Status::Missing => "bad",
        Status::Warn | Status::SkippedRequired => "care",
        Status::Skipped => "quiet",
    }
}
