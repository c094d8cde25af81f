//! Tokens for tokens: a workload's identity token or a user's refresh token for an access token (OAuth 2.0, RFC 6749 and
//! RFC 8693), and an access token for one of a service account. What a service says in an error is never repeated, since
//! it may repeat a secret: of its body only words are told that are ours to know.

use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::{SCOPE, Token};
use crate::{
    adapters::http::{Body, Fetched, Http, HttpOptions, Request, Service, host},
    error::{Error, Result},
};

/// Largest answer with a token.
pub(super) const MAX_ANSWER_BYTES: u64 = 64 << 10;
/// What a token must be good for that is exchanged for one of a service account.
const IAM_SCOPE: &str = "https://www.googleapis.com/auth/iam";
const FORM: &str = "application/x-www-form-urlencoded";
/// Statuses of a no, whose reason is read.
const REFUSALS: &[StatusCode] =
    &[StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND];
/// The reasons that RFC 6749, RFC 8693 and Google's APIs define. Any other word is not repeated.
const REASONS: [&str; 16] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "invalid_scope",
    "invalid_target",
    "unauthorized_client",
    "unsupported_grant_type",
    "access_denied",
    "invalid_rapt",
    "server_error",
    "temporarily_unavailable",
    "INVALID_ARGUMENT",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "NOT_FOUND",
    "FAILED_PRECONDITION",
];

/// A job of GitHub Actions that Google Cloud knows as a workload.
pub(super) struct Workload {
    pub(super) audience: String,
    pub(super) subject_token_type: String,
    /// Google's security token service.
    pub(super) token_url: Url,
    /// Where the job gets its identity token.
    pub(super) source: Url,
    /// With what it asks for that.
    pub(super) source_token: SecretString,
    /// The field of the answer that holds the identity token; `None`: the answer is the token.
    pub(super) token_field: Option<String>,
    /// Where it gets a token of a service account for its own.
    pub(super) impersonation: Option<Url>,
}

/// A person who logged in with gcloud.
pub(super) struct User {
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
    pub(super) refresh_token: SecretString,
    pub(super) token_url: Url,
}

impl Workload {
    /// Whose tokens these are.
    pub(super) fn whose(&self) -> String {
        match &self.impersonation {
            None => "this job's workload identity".to_owned(),
            Some(url) => {
                let account = url.path().rsplit('/').next().and_then(|last| last.split(':').next()).unwrap_or_default();
                format!("the service account {}", crate::schema::excerpt::excerpt(account))
            }
        }
    }

    /// The job's identity token, for a token of its workload, for one of a service account.
    pub(super) async fn token(&self, now: Timestamp, options: &HttpOptions) -> Result<Token> {
        let subject = self.identity(options).await?;
        let scope = if self.impersonation.is_some() { IAM_SCOPE } else { SCOPE };
        let form = form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token_type", &self.subject_token_type),
            ("subject_token", subject.expose_secret()),
            ("audience", &self.audience),
            ("scope", scope),
        ]);
        let asked = Asked { url: &self.token_url, what: "a token for the job's identity", token: None };
        let federated = AccessToken::read(asked.by_post(FORM, form, options).await?, "the token exchange")?;
        let Some(url) = &self.impersonation else { return federated.token(now) };
        let body = json!({"scope": [SCOPE], "lifetime": "3600s"}).to_string().into_bytes();
        let secret = federated.secret();
        let asked = Asked { url, what: "a token of the service account", token: Some(&secret) };
        impersonated(asked.by_post("application/json", body, options).await?, now)
    }

    async fn identity(&self, options: &HttpOptions) -> Result<SecretString> {
        let subject = "the job's identity token";
        let options = HttpOptions { max_json_bytes: MAX_ANSWER_BYTES, ..options.clone() };
        let http = Http::new(Service::IdToken, self.source.clone(), Some(&self.source_token), options)?;
        let answer = http.ask(&Request::get(&self.source, "application/json"), subject).await?;
        let body = Zeroizing::new(answer.map(|fetched| fetched.body).unwrap_or_default());
        let token = match &self.token_field {
            None => str::from_utf8(&body).ok().map(|text| text.trim().to_owned()),
            Some(field) => {
                let answer: Option<Value> = serde_json::from_slice(&body).ok();
                answer.and_then(|answer| answer.get(field)?.as_str().map(str::to_owned))
            }
        };
        token.filter(|token| !token.is_empty()).map(SecretString::from).ok_or_else(|| {
            Error::remote(format!("cannot get {subject}: {} answered with something else", host(&self.source)))
        })
    }
}

