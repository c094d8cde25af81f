//! A document that lies by itself, at a URL or in a file, with its Sigstore bundle beside it under the same name and
//! `.sigstore.json`.
//!
//! It is fetched and held; what it says and who may have signed it is judged elsewhere.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;
use url::Url;

use super::{
    evidence::Verifier,
    file, folder,
    http::{Http, HttpOptions, Redirects, Request, Service, host},
    sigstore::TrustRoot,
};
use crate::{
    error::{Error, Result},
    release::{
        asset_name::AssetName,
        documents::{Budget, Document},
        snapshot::{Asset, Content, MAX_EVIDENCE_BYTES, Signature},
    },
    subject::evidence_name::EvidenceName,
};

/// What the bundle's name has more than the document's.
const BUNDLE: &str = ".sigstore.json";
/// Largest document, in bytes. Real policies have some 4,000.
const MAX_BYTES: u64 = 4 << 20;
/// How a document is called whose place has no usable name.
const NAMELESS: &str = "policy.json";

/// A document and what carries its signature.
#[derive(Debug)]
pub struct LoneDocument {
    document: Asset,
    held: Arc<Document>,
    bundle: Option<Asset>,
    // Where what was fetched lies: some signature schemes read it again.
    _folder: Option<TempDir>,
}

impl LoneDocument {
    /// Fetches a document and its bundle, if there is one. Redirects are followed to any host: it is trusted for
    /// its signature alone.
    ///
    /// # Errors
    /// Usage: a URL that is not http(s) or carries credentials. Remote: it cannot be fetched, is not there, or is
    /// larger than 4 MiB.
    pub async fn at_url(url: &Url, options: &HttpOptions) -> Result<Self> {
        let folder =
            TempDir::with_prefix("merotee-").map_err(|e| Error::input("cannot make a temporary folder").because(e))?;
        let name = url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
        let path = folder.path().join(named(name)?.as_str());
        let bytes = fetch(url, options, MAX_BYTES).await?.ok_or_else(|| {
            Error::remote(format!("{} answered 404: there is no policy at that address", host(url)))
                .help("check the address; it must be the policy's own, not that of a page about it")
        })?;
        file::write_atomic(&path, &bytes)?;
        let mut beside = url.clone();
        beside.set_path(&format!("{}{BUNDLE}", url.path()));
        if let Some(bundle) = fetch(&beside, options, MAX_EVIDENCE_BYTES).await? {
            file::write_atomic(&beside_path(&path), &bundle)?;
        }
        Self::read(path, Some(folder)).await
    }

    /// Reads a document and its bundle, if there is one.
    ///
    /// # Errors
    /// Input: it cannot be read, is not a regular file, or is larger than 4 MiB.
    pub async fn in_file(path: &Path) -> Result<Self> {
        for file in other_evidence(path) {
            tracing::warn!("{file} lies beside {} and is not verified: only a {BUNDLE} is", path.display());
        }
        Self::read(path.to_owned(), None).await
    }

