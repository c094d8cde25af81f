//! Each form of a line, each reason to refuse one, and what is said of many.

use super::*;

const OWN: &str = "checksums.sha256";
const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn parse(text: &str) -> (ChecksumsFile, BadLines) {
    ChecksumsFile::parse(OWN, text.as_bytes())
}

fn names(text: &str) -> Vec<String> {
    let (file, bad) = parse(text);
    assert_eq!(bad, BadLines::default(), "{text:?}");
    file.iter().map(|(name, _)| name.to_owned()).collect()
}

/// What is said of a file, without the line number where there is one line.
fn refused(text: &str) -> String {
    let (_, bad) = parse(text);
    let said = bad.to_string();
    said.strip_prefix("line 1: ").unwrap_or(&said).to_owned()
}

#[test]
fn every_form_that_coreutils_writes_or_checks_is_read() {
    let upper = DIGEST.to_uppercase();
    for text in [
        format!("{DIGEST}  a\n"),
        format!("{DIGEST} *a\n"),
        format!("{DIGEST}  a"),
        format!("{DIGEST}  a\r\n"),
        format!("{upper}  a\n"),
        format!("{DIGEST}  ./a\n"),
        format!("{DIGEST} *././a\n"),
        format!("{DIGEST} a\n"),
        format!("{DIGEST}\ta\n"),
        format!("{DIGEST}\t a\n"),
        format!("  \t{DIGEST}  a\n"),
        format!("SHA256 (a) = {DIGEST}\n"),
        format!("SHA256(a)= {DIGEST}\n"),
        format!("SHA256 (a)={upper}"),
        format!(" SHA256 (./a) =\t{DIGEST}\r\n"),
        format!("# made by hand\n\n{DIGEST}  a\n \t\n\r\n#"),
    ] {
        let (file, bad) = parse(&text);
        assert_eq!(bad, BadLines::default(), "{text:?}");
        assert_eq!(file.get("a").map(|d| d.to_string()).as_deref(), Some(DIGEST), "{text:?}");
        assert_eq!(file.iter().count(), 1, "{text:?}");
    }
    let both = format!("SHA256 (b) = {DIGEST}\n{DIGEST}  a\n{DIGEST} *c\nSHA256 (d(1)) = {DIGEST}\n");
    assert_eq!(names(&both), ["a", "b", "c", "d(1)"]);
}

#[test]
fn what_only_resembles_such_a_line_is_refused_and_named() {
    let sixty_three = DIGEST.get(1..).unwrap_or_default();
    for (text, reason) in [
        (format!("sha256:{DIGEST}  a"), "the digest has a prefix, `sha256:`"),
        (format!("0x{DIGEST}  a"), "the digest has a prefix, `0x`"),
        (format!("sha256:0x{DIGEST} *a"), "the digest has a prefix, `sha256:0x`"),
        (format!("SHA256:{DIGEST}  a"), "expected `<64 hex digits>  <name>`"),
        (format!("SHA256 (a) = sha256:{DIGEST}"), "the digest has a prefix, `sha256:`"),
        (format!("SHA256 (a) = 0x{DIGEST}"), "the digest has a prefix, `0x`"),
        (format!("{sixty_three}  a"), "the digest is not 64 hex digits"),
        (format!("{DIGEST}0  a"), "the digest is not 64 hex digits"),
        (format!("\u{feff}{DIGEST}  a"), "the digest is not 64 hex digits"),
        (format!("\u{a0}{DIGEST}  a"), "the digest is not 64 hex digits"),
        (format!("SHA256 (a) = {DIGEST} "), "the digest is not 64 hex digits"),
        (format!("a  {DIGEST}"), "the digest is not 64 hex digits"),
        (DIGEST.to_owned(), "expected `<64 hex digits>  <name>`"),
        (format!("SHA256 (a = {DIGEST}"), "expected `<64 hex digits>  <name>`"),
        (format!("SHA256  (a) = {DIGEST}"), "expected `<64 hex digits>  <name>`"),
        (format!("SHA512 (a) = {DIGEST}{DIGEST}"), "a digest of another kind, SHA512"),
        (format!("sha256 (a) = {DIGEST}"), "a digest of another kind, sha256"),
        (format!("BLAKE2b-256 (a)= {DIGEST}"), "a digest of another kind, BLAKE2b-256"),
        (format!("\\{DIGEST}  a\\nb"), "the name is escaped"),
        (format!(" \\SHA256 (a\\\\b) = {DIGEST}"), "the name is escaped"),
        (format!("{DIGEST}  a "), "the name holds a character other than printable ASCII"),
        (format!("{DIGEST}   a"), "the name holds a character other than printable ASCII"),
        (format!("{DIGEST}  a\r\r\n"), "the name holds a character other than printable ASCII"),
        (format!("{DIGEST}  a\0b"), "the name holds a character other than printable ASCII"),
        (format!("{DIGEST}  dist/a"), "the name holds a path separator"),
        (format!("{DIGEST}  .//a"), "the name holds a path separator"),
        (format!("{DIGEST}  ../a"), "the name holds a path separator"),
        (format!("SHA256 (/etc/a) = {DIGEST}"), "the name holds a path separator"),
        (format!("{DIGEST}  -"), "the name starts with a dash"),
        (format!("{DIGEST}  ./"), "the name is empty"),
        (format!("SHA256 () = {DIGEST}"), "the name is empty"),
        (format!(" # {DIGEST}  a"), "the digest is not 64 hex digits"),
        (format!("{DIGEST}  {OWN}"), "the file lists itself"),
        (format!("SHA256 (./{OWN}) = {DIGEST}"), "the file lists itself"),
        (format!("{DIGEST}  {OWN}.sigstore.json"), "the file lists its own signature"),
        (format!("{DIGEST} *./{OWN}.sig"), "the file lists its own signature"),
    ] {
        let said = refused(&text);
        assert!(said.starts_with(reason), "{text:?}: {said}");
    }
}

