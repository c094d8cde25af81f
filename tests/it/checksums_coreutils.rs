//! Checksums files read by `sha256sum --check` and by us: every file that coreutils reads is read the same way, or refused for
//! a reason that `docs/checksums.md` gives.

use std::{collections::BTreeMap, process::Command};

use merotee::{digest::Sha256, release::checksums::ChecksumsFile};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{RngCore as _, SeedableRng as _},
};

use crate::binary::{Place, usable};

const OWN: &str = "checksums.sha256";

/// What coreutils makes of a checksums file.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    /// Each file it looked for, in order, and whether the digest is the file's.
    files: Vec<(String, bool)>,
    /// Whether there is a line that it passes over as improperly formatted.
    passed_over: bool,
}

/// A folder with a few small files, and coreutils to check them.
struct Coreutils(Place);

impl Coreutils {
    const FILES: [&str; 3] = ["a", "b", "*a"];

    fn find() -> Option<Self> {
        if !usable("sha256sum", &["--version"]) {
            return None;
        }
        let place = Place::new();
        for file in Self::FILES {
            place.write(file, format!("content of {file}\n"));
        }
        Some(Self(place))
    }

    fn digest(&self, file: &str) -> String {
        Sha256::of(format!("content of {file}\n").as_bytes()).to_string()
    }

    fn check(&self, content: &[u8]) -> Read {
        self.0.write(OWN, content);
        let output = Command::new("sha256sum")
            .args(["--check", OWN])
            .current_dir(self.0.work())
            .env("LC_ALL", "C")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let of = |line: &str| {
            let (name, outcome) = line.rsplit_once(": ").unwrap_or_else(|| panic!("{line:?}"));
            // A name with a backslash or a line break is printed escaped.
            (name.trim_start_matches('\\').to_owned(), outcome == "OK")
        };
        Read {
            files: stdout.lines().map(of).collect(),
            passed_over: stderr.contains("improperly formatted") || stderr.contains("no properly formatted"),
        }
    }
}

/// What came of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Both read it, and read the same.
    ReadAlike,
    /// We refuse it, and coreutils passes over a line of it.
    BothObject,
    /// We refuse what coreutils reads, for a documented reason.
    Refused(&'static str),
    /// We read it, and the only line that coreutils passes over is one of blanks.
    BlankLine,
}

/// The reasons for which a file that coreutils reads is refused: the beginning of what is said, and of the row of
/// `docs/checksums.md`.
const REASONS: [(&str, &str); 8] = [
    ("the name is escaped", "an escaped name"),
    ("the name holds a path separator", "a name in a folder"),
    ("the name holds a character", "a name with a blank, a control character or a letter outside ASCII"),
    ("the name starts with a dash", "a name that starts with a dash"),
    ("is listed twice", "a file listed twice"),
    ("the file lists itself", "the checksums file itself"),
    ("the file lists its own signature", "the checksums file's own signature"),
    ("expected two spaces", "lines of one blank and of two"),
];

fn judge(coreutils: &Coreutils, content: &[u8]) -> Outcome {
    let shown = String::from_utf8_lossy(content);
    let theirs = coreutils.check(content);
    let (file, bad) = ChecksumsFile::parse(OWN, content);
    if bad.is_empty() {
        let plain = |name: &str| name.trim_start_matches("./").to_owned();
        let theirs_read: BTreeMap<String, bool> = theirs.files.iter().map(|(name, ok)| (plain(name), *ok)).collect();
        assert_eq!(theirs_read.len(), theirs.files.len(), "{shown}");
        let is_right = |name: &str, digest: Sha256| {
            Coreutils::FILES.contains(&name) && coreutils.digest(name) == digest.to_string()
        };
        let ours: BTreeMap<String, bool> = file.iter().map(|(name, d)| (name.to_owned(), is_right(name, d))).collect();
        assert_eq!(ours, theirs_read, "{shown}");
        if !theirs.passed_over {
            return Outcome::ReadAlike;
        }
        let blank = |line: &str| !line.is_empty() && line.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\r'));
        assert!(shown.lines().any(blank), "coreutils passes over a line that we read:\n{shown}");
        return Outcome::BlankLine;
    }
    if theirs.passed_over {
        return Outcome::BothObject;
    }
    let said = bad.to_string();
    let reason = REASONS.iter().find(|(beginning, _)| said.contains(beginning));
    Outcome::Refused(reason.unwrap_or_else(|| panic!("coreutils reads it, we say {said}:\n{shown}")).1)
}

