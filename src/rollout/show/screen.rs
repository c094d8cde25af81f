//! One screen: at most 80 columns, every gate on a line.

use jiff::Timestamp;

use super::{coming, production, pull, soak_lines, soaked::whole_seconds, standing, undone};
use crate::{
    rollout::{
        gate::Gate,
        next::next,
        state::{Direction, State},
        step::{Step, Stop},
    },
    text::excerpt_within,
};

/// Columns of a screen.
const COLUMNS: usize = 80;

/// How far a rollout is; `holder` is who works on it at the moment, and since when.
pub fn screen(state: &State, lines: usize, holder: Option<&str>, file: &str) -> String {
    let inputs = state.inputs();
    let mut out = vec![
        format!("{} with {}, {}", inputs.kms, inputs.node, inputs.profile),
        format!("begun {} by {}, attempt {}", whole_seconds(state.since()), state.by(), state.attempt()),
        String::new(),
        "  gate                              state        time (UTC)         evidence".to_owned(),
    ];
    for gate in Gate::ALL {
        let times = state.times(gate).map_or_else(String::new, |times| span(times.from, times.to));
        let digest = state.report(gate).map(|proof| proof.sha256.to_string()).unwrap_or_default();
        let short: String = digest.chars().take(12).collect();
        let row = format!("  {gate}  {:<29} {:<12} {times:<18} {short}", gate.title(), standing(state, gate));
        out.push(row.trim_end().to_owned());
    }
    out.push(String::new());
    out.push(format!("production  {}", production(state)));
    out.extend(state.staging().map(|_| "staging     stands, and costs money".to_owned()));
    out.extend(pull(state).map(|pull| format!("policy      {pull}")));
    out.extend(state.failed().map(|failure| format!("failed      {}: {}", failure.gate, failure.why)));
    let is_over = matches!(next(state), Step::Stop(Stop::RolledBack(_) | Stop::Aborted));
    match (state.direction(), is_over) {
        (Direction::Forward, _) => {}
        (Direction::Back, false) => out.push("direction   rolling back".to_owned()),
        (Direction::Back, true) => out.push(format!("direction   {}", undone(state))),
        (Direction::Out, false) => out.push("direction   aborting".to_owned()),
        (Direction::Out, true) => out.push(format!("direction   aborted; {}", undone(state))),
    }
    out.extend(inputs.caveats().into_iter().map(|caveat| format!("caveat      {caveat}")));
    out.extend(holder.map(|holder| format!("in use by   {holder}")));
    out.extend(soak_lines(state).into_iter().map(|line| format!("soak        {line}")));
    out.push(format!("next        {}", coming(state, file)));
    out.push(format!("state       {lines} lines, as they were written, with all their evidence"));
    out.iter().flat_map(|line| folded(line)).fold(String::new(), |text, line| text + &line + "\n")
}

/// Two times of one day, to the second.
fn span(from: Timestamp, to: Timestamp) -> String {
    let clock = |at: Timestamp| at.strftime("%H:%M:%S").to_string();
    format!("{}-{}", clock(from), clock(to))
}

/// A line in as many as it needs, those behind the first indented.
pub(super) fn folded(line: &str) -> Vec<String> {
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
