//! The sample repository as a clone on disk, for what reads history with git: a bare repository, made of loose objects
//! and one file of refs.
//!
//! Written by hand and not by `git`, which need not be there; git, and everything built on it, reads it like any other.

use super::{
    git::{Object, Oid},
    history,
};

/// Bytes a stored block of a deflate stream can hold.
const BLOCK: usize = 0xffff;

/// The remote's head, where a clone keeps it: which branch is the default one.
const REMOTE_HEAD: &str = "refs/remotes/origin/HEAD";

/// The files of the clone, by their paths below its folder.
pub(super) fn files() -> Vec<(String, Vec<u8>)> {
    let history = history::sample();
    let mut refs: Vec<(String, Oid)> = Vec::new();
    refs.extend(history.tags.iter().map(|(name, id)| (format!("refs/tags/{name}"), *id)));
    for (name, id) in &history.branches {
        refs.push((format!("refs/heads/{name}"), *id));
        refs.push((format!("refs/remotes/origin/{name}"), *id));
    }
    refs.sort();
    let packed: String = refs.iter().map(|(name, id)| format!("{id} {name}\n")).collect();
    let text = |name: &str, text: String| (name.to_owned(), text.into_bytes());
    let mut files = vec![
        text("HEAD", format!("ref: refs/heads/{}\n", history::MAIN)),
        text(REMOTE_HEAD, format!("ref: refs/remotes/origin/{}\n", history::MAIN)),
        text("config", "[core]\n\trepositoryformatversion = 0\n\tbare = true\n".to_owned()),
        // Sorted, and none of them leads to a tag object: with this header git does not look.
        text("packed-refs", format!("# pack-refs with: peeled fully-peeled sorted \n{packed}")),
    ];
    files.extend(history.objects.all().map(|(id, object)| (path(*id), loose(object))));
    files
}

/// Where git keeps an object.
fn path(id: Oid) -> String {
    let id = id.to_string();
    let (folder, name) = id.split_at_checked(2).unwrap_or((&id, ""));
    format!("objects/{folder}/{name}")
}

/// An object as git keeps it: header and content in a zlib stream (RFC 1950) of stored blocks, since nothing here is large.
fn loose(object: &Object) -> Vec<u8> {
    let content = object.with_header();
    let mut stream = vec![0x78, 0x01];
    let mut blocks = content.chunks(BLOCK).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    stream.extend(adler32(&content).to_be_bytes());
    stream
}

fn adler32(bytes: &[u8]) -> u32 {
    /// The largest prime below 2¹⁶.
    const BASE: u32 = 65_521;
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % BASE;
        (low, (high + low) % BASE)
    });
    (high << 16) | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_the_stream_is_adler_32() {
        // The example of RFC 1950's algorithm that everybody uses.
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
        assert_eq!(adler32(b""), 1);
    }

    #[test]
    fn every_object_and_every_tag_has_its_place() {
        let files = files();
        let packed = files.iter().find(|(name, _)| name == "packed-refs").map(|(_, bytes)| bytes.clone());
        let packed = String::from_utf8(packed.unwrap_or_default()).unwrap_or_default();
        let commit = history::commit_of("mero-kms-v1.2.0").to_string();
        assert!(packed.contains(&format!("{commit} refs/tags/mero-kms-v1.2.0\n")), "{packed}");
        let object = format!("objects/{}/{}", &commit[..2], &commit[2..]);
        assert!(files.iter().any(|(name, _)| *name == object), "{object}");
    }
}
