//! `merotee.toml`: its page, its schema and the program say the same.

use std::path::Path;

use merotee::guard::config::Config;
use serde_json::Value;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn schema() -> Value {
    serde_json::from_str(&read("schemas/merotee-config.schema.json")).unwrap()
}

/// The TOML of the page, block by block.
fn examples() -> Vec<String> {
    let page = read("docs/merotee-toml.md");
    page.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

fn as_json(toml: &str) -> Value {
    toml_edit::de::from_str(toml).unwrap()
}

#[test]
fn the_page_lists_every_key_with_its_default() {
    let all = &examples()[0];
    assert_eq!(Config::parse(all.as_bytes()).unwrap(), Config::default());
    let (written, schema) = (as_json(all), schema());
    for (table, inner) in schema["properties"].as_object().unwrap() {
        for (key, property) in inner["properties"].as_object().unwrap() {
            // Exceptions have no default, and a section of their own.
            if key != "waiver" {
                assert_eq!(property["default"], written[table][key], "{table}.{key}");
                assert!(!written[table][key].is_null(), "{table}.{key} is not on the page");
            }
        }
    }
}

#[test]
fn the_schema_takes_what_the_program_takes_and_refuses_what_it_refuses() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let waiver = |key: &str, value: &str| {
        let mut fields = vec![("path", "\"a\""), ("name", "\"N\""), ("reason", "\"r\""), ("expires", "\"2026-12-31\"")];
        fields.retain(|(name, _)| *name != key);
        fields.push((key, value));
        let fields: Vec<String> = fields
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| format!("{key} = {value}"))
            .collect();
        format!("forbid-allowed-env.waiver = [{{{}}}]", fields.join(", "))
    };
    let with = |right: &str| (right.to_owned(), true);
    let without = |wrong: &str| (wrong.to_owned(), false);
    for (toml, right) in [
        with(""),
        with(&examples()[0]),
        with("[doc-guard]\nwatched = [\"a?/*.json\"]"),
        with("version-sync.kms-manifest = \"a/..b/Cargo.toml\""),
        with(&waiver("name", "\"USE_ENV_POLICY\"")),
        without("version-sync.kms_manifest = \"a\""),
        without("[version_sync]"),
        without("version-sync.kms-manifest = \"/a\""),
        without("version-sync.kms-manifest = \"C:/a\""),
        without("version-sync.kms-manifest = \"a/../b\""),
        without("version-sync.kms-manifest = \"..\""),
        without("version-sync.kms-manifest = 'a\\b'"),
        without("version-sync.kms-manifest = \" \""),
        without("version-sync.kms-manifest = \"a\\nb\""),
        without("version-sync.shared-version = \"no\""),
        without("version-sync.kms-variable = \"1A\""),
        without("doc-guard.watched = []"),
        without("doc-guard.watched = \"a\""),
        without("forbid-allowed-env.paths = [\"../a\"]"),
        without(&waiver("reason", "")),
        without(&waiver("reason", "\"  \"")),
        without(&waiver("expires", "\"soon\"")),
        without(&waiver("expires", "\"2026-12-31T00:00:00Z\"")),
        without(&waiver("until", "\"2026-12-31\"")),
    ] {
        assert_eq!(Config::parse(toml.as_bytes()).is_ok(), right, "the program: {toml}");
        assert_eq!(validator.is_valid(&as_json(&toml)), right, "the schema: {toml}");
    }
    for example in examples() {
        Config::parse(example.as_bytes()).unwrap_or_else(|e| panic!("{e}: {example}"));
    }
}
