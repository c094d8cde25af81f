//! When a token counts.

use super::{Refusal, claims::Claims};

/// How far clocks may differ, in seconds, for a token's beginning and for its end.
pub const LEEWAY_SECONDS: u64 = 60;
/// The longest that a token may count, in seconds. Intel Trust Authority's count for 300.
pub const MAX_LIFETIME_SECONDS: u64 = 3_600;

/// The times of a token, in seconds since 1970 UTC.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) issued: u64,
    /// Its end: RFC 7519 lets it count before that second alone.
    pub(super) expires: u64,
    not_before: Option<u64>,
}

impl Times {
    pub(super) fn read(claims: &Claims<'_>) -> Result<Self, Refusal> {
        let issued = claims.seconds("iat")?.ok_or(Refusal::MissingClaim("iat"))?;
        let expires = claims.seconds("exp")?.ok_or(Refusal::MissingClaim("exp"))?;
        Ok(Self { issued, expires, not_before: claims.seconds("nbf")? })
    }

    /// Whether the token counts at `now`.
    pub(super) fn current(&self, now: u64) -> Result<(), Refusal> {
        let Self { issued, expires, not_before } = *self;
        let lifetime = i128::from(expires) - i128::from(issued);
        if !(1..=i128::from(MAX_LIFETIME_SECONDS)).contains(&lifetime) {
            return Err(Refusal::Lifetime(lifetime));
        }
        if let Some(from) = not_before.filter(|from| *from >= expires) {
            return Err(Refusal::NeverValid { from, expires });
        }
        if let Some(from) = not_before.filter(|from| *from > now.saturating_add(LEEWAY_SECONDS)) {
            return Err(Refusal::NotYetValid { from, now });
        }
        if issued > now.saturating_add(LEEWAY_SECONDS) {
            return Err(Refusal::IssuedInFuture { issued, now });
        }
        if now >= expires.saturating_add(LEEWAY_SECONDS) {
            return Err(Refusal::Expired { expires, now });
        }
        Ok(())
    }
}
