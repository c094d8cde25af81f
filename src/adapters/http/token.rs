//! The token of a service: the header that carries it, and whether a server's words repeat it. It shows nothing.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use super::service::Service;
use crate::error::{Error, Result};

/// So many characters in a row of a token are never a coincidence, and fewer may be.
const TELLING: usize = 16;

/// A password shorter than this keeps nothing secret, and its letters stand in too many messages.
const SHORTEST: usize = 6;

/// The header that carries the token; `None` for an empty token, which is how CI passes on a secret that isn't there.
pub(super) fn header(service: Service, token: &SecretString) -> Result<Option<HeaderValue>> {
    // A token read from a file ends in a newline.
    let token = token.expose_secret().trim();
    if token.is_empty() {
        return Ok(None);
    }
    let credential = service.credential();
    let mut value = HeaderValue::try_from(format!("{}{token}", credential.scheme)).map_err(|_| {
        Error::usage("the token holds a character that tokens never have")
            .help(format!("check {} for stray characters", credential.variable))
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Whether `text` holds a part of the token that a header carries, after `Bearer` or alone.
pub(super) fn holds_part(text: &[u8], authorization: &HeaderValue) -> bool {
    let sent = authorization.as_bytes();
    let token = sent.strip_prefix(b"Bearer ").unwrap_or(sent);
    if token.len() < TELLING {
        return false;
    }
    let parts: std::collections::HashSet<&[u8]> = token.windows(TELLING).collect();
    text.windows(TELLING).any(|part| parts.contains(part))
}

/// Whether `text` holds a secret, which may be as short as passwords are, or a telling part of it.
pub(super) fn holds(text: &[u8], secret: &HeaderValue) -> bool {
    let whole = secret.as_bytes();
    let is_secret = whole.len() >= SHORTEST;
    is_secret && text.windows(whole.len()).any(|part| part == whole) || holds_part(text, secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_telling_part_of_a_token_is_found_and_nothing_else() {
        let token = HeaderValue::from_static("Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJyZXBvOm8vciJ9.c2lnbmF0dXJl");
        for said in [
            "token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJyZXBvOm8vciJ9.c2lnbmF0dXJl is expired",
            "payload eyJzdWIiOiJyZXBvOm8vciJ9",
            "zdWIiOiJyZXBvOm8v",
        ] {
            assert!(holds_part(said.as_bytes(), &token), "{said}");
        }
        for said in ["", "the token is expired", "eyJhbGciOiJFUzI"] {
            assert!(!holds_part(said.as_bytes(), &token), "{said}");
        }
    }

    #[test]
    fn a_password_is_found_whole_where_it_is_one() {
        let password = HeaderValue::from_static("correct-horse");
        assert!(holds(b"bad credentials admin:correct-horse in the header", &password));
        assert!(!holds(b"correct, said the horse", &password));
        assert!(!holds(b"no admin here", &HeaderValue::from_static("admin")));
    }

    #[test]
    fn what_is_too_short_to_be_a_secret_hides_no_message() {
        let token = HeaderValue::from_static("Bearer sandbox");
        assert!(!holds_part(b"no such release in the sandbox", &token));
    }
}
