//! A credentials file: which kind it is, and its fields. What is wrong with one is said by the field's name and never by its
//! value, which may be a secret.

use std::path::Path;

use secrecy::SecretString;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    exchange::{User, Workload},
    hosts::Hosts,
    jwt::ServiceAccount,
};
use crate::{
    adapters::file,
    error::{Error, Result},
    schema::{excerpt::excerpt, parse_json_within},
};

/// Largest file read, in bytes. Real ones are under 4 KiB.
const MAX_BYTES: u64 = 64 << 10;
/// Where users of gcloud get tokens, when the file does not say.
const OAUTH: &str = "https://oauth2.googleapis.com/token";

/// What a file holds.
pub(super) enum Kind {
    /// A service account's key.
    Account(ServiceAccount),
    /// A workload outside of Google Cloud, known to it by another's tokens.
    Workload(Box<Workload>),
    /// A person.
    User(User),
}

/// Reads a file.
pub(super) fn read(path: &Path, hosts: &Hosts) -> Result<Kind> {
    let bytes = Zeroizing::new(file::read_source(path, MAX_BYTES)?);
    let name = file::source_name(path);
    parse(&bytes, hosts)
        .map_err(|error| Error::usage(format!("{name}: no credentials that can be used")).because(error))
}

fn parse(bytes: &[u8], hosts: &Hosts) -> Result<Kind> {
    // What the parser says names the place and not what stands there.
    let document = parse_json_within(bytes, bytes.len())
        .map_err(|_| Error::usage("the credentials file is not acceptable JSON"))?;
    let fields = Fields(&document);
    if let Some(universe) = fields.optional("universe_domain")?.filter(|universe| *universe != "googleapis.com") {
        let universe = excerpt(universe);
        return Err(Error::usage(format!("the credentials file is for `{universe}`; expected googleapis.com")));
    }
    match fields.text("type")? {
        "service_account" => ServiceAccount::new(
            fields.text("client_email")?,
            fields.optional("private_key_id")?,
            &fields.secret("private_key")?,
        )
        .map(Kind::Account),
        "external_account" => workload(&fields, hosts).map(|workload| Kind::Workload(Box::new(workload))),
        "authorized_user" => Ok(Kind::User(User {
            client_id: fields.text("client_id")?.to_owned(),
            client_secret: fields.secret("client_secret")?,
            refresh_token: fields.secret("refresh_token")?,
            token_url: hosts.google("token_uri", fields.optional("token_uri")?.unwrap_or(OAUTH))?,
        })),
        other => Err(Error::usage(format!(
            "the credentials file's type is `{}`; expected service_account, external_account or authorized_user",
            excerpt(other)
        ))),
    }
}

/// A file of google-github-actions/auth.
fn workload(fields: &Fields<'_>, hosts: &Hosts) -> Result<Workload> {
    let source = Fields(fields.0.get("credential_source").unwrap_or(&Value::Null));
    if source.0.get("url").is_none() {
        let what = "the credentials file's credential_source has no url: only identity tokens of GitHub Actions are understood";
        return Err(Error::usage(what).help("make the file with google-github-actions/auth"));
    }
    let format = Fields(source.0.get("format").unwrap_or(&Value::Null));
    let token_field = match format.optional("type")? {
        Some("json") => Some(format.text("subject_token_field_name")?.to_owned()),
        Some("text") | None => None,
        Some(other) => {
            return Err(Error::usage(format!(
                "the credentials file's credential_source.format.type is `{}`; expected json or text",
                excerpt(other)
            )));
        }
    };
    Ok(Workload {
        audience: fields.text("audience")?.to_owned(),
        subject_token_type: fields.text("subject_token_type")?.to_owned(),
        token_url: hosts.google("token_url", fields.text("token_url")?)?,
        source: hosts.runner("credential_source.url", source.text("url")?)?,
        source_token: bearer(&source)?,
        token_field,
        impersonation: fields
            .optional("service_account_impersonation_url")?
            .map(|url| hosts.google("service_account_impersonation_url", url))
            .transpose()?,
    })
}

/// The token in the only header that a runner wants.
fn bearer(source: &Fields<'_>) -> Result<SecretString> {
    let headers = source.0.get("headers").and_then(Value::as_object);
    let mut names = headers.into_iter().flatten();
    let wrong = || {
        Error::usage(
            "the credentials file's credential_source.headers must be one Authorization header with a Bearer token",
        )
    };
    match (names.next(), names.next()) {
        (Some((name, value)), None) if name.eq_ignore_ascii_case("authorization") => {
            let token = value.as_str().and_then(|text| {
                let (scheme, token) = text.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then_some(token)
            });
            token.map(SecretString::from).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

/// The fields of an object.
struct Fields<'a>(&'a Value);

impl<'a> Fields<'a> {
    fn optional(&self, name: &str) -> Result<Option<&'a str>> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(Error::usage(format!("the credentials file's {name} is not a text")))
            }
        }
    }

    fn text(&self, name: &str) -> Result<&'a str> {
        let text = self.optional(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| Error::usage(format!("the credentials file has no {name}")))
    }

    fn secret(&self, name: &str) -> Result<SecretString> {
        self.text(name).map(SecretString::from)
    }
}
