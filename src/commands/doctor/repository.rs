//! What GitHub says of the repository, the token and the time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, fmt::rfc2822};
use reqwest::Url;
use serde_json::Value;

use super::offline;
use crate::{
    adapters::reach::{Answer, Reach},
    context::Context,
    doctor::{Asked, machine::Token},
    subject::repository::Repository,
};

/// Names a page of a listing holds, at most what GitHub gives.
const PAGES: usize = 20;

/// What was seen.
pub(super) struct Seen {
    pub(super) variables: Asked<BTreeMap<String, String>>,
    pub(super) secrets: Asked<BTreeSet<String>>,
    pub(super) token: Asked<Token>,
    pub(super) clock: Asked<SignedDuration>,
}

/// Asks GitHub, if anything may be asked.
pub(super) async fn look(reach: Option<&Reach>, repository: &Repository, context: &Context) -> Seen {
    let Some(reach) = reach else {
        return Seen { variables: offline(), secrets: offline(), token: offline(), clock: offline() };
    };
    let token = context.endpoints.token.as_ref();
    let answer = match address(context, repository, &[], 0) {
        Some(url) => reach.ask(&url, token).await,
        None => Err("the API's URL has no path".to_owned()),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => {
            let why = format!("GitHub does not answer ({why})");
            return Seen {
                variables: Asked::No(why.clone()),
                secrets: Asked::No(why.clone()),
                token: if token.is_none() { Asked::Yes(Token::Unset) } else { Asked::No(why.clone()) },
                clock: Asked::No(why),
            };
        }
    };
    let clock = clock(&answer, context);
    if token.is_none() {
        let why = "without GH_TOKEN GitHub tells none".to_owned();
        let (variables, secrets) = (Asked::No(why.clone()), Asked::No(why));
        return Seen { variables, secrets, token: Asked::Yes(Token::Unset), clock };
    }
    let names = |kind: &'static str| async move { listed(reach, repository, context, kind).await };
    let (variables, secrets) = futures_util::future::join(names("variables"), names("secrets")).await;
    let secrets = match secrets {
        Asked::Yes(secrets) => Asked::Yes(secrets.into_keys().collect()),
        Asked::No(why) => Asked::No(why),
    };
    Seen { variables, secrets, token: token_of(&answer), clock }
}

fn token_of(answer: &Answer) -> Asked<Token> {
    match answer.status {
        401 => Asked::Yes(Token::Refused),
        200..=299 => {
            let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            Asked::Yes(Token::Accepted {
                scopes: answer.headers.get("x-oauth-scopes").cloned(),
                may_push: body.pointer("/permissions/push").and_then(Value::as_bool),
            })
        }
        404 => Asked::No("GitHub knows no such repository, or hides it from this token (404)".to_owned()),
        status => Asked::No(format!("GitHub answers with {status}")),
    }
}

/// How far this clock is ahead.
fn clock(answer: &Answer, context: &Context) -> Asked<SignedDuration> {
    let stated = answer.headers.get("date").map(|date| rfc2822::parse(date));
    match stated {
        Some(Ok(date)) => Asked::Yes(context.now().duration_since(date.timestamp())),
        Some(Err(_)) => Asked::No("GitHub's answer has a date that cannot be read".to_owned()),
        None => Asked::No("GitHub's answer has no date".to_owned()),
    }
}

/// Variables or secrets of the repository by their names; a secret has no value.
async fn listed(
    reach: &Reach,
    repository: &Repository,
    context: &Context,
    kind: &str,
) -> Asked<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for page in 1..=PAGES {
        let Some(url) = address(context, repository, &["actions", kind], page) else {
            return Asked::No("the API's URL has no path".to_owned());
        };
        let answer = match reach.ask(&url, context.endpoints.token.as_ref()).await {
            Ok(answer) if answer.status < 300 => answer,
            Ok(answer) => return Asked::No(format!("the token may not list {kind} ({})", answer.status)),
            Err(why) => return Asked::No(why),
        };
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let Some(items) = body.get(kind).and_then(Value::as_array) else {
            return Asked::No(format!("GitHub's answer lists no {kind}"));
        };
        let text = |item: &Value, field: &str| item.get(field).and_then(Value::as_str).map(str::to_owned);
        all.extend(items.iter().filter_map(|i| Some((text(i, "name")?, text(i, "value").unwrap_or_default()))));
        let total = body.get("total_count").and_then(Value::as_u64).unwrap_or_default();
        if items.is_empty() || all.len() as u64 >= total {
            break;
        }
    }
    Asked::Yes(all)
}

fn address(context: &Context, repository: &Repository, rest: &[&str], page: usize) -> Option<Url> {
    let mut url = context.endpoints.api_url.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(["repos", repository.owner(), repository.name()]).extend(rest);
    if page > 0 {
        url.query_pairs_mut().append_pair("per_page", "30").append_pair("page", &page.to_string());
    }
    Some(url)
}
