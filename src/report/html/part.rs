//! One subject: what is wrong with it, and what its verdict rests on.

use askama::Template;

use super::{
    Anchors, Judged, Prose, caveats,
    findings::{self, List, Passes},
    registers::Registers,
    signatures::Signatures,
    tables::{Actions, Assets, Facts, Samples, Trials},
};
use crate::report::{Report, Section, Table, Verdict, escape::terminal, wording};

/// A section of the report.
#[derive(Template)]
#[template(path = "part.html", config = "src/report/html/askama.toml")]
pub(super) struct Part {
    pub(super) anchor: String,
    pub(super) subject: String,
    /// The facts that tell it from other subjects.
    pub(super) under: String,
    pub(super) verdict: Judged,
    /// The checks that keep it from passing.
    pub(super) wrong: Vec<&'static str>,
    numbers: [(&'static str, usize); 5],
    several: bool,
    /// Level of the headings.
    level: u8,
    caveats: Vec<Prose>,
    lists: Vec<List>,
    evidence: Vec<Block>,
}

/// Something to look at beside the findings.
struct Block {
    anchor: String,
    title: &'static str,
    intro: &'static str,
    body: Body,
}

enum Body {
    Facts(Facts),
    Actions(Actions),
    Registers(Registers),
    Assets(Assets),
    Signatures(Signatures),
    Trials(Trials),
    Samples(Samples),
    Passes(Passes),
}

impl std::fmt::Display for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Facts(facts) => facts.fmt(f),
            Self::Actions(actions) => actions.fmt(f),
            Self::Registers(registers) => registers.fmt(f),
            Self::Assets(assets) => assets.fmt(f),
            Self::Signatures(signatures) => signatures.fmt(f),
            Self::Trials(trials) => trials.fmt(f),
            Self::Samples(samples) => samples.fmt(f),
            Self::Passes(passes) => passes.fmt(f),
        }
    }
}

impl Part {
    pub(super) fn of(report: &Report, section: &Section, several: bool, anchors: &mut Anchors) -> Self {
        let (verdict, counts) = (section.verdict(), section.counts());
        let anchor = anchors.take(&[&section.subject]);
        let level = if several { 3 } else { 2 };
        let lists = findings::lists(report, section, level, anchors);
        let mut wrong = Vec::new();
        for finding in section.findings.iter().filter(|finding| wording::is_problem(finding.status)) {
            if !wrong.contains(&finding.check) {
                wrong.push(finding.check);
            }
        }
        let mut judged = Judged::of(verdict, wording::verdict_on(section));
        if is_unchecked(section) {
            judged = Judged { words: "NOT CHECKED".to_owned(), short: "NOT CHECKED", sign: "–", tone: "plain" };
        }
        Self {
            anchor,
            subject: terminal(&section.subject),
            under: under(report, section),
            verdict: judged,
            wrong,
            numbers: [
                ("Failed", counts.failed),
                ("Missing", counts.missing),
                ("Warnings", counts.warned),
                ("Not made", counts.skipped),
                ("Passed", counts.passed),
            ],
            several,
            level,
            caveats: if several { caveats(&section.caveats, &[]) } else { Vec::new() },
            lists,
            evidence: evidence(report, section, anchors),
        }
    }

    pub(super) fn numbers(&self) -> &[(&'static str, usize)] {
        &self.numbers
    }

    /// Whether a reader must look into it.
    pub(super) fn needs_attention(&self) -> bool {
        !self.wrong.is_empty()
    }

    /// What is wrong, check by check, and what is shown.
    pub(super) fn contents(&self) -> Vec<(String, String)> {
        let groups = self.lists.iter().flat_map(|list| &list.groups);
        let groups = groups.map(|group| (group.anchor.clone(), format!("{} {}", group.sign, group.check)));
        groups.chain(self.evidence.iter().map(|block| (block.anchor.clone(), block.title.to_owned()))).collect()
    }

    /// What a reader unfolds.
    fn evidence_names(&self) -> String {
        let names: Vec<_> = self.evidence.iter().map(|block| block.title.to_lowercase()).collect();
        names.join(", ")
    }
}

/// Whether no check looked at it: such a subject has not passed any.
pub(super) fn is_unchecked(section: &Section) -> bool {
    let counts = section.counts();
    section.verdict() == Verdict::Passed && counts.passed + counts.warned == 0
}

/// What the table of subjects says of each, as far as it is known.
fn under(report: &Report, section: &Section) -> String {
    let fact = |name: &&str| section.facts.iter().find(|fact| fact.name() == *name).map(|fact| terminal(&fact.value()));
    report.overview.iter().filter_map(fact).collect::<Vec<_>>().join(" · ")
}

fn evidence(report: &Report, section: &Section, anchors: &mut Anchors) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut push = |name: &str, title, intro, body| {
        let anchor = anchors.take(&[&section.subject, name]);
        blocks.push(Block { anchor, title, intro, body });
    };
    if !section.actions.is_empty() {
        push("actions", "Actions", "", Body::Actions(Actions::of(&section.actions)));
    }
    if let Some(facts) = Facts::of(section) {
        push("subject", "What was checked", "", Body::Facts(facts));
    }
    for exhibit in &section.exhibits {
        match &exhibit.table {
            Table::Assets(rows) => push("assets-table", "Assets", "", Body::Assets(Assets::of(rows))),
            Table::Registers(matrix) => {
                let intro =
                    "The same letter and colour in a column are the same value. Values without a letter occur once.";
                push("registers", "Registers by profile", intro, Body::Registers(Registers::of(matrix)));
            }
            Table::Signatures(rows) => {
                push("signatures", "Signatures", "", Body::Signatures(Signatures::of(rows)));
            }
            Table::Trials(rows) => push("trials", "Keys", "", Body::Trials(Trials::of(rows))),
            Table::Samples(rows) => push("samples", "Samples", "", Body::Samples(Samples::of(rows))),
        }
    }
    if let Some(passes) = Passes::of(report, section) {
        push("passed", "Passed checks", "", Body::Passes(passes));
    }
    blocks
}
