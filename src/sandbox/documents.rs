//! The documents of the sample releases. They state the measurements of the machines that [`super::boot`] makes up.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{
    boot::{Boot, image_digest},
    catalog::{is_hotfix, node_version},
    history,
};
use crate::{
    attestation::{measurement::Register, report_data::default_binding},
    digest::Sha256,
    subject::{
        profile::Profile,
        tag::{Class, Family, Tag},
    },
};

/// Repository of every sample release.
pub const REPOSITORY: &str = "calimero-network/mero-tee";

/// Time the samples say they were made at.
pub const GENERATED_AT: &str = "2025-10-01T00:00:00Z";

/// The machine of a KMS release, or of the node release that goes with it.
fn machine(family: Family, kms: &Tag, profile: Profile) -> Boot {
    let version = match family {
        Family::Kms => kms.version().clone(),
        Family::Node => node_version(kms.version()),
    };
    Boot::of_release(&Tag::new(family, version), profile)
}

/// Commit every document of a release states.
pub fn commit(tag: &Tag) -> String {
    history::commit_of(tag.as_str()).to_string()
}

/// An attestation policy.
pub fn policy(tag: &Tag, profile: Profile) -> Value {
    let version = tag.version().to_string();
    let ready = tag.class() != Class::Rc;
    let binding = default_binding();
    let mut lists = Map::new();
    for family in Family::ALL {
        let role = family.role();
        let statuses = if ready { json!(["uptodate"]) } else { json!([]) };
        lists.insert(format!("{role}_allowed_tcb_statuses"), statuses);
        let registers = machine(family, tag, profile).registers();
        for register in Register::ALL {
            let values = if ready { json!([registers.get(register)]) } else { json!([]) };
            lists.insert(format!("{role}_allowed_{}", register.as_str()), values);
        }
    }
    let compose_hash = machine(Family::Kms, tag, profile).app.compose_hash();
    let payloads = compose_hash.filter(|_| ready).map(|hash| json!(hash.to_string()));
    lists.insert("kms_allowed_event_payload".to_owned(), payloads.into_iter().collect());
    // The same once more, in the spelling that merod reads.
    for name in Register::ALL.into_iter().map(Register::as_str).chain(["tcb_statuses"]) {
        if let Some(list) = lists.get(&format!("kms_allowed_{name}")).cloned() {
            lists.insert(format!("allowed_{name}"), list);
        }
    }
    json!({
        "schema_version": 1,
        "role": "kms",
        "profile": profile.as_str(),
        "tag": version,
        "commit_sha": commit(tag),
        "status": if ready { "ready" } else { "policy_not_ready" },
        "generated_at": GENERATED_AT,
        "source": {
            "repository": REPOSITORY,
            "workflow": "release-kms-phala.yaml",
            "ref": format!("refs/tags/{tag}"),
        },
        "kms": {
            "provider": "mero-kms-phala",
            "attest_endpoint": "/attest",
            "report_data_layout": {"bytes_0_31": "nonce", "bytes_32_63": "binding_or_default_domain_separator"},
            "default_binding_hex": binding.to_string(),
            "default_binding_b64": STANDARD.encode(binding.as_bytes()),
        },
        "policy": lists,
        "merod_config_path": "tee.kms.phala.attestation",
    })
}

/// `published-mrtds.json`.
pub fn published_mrtds(tag: &Tag) -> Value {
    let version = tag.version().to_string();
    let profiles: Map<String, Value> = Profile::ALL
        .into_iter()
        .map(|profile| {
            let mut entry = Map::new();
            let registers = Boot::of_release(tag, profile).registers();
            for register in Register::ALL {
                let (name, value) = (register.as_str(), registers.get(register));
                entry.insert(format!("allowed_{name}"), json!([value]));
                entry.insert(name.to_owned(), json!(value));
            }
            entry.insert("allowed_tcb_statuses".into(), json!(["uptodate"]));
            (profile.as_str().to_owned(), Value::Object(entry))
        })
        .collect();
    json!({
        "schema_version": 1,
        "role": tag.family().role(),
        "tag": version,
        "generated_at": GENERATED_AT,
        "profiles": profiles,
    })
}

/// `compose-hash.txt`.
pub fn compose_hash(tag: &Tag) -> Vec<u8> {
    format!("sha256:{}\n", Sha256::of(format!("compose {tag}").as_bytes())).into_bytes()
}

/// An archive of binaries, as far as verification cares: bytes.
pub fn archive(tag: &Tag) -> Vec<u8> {
    let mut bytes = format!("not a real archive: the binaries of {tag}\n").into_bytes();
    bytes.resize(64 * 1024, b'.');
    bytes
}

/// in-toto provenance over the published measurements, one statement a line.
pub fn provenance(tag: &Tag, measurements: &[u8]) -> Vec<u8> {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "published-mrtds.json", "digest": {"sha256": Sha256::of(measurements).to_string()}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {"buildType": "https://example.org/merotee-sandbox", "externalParameters": {"tag": tag.as_str()}},
            "runDetails": {"builder": {"id": "https://example.org/merotee-sandbox"}},
        },
    });
    format!("{statement}\n").into_bytes()
}

/// Upstream's release manifest, container metadata and compatibility map share these.
fn images(tag: &Tag) -> (Value, Value) {
    let digests: Map<String, Value> =
        Profile::ALL.into_iter().map(|p| (p.as_str().to_owned(), json!(image_digest(tag, p)))).collect();
    let container = json!({
        "image": "ghcr.io/calimero-network/mero-kms-phala",
        "digest": image_digest(tag, Profile::LockedReadOnly),
        "tags": [tag.version().to_string()],
    });
    (container, Value::Object(digests))
}

