//! Bytes from the network into a file: streamed, hashed, bounded, resumed. Whether they are the right bytes is for
//! the checks to say.

mod allowance;
mod part_file;

use std::path::Path;

use reqwest::{
    StatusCode, Version,
    header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, TRANSFER_ENCODING},
};
use url::Url;

pub use self::allowance::Allowance;
use self::part_file::PartFile;
use super::http::{Answer, Failure, Http, Reason, Redirects, Request, readable};
use crate::{
    digest::Sha256,
    error::{Error, Result},
};

/// What was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Downloaded {
    /// Of the bytes on disk.
    pub sha256: Sha256,
    /// In bytes; it may differ from what the API states.
    pub size: u64,
}

/// What to download.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The API's URL of the bytes. It belongs to the API: the caller has checked that.
    pub(crate) url: &'a Url,
    /// For errors: "asset `x`".
    pub(crate) subject: &'a str,
    /// The size the API states, in bytes.
    pub(crate) stated_size: u64,
    /// What may still come, of this asset and all others.
    pub(crate) allowance: &'a Allowance,
}

/// A body may exceed the stated size by this much, for a check to report; a larger excess is refused.
const TOLERANCE: u64 = 1 << 20;
/// An attempt that brought this much does not count against the number of attempts.
const PROGRESS: u64 = 1 << 20;

/// Downloads into `destination`, which appears only when the whole body is there; without one the bytes are hashed and not
/// kept. `progress` is told the bytes so far; the number falls back to 0 when a server can't resume.
///
/// A body that ends as its framing says is whole, however long: the size is returned, not judged.
///
/// # Errors
/// Remote: no success after all attempts, or more bytes than allowed, of this asset or of all. Input: the file can't be
/// written. Nothing is left on disk in either case.
pub(crate) async fn download(
    http: &Http,
    wanted: Wanted<'_>,
    destination: Option<&Path>,
    progress: impl Fn(u64) + Sync,
) -> Result<Downloaded> {
    let mut part = match destination {
        Some(destination) => PartFile::create(destination, wanted.subject)?,
        None => PartFile::hashed(wanted.subject),
    };
    let limit = http.options().download_timeout;
    let transfer = Transfer { http, wanted, progress };
    match tokio::time::timeout(limit, transfer.run(&mut part)).await {
        Ok(outcome) => outcome?,
        Err(_) => {
            let (subject, size, stated) = (wanted.subject, part.size(), wanted.stated_size);
            let message =
                format!("{subject} was incomplete after {}: {size} of {stated} bytes arrived", readable(limit));
            return Err(Error::remote(message).help("the network or the server is too slow: try again"));
        }
    }
    part.finish().await
}

struct Transfer<'a, P> {
    http: &'a Http,
    wanted: Wanted<'a>,
    progress: P,
}

/// Why an attempt ended early.
enum Interruption {
    /// Our side; final.
    Here(Error),
    /// Their side; another attempt may help.
    There(Failure),
}

impl From<Error> for Interruption {
    fn from(error: Error) -> Self {
        Self::Here(error)
    }
}

impl From<Failure> for Interruption {
    fn from(failure: Failure) -> Self {
        Self::There(failure)
    }
}

