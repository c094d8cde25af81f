//! A dstack OS image on disk: whether it is whole, and what its name is.
//!
//! An image is a folder with `sha256sum.txt` and the files that it lists; `digest.txt` holds the SHA-256 of that list, and
//! this is the image's name everywhere: `os_image_hash`. What a machine measures under that name is its own word: MRTD and
//! RTMR1 and RTMR2 follow from the files, but are not recomputed here (RTMR0 takes a patched QEMU), so a pass says that
//! these are the files, and not that a machine runs them.

use super::measured::Measured;
use crate::{
    digest::Sha256,
    report::{CheckInfo, Finding},
    schema::excerpt::excerpt,
};

/// The image is whole and is the one meant.
pub const OS_IMAGE: CheckInfo = CheckInfo {
    id: "dstack-os-image",
    title: "an OS image is whole, its digest.txt is the hash of its list, and the machine measured that name",
};

/// The list of an image's files.
pub const LIST: &str = "sha256sum.txt";
/// The image's name.
pub const DIGEST: &str = "digest.txt";
/// Largest list and name read, in bytes.
pub const MAX_TEXT_BYTES: u64 = 1 << 20;

/// A file that the list names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name: no path leads out of the image's folder.
    pub name: String,
    /// Its SHA-256.
    pub sha256: Sha256,
}

/// Why a list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// Not text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// No entry.
    #[error("it lists no file")]
    Empty,
    /// A line is not `HEX  NAME`.
    #[error("line {line}: expected 64 hex digits, two blanks and a file's name, got `{text}`")]
    Line {
        /// The line, from 1.
        line: usize,
        /// Its beginning.
        text: String,
    },
}

/// Reads `sha256sum.txt`.
///
/// # Errors
/// [`ListError`] names the line.
pub fn list(bytes: &[u8]) -> Result<Vec<Listed>, ListError> {
    let text = str::from_utf8(bytes).map_err(|_| ListError::NotText)?;
    let entries: Vec<Listed> = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(line, text)| entry(text).ok_or_else(|| ListError::Line { line, text: excerpt(text) }))
        .collect::<Result<_, _>>()?;
    if entries.is_empty() { Err(ListError::Empty) } else { Ok(entries) }
}

fn entry(line: &str) -> Option<Listed> {
    let (digits, rest) = line.split_at_checked(64)?;
    let name = rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *"))?;
    let name = name.strip_prefix("./").unwrap_or(name);
    let fits = !name.is_empty() && !matches!(name, "." | "..") && !name.contains(['/', '\\', '\0']);
    let sha256 = Sha256::from_hex(digits).ok()?;
    fits.then(|| Listed { name: name.to_owned(), sha256 })
}

/// What was found in the image's folder.
pub struct Found<'a> {
    /// The bytes of `sha256sum.txt`.
    pub list: &'a [u8],
    /// The text of `digest.txt`; `None` where there is none.
    pub digest: Option<&'a [u8]>,
    /// The hash of each file that the list names, in its order; `None` where the file is not there.
    pub files: &'a [Option<Sha256>],
}

/// [`OS_IMAGE`]: the image by itself, and then what the machine says of it.
pub fn judge(subject: &str, found: &Found<'_>, measured: Option<&Measured>) -> Vec<Finding> {
    let name = Sha256::of(found.list);
    let mut findings = vec![named(subject, name, found.digest)];
    findings.extend(files(subject, found));
    let machine = measured.and_then(|measured| measured.os_image.as_deref());
    findings.push(match machine {
        Some(machine) if machine == name.as_bytes() => {
            OS_IMAGE.pass(subject, format!("the machine measured the name {name} before system-ready"))
        }
        Some(machine) => OS_IMAGE
            .fail(subject, "the machine was started from another OS image")
            .compared(name.to_string(), excerpt(&hex::encode(machine)))
            .help("deploy with this image, or verify against the one that was deployed"),
        None => OS_IMAGE.undecided(subject, "the machine's event log does not say which OS image it was started from"),
    });
    findings
}

fn named(subject: &str, name: Sha256, digest: Option<&[u8]>) -> Finding {
    let Some(digest) = digest else {
        return OS_IMAGE.warn(subject, format!("no {DIGEST}; its name would be {name}"));
    };
    let stated = str::from_utf8(digest).ok().and_then(|text| Sha256::from_hex(text.trim()).ok());
    match stated {
        Some(stated) if stated == name => OS_IMAGE.pass(subject, format!("{DIGEST} is the hash of {LIST}: {name}")),
        Some(stated) => OS_IMAGE
            .fail(subject, format!("{DIGEST} is not the hash of {LIST}"))
            .compared(name.to_string(), stated.to_string())
            .help("one of the two was exchanged: download the image again"),
        None => OS_IMAGE.fail(subject, format!("{DIGEST} does not hold a SHA-256")).help("download the image again"),
    }
}

fn files(subject: &str, found: &Found<'_>) -> Vec<Finding> {
    let listed = match list(found.list) {
        Ok(listed) => listed,
        Err(error) => return vec![OS_IMAGE.fail(subject, format!("{LIST}: {error}"))],
    };
    let mut wrong = Vec::new();
    for (index, entry) in listed.iter().enumerate() {
        match found.files.get(index).copied().flatten() {
            Some(actual) if actual == entry.sha256 => {}
            Some(actual) => wrong.push(
                OS_IMAGE
                    .fail(subject, format!("{} is not the listed file", excerpt(&entry.name)))
                    .compared(entry.sha256.to_string(), actual.to_string())
                    .help("the file was exchanged or cut short: download the image again"),
            ),
            None => wrong.push(OS_IMAGE.missing(subject, format!("{} is listed and not there", excerpt(&entry.name)))),
        }
    }
    if wrong.is_empty() {
        let all = crate::text::counted(listed.len(), "listed file has its hash", "listed files have their hashes");
        return vec![OS_IMAGE.pass(subject, all)];
    }
    crate::schema::excerpt::capped(wrong)
}

#[cfg(test)]
mod tests;
