//! A checksums file that vouches for one document more, or for another version of it: which checksums file and signature of
//! a published release vouch for the rest, and what the new file says.
//!
//! A run that was interrupted may have left the old and the new checksums file under names of the moment, and the signature
//! of either. Whichever two of them fit together are what the rest is judged by.

use super::{
    names,
    state::{Held, HeldAsset},
};
use crate::{
    digest::Sha256,
    release::checksums::ChecksumsFile,
    report::{Finding, Status},
};

/// A checksums file and a signature that may be its own, by their assets' numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The checksums file.
    pub checksums: u64,
    /// The signature.
    pub signature: u64,
}

/// Every pair that a release holds, those under their own names first.
pub fn pairs(held: &Held, checksums: &str, signature: &str) -> Vec<Pair> {
    let versions = |name: &str| -> Vec<&HeldAsset> {
        let whole = || held.assets.iter().filter(|asset| asset.broken().is_none());
        let own = whole().filter(|asset| asset.name == name);
        let meanwhile = whole().filter(|asset| asset.name != name && names::stands_in_for(&asset.name) == Some(name));
        own.chain(meanwhile).collect()
    };
    let (checksums, signatures) = (versions(checksums), versions(signature));
    let with = |file: &HeldAsset| {
        let pair = |signature: &&HeldAsset| Pair { checksums: file.id, signature: signature.id };
        signatures.iter().map(pair).collect::<Vec<_>>()
    };
    checksums.into_iter().flat_map(with).collect()
}

/// Whether what was found leaves nothing open but the document that is to be replaced.
pub fn vouches_for_the_rest(findings: &[Finding], document: &str) -> bool {
    findings.iter().all(|finding| match finding.status {
        Status::Pass | Status::Warn | Status::Skipped => true,
        Status::Fail | Status::Missing | Status::SkippedRequired => finding.subject == document,
    })
}

/// The checksums file with this digest for the document, in the form of coreutils, sorted by name.
pub fn refreshed(file: &ChecksumsFile, document: &str, digest: Sha256) -> String {
    let mut entries: Vec<(&str, Sha256)> = file.iter().filter(|(name, _)| *name != document).collect();
    entries.push((document, digest));
    entries.sort_by_key(|(name, _)| *name);
    entries.into_iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::report::CheckInfo;

    const CHECK: CheckInfo = CheckInfo { id: "checksum", title: "a check of a test" };
    const DOCUMENT: &str = "published-mrtds.json";

    #[test]
    fn the_own_names_come_first_and_what_stands_in_for_them_is_tried_too() {
        let asset = |id: u64, name: &str| {
            let digest = Some(Sha256::of(name.as_bytes()));
            HeldAsset { id, name: name.to_owned(), size: 1, unfinished: None, digest }
        };
        let assets = vec![
            asset(1, "sums.incoming-0123456789ab"),
            asset(2, "sums"),
            asset(3, "sums.sig"),
            asset(4, "sums.sig.retired-7"),
            HeldAsset { size: 0, ..asset(5, "sums.retired-8") },
            asset(6, "other"),
        ];
        let (id, draft, prerelease, immutable) = (1, false, false, false);
        let held = Held { id, draft, prerelease, immutable, title: String::new(), notes: String::new(), assets };
        let found: Vec<_> =
            pairs(&held, "sums", "sums.sig").iter().map(|pair| (pair.checksums, pair.signature)).collect();
        assert_eq!(found, [(2, 3), (2, 4), (1, 3), (1, 4)]);
    }

    #[test]
    fn only_the_document_that_is_replaced_may_fail() {
        let (good, bad) = (CHECK.pass("a", "as listed"), CHECK.fail(DOCUMENT, "another digest"));
        assert!(vouches_for_the_rest(&[good.clone(), bad.clone(), CHECK.missing(DOCUMENT, "not there")], DOCUMENT));
        assert!(!vouches_for_the_rest(&[bad.clone(), CHECK.fail("a", "another digest")], DOCUMENT));
        assert!(!vouches_for_the_rest(&[good, CHECK.undecided("", "no signature verified")], DOCUMENT));
    }

    #[test]
    fn a_document_is_listed_once_in_its_place_whether_it_was_there_or_not() {
        let digest = |text: &str| Sha256::of(text.as_bytes());
        let line = |name: &str, text: &str| format!("{}  {name}\n", digest(text));
        let before = [line("z.json", "z"), line(DOCUMENT, "old"), line("a.json", "a")].concat();
        let expected = [line("a.json", "a"), line(DOCUMENT, "new"), line("z.json", "z")].concat();
        for text in [before, [line("a.json", "a"), line("z.json", "z")].concat()] {
            let (file, bad) = ChecksumsFile::parse("checksums.sha256", text.as_bytes());
            assert!(bad.is_empty());
            assert_eq!(refreshed(&file, DOCUMENT, digest("new")), expected);
        }
    }
}
