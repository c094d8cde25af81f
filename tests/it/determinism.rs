//! The same words give the same bytes.

use std::{collections::BTreeMap, fs, path::Path};

use crate::binary::{Place, names_in};

const TAGS: [&str; 8] = [
    "mero-kms-v1.3.0-rc.1",
    "mero-kms-v1.2.0",
    "mero-tee-v1.2.0",
    "mero-kms-v1.1.1",
    "mero-kms-v1.1.0",
    "mero-tee-v1.1.0",
    "mero-kms-v1.0.0",
    "mero-tee-v1.0.0",
];

/// Every file of every sample under a seed, by tag and name.
fn samples(seed: &str) -> BTreeMap<(String, String), Vec<u8>> {
    let place = Place::new();
    let mut files = BTreeMap::new();
    for tag in TAGS {
        let command = ["verify-release-assets", tag, "--keep", "kept"];
        place.merotee(["sandbox", "--seed", seed, "--"]).args(command).run().expect(0);
        let folder = place.path(Path::new("kept").join(tag));
        for name in names_in(&folder) {
            let bytes = fs::read(folder.join(&name)).unwrap();
            files.insert((tag.to_owned(), name), bytes);
        }
    }
    files
}

#[test]
fn a_seed_gives_the_same_bytes_of_every_asset_of_every_sample_and_another_seed_other_signatures() {
    let (first, again, other) = (samples("5"), samples("5"), samples("6"));
    assert!(first.len() > 80, "only {} files", first.len());
    assert!(first.keys().eq(again.keys()) && first.keys().eq(other.keys()));
    for (name, bytes) in &first {
        assert!(*bytes == again[name], "{name:?} differs between two runs of one seed");
    }
    // The documents are facts about the releases; what the keys of a seed made differs in every one of them.
    for ((tag, name), bytes) in &first {
        let signed = [".sigstore.json", ".sig", ".pem", ".bundle.json"].iter().any(|end| name.ends_with(end));
        let same = *bytes == other[&(tag.clone(), name.clone())];
        assert_eq!(same, !signed, "{tag}/{name} under two seeds");
    }
}

#[test]
fn two_runs_give_the_same_report_but_for_when_and_how_long() {
    let report = |tag: &str| {
        let place = Place::new();
        let mut report = place.sandbox(["verify-release-assets", tag, "--format", "json"]).run().expect(0).report();
        let fields = report.as_object_mut().unwrap();
        assert!(fields.remove("elapsed_seconds").is_some_and(|seconds| seconds.is_f64()));
        assert!(fields.remove("made_at").is_some_and(|time| time.as_str().unwrap().ends_with('Z')));
        report
    };
    for tag in ["1.2.0", "1.0.0", "mero-kms-v1.3.0-rc.1"] {
        assert_eq!(report(tag), report(tag), "{tag}");
    }
}

#[test]
fn two_failing_runs_give_the_same_report_in_every_format() {
    let when = r#""elapsed_seconds": [0-9.e-]+|"(made_at|endTimeUtc)": "[^"]+"|made at (<time>)?[0-9TZ:-]+|Made at [0-9TZ:-]+"#;
    let when = regex::Regex::new(when).unwrap();
    for format in ["human", "json", "sarif", "markdown", "html"] {
        let run = || {
            let place = Place::new();
            let tampered = place.tampered("policy-not-isolated", ["verify-release-assets", "mero-kms-v1.2.0"]);
            let shown = tampered.args(["--format", format]).run().expect(10).shown();
            when.replace_all(&shown, "").into_owned()
        };
        assert_eq!(run(), run(), "{format}");
    }
}
