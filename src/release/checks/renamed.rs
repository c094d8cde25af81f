//! Files that the checksums file lists under another name than GitHub gave them on upload.
//!
//! The release is wrong either way, since a client that goes by the file does not find the asset. But it is not an attack, and
//! the remedy differs from that for an asset that nothing vouches for.

use super::completeness::{ASSET_LISTED, ASSET_PRESENT};
use crate::{
    release::{asset_name, checksums::ChecksumsFile, snapshot::Snapshot},
    report::Finding,
    schema::excerpt::excerpt,
};

const HELP: &str =
    "name the file as GitHub does before the checksums are made, sign them, and publish the release again";

/// Hex digits of a SHA-256.
const DIGITS: usize = 64;

/// Most names that are looked for among the assets: a hostile file could list a million.
const MAX_NAMES: usize = 2_000;

/// Names that the checksums file lists, that are not in the release, and that GitHub made other names of.
pub(super) fn missing(snapshot: &Snapshot) -> Vec<Finding> {
    let name = &snapshot.contract.checksums.name;
    let bytes = if snapshot.quick { None } else { snapshot.asset(name).and_then(|asset| asset.bytes()) };
    let Ok(text) = std::str::from_utf8(bytes.unwrap_or_default()) else { return Vec::new() };
    // Not the parsed file: names with blanks are among those that make a line unusable.
    let listed = text.lines().take(MAX_NAMES).filter_map(name_of);
    let finding = |original: &str| {
        let given = counterpart(snapshot, original)?;
        let message =
            format!("listed in {name}; GitHub renamed it when it was uploaded, and the release holds it as {given}");
        Some(ASSET_PRESENT.missing(excerpt(original), message).compared("one asset of this name", given).help(HELP))
    };
    listed.filter_map(finding).collect()
}

/// The name in a line, as it stands; `None` for a line of another form.
fn name_of(line: &str) -> Option<&str> {
    let (digest, rest) = line.split_at_checked(DIGITS)?;
    let name = rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *"))?;
    let name = name.strip_prefix("./").unwrap_or(name).trim_end_matches('\r');
    digest.bytes().all(|b| b.is_ascii_hexdigit()).then_some(name)
}

/// What is to be said of an asset that is not listed under its own name, when the file lists what it was called before.
pub(super) fn listed_otherwise(snapshot: &Snapshot, file: &ChecksumsFile, name: &str) -> Option<Finding> {
    let (original, digest) =
        file.iter().find(|(original, _)| snapshot.asset(original).is_none() && asset_name::renames(original, name))?;
    let listed = &snapshot.contract.checksums.name;
    let same = snapshot.asset(name).and_then(|asset| asset.digest()) == Some(digest);
    let message = format!("listed in {listed} as {original}, which GitHub renamed when it was uploaded");
    Some(if same {
        ASSET_LISTED.warn(name, message).compared(name, original).help(HELP)
    } else {
        ASSET_LISTED.fail(name, format!("{message}; and its bytes differ")).compared(name, original).help(HELP)
    })
}

/// The asset that GitHub made of a file called `original`.
fn counterpart<'s>(snapshot: &'s Snapshot, original: &str) -> Option<&'s str> {
    if snapshot.asset(original).is_some() {
        return None;
    }
    snapshot.assets.iter().map(|asset| asset.name.as_str()).find(|given| asset_name::renames(original, given))
}

#[cfg(test)]
mod tests;
