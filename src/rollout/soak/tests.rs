//! Tests of the soak, with samples as literals.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, at whatever it does not expect"
)]

use jiff::{SignedDuration, Timestamp};

use super::*;

const LIMITS: Limits = Limits {
    length: 1_800,
    interval_ms: 15_000,
    requests: 20,
    latency_percent: 200,
    latency_floor_ms: 50,
    errors_per_mille: 20,
    health_failures: 2,
};

const BEFORE: Baseline = Baseline { latency_ms: 120, errors_per_mille: 0 };

fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-30T02:00:00Z".parse().unwrap();
    start.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

fn good(seconds: i64) -> Sample {
    Sample { at: at(seconds), healthy: true, requests: 20, errors: 0, latency_ms: Some(130) }
}

/// Healthy samples, one an interval.
fn healthy(count: i64) -> Vec<Sample> {
    (0..count).map(|index| good(index * 15)).collect()
}

fn breach(samples: &[Sample]) -> Breach {
    match judge(&LIMITS, &BEFORE, samples) {
        Verdict::Breach(breach) => breach,
        other => panic!("no breach: {other:?}"),
    }
}

#[test]
fn thirty_healthy_minutes_pass_and_not_a_sample_earlier() {
    let progress = |ms| Progress { soaked_ms: ms, gaps_ms: 0, gaps: 0 };
    assert_eq!(judge(&LIMITS, &BEFORE, &healthy(121)), Verdict::Complete(progress(1_800_000)));
    assert_eq!(judge(&LIMITS, &BEFORE, &healthy(120)), Verdict::Healthy(progress(1_785_000)));
    assert_eq!(judge(&LIMITS, &BEFORE, &[]), Verdict::Healthy(progress(0)));
}

#[test]
fn the_first_sample_that_breaks_a_limit_is_a_breach_and_says_which_figure_broke_which_limit() {
    let table = [
        (
            Sample { latency_ms: Some(240), ..good(150) },
            Figure::Latency,
            "240 ms; the limit is 240 ms, with 120 ms before the switch",
        ),
        (Sample { errors: 1, ..good(150) }, Figure::Errors, "1 of 20 requests got no key, 5.0 %; the limit is 2.0 %"),
        (
            Sample { errors: 20, latency_ms: None, ..good(150) },
            Figure::Errors,
            "20 of 20 requests got no key, 100.0 %; the limit is 2.0 %",
        ),
    ];
    for (bad, figure, why) in table {
        let mut samples = healthy(10);
        samples.push(bad);
        let found = breach(&samples);
        assert_eq!((found.figure, found.why.as_str(), found.at), (figure, why, at(150)));
        // What follows does not heal it.
        samples.extend((11..20).map(|index| good(index * 15)));
        assert_eq!(breach(&samples), found);
    }
    let just = Sample { latency_ms: Some(239), ..good(150) };
    assert!(matches!(judge(&LIMITS, &BEFORE, &[just]), Verdict::Healthy(_)));
}

#[test]
fn health_that_flaps_is_a_breach_at_the_second_failure_though_it_recovers_in_between() {
    let mut samples = healthy(10);
    samples.push(Sample { healthy: false, ..good(150) });
    samples.push(good(165));
    assert!(matches!(judge(&LIMITS, &BEFORE, &samples), Verdict::Healthy(_)));
    samples.push(Sample { healthy: false, ..good(180) });
    let found = breach(&samples);
    assert_eq!((found.figure, found.at), (Figure::Health, at(180)));
    assert_eq!(found.why, "2 failures in the latest 10 samples; the limit is 2");
}

#[test]
fn failures_of_health_far_apart_are_not_flapping() {
    let mut samples = healthy(100);
    for index in [10, 40, 70] {
        samples.get_mut(index).unwrap().healthy = false;
    }
    assert!(matches!(judge(&LIMITS, &BEFORE, &samples), Verdict::Healthy(_)));
}

#[test]
fn errors_are_rated_over_the_latest_requests_however_few_a_sample_makes() {
    let limits = Limits { requests: 1, errors_per_mille: 50, ..LIMITS };
    let one = |index: i64, errors| Sample { requests: 1, errors, ..good(index * 15) };
    let mut samples: Vec<Sample> = (0..20).map(|index| one(index, 0)).collect();
    samples.push(one(20, 1));
    assert!(matches!(judge(&limits, &BEFORE, &samples), Verdict::Healthy(_)), "1 of 20 is 5 %");
    samples.push(one(21, 1));
    let Verdict::Breach(found) = judge(&limits, &BEFORE, &samples) else { panic!("2 of 20 pass") };
    assert_eq!(found.why, "2 of 20 requests got no key, 10.0 %; the limit is 5.0 %");
}

