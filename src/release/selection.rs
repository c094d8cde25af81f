//! Which contract a release falls under, and which of its assets are needed to judge it.

use std::collections::HashSet;

use super::{
    asset_name::{AssetName, RefusedName},
    contract::{AssetKind, Contract, Contracts, Scope},
    snapshot::{MAX_DOCUMENT_BYTES, MAX_EVIDENCE_BYTES},
};

use crate::subject::{
    evidence_name::{EVIDENCE_SUFFIXES, signed_by},
    tag::Family,
};

/// Names of a release's assets, sorted into usable and not.
#[derive(Debug, Default)]
pub struct Names {
    /// Safe names, first occurrence each, with the index of the asset in the listing.
    pub usable: Vec<(usize, AssetName)>,
    /// Unsafe ones.
    pub refused: Vec<(String, RefusedName)>,
    /// Names that occur again, in the same case or another: on many file systems one would overwrite the other.
    pub duplicates: Vec<String>,
}

impl Names {
    /// Sorts names as a listing gives them.
    pub fn sort<'a>(listing: impl Iterator<Item = &'a str>) -> Self {
        let mut names = Self::default();
        let mut seen = HashSet::new();
        for (index, name) in listing.enumerate() {
            match AssetName::new(name) {
                Err(why) => names.refused.push((name.to_owned(), why)),
                Ok(_) if !seen.insert(name.to_ascii_lowercase()) => {
                    if !names.duplicates.iter().any(|d| d == name) {
                        names.duplicates.push(name.to_owned());
                    }
                }
                Ok(name) => names.usable.push((index, name)),
            }
        }
        names
    }

    /// Whether an asset has this name, letter by letter.
    pub fn holds(&self, wanted: &str) -> bool {
        self.usable.iter().any(|(_, name)| name.as_str() == wanted)
    }
}

/// What is needed of a release.
#[derive(Debug)]
pub struct Selection {
    /// The contract in force, narrowed to what is wanted.
    pub contract: Contract,
    /// Whether no contract's checksums file is there.
    pub unrecognised: bool,
    fetched: Option<HashSet<String>>,
    documents: HashSet<String>,
    payload: HashSet<String>,
}

impl Selection {
    /// Recognises the layout and selects. `None` when there is no contract for the family at all.
    pub fn choose(contracts: &Contracts, family: Family, scope: Scope, names: &Names) -> Option<Self> {
        let recognised = contracts.recognise(family, |wanted| names.holds(wanted));
        let unrecognised = recognised.is_none();
        let contract = recognised.or_else(|| contracts.first(family))?;
        let contract = contract.narrowed(scope);
        let fetched = (scope != Scope::Whole).then(|| {
            let payload = contract.assets().map(|a| a.name).chain([contract.checksums.name.clone()]);
            payload.flat_map(|name| with_evidence(&name)).collect()
        });
        let documents = contract
            .assets()
            .filter(|a| a.role != AssetKind::Other)
            .map(|a| a.name)
            .chain([contract.checksums.name.clone()])
            .collect();
        let payload = names.usable.iter().map(|(_, name)| name.to_string()).collect();
        Some(Self { contract, unrecognised, fetched, documents, payload })
    }

    /// Whether the asset's content is needed.
    pub fn fetches(&self, name: &AssetName) -> bool {
        self.fetched.as_ref().is_none_or(|names| names.contains(name.as_str()))
    }

    /// The most bytes of the asset that checks may want in memory; 0 when its digest is all they need. Signature files
    /// are read only where the file they sign is there, so that signatures over nothing cannot fill memory.
    pub fn reads(&self, name: &AssetName) -> u64 {
        if self.documents.contains(name.as_str()) {
            MAX_DOCUMENT_BYTES
        } else if signed_by(name.as_str()).is_some_and(|signed| self.payload.contains(signed)) {
            MAX_EVIDENCE_BYTES
        } else {
            0
        }
    }
}

fn with_evidence(name: &str) -> Vec<String> {
    let evidence = EVIDENCE_SUFFIXES.iter().map(|suffix| format!("{name}{suffix}"));
    evidence.chain([name.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::profile::Profile;

    fn chosen(scope: Scope, names: &[&str]) -> (Selection, Names) {
        let names = Names::sort(names.iter().copied());
        let contracts = Contracts::built_in().unwrap_or_else(|e| unreachable!("{e}"));
        let selection = Selection::choose(&contracts, Family::Kms, scope, &names);
        (selection.unwrap_or_else(|| unreachable!("the built-in table has both families")), names)
    }

    #[test]
    fn unsafe_and_repeated_names_are_set_aside() {
        let (_, names) = chosen(Scope::Whole, &["a", "../x", "a", "a", "b"]);
        assert_eq!(names.usable.iter().map(|(i, n)| (*i, n.as_str())).collect::<Vec<_>>(), [(0, "a"), (4, "b")]);
        assert_eq!(names.duplicates, ["a"]);
        assert_eq!(names.refused.len(), 1);
    }

    #[test]
    fn a_name_in_another_case_is_set_aside_like_the_same_name() {
        let (_, names) = chosen(Scope::Whole, &["sbom.json", "SBOM.json", "Sbom.JSON", "sbom.jsonl"]);
        assert_eq!(names.usable.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [0, 3]);
        assert_eq!(names.duplicates, ["SBOM.json", "Sbom.JSON"]);
    }

    #[test]
    fn a_quick_run_fetches_checksums_measurements_and_their_signatures_only() {
        let all = [
            "checksums.sha256",
            "checksums.sha256.sigstore.json",
            "published-mrtds.json",
            "sbom.spdx.json",
            "x.tar.gz",
        ];
        let (selection, names) = chosen(Scope::Quick, &all);
        let fetched: Vec<_> =
            names.usable.iter().filter(|(_, n)| selection.fetches(n)).map(|(_, n)| n.as_str()).collect();
        assert_eq!(fetched, ["checksums.sha256", "checksums.sha256.sigstore.json", "published-mrtds.json"]);
    }

    #[test]
    fn for_policies_only_what_vouches_for_them_is_fetched_besides() {
        let all =
            ["checksums.sha256", "checksums.sha256.sigstore.json", "attestation-policy-debug.json", "sbom.spdx.json"];
        let (selection, names) = chosen(Scope::Policies, &all);
        let fetched: Vec<_> =
            names.usable.iter().filter(|(_, n)| selection.fetches(n)).map(|(_, n)| n.as_str()).collect();
        assert_eq!(fetched, all[..3]);
        let wanted: Vec<_> = selection.contract.assets().map(|a| a.name).collect();
        assert_eq!(wanted, Profile::ALL.map(|profile| format!("attestation-policy-{profile}.json")));
    }

    #[test]
    fn archives_are_hashed_and_not_read_into_memory() {
        let (selection, names) = chosen(Scope::Whole, &["checksums.sha256", "kms.tar.gz"]);
        let read: Vec<_> =
            names.usable.iter().filter(|(_, n)| selection.reads(n) > 0).map(|(_, n)| n.as_str()).collect();
        assert_eq!(read, ["checksums.sha256"]);
    }

    #[test]
    fn signatures_over_nothing_are_not_read_into_memory() {
        let (selection, names) = chosen(Scope::Whole, &["checksums.sha256", "checksums.sha256.sig", "nothing.sig"]);
        let read: Vec<_> = names.usable.iter().map(|(_, n)| selection.reads(n)).collect();
        assert_eq!(read, [MAX_DOCUMENT_BYTES, MAX_EVIDENCE_BYTES, 0]);
    }
}
