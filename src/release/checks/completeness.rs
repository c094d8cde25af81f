//! Is everything there, once, under a safe name, and vouched for?

use std::collections::BTreeSet;

use super::checksums_of;
use crate::{
    release::{
        contract::{Covers, is_archive, signed_by},
        snapshot::Snapshot,
    },
    report::{CheckInfo, Finding},
};

/// `asset-name`.
pub const ASSET_NAME: CheckInfo = CheckInfo {
    id: "asset-name",
    title: "asset names are safe to use: no separator, `..`, control character or leading dash",
};
/// `asset-unique`.
pub const ASSET_UNIQUE: CheckInfo = CheckInfo { id: "asset-unique", title: "no two assets share a name" };
/// `asset-present`.
pub const ASSET_PRESENT: CheckInfo =
    CheckInfo { id: "asset-present", title: "every asset that the contract or the checksums file names is there" };
/// `checksums-file`.
pub const CHECKSUMS_FILE: CheckInfo =
    CheckInfo { id: "checksums-file", title: "the checksums file parses and lists each file once" };
/// `asset-listed`.
pub const ASSET_LISTED: CheckInfo =
    CheckInfo { id: "asset-listed", title: "every asset that needs it is listed in the checksums file" };

/// Names that must not be used are refused; such an asset is looked at no further.
pub fn asset_name(snapshot: &Snapshot) -> Vec<Finding> {
    if snapshot.refused.is_empty() {
        return vec![ASSET_NAME.pass("", format!("{} names are safe", snapshot.assets.len()))];
    }
    let help = "delete the asset and upload it under a plain file name; treat the release as tampered with until you know how it got there";
    snapshot.refused.iter().map(|(name, why)| ASSET_NAME.fail(name, why.to_string()).help(help)).collect()
}

/// Which of two assets of one name a client downloads is anybody's guess.
pub fn asset_unique(snapshot: &Snapshot) -> Vec<Finding> {
    if snapshot.duplicates.is_empty() {
        return vec![ASSET_UNIQUE.pass("", format!("{} names occur once", snapshot.assets.len()))];
    }
    let help = "delete all assets of that name and upload the right one";
    let one = |name: &String| {
        ASSET_UNIQUE.fail(name, "more than one asset has this name").compared("one", "several").help(help)
    };
    snapshot.duplicates.iter().map(one).collect()
}

/// Required assets and listed files that are not there.
pub fn asset_present(snapshot: &Snapshot) -> Vec<Finding> {
    let checksums_name = &snapshot.contract.checksums.name;
    let required: BTreeSet<String> =
        snapshot.contract.assets().filter(|a| !a.optional).map(|a| a.name).chain([checksums_name.clone()]).collect();
    // A quick run fetches no more than it checks, so it says nothing of files it was not asked about.
    let listed: BTreeSet<String> = match checksums_of(snapshot) {
        Some((file, _)) if !snapshot.quick => file.iter().map(|(name, _)| name.to_owned()).collect(),
        Some(_) | None => BTreeSet::new(),
    };
    let wanted: BTreeSet<&String> = required.union(&listed).collect();
    let mut findings: Vec<Finding> = Vec::new();
    for name in &wanted {
        if snapshot.asset(name).is_none() && !snapshot.refused.iter().any(|(n, _)| n == *name) {
            let why = if required.contains(*name) {
                format!("required of a {} release in the {} layout", snapshot.contract.family, snapshot.contract.layout)
            } else {
                format!("listed in {checksums_name}, and not in the release")
            };
            findings.push(ASSET_PRESENT.missing(*name, why).help(missing_help(snapshot, name)));
        }
    }
    if findings.is_empty() {
        findings.push(ASSET_PRESENT.pass("", format!("{} of {} assets are there", wanted.len(), wanted.len())));
    }
    findings
}

fn missing_help(snapshot: &Snapshot, name: &str) -> String {
    if snapshot.unrecognised && name == snapshot.contract.checksums.name {
        "no checksums file of any known layout is there; see --list-contract for the names".into()
    } else {
        format!("upload {name} with the release workflow; an asset added by hand has no valid signature")
    }
}

/// A checksums file with an unusable line is not believed at all.
pub fn checksums_file(snapshot: &Snapshot) -> Vec<Finding> {
    let name = &snapshot.contract.checksums.name;
    match checksums_of(snapshot) {
        None => vec![CHECKSUMS_FILE.undecided(name, "the checksums file could not be read")],
        Some((file, bad)) if bad.is_empty() => {
            vec![CHECKSUMS_FILE.pass(name, format!("lists {} files", file.iter().count()))]
        }
        Some((_, bad)) => bad
            .iter()
            .map(|b| {
                let place = if b.line == 0 { String::new() } else { format!("line {}: ", b.line) };
                CHECKSUMS_FILE
                    .fail(name, format!("{place}{}", b.reason))
                    .help("write the file with `sha256sum` over the plain file names")
            })
            .collect(),
    }
}

/// Assets that nothing vouches for.
pub fn asset_listed(snapshot: &Snapshot) -> Vec<Finding> {
    let checksums_name = &snapshot.contract.checksums.name;
    let Some((file, _)) = checksums_of(snapshot) else {
        return vec![ASSET_LISTED.undecided(checksums_name, "the checksums file could not be read")];
    };
    let needs_entry = |name: &str| match snapshot.contract.checksums.covers {
        Covers::EveryAsset => name != checksums_name && signed_by(name).is_none(),
        // The trust bundle is an archive too, but one of documents, with a signature of its own.
        Covers::Archives => is_archive(name) && !snapshot.contract.assets().any(|a| a.name == name),
    };
    let wanted: Vec<&str> = snapshot.assets.iter().map(|a| a.name.as_str()).filter(|n| needs_entry(n)).collect();
    let unlisted: Vec<_> = wanted.iter().filter(|name| file.get(name).is_none()).collect();
    if unlisted.is_empty() {
        return vec![ASSET_LISTED.pass(checksums_name, format!("vouches for {} assets", wanted.len()))];
    }
    unlisted
        .into_iter()
        .map(|name| {
            ASSET_LISTED
                .fail(*name, format!("in the release, and not listed in {checksums_name}: nothing vouches for it"))
                .compared(format!("an entry in {checksums_name}"), "none")
                .help(
                    "if the asset belongs to the release, list it and sign the checksums file again; if not, delete it",
                )
        })
        .collect()
}
