//! The kinds of tampering that spoil a service instead of a release, in the order of `--tamper list`.

use super::{Row, Service, Spoils, Stage};
use crate::sandbox::{phala::Flaw, release::Sample};

const fn phala(name: &'static str, does: &'static str, flaw: Flaw) -> Row {
    Row { name, does, spares: no_release, stage: Stage::Service(Spoils::Phala(flaw)) }
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
    phala("phala-key-refused", "refuses the API key, and repeats it in the refusal", Flaw::KeyRefused),
    phala("phala-limited", "answers every request with 429, for an hour", Flaw::Limited),
    phala("phala-unavailable", "answers every request with 503", Flaw::Unavailable),
];

fn no_release(_: &Sample) -> Option<&'static str> {
    Some("it spoils a service, and no release")
}

impl Spoils {
    /// The service that is spoilt.
    pub(super) fn service(self) -> Service {
        match self {
            Self::Phala(_) => Service::PhalaCloud,
        }
    }
}
