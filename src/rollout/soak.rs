//! The soak: production is sampled before the switch and after it, and what comes after must not be worse. A pure
//! judgement over samples; it asks nothing and waits for nothing.
//!
//! 1. The baseline is the median latency and the rate of errors of the samples before the switch.
//! 2. A sample after the switch breaks a limit where its latency reaches the limit's multiple of the baseline, where the
//!    rate of errors over the latest requests is above the limit, or where health failed too often in the latest samples.
//!    The first sample that breaks a limit is a breach: there is no second chance.
//! 3. Time counts as soaked between two samples that follow each other in time. What lies between two samples further apart
//!    is a gap: nothing was seen in it, so it counts as nothing, and the soak lasts that much longer. Gaps that add up to
//!    more than the soak itself break it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::text::counted;

/// Length of a soak, in seconds: 30 minutes. Nothing in the real world may be shorter.
pub const LENGTH: u32 = 1_800;
/// Samples before the switch.
pub const BASELINE: usize = 5;
/// Latest samples among which failures of health are counted, so that flapping is seen as well.
pub const HEALTH_WINDOW: usize = 10;
/// Latest requests over which the rate of errors is taken.
pub const REQUEST_WINDOW: u32 = 20;
/// Key requests of one node that a KMS answers within a minute; it refuses the rest.
pub const REQUESTS_A_MINUTE: u64 = 16;
/// Most samples of a phase: a soak that takes more is not sampled at the pace it says.
pub const MAX_SAMPLES: usize = 4_000;

/// When samples are taken, and what they must keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// How long production soaks, in seconds.
    pub length: u32,
    /// Time between two samples, in milliseconds.
    pub interval_ms: u32,
    /// Key requests in a sample.
    pub requests: u32,
    /// Latency that is a breach, in percent of the baseline.
    pub latency_percent: u32,
    /// Baselines below this many milliseconds count as this many: what is faster is noise.
    pub latency_floor_ms: u32,
    /// Rate of errors that is still admitted, in a thousand, on top of the baseline's.
    pub errors_per_mille: u32,
    /// Failures of health among the latest samples that are a breach.
    pub health_failures: u32,
}

/// Before or after the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Before.
    Baseline,
    /// After.
    Soak,
}

/// What was seen of production at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// Whether health was answered, and by the version that was expected.
    pub healthy: bool,
    /// Key requests that were made.
    pub requests: u32,
    /// Those of them that got no key.
    pub errors: u32,
    /// Median time until a key was released, in milliseconds; `None` where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u32>,
}

/// What production did before the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Baseline {
    /// Median of the latencies, in milliseconds, and never below the floor.
    pub latency_ms: u32,
    /// Errors in a thousand requests.
    pub errors_per_mille: u32,
}

/// A figure that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Figure {
    /// Time until a key is released.
    Latency,
    /// Key requests that get no key.
    Errors,
    /// Health.
    Health,
    /// Time in which nothing was seen.
    Gaps,
}

/// A limit that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// What is too high.
    pub figure: Figure,
    /// How high it is, and how high it may be.
    pub why: String,
    /// The sample that broke it.
    pub at: Timestamp,
}

/// How far a soak came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Time that counts, in milliseconds.
    pub soaked_ms: u64,
    /// Time in which nothing was seen, in milliseconds.
    pub gaps_ms: u64,
    /// How many gaps there were.
    pub gaps: usize,
}

/// What samples amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is broken so far.
    Healthy(Progress),
    /// A limit is broken.
    Breach(Breach),
    /// The time is up, and nothing was broken.
    Complete(Progress),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            length: LENGTH,
            interval_ms: 15_000,
            requests: 2,
            latency_percent: 200,
            latency_floor_ms: 50,
            errors_per_mille: 20,
            health_failures: 2,
        }
    }
}

impl Limits {
    /// Whether they watch anything. `shortest` is in seconds; where it is less than [`LENGTH`], time passes as a sandbox wants
    /// it, and says nothing of what a KMS answers in a minute.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn judge(&self, shortest: u32) -> Result<(), &'static str> {
        let length_ms = u64::from(self.length) * 1_000;
        let in_a_sample = u64::from(self.interval_ms) * 2;
        let samples_a_minute = 60_000_u64.div_ceil(u64::from(self.interval_ms).max(1));
        match self {
            _ if self.length < shortest => Err("it is shorter than 30 minutes"),
            _ if self.length > 86_400 => Err("it is longer than a day"),
            _ if self.interval_ms == 0 || in_a_sample > length_ms => {
                Err("the interval must fit into it at least twice")
            }
            _ if length_ms / u64::from(self.interval_ms) > MAX_SAMPLES as u64 / 2 => Err("the interval is too short"),
            _ if !(1..=100).contains(&self.requests) => Err("a sample makes 1 to 100 requests"),
            _ if !(110..=1_000).contains(&self.latency_percent) => Err("the latency limit is 110 to 1000 percent"),
            _ if self.latency_floor_ms > 10_000 => Err("the latency floor is at most 10000 ms"),
            _ if self.errors_per_mille > 100 => Err("the error limit is at most 10 percent"),
            _ if !(1..=5).contains(&self.health_failures) => Err("the health limit is 1 to 5 failures"),
            _ if shortest >= LENGTH && samples_a_minute * u64::from(self.requests) > REQUESTS_A_MINUTE => {
                Err("a KMS answers 16 key requests of one node a minute: take fewer requests, or a longer interval")
            }
            _ => Ok(()),
        }
    }
}

impl Figure {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Errors => "error rate",
            Self::Health => "health",
            Self::Gaps => "gaps",
        }
    }
}