/// Upstream's release manifest over the archives.
pub fn manifest(tag: &Tag, archives: &[(String, Sha256)]) -> Value {
    let (container, digests) = images(tag);
    let binaries: Vec<Value> =
        archives.iter().map(|(file, digest)| json!({"file": file, "sha256": digest.to_string()})).collect();
    json!({
        "tag": tag.version().to_string(),
        "commit_sha": commit(tag),
        "generated_at": GENERATED_AT,
        "binaries": binaries,
        "container": container,
        "container_profile_digests": digests,
        "verification": {
            "kms_attest_endpoint": "/attest",
            "attestation_policy_asset": "kms-phala-attestation-policy.json",
            "policy_profile_assets": Profile::ALL.into_iter()
                .map(|p| (p.as_str().to_owned(), json!(format!("kms-phala-attestation-policy.{p}.json"))))
                .collect::<Map<String, Value>>(),
            "container_metadata_asset": "kms-phala-container-metadata.json",
        },
    })
}

/// Upstream's container metadata.
pub fn container_metadata(tag: &Tag) -> Value {
    let (container, digests) = images(tag);
    json!({
        "schema_version": 1,
        "tag": tag.version().to_string(),
        "commit_sha": commit(tag),
        "generated_at": GENERATED_AT,
        "container": container,
        "container_profile_digests": digests,
        "compatibility_map_asset": "kms-phala-compatibility-map.json",
    })
}

/// Upstream's compatibility map.
pub fn compatibility_map(tag: &Tag) -> Value {
    let version = tag.version();
    let url = |family: Family, file: &str| {
        format!("https://github.com/{REPOSITORY}/releases/download/{}{version}/{file}", family.tag_prefix())
    };
    let profiles: Map<String, Value> = Profile::ALL
        .into_iter()
        .map(|p| {
            let policy = format!("kms-phala-attestation-policy.{p}.json");
            let entry = json!({
                "kms_image_tag": format!("{version}-{p}"),
                "kms_image_digest": image_digest(tag, p),
                "kms_role": "kms",
                "kms_policy_url": url(Family::Kms, &policy),
                "kms_policy_asset": policy,
                "node_role": "node",
                "node_profile": p.as_str(),
                "node_policy_url": url(Family::Node, "published-mrtds.json"),
            });
            (p.as_str().to_owned(), entry)
        })
        .collect();
    json!({
        "schema_version": 1,
        "tag": version.to_string(),
        "generated_at": GENERATED_AT,
        "compatibility": {
            "version": version.to_string(),
            "kms_tag": format!("mero-kms-v{version}"),
            "node_image_tag": format!("mero-tee-v{version}"),
            "kms_policy_url": url(Family::Kms, "kms-phala-attestation-policy.json"),
            "node_policy_url": url(Family::Node, "published-mrtds.json"),
            "profiles": profiles,
        },
    })
}

/// Upstream's provenance of a node release.
pub fn release_provenance(tag: &Tag, measurements: &Value) -> Value {
    let version = tag.version().to_string();
    let profiles: Map<String, Value> = Profile::ALL
        .into_iter()
        .map(|p| {
            let mrtd = Boot::of_release(tag, p).mrtd;
            let entry = json!({
                "image": {"name": format!("mero-tee-{p}-{}", version.replace('.', "-"))},
                "external_verification": {"status": "performed", "mrtd": mrtd},
            });
            (p.as_str().to_owned(), entry)
        })
        .collect();
    json!({
        "role": "node",
        "tag": version,
        "commit_sha": commit(tag),
        "generated_at": GENERATED_AT,
        "profiles": profiles,
        "mrtds": measurements,
        "measurement_policy": measurements,
    })
}

/// Release notes with every section a stable release needs.
pub fn notes(tag: &Tag) -> String {
    let version = tag.version();
    let image = match tag.family() {
        Family::Kms => format!(
            "## Image\n\n`ghcr.io/calimero-network/mero-kms-phala@{}`\n\n",
            image_digest(tag, Profile::LockedReadOnly)
        ),
        Family::Node => String::new(),
    };
    let changes = match tag.family() {
        Family::Kms => "RTMR2 and RTMR3 of every profile change with the image.",
        Family::Node => "RTMR2 of every profile changes with the image; RTMR3 names the profile and stays.",
    };
    let counterpart = Tag::new(tag.family().counterpart(), node_version(version));
    let patch = if is_hotfix(tag) { HOTFIX_NOTES } else { "" };
    format!(
        "# {tag}\n\nA sample release of the sandbox.\n\n{image}\
         ## Changelog\n\n- Keys are derived per profile.\n\n\
         ## Breaking changes\n\nNone.\n\n\
         ## Upgrade path\n\nReplace the image, then restart; nodes attest again by themselves.\n\n\
         ## MRTD/RTMR changes\n\n{changes}\n\n\
         ## Compatible versions\n\n- {counterpart}\n{patch}"
    )
}

/// The sections that the notes of a hotfix need in addition.
pub(super) const HOTFIX_NOTES: &str = "
## CVE or incident reference

CVE-2025-0000, a made-up one.

## Exact change

A challenge that was answered once is refused the second time.

## Rollback instructions

Deploy the patched release again, with the policies of that release.

## Why a patch was needed

A recorded answer released the same key a second time.
";
