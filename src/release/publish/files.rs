//! Can the files of a folder be assets at all? Judged by names and sizes, before a byte is read.

use super::names::LONGER;
use crate::{
    report::{CheckInfo, Finding},
    schema::excerpt::excerpt,
    text::counted,
};

/// `publish-files`.
pub const PUBLISH_FILES: CheckInfo = CheckInfo {
    id: "publish-files",
    title: "every file can be an asset: regular, not empty, under 2 GiB, under a name that GitHub keeps, and at most 1,000",
};

/// GitHub takes files under 2 GiB
/// (<https://docs.github.com/repositories/releasing-projects-on-github/about-releases#storage-and-bandwidth-quotas>).
pub const TOO_LARGE: u64 = 2 << 30;
/// GitHub's bound on a release, from the same page.
pub const MAX_ASSETS: usize = 1_000;
/// GitHub's bound on release notes, in characters, less room for the line that marks a draft.
const MAX_NOTES: usize = 125_000 - 200;
/// Longest name, in bytes, that has room for what it is called while one asset replaces another.
const MAX_NAME: usize = 255 - LONGER;

/// An entry of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file of so many bytes.
    File(u64),
    /// A link, wherever it leads.
    Link,
    /// A folder.
    Folder,
    /// A pipe, a socket, a device.
    Special,
}

/// Names and sizes of everything in the folder but the notes.
pub fn judge(entries: &[Entry]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = entries.iter().filter_map(objection).collect();
    if entries.len() > MAX_ASSETS {
        let count = counted(entries.len(), "file", "files");
        findings.push(
            PUBLISH_FILES.fail("", "GitHub takes no more assets").compared(format!("at most {MAX_ASSETS}"), count),
        );
    }
    if entries.is_empty() {
        findings
            .push(PUBLISH_FILES.missing("", "the folder holds no file").help("name the release's folder with --dir"));
    }
    if findings.is_empty() {
        let bytes: u64 = entries.iter().map(|entry| if let Kind::File(size) = entry.kind { size } else { 0 }).sum();
        let files = counted(entries.len(), "file", "files");
        findings.push(PUBLISH_FILES.pass("", format!("{files}, {bytes} bytes")));
    }
    findings
}

/// What notes must be to fit.
pub fn notes(notes: &str) -> Option<Finding> {
    let characters = notes.chars().count();
    (characters > MAX_NOTES).then(|| {
        let message = "the release notes are longer than GitHub takes";
        let finding = PUBLISH_FILES.fail("", message);
        finding.compared(format!("at most {MAX_NOTES} characters"), format!("{characters} characters"))
    })
}

fn objection(entry: &Entry) -> Option<Finding> {
    let Entry { name, kind } = entry;
    let fail = |message: &str| Some(PUBLISH_FILES.fail(excerpt(name), message));
    match kind {
        Kind::Link => fail("a symbolic link: what it leads to may change until it is uploaded")
            .map(|finding| finding.help("put the file itself into the folder")),
        Kind::Folder => fail("a folder: a release holds files only").map(|finding| finding.help("move it elsewhere")),
        Kind::Special => fail("not a regular file"),
        Kind::File(0) => fail("empty: GitHub takes no empty asset"),
        Kind::File(size) if *size >= TOO_LARGE => fail("too large for GitHub")
            .map(|finding| finding.compared(format!("under {TOO_LARGE} bytes"), format!("{size} bytes"))),
        Kind::File(_) if name.len() > MAX_NAME => fail("its name is too long")
            .map(|finding| finding.compared(format!("at most {MAX_NAME} bytes"), format!("{} bytes", name.len()))),
        Kind::File(_) if !is_kept(name) => {
            fail("GitHub would rename it, and checksums and signatures name it as it is")
                .map(|finding| finding.help("use letters, digits, `-`, `_` and single dots, and no dot at either end"))
        }
        Kind::File(_) => None,
    }
}

/// Whether GitHub keeps a name: "renames asset filenames that have special characters, non-alphanumeric characters, and
/// leading or trailing periods" (<https://docs.github.com/rest/releases/assets#upload-a-release-asset>).
fn is_kept(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.chars().all(plain) && !name.starts_with(['.', '-']) && !name.ends_with('.') && !name.contains("..")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::report::Status;

    fn entry(name: &str, kind: Kind) -> Entry {
        Entry { name: name.to_owned(), kind }
    }

    #[test]
    fn files_under_plain_names_pass_and_everything_else_is_named() {
        assert_eq!(judge(&[entry("a-b_c.tar.gz", Kind::File(TOO_LARGE - 1))]).first().unwrap().status, Status::Pass);
        for (name, kind, says) in [
            ("a", Kind::Link, "symbolic link"),
            ("a", Kind::Folder, "folder"),
            ("a", Kind::Special, "regular"),
            ("a", Kind::File(0), "empty"),
            ("a", Kind::File(TOO_LARGE), "too large"),
            (&"a".repeat(MAX_NAME + 1), Kind::File(1), "too long"),
            ("a b", Kind::File(1), "rename"),
            ("ä", Kind::File(1), "rename"),
            ("a+b", Kind::File(1), "rename"),
            (".a", Kind::File(1), "rename"),
            ("a.", Kind::File(1), "rename"),
            ("a..b", Kind::File(1), "rename"),
            ("-a", Kind::File(1), "rename"),
        ] {
            let findings = judge(&[entry("good", Kind::File(1)), entry(name, kind)]);
            let [finding] = &findings[..] else { panic!("{findings:?}") };
            assert!(finding.status == Status::Fail && finding.message.contains(says), "{finding:?}");
        }
    }

    #[test]
    fn a_thousand_files_fit_and_one_more_does_not_nor_do_none() {
        let many =
            |count: usize| -> Vec<Entry> { (0..count).map(|n| entry(&format!("a{n}"), Kind::File(1))).collect() };
        let verdict = |count| judge(&many(count)).first().unwrap().status;
        assert_eq!([verdict(1_000), verdict(1_001), verdict(0)], [Status::Pass, Status::Fail, Status::Missing]);
    }

    #[test]
    fn notes_must_leave_room_for_the_mark_of_a_draft() {
        let run = super::super::mark::RunId::new([1; 16]);
        let longest = "é".repeat(MAX_NOTES);
        assert_eq!(notes(&longest), None);
        assert!(super::super::mark::marked(&longest, &run).chars().count() <= 125_000);
        assert!(notes(&format!("{longest}é")).is_some());
    }
}
