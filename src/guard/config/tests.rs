//! What a configuration may say, and how a wrong one is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use jiff::civil::date;

use super::*;

fn refused(text: &str) -> String {
    Config::parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn nothing_written_is_the_default_and_one_key_changes_one_thing() {
    assert_eq!(Config::parse(b"").unwrap(), Config::default());
    assert_eq!(Config::parse(b"\xef\xbb\xbf# nothing\r\n").unwrap(), Config::default());
    let config = Config::parse(b"[version-sync]\nkms-manifest = \"kms/Cargo.toml\"\n").unwrap();
    let changed = VersionSync { kms_manifest: "kms/Cargo.toml".into(), ..VersionSync::default() };
    assert_eq!(config, Config { version_sync: changed, ..Config::default() });
    assert_eq!(DocGuard::default().watched.len(), 6);
    assert_eq!(DocGuard::default().documentation.len(), 3);
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_known_ones() {
    let error = refused("[version-sync]\nlock-file = \"Cargo.lock\"\n  kms_manifest = \"x\"\n");
    assert!(
        error.starts_with("line 3, column 3: unknown field `kms_manifest`, expected one of `kms-manifest`"),
        "{error}"
    );
    assert!(refused("\n[version_sync]\n").starts_with("line 2, column 2: unknown field `version_sync`"));
    let error = refused("[[forbid-allowed-env.waiver]]\npath = \"a\"\nuntil = 1\n");
    assert!(error.starts_with("line 3, column 1: unknown field `until`"), "{error}");
}

#[test]
fn a_value_of_another_kind_or_meaning_is_refused_where_it_stands() {
    for (text, place, why) in [
        ("[version-sync]\nshared-version = \"yes\"\n", "line 2, column 18", "invalid type"),
        ("[version-sync]\nkms-manifest = \"/etc/passwd\"\n", "line 2, column 16", "from the top of the repository"),
        ("[version-sync]\nlock-file = \"../Cargo.lock\"\n", "line 2, column 13", "leaves the repository"),
        ("[version-sync]\nlock-file = \"C:/x\"\n", "line 2, column 13", "from the top of the repository"),
        ("[version-sync]\nkms-variable = \"A B\"\n", "line 2, column 16", "name of a variable"),
        ("[version-sync]\nskip-label = \" \"\n", "line 2, column 14", "blank"),
        ("[doc-guard]\nwatched = [\"a\", \"b**\"]\n", "line 2, column 11", "`b**`: `**` stands alone"),
        ("[doc-guard]\nwatched = []\n", "line 2, column 11", "the list is empty"),
        ("[doc-guard]\nwatched = \"a\"\n", "line 2, column 11", "expected a sequence"),
        ("[version-sync\n", "line 1, column 14", "unclosed table"),
        ("a = 1\na = 2\n", "line 2, column 1", "duplicate key"),
    ] {
        let error = refused(text);
        assert!(error.starts_with(place) && error.contains(why), "{text}: {error}");
    }
    assert!(refused(&"#".repeat(MAX_BYTES + 1)).contains("more than 1048576 bytes"));
    assert!(Config::parse(b"\xff").unwrap_err().message.contains("not UTF-8"));
    let deep = format!("a = {}", "[".repeat(100_000));
    assert!(refused(&deep).contains("line 1"));
}

const WAIVER: &str = r#"
[[forbid-allowed-env.waiver]]
path = "compose/dev.yaml"
name = "ALLOWED_MRTD"
reason = "a test bench without a release"
expires = 2026-12-31

[[forbid-allowed-env.waiver]]
path = "b"
name = "USE_ENV_POLICY"
reason = "r"
expires = "2027-01-01"
"#;

#[test]
fn a_waiver_has_a_reason_a_last_day_and_a_line() {
    let waivers = Config::parse(WAIVER.as_bytes()).unwrap().forbid_allowed_env.waiver;
    let [first, second] = waivers.as_slice() else { panic!("{waivers:?}") };
    assert_eq!((first.line, second.line), (2, 8));
    assert_eq!(first.expires, date(2026, 12, 31));
    assert!(first.covers("compose/dev.yaml", "ALLOWED_MRTD") && !first.covers("compose/dev.yaml", "ALLOWED_RTMR0"));
    assert_eq!(first.expiry(date(2026, 12, 1)), Expiry::Holds);
    assert_eq!(first.expiry(date(2026, 12, 18)), Expiry::EndsSoon);
    assert_eq!(first.expiry(date(2026, 12, 31)), Expiry::EndsSoon);
    assert_eq!(first.expiry(date(2027, 1, 1)), Expiry::Expired);
    let inline = "forbid-allowed-env.waiver = [\n {path = \"a\", name = \"N\", reason = \"r\", expires = 2026-01-01}]";
    assert_eq!(Config::parse(inline.as_bytes()).unwrap().forbid_allowed_env.waiver.first().unwrap().line, 2);
}

#[test]
fn a_waiver_without_a_reason_or_a_last_day_is_refused() {
    for (from, to, why) in [
        ("expires = 2026-12-31", "", "missing field `expires`"),
        ("reason = \"r\"", "", "missing field `reason`"),
        ("reason = \"r\"", "reason = \"\"", "blank"),
        ("2026-12-31", "2026-12-31T10:00:00Z", "YYYY-MM-DD"),
        ("2026-12-31", "\"2026-02-30\"", "YYYY-MM-DD"),
        ("2026-12-31", "\"never\"", "YYYY-MM-DD"),
        ("2026-12-31", "true", "YYYY-MM-DD"),
        ("compose/dev.yaml", "../x", "leaves the repository"),
    ] {
        let error = refused(&WAIVER.replace(from, to));
        assert!(error.contains(why), "{to}: {error}");
    }
    assert_eq!(Waiver::new("a", "ALLOWED_MRTD", "why", "2026-12-31").unwrap().expires, date(2026, 12, 31));
    assert_eq!(Waiver::new("a", "ALLOWED_MRTD", "why", "soon").unwrap_err(), "expires: expected a day as YYYY-MM-DD");
}
