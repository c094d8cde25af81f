//! Upstream's trust bundle: a tar of documents that are also loose assets, and must be the same.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;

use crate::{
    digest::Sha256,
    release::{checksums::ChecksumsFile, contract::AssetKind, snapshot::Snapshot},
    report::{CheckInfo, Finding},
    text::counted,
};

/// `trust-bundle`.
pub const TRUST_BUNDLE: CheckInfo =
    CheckInfo { id: "trust-bundle", title: "the files in the trust bundle are the loose assets, byte for byte" };

/// The bundle's own inventory, which is not an asset.
const INVENTORY: &str = "MANIFEST.txt";
/// Unpacked bytes read at most; a real bundle holds under 100 KiB.
const MAX_UNPACKED: u64 = 64 * 1024 * 1024;
/// Files read at most; a real bundle holds seven.
const MAX_FILES: usize = 100;

/// Every file of every bundle.
pub fn trust_bundle(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (entry, document) in snapshot.documents(AssetKind::TrustBundle) {
        match files(document.bytes()) {
            Ok(files) => findings.extend(compare(snapshot, &entry.name, &files)),
            Err(why) => findings.push(TRUST_BUNDLE.fail(entry.name, why)),
        }
    }
    findings
}

/// Name and content of each file. Nothing is written to disk.
fn files(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let malformed = |e: std::io::Error| format!("not a gzipped tar: {e}");
    // Every gzip member, as `tar` reads them: what a person unpacks is what is checked.
    let mut archive = tar::Archive::new(MultiGzDecoder::new(bytes).take(MAX_UNPACKED));
    let mut found = Vec::new();
    for entry in archive.entries().map_err(malformed)? {
        let mut entry = entry.map_err(malformed)?;
        if entry.header().entry_type().is_dir() {
            continue;
        }
        if found.len() == MAX_FILES {
            return Err(format!("holds more than {MAX_FILES} files"));
        }
        let path = entry.path().map_err(malformed)?.to_string_lossy().into_owned();
        if !entry.header().entry_type().is_file() {
            return Err(format!("{path} is not a plain file"));
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(malformed)?;
        found.push((path.strip_prefix("./").unwrap_or(&path).to_owned(), content));
    }
    Ok(found)
}

fn compare(snapshot: &Snapshot, bundle: &str, files: &[(String, Vec<u8>)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut same = 0_usize;
    for (name, content) in files {
        let digest = Sha256::of(content);
        if name == INVENTORY {
            findings.extend(inventory(bundle, content, files));
            continue;
        }
        match snapshot.asset(name).and_then(|a| a.digest()) {
            Some(loose) if loose == digest => same += 1,
            Some(loose) => findings.push(
                TRUST_BUNDLE
                    .fail(bundle, format!("{name} differs from the loose asset"))
                    .compared(format!("sha256:{loose}"), format!("sha256:{digest}")),
            ),
            None => findings.push(TRUST_BUNDLE.fail(bundle, format!("{name} is not an asset of the release"))),
        }
    }
    if findings.is_empty() {
        findings.push(match same {
            0 => TRUST_BUNDLE.fail(bundle, "holds no asset of the release"),
            _ => TRUST_BUNDLE.pass(bundle, counted(same, "file is a loose asset", "files are the loose assets")),
        });
    }
    findings
}

fn inventory(bundle: &str, content: &[u8], files: &[(String, Vec<u8>)]) -> Vec<Finding> {
    let (listed, bad) = ChecksumsFile::parse(INVENTORY, content);
    if !bad.is_empty() {
        return vec![TRUST_BUNDLE.fail(bundle, format!("{INVENTORY}: {bad}"))];
    }
    let wrong = listed
        .iter()
        .filter(|(name, digest)| !files.iter().any(|(n, content)| n == name && Sha256::of(content) == *digest));
    wrong
        .map(|(name, _)| TRUST_BUNDLE.fail(bundle, format!("{INVENTORY} states different content for {name}")))
        .collect()
}