impl<P: Fn(u64) + Sync> Transfer<'_, P> {
    async fn run(&self, part: &mut PartFile) -> Result<()> {
        let mut patience = self.http.patience(self.wanted.subject);
        loop {
            let before = part.size();
            let failure = match self.attempt(part).await {
                Ok(()) => return Ok(()),
                Err(Interruption::Here(error)) => return Err(error),
                Err(Interruption::There(failure)) => failure,
            };
            self.http.heed(&failure);
            if part.size() >= before.saturating_add(PROGRESS) {
                patience.renew();
            }
            patience.wait(failure).await?;
        }
    }

    /// Asks for what is missing. Each attempt starts at the API, because the links it redirects to expire.
    async fn attempt(&self, part: &mut PartFile) -> Result<(), Interruption> {
        let get = Request::get(self.wanted.url, "application/octet-stream");
        let get = Request { from: part.size(), redirects: Redirects::Anywhere, ..get };
        self.http.admitted(self.wanted.url).await?;
        let mut answer = self.http.open(&get).await?;
        let status = answer.response.status();
        let range = Range::of(answer.response.headers());
        let broken = |answer: &Answer, why: &str| Failure::new(&answer.url, Reason::Broken(why.to_owned()));
        match status {
            StatusCode::OK if part.size() > 0 => part.restart().await?,
            StatusCode::OK => {}
            StatusCode::PARTIAL_CONTENT if part.size() > 0 && range.start == Some(part.size()) => {}
            StatusCode::RANGE_NOT_SATISFIABLE if part.size() > 0 && range.whole == Some(part.size()) => return Ok(()),
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if part.size() > 0 => {
                part.restart().await?;
                return Err(broken(&answer, "it cannot resume where the bytes stopped").into());
            }
            _ => return Err(self.http.rejected(answer).await.into()),
        }
        self.receive(&mut answer, part).await?;
        let whole = range.whole.filter(|_| status == StatusCode::PARTIAL_CONTENT).unwrap_or(0);
        if part.size() < whole || (!is_framed(&answer) && part.size() < self.wanted.stated_size) {
            return Err(broken(&answer, "the connection closed before all bytes arrived").into());
        }
        Ok(())
    }

    async fn receive(&self, answer: &mut Answer, part: &mut PartFile) -> Result<(), Interruption> {
        let limit = self.http.options().max_asset_bytes.min(self.wanted.stated_size.saturating_add(TOLERANCE));
        let too_large = |url: &Url| Failure::new(url, Reason::TooLarge(limit));
        // No need to fetch what will be refused; what a server doesn't announce is counted below.
        let announced = answer.response.content_length().unwrap_or(0);
        if part.size().saturating_add(announced) > limit {
            return Err(too_large(&answer.url).into());
        }
        (self.progress)(part.size());
        while let Some(piece) = self.http.piece(answer).await? {
            let piece = piece.as_ref();
            if part.size().saturating_add(piece.len() as u64) > limit {
                return Err(too_large(&answer.url).into());
            }
            self.wanted.allowance.take(piece.len() as u64, self.wanted.subject)?;
            part.write(piece).await?;
            (self.progress)(part.size());
        }
        Ok(())
    }
}

/// Whether the end of the body is told apart from a lost connection: by its length, its chunks, or HTTP/2.
fn is_framed(answer: &Answer) -> bool {
    let headers = answer.response.headers();
    answer.response.version() >= Version::HTTP_2
        || headers.contains_key(CONTENT_LENGTH)
        || headers.contains_key(TRANSFER_ENCODING)
}

/// `Content-Range: bytes START-END/WHOLE`, or `bytes */WHOLE` (RFC 9110 section 14.4).
#[derive(Debug, Default, PartialEq, Eq)]
struct Range {
    start: Option<u64>,
    whole: Option<u64>,
}

impl Range {
    fn of(headers: &HeaderMap) -> Self {
        headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok()).and_then(Self::parse).unwrap_or_default()
    }

    fn parse(value: &str) -> Option<Self> {
        let (range, whole) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
        let start = range.split_once('-').and_then(|(start, _)| start.parse().ok());
        Some(Self { start, whole: whole.parse().ok() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read_and_nonsense_is_none() {
        let range = |start, whole| Some(Range { start, whole });
        assert_eq!(Range::parse("bytes 5-9/10"), range(Some(5), Some(10)));
        assert_eq!(Range::parse("bytes 5-9/*"), range(Some(5), None));
        assert_eq!(Range::parse("bytes */10"), range(None, Some(10)));
        assert_eq!(Range::parse("bytes -/-"), range(None, None));
        assert_eq!(Range::parse("lines 1-2/3"), None);
    }
}
