//! The kinds of tampering that spoil a service instead of a release, in the order of `--tamper list`.

use super::{Row, Service, Spoils, Stage};
use crate::sandbox::{docker, e2e, gcp, people::Fault, phala::Flaw, release::Sample, vmm};

const fn phala(name: &'static str, does: &'static str, flaw: Flaw) -> Row {
    Row { name, does, spares: no_release, stage: Stage::Service(Spoils::Phala(flaw)) }
}

const fn google(name: &'static str, does: &'static str, flaw: gcp::Flaw) -> Row {
    Row { name, does, spares: no_release, stage: Stage::Service(Spoils::Google(flaw)) }
}

const fn docker(name: &'static str, does: &'static str, flaw: docker::Flaw) -> Row {
    Row { name, does, spares: no_release, stage: Stage::Service(Spoils::Docker(flaw)) }
}

const fn people(name: &'static str, does: &'static str, fault: Fault) -> Row {
    Row { name, does, spares: no_release, stage: Stage::Service(Spoils::People(fault)) }
}

const fn e2e(name: &'static str, does: &'static str, flaw: e2e::Flaw) -> Row {
    Row { name, does, spares: no_release, stage: Stage::Service(Spoils::EndToEnd(flaw)) }
}

pub(super) static ROWS: &[Row] = &[
    phala("phala-never-ready", "leaves a machine on Phala Cloud in status creating for good", Flaw::NeverReady),
    phala("phala-boot-error", "lets no machine on Phala Cloud boot", Flaw::BootError),
    phala("phala-commit-lost", "creates a machine on Phala Cloud and drops the connection", Flaw::CommitLost),
    phala(
        "phala-commit-fails",
        "answers 500 where a machine should be created, after it was provisioned",
        Flaw::CommitFails,
    ),
    phala("phala-gone", "answers 404 where a machine is to be deleted, which is gone", Flaw::GoneBeforeDelete),
    phala("phala-delete-fails", "answers 500 where a machine is to be deleted, which runs on", Flaw::DeleteFails),
    phala(
        "phala-hash-provisioned",
        "states another compose hash when an application is provisioned",
        Flaw::HashProvisioned,
    ),
    phala("phala-hash-stated", "states another compose hash of the machine", Flaw::HashStated),
    phala("phala-hash-measured", "boots the machine with another compose file", Flaw::HashMeasured),
    phala("phala-hash-of-file", "gives another app-compose.json in tcb_info", Flaw::HashOfFile),
    phala("phala-no-endpoints", "gives the machine no endpoints", Flaw::NoEndpoints),
    phala("phala-other-version", "runs another version of the KMS than its image's", Flaw::OtherVersion),
    phala("phala-other-profile", "runs the KMS in another profile than its image's", Flaw::OtherProfile),
    phala("phala-other-nonce", "asks the machine for a quote over another nonce", Flaw::OtherNonce),
    phala("phala-debug-td", "runs the machine in debug mode", Flaw::DebugTd),
    phala("phala-other-root", "has the machine's quotes issued under another root", Flaw::OtherRoot),
    phala("phala-outdated-tcb", "has Intel call the machine's TCB out of date", Flaw::OutdatedTcb),
    phala(
        "phala-second-compose-hash",
        "lets the application measure a compose-hash of its own",
        Flaw::SecondComposeHash,
    ),
    phala("phala-other-machine", "lets a machine of another application answer", Flaw::OtherMachine),
    phala("phala-other-instance", "lets another instance of the application answer", Flaw::OtherInstance),
    phala("phala-no-app-id", "leaves the application out of the machine's description", Flaw::NoAppId),
    phala("phala-key-refused", "refuses the API key, and repeats it in the refusal", Flaw::KeyRefused),
    phala("phala-limited", "answers every request with 429, for an hour", Flaw::Limited),
    phala("phala-unavailable", "answers every request with 503", Flaw::Unavailable),
    google("gcp-no-room", "has no room for a machine in any zone of Google Cloud", gcp::Flaw::NoRoom),
    google("gcp-zone-full", "has no room in the first zone that is asked", gcp::Flaw::NoRoomInTheFirstZone),
    google("gcp-quota", "has no quota left for a machine", gcp::Flaw::Quota),
    google("gcp-operation-fails", "gives up on the operation that makes a machine", gcp::Flaw::OperationFails),
    google("gcp-never-runs", "leaves a machine on Google Cloud in status PROVISIONING for good", gcp::Flaw::NeverRuns),
    google("gcp-no-address", "gives the machine no address on the internet", gcp::Flaw::NoAddress),
    google("gcp-never-healthy", "has the node answer 503 for its health", gcp::Flaw::NeverHealthy),
    google("gcp-image-replaced", "replaces the image by another of the same name", gcp::Flaw::ImageReplaced),
    google("gcp-image-unfit", "offers an image that no TD can boot", gcp::Flaw::ImageNotCapable),
    google("gcp-no-tdx", "runs the node without TDX: it answers 501 for its quote", gcp::Flaw::AttestUnavailable),
    google("gcp-other-nonce", "has the node's quote over another nonce", gcp::Flaw::OtherNonce),
    google("gcp-debug-td", "runs the node in debug mode", gcp::Flaw::DebugTd),
    google("gcp-other-root", "has the node's quotes issued under another root", gcp::Flaw::OtherRoot),
    google("gcp-outdated-tcb", "has Intel call the node's TCB out of date", gcp::Flaw::OutdatedTcb),
    google("gcp-false-reading", "has the node state other registers beside its quote", gcp::Flaw::FalseReading),
    google("gcp-other-image", "boots the image of another release", gcp::Flaw::OtherImage),
    google("gcp-gone", "answers 404 where a machine is to be deleted, which is gone", gcp::Flaw::GoneBeforeDelete),
    google("gcp-delete-fails", "answers 500 where a machine is to be deleted, which runs on", gcp::Flaw::DeleteFails),
    google(
        "gcp-firewall-stays",
        "answers 500 where a rule of the firewall is to be deleted, which stays",
        gcp::Flaw::FirewallDeleteFails,
    ),
    google("gcp-forbidden", "lets the account do nothing on Google Cloud", gcp::Flaw::Forbidden),
    google("gcp-token-refused", "refuses the access token, and repeats it in the refusal", gcp::Flaw::TokenRefused),
    google("gcp-limited", "answers every request to Compute Engine with 429, for an hour", gcp::Flaw::Limited),
    phala(
        "production-update-refused",
        "answers 465 where production is updated: a blockchain has to be told first",
        Flaw::UpdateRefused,
    ),
    phala("production-update-lost", "updates production and drops the connection", Flaw::UpdateLost),
    phala("production-update-ignored", "takes the update of production and does nothing", Flaw::UpdateIgnored),
    phala("production-not-booting", "does not boot production after its update", Flaw::UpdatedNotBooting),
    phala("production-other-keys", "gives production other keys with its update", Flaw::UpdatedOtherKeys),
    phala("production-debug-td", "runs production in debug mode after its update", Flaw::UpdatedDebugTd),
    phala("production-slow", "makes production slow to release keys after its update", Flaw::UpdatedSlow),
    phala("production-failing", "has production fail some key requests after its update", Flaw::UpdatedFailing),
    phala("production-flapping", "lets the health of production come and go after its update", Flaw::UpdatedFlapping),
    docker("docker-pull-refused", "has the registry refuse every image to Docker", docker::Flaw::PullRefused),
    docker("docker-up-fails", "lets Docker start no container", docker::Flaw::UpFails),
    docker("docker-no-port", "has Docker publish no port of the KMS", docker::Flaw::NoPort),
    docker(
        "docker-other-version",
        "runs another version of the KMS in staging's container than its image's",
        docker::Flaw::OtherVersion,
    ),
    docker("docker-debug-td", "runs staging's container on a machine in debug mode", docker::Flaw::DebugTd),
    people("review-one-approval", "lets one member of the team approve a policy, and no other", Fault::OneApproves),
    people("review-changes-requested", "has a member of the team ask for changes of a policy", Fault::Objects),
    people("review-closed", "closes the pull request with a policy", Fault::Closes),
    people("review-merged-unapproved", "merges a policy that no one approved", Fault::MergesUnapproved),
    google("gcp-unavailable", "answers every request to Compute Engine with 503", gcp::Flaw::Unavailable),
    e2e("e2e-policy-admits-two", "lets the locked-read-only policy admit the debug image", e2e::Flaw::PolicyAdmitsTwo),
    e2e("e2e-kms-down", "ends the locked-read-only KMS before a node asks it", e2e::Flaw::KmsDown),
    e2e("e2e-old-policy-admits", "lets the policies of an older KMS admit the new image", e2e::Flaw::OldPolicyAdmits),
    e2e("e2e-mrtds-changed", "publishes another RTMR2 of the debug image", e2e::Flaw::MeasurementChanged),
    e2e("e2e-pair-listed", "lists a pair in the catalog that does not work", e2e::Flaw::PairListed),
    e2e("e2e-other-reason", "has the debug node present a KMS's quote as its own", e2e::Flaw::OtherReason),
    e2e("e2e-old-image", "boots the locked-read-only node from an older image", e2e::Flaw::OldImage),
    e2e("e2e-credulous-node", "has the nodes' own verifier accept every quote", e2e::Flaw::Credulous),
    e2e("e2e-silent-node", "has the nodes hang up when they are to verify a quote", e2e::Flaw::Silent),
    e2e("e2e-node-nonce", "has the nodes' quotes answer another nonce", e2e::Flaw::OtherNonce),
    e2e("e2e-node-dead", "has the nodes answer 503 for their health", e2e::Flaw::NotAlive),
    e2e("e2e-proxy-403", "has a proxy answer 403 where the locked-read-only KMS is asked for a key", e2e::Flaw::Barred),
    e2e("e2e-other-kms", "runs the locked-read-only KMS on the machine of an older release", e2e::Flaw::OtherKms),
];

