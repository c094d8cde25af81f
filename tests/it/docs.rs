//! The documents against the program: what they name must exist, and what exists must be named.

mod options;
#[cfg(all(feature = "sandbox", unix))]
mod printed;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use merotee::{
    exit::Exit,
    release::{
        checks,
        contract::{AssetKind, Contracts, Layout},
    },
    schema::Document,
    subject::tag::Family,
};
use regex::Regex;

/// The ids people filter by, in report order. They stand here once more so that renaming one is a conscious act.
const IDS: [&str; 42] = [
    "release",
    "class",
    "hotfix-branch",
    "asset-name",
    "asset-unique",
    "asset-present",
    "signature",
    "identity",
    "source-commit",
    "evidence",
    "checksums-file",
    "asset-listed",
    "checksum",
    "api-digest",
    "asset-size",
    "release-attestation",
    "schema",
    "policy-profile",
    "policy-tag",
    "policy-status",
    "policy-measurements",
    "policy-tcb",
    "policy-spellings",
    "policy-fields",
    "register-zero",
    "profile-isolation",
    "role-separation",
    "mrtds",
    "measurements-match",
    "counterpart-measurements",
    "compose-hash",
    "sbom",
    "provenance",
    "release-agreement",
    "image-digests",
    "manifest-checksums",
    "default-policy",
    "release-provenance",
    "trust-bundle",
    "notes-image",
    "notes-sections",
    "catalog",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The documents for people, relative to the root.
fn documents() -> Vec<PathBuf> {
    let of = |folder: &str| -> Vec<PathBuf> {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        entries.map(|name| Path::new(folder).join(name)).filter(|p| p.extension().is_some_and(|e| e == "md")).collect()
    };
    [of(""), of("docs"), of("docs/commands")].concat()
}

/// Second-level headings with the text below each.
fn sections(text: &str) -> Vec<(&str, &str)> {
    let starts = text.match_indices("\n## ").map(|(at, mark)| at + mark.len());
    starts
        .map(|start| {
            let rest = &text[start..];
            let rest = rest.split("\n## ").next().unwrap();
            rest.split_once('\n').unwrap()
        })
        .collect()
}

/// The rows of every table in `text`, cells trimmed, without heads and rules.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = text.lines().collect();
    let is_row = |line: &&str| line.starts_with('|');
    let is_rule = |line: &str| line.starts_with("|--");
    let cells = |line: &'_ str| -> Vec<(usize, usize)> {
        let bars: Vec<usize> = line.match_indices('|').map(|(at, _)| at).collect();
        bars.windows(2).map(|pair| (pair[0] + 1, pair[1])).collect()
    };
    (0..lines.len())
        .filter(|at| is_row(&lines[*at]) && !is_rule(lines[*at]))
        .filter(|at| lines.get(at + 1).is_none_or(|next| !is_rule(next)))
        .map(|at| cells(lines[at]).into_iter().map(|(from, to)| lines[at][from..to].trim()).collect())
        .collect()
}

