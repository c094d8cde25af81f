//! Findings that did not pass, gathered by check; and those that did, to be unfolded.

use askama::Template;

use super::{Anchors, Prose, status_sign, status_tone};
use crate::report::{Finding, Report, Section, Status, escape::terminal, excerpt, wording};

/// Columns of quoted source.
const SOURCE_WIDTH: usize = 100;

/// Findings of like weight.
pub(super) struct List {
    pub(super) anchor: String,
    pub(super) title: &'static str,
    pub(super) groups: Vec<Group>,
}

/// The findings of one check.
#[derive(Template)]
#[template(path = "group.html")]
pub(super) struct Group {
    pub(super) anchor: String,
    level: u8,
    tone: &'static str,
    pub(super) sign: &'static str,
    label: &'static str,
    pub(super) check: &'static str,
    page: String,
    title: &'static str,
    items: Vec<Item>,
    /// What to do about all of them.
    help: Option<Prose>,
}

struct Item {
    anchor: String,
    /// Its own status, where it is not that of the group.
    badge: Option<(&'static str, &'static str)>,
    subject: String,
    message: Prose,
    compared: Vec<(&'static str, String)>,
    place: Option<String>,
    source: Option<String>,
    help: Option<Prose>,
}

/// What decides the verdict, what a person should look at, and what was not looked at. Lists without a finding are left out.
pub(super) fn lists(report: &Report, section: &Section, level: u8, anchors: &mut Anchors) -> Vec<List> {
    const LISTS: [(&str, &str, &[Status]); 3] = [
        ("What failed", "failed", &[Status::Fail, Status::Missing, Status::SkippedRequired]),
        ("Warnings", "warnings", &[Status::Warn]),
        ("Not checked", "not-checked", &[Status::Skipped]),
    ];
    let mut lists = Vec::new();
    for (title, name, statuses) in LISTS {
        let mut checks: Vec<(usize, Vec<&Finding>)> = Vec::new();
        for finding in &section.findings {
            let Some(rank) = statuses.iter().position(|status| *status == finding.status) else { continue };
            let same = |(_, found): &&mut (usize, Vec<&Finding>)| found.iter().any(|f| f.check == finding.check);
            match checks.iter_mut().find(same) {
                Some((worst, found)) => {
                    *worst = rank.min(*worst);
                    found.push(finding);
                }
                None => checks.push((rank, vec![finding])),
            }
        }
        if checks.is_empty() {
            continue;
        }
        checks.sort_by_key(|(worst, _)| *worst);
        let anchor = anchors.take(&[&section.subject, name]);
        let group = |(worst, found): (usize, Vec<&Finding>)| {
            let status = statuses.get(worst).copied().unwrap_or(Status::Fail);
            Group::of(report, section, status, &found, level, anchors)
        };
        let groups = checks.into_iter().filter(|(_, found)| !found.is_empty()).map(group).collect();
        lists.push(List { anchor, title, groups });
    }
    lists
}

impl Group {
    fn of(
        report: &Report,
        section: &Section,
        status: Status,
        found: &[&Finding],
        level: u8,
        anchors: &mut Anchors,
    ) -> Self {
        let check = found.first().map_or("", |finding| finding.check);
        let kind = match status {
            Status::Warn => "warnings",
            Status::Skipped => "not-checked",
            Status::Pass | Status::Fail | Status::Missing | Status::SkippedRequired => "",
        };
        let anchor = anchors.take(&[&section.subject, check, kind]);
        let first = found.first().and_then(|finding| wording::help(finding));
        let common = first.filter(|_| found.iter().all(|finding| wording::help(finding) == first));
        let items = found.iter().map(|finding| Item::of(section, finding, status, common.is_some(), anchors));
        Self {
            anchor,
            level: level + 1,
            tone: status_tone(status),
            sign: status_sign(status),
            label: wording::status_label(status),
            check,
            page: wording::page_of(check),
            title: title_of(report, check),
            items: items.collect(),
            help: common.map(Prose::of),
        }
    }
}

impl Item {
    fn of(section: &Section, finding: &Finding, group: Status, helped: bool, anchors: &mut Anchors) -> Self {
        let within = finding.within.as_deref().unwrap_or_default();
        let of = [("expected", &finding.expected), ("got", &finding.actual)];
        let compared = of.into_iter().filter_map(|(label, value)| Some((label, terminal(value.as_deref()?))));
        let own =
            (finding.status != group).then(|| (status_tone(finding.status), wording::status_label(finding.status)));
        Self {
            anchor: anchors.take(&[&section.subject, finding.check, &finding.subject, within]),
            badge: own,
            subject: terminal(&finding.subject),
            message: Prose::of(&finding.message),
            compared: compared.collect(),
            place: wording::place(finding).as_deref().map(terminal),
            source: excerpt::drawn(finding, SOURCE_WIDTH, false),
            help: wording::help(finding).filter(|_| !helped).map(Prose::of),
        }
    }
}

/// What passed of each check.
#[derive(Template)]
#[template(path = "passes.html")]
pub(super) struct Passes {
    checks: Vec<Passed>,
}

struct Passed {
    name: &'static str,
    title: &'static str,
    page: String,
    count: String,
    rows: Vec<(String, Prose)>,
}

impl Passes {
    /// None where nothing passed.
    pub(super) fn of(report: &Report, section: &Section) -> Option<Self> {
        let mut checks: Vec<Passed> = Vec::new();
        for finding in section.findings.iter().filter(|finding| finding.status == Status::Pass) {
            let row = (terminal(&finding.subject), Prose::of(&finding.message));
            match checks.iter_mut().find(|passed| passed.name == finding.check) {
                Some(passed) => passed.rows.push(row),
                None => checks.push(Passed {
                    name: finding.check,
                    title: title_of(report, finding.check),
                    page: wording::page_of(finding.check),
                    count: String::new(),
                    rows: vec![row],
                }),
            }
        }
        for check in &mut checks {
            let all = section.findings.iter().filter(|finding| finding.check == check.name).count();
            check.count = match (check.rows.len(), all) {
                (1, 1) => String::new(),
                (passed, all) if passed == all => format!("all {all}"),
                (passed, all) => format!("{passed} of {all}"),
            };
        }
        (!checks.is_empty()).then_some(Self { checks })
    }
}

/// What a check demands, as the command lists it.
fn title_of(report: &Report, check: &str) -> &'static str {
    report.rules.iter().find(|rule| rule.id == check).map_or("", |rule| rule.title)
}
