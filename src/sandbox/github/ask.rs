//! Who asks for what: the repository of a request, the account behind its token, the page of a list, the JSON of its body.

use std::{collections::HashMap, convert::Infallible};

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{header, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{
    Shared,
    accounts::{Account, Permission},
    refusal::Refusal,
    repository::Repository,
};

/// Where an Enterprise host has its API.
pub(super) const ENTERPRISE: &str = "/api/v3";
/// Where it takes uploads.
pub(super) const ENTERPRISE_UPLOADS: &str = "/api/uploads";

/// What every request says of itself.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    /// Base URL as the client reached us: it may have come through a proxy, under another name.
    base: String,
    /// Whose token came along.
    account: Option<Account>,
}

impl FromRequestParts<Shared> for Ask {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, hub: &Shared) -> Result<Self, Infallible> {
        let host = parts
            .uri
            .authority()
            .map(ToString::to_string)
            .or_else(|| parts.headers.get(header::HOST)?.to_str().ok().map(str::to_owned))
            .unwrap_or_default();
        let enterprise = [ENTERPRISE, ENTERPRISE_UPLOADS].iter().any(|start| parts.uri.path().starts_with(start));
        let prefix = if enterprise { ENTERPRISE } else { "" };
        // Uploads are answered with addresses of the API.
        let host = host.strip_prefix("uploads.").map_or(host.clone(), |rest| format!("api.{rest}"));
        let token = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let account = token.map(|token| hub.lock().accounts.of_header(token));
        Ok(Self { base: format!("http://{host}{prefix}"), account })
    }
}

impl Ask {
    /// The URL of the API.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// The URL of a repository.
    pub(super) fn repository(&self, full_name: &str) -> String {
        format!("{}/repos/{full_name}", self.base)
    }

    /// Where assets of a repository are uploaded: `uploads.X` beside `api.X` and `/api/uploads` beside `/api/v3`, as on
    /// GitHub; for any other address the API's own.
    pub(super) fn uploads(&self, full_name: &str) -> String {
        let beside = self.base.strip_prefix("http://api.").map(|rest| format!("http://uploads.{rest}"));
        let below = self.base.strip_suffix(ENTERPRISE).map(|host| format!("{host}{ENTERPRISE_UPLOADS}"));
        let base = below.or(beside).unwrap_or_else(|| self.base.clone());
        format!("{base}/repos/{full_name}")
    }

    /// Whether drafts are shown to the caller.
    pub(super) fn sees_drafts(&self) -> bool {
        self.account.as_ref().is_some_and(|account| account.permission >= Permission::Write)
    }

    /// The account behind the token.
    ///
    /// # Errors
    /// 401 without a token.
    pub(super) fn account(&self) -> Result<&Account, Refusal> {
        self.account.as_ref().ok_or_else(Refusal::unauthenticated)
    }

    /// The account, if it may change what the repository holds.
    ///
    /// # Errors
    /// 401 without a token, 403 with one that may only read.
    pub(super) fn writer(&self) -> Result<&Account, Refusal> {
        let account = self.account()?;
        if account.permission >= Permission::Write { Ok(account) } else { Err(Refusal::forbidden()) }
    }
}

/// The repository that a request is about.
pub(super) struct Here {
    pub(super) hub: Shared,
    full_name: String,
    pub(super) ask: Ask,
}

impl FromRequestParts<Shared> for Here {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, hub: &Shared) -> Result<Self, Refusal> {
        let Ok(ask) = Ask::from_request_parts(parts, hub).await;
        let segments = Path::<HashMap<String, String>>::from_request_parts(parts, hub).await;
        let Path(segments) = segments.map_err(|_| Refusal::not_found())?;
        let segment = |name: &str| segments.get(name).map(String::as_str).unwrap_or_default();
        let full_name = format!("{}/{}", segment("owner"), segment("name"));
        Ok(Self { hub: Shared::clone(hub), full_name, ask })
    }
}

