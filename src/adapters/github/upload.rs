//! Uploading assets: streamed from disk, hashed on the way, and broken off before the last byte when the file is not what it
//! was. Uploads go to a host of their own, which gets the token because it belongs to the API.

use std::{
    fs::File as Disk,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use futures_util::{FutureExt as _, StreamExt as _, stream};
use reqwest::Method;
use secrecy::SecretString;
use url::Url;

use super::JSON;
use crate::{
    adapters::http::{Body, Content, Http, HttpOptions, Request, Service, Written, excerpt, host, is_loopback},
    digest::{Sha256, Sha256Hasher},
    error::{Error, Result},
    progress::Phase,
    release::publish::state::File,
};

/// Bytes read at a time.
const PIECE: usize = 256 << 10;

/// The client of the host that takes uploads.
#[derive(Debug)]
pub(crate) struct Uploads {
    http: Http,
    url: Url,
}

/// One upload.
#[derive(Debug)]
pub(crate) struct Upload<'a> {
    /// What is uploaded.
    pub(crate) file: &'a File,
    /// Where it lies.
    pub(crate) path: &'a Path,
    /// What the asset is called.
    pub(crate) as_name: &'a str,
    /// Who is told how far it is.
    pub(crate) phase: &'a Arc<Phase>,
}

impl Uploads {
    /// A client for the assets of one release, whose API gave `template` as their address.
    ///
    /// # Errors
    /// Remote: the address belongs to another host, which the token is not for.
    pub(crate) fn new(api: &Url, template: &str, token: Option<&SecretString>, options: HttpOptions) -> Result<Self> {
        // RFC 6570: what may be appended stands between braces at the end.
        let address = template.split('{').next().unwrap_or_default();
        let url =
            Url::parse(address).map_err(|e| Error::remote("GitHub gives no valid address for uploads").because(e))?;
        if !belongs(api, &url) {
            let (there, here) = (host(&url), host(api));
            let message = format!("uploads are to go to {there}, which does not belong to the API at {here}");
            return Err(
                Error::remote(message).help("check GITHUB_API_URL: the token is sent to the API's own hosts only")
            );
        }
        let mut base = url.clone();
        base.set_path("/");
        base.set_query(None);
        Ok(Self { http: Http::new(Service::GitHub, base, token, options)?, url })
    }

    /// Uploads one file; the asset as GitHub has it is in the answer.
    ///
    /// # Errors
    /// Input: the file cannot be read, or is not what it was when it was judged. Remote: a rate limit that lasts, or no
    /// connection.
    pub(crate) async fn send(&self, upload: &Upload<'_>) -> Result<Written> {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("name", upload.as_name);
        let changed = Arc::new(AtomicBool::new(false));
        let content = content(upload.path, upload.file, upload.phase, &changed);
        let request = Request { body: Body::Stream(content), accept: JSON, ..Request::new(Method::POST, &url) };
        let written = self.http.write(&request, &format!("upload {}", excerpt(upload.as_name))).await;
        if changed.load(Ordering::Relaxed) {
            let message = format!("{} was changed after it was checked", upload.file.name);
            return Err(Error::input(message).help("find out what writes into the folder"));
        }
        written
    }
}

/// Whether the host for uploads is the API's: the same one, or `uploads.X` beside `api.X` (github.com and ghe.com).
fn belongs(api: &Url, uploads: &Url) -> bool {
    if api.origin() == uploads.origin() {
        return true;
    }
    // A server on this machine may be reached by several names.
    if is_loopback(api) && is_loopback(uploads) && api.port() == uploads.port() {
        return true;
    }
    let (Some(api_host), Some(host)) = (api.host_str(), uploads.host_str()) else { return false };
    let beside = api_host.strip_prefix("api.").zip(host.strip_prefix("uploads."));
    let encrypted = api.scheme() == "https" && uploads.scheme() == "https" && uploads.port().is_none();
    encrypted && beside.is_some_and(|(one, other)| one == other)
}

/// The media type of an asset by its name. Browsers are told it; nothing here depends on it.
fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "json" => "application/json",
        "gz" | "tgz" => "application/gzip",
        "txt" | "sha256" | "sig" | "pem" | "md" => "text/plain",
        _ => "application/octet-stream",
    }
}

