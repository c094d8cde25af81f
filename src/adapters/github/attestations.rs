//! What GitHub attests of its releases, and the numbers by which it knows a repository and its owner for good.
//!
//! A bundle is part of the answer, or lies at an address of its own, compressed by raw Snappy. Its signature says whether it
//! is GitHub's; so it may come from anywhere, but without our token, never from https by http, and never larger than it can be.

use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::{GitHub, JSON, excerpt, host};
use crate::{
    adapters::http::{Redirects, Request, has_credentials, is_http},
    error::{Error, Result},
    subject::repository::Repository,
};

/// Attestations of one object that are read. GitHub makes one a tag; a full page may have another behind it.
const PAGE: usize = 100;
/// Largest bundle, compressed and not. One of 1,000 assets has some 300 KiB.
const MAX_COMPRESSED: usize = 4 << 20;
const MAX_BUNDLE: usize = 16 << 20;
/// How the storage is asked.
const BYTES: &str = "application/octet-stream, */*";

/// The numbers that a repository and its owner keep, whatever they are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepositoryIds {
    /// The repository's.
    pub repository: u64,
    /// Its owner's.
    pub owner: u64,
}

#[derive(Deserialize)]
struct Numbered {
    id: u64,
    owner: Owner,
}

#[derive(Deserialize)]
struct Owner {
    id: u64,
}

#[derive(Deserialize)]
struct Answer {
    attestations: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    bundle: Option<Box<RawValue>>,
    #[serde(default)]
    bundle_url: Option<String>,
}

impl GitHub {
    /// What names the repository and its owner for good.
    ///
    /// # Errors
    /// Remote: an unknown repository, and every failure of the API.
    pub async fn repository_ids(&self, repo: &Repository) -> Result<RepositoryIds> {
        let url = self.endpoint(repo, &[])?;
        let found = self.object::<Numbered>(&url, "a repository", &format!("repository {repo}")).await?;
        let Numbered { id, owner } =
            found.ok_or_else(|| Error::remote(format!("{} has no repository {repo} (404)", host(&url))))?;
        Ok(RepositoryIds { repository: id, owner: owner.id })
    }

    /// The bundles by which GitHub attests releases that `digest` is part of: what their tags point to, `sha1:…`, or one of
    /// their assets, `sha256:…`.
    ///
    /// # Errors
    /// Remote: every failure of the API or of the storage, more of them than GitHub makes, and one that is too large or not
    /// compressed as GitHub does it.
    pub async fn release_attestations(&self, repo: &Repository, digest: &str) -> Result<Vec<Vec<u8>>> {
        let subject = format!("the attestations of {} in {repo}", excerpt(digest));
        let mut url = self.endpoint(repo, &["attestations", digest])?;
        url.query_pairs_mut()
            .append_pair("per_page", &PAGE.to_string())
            .append_pair("predicate_type", "release")
            .append_pair("initiator", "github");
        let Some(fetched) = self.http.fetch(&url, JSON, &subject).await? else { return Ok(Vec::new()) };
        let host = host(&fetched.url);
        let answer: Answer = serde_json::from_slice(&fetched.body)
            .map_err(|e| Error::remote(format!("{host} sent no valid list for {subject}")).because(e))?;
        let count = answer.attestations.len();
        if count >= PAGE {
            return Err(Error::remote(format!("{host} lists {count} attestations or more, asked for {subject}"))
                .help("GitHub attests a release once: find out where the others come from"));
        }
        let mut bundles = Vec::with_capacity(count);
        for Entry { bundle, bundle_url } in answer.attestations {
            bundles.push(match (bundle, bundle_url) {
                (Some(bundle), _) => bundle.get().as_bytes().to_vec(),
                (None, Some(address)) => self.stored_bundle(&address, &subject).await?,
                (None, None) => {
                    return Err(Error::remote(format!("{host} lists one without a bundle, asked for {subject}")));
                }
            });
        }
        Ok(bundles)
    }

    async fn stored_bundle(&self, address: &str, subject: &str) -> Result<Vec<u8>> {
        let refused = |why: &str| Error::remote(format!("a bundle_url of {subject} {why}"));
        let url = Url::parse(address).map_err(|e| refused("is not an address").because(e))?;
        if !is_http(&url) || has_credentials(&url) || (self.http.base().scheme() == "https" && url.scheme() == "http") {
            return Err(refused(&format!("leads to {}, which we don't follow", excerpt(&host(&url)))));
        }
        let request = Request { redirects: Redirects::Anywhere, ..Request::get(&url, BYTES) };
        let fetched = self.http.ask(&request, subject).await?;
        let fetched = fetched.ok_or_else(|| refused(&format!("leads nowhere: {} answered 404", host(&url))))?;
        unpacked(&fetched.body).map_err(|why| refused(&format!("at {} gives {why}", host(&url))))
    }
}

/// The bundle in a block of raw Snappy, whose stated length counts only within the bound.
fn unpacked(block: &[u8]) -> std::result::Result<Vec<u8>, String> {
    if block.len() > MAX_COMPRESSED {
        return Err(format!("{} bytes; at most {MAX_COMPRESSED} are taken", block.len()));
    }
    let not_snappy = |e: snap::Error| format!("no block of raw Snappy: {e}");
    let length = snap::raw::decompress_len(block).map_err(not_snappy)?;
    if length > MAX_BUNDLE {
        return Err(format!("a block of {length} bytes; at most {MAX_BUNDLE} are unpacked"));
    }
    snap::raw::Decoder::new().decompress_vec(block).map_err(not_snappy)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_unpacked_and_what_is_none_or_too_large_is_refused_before_it_takes_room() {
        let text = br#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}"#.repeat(50);
        let block = snap::raw::Encoder::new().compress_vec(&text).unwrap();
        assert_eq!(unpacked(&block).unwrap(), text);
        // A length of 4 GiB, and nothing behind it.
        let bomb = unpacked(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0]).unwrap_err();
        assert!(bomb.starts_with("a block of 4294967295 bytes"), "{bomb}");
        let zeros = snap::raw::Encoder::new().compress_vec(&vec![0; MAX_BUNDLE + 1]).unwrap();
        assert!(zeros.len() < MAX_COMPRESSED && unpacked(&zeros).is_err());
        assert!(unpacked(&vec![0; MAX_COMPRESSED + 1]).is_err());
        for bad in [&b""[..], b"{", text.as_slice(), block.get(..block.len() - 1).unwrap(), &[0x80; 11]] {
            let refused = unpacked(bad);
            assert!(refused.as_ref().is_err_and(|why| why.contains("Snappy") || why.contains("bytes")), "{refused:?}");
        }
    }

    #[test]
    fn cutting_or_flipping_any_byte_of_a_block_gives_an_answer_within_the_bound() {
        let block = snap::raw::Encoder::new().compress_vec(&b"attestation ".repeat(40)).unwrap();
        for place in 0..block.len() {
            let _ = unpacked(block.get(..place).unwrap());
            for bit in 0..8 {
                let mut flipped = block.clone();
                *flipped.get_mut(place).unwrap() ^= 1 << bit;
                assert!(unpacked(&flipped).map_or(0, |unpacked| unpacked.len()) <= MAX_BUNDLE);
            }
        }
    }
}
