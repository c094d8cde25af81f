//! Is everything there, once, under a safe name, and vouched for?

use std::collections::{BTreeMap, BTreeSet};

use super::{
    checksums_of,
    renamed::{self, Renamed},
};
use crate::{
    digest::Sha256,
    release::{
        contract::{AssetKind, Covers},
        snapshot::{Aside, Content, MAX_DOCUMENT_BYTES, Snapshot},
    },
    report::{CheckInfo, Finding},
    schema::excerpt::excerpt,
    subject::evidence_name::signed_by,
    text::counted,
};

/// `asset-name`.
pub const ASSET_NAME: CheckInfo = CheckInfo {
    id: "asset-name",
    title: "asset names are safe to use: no separator, `..`, control character or leading dash",
};
/// `asset-unique`.
pub const ASSET_UNIQUE: CheckInfo =
    CheckInfo { id: "asset-unique", title: "no two assets share a name in any case, and no two documents their bytes" };
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
        return vec![ASSET_NAME.pass("", counted(snapshot.assets.len(), "name is safe", "names are safe"))];
    }
    let help = "delete the asset and upload it under a plain file name; treat the release as tampered with until you know how it got there";
    snapshot
        .refused
        .iter()
        .map(|(name, why)| ASSET_NAME.fail(name, why.to_string()).compared("a plain file name", name).help(help))
        .collect()
}

/// Which of two assets of one name a client downloads is anybody's guess; and a document that stands in for another,
/// signature and all, is sound in itself.
pub fn asset_unique(snapshot: &Snapshot) -> Vec<Finding> {
    let stand_ins = stand_ins(snapshot);
    if snapshot.duplicates.is_empty() && stand_ins.is_empty() {
        return vec![ASSET_UNIQUE.pass("", counted(snapshot.assets.len(), "name occurs once", "names occur once"))];
    }
    let help = "delete all assets of that name and upload the right one";
    let one = |name: &String| {
        let message = match snapshot.assets.iter().find(|a| a.name.as_str().eq_ignore_ascii_case(name)) {
            Some(first) if first.name.as_str() != name => {
                format!("differs from {} only in case: on many file systems one overwrites the other", first.name)
            }
            Some(_) | None => "more than one asset has this name".to_owned(),
        };
        ASSET_UNIQUE.fail(name, message).compared("one", "several").help(help)
    };
    snapshot.duplicates.iter().map(one).chain(stand_ins).collect()
}

/// Assets of the contract with the same bytes under two names. Only the default policy is a copy by design.
fn stand_ins(snapshot: &Snapshot) -> Vec<Finding> {
    let mut seen: BTreeMap<Sha256, String> = BTreeMap::new();
    let mut findings = Vec::new();
    for entry in snapshot.contract.assets().filter(|a| !matches!(a.role, AssetKind::DefaultPolicy | AssetKind::Other)) {
        let Some(digest) = snapshot.asset(&entry.name).and_then(|a| a.digest()) else { continue };
        if let Some(first) = seen.insert(digest, entry.name.clone()) {
            findings.push(
                ASSET_UNIQUE
                    .fail(&entry.name, format!("has the same bytes as {first}: one stands in for the other"))
                    .compared("two different documents", format!("sha256:{digest} twice")),
            );
        }
    }
    findings
}

