//! One screen: at most 80 columns, every gate on a line.

use jiff::Timestamp;

use super::{coming, production, soak_lines, standing};
use crate::{
    rollout::{
        gate::Gate,
        next::next,
        path::Look,
        state::{Direction, State},
    },
    text::excerpt_within,
};

/// Columns of a screen.
const COLUMNS: usize = 80;

/// The looks whose report is a gate's main evidence.
const EVIDENCE: [Look; 6] =
    [Look::KmsRelease, Look::NodeRelease, Look::StagingHealth, Look::StagingProbe, Look::Review, Look::Canary];

/// How far a rollout is; `holder` is who works on it at the moment, and since when.
pub fn screen(state: &State, lines: usize, holder: Option<&str>) -> String {
    let inputs = state.inputs();
    let mut out = vec![
        format!("{} with {}, {}", inputs.kms, inputs.node, inputs.profile),
        format!("begun {} by {}, attempt {}", state.since(), state.by(), state.attempt()),
        String::new(),
    ];
    for (gate, look) in Gate::ALL.into_iter().zip(EVIDENCE) {
        let times = state.times(gate).map_or_else(String::new, |times| span(times.from, times.to));
        let proof = state.judged(look).and_then(|judged| judged.report.as_ref());
        let digest = proof.map(|proof| proof.sha256.to_string()).unwrap_or_default();
        let short: String = digest.chars().take(12).collect();
        let row = format!("  {gate}  {:<29} {:<7} {times:<19} {short}", gate.title(), standing(state, gate));
        out.push(row.trim_end().to_owned());
    }
    out.push(String::new());
    out.push(format!("production  {}", production(state)));
    out.extend(state.staging().map(|_| "staging     stands, and costs money".to_owned()));
    let number = state.pull().and_then(|pull| pull.id("number"));
    out.extend(number.map(|number| format!("policy      pull request #{number}")));
    out.extend(state.failed().map(|failure| format!("failed      {}: {}", failure.gate, failure.why)));
    match state.direction() {
        Direction::Forward => {}
        Direction::Back => out.push("direction   back: what stands is undone".to_owned()),
        Direction::Out => out.push("direction   out: what stands is undone, for good".to_owned()),
    }
    out.extend(holder.map(|holder| format!("in use by   {holder}")));
    out.extend(soak_lines(state).into_iter().map(|line| format!("soak        {line}")));
    out.push(format!("next        {}", coming(&next(state))));
    out.push(format!("state       {lines} lines, as they were written, with all their evidence"));
    out.iter().flat_map(|line| folded(line)).fold(String::new(), |text, line| text + &line + "\n")
}

/// Two times of one day, to the second.
fn span(from: Timestamp, to: Timestamp) -> String {
    let clock = |at: Timestamp| at.strftime("%H:%M:%S").to_string();
    format!("{}-{}", clock(from), clock(to))
}

/// A line in as many as it needs, those behind the first indented.
fn folded(line: &str) -> Vec<String> {
    const INDENT: &str = "            ";
    let mut rest = excerpt_within(format_args!("{line}"), 2_000);
    let mut lines = Vec::new();
    while rest.chars().count() > COLUMNS {
        let limit = rest.char_indices().nth(COLUMNS).map_or(rest.len(), |(at, _)| at);
        let head = rest.get(..=limit).or_else(|| rest.get(..limit)).unwrap_or_default();
        let cut = head.rfind(' ').filter(|at| *at > INDENT.len()).unwrap_or(limit);
        let (first, others) = rest.split_at(cut);
        let others = format!("{INDENT}{}", others.trim_start());
        lines.push(first.trim_end().to_owned());
        rest = others;
    }
    lines.push(rest);
    lines
}
