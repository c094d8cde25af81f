//! A checksums file: reading it never panics, and a file without a bad line survives being written anew.
#![no_main]

use libfuzzer_sys::fuzz_target;
use merotee::release::checksums::ChecksumsFile;

fuzz_target!(|bytes: &[u8]| {
    let (file, bad) = ChecksumsFile::parse(bytes);
    if !bad.is_empty() {
        assert!(bad.len() <= 20 + 1);
        return;
    }
    let text: String = file.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
    assert_eq!(ChecksumsFile::parse(text.as_bytes()), (file, Vec::new()));
});
