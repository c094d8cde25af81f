//! Files that the checksums file lists under another name than GitHub gave them on upload.
//!
//! The release is wrong either way, since a client that goes by the file does not find the asset. But it is not an attack, and
//! the remedy differs from that for an asset that nothing vouches for.

use crate::release::{asset_name, checksums::ChecksumsFile, snapshot::Snapshot};

/// A name in the checksums file, and the asset that GitHub made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Renamed<'a> {
    /// As the file lists it.
    pub(super) original: &'a str,
    /// As the release holds it.
    pub(super) given: &'a str,
}

/// Hex digits of a SHA-256.
const DIGITS: usize = 64;

/// Most names that are looked for among the assets: a hostile file could list a million.
const MAX_NAMES: usize = 2_000;

/// Names that the checksums file lists, that are not in the release, and that GitHub made other names of.
pub(super) fn missing(snapshot: &Snapshot) -> Vec<Renamed<'_>> {
    let name = &snapshot.contract.checksums.name;
    let bytes = if snapshot.quick { None } else { snapshot.asset(name).and_then(|asset| asset.bytes()) };
    let Ok(text) = std::str::from_utf8(bytes.unwrap_or_default()) else { return Vec::new() };
    // Not the parsed file: names with blanks are among those that make a line unusable.
    let listed = text.lines().take(MAX_NAMES).filter_map(name_of);
    listed.filter_map(|original| Some(Renamed { original, given: counterpart(snapshot, original)? })).collect()
}

/// The name in a line, as it stands; `None` for a line of another form.
fn name_of(line: &str) -> Option<&str> {
    let (digest, rest) = line.split_at_checked(DIGITS)?;
    let name = rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *"))?;
    let name = name.strip_prefix("./").unwrap_or(name).trim_end_matches('\r');
    digest.bytes().all(|b| b.is_ascii_hexdigit()).then_some(name)
}

/// What the file lists an asset as that it does not list under its own name, and whether with the asset's bytes.
pub(super) fn listed_otherwise<'f>(
    snapshot: &Snapshot,
    file: &'f ChecksumsFile,
    name: &str,
) -> Option<(&'f str, bool)> {
    let (original, digest) =
        file.iter().find(|(original, _)| snapshot.asset(original).is_none() && asset_name::renames(original, name))?;
    Some((original, snapshot.asset(name).and_then(|asset| asset.digest()) == Some(digest)))
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
