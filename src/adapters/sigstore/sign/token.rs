//! Identity tokens: where they come from, and what must be so before one is sent anywhere. They are secrets: no message
//! holds a part of one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::services::refuse_plain;
use crate::{
    adapters::http::{Http, HttpOptions, Request, Service},
    error::{Error, Result},
    schema::excerpt::excerpt,
};

/// Whom a token must be for.
const AUDIENCE: &str = "sigstore";
/// How far clocks may be apart.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(60);
/// Longest token; GitHub's are under 3 KiB.
const MAX_TOKEN_BYTES: usize = 64 << 10;

/// Where the identity token comes from.
#[derive(Debug, Clone)]
pub enum IdentitySource {
    /// It was given.
    Given(SecretString),
    /// A job of GitHub Actions asks for one.
    GitHub {
        /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
        url: String,
        /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
        token: SecretString,
    },
}

impl IdentitySource {
    /// A token that Fulcio may be shown now.
    pub(super) async fn token(&self, now: Timestamp, http: &HttpOptions) -> Result<SecretString> {
        let token = match self {
            Self::Given(token) => token.expose_secret().trim().into(),
            Self::GitHub { url, token } => ask(url, token, http).await?,
        };
        check(&token, now)?;
        Ok(token)
    }
}

/// Asks GitHub for a token. Another one than before does no harm.
async fn ask(url: &str, token: &SecretString, http: &HttpOptions) -> Result<SecretString> {
    #[derive(Deserialize)]
    struct Answer {
        value: String,
    }
    let url =
        &Url::parse(url).map_err(|e| Error::usage("ACTIONS_ID_TOKEN_REQUEST_URL is not an address").because(e))?;
    refuse_plain(url, "ACTIONS_ID_TOKEN_REQUEST_URL")?;
    let mut asked = url.clone();
    asked.query_pairs_mut().append_pair("audience", AUDIENCE);
    let subject = "an identity token";
    let http = Http::new(Service::IdToken, url.clone(), Some(token), http.clone())?;
    let answer = http.ask(&Request::get(&asked, "application/json"), subject).await?;
    // What the parser says of an answer may quote it.
    let answer = answer.and_then(|fetched| serde_json::from_slice::<Answer>(&fetched.body).ok());
    answer.map(|answer| answer.value.into()).ok_or_else(|| {
        Error::remote(format!(
            "cannot get {subject}: {} answered with something else",
            crate::adapters::http::host(url)
        ))
    })
}

/// What a token says of itself, as far as it decides whether Fulcio would take it. Its signature is Fulcio's to check.
#[derive(Deserialize)]
struct Claims {
    aud: Audience,
    exp: i64,
    nbf: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Refuses a token that no authority would take.
///
/// # Errors
/// Usage, with what is wrong with it.
fn check(token: &SecretString, now: Timestamp) -> Result<()> {
    const FRESH: &str = "get a fresh one for the audience `sigstore`: tokens live for a few minutes";
    let wrong = |what: String| Error::usage(format!("the identity token {what}")).help(FRESH);
    let claims = claims(token.expose_secret()).ok_or_else(|| wrong("is not a JSON Web Token".to_owned()))?;
    let audiences = match claims.aud {
        Audience::One(one) => vec![one],
        Audience::Several(several) => several,
    };
    if !audiences.iter().any(|audience| audience == AUDIENCE) {
        let shown: Vec<String> = audiences.iter().take(3).map(|audience| excerpt(audience)).collect();
        return Err(wrong(format!("is for {}, not for {AUDIENCE}", shown.join(", "))));
    }
    let time =
        |seconds: i64| Timestamp::from_second(seconds).map_err(|_| wrong("states an impossible time".to_owned()));
    let expires = time(claims.exp)?;
    if expires <= now {
        return Err(wrong(format!("expired at {expires}")));
    }
    match claims.nbf.map(time).transpose()? {
        Some(begins) if begins > now + TOLERANCE => Err(wrong(format!("is not valid before {begins}"))),
        Some(_) | None => Ok(()),
    }
}

fn claims(token: &str) -> Option<Claims> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [_, claims, _] = parts.as_slice() else { return None };
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn judged(claims: &serde_json::Value) -> Result<(), String> {
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()));
        check(&token.into(), Timestamp::from_second(NOW).unwrap()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_token_in_its_time_for_sigstore_may_be_sent() {
        judged(&json!({"aud": "sigstore", "exp": NOW + 1})).unwrap();
        judged(&json!({"aud": ["other", "sigstore"], "exp": NOW + 300, "nbf": NOW + 30, "sub": "x"})).unwrap();
    }

    #[test]
    fn what_is_wrong_with_a_token_is_said_without_it() {
        let cases = [
            (json!({"aud": "sigstore", "exp": NOW}), "the identity token expired at 2023-11-14T22:13:20Z"),
            (json!({"aud": "https://github.com/o", "exp": NOW + 9}), "is for https://github.com/o, not for sigstore"),
            (json!({"aud": [], "exp": NOW + 9}), "not for sigstore"),
            (
                json!({"aud": "sigstore", "exp": NOW + 900, "nbf": NOW + 600}),
                "is not valid before 2023-11-14T22:23:20Z",
            ),
            (json!({"aud": "sigstore", "exp": i64::MAX}), "states an impossible time"),
            (json!({"aud": "sigstore"}), "is not a JSON Web Token"),
            (json!([]), "is not a JSON Web Token"),
        ];
        for (claims, expected) in cases {
            let said = judged(&claims).unwrap_err();
            assert!(said.contains(expected), "{said}");
        }
        for token in ["", "ghp_abcdefghijklmnop", "a.b", "a.b.c.d", "..", &"x".repeat(1 << 20)] {
            let said = check(&token.into(), Timestamp::from_second(NOW).unwrap()).unwrap_err().to_string();
            assert_eq!(said, "the identity token is not a JSON Web Token");
        }
    }
}
