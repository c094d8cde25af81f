//! What a build hands over before a release is made of it: everything that the commands of the release pipeline start from,
//! and nothing that they make themselves.

use serde_json::{Map, Value, json};

use super::{
    boot::{Boot, image_digest},
    catalog::is_hotfix,
    clone,
    documents::{self, GENERATED_AT},
    release::{Sample, pretty},
    sbom,
};
use crate::{
    attestation::measurement::Register,
    error::{Error, Result},
    policy::{
        candidates::{self, Candidates, Given},
        mrtds::assemble,
    },
    subject::{
        profile::Profile,
        tag::{Family, Tag},
    },
};

/// Folder of what the release publishes.
const ASSETS: &str = "assets";

/// Folder of what probed machines measured to, one file a profile.
const PROBES: &str = "probes";

/// Folder of the repository's clone.
pub const REPOSITORY: &str = "repository";

/// A file, by its path below the folder it is handed over in.
pub type Artifact = (String, Vec<u8>);

/// What the build of a tag hands over.
///
/// # Errors
/// Usage: that tag has no release to come. The message names those that have.
pub fn of(tag: &Tag) -> Result<Vec<Artifact>> {
    let unreleased = Sample::unreleased()?;
    if !unreleased.contains(tag) {
        let tags = unreleased.iter().map(Tag::as_str).collect::<Vec<_>>().join(", ");
        return Err(Error::usage(format!("the sandbox has no artifacts for {tag}"))
            .help(format!("its tags without a release are {tags}")));
    }
    let mut files: Vec<Artifact> = Profile::ALL
        .into_iter()
        .map(|profile| (format!("{PROBES}/{profile}.json"), pretty(&candidates(tag, profile))))
        .collect();
    let asset = |name: &str, bytes: Vec<u8>| (format!("{ASSETS}/{name}"), bytes);
    match tag.family() {
        Family::Kms => {
            files.push(asset("mero-kms-phala_x86_64-unknown-linux-gnu.tar.gz", documents::archive(tag)));
            files.push(asset("sbom.spdx.json", pretty(&sbom::sbom(tag, "mero-kms-phala"))));
            files.push(("image".to_owned(), format!("{}\n", image(tag)).into_bytes()));
            files.push(("docker-compose.yml".to_owned(), compose(tag).into_bytes()));
        }
        Family::Node => {
            files.push(asset("sbom.spdx.json", pretty(&sbom::sbom(tag, "node-image"))));
            files.push(asset("provenance.intoto.jsonl", documents::provenance(tag, &assembled(tag)?)));
        }
    }
    files.push(("sections.md".to_owned(), sections(tag).into_bytes()));
    files.push(("job.env".to_owned(), job(tag).into_bytes()));
    files.extend(clone::files().into_iter().map(|(name, bytes)| (format!("{REPOSITORY}/{name}"), bytes)));
    Ok(files)
}

/// What a probe of a profile's machine writes.
fn candidates(tag: &Tag, profile: Profile) -> Value {
    let machine = Boot::of_release(tag, profile);
    let mut lists = Map::new();
    lists.insert("allowed_tcb_statuses".to_owned(), json!(["uptodate"]));
    let registers = machine.registers();
    for register in Register::ALL {
        lists.insert(format!("allowed_{}", register.as_str()), json!([registers.get(register)]));
    }
    if let Some(hash) = machine.app.compose_hash() {
        lists.insert("allowed_event_payload".to_owned(), json!([hash.to_string()]));
    }
    json!({
        "schema_version": 1,
        "generated_at": GENERATED_AT,
        "measurement_source": "td_quote",
        "profile": profile.as_str(),
        "policy": lists,
    })
}

/// `published-mrtds.json` as it will be assembled from the candidates: what the build's provenance is about.
fn assembled(tag: &Tag) -> Result<Vec<u8>> {
    let broken = || Error::internal("the candidates of the sandbox cannot be read back");
    let read = |profile: Profile| {
        let file = Candidates::parse(profile.as_str(), &pretty(&candidates(tag, profile))).map_err(|_| broken())?;
        Ok(Given { file, profile: Some(profile) })
    };
    let given = Profile::ALL.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    let origin = assemble::Origin {
        family: tag.family(),
        version: tag.version().clone(),
        generated_at: GENERATED_AT.parse().map_err(|e| broken().because(e))?,
        image_family: None,
    };
    assemble::assemble(&origin, &candidates::proposals(&given)).map_err(|e| broken().because(e))
}

/// The compose file of the KMS, whose hash is published.
fn compose(tag: &Tag) -> String {
    format!("services:\n  kms:\n    image: {}\n    restart: unless-stopped\n", image(tag))
}

/// The KMS image for production, as the registry answered when it was pushed.
fn image(tag: &Tag) -> String {
    format!("ghcr.io/calimero-network/mero-kms-phala@{}", image_digest(tag, Profile::LockedReadOnly))
}

/// The sections of the release notes that people write: no history tells them.
fn sections(tag: &Tag) -> String {
    let mut text = String::from(
        "## Breaking changes\n\nNone.\n\n\
         ## Upgrade path\n\nReplace the image, then restart; nodes attest again by themselves.\n",
    );
    if is_hotfix(tag) {
        text.push_str(documents::HOTFIX_NOTES);
    }
    text
}

/// What a job of the release workflow has in its environment, to be read by a shell. The sandbox that is served gives its
/// identity token to whatever job asks: the address says which.
fn job(tag: &Tag) -> String {
    let workflow = match tag.family() {
        Family::Kms => "release-kms-phala.yaml",
        Family::Node => "release-node-image-gcp.yaml",
    };
    let (repository, commit) = (documents::REPOSITORY, documents::commit(tag));
    format!(
        ": \"${{ACTIONS_ID_TOKEN_REQUEST_URL:?export what merotee sandbox serve prints first}}\"\n\
         export GITHUB_SHA={commit}\n\
         export GITHUB_REF=refs/tags/{tag}\n\
         export GITHUB_REF_NAME={tag}\n\
         export GITHUB_WORKFLOW_REF={repository}/.github/workflows/{workflow}@refs/tags/{tag}\n\
         export ACTIONS_ID_TOKEN_REQUEST_URL=\"${{ACTIONS_ID_TOKEN_REQUEST_URL%%\\?*}}\
         ?repository={repository}&workflow={workflow}&ref=refs/tags/{tag}&sha={commit}\"\n"
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(tag: &str) -> BTreeSet<String> {
        of(&tag.parse().unwrap()).unwrap().into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn every_tag_without_a_release_has_artifacts_and_no_two_files_of_one_name() {
        for tag in Sample::unreleased().unwrap() {
            assert_eq!(names(tag.as_str()).len(), of(&tag).unwrap().len(), "{tag}");
        }
    }

    #[test]
    fn what_the_commands_make_is_not_among_them() {
        let made = ["checksums", "attestation-policy", "published-mrtds", "sigstore", "compose-hash", "notes"];
        for tag in Sample::unreleased().unwrap() {
            for name in names(tag.as_str()) {
                assert!(!made.iter().any(|word| name.contains(word)), "{name}");
            }
        }
    }

    #[test]
    fn a_tag_that_is_released_and_one_that_is_nowhere_are_refused_with_those_that_would_do() {
        for tag in ["mero-kms-v1.2.0", "mero-tee-v9.9.9"] {
            let error = of(&tag.parse().unwrap()).unwrap_err();
            assert!(error.to_string().contains(tag), "{error}");
            assert!(error.advice().unwrap().contains("mero-tee-v1.3.0, mero-kms-v1.3.0"), "{error:?}");
        }
    }
}
