//! Which services sign: those of a signing configuration that are in use now and that we can speak to.
//!
//! <https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto>: of each operator one service
//! counts, the one of the newest version that is understood; the selector says how many operators.

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::Value;
use sigstore_trust_root::{
    SIGSTORE_PRODUCTION_SIGNING_CONFIG, ServiceConfiguration, ServiceEndpoint, ServiceSelector, SigningConfig,
};
use url::Url;

use crate::{
    adapters::{
        file,
        http::{has_credentials, host, is_http, is_loopback},
    },
    error::{Error, Result},
    release::envelope,
    schema::{excerpt::excerpt, parse_json},
};

/// The one media type there is.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";
/// Largest configuration; real ones are under 4 KiB.
const MAX_BYTES: u64 = 1 << 20;
/// What to give instead of what was given.
const EXPECTED: &str = "give a signing_config.v0.2.json, whose mediaType is application/vnd.dev.sigstore.signingconfig.v0.2+json; \
                        a client trust config holds one under `signingConfig`";

/// Where a signing configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningConfigSource {
    /// Sigstore's public instance, as it was when the binary was built.
    Embedded,
    /// A file of the caller's.
    File(PathBuf),
}

/// Who certifies, logs and tells the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services {
    pub(super) fulcio: Url,
    pub(super) logs: Vec<LogService>,
    pub(super) timestamps: Vec<Url>,
}

/// A log that takes entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogService {
    pub(super) url: Url,
    pub(super) version: LogVersion,
}

/// The two kinds of Rekor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogVersion {
    /// It promises entries and tells the time.
    V1,
    /// Tiles; it tells no time.
    V2,
}

impl Services {
    /// The services of a configuration that are in use at `now`.
    ///
    /// # Errors
    /// Input: the file cannot be read. Usage: it is not a signing configuration, or one by which nothing can be signed now.
    pub fn load(source: &SigningConfigSource, now: Timestamp) -> Result<Self> {
        match source {
            SigningConfigSource::Embedded => select(SIGSTORE_PRODUCTION_SIGNING_CONFIG.as_bytes(), now)
                .map_err(|why| Error::internal(format!("the embedded signing configuration: {why}"))),
            SigningConfigSource::File(path) => {
                let bytes = file::read_source(path, MAX_BYTES)?;
                let name = file::source_name(path);
                select(&bytes, now).map_err(|why| {
                    Error::usage(format!("{name}: not a usable signing configuration: {why}")).help(EXPECTED)
                })
            }
        }
    }

    /// The hosts of the services, in the order they are asked.
    pub fn hosts(&self) -> Vec<String> {
        let urls = [&self.fulcio].into_iter().chain(&self.timestamps).chain(self.logs.iter().map(|log| &log.url));
        urls.map(host).collect()
    }
}

fn select(bytes: &[u8], now: Timestamp) -> Result<Services, String> {
    let value = parse_json(bytes).map_err(|e| e.to_string())?;
    let media_type = value.get("mediaType").and_then(Value::as_str).unwrap_or_default();
    if media_type != MEDIA_TYPE {
        let kind = envelope::kind_of(&value);
        return Err(match media_type {
            "" => format!("this is {kind}, without a mediaType"),
            other => format!("this is {kind}, with the mediaType {}", excerpt(other)),
        });
    }
    let config: SigningConfig = serde_json::from_value(value).map_err(|e| e.to_string())?;
    let any = ServiceConfiguration::default();
    let fulcio = chosen("caUrls", &config.ca_urls, &[1], &any, now)?;
    let logs = chosen("rekorTlogUrls", &config.rekor_tlog_urls, &[1, 2], &config.rekor_tlog_config, now)?;
    let timestamps = match config.tsa_urls.as_slice() {
        [] => Vec::new(),
        listed => chosen("tsaUrls", listed, &[1], &config.tsa_config, now)?,
    };
    let fulcio = fulcio.into_iter().next().map(|(url, _)| url).ok_or("caUrls names no service")?;
    refuse_plain(&fulcio, "the certificate authority").map_err(|e| e.to_string())?;
    let logs: Vec<LogService> = logs
        .into_iter()
        .map(|(url, version)| LogService { url, version: if version == 1 { LogVersion::V1 } else { LogVersion::V2 } })
        .collect();
    if timestamps.is_empty() && logs.iter().all(|log| log.version == LogVersion::V2) {
        return Err("its log tells no time (Rekor v2), and tsaUrls names no service that does".to_owned());
    }
    let timestamps = timestamps.into_iter().map(|(url, _)| url).collect();
    Ok(Services { fulcio, logs, timestamps })
}

/// Refuses to send a token over a network without encryption.
///
/// # Errors
/// Usage.
pub(super) fn refuse_plain(url: &Url, what: &str) -> Result<()> {
    if url.scheme() == "https" || is_loopback(url) {
        return Ok(());
    }
    Err(Error::usage(format!("{what} must be asked over https: a token would be readable on the way to {}", host(url))))
}

/// The services that the selector asks for, with their versions.
fn chosen(
    field: &str,
    listed: &[ServiceEndpoint],
    understood: &[u32],
    wanted: &ServiceConfiguration,
    now: Timestamp,
) -> Result<Vec<(Url, u32)>, String> {
    let usable = listed.iter().filter(|s| s.valid_for.contains(now) && understood.contains(&s.major_api_version));
    let mut by_operator: Vec<&ServiceEndpoint> = Vec::new();
    for service in usable {
        // Services that name no operator cannot be shown to have the same.
        match by_operator.iter_mut().find(|known| service.operator.is_some() && known.operator == service.operator) {
            Some(known) if known.major_api_version < service.major_api_version => *known = service,
            Some(_) => {}
            None => by_operator.push(service),
        }
    }
    by_operator.sort_by_key(|service| std::cmp::Reverse(service.major_api_version));
    let count = match (wanted.selector, wanted.count) {
        (ServiceSelector::Any, _) => 1,
        (ServiceSelector::All, _) => by_operator.len().max(1),
        (ServiceSelector::Exact, Some(count @ 1..)) => usize::try_from(count).unwrap_or(usize::MAX),
        (ServiceSelector::Exact, _) => return Err(format!("{field}: the selector EXACT says no count")),
        (_, _) => return Err(format!("{field}: its selector is not one of ANY, ALL and EXACT")),
    };
    if by_operator.len() < count {
        let (there, understood) = (by_operator.len(), understood.iter().map(u32::to_string).collect::<Vec<_>>());
        let versions = understood.join(" or ");
        return Err(format!(
            "{field}: {count} wanted, and {there} of the {} listed can be used at {now:.0} (in its validity, and of version \
             {versions})",
            listed.len()
        ));
    }
    by_operator.truncate(count);
    by_operator.into_iter().map(|service| Ok((address(field, &service.url)?, service.major_api_version))).collect()
}

fn address(field: &str, text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if has_credentials(&url) => Err(format!("{field}: the address at {} holds credentials", host(&url))),
        Ok(url) if is_http(&url) && url.host_str().is_some() => Ok(url),
        Ok(_) | Err(_) => Err(format!("{field}: `{}` is not an address that can be asked", excerpt(text))),
    }
}

#[cfg(test)]
mod tests;