/// What stands between backquotes.
fn code_spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The lines of the `console` blocks.
fn commands(text: &str) -> Vec<&str> {
    let blocks = text.split("```console\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.flat_map(str::lines).filter(|line| !line.is_empty()).collect()
}

#[test]
fn the_checks_are_the_ones_people_filter_by_each_once_in_kebab_case() {
    let ids: Vec<&str> = checks::rules().iter().map(|rule| rule.id).collect();
    assert_eq!(ids, IDS);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    for id in ids {
        let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        assert!(id.split('-').all(word), "{id}");
    }
}

/// Ids of every check in the source, wherever it is declared: each is a literal, so that none can hide from this.
fn declared_checks() -> BTreeSet<String> {
    let literal = Regex::new(r#"^\s*id:\s*"([^"]+)""#).unwrap();
    let made_up = Regex::new(r#"Finding::new\(\s*""#).unwrap();
    let mut ids = BTreeSet::new();
    for file in sources(&root().join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        // The type itself lives there, and rules for ids that a report alone names.
        if file.starts_with(root().join("src/report")) {
            continue;
        }
        // `-> CheckInfo {` opens a function.
        let starts = text.match_indices("CheckInfo {").filter(|(at, _)| !text[..*at].ends_with("-> "));
        for (at, mark) in starts {
            let fields = &text[at + mark.len()..];
            let id = literal.captures(fields).unwrap_or_else(|| panic!("{}: no literal id", file.display()));
            ids.insert(id[1].to_owned());
        }
        let tests = file.to_string_lossy().contains("test") || text.contains("#[cfg(test)]");
        assert!(tests || !made_up.is_match(&text), "{}: a finding of a check without CheckInfo", file.display());
    }
    ids
}

/// Every Rust file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn every_check_of_every_command_is_found_in_the_source() {
    let declared = declared_checks();
    assert!(declared.len() >= 58, "{declared:?}");
    for id in IDS {
        assert!(declared.contains(id), "{id}");
    }
}

#[test]
fn the_page_of_checks_has_a_complete_section_for_each_check_of_each_command() {
    let page = read("docs/checks.md");
    let sections = sections(&page);
    let titles: Vec<&str> = sections.iter().map(|(id, _)| *id).collect();
    assert_eq!(titles[..IDS.len()], IDS, "those of a release come first, in report order");
    let unique: BTreeSet<String> = titles.iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(unique.len(), titles.len(), "a section stands twice");
    assert_eq!(unique, declared_checks(), "left: the page; right: the source");
    for (id, text) in sections {
        for part in ["Detects", "Why it matters", "What to do", "Rule"] {
            assert!(text.contains(&format!("- **{part}:** ")), "{id} does not say: {part}");
        }
    }
}

#[test]
fn every_check_has_a_title_of_its_own_that_is_a_sentence_without_a_full_stop() {
    let titles: BTreeSet<&str> = checks::rules().iter().map(|rule| rule.title).collect();
    assert_eq!(titles.len(), IDS.len());
    for title in titles {
        assert!(title.contains(' ') && !title.ends_with('.') && !title.contains('\n'), "{title}");
    }
}

#[test]
fn the_first_two_commands_of_the_readme_are_the_ones_that_ci_runs() {
    let (readme, ci) = (read("README.md"), read(".ci/run"));
    let commands = commands(&readme);
    assert_eq!(commands[0], "cargo run --release -- sandbox -- verify-release-assets mero-kms-v1.2.0");
    assert_eq!(commands[1], "cargo test --locked");
    for command in &commands[..2] {
        assert!(
            ci.lines().any(|line| line.starts_with("step ") && line.ends_with(&format!(" {command}"))),
            "{command}"
        );
    }
    let script = "tests/install-packages.sh";
    assert!(readme.contains(script) && ci.contains(script) && root().join(script).is_file());
}

#[test]
fn the_readme_states_every_exit_code() {
    let readme = read("README.md");
    let (_, text) = *sections(&readme).iter().find(|(title, _)| *title == "Exit codes").unwrap();
    let stated: Vec<u8> = rows(text).iter().map(|row| row[0].parse().unwrap()).collect();
    let all = [Exit::Success, Exit::Failure, Exit::Usage, Exit::Verification, Exit::Missing, Exit::Interrupted];
    assert_eq!(stated, all.map(Exit::code));
}

#[cfg(feature = "sandbox")]
#[test]
fn the_page_of_the_sandbox_names_every_sample_release() {
    let page = read("docs/sandbox.md");
    for sample in merotee::sandbox::release::Sample::all().unwrap() {
        assert!(code_spans(&page).contains(&sample.tag.as_str()), "{}", sample.tag);
    }
}

#[test]
fn the_page_of_layouts_lists_the_assets_of_each_contract_and_no_others() {
    let page = read("docs/layouts.md");
    for contract in Contracts::built_in().unwrap().iter() {
        let layout = match contract.layout {
            Layout::Pipeline => "Pipeline",
            Layout::Runbook => "Runbook",
            Layout::Upstream => "Upstream",
        };
        let family = match contract.family {
            Family::Kms => "kms",
            Family::Node => "node",
        };
        let title = format!("{layout}, {family}");
        let (_, text) = *sections(&page).iter().find(|(t, _)| *t == title).unwrap_or_else(|| panic!("no {title}"));
        let listed: Vec<&str> = rows(text).iter().map(|row| row[0].trim_matches('`')).collect();
        let named: Vec<&str> = contract.assets.iter().map(|asset| asset.name.as_str()).collect();
        assert_eq!(listed, named, "{title}");
        for (row, asset) in rows(text).iter().zip(&contract.assets) {
            assert_eq!(row[1].contains("optional"), asset.optional, "{title}: {}", asset.name);
        }
        assert!(text.contains(&format!("`{}`", contract.checksums.name)), "{title}");
        assert!(page.contains(&contract.workflow) && page.contains(&contract.branch), "{title}");
    }
}

#[test]
fn every_role_of_an_asset_has_a_schema_or_a_stated_reason_why_not() {
    let page = read("docs/layouts.md");
    let (_, text) = *sections(&page).iter().find(|(title, _)| *title == "Which documents have a schema").unwrap();
    let mut stated = BTreeSet::new();
    for row in rows(text) {
        stated.extend(code_spans(row[0]));
        let schema = code_spans(row[1]).first().copied();
        let known = schema.is_some_and(|name| Document::ALL.iter().any(|document| document.name() == name));
        assert!(known || row[1].starts_with("none: "), "{row:?}");
        assert!(!known || root().join(format!("schemas/{}.schema.json", schema.unwrap())).is_file(), "{row:?}");
    }
    let word = |role: AssetKind| serde_json::to_value(role).unwrap().as_str().unwrap().to_owned();
    let contracts = Contracts::built_in().unwrap();
    let roles: BTreeSet<String> = contracts.iter().flat_map(|c| &c.assets).map(|asset| word(asset.role)).collect();
    assert_eq!(stated, roles.iter().map(String::as_str).collect());
}

#[test]
fn the_page_of_dependencies_names_every_crate_of_the_manifest_and_no_other() {
    let manifest: toml_edit::DocumentMut = read("Cargo.toml").parse().unwrap();
    let unix = &manifest["target"]["cfg(unix)"];
    let tables = [&manifest["dependencies"], &unix["dependencies"], &manifest["dev-dependencies"]];
    let named = |table: &toml_edit::Item| -> Vec<String> {
        table.as_table_like().unwrap().iter().map(|(name, _)| name.to_owned()).collect()
    };
    let manifest: BTreeSet<String> = tables.into_iter().flat_map(named).collect();
    let page = read("docs/dependencies.md");
    let sections = sections(&page);
    let listed = sections.iter().filter(|(title, _)| title.starts_with("In ")).flat_map(|(_, text)| rows(text));
    let listed: Vec<(String, bool)> =
        listed.map(|row| (row[0].trim_matches('`').to_owned(), row.iter().all(|cell| !cell.is_empty()))).collect();
    assert!(listed.iter().all(|(_, reasoned)| *reasoned), "a crate without a reason");
    let page: BTreeSet<String> = listed.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(page.len(), listed.len(), "a crate is listed twice");
    assert_eq!(page, manifest);
}

#[test]
fn every_link_between_the_documents_leads_somewhere() {
    for document in documents() {
        let text = read(document.to_str().unwrap());
        let targets = text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        for target in targets.filter(|target| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => document.clone(),
                file => document.parent().unwrap().join(file),
            };
            let place = format!("{}: {target}", document.display());
            assert!(root().join(&path).is_file(), "{place}");
            if !anchor.is_empty() {
                let text = read(path.to_str().unwrap());
                let anchors = text.lines().filter(|line| line.starts_with('#')).map(anchor_of);
                assert!(anchors.into_iter().any(|a| a == anchor), "{place}");
            }
        }
    }
}

/// The anchor GitHub gives a heading.
fn anchor_of(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
