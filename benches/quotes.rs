//! Verifying a quote, beside the library underneath called directly and without a memory of signatures that verified:
//! `cargo bench --bench quotes`.
//!
//! Real quotes and collateral from the corpus; without it there is nothing to measure. Subject and reference run in
//! turn, and what is printed is the median of each and their ratio, as a Markdown table. Collateral is read once, as a
//! service does that verifies many quotes by it.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and its product is what it prints"
)]

use std::{
    fs,
    hint::black_box,
    path::PathBuf,
    time::{Duration, Instant},
};

use dcap_qvl::QuoteCollateralV3;
use merotee::attestation::{
    dcap::Plain,
    quote::Quote,
    verdict::{Collateral, DcapVerifier},
};

/// Quote, collateral, and a time when both count.
const CASES: [(&str, &str, u64); 3] = [
    ("near_mpc.bin", "near_mpc.json", 1_787_894_500),
    ("gtg_v5.dat", "fb_azure-collateral.json", 1_772_707_833),
    ("dcapqvl_td15ex.bin", "tdx_quote_td15ex_collateral.json", 1_792_713_448),
];
const RUNS: usize = 400;

fn main() {
    // `cargo test --benches` runs this binary too: there is nothing to test.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/tdx");
    if !folder.is_dir() {
        println!("not measured: no real quotes at ../shared/corpus/tdx");
        return;
    }
    println!("| quote | merotee | dcap-qvl | merotee ÷ dcap-qvl |");
    println!("|---|---|---|---|");
    for (quote, collateral, at) in CASES {
        let bytes = fs::read(folder.join("quotes").join(quote)).expect("a quote");
        let json = fs::read(folder.join("collateral").join(collateral)).expect("collateral");
        let row = measured(&bytes, &json, at);
        println!("| {quote} | {:.3} ms | {:.3} ms | {:.2} |", millis(row.0), millis(row.1), row.0 / row.1);
    }
}

/// Median seconds of a verification from bytes to verdict: ours, the library's.
fn measured(bytes: &[u8], json: &[u8], at: u64) -> (f64, f64) {
    let ours = DcapVerifier::intel().expect("Intel's root");
    let collateral = Collateral::from_json(json).expect("collateral");
    let theirs = dcap_qvl::verify::QuoteVerifier::<Plain>::new_with_config(ours.root().der().to_vec());
    let mut plain: QuoteCollateralV3 = serde_json::from_slice(json).expect("collateral");
    // The chain comes from the quote in both.
    plain.pck_certificate_chain = None;
    let subject = || {
        let quote = Quote::parse(black_box(bytes)).expect("a quote");
        black_box(ours.verify(&quote, &collateral, at)).expect("genuine");
    };
    let reference = || {
        black_box(theirs.verify(black_box(bytes), &plain, at)).expect("genuine");
    };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        first.push(timed(&subject));
        second.push(timed(&reference));
    }
    (median(first), median(second))
}

fn timed(work: &impl Fn()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64()
}

fn millis(seconds: f64) -> f64 {
    seconds * 1e3
}
