//! Do the documents of an upstream-layout release tell one story?
//!
//! Field names are those that the upstream release workflows write: `commit_sha`, `tag`, `container.digest`,
//! `container_profile_digests`, `binaries[].{file,sha256}`, `compatibility.profiles.*.kms_image_digest`,
//! `profiles.*.external_verification`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::checksums_of;
use crate::{
    digest::Sha256,
    release::{
        contract::{AssetKind, is_archive},
        snapshot::Snapshot,
    },
    report::{CheckInfo, Finding},
    subject::{profile::Profile, tag::Family},
    text::counted,
};

/// `release-agreement`.
pub const RELEASE_AGREEMENT: CheckInfo = CheckInfo {
    id: "release-agreement",
    title: "manifest, container metadata, policies and provenance agree on commit, tag and image digest",
};
/// `image-digests`.
pub const IMAGE_DIGESTS: CheckInfo =
    CheckInfo { id: "image-digests", title: "each profile has an image of its own: the three digests differ" };
/// `manifest-checksums`.
pub const MANIFEST_CHECKSUMS: CheckInfo =
    CheckInfo { id: "manifest-checksums", title: "the manifest states the same checksum for each archive" };
/// `default-policy`.
pub const DEFAULT_POLICY: CheckInfo = CheckInfo {
    id: "default-policy",
    title: "the policy without a profile is the locked-read-only one, byte for byte",
};
/// `release-provenance`.
pub const RELEASE_PROVENANCE: CheckInfo = CheckInfo {
    id: "release-provenance",
    title: "the quote of each profile was verified externally, with the MRTD that is published",
};

/// The documents that must agree, with the places of the facts they share.
const DOCUMENTS: [AssetKind; 6] = [
    AssetKind::Manifest,
    AssetKind::ContainerMetadata,
    AssetKind::Policy,
    AssetKind::DefaultPolicy,
    AssetKind::CompatibilityMap,
    AssetKind::ReleaseProvenance,
];

/// A fact several documents state: its name and where it stands.
const FACTS: [(&str, &str); 6] = [
    ("commit", "/commit_sha"),
    ("tag", "/tag"),
    ("image digest", "/container/digest"),
    ("debug image digest", "/container_profile_digests/debug"),
    ("debug-read-only image digest", "/container_profile_digests/debug-read-only"),
    ("locked-read-only image digest", "/container_profile_digests/locked-read-only"),
];

fn parsed(snapshot: &Snapshot, role: AssetKind) -> impl Iterator<Item = (String, &Value)> {
    // A document that does not parse is reported by the `schema` check.
    snapshot.documents(role).filter_map(|(entry, document)| Some((entry.name, document.json().ok()?)))
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().filter(|t| !t.is_empty())
}

/// Each fact, over every document that states it; the release's tag is the measure for `tag`, the first document for
/// the others.
pub fn release_agreement(snapshot: &Snapshot) -> Vec<Finding> {
    let documents: Vec<(String, &Value)> = DOCUMENTS.iter().flat_map(|role| parsed(snapshot, *role)).collect();
    let mut findings = Vec::new();
    for (fact, pointer) in FACTS {
        let stated: Vec<(&str, &str)> =
            documents.iter().filter_map(|(name, value)| Some((name.as_str(), text(value, pointer)?))).collect();
        let version = snapshot.tag.version().to_string();
        let Some((first, expected)) = (match fact {
            "tag" => Some(("the release's tag", version.as_str())),
            _ => stated.first().copied(),
        }) else {
            continue;
        };
        let odd: Vec<_> = stated.iter().filter(|(_, value)| *value != expected).collect();
        for (name, value) in &odd {
            findings.push(
                RELEASE_AGREEMENT
                    .fail(*name, format!("{fact} differs from {first}"))
                    .compared(expected, *value)
                    .help("the files come from different builds: publish the release again from one run"),
            );
        }
        if odd.is_empty() && !stated.is_empty() {
            let who = match stated.as_slice() {
                [(only, _)] => format!("{only} states"),
                all => format!("{} documents state", all.len()),
            };
            findings.push(RELEASE_AGREEMENT.pass("", format!("{who} {fact} {expected}")));
        }
    }
    findings.extend(unstated_commit(&documents));
    for (name, map) in parsed(snapshot, AssetKind::CompatibilityMap) {
        findings.extend(compatibility_map(snapshot, &name, map));
    }
    findings
}