impl User {
    /// A new access token for the refresh token.
    pub(super) async fn token(&self, now: Timestamp, options: &HttpOptions) -> Result<Token> {
        let form = form(&[
            ("grant_type", "refresh_token"),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose_secret()),
            ("refresh_token", self.refresh_token.expose_secret()),
        ]);
        let asked = Asked { url: &self.token_url, what: "a token of the user", token: None };
        AccessToken::read(asked.by_post(FORM, form, options).await?, "the token service")?.token(now)
    }
}

/// What is asked of a token service.
struct Asked<'a> {
    url: &'a Url,
    what: &'static str,
    token: Option<&'a SecretString>,
}

impl Asked<'_> {
    /// The body of a success. Asking twice gives two tokens, which does no harm.
    async fn by_post(&self, media_type: &'static str, body: Vec<u8>, options: &HttpOptions) -> Result<Vec<u8>> {
        let options = HttpOptions { max_json_bytes: MAX_ANSWER_BYTES, ..options.clone() };
        let http = Http::new(Service::GoogleToken, self.url.clone(), self.token, options)?;
        let body = Body::Bytes(media_type, body);
        let request = Request { body, idempotent: true, accepted: REFUSALS, ..Request::new(Method::POST, self.url) };
        let answer = http.ask(&request, self.what).await?;
        let nothing = || Error::remote(format!("cannot get {}: {} answered 404", self.what, host(self.url)));
        let Fetched { status, body, .. } = answer.ok_or_else(nothing)?;
        if status == StatusCode::OK { Ok(body) } else { Err(self.refused(status, &Zeroizing::new(body))) }
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> Error {
        let said: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = said.get("error");
        let word = error.and_then(|error| error.get("status").or(Some(error))).and_then(Value::as_str);
        let reason = word.filter(|word| REASONS.contains(word)).map(|word| format!(": {word}")).unwrap_or_default();
        let (what, host) = (self.what, host(self.url));
        Error::remote(format!("cannot get {what}: {host} answered {}{reason}", status.as_u16()))
            .help("the credentials were not accepted: they may be revoked, expired, or lack the role they need")
    }
}

/// An answer with a token.
pub(super) struct AccessToken {
    secret: SecretString,
    seconds: Option<u64>,
}

impl AccessToken {
    /// Reads an answer; what the parser says of it may quote it.
    pub(super) fn read(body: Vec<u8>, whose: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Answer {
            access_token: String,
            expires_in: Option<u64>,
        }
        let body = Zeroizing::new(body);
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| Error::remote(format!("the answer of {whose} holds no access token")))?;
        if answer.access_token.is_empty() {
            return Err(Error::remote(format!("the access token of {whose} is empty")));
        }
        Ok(Self { secret: answer.access_token.into(), seconds: answer.expires_in })
    }

    fn secret(&self) -> SecretString {
        self.secret.clone()
    }

    /// As a token from `now` on.
    pub(super) fn token(self, now: Timestamp) -> Result<Token> {
        Ok(Token::lasting(self.secret, now, self.seconds))
    }
}

/// The answer of IAM Credentials, which states when the token ends.
fn impersonated(body: Vec<u8>, now: Timestamp) -> Result<Token> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        access_token: String,
        expire_time: Option<Timestamp>,
    }
    let body = Zeroizing::new(body);
    let answer: Answer = serde_json::from_slice(&body)
        .map_err(|_| Error::remote("the answer of IAM Credentials holds no access token"))?;
    let seconds = answer.expire_time.map(|end| u64::try_from(end.as_second() - now.as_second()).unwrap_or_default());
    Ok(Token::lasting(answer.access_token.into(), now, seconds))
}

fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn of_a_refusal_only_defined_words_are_repeated() {
        let url = Url::parse("https://sts.googleapis.com/v1/token").unwrap();
        let asked = Asked { url: &url, what: "a token", token: None };
        for (body, reason) in [
            (r#"{"error":"invalid_grant","error_description":"eyJhbGciOi.secret"}"#, ": invalid_grant"),
            (r#"{"error":{"code":403,"message":"secret","status":"PERMISSION_DENIED"}}"#, ": PERMISSION_DENIED"),
            (r#"{"error":"a-client-secret"}"#, ""),
            ("secret", ""),
            ("", ""),
        ] {
            let said = asked.refused(StatusCode::FORBIDDEN, body.as_bytes()).to_string();
            assert_eq!(said, format!("cannot get a token: sts.googleapis.com answered 403{reason}"));
        }
    }

    #[test]
    fn an_answer_without_a_token_is_not_quoted() {
        for body in ["", "[]", r#"{"access_token":""}"#, r#"{"access_token":5,"id_token":"secret"}"#] {
            let said = AccessToken::read(body.into(), "the service").err().unwrap().to_string();
            assert!(said.starts_with("the a") && !said.contains("secret"), "{said}");
        }
    }
}