#[test]
fn a_process_that_slept_counts_the_gap_soaks_that_much_longer_and_too_long_a_gap_is_a_breach() {
    let with_gap = |gap: i64, count: i64| -> Vec<Sample> {
        let later = (10..count).map(|index| good(index * 15 + gap));
        healthy(10).into_iter().chain(later).collect()
    };
    let progress = Progress { soaked_ms: 1_770_000, gaps_ms: 915_000, gaps: 1 };
    assert_eq!(judge(&LIMITS, &BEFORE, &with_gap(900, 120)), Verdict::Healthy(progress));
    let done = Progress { soaked_ms: 1_800_000, ..progress };
    assert_eq!(judge(&LIMITS, &BEFORE, &with_gap(900, 122)), Verdict::Complete(done));
    let found = breach(&with_gap(1_800, 20));
    assert_eq!(found.figure, Figure::Gaps);
    assert_eq!(found.why, "nothing was seen for 1815 s in 1 gap; the limit is 1800 s");
}

#[test]
fn a_clock_that_is_set_back_adds_no_time() {
    let samples = [good(0), good(15), good(-3_600), good(-3_585)];
    let progress = Progress { soaked_ms: 30_000, gaps_ms: 0, gaps: 0 };
    assert_eq!(judge(&LIMITS, &BEFORE, &samples), Verdict::Healthy(progress));
}

#[test]
fn the_baseline_is_the_median_and_none_where_production_was_not_well() {
    let of = |latencies: [u32; 5]| -> Vec<Sample> {
        latencies.iter().map(|latency| Sample { latency_ms: Some(*latency), ..good(0) }).collect()
    };
    let found = baseline(&LIMITS, &of([90, 500, 110, 100, 120])).unwrap();
    assert_eq!(found, Baseline { latency_ms: 110, errors_per_mille: 0 });
    assert_eq!(baseline(&LIMITS, &of([1; 5])).unwrap().latency_ms, 50, "what is fast is noise");
    let bad = [
        (Sample { healthy: false, ..good(0) }, "not healthy"),
        (Sample { errors: 20, latency_ms: None, ..good(0) }, "released no key"),
        (Sample { errors: 3, ..good(0) }, "2.5 % of the requests before the switch got no key"),
    ];
    for (sample, why) in bad {
        let samples = [&of([100; 5]), &[sample][..]].concat();
        assert!(baseline(&LIMITS, &samples).unwrap_err().contains(why), "{why}");
    }
    assert!(baseline(&LIMITS, &[]).is_err());
}

#[test]
fn limits_that_watch_nothing_are_refused() {
    assert_eq!(Limits { requests: 4, ..LIMITS }.judge(LENGTH), Ok(()));
    assert_eq!(LIMITS.judge(1), Ok(()), "a sandbox has a pace of its own");
    assert_eq!(Limits::default().judge(LENGTH), Ok(()));
    let table = [
        (Limits { length: 1_799, ..LIMITS }, "shorter than 30 minutes"),
        (Limits { length: 100_000, ..LIMITS }, "longer than a day"),
        (Limits { interval_ms: 0, ..LIMITS }, "at least twice"),
        (Limits { interval_ms: 1_000_000, ..LIMITS }, "at least twice"),
        (Limits { interval_ms: 100, ..LIMITS }, "too short"),
        (Limits { requests: 0, ..LIMITS }, "1 to 100 requests"),
        (Limits { latency_percent: 100, ..LIMITS }, "110 to 1000"),
        (Limits { latency_floor_ms: 60_000, ..LIMITS }, "floor"),
        (Limits { errors_per_mille: 500, ..LIMITS }, "error limit"),
        (Limits { health_failures: 0, ..LIMITS }, "health limit"),
        (Limits { requests: 5, ..LIMITS }, "16 key requests of one node a minute"),
        (Limits { requests: 2, interval_ms: 7_000, ..LIMITS }, "16 key requests of one node a minute"),
        (Limits { requests: 17, interval_ms: 600_000, ..LIMITS }, "16 key requests of one node a minute"),
    ];
    for (limits, why) in table {
        assert!(limits.judge(LENGTH).unwrap_err().contains(why), "{why}");
    }
}
