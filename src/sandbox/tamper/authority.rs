//! The kinds of tampering that spoil Intel Trust Authority, in the order of `--tamper list`.

use super::{Row, Spoils, Stage, services::no_release};
use crate::sandbox::ita::Fault;

const fn ita(name: &'static str, does: &'static str, fault: Fault) -> Row {
    Row { name, does, spares: no_release, stage: Stage::Service(Spoils::Authority(fault)) }
}

/// For as often as it is asked.
const ALWAYS: usize = usize::MAX;

pub(super) static ROWS: &[Row] = &[
    ita("ita-expired", "gives tokens that expired an hour ago", Fault::Expired),
    ita("ita-not-yet-valid", "gives tokens that are valid in an hour", Fault::NotYetValid),
    ita("ita-issued-in-future", "gives tokens that say they were issued an hour from now", Fault::IssuedInFuture),
    ita("ita-long-lived", "gives tokens that are valid for a year", Fault::LongLived),
    ita("ita-other-issuer", "gives tokens that name another portal as their issuer", Fault::OtherIssuer),
    ita("ita-alg-none", "gives tokens that are not signed, and say `none`", Fault::AlgNone),
    ita("ita-alg-hs256", "signs tokens with HMAC, by the public key", Fault::AlgHs256),
    ita("ita-crit", "gives tokens that demand an extension", Fault::Crit),
    ita("ita-unknown-kid", "gives tokens that name a key which is not published", Fault::UnknownKid),
    ita("ita-two-keys", "publishes two keys of one name", Fault::TwoKeys),
    ita("ita-other-claims", "changes the claims of tokens after they were signed", Fault::OtherClaims),
    ita("ita-key-unlike-leaf", "publishes another key than the one in its certificate", Fault::KeyUnlikeLeaf),
    ita("ita-other-root", "has its keys certified under another root", Fault::OtherRoot),
    ita("ita-leaf-revoked", "revokes the signer's certificate", Fault::LeafRevoked),
    ita("ita-leaf-expired", "signs with a certificate that expired yesterday", Fault::LeafExpired),
    ita("ita-leaf-critical", "puts an unknown critical extension into the signer's certificate", Fault::LeafDemands),
    ita("ita-leaf-is-authority", "signs tokens with the certificate of an authority", Fault::LeafIsAuthority),
    ita("ita-authority-revoked", "revokes the signing authority's certificate", Fault::AuthorityRevoked),
    ita("ita-authority-expired", "certifies by an authority that expired in 2021", Fault::AuthorityExpired),
    ita("ita-authority-may-not", "certifies by a key that may not sign certificates", Fault::AuthorityMayNotSign),
    ita("ita-authority-is-none", "certifies by a certificate that is not an authority's", Fault::AuthorityIsNone),
    ita("ita-long-chain", "puts one authority more into the chain than the root allows", Fault::TooManyAuthorities),
    ita("ita-list-critical", "puts an unknown critical extension into revocation lists", Fault::ListDemands),
    ita("ita-list-delta", "publishes revocation lists with changes alone", Fault::ListDelta),
    ita("ita-list-indirect", "publishes revocation lists about other authorities' certificates", Fault::ListIndirect),
    ita("ita-list-expired", "publishes revocation lists that expired yesterday", Fault::ListExpired),
    ita("ita-list-forged", "publishes revocation lists of another root's authorities", Fault::ListForged),
    ita("ita-list-missing", "answers 404 where revocation lists should be", Fault::ListMissing),
    ita("ita-claim-mrtd", "gives tokens with another MRTD than the quote's", Fault::Claim("tdx_mrtd")),
    ita("ita-claim-rtmr0", "gives tokens with another RTMR0 than the quote's", Fault::Claim("tdx_rtmr0")),
    ita("ita-claim-rtmr1", "gives tokens with another RTMR1 than the quote's", Fault::Claim("tdx_rtmr1")),
    ita("ita-claim-rtmr2", "gives tokens with another RTMR2 than the quote's", Fault::Claim("tdx_rtmr2")),
    ita("ita-claim-rtmr3", "gives tokens with another RTMR3 than the quote's", Fault::Claim("tdx_rtmr3")),
    ita("ita-claim-report-data", "gives tokens with other report data", Fault::Claim("tdx_report_data")),
    ita("ita-claim-missing", "gives tokens without an MRTD", Fault::NoClaim("tdx_mrtd")),
    ita("ita-debuggable", "calls every TD debuggable", Fault::Debuggable),
    ita("ita-outdated-tcb", "calls the TCB out of date", Fault::Tcb("OutOfDate")),
    ita("ita-revoked-tcb", "calls the TCB revoked", Fault::Tcb("Revoked")),
    ita("ita-unknown-tcb", "calls the TCB by a word that Intel does not document", Fault::Tcb("OK")),
    ita("ita-policy-unmatched", "calls a policy that was asked for unmatched", Fault::PolicyUnmatched),
    ita("ita-policy-missing", "says nothing of a policy that was asked for", Fault::PolicyMissing),
    ita("ita-key-refused", "refuses the API key", Fault::Status(401, ALWAYS)),
    ita("ita-key-repeated", "answers 500, and repeats the API key", Fault::EchoesKey),
    ita("ita-key-in-token", "gives tokens that hold the API key", Fault::KeyInToken),
    ita("ita-limited", "answers every request for a token with 429", Fault::Status(429, ALWAYS)),
    ita("ita-unavailable", "answers every request for a token with 503", Fault::Status(503, ALWAYS)),
    ita("ita-oversized", "answers with ten megabytes", Fault::Oversized),
    ita("ita-redirects", "redirects requests for a token to the portal", Fault::Redirects),
];

impl Fault {
    /// Whether it is about policies alone: without one that is asked for it spoils nothing.
    pub(super) fn is_of_policies(self) -> bool {
        matches!(self, Self::PolicyUnmatched | Self::PolicyMissing)
    }
}