pub(super) const fn no_release(_: &Sample) -> Option<&'static str> {
    Some("it spoils a service, and no release")
}

impl Spoils {
    /// The service that is spoilt.
    pub(super) fn service(self) -> Service {
        match self {
            Self::Phala(flaw) if flaw.is_of_an_update() => Service::Production,
            Self::Phala(_) => Service::PhalaCloud,
            Self::Google(_) => Service::GoogleCloud,
            Self::Docker(_) => Service::Docker,
            Self::People(_) => Service::Reviewers,
            Self::EndToEnd(_) => Service::EndToEnd,
            Self::Authority(fault) if fault.is_of_policies() => Service::TrustAuthorityPolicies,
            Self::Authority(_) => Service::TrustAuthority,
            Self::Dstack(flaw) => of_dstack(flaw),
        }
    }
}

/// What of a dstack host a flaw spoils.
fn of_dstack(flaw: vmm::Flaw) -> Service {
    match flaw {
        vmm::Flaw::Locked => Service::Vmm,
        vmm::Flaw::CreateFails | vmm::Flaw::BootHangs | vmm::Flaw::PortTaken => Service::VmmMaking,
        vmm::Flaw::Old => Service::DstackOnboarding,
        vmm::Flaw::NotAllowed
        | vmm::Flaw::AuthDown
        | vmm::Flaw::BootstrapLost
        | vmm::Flaw::OtherKeys
        | vmm::Flaw::DebugTd
        | vmm::Flaw::OtherRoot => Service::DstackBootstrap,
        vmm::Flaw::OtherAuthority
        | vmm::Flaw::Intercepted
        | vmm::Flaw::Application
        | vmm::Flaw::OtherK256
        | vmm::Flaw::OtherCaCert
        | vmm::Flaw::IsDev
        | vmm::Flaw::AnyUpgrade
        | vmm::Flaw::Slow => Service::DstackKms,
    }
}
