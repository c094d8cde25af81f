//! What is shown while a rollout goes on: each step and sample, on standard error. On a terminal the soak is drawn anew in its
//! place; elsewhere each sample is a line.

use std::io::{self, IsTerminal as _, Write as _};

use crate::{
    context::Context,
    progress,
    rollout::{
        show,
        soak::{Phase, Sample},
        state::State,
        step::Step,
    },
};

/// Shows, or does not.
pub(super) struct Watch {
    how: How,
    /// Lines of the last drawing, which the next one takes the place of.
    drawn: usize,
    /// What had been written when it was drawn: where more is by now, the drawing is no longer the last thing there.
    written: u64,
    /// The step that was shown last.
    last: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Not,
    Lines,
    Live,
}

impl Watch {
    pub(super) fn new(wanted: bool, context: &Context) -> Self {
        let how = match (wanted && context.output.progress, io::stderr().is_terminal()) {
            (false, _) => How::Not,
            (true, false) => How::Lines,
            (true, true) => How::Live,
        };
        Self { how, drawn: 0, written: 0, last: "" }
    }

    /// Shows nothing.
    #[cfg(test)]
    pub(super) fn silent() -> Self {
        Self { how: How::Not, drawn: 0, written: 0, last: "" }
    }

    /// What comes next, once for steps that repeat.
    pub(super) fn step(&mut self, step: &Step) {
        let words = step.described();
        if self.how == How::Not || self.last == words {
            return;
        }
        self.end();
        self.last = words;
        match step {
            Step::Look(look) => say(&format!("{} {words}\n", look.gate())),
            Step::Begin(effect) => say(&format!("{} {words}\n", effect.gate())),
            Step::Reconcile(pending) => {
                say(&format!("{} {words}: {}\n", pending.effect.gate(), pending.effect.described()))
            }
            Step::Sample { .. } => say(&format!("D6 {words}\n")),
            Step::Stop(_) => {}
        }
    }

    /// What was seen of production.
    pub(super) fn sample(&mut self, state: &State, phase: Phase, sample: &Sample) {
        match (self.how, phase) {
            (How::Not, _) => {}
            (How::Lines, _) => say(&format!("{}\n", show::sample_line(state, phase, sample))),
            (How::Live, Phase::Baseline) => say(&format!("{}\n", show::baseline_line(sample))),
            (How::Live, Phase::Soak) => {
                let lines = show::soak_lines(state);
                let is_last = self.drawn > 0 && self.written == progress::written();
                let up = if is_last { format!("\u{1b}[{}A", self.drawn) } else { String::new() };
                let text: String = lines.iter().map(|line| format!("\r\u{1b}[2K{line}\n")).collect();
                say(&format!("{up}{text}"));
                (self.drawn, self.written) = (lines.len(), progress::written());
            }
        }
    }

    /// What is drawn stays.
    pub(super) fn end(&mut self) {
        self.drawn = 0;
    }
}

/// Where standard error cannot be written, nothing is shown.
fn say(text: &str) {
    progress::without_bar(|| drop(io::stderr().write_all(text.as_bytes())));
}
