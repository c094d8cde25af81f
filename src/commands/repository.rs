//! Which repository is meant: `--repo`, then `GITHUB_REPOSITORY`, then the `origin` remote, then the product's own.

use std::path::Path;

use url::Url;

use crate::{
    adapters::git_remote,
    context::Endpoints,
    error::{Error, Result},
    subject::repository::Repository,
};

/// The repository releases come from when nothing else is said.
const DEFAULT: &str = "calimero-network/mero-tee";

/// Resolves the repository, and says which one is meant and why when no option or variable names it.
pub(super) fn resolve(endpoints: &Endpoints) -> Result<Repository> {
    resolve_around(endpoints, Path::new("."))
}

/// The same, with the `origin` remote of the clone that `folder` lies in.
pub(super) fn resolve_around(endpoints: &Endpoints, folder: &Path) -> Result<Repository> {
    if let Some(repository) = &endpoints.repository {
        tracing::debug!("repository {repository}, as --repo or GITHUB_REPOSITORY says");
        return Ok(repository.clone());
    }
    let host = endpoints.server_url.host_str().unwrap_or_default();
    let origin = git_remote::origin(folder);
    let on_host = origin.as_ref().and_then(|origin| Some((repository_of(&origin.url, host)?, &origin.config)));
    if let Some((repository, config)) = on_host {
        tracing::info!("repository {repository}: the origin remote in {} (--repo names another)", config.display());
        return Ok(repository);
    }
    let repository = stated(endpoints)?;
    let why = match origin {
        Some(origin) => format!("the origin remote in {} is not one on {host}", origin.config.display()),
        None => "there is no origin remote here".to_owned(),
    };
    tracing::info!("repository {repository}, the default: {why} (--repo names another)");
    Ok(repository)
}

/// The repository named with `--repo` or `GITHUB_REPOSITORY`, else the product's own: no folder is looked at.
pub(super) fn stated(endpoints: &Endpoints) -> Result<Repository> {
    match &endpoints.repository {
        Some(repository) => Ok(repository.clone()),
        None => product(),
    }
}

/// The product's own repository.
pub(super) fn product() -> Result<Repository> {
    DEFAULT.parse().map_err(|e| Error::internal("the default repository does not parse").because(e))
}

/// Whether this is the product's own repository.
pub(super) fn is_default(repository: &Repository) -> bool {
    repository.is(DEFAULT)
}

/// Whether the API at `api` is that of the GitHub at `server`, which vouches for the identities of workflows: only its own
/// word counts when it says that a repository has another name now. An API on this machine is under the caller's hand.
pub(super) fn speaks_for(api: &Url, server: &Url) -> bool {
    if crate::adapters::http::is_loopback(api) {
        return true;
    }
    let (Some(api_host), Some(host)) = (api.host_str(), server.host_str()) else { return false };
    let same_host = api_host == host || api_host.strip_prefix("api.") == Some(host);
    same_host && api.scheme() == "https" && server.scheme() == "https"
}

/// The repository a remote's address names, when it lies on `host`. Nothing else of the address is looked at or shown: it
/// may hold a token.
fn repository_of(address: &str, host: &str) -> Option<Repository> {
    let (authority, path) = match address.split_once("://") {
        Some((scheme, rest)) => {
            let known = ["https", "http", "ssh", "git", "git+ssh", "git+https"];
            known.iter().find(|s| s.eq_ignore_ascii_case(scheme))?;
            rest.split_once('/')?
        }
        // `user@host:path`, as ssh has it. A path may hold a colon, but not before its first slash.
        None => address.split_once(':').filter(|(authority, _)| !authority.contains('/'))?,
    };
    let named = authority.rsplit_once('@').map_or(authority, |(_, named)| named);
    let named = named.split_once(':').map_or(named, |(named, _)| named);
    // GitHub takes ssh at another name as well, for networks that let only port 443 out.
    let is_host = |named: &str| named.eq_ignore_ascii_case(host);
    let for_ssh = named.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("ssh."));
    let is_ours = is_host(named) || (for_ssh && named.get(4..).is_some_and(is_host));
    if !is_ours {
        return None;
    }
    let path = path.trim_matches('/');
    path.strip_suffix(".git").unwrap_or(path).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_names_the_repository_in_every_spelling() {
        for address in [
            "https://github.com/o/r.git",
            "https://github.com/o/r",
            "https://github.com/o/r/",
            "https://GitHub.com/o/r.git",
            "https://user:t0ken@github.com/o/r.git",
            "https://x-access-token:t@github.com:443/o/r",
            "http://github.com/o/r",
            "git@github.com:o/r.git",
            "github.com:o/r",
            "org-123@github.com:/o/r.git",
            "ssh://git@github.com/o/r",
            "ssh://git@github.com:22/o/r.git",
            "ssh://git@ssh.github.com:443/o/r.git",
            "git@ssh.github.com:o/r.git",
            "git://github.com/o/r.git",
            "git+ssh://git@github.com/o/r.git",
        ] {
            assert_eq!(
                repository_of(address, "github.com").map(|r| r.to_string()).as_deref(),
                Some("o/r"),
                "{address}"
            );
        }
        let ghe = repository_of("git@ghe.example:Team/App.git", "ghe.example").map(|r| r.to_string());
        assert_eq!(ghe.as_deref(), Some("Team/App"));
    }

    #[test]
    fn a_remote_on_another_host_or_a_path_names_none() {
        for address in [
            "",
            "https://github.com.evil/o/r",
            "https://evil/github.com/o/r",
            "https://github.com@evil/o/r",
            "https://evilgithub.com/o/r",
            "git@evil:github.com/o/r",
            "/srv/git/r",
            "../github.com:o/r",
            "./github.com/o/r",
            "file:///github.com/o/r",
            "https://gitlab.example/o/r",
            "https://github.com/o/r/x",
            "https://github.com/o",
            "https://gist.github.com/o/r",
            "ext::github.com:o/r",
        ] {
            assert_eq!(repository_of(address, "github.com"), None, "{address}");
        }
    }

    #[test]
    fn only_the_servers_own_api_may_say_that_a_repository_has_moved() {
        let speaks = |api: &str, server: &str| match (api.parse(), server.parse()) {
            (Ok(api), Ok(server)) => speaks_for(&api, &server),
            _ => unreachable!("{api} {server}"),
        };
        assert!(speaks("https://api.github.com", "https://github.com"));
        assert!(speaks("https://ghe.example/api/v3", "https://ghe.example"));
        assert!(speaks("https://api.team.ghe.com", "https://team.ghe.com"));
        assert!(speaks("http://127.0.0.1:9/", "https://github.com"));
        for api in [
            "https://api.github.com.evil",
            "https://mirror.example/api",
            "http://api.github.com",
            "https://github.com.evil",
            "https://api.api.github.com",
            "https://xapi.github.com",
        ] {
            assert!(!speaks(api, "https://github.com"), "{api}");
        }
    }
}
