//! A quote in any wrapping: reading and inspecting it never panics, and what was read reads again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use merotee::attestation::quote::{Inspection, Quote, input::Input};

fuzz_target!(|bytes: &[u8]| {
    for input in Input::read(bytes).iter() {
        let _ = Inspection::of(input).map(|inspection| inspection.groups());
        let quote = &input.quote;
        for range in quote.unsigned_ranges() {
            assert!(range.start <= range.end && range.end <= bytes.len().max(quote.as_bytes().len()));
        }
    }
    if let Ok(quote) = Quote::parse(bytes) {
        let again = Quote::parse(quote.as_bytes()).expect("a quote without its padding is a quote");
        assert_eq!((again.as_bytes(), again.padding()), (quote.as_bytes(), 0));
        assert_eq!(quote.as_bytes().len() + quote.padding(), bytes.len());
    }
});
