//! A soak in a few lines.

use jiff::Timestamp;

use crate::rollout::{
    soak::{Phase, Sample, Verdict},
    spark,
    state::State,
};

/// How wide the bars are.
const WIDTH: usize = 48;

/// One sample as a line of a log.
pub fn sample_line(state: &State, phase: Phase, sample: &Sample) -> String {
    let when = match phase {
        Phase::Baseline => "before the switch".to_owned(),
        Phase::Soak => progress(state).unwrap_or_default(),
    };
    format!("{}; {when}", sample_row(sample))
}

/// One sample before the switch, as a line of a terminal.
pub fn baseline_line(sample: &Sample) -> String {
    format!("before the switch: {}", seen(sample))
}

/// One sample in words.
fn sample_row(sample: &Sample) -> String {
    format!("{} sample: {}", whole_seconds(sample.at), seen(sample))
}

fn seen(sample: &Sample) -> String {
    let health = if sample.healthy { "healthy" } else { "NOT healthy" };
    let latency = sample.latency_ms.map_or_else(|| "no key released".to_owned(), |ms| format!("{ms} ms"));
    format!("{health}, {} of {} key requests failed, {latency}", sample.errors, sample.requests)
}

/// A time without its fraction.
pub(super) fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// How far the soak is, and its figures as bars; empty where nothing was sampled since the switch.
pub fn soak_lines(state: &State) -> Vec<String> {
    let (_, samples) = state.samples();
    let (Some(last), Some(baseline), Some(progress)) = (samples.last(), state.baseline(), progress(state)) else {
        return Vec::new();
    };
    let limits = state.inputs().soak;
    let ceiling = baseline.latency_ms.saturating_mul(limits.latency_percent) / 100;
    let latencies: Vec<Option<u32>> = samples.iter().map(|sample| sample.latency_ms).collect();
    let errors: Vec<Option<u32>> = samples.iter().map(|sample| Some(sample.errors)).collect();
    let (failed, asked) = samples.iter().fold((0_u64, 0_u64), |(failed, asked), sample| {
        (failed + u64::from(sample.errors), asked + u64::from(sample.requests))
    });
    let latency = last.latency_ms.map_or_else(|| "none".to_owned(), |ms| format!("{ms} ms"));
    vec![
        progress,
        format!("latency {} {latency}, limit {ceiling} ms", spark::line(&latencies, ceiling, WIDTH)),
        format!("errors  {} {failed} of {asked}", spark::line(&errors, limits.requests, WIDTH)),
    ]
}

fn progress(state: &State) -> Option<String> {
    let limits = state.inputs().soak;
    Some(match state.soaked()? {
        Verdict::Healthy(progress) | Verdict::Complete(progress) => {
            let gaps = match progress.gaps {
                0 => String::new(),
                gaps => format!(", {gaps} gaps of {} s not counted", progress.gaps_ms / 1_000),
            };
            format!("{} s of {} s soaked{gaps}", progress.soaked_ms / 1_000, limits.length)
        }
        Verdict::Breach(breach) => {
            format!("breach at {}: {}: {}", whole_seconds(breach.at), breach.figure.name(), breach.why)
        }
    })
}
