//! Names as the checksums file has them and as GitHub gives them.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use super::*;
use crate::{
    digest::Sha256,
    release::{
        checks::{
            checksums_of,
            completeness::{asset_listed, asset_present},
            fixtures::snapshot,
        },
        contract::Scope,
    },
    report::Status,
};

/// A release whose checksums file lists `listed`, made over `bytes`, and that holds `given` with the bytes `x`.
fn release(listed: &str, given: &str, bytes: &[u8]) -> Snapshot {
    let sums = format!("{}  {listed}\n", Sha256::of(bytes));
    snapshot(&[("checksums.sha256", sums.as_str()), (given, "x")], Scope::Whole)
}

#[test]
fn a_file_that_github_renamed_is_missing_under_its_name_and_the_other_is_given() {
    for (listed, given) in
        [("kms~rc1.deb", "kms.rc1.deb"), ("my app.zip", "my.app.zip"), (".env", "default.env"), ("a(1).txt", "a.1.txt")]
    {
        let release = release(listed, given, b"x");
        assert_eq!(missing(&release), [Renamed { original: listed, given }], "{listed}");
        let finding = asset_present(&release).into_iter().find(|f| f.subject == listed).expect("a finding about it");
        assert_eq!(finding.status, Status::Missing, "{finding:?}");
        assert!(finding.message.contains("GitHub renamed it") && finding.message.contains(given), "{finding:?}");
    }
}

#[test]
fn what_is_there_or_missing_under_its_own_name_is_nothing_that_github_renamed() {
    for (listed, given) in [("a.json", "a.json"), ("./a.json", "a.json"), ("a.json", "b.json"), ("*a.json", "b.json")] {
        assert_eq!(missing(&release(listed, given, b"x")), [], "{listed}");
    }
}

#[test]
fn the_renamed_asset_is_vouched_for_by_its_bytes_or_by_nothing() {
    for (bytes, status) in [(&b"x"[..], Status::Warn), (b"y", Status::Fail)] {
        let release = release("kms~rc1.deb", "kms.rc1.deb", bytes);
        let (file, _) = checksums_of(&release).unwrap_or_else(|| unreachable!());
        let same = status == Status::Warn;
        assert_eq!(listed_otherwise(&release, file, "kms.rc1.deb"), Some(("kms~rc1.deb", same)));
        let finding = asset_listed(&release).into_iter().find(|f| f.subject == "kms.rc1.deb");
        assert_eq!(finding.map(|f| f.status), Some(status));
        assert_eq!(listed_otherwise(&release, file, "other.deb"), None);
    }
}
