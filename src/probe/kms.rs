//! What is deployed to probe a KMS: one service in one compose file, whose bytes the machine measures.

use semver::Version;
use url::Url;

use super::{image::Image, label::Label};
use crate::{
    report::Action,
    subject::{cvm::CvmName, profile::Profile},
};

/// Port that the KMS is reached at.
pub const PORT: u16 = 8080;

/// A probe of a KMS, before anything is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What everything it makes is named by.
    pub label: Label,
    /// The profile.
    pub profile: Profile,
    /// The version that the KMS must say it is of.
    pub version: Option<Version>,
    /// What is probed.
    pub target: Target,
}

/// What is probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A KMS that runs already.
    Running(Url),
    /// One that is deployed, and deleted in the end.
    Deployed(Deployment),
}

/// What is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Name of its machine.
    pub name: CvmName,
    /// The image.
    pub image: Image,
    /// Kind of machine.
    pub instance_type: String,
    /// Where.
    pub region: Option<String>,
    /// The docker-compose file.
    pub compose: String,
}

impl Deployment {
    /// What would be made.
    pub fn making(&self) -> [Action; 3] {
        let on_cloud = format!("{} on Phala Cloud", self.name);
        let place = self.region.as_deref().unwrap_or("the region that the service chooses");
        let machine = format!("{on_cloud}: {} in {place}, until it is deleted", self.instance_type);
        [
            Action::planned("register application", on_cloud),
            Action::planned("create machine", machine),
            // Whole: these bytes decide what is measured.
            Action::planned("deploy", "docker-compose.yaml").holding(self.compose.clone()),
        ]
    }

    /// What would be deleted in the end.
    pub fn deleting(&self) -> Action {
        Action::planned("delete machine", self.name.to_string())
    }
}

/// The docker-compose file of a KMS: the same bytes for the same image, version and profile.
pub fn compose(image: &Image, version: &Version, profile: Profile) -> String {
    format!(
        r#"services:
  mero-kms:
    image: {image}
    restart: unless-stopped
    ports:
      - "{PORT}:8080"
    environment:
      LISTEN_ADDR: "0.0.0.0:8080"
      DSTACK_SOCKET_PATH: /var/run/dstack.sock
      CHALLENGE_TTL_SECS: "60"
      ACCEPT_MOCK_ATTESTATION: "false"
      ENFORCE_MEASUREMENT_POLICY: "true"
      MERO_KMS_VERSION: "{version}"
      MERO_KMS_PROFILE: {profile}
    volumes:
      - /var/run/dstack.sock:/var/run/dstack.sock
"#
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::attestation::compose_hash::of_compose_file;

    #[test]
    fn the_compose_file_is_readable_and_another_for_another_image_version_or_profile() {
        let image = |digit: &str| format!("ghcr.io/o/n@sha256:{}", digit.repeat(64)).parse::<Image>().unwrap();
        let of = |image: &Image, version: &str, profile| {
            of_compose_file(compose(image, &version.parse().unwrap(), profile).as_bytes()).unwrap()
        };
        let first = of(&image("a"), "1.2.0", Profile::Debug);
        assert_eq!(first, of(&image("a"), "1.2.0", Profile::Debug));
        let others = [
            of(&image("b"), "1.2.0", Profile::Debug),
            of(&image("a"), "1.2.1-rc.1", Profile::Debug),
            of(&image("a"), "1.2.0", Profile::LockedReadOnly),
        ];
        assert!(!others.contains(&first));
    }
}
