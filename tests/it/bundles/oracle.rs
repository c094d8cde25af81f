//! Every changed bundle judged by sigstore-python as well.

use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    BASE, BLOB, identity,
    mutations::{Sound, bundles},
};
use crate::outside::sigstore_python::SigstorePython;

/// What sigstore-python lets pass and we do not, by reason. Whatever else it accepts is a false pass of ours, or a reason that
/// is missing here.
const LENIENT: [(&str, &[&str]); 2] = [
    (
        "its JSON reader keeps the last of two equal keys, which is the sound one here; others keep the first",
        &[
            "the signature twice",
            "the envelope twice",
            "the media type twice",
            "the material twice",
            "the certificate twice",
            "its bytes twice",
            "the log entries twice",
            "the log index twice",
            "the body twice",
            "the digest twice",
            "the payload twice",
            "the payload twice, escaped",
            "sig twice",
        ],
    ),
    (
        "it takes the first of a chain, and does not look whether the others may sign certificates",
        &["two signers in a chain", "one signer twice in a chain"],
    ),
];

#[test]
fn sigstore_python_refuses_the_changed_bundles_too_but_for_those_whose_reason_is_known() {
    let Some(python) = SigstorePython::find() else { return };
    let sound = Sound::new();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("trust.json"), sound.instance.client_trust_config_json(BASE)).unwrap();
    std::fs::write(folder.path().join("blob"), BLOB).unwrap();
    let accepts = |name: &str, bundle: &str| {
        std::fs::write(folder.path().join(name), bundle).unwrap();
        python.verify(folder.path(), Path::new("trust.json"), "blob", name, &identity()).status.success()
    };
    for bundle in [&sound.message, &sound.rekor2, &sound.attestation] {
        assert!(accepts("sound.json", bundle), "{bundle}");
    }
    let changed = bundles(&sound);
    let (next, accepted) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::SeqCst);
            let Some(one) = changed.get(number) else { return };
            if accepts(&format!("{number}.json"), &one.bundle) {
                accepted.lock().unwrap().push(one.what);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let mut accepted = accepted.into_inner().unwrap();
    accepted.sort_unstable();
    let mut known: Vec<&str> = LENIENT.iter().flat_map(|(_, whats)| whats.iter().copied()).collect();
    known.sort_unstable();
    eprintln!("sigstore-python: {} of {} agree", changed.len() - accepted.len(), changed.len());
    assert_eq!(accepted, known);
}