#[test]
fn a_certificate_may_be_older_than_the_file_and_another_files_signature_is_an_asset() {
    let text = format!("{DIGEST}  {OWN}.pem\n{DIGEST}  a.sig\n{DIGEST}  a-{OWN}\n");
    assert_eq!(names(&text), [&format!("a-{OWN}"), "a.sig", &format!("{OWN}.pem")]);
}

#[test]
fn lines_of_one_blank_and_of_two_do_not_mix() {
    for (first, second) in [("  a", " b"), (" a", "  b"), (" a", " *b"), (" *a", "\tb")] {
        let said = parse(&format!("{DIGEST}{first}\n{DIGEST}{second}\n")).1.to_string();
        assert!(said.starts_with("line 2: expected two spaces"), "{first:?} {second:?}: {said}");
    }
    assert_eq!(names(&format!("{DIGEST} a\n{DIGEST}\tb\nSHA256 (c) = {DIGEST}\n")), ["a", "b", "c"]);
}

#[test]
fn a_name_in_two_lines_is_listed_twice_in_whatever_form() {
    for second in [format!("{DIGEST}  a"), format!("{DIGEST} *./a"), format!("SHA256 (a) = {}", "0".repeat(64))] {
        assert_eq!(parse(&format!("{DIGEST}  a\n{second}")).1.to_string(), "line 2: a is listed twice");
    }
}

#[test]
fn many_unusable_lines_are_three_and_a_count() {
    let text: String = (0..100).map(|i| format!("zz  file-{i}\n")).collect();
    let (file, bad) = parse(&format!("{DIGEST}  a\n{text}"));
    assert_eq!((file.iter().count(), bad.count(), bad.first().len()), (1, 100, 3));
    let digest = "the digest is not 64 hex digits";
    let expected =
        format!("100 lines cannot be used: line 2: {digest}; line 3: {digest}; line 4: {digest}; and 97 more");
    assert_eq!(bad.to_string(), expected);
    assert_eq!(parse(&format!("{DIGEST}  a\nzz\n")).1.to_string(), "line 2: expected `<64 hex digits>  <name>`");
}

#[test]
fn an_empty_file_one_that_is_too_long_and_one_that_is_not_text_are_refused() {
    for text in ["", " \n\n", "# nothing\n"] {
        assert_eq!(refused(text), "the file lists nothing");
    }
    let long: String = (0..=MAX_ENTRIES).map(|i| format!("{DIGEST}  f{i}\n")).collect();
    assert_eq!(parse(&long).1.first().iter().map(|l| l.line).collect::<Vec<_>>(), [MAX_ENTRIES as u32 + 1]);
    let (_, bad) = ChecksumsFile::parse(OWN, b"\xff\xfe");
    assert_eq!(bad.to_string(), "the file is not UTF-8");
}