/// What production did before the switch; or why it cannot be compared with.
///
/// # Errors
/// Production was not healthy, released no key in a sample, or fewer of them than the limit admits.
pub fn baseline(limits: &Limits, samples: &[Sample]) -> Result<Baseline, String> {
    if let Some(sample) = samples.iter().find(|sample| !sample.healthy) {
        return Err(format!("production was not healthy before the switch, at {}", sample.at));
    }
    let latencies = samples.iter().map(|sample| sample.latency_ms).collect::<Option<Vec<u32>>>();
    let latencies = latencies.ok_or("production released no key in a sample before the switch")?;
    let median = median(latencies).ok_or("production was not sampled before the switch")?;
    let errors_per_mille = per_mille(&Rate::of(samples.iter()));
    if errors_per_mille > limits.errors_per_mille {
        let rate = percent(u64::from(errors_per_mille));
        return Err(format!("{rate} of the requests before the switch got no key"));
    }
    Ok(Baseline { latency_ms: median.max(limits.latency_floor_ms).max(1), errors_per_mille })
}

/// Judges the samples after the switch, up to the first that breaks a limit.
pub fn judge(limits: &Limits, baseline: &Baseline, samples: &[Sample]) -> Verdict {
    let length_ms = u64::from(limits.length) * 1_000;
    let mut progress = Progress::default();
    for (index, sample) in samples.iter().enumerate() {
        let seen = samples.get(..=index).unwrap_or_default();
        if let Some(previous) = index.checked_sub(1).and_then(|before| samples.get(before)) {
            progress.pass(limits, previous.at, sample.at);
        }
        if let Some(breach) = broken(limits, baseline, seen, sample, &progress) {
            return Verdict::Breach(breach);
        }
        if progress.soaked_ms >= length_ms {
            return Verdict::Complete(progress);
        }
    }
    Verdict::Healthy(progress)
}

impl Progress {
    /// Counts the time from one sample to the next. A clock that was set back shows none.
    fn pass(&mut self, limits: &Limits, from: Timestamp, to: Timestamp) {
        let passed = u64::try_from(to.as_millisecond().saturating_sub(from.as_millisecond())).unwrap_or(0);
        // A sample takes time itself, and a busy machine is late.
        if passed <= u64::from(limits.interval_ms) * 2 {
            self.soaked_ms += passed;
        } else {
            self.gaps += 1;
            self.gaps_ms += passed;
        }
    }
}

fn broken(
    limits: &Limits,
    baseline: &Baseline,
    seen: &[Sample],
    sample: &Sample,
    progress: &Progress,
) -> Option<Breach> {
    let breach = |figure, why: String| Some(Breach { figure, why, at: sample.at });
    let latest = seen.get(seen.len().saturating_sub(HEALTH_WINDOW)..).unwrap_or_default();
    let failures = latest.iter().filter(|sample| !sample.healthy).count();
    if failures >= limits.health_failures as usize {
        let why = format!(
            "{} in the latest {}; the limit is {}",
            counted(failures, "failure", "failures"),
            counted(latest.len(), "sample", "samples"),
            limits.health_failures
        );
        return breach(Figure::Health, why);
    }
    let rate = Rate::latest(seen);
    let admitted = u64::from(baseline.errors_per_mille) + u64::from(limits.errors_per_mille);
    if rate.errors * 1_000 > admitted * rate.requests {
        let why = format!(
            "{} of {} got no key, {}; the limit is {}",
            rate.errors,
            counted(usize::try_from(rate.requests).unwrap_or(usize::MAX), "request", "requests"),
            percent(u64::from(per_mille(&rate))),
            percent(admitted)
        );
        return breach(Figure::Errors, why);
    }
    let admitted = u64::from(baseline.latency_ms) * u64::from(limits.latency_percent) / 100;
    if let Some(latency) = sample.latency_ms.filter(|latency| u64::from(*latency) >= admitted) {
        let why =
            format!("{latency} ms; the limit is {admitted} ms, with {} ms before the switch", baseline.latency_ms);
        return breach(Figure::Latency, why);
    }
    if progress.gaps_ms > u64::from(limits.length) * 1_000 {
        let why = format!(
            "nothing was seen for {} s in {}; the limit is {} s",
            progress.gaps_ms / 1_000,
            counted(progress.gaps, "gap", "gaps"),
            limits.length
        );
        return breach(Figure::Gaps, why);
    }
    None
}

/// Errors among requests.
struct Rate {
    errors: u64,
    requests: u64,
}

impl Rate {
    fn of<'a>(samples: impl Iterator<Item = &'a Sample>) -> Self {
        samples.fold(Self { errors: 0, requests: 0 }, |rate, sample| Self {
            errors: rate.errors + u64::from(sample.errors),
            requests: rate.requests + u64::from(sample.requests),
        })
    }

    /// Over the fewest of the latest samples that have enough requests.
    fn latest(samples: &[Sample]) -> Self {
        let mut rate = Self { errors: 0, requests: 0 };
        for sample in samples.iter().rev() {
            if rate.requests >= u64::from(REQUEST_WINDOW) {
                break;
            }
            rate.errors += u64::from(sample.errors);
            rate.requests += u64::from(sample.requests);
        }
        rate
    }
}

/// Without a request there is nothing that could have failed.
fn per_mille(rate: &Rate) -> u32 {
    let exact = (rate.errors * 1_000).checked_div(rate.requests).unwrap_or(0);
    u32::try_from(exact).unwrap_or(u32::MAX)
}

fn percent(per_mille: u64) -> String {
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

fn median(mut values: Vec<u32>) -> Option<u32> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests;
