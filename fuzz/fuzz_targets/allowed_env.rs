//! Files of a repository: scanning never panics, every place lies in the file, and a name that stands in the open in a
//! file that cannot be parsed is found.
#![no_main]

use libfuzzer_sys::fuzz_target;
use merotee::guard::allowed_env::{File, SET, SYNTAX, Terms, candidate, scan};

fuzz_target!(|bytes: &[u8]| {
    let today = "2026-01-01".parse().expect("a day");
    for path in [".github/workflows/a.yml", "a.yml", ".env", "Dockerfile"] {
        let file = File { path, in_repository: path, bytes, candidate: candidate(path).expect("a kind") };
        let Some(scanned) = scan(file, Terms { today, waivers: &[] }) else { continue };
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        for finding in &scanned.findings {
            let place = finding.location.as_ref().expect("a place");
            assert!(place.line.is_none_or(|line| line >= 1 && line as usize <= lines), "{place:?}");
            assert!(place.column.is_none_or(|column| column >= 1), "{place:?}");
        }
        let unread = scanned.findings.iter().any(|finding| finding.check == SYNTAX.id);
        let open = bytes.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').any(|word| word == b"ALLOWED_MRTD");
        if unread && open && bytes.is_ascii() && path.ends_with(".yml") && !bytes.contains(&0) {
            assert!(scanned.findings.iter().any(|finding| finding.check == SET.id), "a name was missed");
        }
    }
});