/// Required assets and listed files that are not there.
pub fn asset_present(snapshot: &Snapshot) -> Vec<Finding> {
    let checksums_name = &snapshot.contract.checksums.name;
    let required: BTreeSet<String> =
        snapshot.contract.assets().filter(|a| !a.optional).map(|a| a.name).chain([checksums_name.clone()]).collect();
    // A quick run fetches no more than it checks, so it says nothing of files it was not asked about; nor does a
    // checksums file with an unusable line, which could name a million files.
    let listed: BTreeSet<String> = match checksums_of(snapshot) {
        Some((file, bad)) if bad.is_empty() && !snapshot.quick => {
            file.iter().map(|(name, _)| name.to_owned()).collect()
        }
        Some(_) | None => BTreeSet::new(),
    };
    let wanted: BTreeSet<&String> = required.union(&listed).collect();
    let mut findings: Vec<Finding> = unfinished(snapshot);
    findings.extend(renamed::missing(snapshot).iter().map(|renamed| missing_renamed(checksums_name, renamed)));
    let told: BTreeSet<String> = findings.iter().map(|finding| finding.subject.clone()).collect();
    for name in wanted.iter().filter(|name| !told.contains(**name)) {
        if snapshot.asset(name).is_none() && !snapshot.refused.iter().any(|(n, _)| n == *name) {
            let why = if required.contains(*name) {
                format!("required of a {} release in the {} layout", snapshot.contract.family, snapshot.contract.layout)
            } else {
                format!("listed in {checksums_name}, and not in the release")
            };
            findings.push(
                ASSET_PRESENT
                    .missing(*name, why)
                    .compared("one asset of this name", "none")
                    .help(missing_help(snapshot, name)),
            );
        }
    }
    if findings.is_empty() {
        findings.push(
            ASSET_PRESENT.pass(
                "",
                format!("{} of {}", wanted.len(), counted(wanted.len(), "asset is there", "assets are there")),
            ),
        );
    }
    findings
}

/// Assets that have a name and no content.
fn unfinished(snapshot: &Snapshot) -> Vec<Finding> {
    let one = |name: &str, state: &str| {
        ASSET_PRESENT
            .missing(name, format!("GitHub lists it, but its upload did not finish (state {state})"))
            .compared("state uploaded", state)
            .help("delete the asset and upload it again with the release workflow")
    };
    let of = snapshot.set_aside.iter().filter_map(|aside| match &aside.what {
        Aside::Unfinished(state) => Some(one(&aside.name, state)),
        Aside::Folder => None,
    });
    of.collect()
}

fn missing_help(snapshot: &Snapshot, name: &str) -> String {
    if snapshot.unrecognised && name == snapshot.contract.checksums.name {
        "no checksums file of any known layout is there; `merotee verify-release-assets --list-contract` lists the names"
            .into()
    } else {
        format!("upload {name} with the release workflow; an asset added by hand has no valid signature")
    }
}

/// A checksums file with an unusable line is not trusted at all.
pub fn checksums_file(snapshot: &Snapshot) -> Vec<Finding> {
    let name = &snapshot.contract.checksums.name;
    match checksums_of(snapshot) {
        None => vec![unread(snapshot, name)],
        Some((file, bad)) if bad.is_empty() => {
            vec![CHECKSUMS_FILE.pass(name, format!("lists {}", counted(file.iter().count(), "file", "files")))]
        }
        Some((_, bad)) => {
            let advice =
                "write the file again with `sha256sum` over the plain names of the other assets, and sign it again";
            vec![CHECKSUMS_FILE.fail(name, bad.to_string()).help(advice).on_line(bad.first_line())]
        }
    }
}

fn unread(snapshot: &Snapshot, name: &str) -> Finding {
    match snapshot.asset(name).map(|a| &a.content) {
        Some(Content::Read { size, document: None, .. }) => CHECKSUMS_FILE
            .fail(name, "the checksums file is too large to be genuine")
            .compared(format!("at most {MAX_DOCUMENT_BYTES} bytes"), format!("{size} bytes")),
        Some(Content::Failed(why)) => CHECKSUMS_FILE.undecided(name, why.as_str()),
        Some(Content::Read { document: Some(_), .. } | Content::NotFetched) | None => {
            CHECKSUMS_FILE.undecided(name, "the checksums file could not be read")
        }
    }
}

