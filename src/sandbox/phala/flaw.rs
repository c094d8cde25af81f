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
    /// What answers is another instance of the application.
    OtherInstance,
    /// What is said of the machine does not say which application is on it.
    NoAppId,
    /// Every request is over the rate limit, for an hour.
    Limited,
    /// Every request is answered with 503.
    Unavailable,
}
