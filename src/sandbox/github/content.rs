//! The bytes of an asset: held in memory while they are few, on disk when they are many, or made up while they are read.
//! Whatever they are, the storage sends them in small pieces.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};

use crate::digest::Sha256Hasher;

/// How much is read at a time.
const PIECE: u64 = 64 * 1024;
/// Uploads up to this size stay in memory, in bytes.
const HELD: usize = 1 << 20;
/// The largest asset, in bytes: GitHub's bound.
const LARGEST: u64 = 2 << 30;

/// Bytes made up from a seed: any number of them, the same each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generated {
    /// What they are made up from.
    pub seed: u64,
    /// How many.
    pub size: u64,
}

/// The bytes of an asset.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Held(Bytes),
    OnDisk(Arc<Mutex<File>>, u64),
    Generated(Generated),
}

/// Bytes that were read to their end, with their size and `sha256:…`.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) content: Content,
    pub(super) size: u64,
    pub(super) digest: String,
}

/// Why a body was not received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotReceived {
    /// The connection broke off.
    BrokenOff,
    /// It is over GitHub's bound.
    TooLarge,
    /// The sandbox can't keep it.
    NoRoom,
}

impl Generated {
    /// `sha256:…` of all of them. It reads them all: keep it.
    pub fn digest(self) -> String {
        let (mut hash, mut from) = (Sha256Hasher::new(), 0);
        while from < self.size {
            let piece = self.piece(from, PIECE);
            hash.update(&piece);
            from += piece.len() as u64;
        }
        format!("sha256:{}", hash.finish())
    }

    /// Up to `most` bytes from a place on.
    pub fn piece(self, from: u64, most: u64) -> Vec<u8> {
        let to = from.saturating_add(most).min(self.size);
        let wanted = to.saturating_sub(from) as usize;
        // Whole words, and what is before the wanted bytes cut off again: quick enough without optimisation too.
        let mut bytes = Vec::with_capacity(wanted + 16);
        for word in (from / 8)..to.div_ceil(8) {
            let scrambled = scrambled(self.seed ^ word.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            bytes.extend_from_slice(&scrambled.to_le_bytes());
        }
        bytes.drain(..((from % 8) as usize).min(bytes.len()));
        bytes.truncate(wanted);
        bytes
    }
}

/// SplitMix64's last step: every bit of the input reaches every bit of the output.
fn scrambled(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Content {
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Held(bytes) => bytes.len() as u64,
            Self::OnDisk(_, size) => *size,
            Self::Generated(generated) => generated.size,
        }
    }

    /// All bytes from a place on, piece by piece.
    pub(super) fn body(self, from: u64) -> Body {
        Body::from_stream(stream::unfold((self, from), |(content, from)| async move {
            let piece = content.piece(from).transpose()?;
            let next = from + piece.as_ref().map_or(PIECE, |piece| piece.len() as u64);
            Some((piece, (content, next)))
        }))
    }

    fn piece(&self, from: u64) -> io::Result<Option<Bytes>> {
        let left = self.size().saturating_sub(from).min(PIECE);
        if left == 0 {
            return Ok(None);
        }
        let piece = match self {
            Self::Held(bytes) => {
                let start = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
                bytes.slice(start..(start + left as usize).min(bytes.len()))
            }
            Self::Generated(generated) => generated.piece(from, left).into(),
            Self::OnDisk(file, _) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let mut piece = vec![0; left as usize];
                file.seek(SeekFrom::Start(from))?;
                file.read_exact(&mut piece)?;
                piece.into()
            }
        };
        Ok(Some(piece))
    }
}

/// Reads a body to its end, hashing on the way.
pub(super) async fn receive(body: Body) -> Result<Received, NotReceived> {
    let (mut pieces, mut hash) = (body.into_data_stream(), Sha256Hasher::new());
    let (mut held, mut disk, mut size) = (Vec::new(), None::<File>, 0_u64);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| NotReceived::BrokenOff)?;
        hash.update(&piece);
        size += piece.len() as u64;
        if size > LARGEST {
            return Err(NotReceived::TooLarge);
        }
        if disk.is_none() {
            held.extend_from_slice(&piece);
            if held.len() > HELD {
                disk = Some(on_disk(&std::mem::take(&mut held)).map_err(|_| NotReceived::NoRoom)?);
            }
        } else if let Some(file) = &mut disk {
            file.write_all(&piece).map_err(|_| NotReceived::NoRoom)?;
        }
    }
    let digest = format!("sha256:{}", hash.finish());
    let content = match disk {
        Some(file) => Content::OnDisk(Arc::new(Mutex::new(file)), size),
        None => Content::Held(held.into()),
    };
    Ok(Received { content, size, digest })
}

/// A file without a name, which goes when its last reader does.
fn on_disk(start: &[u8]) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(start)?;
    Ok(file)
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn what_is_held_on_disk_and_made_up_is_read_alike_from_any_place() -> Result<(), axum::Error> {
        let generated = Generated { seed: 7, size: (HELD as u64) + 12_345 };
        let whole = generated.piece(0, generated.size);
        let on_disk = receive(Content::Generated(generated).body(0)).await;
        let Ok(Received { content: content @ Content::OnDisk(..), size, digest }) = on_disk else {
            panic!("{on_disk:?}")
        };
        assert_eq!((size, &digest), (generated.size, &generated.digest()));
        for content in [content, Content::Generated(generated), Content::Held(whole.clone().into())] {
            for from in [0, 1, 65_535, 65_537, generated.size - 1, generated.size] {
                let read = to_bytes(content.clone().body(from), usize::MAX).await?;
                assert!(read == whole.split_at(from as usize).1, "{content:?} from {from}");
            }
        }
        let other = Generated { seed: 8, ..generated };
        assert_ne!(other.digest(), digest);
        let held = receive(Body::from("hello")).await.map(|received| (received.content.size(), received.digest));
        assert_eq!(held, Ok((5, format!("sha256:{}", crate::digest::Sha256::of(b"hello")))));
        Ok(())
    }
}