/// Assets that nothing vouches for.
pub fn asset_listed(snapshot: &Snapshot) -> Vec<Finding> {
    let checksums_name = &snapshot.contract.checksums.name;
    let file = match checksums_of(snapshot) {
        Some((file, bad)) if bad.is_empty() => file,
        Some(_) => return vec![ASSET_LISTED.undecided(checksums_name, "the checksums file cannot be used")],
        None => return vec![ASSET_LISTED.undecided(checksums_name, "the checksums file could not be read")],
    };
    let named = |name: &str| snapshot.contract.assets().any(|a| a.name == name);
    let needs_entry = |name: &str| {
        // A signature file is vouched for by the file it signs, and is reported with it where that is missing. One over
        // a file that nothing names is an asset like any other.
        let known = |signed: &str| {
            snapshot.asset(signed).is_some() || named(signed) || signed == checksums_name || file.get(signed).is_some()
        };
        if name == checksums_name || signed_by(name).is_some_and(known) {
            return false;
        }
        match snapshot.contract.checksums.covers {
            Covers::EveryAsset => true,
            // What the contract names carries a signature of its own in this layout. Anything else must be listed.
            Covers::Archives => !named(name),
        }
    };
    let wanted: Vec<&str> = snapshot.assets.iter().map(|a| a.name.as_str()).filter(|n| needs_entry(n)).collect();
    let unlisted: Vec<_> = wanted.iter().filter(|name| file.get(name).is_none()).collect();
    let mut findings = folders(snapshot);
    if unlisted.is_empty() {
        findings.insert(
            0,
            ASSET_LISTED.pass(checksums_name, format!("vouches for {}", counted(wanted.len(), "asset", "assets"))),
        );
    }
    findings.extend(unlisted.into_iter().map(|name| {
        let otherwise = renamed::listed_otherwise(snapshot, file, name);
        otherwise.map(|(original, same)| listed_renamed(checksums_name, name, original, same)).unwrap_or_else(|| {
            ASSET_LISTED
                .fail(*name, format!("in the release, and not listed in {checksums_name}: nothing vouches for it"))
                .compared(format!("an entry in {checksums_name}"), "none")
                .help(
                    "if the asset belongs to the release, list it and sign the checksums file again; if not, delete it",
                )
        })
    }));
    findings
}

/// What to do about a name that GitHub changes.
const RENAME: &str =
    "name the file as GitHub does before the checksums are made, sign them, and publish the release again";

fn missing_renamed(checksums: &str, Renamed { original, given }: &Renamed<'_>) -> Finding {
    let message =
        format!("listed in {checksums}; GitHub renamed it when it was uploaded, and the release holds it as {given}");
    ASSET_PRESENT.missing(excerpt(original), message).compared("one asset of this name", *given).help(RENAME)
}

fn listed_renamed(checksums: &str, name: &str, original: &str, same: bool) -> Finding {
    let message = format!("listed in {checksums} as {original}, which GitHub renamed when it was uploaded");
    let finding = if same {
        ASSET_LISTED.warn(name, message)
    } else {
        ASSET_LISTED.fail(name, format!("{message}; and its bytes differ"))
    };
    finding.compared(name, original).help(RENAME)
}

/// Folders among the files: nothing in them is looked at.
fn folders(snapshot: &Snapshot) -> Vec<Finding> {
    let folders = snapshot.set_aside.iter().filter(|aside| aside.what == Aside::Folder);
    folders
        .map(|folder| {
            ASSET_LISTED
                .warn(&folder.name, "a folder, not a file of the release: nothing in it was checked")
                .help("move it elsewhere: anything among verified files is taken for one of them")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{checks::fixtures, contract::Scope};

    #[test]
    fn without_a_checksums_file_of_any_layout_the_advice_names_a_command_that_takes_it() {
        let snapshot = fixtures::snapshot(&[("notes.txt", "x")], Scope::Whole);
        assert!(snapshot.unrecognised);
        let advice = missing_help(&snapshot, &snapshot.contract.checksums.name);
        assert!(advice.contains("`merotee verify-release-assets --list-contract` lists the names"), "{advice}");
    }
}
