//! A folder of a repository in several commits, by git's own objects: a listing says what kind each file is, and the same
//! content is read once.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::{Wanted, excerpt, host};
use crate::{
    adapters::github::GitHub,
    error::{Error, Result},
    policy::review::pull::{Content, Entry, States},
    subject::repository::Repository,
};

/// Most files of the folder.
const MAX_ENTRIES: usize = 5_000;
/// Most contents that are read. A promotion has a handful.
const MAX_READ: usize = 200;

#[derive(Deserialize)]
struct Tree {
    tree: Vec<Node>,
    truncated: bool,
}

#[derive(Deserialize)]
struct Node {
    path: String,
    mode: String,
    r#type: String,
    sha: String,
    size: Option<u64>,
}

#[derive(Deserialize)]
struct Blob {
    encoding: String,
    content: String,
}

/// A file as a listing has it, with its size.
type Listing = BTreeMap<String, (Entry, u64)>;

impl GitHub {
    /// The folder where the branch left the base, at the base, and at the head.
    pub(super) async fn states(&self, wanted: &Wanted<'_>, commits: [&str; 3]) -> Result<States> {
        let [left, base, head] = commits;
        let mut left = self.listing(wanted, left).await?;
        let mut base = self.listing(wanted, base).await?;
        let mut head = self.listing(wanted, head).await?;
        let mut read = BTreeMap::new();
        let evidence: Vec<String> = head
            .iter()
            .filter(|(path, (entry, _))| left.get(*path).is_none_or(|(before, _)| !before.same(entry)))
            .map(|(path, _)| path.clone())
            .collect();
        for (listing, only) in [(&mut head, Some(&evidence)), (&mut base, None), (&mut left, None)] {
            for (path, (entry, size)) in listing.iter_mut() {
                let policy = !path.contains("/probes/");
                // Evidence that was there before vouches for nothing, and is not read.
                if !(policy || only.is_some_and(|only| only.contains(path))) {
                    continue;
                }
                if let Some(limit) = (wanted.limit)(path).filter(|_| entry.is_plain()) {
                    entry.content = self.content(wanted.repository, entry, *size, limit, &mut read).await?;
                }
            }
        }
        let plain = |listing: Listing| listing.into_iter().map(|(path, (entry, _))| (path, entry)).collect();
        Ok(States { left: plain(left), base: plain(base), head: plain(head) })
    }

    /// Every file in the folder at a commit; none where there is no such folder.
    async fn listing(&self, wanted: &Wanted<'_>, commit: &str) -> Result<Listing> {
        let Wanted { repository, folder, .. } = wanted;
        let mut tree = commit.to_owned();
        for name in folder.split('/') {
            let above = self.tree(repository, &tree, false).await?;
            let Some(found) = above.into_iter().find(|node| node.path == name && node.r#type == "tree") else {
                return Ok(Listing::new());
            };
            tree = found.sha;
        }
        let nodes = self.tree(repository, &tree, true).await?;
        if nodes.len() > MAX_ENTRIES {
            return Err(Error::remote(format!("`{folder}` of {repository} holds more than {MAX_ENTRIES} files")));
        }
        let file = |node: Node| {
            let entry = Entry { mode: node.mode, id: node.sha, content: Content::Unread };
            (format!("{folder}/{}", node.path), (entry, node.size.unwrap_or_default()))
        };
        Ok(nodes.into_iter().filter(|node| node.r#type != "tree").map(file).collect())
    }

    async fn tree(&self, repository: &Repository, id: &str, deep: bool) -> Result<Vec<Node>> {
        let subject = format!("the files of `{}` in {repository}", excerpt(id));
        let mut url = self.endpoint(repository, &["git", "trees", id])?;
        if deep {
            url.query_pairs_mut().append_pair("recursive", "1");
        }
        let found: Option<Tree> = self.object(&url, "a tree", &subject).await?;
        let found = found.ok_or_else(|| Error::remote(format!("{} does not have {subject} (404)", host(&url))))?;
        if found.truncated {
            return Err(Error::remote(format!("{} lists only a part of {subject}", host(&url))));
        }
        Ok(found.tree)
    }

    async fn content(
        &self,
        repository: &Repository,
        entry: &Entry,
        size: u64,
        limit: u64,
        read: &mut BTreeMap<String, Content>,
    ) -> Result<Content> {
        if size > limit {
            return Ok(Content::TooLarge(size));
        }
        if let Some(known) = read.get(&entry.id) {
            return Ok(known.clone());
        }
        if read.len() == MAX_READ {
            return Ok(Content::Unread);
        }
        let subject = format!("object `{}` of {repository}", excerpt(&entry.id));
        let url = self.endpoint(repository, &["git", "blobs", &entry.id])?;
        let found: Option<Blob> = self.object(&url, "an object", &subject).await?;
        let found = found.ok_or_else(|| Error::remote(format!("{} does not have {subject} (404)", host(&url))))?;
        if found.encoding != "base64" {
            let encoding = excerpt(&found.encoding);
            return Err(Error::remote(format!("{} sends {subject} in encoding `{encoding}`", host(&url))));
        }
        let packed: String = found.content.split_ascii_whitespace().collect();
        let malformed = |e| Error::remote(format!("{} sends {subject} as malformed Base64", host(&url))).because(e);
        let bytes = STANDARD.decode(packed).map_err(malformed)?;
        let content = match bytes.len() as u64 {
            actual if actual > limit => Content::TooLarge(actual),
            _ => Content::Bytes(bytes),
        };
        read.insert(entry.id.clone(), content.clone());
        Ok(content)
    }
}
