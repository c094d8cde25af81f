//! Collateral on disk, used until the first of its documents expires.
//!
//! A cache is a convenience and no evidence: what is read from it is judged like what is fetched, and what cannot be read
//! or fails is fetched anew. Only what passes is written, so that a service's bad day does not outlast itself.

use std::path::PathBuf;

use super::Pccs;
use crate::{
    adapters::file,
    attestation::{
        quote::Platform,
        verdict::{Collateral, DcapVerifier, Rejection},
    },
    error::{Error, Result},
};

/// Largest cached document read, in bytes.
const MAX_CACHED_BYTES: u64 = 4 << 20;

/// A folder of collateral.
#[derive(Debug, Clone)]
pub struct CollateralCache {
    folder: PathBuf,
}

impl CollateralCache {
    /// The folder is made when something is first written.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Collateral of `platform` from the folder when `verifier` vouches for it at `now` (seconds since 1970 UTC), else from
    /// `pccs`; and then into the folder, if `verifier` vouches for that. What it does not vouch for is returned all the
    /// same, so that the verdict on a quote can say what is wrong with it.
    ///
    /// # Errors
    /// As [`Pccs::collateral`]. That it cannot be written is only warned about: the collateral is there.
    pub async fn get(&self, pccs: &Pccs, platform: &Platform, verifier: &DcapVerifier, now: u64) -> Result<Collateral> {
        if let Some(cached) = self.vouched(pccs, platform, verifier, now) {
            return Ok(cached);
        }
        let fetched = pccs.collateral(platform).await?;
        match verifier.vouches_for(&fetched, platform, now) {
            Ok(()) => self.keep(pccs, platform, &fetched),
            Err(rejection) => tracing::warn!("collateral is not cached: {rejection}"),
        }
        Ok(fetched)
    }

    /// Collateral of `platform` from the folder alone, when `verifier` vouches for it at `now`.
    pub fn vouched(&self, pccs: &Pccs, platform: &Platform, verifier: &DcapVerifier, now: u64) -> Option<Collateral> {
        let key = pccs.cache_key(platform);
        let cached = self.read(&key)?;
        let path = self.path(&key);
        match verifier.vouches_for(&cached, platform, now) {
            Ok(()) => {
                tracing::debug!("collateral from {}", path.display());
                Some(cached)
            }
            // Nothing is wrong with what merely has to be renewed.
            Err(Rejection::OutsideValidity { .. }) => None,
            Err(rejection) => {
                tracing::warn!("{} is not used: {rejection}", path.display());
                None
            }
        }
    }

    /// Puts `collateral` of `platform`, which must have been judged, into the folder. That it cannot be written is only warned about.
    pub fn keep(&self, pccs: &Pccs, platform: &Platform, collateral: &Collateral) {
        let path = self.path(&pccs.cache_key(platform));
        let written = std::fs::create_dir_all(&self.folder)
            .map_err(|e| Error::input(format!("cannot make {}", self.folder.display())).because(e))
            .and_then(|()| file::write_atomic(&path, &collateral.to_json()));
        if let Err(error) = written {
            tracing::warn!("collateral is not cached: {}", crate::error::chain(&error));
        }
    }

    /// Collateral of `platform` from the folder alone, expired or not: the verdict says which document has.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn offline(&self, pccs: &Pccs, platform: &Platform) -> Result<Collateral> {
        let key = pccs.cache_key(platform);
        self.read(&key).ok_or_else(|| {
            Error::input(format!("no collateral for this platform in {}", self.path(&key).display()))
                .help("run once without --offline, or give --collateral")
        })
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.json"))
    }

    fn read(&self, key: &str) -> Option<Collateral> {
        let path = self.path(key);
        if !path.is_file() {
            return None;
        }
        let bytes = file::read_bounded(&path, MAX_CACHED_BYTES).ok()?;
        let read = Collateral::from_json(&bytes);
        if let Err(error) = &read {
            tracing::warn!("{} is not used: {error}", path.display());
        }
        read.ok()
    }
}
