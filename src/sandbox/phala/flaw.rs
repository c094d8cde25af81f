//! What is wrong with the cloud or with the machines on it for as long as it lasts, one thing at a time: what stands in the
//! account, what a machine measures and attests, and what the API answers to everything.

/// A lasting fault. Everything that is not named stays good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// A machine stays in status `creating`.
    NeverReady,
    /// A machine does not boot, and says why.
    BootError,
    /// The request that creates a machine is carried out, and the connection drops: the answer is lost.
    CommitLost,
    /// The request that creates a machine is answered with 500 and not carried out: the application is orphaned.
    CommitFails,
    /// A machine is gone when it is to be deleted: the answer is 404.
    GoneBeforeDelete,
    /// A machine cannot be deleted: the answer is 500, and it runs on.
    DeleteFails,
    /// The answer to provision states another compose hash.
    HashProvisioned,
    /// What is said of the machine states another compose hash.
    HashStated,
    /// The machine was started with another compose file, and measured it.
    HashMeasured,
    /// `tcb_info.app_compose` is another file's.
    HashOfFile,
    /// The machine has no endpoints.
    NoEndpoints,
    /// The service on the machine is of another version.
    OtherVersion,
    /// The service on the machine is of another profile.
    OtherProfile,
    /// What answers `/attest` asks the machine with another nonce.
    OtherNonce,
    /// The machine runs in debug mode.
    DebugTd,
    /// The machine's quotes are issued under another root.
    OtherRoot,
    /// The machine's TCB is out of date.
    OutdatedTcb,
    /// The application measured a second `compose-hash` after the system was ready.
    SecondComposeHash,
    /// The API key is refused, in words that repeat it.
    KeyRefused,
    /// What answers is a machine of another application, with the same compose file.
    OtherMachine,
    /// An update of a machine has to be registered on a blockchain first: the answer is 465.
    UpdateRefused,
    /// An update of a machine is carried out, and the connection drops: the answer is lost.
    UpdateLost,
    /// An update of a machine is accepted, and the machine goes on as before.
    UpdateIgnored,
    /// A machine that was updated does not boot, and says why.
    UpdatedNotBooting,
    /// A machine that was updated is another application, with other keys.
    UpdatedOtherKeys,
    /// A machine that was updated runs in debug mode.
    UpdatedDebugTd,
    /// The service on a machine that was updated takes its time to release a key.
    UpdatedSlow,
    /// The service on a machine that was updated answers some key requests with 500.
    UpdatedFailing,
    /// The service on a machine that was updated is healthy at times only.
    UpdatedFlapping,
    /// What answers is another instance of the application.
    OtherInstance,
    /// What is said of the machine does not say which application is on it.
    NoAppId,
    /// Every request is over the rate limit, for an hour.
    Limited,
    /// Every request is answered with 503.
    Unavailable,
}

impl Flaw {
    /// Whether it is about a machine that is updated, and about no other.
    pub fn is_of_an_update(self) -> bool {
        self.touches(1)
    }

    /// Whether it is of a machine that was given another compose file so many times. What is wrong with an update is wrong
    /// with the first one: the one that takes it back brings back what was good.
    pub(in crate::sandbox) fn touches(self, updates: usize) -> bool {
        match self {
            Self::UpdateRefused
            | Self::UpdateLost
            | Self::UpdateIgnored
            | Self::UpdatedNotBooting
            | Self::UpdatedOtherKeys
            | Self::UpdatedDebugTd
            | Self::UpdatedSlow
            | Self::UpdatedFailing
            | Self::UpdatedFlapping => updates == 1,
            Self::NeverReady
            | Self::BootError
            | Self::CommitLost
            | Self::CommitFails
            | Self::GoneBeforeDelete
            | Self::DeleteFails
            | Self::HashProvisioned
            | Self::HashStated
            | Self::HashMeasured
            | Self::HashOfFile
            | Self::NoEndpoints
            | Self::OtherVersion
            | Self::OtherProfile
            | Self::OtherNonce
            | Self::DebugTd
            | Self::OtherRoot
            | Self::OutdatedTcb
            | Self::SecondComposeHash
            | Self::KeyRefused
            | Self::OtherMachine
            | Self::OtherInstance
            | Self::NoAppId
            | Self::Limited
            | Self::Unavailable => updates == 0,
        }
    }
}
