//! A folder of a repository in several commits, by git's own objects: a listing says what kind each file is, and the same
//! content is read once.

use std::collections::{BTreeMap, BTreeSet};

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
/// Most folders outside of it whose files are compared, and most paths of those that are told.
const MAX_OUTSIDE: usize = 20;
const MAX_PATHS: usize = 4_000;
/// Most contents that are read. A promotion has a handful.
const MAX_READ: usize = 200;

#[derive(Deserialize)]
struct Tree {
    tree: Vec<Node>,
    truncated: bool,
}

#[derive(Clone, Deserialize)]
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
    /// The folder where the branch left the base, at the base, and at the head; and what the head changes elsewhere.
    pub(super) async fn states(&self, wanted: &Wanted<'_>, commits: [&str; 3]) -> Result<States> {
        let [left, base, head] = commits;
        let [left_top, base_top, head_top] = [
            self.tree(wanted.repository, left).await?,
            self.tree(wanted.repository, base).await?,
            self.tree(wanted.repository, head).await?,
        ];
        let outside = self.outside(wanted, &left_top, &head_top).await?;
        let mut left = self.listing(wanted, left_top).await?;
        let mut base = self.listing(wanted, base_top).await?;
        let mut head = self.listing(wanted, head_top).await?;
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
        Ok(States { left: plain(left), base: plain(base), head: plain(head), outside })
    }

    /// Every file in the folder below the `top` of a commit; none where there is no such folder.
    async fn listing(&self, wanted: &Wanted<'_>, top: Vec<Node>) -> Result<Listing> {
        let Wanted { repository, folder, .. } = wanted;
        let Some(found) = top.into_iter().find(|node| node.path == *folder && node.r#type == "tree") else {
            return Ok(Listing::new());
        };
        let (nodes, truncated) = self.below(repository, &found.sha).await?;
        if truncated {
            return Err(Error::remote(format!("GitHub lists only a part of `{folder}` of {repository}")));
        }
        if nodes.len() > MAX_ENTRIES {
            return Err(Error::remote(format!("`{folder}` of {repository} holds more than {MAX_ENTRIES} files")));
        }
        let file = |node: Node| {
            let entry = Entry { mode: node.mode, id: node.sha, content: Content::Unread };
            (format!("{folder}/{}", node.path), (entry, node.size.unwrap_or_default()))
        };
        Ok(nodes.into_iter().filter(|node| node.r#type != "tree").map(file).collect())
    }

    /// What differs outside of the folder between two commits. The list of a pull request's files is that of its newest
    /// commit at the time; this is of just these commits, whatever the branch led to in between.
    async fn outside(
        &self,
        wanted: &Wanted<'_>,
        left: &[Node],
        head: &[Node],
    ) -> Result<BTreeMap<String, Option<String>>> {
        let named = |nodes: &[Node]| -> BTreeMap<String, Node> {
            let others = nodes.iter().filter(|node| node.path != wanted.folder || node.r#type != "tree");
            others.map(|node| (node.path.clone(), node.clone())).collect()
        };
        let (left, head) = (named(left), named(head));
        let names: BTreeSet<&String> = left.keys().chain(head.keys()).collect();
        let same = |a: &Node, b: &Node| (&a.mode, &a.sha) == (&b.mode, &b.sha);
        let (mut changed, mut read) = (BTreeMap::new(), 0);
        for name in names {
            let (before, after) = (left.get(name), head.get(name));
            if before.zip(after).is_some_and(|(a, b)| same(a, b)) {
                continue;
            }
            let whole = [before, after].into_iter().flatten().all(|node| node.r#type != "tree");
            read += usize::from(!whole);
            if read > MAX_OUTSIDE || changed.len() > MAX_PATHS {
                changed.insert(format!("{name}/"), None);
                continue;
            }
            let [(before, cut), (after, cut_too)] =
                [self.files_at(wanted.repository, before).await?, self.files_at(wanted.repository, after).await?];
            if cut || cut_too {
                changed.insert(format!("{name}/"), None);
            }
            for path in before.keys().chain(after.keys()) {
                if before.get(path) != after.get(path) {
                    changed.insert(path.clone(), after.get(path).map(|(mode, _)| mode.clone()));
                }
            }
        }
        Ok(changed)
    }

    /// The files at or below an entry at the top: mode and id by path. And whether GitHub lists only a part of them.
    async fn files_at(
        &self,
        repository: &Repository,
        top: Option<&Node>,
    ) -> Result<(BTreeMap<String, (String, String)>, bool)> {
        let Some(top) = top else { return Ok((BTreeMap::new(), false)) };
        if top.r#type != "tree" {
            let file = (top.path.clone(), (top.mode.clone(), top.sha.clone()));
            return Ok((BTreeMap::from([file]), false));
        }
        let (nodes, truncated) = self.below(repository, &top.sha).await?;
        let files = nodes.into_iter().filter(|node| node.r#type != "tree");
        let named = files.map(|node| (format!("{}/{}", top.path, node.path), (node.mode, node.sha)));
        Ok((named.collect(), truncated))
    }

    /// What a tree holds itself.
    async fn tree(&self, repository: &Repository, id: &str) -> Result<Vec<Node>> {
        let (nodes, truncated) = self.nodes(repository, id, false).await?;
        if truncated {
            return Err(Error::remote(format!("GitHub lists only a part of `{}` of {repository}", excerpt(id))));
        }
        Ok(nodes)
    }

    /// All that lies below a tree. And whether GitHub lists only a part of it.
    async fn below(&self, repository: &Repository, id: &str) -> Result<(Vec<Node>, bool)> {
        self.nodes(repository, id, true).await
    }

    async fn nodes(&self, repository: &Repository, id: &str, deep: bool) -> Result<(Vec<Node>, bool)> {
        let subject = format!("the files of `{}` in {repository}", excerpt(id));
        let mut url = self.endpoint(repository, &["git", "trees", id])?;
        if deep {
            url.query_pairs_mut().append_pair("recursive", "1");
        }
        let found: Option<Tree> = self.object(&url, "a tree", &subject).await?;
        let found = found.ok_or_else(|| Error::remote(format!("{} does not have {subject} (404)", host(&url))))?;
        Ok((found.tree, found.truncated))
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