/// The map is for this release: its versions, its images, and each profile's own policy.
fn compatibility_map(snapshot: &Snapshot, name: &str, map: &Value) -> Vec<Finding> {
    let version = snapshot.tag.version();
    let manifest = parsed(snapshot, AssetKind::Manifest).next().map_or(&Value::Null, |(_, value)| value);
    let mut demands = vec![
        ("/compatibility/version".to_owned(), version.to_string()),
        ("/compatibility/kms_tag".to_owned(), format!("{}{version}", Family::Kms.tag_prefix())),
        ("/compatibility/node_image_tag".to_owned(), format!("{}{version}", Family::Node.tag_prefix())),
    ];
    for profile in Profile::ALL {
        let at = |field: &str| format!("/compatibility/profiles/{profile}/{field}");
        let policy = snapshot.with_role(AssetKind::Policy).find(|(entry, _)| entry.profile == Some(profile));
        if let Some((entry, asset)) = policy {
            demands.push((at("kms_policy_asset"), entry.name));
            // Stated by some releases only; where it is, it must be true.
            if let Some(digest) = asset.and_then(|a| a.digest())
                && text(map, &at("kms_policy_sha256")).is_some()
            {
                demands.push((at("kms_policy_sha256"), digest.to_string()));
            }
        }
        if let Some(digest) = text(manifest, &format!("/container_profile_digests/{profile}")) {
            demands.push((at("kms_image_digest"), digest.to_owned()));
        }
        demands.push((at("node_profile"), profile.as_str().to_owned()));
    }
    let count = demands.len();
    let mut findings: Vec<Finding> = demands
        .into_iter()
        .filter_map(|(pointer, expected)| {
            let stated = text(map, &pointer).unwrap_or("none");
            let message = format!("{} is not this release's", pointer.trim_start_matches('/').replace('/', "."));
            (stated != expected).then(|| RELEASE_AGREEMENT.fail(name, message).compared(expected, stated))
        })
        .collect();
    if findings.is_empty() {
        findings.push(
            RELEASE_AGREEMENT
                .pass(name, format!("{} with the release", counted(count, "statement agrees", "statements agree"))),
        );
    }
    findings
}

/// A document that states no commit agrees with nothing.
fn unstated_commit(documents: &[(String, &Value)]) -> impl Iterator<Item = Finding> {
    documents
        .iter()
        // The compatibility map names versions, not a build.
        .filter(|(_, value)| value.get("compatibility").is_none() || value.get("profiles").is_some())
        .filter(|(_, value)| text(value, "/commit_sha").is_none())
        .map(|(name, _)| RELEASE_AGREEMENT.fail(name, "states no commit").compared("a commit_sha", "none"))
}

/// Two profiles with one image are one profile.
pub fn image_digests(snapshot: &Snapshot) -> Vec<Finding> {
    let sources = [
        (AssetKind::Manifest, "/container_profile_digests/", ""),
        (AssetKind::ContainerMetadata, "/container_profile_digests/", ""),
        (AssetKind::CompatibilityMap, "/compatibility/profiles/", "/kms_image_digest"),
    ];
    let mut findings = Vec::new();
    for (role, before, after) in sources {
        for (name, value) in parsed(snapshot, role) {
            let digests: BTreeMap<Profile, &str> = Profile::ALL
                .into_iter()
                .filter_map(|p| Some((p, text(value, &format!("{before}{p}{after}"))?)))
                .collect();
            findings.extend(distinct(&name, &digests));
            findings.extend(foreign_image(snapshot, &name, value));
        }
    }
    findings
}

/// A document that states digests of another repository's image.
fn foreign_image(snapshot: &Snapshot, name: &str, document: &Value) -> Option<Finding> {
    let (expected, stated) = (snapshot.contract.image_of(&snapshot.repository), text(document, "/container/image")?);
    (stated.to_lowercase() != expected)
        .then(|| IMAGE_DIGESTS.fail(name, "the digests are those of another image").compared(expected, stated))
}

fn distinct(name: &str, digests: &BTreeMap<Profile, &str>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for profile in Profile::ALL {
        match digests.get(&profile) {
            None => findings.push(IMAGE_DIGESTS.fail(name, format!("states no image digest for {profile}"))),
            Some(digest) if Sha256::from_prefixed(digest).is_err() => {
                findings.push(
                    IMAGE_DIGESTS
                        .fail(name, format!("the image of {profile} is not pinned"))
                        .compared("sha256:<64 lowercase hex digits>", *digest),
                );
            }
            Some(digest) => {
                if let Some((other, _)) = digests.iter().find(|(p, d)| **p < profile && *d == digest) {
                    findings.push(
                        IMAGE_DIGESTS
                            .fail(name, format!("{other} and {profile} share one image"))
                            .compared("three different digests", *digest)
                            .help("each profile is an image of its own; build the profiles separately"),
                    );
                }
            }
        }
    }
    if findings.is_empty() {
        findings.push(IMAGE_DIGESTS.pass(name, "three different digests"));
    }
    findings
}

/// Digests of the release's images, as signed documents state them; empty where none does.
pub(super) fn stated_images(snapshot: &Snapshot) -> Vec<String> {
    let mut digests = Vec::new();
    for (_, manifest) in parsed(snapshot, AssetKind::Manifest) {
        let of_profiles = manifest.get("container_profile_digests").and_then(Value::as_object);
        digests.extend(of_profiles.into_iter().flat_map(|d| d.values()).filter_map(Value::as_str).map(str::to_owned));
        digests.extend(text(manifest, "/container/digest").map(str::to_owned));
    }
    digests
}

