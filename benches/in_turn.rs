//! A subject and its reference in turn, many times: the median of each and their ratio, a row of a Markdown table.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// Prints the head of the table.
pub(crate) fn head() {
    println!("| what | merotee | reference | reference takes | merotee ÷ reference |");
    println!("|---|---|---|---|---|");
}

/// Measures and prints one row.
pub(crate) fn row<A, B>(
    runs: usize,
    what: &str,
    mut subject: impl FnMut() -> A,
    reference: &str,
    mut other: impl FnMut() -> B,
) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        ours.push(time(&mut subject));
        theirs.push(time(&mut other));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    println!("| {what} | {ours:.1?} | {reference} | {theirs:.1?} | {ratio:.2} |");
}

fn time<T>(work: &mut impl FnMut() -> T) -> Duration {
    let started = Instant::now();
    black_box(work());
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let middle = times.len() / 2;
    times.into_iter().nth(middle).expect("a run")
}