impl Here {
    /// The name it was asked for by.
    pub(super) fn full_name(&self) -> &str {
        &self.full_name
    }

    /// Reads the repository, which keeps still meanwhile. The second argument is its URL.
    ///
    /// # Errors
    /// 404 when there is none, and what `read` refuses.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Repository, &str) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let state = self.hub.lock();
        let repository = state.repository(&self.full_name)?;
        read(repository, &self.ask.repository(&repository.full_name))
    }

    /// Changes the repository, if the caller may: see [`Here::change`].
    ///
    /// # Errors
    /// 401, 403, 404, and what `change` refuses.
    pub(super) fn write<T>(
        &self,
        change: impl FnOnce(&mut Repository, &Change<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.ask.writer()?;
        self.change(change)
    }

    /// Changes the repository on behalf of anybody with a token.
    ///
    /// # Errors
    /// 401, 404, and what `change` refuses.
    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&mut Repository, &Change<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let account = self.ask.account()?;
        let mut state = self.hub.lock();
        let (repository, id) = state.change(&self.full_name)?;
        let base = self.ask.repository(&repository.full_name);
        // Under the lock, so that no other change comes in between.
        self.hub.moments.note(repository);
        let changed = change(repository, &Change { id, base, account });
        self.hub.moments.note(repository);
        changed
    }
}

/// What a change may need.
pub(super) struct Change<'a> {
    /// A number that nothing has had.
    pub(super) id: u64,
    /// The repository's URL.
    pub(super) base: String,
    /// Whose change it is.
    pub(super) account: &'a Account,
}

/// A body of JSON.
pub(super) struct Said<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Said<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, hub: &Shared) -> Result<Self, Refusal> {
        let body = Bytes::from_request(request, hub).await.map_err(|_| Refusal::unreadable())?;
        serde_json::from_slice(&body).map(Self).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Refusal::invalid(&error.to_string()),
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => Refusal::unreadable(),
        })
    }
}

/// Which page of a list is wanted, and what else the query says.
#[derive(Debug)]
pub(super) struct Page {
    per_page: Option<usize>,
    page: Option<usize>,
    rest: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let (mut page, query) = (Self { per_page: None, page: None, rest: Vec::new() }, parts.uri.query());
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned() {
            match name.as_str() {
                "per_page" => page.per_page = value.parse().ok(),
                "page" => page.page = value.parse().ok(),
                _ => page.rest.push((name, value)),
            }
        }
        Ok(page)
    }
}

impl Page {
    /// The slice of `all` asked for, and a `Link` header when there is more.
    pub(super) fn of(&self, all: &[Value], url: &str) -> Response {
        let slice: Vec<&Value> = self.slice(all, USUAL).collect();
        let mut response = Json(json!(slice)).into_response();
        if let Some(link) = self.link(all.len(), url)
            && let Ok(value) = link.parse()
        {
            response.headers_mut().insert(header::LINK, value);
        }
        response
    }

    /// The entries of the page asked for.
    pub(super) fn slice<'a, T>(&self, all: &'a [T], usual: usize) -> impl Iterator<Item = &'a T> {
        let size = self.size(usual);
        all.iter().skip((self.number() - 1).saturating_mul(size)).take(size)
    }

    /// The next page, of the same query.
    fn link(&self, all: usize, url: &str) -> Option<String> {
        let (size, page) = (self.size(USUAL), self.number());
        let numbers = [("per_page", size), ("page", page + 1)].map(|(name, number)| (name, number.to_string()));
        let query =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.rest).extend_pairs(numbers).finish();
        (page.saturating_mul(size) < all).then(|| format!("<{url}?{query}>; rel=\"next\""))
    }

    fn size(&self, usual: usize) -> usize {
        self.per_page.unwrap_or(usual).clamp(1, usual.max(100))
    }

    fn number(&self) -> usize {
        self.page.unwrap_or(1).clamp(1, 1_000_000)
    }
}

/// Entries of a page when the query does not say how many.
const USUAL: usize = 30;
