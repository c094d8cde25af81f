//! A checksums file: reading it never panics, and a file without a bad line survives being written anew.
#![no_main]

use libfuzzer_sys::fuzz_target;
use merotee::release::checksums::{BadLines, ChecksumsFile, MAX_BAD_LINES};

fuzz_target!(|bytes: &[u8]| {
    let (file, bad) = ChecksumsFile::parse("checksums.sha256", bytes);
    if !bad.is_empty() {
        assert!(bad.first().len() <= MAX_BAD_LINES && bad.count() >= bad.first().len());
        return;
    }
    let text: String = file.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
    assert_eq!(ChecksumsFile::parse("checksums.sha256", text.as_bytes()), (file, BadLines::default()));
});