    async fn read(path: PathBuf, folder: Option<TempDir>) -> Result<Self> {
        let name = named(&path.file_name().unwrap_or_default().to_string_lossy())?;
        let beside = beside_path(&path);
        let budget = Budget::new(MAX_BYTES.saturating_add(MAX_EVIDENCE_BYTES));
        // A link that leads nowhere is a bundle that cannot be read, and not one that is absent.
        let bundle = match std::fs::symlink_metadata(&beside) {
            Ok(_) => {
                let name = named(&format!("{name}{BUNDLE}"))?;
                let content = folder::content(&name, beside, MAX_EVIDENCE_BYTES, &budget).await;
                Some(asset(name, content))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(Error::input(format!("cannot read {}", beside.display())).because(e)),
        };
        let content = folder::content(&name, path.clone(), MAX_BYTES, &budget).await;
        let document = asset(name, content);
        let held = match &document.content {
            Content::Read { document: Some(held), .. } => Arc::clone(held),
            Content::Read { document: None, .. } => {
                return Err(Error::input(format!("{} is larger than {MAX_BYTES} bytes", path.display())));
            }
            Content::Failed(why) => return Err(Error::input(why.as_str())),
            Content::NotFetched => return Err(Error::internal("a document was not read")),
        };
        Ok(Self { document, held, bundle, _folder: folder })
    }

    /// Its file name.
    pub fn name(&self) -> &str {
        self.document.name.as_str()
    }

    /// Its content.
    pub fn bytes(&self) -> &[u8] {
        self.held.bytes()
    }

    /// Whether there is a bundle beside it.
    pub fn has_bundle(&self) -> bool {
        self.bundle.is_some()
    }

    /// What comes of its signature under `root`. No network call is made.
    pub async fn signatures(&self, root: &TrustRoot) -> Vec<Signature> {
        let beside: Vec<Asset> = self.bundle.iter().cloned().collect();
        Verifier { root, key: None, rekor: None }.verify(&self.document, &beside).await
    }
}

fn asset(name: AssetName, content: Content) -> Asset {
    Asset { name, stated_size: None, stated_digest: None, content }
}

/// A name that is safe to write and to show.
fn named(text: &str) -> Result<AssetName> {
    AssetName::new(text)
        .or_else(|_| AssetName::new(NAMELESS))
        .map_err(|e| Error::internal("a document cannot be named").because(e))
}

/// Names of files that look like evidence over this one, apart from its bundle, sorted.
fn other_evidence(path: &Path) -> Vec<String> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_over = |file: &str| EvidenceName::parse(file).is_some_and(|evidence| evidence.over == name);
    let mut found: Vec<String> = files.filter(|file| is_over(file) && *file != format!("{name}{BUNDLE}")).collect();
    found.sort();
    found
}

fn beside_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(BUNDLE);
    PathBuf::from(name)
}

/// The body, or `None` for a 404.
async fn fetch(url: &Url, options: &HttpOptions, limit: u64) -> Result<Option<Vec<u8>>> {
    let options = HttpOptions { max_json_bytes: limit, ..options.clone() };
    let http = Http::new(Service::Document, url.clone(), None, options)
        .map_err(|e| Error::usage("the policy's address is not acceptable").because(e))?;
    let get = Request { redirects: Redirects::Anywhere, ..Request::get(url, "application/json, */*;q=0.5") };
    // The query is left out: it may hold a signature that is good for downloads.
    let subject = format!("policy `{}`", super::http::excerpt(url.path()));
    Ok(http.ask(&get, &subject).await?.map(|fetched| fetched.body))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_read_with_the_bundle_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.json");
        std::fs::write(&path, "{}").unwrap();
        let alone = LoneDocument::in_file(&path).await.unwrap();
        assert_eq!((alone.name(), alone.bytes(), alone.has_bundle()), ("p.json", &b"{}"[..], false));
        std::fs::write(folder.path().join("p.json.sigstore.json"), "{}").unwrap();
        assert!(LoneDocument::in_file(&path).await.unwrap().has_bundle());
    }

    #[test]
    fn evidence_that_is_not_looked_at_is_found_beside_a_file() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["p.json", "p.json.sigstore.json", "p.json.sig", "p.json.asc", "q.json.sig", "p.sig", "p.json.txt"]
        {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        assert_eq!(other_evidence(&folder.path().join("p.json")), ["p.json.asc", "p.json.sig"]);
        assert_eq!(other_evidence(&folder.path().join("none/p.json")), [""; 0]);
    }

    #[tokio::test]
    async fn what_is_no_file_or_too_large_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(LoneDocument::in_file(folder.path()).await.is_err());
        assert!(LoneDocument::in_file(&folder.path().join("absent.json")).await.is_err());
        let large = folder.path().join("large.json");
        std::fs::File::create(&large).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(LoneDocument::in_file(&large).await.unwrap_err().to_string().contains("larger than"));
    }

    #[test]
    fn a_name_that_is_not_safe_is_replaced() {
        assert_eq!(named("..").unwrap().as_str(), NAMELESS);
        assert_eq!(named("-rf").unwrap().as_str(), NAMELESS);
        assert_eq!(named("attestation-policy-debug.json").unwrap().as_str(), "attestation-policy-debug.json");
    }
}
