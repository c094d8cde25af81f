//! Which checksums file the files of a folder want, and which of them it lists. Names decide; contents do not.

use crate::{
    release::contract::{Contract, Contracts, Covers, Layout},
    subject::{evidence_name::signed_by, tag::Family},
};

/// The contract under which a folder's files are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The contract, with the name that the checksums file is to have.
    pub contract: Contract,
    /// Whether the files are those of its layout; else it is the pipeline's for want of a better one.
    pub recognised: bool,
}

/// Chooses by, in this order: the name that was given, a checksums file that is there, the assets that are there. Where
/// `family` is known, among its contracts alone.
pub fn choose(contracts: &Contracts, family: Option<Family>, names: &[&str], given: Option<&str>) -> Option<Chosen> {
    let eligible = || contracts.iter().filter(|c| family.is_none_or(|family| c.family == family));
    let holds = |name: &str| names.contains(&name);
    let complete = |c: &&Contract| c.assets().filter(|a| !a.optional).all(|a| holds(&a.name));
    let fit = |c: &&Contract| c.assets().filter(|a| holds(&a.name)).count();
    // Of equal ones the first in the table.
    let best = |of: Vec<&Contract>| of.into_iter().rev().max_by_key(fit).cloned();
    let named = |wanted: &dyn Fn(&str) -> bool| best(eligible().filter(|c| wanted(&c.checksums.name)).collect());
    let found = match given {
        Some(given) => named(&|name| name == given),
        None => named(&holds).or_else(|| best(eligible().filter(complete).collect())),
    };
    if let Some(contract) = found {
        return Some(Chosen { contract, recognised: true });
    }
    let mut contract = eligible().find(|c| c.layout == Layout::Pipeline).or(eligible().next())?.clone();
    if let Some(given) = given {
        given.clone_into(&mut contract.checksums.name);
    }
    Some(Chosen { contract, recognised: false })
}

/// Which of the names the checksums file of a contract lists: all that nothing else vouches for, and never what vouches.
pub fn listed<'n>(contract: &Contract, names: &[&'n str]) -> Vec<&'n str> {
    let own = contract.checksums.name.as_str();
    let named = |name: &str| contract.assets().any(|asset| asset.name == name);
    let there = |name: &str| name == own || named(name) || names.contains(&name);
    let needs_entry = |name: &str| {
        let vouches = name == own || signed_by(name).is_some_and(there);
        !vouches && (contract.checksums.covers == Covers::EveryAsset || !named(name))
    };
    names.iter().copied().filter(|name| needs_entry(name)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const KMS: [&str; 6] = [
        "attestation-policy-debug.json",
        "attestation-policy-debug-read-only.json",
        "attestation-policy-locked-read-only.json",
        "published-mrtds.json",
        "compose-hash.txt",
        "sbom.spdx.json",
    ];

    fn chosen(names: &[&str], given: Option<&str>) -> (String, bool) {
        let chosen = choose(&Contracts::built_in().unwrap(), None, names, given).unwrap();
        (chosen.contract.checksums.name, chosen.recognised)
    }

    #[test]
    fn the_name_follows_from_what_is_given_then_from_a_file_that_is_there_then_from_the_layout() {
        let recognised = |name: &str| (name.to_owned(), true);
        assert_eq!(chosen(&KMS, None), recognised("checksums.sha256"));
        assert_eq!(chosen(&["published-mrtds.json", "sbom.spdx.json"], None), recognised("checksums.sha256"));
        assert_eq!(chosen(&["kms-phala-checksums.txt", "x"], None), recognised("kms-phala-checksums.txt"));
        let upstream = ["published-mrtds.json", "release-provenance.json", "node-image-gcp-release-sbom.spdx.json"];
        assert_eq!(chosen(&upstream, None), recognised("node-image-gcp-checksums.txt"));
        assert_eq!(chosen(&KMS, Some("checksums.txt")), recognised("checksums.txt"));
        assert_eq!(chosen(&KMS, Some("SHA256SUMS")), ("SHA256SUMS".to_owned(), false));
        assert_eq!(chosen(&["a"], None), ("checksums.sha256".to_owned(), false));
    }

    #[test]
    fn a_known_family_is_chosen_within() {
        let contracts = Contracts::built_in().unwrap();
        for family in [Family::Kms, Family::Node] {
            for (names, recognised) in [(&KMS[..], true), (&["a"], false)] {
                let chosen = choose(&contracts, Some(family), names, None).unwrap();
                assert_eq!((chosen.contract.family, chosen.recognised), (family, recognised));
            }
        }
    }

    #[test]
    fn what_vouches_for_another_file_is_not_listed_and_what_only_looks_like_it_is() {
        let contracts = Contracts::built_in().unwrap();
        let names = ["a.json", "a.json.sigstore.json", "b.sig", "checksums.sha256", "checksums.sha256.sigstore.json"];
        let pipeline = choose(&contracts, None, &names, None).unwrap().contract;
        assert_eq!(listed(&pipeline, &names), ["a.json", "b.sig"]);
        let names = ["kms-phala-checksums.txt", "kms-phala-release-manifest.json", "kms.tar.gz", "kms.tar.gz.sig"];
        let upstream = choose(&contracts, None, &names, None).unwrap().contract;
        assert_eq!(listed(&upstream, &names), ["kms.tar.gz"]);
    }
}
