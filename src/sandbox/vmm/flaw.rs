//! What can be wrong with a dstack host, a KMS on it, or what its machine attests.

/// One thing that is wrong, for as long as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The VMM refuses the token, and repeats it in the refusal.
    Locked,
    /// A VM is left behind where creating one fails.
    CreateFails,
    /// A guest hangs while it waits for the time.
    BootHangs,
    /// The port on the host is taken.
    PortTaken,
    /// The KMS is of version 0.5.7.
    Old,
    /// The allow-list does not hold the KMS.
    NotAllowed,
    /// The auth webhook answers every request with 503.
    AuthDown,
    /// The KMS makes its keys, and the answer is lost.
    BootstrapLost,
    /// The KMS serves with an authority that has another key than the attested one.
    OtherAuthority,
    /// Somebody answers in place of the KMS who has its answers, and not its key.
    Intercepted,
    /// An application answers in place of the KMS, by a certificate that the KMS signed for it.
    Application,
    /// The KMS serves another key of its Ethereum identity than the attested one.
    OtherK256,
    /// The certificate in the KMS's metadata is of another key than the attested one.
    OtherCaCert,
    /// The KMS says that it is for development.
    IsDev,
    /// The KMS says that it lets any upgrade pass.
    AnyUpgrade,
    /// The KMS answers after a second and a half.
    Slow,
    /// The machine is in debug mode.
    DebugTd,
    /// The attestation is made for other keys.
    OtherKeys,
    /// The machine's quotes are issued under another root.
    OtherRoot,
}
