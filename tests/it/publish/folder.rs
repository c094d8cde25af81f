//! Folders of artifacts: what they hold, and other ones made of them.

use std::collections::BTreeMap;

use merotee::digest::Sha256;

use crate::binary::Place;

/// Name and digest of each file that becomes an asset.
pub(super) fn digests(place: &Place, folder: &str) -> BTreeMap<String, String> {
    let names = place.names(folder).into_iter().filter(|name| name != "release-notes.md");
    let digest =
        |name: &String| format!("sha256:{}", Sha256::of(&std::fs::read(place.path(folder).join(name)).unwrap()));
    names.map(|name| (name.clone(), digest(&name))).collect()
}