/// The digest of the image for production, as the signed manifest states it, where one does and states one.
pub(super) fn production_image(snapshot: &Snapshot) -> Option<String> {
    let path = format!("/container_profile_digests/{}", Profile::LockedReadOnly);
    let mut stated = parsed(snapshot, AssetKind::Manifest).filter_map(|(_, manifest)| text(manifest, &path));
    stated.next().filter(|_| stated.next().is_none()).map(str::to_owned)
}

/// Manifest against checksums file, archive by archive.
pub fn manifest_checksums(snapshot: &Snapshot) -> Vec<Finding> {
    let Some((file, _)) = checksums_of(snapshot) else {
        return vec![
            MANIFEST_CHECKSUMS
                .undecided(snapshot.contract.checksums.name.as_str(), "the checksums file could not be read"),
        ];
    };
    let mut findings = Vec::new();
    for (name, manifest) in parsed(snapshot, AssetKind::Manifest) {
        let binaries = manifest.pointer("/binaries").and_then(Value::as_array).cloned().unwrap_or_default();
        let stated: BTreeMap<&str, &str> =
            binaries.iter().filter_map(|b| Some((text(b, "/file")?, text(b, "/sha256")?))).collect();
        for (archive, digest) in file.iter().filter(|(n, _)| is_archive(n)) {
            let finding = match stated.get(archive) {
                Some(hex) if Sha256::from_hex(hex) == Ok(digest) => {
                    MANIFEST_CHECKSUMS.pass(archive, format!("{name} agrees"))
                }
                Some(hex) => MANIFEST_CHECKSUMS
                    .fail(archive, format!("{name} states a different checksum"))
                    .compared(format!("sha256:{digest}"), *hex),
                None => MANIFEST_CHECKSUMS
                    .fail(archive, format!("{name} does not list it"))
                    .compared("an entry in binaries", "none"),
            };
            findings.push(finding);
        }
    }
    findings
}

/// Readers that know no profiles must get the strictest policy.
pub fn default_policy(snapshot: &Snapshot) -> Vec<Finding> {
    let locked = snapshot
        .with_role(AssetKind::Policy)
        .find(|(entry, _)| entry.profile == Some(Profile::LockedReadOnly))
        .and_then(|(entry, asset)| Some((entry.name, asset?.digest()?)));
    snapshot
        .with_role(AssetKind::DefaultPolicy)
        .filter_map(|(entry, asset)| {
            let digest = asset?.digest()?;
            Some(match &locked {
                None => DEFAULT_POLICY.undecided(entry.name, "the locked-read-only policy could not be read"),
                Some((name, expected)) if *expected == digest => {
                    DEFAULT_POLICY.pass(entry.name, format!("same bytes as {name}"))
                }
                Some((name, expected)) => DEFAULT_POLICY
                    .fail(entry.name, format!("differs from {name}"))
                    .compared(format!("sha256:{expected}"), format!("sha256:{digest}")),
            })
        })
        .collect()
}

/// Upstream's provenance document: an external verifier saw the machine, and saw what is published.
pub fn release_provenance(snapshot: &Snapshot) -> Vec<Finding> {
    let published = parsed(snapshot, AssetKind::Measurements).next().map(|(_, value)| value);
    let mut findings = Vec::new();
    for (name, provenance) in parsed(snapshot, AssetKind::ReleaseProvenance) {
        for profile in Profile::ALL {
            findings.push(verified_profile(&name, provenance, published, profile));
        }
    }
    findings
}

fn verified_profile(name: &str, provenance: &Value, published: Option<&Value>, profile: Profile) -> Finding {
    let at = |field: &str| text(provenance, &format!("/profiles/{profile}/external_verification/{field}"));
    let status = at("status").unwrap_or("none");
    if status != "performed" {
        return RELEASE_PROVENANCE
            .fail(name, format!("{profile}: the quote was not verified externally"))
            .compared("external_verification.status performed", status);
    }
    let Some(seen) = at("mrtd") else {
        return RELEASE_PROVENANCE.fail(name, format!("{profile}: states no verified MRTD"));
    };
    let own = text(provenance, &format!("/mrtds/profiles/{profile}/mrtd"));
    let released = published.and_then(|p| text(p, &format!("/profiles/{profile}/mrtd")));
    for (place, stated) in [("mrtds", own), ("published-mrtds.json", released)] {
        let stated = stated.unwrap_or("none");
        if !stated.eq_ignore_ascii_case(seen) {
            return RELEASE_PROVENANCE
                .fail(name, format!("{profile}: the verified MRTD is not the one in {place}"))
                .compared(stated, seen);
        }
    }
    RELEASE_PROVENANCE.pass(name, format!("{profile}: verified externally, with the published MRTD"))
}
