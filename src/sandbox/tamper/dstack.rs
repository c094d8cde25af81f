//! The kinds of tampering that spoil a dstack host or a KMS on it, in the order of `--tamper list`.

use super::{Row, Spoils, Stage, services::no_release};
use crate::sandbox::vmm::Flaw;

const fn dstack(name: &'static str, does: &'static str, flaw: Flaw) -> Row {
    Row { name, does, spares: no_release, stage: Stage::Service(Spoils::Dstack(flaw)) }
}

pub(super) static ROWS: &[Row] = &[
    dstack("dstack-vmm-locked", "lets the VMM refuse every request with 401", Flaw::Locked),
    dstack("dstack-create-fails", "lets creating a VM fail, and leaves the VM behind", Flaw::CreateFails),
    dstack("dstack-boot-hangs", "lets the guest wait for the time for good", Flaw::BootHangs),
    dstack("dstack-port-taken", "takes the port on the host that leads to the KMS", Flaw::PortTaken),
    dstack("dstack-old-kms", "runs a KMS of version 0.5.7, which makes new keys whenever it is told to", Flaw::Old),
    dstack("dstack-not-allowed", "leaves the KMS out of the allow-list", Flaw::NotAllowed),
    dstack("dstack-auth-down", "answers 503 to every question of the KMS's about who is allowed", Flaw::AuthDown),
    dstack("dstack-bootstrap-lost", "makes the keys of the KMS and drops the connection", Flaw::BootstrapLost),
    dstack("dstack-other-keys", "attests other keys than the KMS made", Flaw::OtherKeys),
    dstack("dstack-debug-td", "runs the KMS on a machine in debug mode", Flaw::DebugTd),
    dstack("dstack-other-root", "has the quote of the KMS issued under another root", Flaw::OtherRoot),
    dstack("dstack-other-authority", "serves TLS by another authority than the attested one", Flaw::OtherAuthority),
    dstack("dstack-intercepted", "has somebody else answer in place of the KMS that serves", Flaw::Intercepted),
    dstack(
        "dstack-application",
        "has an application answer in place of the KMS, certified below its authority",
        Flaw::Application,
    ),
    dstack("dstack-other-k256", "states another k256_pubkey than the attested one", Flaw::OtherK256),
    dstack("dstack-other-ca-cert", "states a ca_cert of another key than the attested one", Flaw::OtherCaCert),
    dstack("dstack-is-dev", "lets the KMS say that it is for development", Flaw::IsDev),
    dstack("dstack-any-upgrade", "lets the KMS say that it lets any upgrade pass", Flaw::AnyUpgrade),
    dstack("dstack-slow", "lets the KMS answer after a second and a half", Flaw::Slow),
];
