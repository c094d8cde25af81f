//! What is wrong with the cloud or with the nodes on it, for as long as it runs.

/// One thing that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// No zone has room for the machine.
    NoRoom,
    /// The first zone that is asked has no room.
    NoRoomInTheFirstZone,
    /// The quota is used up.
    Quota,
    /// The operation that makes a machine fails.
    OperationFails,
    /// A machine never runs.
    NeverRuns,
    /// A machine gets no address.
    NoAddress,
    /// The node never answers for its health.
    NeverHealthy,
    /// The image is replaced after it was looked at.
    ImageReplaced,
    /// The image cannot be booted by a TD.
    ImageNotCapable,
    /// The node has no TDX.
    AttestUnavailable,
    /// The node's quote is over another nonce.
    OtherNonce,
    /// The node runs in debug mode.
    DebugTd,
    /// The node's quote is of a platform of another root.
    OtherRoot,
    /// The node's TCB is out of date.
    OutdatedTcb,
    /// The node's own reading of its quote names other registers.
    FalseReading,
    /// The node boots another image than the machine was made from.
    OtherImage,
    /// Deleting a machine is answered with 404, and the machine is gone.
    GoneBeforeDelete,
    /// Deleting a machine is answered with 500, and it stays.
    DeleteFails,
    /// Deleting a rule of the firewall is answered with 500, and it stays.
    FirewallDeleteFails,
    /// The account may do nothing.
    Forbidden,
    /// The access token is not accepted.
    TokenRefused,
    /// Every request is one too many.
    Limited,
    /// The service fails.
    Unavailable,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Self; 23] = [
        Self::NoRoom,
        Self::NoRoomInTheFirstZone,
        Self::Quota,
        Self::OperationFails,
        Self::NeverRuns,
        Self::NoAddress,
        Self::NeverHealthy,
        Self::ImageReplaced,
        Self::ImageNotCapable,
        Self::AttestUnavailable,
        Self::OtherNonce,
        Self::DebugTd,
        Self::OtherRoot,
        Self::OutdatedTcb,
        Self::FalseReading,
        Self::OtherImage,
        Self::GoneBeforeDelete,
        Self::DeleteFails,
        Self::FirewallDeleteFails,
        Self::Forbidden,
        Self::TokenRefused,
        Self::Limited,
        Self::Unavailable,
    ];
}
