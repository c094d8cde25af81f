//! Collateral on disk, used until the first of its documents expires.
//!
//! A cache is a convenience and no evidence: what is read from it is judged like what is fetched, and what cannot be read
//! is fetched anew.

use std::path::PathBuf;

use super::Pccs;
use crate::{
    adapters::file,
    attestation::{quote::Platform, verdict::Collateral},
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

    /// Collateral of `platform` from the folder when all of it counts at `now` (seconds since 1970 UTC), else from
    /// `pccs`, and then into the folder.
    ///
    /// # Errors
    /// As [`Pccs::collateral`]. That it cannot be written is only warned about: the collateral is there.
    pub async fn get(&self, pccs: &Pccs, platform: &Platform, now: u64) -> Result<Collateral> {
        let key = pccs.cache_key(platform);
        if let Some(cached) = self.read(&key).filter(|cached| cached.is_current(now)) {
            tracing::debug!("collateral from {}", self.path(&key).display());
            return Ok(cached);
        }
        let fetched = pccs.collateral(platform).await?;
        self.keep(pccs, platform, &fetched);
        Ok(fetched)
    }

    /// Puts `collateral` of `platform` into the folder. That it cannot be written is only warned about.
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
