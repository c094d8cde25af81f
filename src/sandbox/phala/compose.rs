//! What a docker-compose file asks for, as far as the sandbox can run it: one service, by image digest, with the release and
//! profile that its environment names.

use crate::{
    sandbox::{boot::image_digest, release::Sample},
    subject::{
        profile::Profile,
        tag::{Family, Tag},
    },
    yaml::{Content, NodeId, Tree},
};

/// The service that a file describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct Workload {
    /// The release whose image it is.
    pub(super) image: (Tag, Profile),
    /// `MERO_KMS_VERSION`, as the service is told it.
    pub(super) version: Tag,
    /// `MERO_KMS_PROFILE`, as the service is told it.
    pub(super) profile: Profile,
    /// The port that is published.
    pub(super) port: u16,
}

impl Workload {
    /// Reads a file.
    ///
    /// # Errors
    /// Why a machine with it would not start, as its console says it.
    pub(super) fn of(compose: &str) -> Result<Self, String> {
        let tree = Tree::parse(compose).map_err(|e| format!("docker-compose.yaml: {e}"))?;
        let file = File { tree: &tree };
        let service = file.service().ok_or("docker-compose.yaml: no service with an image")?;
        let reference = file.get(service, "image").and_then(|id| tree.text(id)).unwrap_or_default();
        let image = image(reference).ok_or_else(|| {
            let shown: String = reference.chars().take(200).collect();
            format!("pull access denied for {shown}: the sandbox's registry holds no such image")
        })?;
        let version = file.variable(service, "MERO_KMS_VERSION").unwrap_or_else(|| image.0.version().to_string());
        let version = version.strip_prefix(Family::Kms.tag_prefix()).unwrap_or(&version).trim_start_matches('v');
        let version: Tag = format!("{}{version}", Family::Kms.tag_prefix())
            .parse()
            .map_err(|e| format!("mero-kms exited with code 2: MERO_KMS_VERSION: {e}"))?;
        let profile = file.variable(service, "MERO_KMS_PROFILE").unwrap_or_default();
        let profile: Profile =
            profile.parse().map_err(|_| "mero-kms exited with code 2: MERO_KMS_PROFILE is not a profile".to_owned())?;
        if profile != image.1 {
            return Err(format!("mero-kms exited with code 10: the image is pinned to {}, not {profile}", image.1));
        }
        Ok(Self { image, version, profile, port: file.port(service).unwrap_or(8080) })
    }
}

/// Whether the registry holds an image, by its digest.
pub(in crate::sandbox) fn registry_has(reference: &str) -> bool {
    image(reference).is_some()
}

/// The release and profile of an image, by its digest alone, as a registry has it.
fn image(reference: &str) -> Option<(Tag, Profile)> {
    let (_, digest) = reference.split_once('@')?;
    let released = Sample::all().unwrap_or_default().into_iter().map(|sample| sample.tag);
    let all = released.chain(Sample::unreleased().unwrap_or_default()).filter(|tag| tag.family() == Family::Kms);
    all.flat_map(|tag| Profile::ALL.map(|profile| (tag.clone(), profile)))
        .find(|(tag, profile)| image_digest(tag, *profile) == digest)
}

struct File<'t> {
    tree: &'t Tree<'t>,
}

impl File<'_> {
    /// The first service that has an image.
    fn service(&self) -> Option<NodeId> {
        let services = self.get(*self.tree.roots().first()?, "services")?;
        self.entries(services).into_iter().map(|(_, service)| service).find(|id| self.get(*id, "image").is_some())
    }

    /// A variable of the service's environment, a list or a mapping.
    fn variable(&self, service: NodeId, name: &str) -> Option<String> {
        let environment = self.get(service, "environment")?;
        let words = self.items(environment).into_iter().filter_map(|id| self.tree.text(id)?.split_once('='));
        let listed = words.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let text = |id: NodeId| self.tree.text(id).map(str::to_owned);
        let mapped = self.entries(environment).into_iter().filter_map(|(key, value)| Some((key, text(value)?)));
        listed.chain(mapped).find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The first port that is published.
    fn port(&self, service: NodeId) -> Option<u16> {
        let ports = self.items(self.get(service, "ports")?);
        let text = self.tree.text(*ports.first()?)?;
        text.rsplit(':').nth(1).unwrap_or(text).parse().ok()
    }

    fn get(&self, map: NodeId, key: &str) -> Option<NodeId> {
        self.entries(map).into_iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    fn entries(&self, id: NodeId) -> Vec<(String, NodeId)> {
        match self.tree.node(id).map(|(_, node)| &node.content) {
            Some(Content::Map(entries)) => {
                entries.iter().filter_map(|(key, value)| Some((self.tree.text(*key)?.to_owned(), *value))).collect()
            }
            Some(Content::Scalar { .. } | Content::List(_) | Content::Alias(_)) | None => Vec::new(),
        }
    }

    fn items(&self, id: NodeId) -> Vec<NodeId> {
        match self.tree.node(id).map(|(_, node)| &node.content) {
            Some(Content::List(items)) => items.clone(),
            Some(Content::Scalar { .. } | Content::Map(_) | Content::Alias(_)) | None => Vec::new(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn file(image: &str, environment: &str) -> String {
        format!(
            "services:\n  mero-kms:\n    image: {image}\n    ports: [\"9000:8080\"]\n    environment:\n{environment}"
        )
    }

    fn reference(tag: &str, profile: Profile) -> String {
        format!("ghcr.io/calimero-network/mero-kms-phala@{}", image_digest(&tag.parse().unwrap(), profile))
    }

    #[test]
    fn release_and_profile_are_read_from_digest_and_environment_in_both_forms() {
        let image = reference("mero-kms-v1.2.0", Profile::Debug);
        let tag: Tag = "mero-kms-v1.2.0".parse().unwrap();
        for environment in [
            "      - MERO_KMS_VERSION=v1.2.0\n      - MERO_KMS_PROFILE=debug\n",
            "      MERO_KMS_VERSION: 1.2.0\n      MERO_KMS_PROFILE: \"debug\"\n",
        ] {
            let workload = Workload::of(&file(&image, environment)).unwrap();
            let image = (tag.clone(), Profile::Debug);
            assert_eq!(workload, Workload { image, version: tag.clone(), profile: Profile::Debug, port: 9000 });
        }
    }

    #[test]
    fn what_cannot_run_says_why() {
        let debug = "      MERO_KMS_PROFILE: debug\n";
        let locked = "      MERO_KMS_PROFILE: locked-read-only\n";
        let image = reference("mero-kms-v1.2.0", Profile::Debug);
        let unknown = format!("ghcr.io/x/y@sha256:{}", "0".repeat(64));
        for (compose, why) in [
            (file(&unknown, debug), "holds no such image"),
            (file("ghcr.io/x/y:1.2.0", debug), "holds no such image"),
            (file(&image, locked), "pinned to debug"),
            (file(&image, "      OTHER: x\n"), "MERO_KMS_PROFILE"),
            (file(&image, "      MERO_KMS_PROFILE: debug\n      MERO_KMS_VERSION: x\n"), "MERO_KMS_VERSION"),
            ("services: {}".to_owned(), "no service"),
            ("a: [".to_owned(), "docker-compose.yaml"),
        ] {
            let said = Workload::of(&compose).unwrap_err();
            assert!(said.contains(why), "{compose}: {said}");
        }
    }
}