/// The file's bytes, read anew for every attempt.
fn content(path: &Path, file: &File, phase: &Arc<Phase>, changed: &Arc<AtomicBool>) -> Content {
    let (path, digest, length, changed) = (path.to_owned(), file.digest, file.size, Arc::clone(changed));
    let (phase, told) = (Arc::clone(phase), Arc::new(AtomicU64::new(0)));
    let media_type = media_type(&file.name).to_owned();
    let source = move || {
        let (path, phase, told) = (path.clone(), Arc::clone(&phase), Arc::clone(&told));
        let changed = Arc::clone(&changed);
        phase.bytes(told.swap(0, Ordering::Relaxed), 0);
        changed.store(false, Ordering::Relaxed);
        async move {
            let reading = Reading::open(path, digest, length, changed)?;
            let pieces = stream::try_unfold(reading, move |reading| {
                let (phase, told) = (Arc::clone(&phase), Arc::clone(&told));
                async move {
                    let read =
                        tokio::task::spawn_blocking(move || reading.next()).await.map_err(io::Error::other)??;
                    Ok::<_, io::Error>(read.inspect(|(piece, _)| {
                        let before = told.fetch_add(piece.len() as u64, Ordering::Relaxed);
                        phase.bytes(before, before + piece.len() as u64);
                    }))
                }
            });
            Ok(pieces.boxed())
        }
        .boxed()
    };
    Content { media_type, length, source: Arc::new(source) }
}

/// A file that is read to its end and must then have been what it was.
struct Reading {
    disk: Disk,
    hasher: Sha256Hasher,
    expected: Sha256,
    /// Bytes that are still to come.
    left: u64,
    /// Whether it turned out to be another file.
    changed: Arc<AtomicBool>,
}

impl Reading {
    fn open(path: PathBuf, expected: Sha256, left: u64, changed: Arc<AtomicBool>) -> Result<Self> {
        let cannot = |e: io::Error| Error::input(format!("cannot read {}", path.display())).because(e);
        let metadata = std::fs::symlink_metadata(&path).map_err(cannot)?;
        if !metadata.is_file() {
            return Err(Error::input(format!("{} is no longer a regular file", path.display())));
        }
        let (disk, hasher) = (Disk::open(&path).map_err(cannot)?, Sha256Hasher::new());
        Ok(Self { disk, hasher, expected, left, changed })
    }

    /// The next piece; after the last one the digest is compared.
    fn next(mut self) -> io::Result<Option<(Vec<u8>, Self)>> {
        let mut piece = Vec::with_capacity(PIECE);
        (&mut self.disk).take(PIECE as u64).read_to_end(&mut piece)?;
        let other = || {
            self.changed.store(true, Ordering::Relaxed);
            io::Error::other("the file was changed after it was checked")
        };
        if piece.is_empty() {
            let same = self.hasher.finish() == self.expected;
            return if same { Ok(None) } else { Err(other()) };
        }
        self.left = self.left.checked_sub(piece.len() as u64).ok_or_else(other)?;
        self.hasher.update(&piece);
        Ok(Some((piece, self)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_to_the_api_s_own_host_for_uploads_and_to_no_other() {
        let belongs = |api: &str, uploads: &str| belongs(&Url::parse(api).unwrap(), &Url::parse(uploads).unwrap());
        assert!(belongs("https://api.github.com", "https://uploads.github.com/repos/o/r/releases/1/assets"));
        assert!(belongs("https://api.acme.ghe.com", "https://uploads.acme.ghe.com/x"));
        assert!(belongs("https://ghe.example/api/v3", "https://ghe.example/api/uploads/repos/o/r/releases/1/assets"));
        assert!(belongs("http://127.0.0.1:8080", "http://127.0.0.1:8080/x"));
        for (api, uploads) in [
            ("https://api.github.com", "https://uploads.github.com.evil.example/x"),
            ("https://api.github.com", "https://evil.example/x"),
            ("https://api.github.com", "http://uploads.github.com/x"),
            ("https://api.github.com", "https://uploads.github.com:444/x"),
            ("https://ghe.example", "http://ghe.example/x"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8081/x"),
        ] {
            assert!(!belongs(api, uploads), "{api} {uploads}");
        }
    }
}
