//! A compose file: normalising it never panics, and a normal form is JSON and its own normal form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use merotee::attestation::compose_hash::{ComposeProblem, looks_like_app_compose, normalised};

fuzz_target!(|bytes: &[u8]| {
    let _ = looks_like_app_compose(bytes);
    let Ok(normal) = normalised(bytes) else { return };
    serde_json::from_str::<serde_json::Value>(&normal).expect("a normal form is JSON");
    match normalised(normal.as_bytes()) {
        Ok(again) => assert_eq!(again, normal),
        // A character that must be escaped in YAML and stands as it is in JSON; a file that grew past the limits.
        Err(error) => assert!(
            matches!(error.problem, ComposeProblem::Character(_) | ComposeProblem::TooLarge(_) | ComposeProblem::TooMuch),
            "{error}"
        ),
    }
});
