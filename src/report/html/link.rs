//! Addresses outside the page: only to https, only of known shapes.

use askama::Template;

/// The public log, and the page that shows its entries by number.
const PUBLIC_LOG: &str = "https://rekor.sigstore.dev";
const LOG_SEARCH: &str = "https://search.sigstore.dev/?logIndex=";

/// Text that may lead somewhere.
#[derive(Template)]
#[template(
    ext = "html",
    source = "{% match to %}{% when Some with (to) %}<a href=\"{{ to }}\" rel=\"noreferrer noopener\">{{ text }}</a>{% when None %}{{ text }}{% endmatch %}"
)]
pub(super) struct Link {
    pub(super) text: String,
    pub(super) to: Option<String>,
}

impl Link {
    /// Whether it is a digest or an address rather than words.
    pub(super) fn long(&self) -> bool {
        !self.text.contains(' ') && self.text.chars().count() > 28
    }
}

/// The page of a log entry; none where the log is not the public one, which no page shows.
pub(super) fn of_entry(log: Option<&str>, index: u64) -> Option<String> {
    let public = log.is_some_and(|log| log.trim_end_matches('/') == PUBLIC_LOG);
    public.then(|| format!("{LOG_SEARCH}{index}"))
}

/// The workflow that an identity names, `https://HOST/OWNER/REPOSITORY/.github/workflows/FILE@refs/…`, as the file of that
/// ref. Anything else leads nowhere.
pub(super) fn of_workflow(identity: &str) -> Option<String> {
    let (location, git_ref) = identity.strip_prefix("https://")?.split_once('@')?;
    let parts: Vec<&str> = location.split('/').collect();
    let [host, owner, repository, ".github", "workflows", file] = parts.as_slice() else { return None };
    let plain = |part: &&str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+'))
    };
    let reference = git_ref.strip_prefix("refs/").filter(|name| name.split('/').all(|part| plain(&part)))?;
    let known = [host, owner, repository, file].into_iter().all(plain);
    known.then(|| format!("https://{host}/{owner}/{repository}/blob/refs/{reference}/.github/workflows/{file}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_log_has_a_page() {
        let page = "https://search.sigstore.dev/?logIndex=7";
        assert_eq!(of_entry(Some("https://rekor.sigstore.dev/"), 7).as_deref(), Some(page));
        for log in [None, Some("http://127.0.0.1:1"), Some("https://rekor.sigstore.dev.evil.example")] {
            assert_eq!(of_entry(log, 7), None);
        }
    }

    #[test]
    fn a_workflow_s_identity_leads_to_its_file() {
        let identity = "https://github.com/o/r/.github/workflows/release.yaml@refs/tags/v1.2.0";
        let file = "https://github.com/o/r/blob/refs/tags/v1.2.0/.github/workflows/release.yaml";
        assert_eq!(of_workflow(identity).as_deref(), Some(file));
    }

    #[test]
    fn nothing_else_leads_anywhere() {
        for identity in [
            "",
            "person@example.org",
            "http://github.com/o/r/.github/workflows/x.yaml@refs/tags/v1",
            "javascript:alert(1)//a/b/.github/workflows/x@refs/tags/v1",
            "https://u:p@evil.example/o/r/.github/workflows/x.yaml@refs/tags/v1",
            "https://github.com/o/r/.github/workflows/x.yaml@refs/tags/../../x",
            "https://github.com/o/r/.github/workflows/x.yaml@refs/tags/\"onclick=\"",
            "https://github.com/o/../.github/workflows/x.yaml@refs/tags/v1",
            "https://github.com/o/r/other/x.yaml@refs/tags/v1",
        ] {
            assert_eq!(of_workflow(identity), None, "{identity}");
        }
    }
}
