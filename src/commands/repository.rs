//! Which repository is meant: `--repo`, then `GITHUB_REPOSITORY`, then the `origin` remote, then the product's own.

use std::path::Path;

use crate::{
    adapters::file,
    cli::GitHubArgs,
    error::{Error, Result},
    release::repository::Repository,
};

/// The repository releases come from when nothing else is said.
const DEFAULT: &str = "calimero-network/mero-tee";

/// Resolves the repository.
pub(super) fn resolve(args: &GitHubArgs) -> Result<Repository> {
    if given(args).is_some() {
        return stated(args);
    }
    let config = git_config();
    if let Some(repository) = origin_url(&config).and_then(|url| on_host(url, args.server_url.host_str()?)) {
        tracing::info!("repository {repository}, from the origin remote");
        return Ok(repository);
    }
    stated(args)
}

/// The repository named with `--repo` or `GITHUB_REPOSITORY`, else the product's own: no folder is looked at.
pub(super) fn stated(args: &GitHubArgs) -> Result<Repository> {
    match given(args) {
        Some(text) => text.parse().map_err(|e| Error::usage("--repo").because(e)),
        None => DEFAULT.parse().map_err(|e| Error::internal("the default repository does not parse").because(e)),
    }
}

/// Whether this is the product's own repository.
pub(super) fn is_default(repository: &Repository) -> bool {
    repository.to_string() == DEFAULT
}

fn given(args: &GitHubArgs) -> Option<&str> {
    args.repo.as_deref().filter(|repo| !repo.is_empty())
}

/// The working folder's git configuration; empty where there is none. A pipe of that name is not waited for.
fn git_config() -> String {
    const MAX_CONFIG_BYTES: u64 = 1024 * 1024;
    let path = Path::new(".git/config");
    let bytes =
        if path.is_file() { file::read_bounded(path, MAX_CONFIG_BYTES).unwrap_or_default() } else { Vec::new() };
    String::from_utf8(bytes).unwrap_or_default()
}

/// `url` of `[remote "origin"]` in a git config file.
fn origin_url(config: &str) -> Option<&str> {
    let mut in_origin = false;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            in_origin = line == r#"[remote "origin"]"#;
        } else if in_origin
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == "url"
        {
            return Some(value.trim());
        }
    }
    None
}

/// The repository a remote URL names, when it lies on `host`.
fn on_host(url: &str, host: &str) -> Option<Repository> {
    let path = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("ssh://git@"))
        .and_then(|rest| rest.strip_prefix(host)?.strip_prefix('/'))
        .or_else(|| url.strip_prefix("git@")?.strip_prefix(host)?.strip_prefix(':'))?;
    path.strip_suffix(".git").unwrap_or(path).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_remote_names_the_repository_in_every_spelling() {
        for url in [
            "https://github.com/o/r.git",
            "https://github.com/o/r",
            "git@github.com:o/r.git",
            "ssh://git@github.com/o/r",
        ] {
            let config =
                format!("[core]\n\turl = no\n[remote \"origin\"]\n\turl = {url}\n[remote \"fork\"]\n\turl = x\n");
            let found = origin_url(&config).and_then(|u| on_host(u, "github.com")).map(|r| r.to_string());
            assert_eq!(found.as_deref(), Some("o/r"), "{url}");
        }
    }

    #[test]
    fn a_remote_on_another_host_or_a_path_names_none() {
        for url in
            ["https://github.com.evil/o/r", "/srv/git/r", "https://gitlab.example/o/r", "https://github.com/o/r/x"]
        {
            assert_eq!(on_host(url, "github.com"), None, "{url}");
        }
    }
}