/// Lines of every form, good and bad; `{A}` and `{B}` are the digests of `a` and `b`, `{U}` that of `a` in capitals.
const LINES: [&str; 62] = [
    "{A}  a",
    "{A} *a",
    "{A} a",
    "{A}\ta",
    "{A}\t a",
    "{A} \ta",
    "  {A}  a",
    "\t{A} *a",
    "{U}  a",
    "{U} *a",
    "{A}  ./a",
    "{A} *././a",
    "{B}  b",
    "{B} *b",
    "{B} b",
    "{B}  ./b",
    "{B}  a",
    "{A}  b",
    "{B}  *a",
    "{B} **a",
    "{A}  c",
    "{A}  a ",
    "{A}   a",
    "{A}  a\r",
    "{A}  a b",
    "{A}  d/a",
    "{A}  ../a",
    "{A}  .//a",
    "{A}  -",
    "{A}  -a",
    "{A}  \u{e9}",
    "{A}",
    "{A} ",
    "{A}  ",
    "{A} *",
    "SHA256 (a) = {A}",
    "SHA256(a)= {A}",
    "SHA256 (a)={U}",
    " SHA256 (b) =\t{B}",
    "SHA256 (./b) = {B}",
    "SHA256 (a) = {A} ",
    "SHA256  (a) = {A}",
    "SHA256 (a) = {A}0",
    "SHA256 (*a) = {B}",
    "SHA256 (a) b) = {A}",
    "SHA256 (a = {A}",
    "SHA512 (a) = {A}{A}",
    "sha256 (a) = {A}",
    "\\{A}  a",
    "\\SHA256 (a) = {A}",
    "\\{A}  a\\nb",
    "sha256:{A}  a",
    "0x{A}  a",
    "SHA256:{A}  a",
    "{A}0  a",
    "zz  a",
    "# {A}  a",
    " # c",
    "",
    "   ",
    "{A}  checksums.sha256",
    "{A}  checksums.sha256.sig",
];

fn written(coreutils: &Coreutils, line: &str) -> String {
    let (a, b) = (coreutils.digest("a"), coreutils.digest("b"));
    line.replace("{A}", &a).replace("{B}", &b).replace("{U}", &a.to_uppercase())
}

#[test]
fn what_coreutils_reads_is_read_alike_or_refused_for_a_documented_reason() {
    let Some(coreutils) = Coreutils::find() else { return };
    let mut files: Vec<String> = Vec::new();
    for line in LINES {
        for end in ["\n", "", "\r\n"] {
            files.push(written(&coreutils, line) + end);
        }
    }
    for first in LINES {
        for second in LINES {
            files.push(written(&coreutils, &format!("{first}\n{second}\n")));
        }
    }
    let mut random = ChaCha20Rng::seed_from_u64(0);
    let mut pick = |below: usize| usize::try_from(random.next_u64() % below as u64).unwrap();
    for _ in 0..500 {
        let count = 3 + pick(4);
        let lines: Vec<&str> = (0..count).map(|_| LINES[pick(LINES.len())]).collect();
        files.push(written(&coreutils, &(lines.join("\n") + ["\n", "\r\n", ""][pick(3)])));
    }
    let mut outcomes: BTreeMap<Outcome, usize> = BTreeMap::new();
    for file in &files {
        *outcomes.entry(judge(&coreutils, file.as_bytes())).or_default() += 1;
    }
    eprintln!("{} checksums files judged by coreutils and by us: {outcomes:?}", files.len());
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/checksums.md")).unwrap();
    for (_, reason) in REASONS {
        assert!(outcomes.contains_key(&Outcome::Refused(reason)), "no file shows: {reason}");
        assert!(page.contains(&format!("| {reason} ")), "docs/checksums.md does not give: {reason}");
    }
    assert!(outcomes[&Outcome::ReadAlike] > 100, "{outcomes:?}");
}

#[test]
fn a_file_that_coreutils_writes_in_any_of_its_ways_is_read() {
    let Some(coreutils) = Coreutils::find() else { return };
    for way in [&[][..], &["--binary"], &["--text"], &["--tag"]] {
        for name in ["a", "./a"] {
            let output =
                Command::new("sha256sum").args(way).args([name, "b"]).current_dir(coreutils.0.work()).output().unwrap();
            assert!(output.status.success());
            let (file, bad) = ChecksumsFile::parse(OWN, &output.stdout);
            assert!(bad.is_empty(), "{way:?}: {bad}");
            let read: Vec<_> = file.iter().map(|(name, digest)| (name.to_owned(), digest.to_string())).collect();
            let expected = ["a", "b"].map(|name| (name.to_owned(), coreutils.digest(name)));
            assert_eq!(read, expected, "{way:?} {name}");
        }
    }
}
