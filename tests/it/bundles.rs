//! Bundles that two readers could take for two things, and statements that are none: each is changed by one thing, and the
//! rest of it stays sound, signature and log entry included.

mod anchors;
mod mutations;
mod oracle;
mod sources;
mod statements;

use merotee::sandbox::sigstore::{Identity, Instance, Statement};
use serde_json::json;

use crate::binary::{Place, Run};

const BASE: &str = "https://sigstore.invalid";
const BLOB: &[u8] = b"a release asset\n";
/// 2025-10-09T08:53:20Z, in the past for every machine that runs this.
const SIGNED_AT: i64 = 1_760_000_000;
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(SIGNED_AT).unwrap()
}

fn identity() -> Identity {
    let tag = "refs/tags/mero-kms-v1.2.0";
    Identity::github_workflow("calimero-network/mero-tee", "release-kms-phala.yaml", tag, COMMIT)
}

fn statement() -> Statement {
    Statement {
        subjects: vec![("asset".to_owned(), merotee::digest::Sha256::of(BLOB))],
        predicate_type: "https://slsa.dev/provenance/v1".to_owned(),
        predicate: json!({ "buildDefinition": { "buildType": "https://example.com/build" } }),
    }
}

/// A place with the blob and the trust root of an instance, to verify bundles of it in.
struct Verifying(Place);

impl Verifying {
    fn under(instance: &Instance) -> Self {
        let place = Place::new();
        place.write("root.json", instance.trusted_root_json(BASE));
        place.write("blob", BLOB);
        Self(place)
    }

    /// Verifies a bundle of `artifact` by the release workflow's name.
    fn verify(&self, bundle: &str, artifact: &str) -> Run {
        let Identity { san, issuer, .. } = identity();
        self.verify_as(bundle, artifact, &["--certificate-identity", &san, "--certificate-oidc-issuer", &issuer])
    }

    fn verify_as(&self, bundle: &str, artifact: &str, signer: &[&str]) -> Run {
        self.0.write("bundle.json", bundle);
        let command = ["verify-blob", "--offline", "--trusted-root", "root.json", "--bundle", "bundle.json", artifact];
        self.0.merotee(command).args(signer).run()
    }
}
