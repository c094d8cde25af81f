//! Whether a server's words repeat what we told it in confidence. It shows nothing, and changes nothing.

use reqwest::header::HeaderValue;

/// So many characters in a row of a token are never a coincidence, and fewer may be.
const TELLING: usize = 16;

/// Whether `text` holds a part of the token that an `Authorization` header carries.
pub(super) fn holds_part(text: &[u8], authorization: &HeaderValue) -> bool {
    let sent = authorization.as_bytes();
    let token = sent.strip_prefix(b"Bearer ").unwrap_or(sent);
    if token.len() < TELLING {
        return false;
    }
    let parts: std::collections::HashSet<&[u8]> = token.windows(TELLING).collect();
    text.windows(TELLING).any(|part| parts.contains(part))
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
    fn what_is_too_short_to_be_a_secret_hides_no_message() {
        let token = HeaderValue::from_static("Bearer sandbox");
        assert!(!holds_part(b"no such release in the sandbox", &token));
    }
}
