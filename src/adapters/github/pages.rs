//! Lists of the API, page by page (RFC 8288 `Link` headers). It stays with the API's host and ends.

use reqwest::header::{HeaderMap, LINK};
use serde::de::DeserializeOwned;
use url::Url;

use super::GitHub;
use crate::{
    adapters::http::host,
    error::{Error, Result},
};

/// GitHub lists no more than 10,000 releases, 100 a page: a longer list is a server that never ends.
const MAX_PAGES: usize = 100;

/// The pages not read yet.
#[derive(Debug)]
pub(super) struct Pages<'a> {
    github: &'a GitHub,
    subject: &'a str,
    next: Option<Url>,
    read: usize,
}

impl<'a> Pages<'a> {
    /// Starts at `first`, asking for pages of `size` entries.
    pub(super) fn new(github: &'a GitHub, mut first: Url, size: usize, subject: &'a str) -> Self {
        first.query_pairs_mut().append_pair("per_page", &size.clamp(1, 100).to_string());
        Self { github, subject, next: Some(first), read: 0 }
    }

    /// The entries of the next page; `None` after the last.
    ///
    /// # Errors
    /// Remote: as for every request; a list that does not exist, does not end or continues on another host.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<Vec<T>>> {
        let Some(url) = self.next.take() else { return Ok(None) };
        if self.read == MAX_PAGES {
            let (host, subject) = (host(&url), self.subject);
            return Err(Error::remote(format!("{host} lists {subject} on more than {MAX_PAGES} pages")));
        }
        let Some(page) = self.github.api.get(&url, "a list", self.subject).await? else {
            let message = format!("{} has no {} (404)", host(&url), self.subject);
            return Err(Error::remote(message).help("check the repository; a private one needs a GH_TOKEN"));
        };
        self.read += 1;
        self.next = next_link(&page.headers).map(|link| self.follow(&page.url, &link)).transpose()?;
        Ok(Some(page.value))
    }

    fn follow(&self, from: &Url, link: &str) -> Result<Url> {
        let (here, subject) = (host(from), self.subject);
        let target = from.join(link).map_err(|e| {
            Error::remote(format!("{here} gives no valid URL for the next page of {subject}")).because(e)
        })?;
        if !self.github.http.is_own(&target) {
            let there = host(&target);
            let message = format!("{here} continues {subject} on another host, {there}, which we don't follow");
            return Err(Error::remote(message));
        }
        Ok(target)
    }
}

/// The target of the link whose relation is `next`.
fn next_link(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    values.filter_map(next_target).next().map(str::to_owned)
}

fn next_target(mut rest: &str) -> Option<&str> {
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        let (mut parameters, later) = split_unquoted(after, ',');
        while !parameters.is_empty() {
            let (parameter, others) = split_unquoted(parameters, ';');
            if is_next(parameter) {
                return Some(target);
            }
            parameters = others;
        }
        rest = later;
    }
}

/// What comes before and after the first `separator` outside quotes.
fn split_unquoted(text: &str, separator: char) -> (&str, &str) {
    let mut quoted = false;
    let is_separator = |letter: char| {
        quoted ^= letter == '"';
        letter == separator && !quoted
    };
    match text.find(is_separator) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + separator.len_utf8()..).unwrap_or_default()),
        None => (text, ""),
    }
}

fn is_next(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
        name.trim().eq_ignore_ascii_case("rel") && relations.any(|r| r.eq_ignore_ascii_case("next"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_is_found_among_others() {
        let github =
            r#"<https://a/r?page=1>; rel="prev", <https://a/r?page=3>; rel="next", <https://a/r?page=9>; rel="last""#;
        assert_eq!(next_target(github), Some("https://a/r?page=3"));
        assert_eq!(next_target("<b>; rel=next"), Some("b"));
        assert_eq!(next_target(r#"<a,b>; title="x, y"; REL="last NEXT""#), Some("a,b"));
        assert_eq!(next_target(r#"<a>; title="<b>; rel=next", <c>; rel=last"#), None);
        for none in ["", "<a>", "<a", "a; rel=next", r#"<a>; rel="last""#, "é<é>é;é"] {
            assert_eq!(next_target(none), None, "{none:?}");
        }
    }
}
