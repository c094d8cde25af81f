//! The compatibility catalog of the sample repository: which versions go together.

use semver::Version;
use serde::Serialize;
use serde_json::{Value, json};

use crate::subject::{
    profile::Profile,
    tag::{Family, Tag},
};

/// Its path in the repository.
pub const PATH: &str = "compatibility-catalog.json";

/// A KMS version and the node version it goes with.
pub type Pair = (&'static str, &'static str);

/// The pairs that the samples make. A hotfix goes with the node release of the version it patches.
pub const CATALOG_PAIRS: [Pair; 4] = [("1.2.0", "1.2.0"), ("1.1.1", "1.1.0"), ("1.1.0", "1.1.0"), ("1.0.0", "1.0.0")];

/// The pairs that are listed in advance: they have to be, before a release may be made.
const COMING_PAIRS: [Pair; 2] = [("1.3.0", "1.3.0"), ("1.2.1", "1.2.0")];

/// The document that lists `pairs`.
pub fn catalog<V: Serialize>(pairs: &[(V, V)]) -> Value {
    let entries: Vec<Value> = pairs
        .iter()
        .map(|(kms, node)| {
            json!({
                "kms": kms,
                "node_image": node,
                "profiles": Profile::ALL.map(Profile::as_str),
                "tested": true,
                "notes": "sample pair",
            })
        })
        .collect();
    json!({"schema_version": "1", "entries": entries})
}

/// The document as the repository has it, with one more pair where that is asked for.
pub(super) fn kept_with(one_more: Option<Pair>) -> Value {
    catalog(&[&COMING_PAIRS[..], &CATALOG_PAIRS, one_more.as_slice()].concat())
}

/// The version of the node release that a KMS release goes with: its own where no pair says another.
pub(super) fn node_version(kms: &Version) -> Version {
    let pairs = CATALOG_PAIRS.iter().chain(&COMING_PAIRS);
    let paired = |(one, node): &Pair| (kms.to_string() == *one).then(|| node.parse().ok()).flatten();
    pairs.filter_map(paired).next().unwrap_or_else(|| kms.clone())
}

/// Whether a tag is a hotfix: a KMS release for the node images of the version it patches.
pub(super) fn is_hotfix(tag: &Tag) -> bool {
    tag.family() == Family::Kms && node_version(tag.version()) != *tag.version()
}
