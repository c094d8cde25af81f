//! What can be wrong with an Intel Trust Authority, one thing at a time.

/// A defect of tokens, keys or answers. Everything not named stays good, so that a verifier which refuses has found this
/// defect and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Tokens ended an hour ago.
    Expired,
    /// Tokens begin in an hour.
    NotYetValid,
    /// Tokens say that they were made in an hour; what they say of their beginning is good.
    IssuedInFuture,
    /// Tokens count for a year.
    LongLived,
    /// Tokens name another portal as their issuer.
    OtherIssuer,
    /// Tokens are not signed, and say `none`.
    AlgNone,
    /// Tokens are signed with HMAC, by the public key.
    AlgHs256,
    /// Tokens demand an extension.
    Crit,
    /// Tokens name a key that is not in the set.
    UnknownKid,
    /// The set has two keys of one name.
    TwoKeys,
    /// Claims are changed after they were signed.
    OtherClaims,
    /// The key in the set is not the one in its certificate, and signs.
    KeyUnlikeLeaf,
    /// The signer's certificate is revoked.
    LeafRevoked,
    /// The signing authority's certificate is revoked.
    AuthorityRevoked,
    /// The signer's certificate ended yesterday.
    LeafExpired,
    /// The signer's certificate demands an extension that is not understood.
    LeafDemands,
    /// The signer's certificate is that of an authority.
    LeafIsAuthority,
    /// The signing authority's certificate ended in 2021.
    AuthorityExpired,
    /// The signing authority's key may not sign certificates.
    AuthorityMayNotSign,
    /// The signing authority is none: its constraints say so.
    AuthorityIsNone,
    /// One authority more stands above the signer than the root allows.
    TooManyAuthorities,
    /// Revocation lists demand an extension that is not understood.
    ListDemands,
    /// Revocation lists say only what is new since another.
    ListDelta,
    /// Revocation lists speak of other authorities' certificates too.
    ListIndirect,
    /// Revocation lists ended yesterday.
    ListExpired,
    /// Revocation lists are signed by another root's authorities.
    ListForged,
    /// Revocation lists are gone (404).
    ListMissing,
    /// Keys are certified under a root of the same name and another key.
    OtherRoot,
    /// This claim about the quote says something else.
    Claim(&'static str),
    /// This claim is not there.
    NoClaim(&'static str),
    /// The TD is called debuggable.
    Debuggable,
    /// The TCB status is this word.
    Tcb(&'static str),
    /// A policy that was asked for is unmatched, and there is a token all the same.
    PolicyUnmatched,
    /// A policy that was asked for is not spoken of.
    PolicyMissing,
    /// So many requests for a token are answered with this status.
    Status(u16, usize),
    /// Requests for a token are answered with 500 and the key in the message.
    EchoesKey,
    /// Requests for a token are refused with 400 and the key in the message, spelt in escapes.
    RefusesWithKey,
    /// Tokens hold the key that they were asked for with.
    KeyInToken,
    /// Answers to requests for a token have ten megabytes.
    Oversized,
    /// Requests for a token are redirected to the portal.
    Redirects,
}
