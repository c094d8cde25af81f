//! SBOMs judged by spdx-tools, the SPDX project's own validator, and by us: the sandbox's, real ones that syft makes, and a
//! thousand mutations. Where the two differ, `docs/sbom.md` says why, and a test here holds it to that.

mod document;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use merotee::{
    release::{contract::Purls, sbom::sbom},
    report::Status,
    sandbox::sbom as sandbox,
    subject::tag::Tag,
};
use serde_json::{Value, json};

use crate::{
    binary::{Place, skip},
    outside::program,
};
use document::{Edit, edited, everything, places};

/// spdx-tools, found.
struct SpdxTools(PathBuf);

impl SpdxTools {
    fn find() -> Option<Self> {
        let python = std::env::var_os("MEROTEE_SPDX_TOOLS").filter(|path| !path.is_empty()).map(PathBuf::from);
        if python.is_none() {
            skip("no spdx-tools: set MEROTEE_SPDX_TOOLS to the python of an environment that has it");
        }
        python.map(Self)
    }

    /// What spdx-tools says against each file.
    fn objections(&self, files: &[PathBuf]) -> BTreeMap<PathBuf, Vec<String>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/spdx_validate.py");
        let mut all = BTreeMap::new();
        // A command line has an end.
        for files in files.chunks(500) {
            let output = Command::new(&self.0).arg(&script).args(files).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let said: BTreeMap<PathBuf, Vec<String>> = serde_json::from_slice(&output.stdout).unwrap();
            all.extend(said);
        }
        assert_eq!(all.len(), files.len());
        all
    }
}

/// What we say against a document, warnings included.
fn ours(bytes: &[u8]) -> Vec<String> {
    let findings = sbom("sbom.spdx.json", bytes, Purls::Enforced);
    assert!(!findings.is_empty());
    findings.into_iter().filter(|f| f.status != Status::Pass).map(|f| f.message).collect()
}

/// Documents with what each validator says against them.
struct Compared {
    name: String,
    ours: Vec<String>,
    theirs: Vec<String>,
}

fn compared(tools: &SpdxTools, documents: Vec<(String, Vec<u8>)>) -> Vec<Compared> {
    let place = Place::new();
    let files: Vec<PathBuf> =
        documents.iter().enumerate().map(|(at, (_, bytes))| place.write(&format!("{at}.spdx.json"), bytes)).collect();
    let mut theirs = tools.objections(&files);
    let with = |((name, bytes), file): ((String, Vec<u8>), &PathBuf)| Compared {
        name,
        ours: ours(&bytes),
        theirs: theirs.remove(file).unwrap(),
    };
    documents.into_iter().zip(&files).map(with).collect()
}

#[test]
fn the_sandboxs_sboms_are_accepted_by_spdx_tools_and_by_us() {
    let Some(tools) = SpdxTools::find() else { return };
    let tag: Tag = "mero-kms-v1.2.0".parse().unwrap();
    let abouts = ["mero-kms-phala", "binaries", "container", "node-image"];
    let documents = abouts.map(|about| (about.to_owned(), sandbox::sbom(&tag, about).to_string().into_bytes()));
    for one in compared(&tools, documents.to_vec()) {
        assert_eq!((one.ours, one.theirs), (vec![], vec![]), "{}", one.name);
    }
}

#[test]
fn real_sboms_by_syft_are_judged_alike_but_for_one_that_lists_nothing() {
    let (Some(tools), Some(syft)) = (SpdxTools::find(), program("syft", "MEROTEE_SYFT")) else { return };
    let place = Place::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (folder, lock) in [("ours", "Cargo.lock"), ("interop", "tests/interop/dcap-rs/Cargo.lock")] {
        place.write(&format!("{folder}/Cargo.lock"), std::fs::read(root.join(lock)).unwrap());
    }
    // The binary is built without cargo-auditable, so that a scanner finds nothing in it.
    place.write("nothing/mero-kms-phala", "a binary without a list of its crates");
    let environment = tools.0.parent().and_then(Path::parent).unwrap().to_owned();
    let folders = [place.path("ours"), place.path("interop"), environment, place.path("nothing")];
    let scanned = folders.map(|folder| {
        let source = format!("dir:{}", folder.display());
        let syft = Command::new(&syft)
            .args(["--quiet", "--output", "spdx-json", &source])
            .env("SYFT_CHECK_FOR_APP_UPDATE", "false")
            .output()
            .unwrap();
        assert!(syft.status.success(), "{}", String::from_utf8_lossy(&syft.stderr));
        (folder.file_name().unwrap().to_string_lossy().into_owned(), syft.stdout)
    });
    let all = compared(&tools, scanned.to_vec());
    let (nothing, others) = all.split_last().unwrap();
    for one in others {
        // What lies in the environment of spdx-tools is not ours to choose: the two agree.
        assert_eq!(one.ours.is_empty(), one.theirs.is_empty(), "{}: {:?} {:?}", one.name, one.ours, one.theirs);
    }
    assert_eq!(nothing.theirs, [""; 0]);
    assert_eq!(nothing.ours, ["no package is listed but the document root: the tool that made it found nothing"]);
}

/// Every mutation of one document: each value taken away, and each replaced by others of its kind and of another.
fn mutations(base: &Value) -> Vec<Edit> {
    let mut all = Vec::new();
    for pointer in places(base) {
        let was = base.pointer(&pointer).unwrap();
        let others = match was {
            Value::String(text) => {
                let cut: String = text.chars().skip(1).collect();
                let words = ["", "a b", "NOASSERTION", "NONE", "SPDXRef-gone", "LicenseRef-gone", &cut];
                let mut others = words.map(Value::from).to_vec();
                others.extend([json!(format!("{text}x")), json!(text.to_uppercase()), json!(7)]);
                others
            }
            Value::Number(_) => vec![json!(0), json!(-1), json!(1_000_000), json!("7")],
            Value::Bool(was) => vec![json!(!was)],
            Value::Array(items) => vec![json!([]), json!([items.as_slice(), items.as_slice()].concat())],
            Value::Object(_) | Value::Null => vec![json!({})],
        };
        all.push(Edit::Remove(pointer.clone()));
        all.extend(others.into_iter().filter(|other| other != was).map(|other| Edit::Set(pointer.clone(), other)));
    }
    all
}

/// Who says something against a document that the other takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Objects {
    Ours,
    Theirs,
}

/// A row of the table of differences in `docs/sbom.md`, and the mutations that it explains.
struct Difference {
    row: &'static str,
    objects: Objects,
    explains: fn(&Edit) -> bool,
}

/// Differences that mutations of everything meet.
const MET: [Difference; 5] = [
    Difference {
        row: "an empty text",
        objects: Objects::Ours,
        explains: |edit| matches!(edit, Edit::Set(_, value) if *value == ""),
    },
    Difference {
        row: "a number written as text",
        objects: Objects::Ours,
        explains: |edit| matches!(edit, Edit::Set(_, value) if *value == "7"),
    },
    Difference {
        row: "an empty object",
        objects: Objects::Ours,
        explains: |edit| matches!(edit, Edit::Set(_, value) if *value == json!({})),
    },
    Difference {
        row: "a document that describes nothing of its own",
        objects: Objects::Ours,
        explains: |edit| matches!(edit, Edit::Set(place, value) if place == "/relationships/0/relatedSpdxElement" && value.is_string()),
    },
    Difference {
        row: "an external document declared twice",
        objects: Objects::Ours,
        explains: |edit| matches!(edit, Edit::Set(place, _) if place == "/externalDocumentRefs"),
    },
];

#[test]
fn mutations_are_judged_as_spdx_tools_judges_them_but_for_the_documented_differences() {
    let Some(tools) = SpdxTools::find() else { return };
    let base = everything();
    let edits = mutations(&base);
    let documents = edits.iter().map(|edit| (edit.to_string(), edited(&base, edit).to_string().into_bytes())).collect();
    let all = compared(&tools, documents);
    let mut unexplained = Vec::new();
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for (edit, one) in edits.iter().zip(&all) {
        let objects = match (one.ours.is_empty(), one.theirs.is_empty()) {
            (false, true) => Objects::Ours,
            (true, false) => Objects::Theirs,
            (true, true) | (false, false) => continue,
        };
        match MET.iter().find(|difference| difference.objects == objects && (difference.explains)(edit)) {
            Some(difference) => *rows.entry(difference.row).or_default() += 1,
            None => unexplained.push(format!("{}: ours {:?}, theirs {:?}", one.name, one.ours, one.theirs)),
        }
    }
    let differences: usize = rows.values().sum();
    eprintln!("{} mutations: {} judged alike, {differences} differences: {rows:?}", all.len(), all.len() - differences);
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    assert!(all.len() > 1_000);
    assert_eq!(rows.len(), MET.len(), "{rows:?}");
}

/// One change of everything for each other row of the table of differences.
fn chosen() -> Vec<(&'static str, Objects, Vec<Edit>)> {
    use Objects::{Ours, Theirs};
    let set = |place: &str, value: Value| Edit::Set(place.to_owned(), value);
    let declared = |licence: &str| vec![set("/packages/2/licenseDeclared", json!(licence))];
    let checksum = |algorithm: &str, digits: usize| {
        vec![set("/packages/1/checksums/0", json!({"algorithm": algorithm, "checksumValue": "a".repeat(digits)}))]
    };
    let purl = "/externalRefs/0/referenceLocator";
    vec![
        (
            "no package but the root",
            Ours,
            vec![
                Edit::Remove("/packages/2".into()),
                Edit::Remove("/packages/1".into()),
                set("/files", json!([])),
                set("/snippets", json!([])),
                set("/relationships", json!([everything()["relationships"][0]])),
            ],
        ),
        (
            "no package URL",
            Ours,
            vec![set("/packages/1/externalRefs", json!([])), set("/packages/2/externalRefs", json!([]))],
        ),
        ("a malformed package URL", Ours, vec![set(&format!("/packages/2{purl}"), json!("pkg:a b/c d"))]),
        (
            "a document that describes nothing of its own",
            Ours,
            vec![set("/relationships/0/relatedSpdxElement", json!("SPDXRef-DOCUMENT"))],
        ),
        (
            "an element of a name of another document",
            Ours,
            vec![
                set("/packages/2/SPDXID", json!("DocumentRef-base:SPDXRef-x")),
                set("/relationships/3/spdxElementId", json!("DocumentRef-base:SPDXRef-x")),
                set("/relationships/4/spdxElementId", json!("DocumentRef-base:SPDXRef-x")),
            ],
        ),
        ("a relationship in lowercase", Ours, vec![set("/relationships/3/relationshipType", json!("dependency_of"))]),
        ("a tool as supplier", Ours, vec![set("/packages/1/supplier", json!("Tool: syft"))]),
        ("a time with one digit", Ours, vec![set("/creationInfo/created", json!("2026-1-2T03:04:05Z"))]),
        ("an MD6 checksum of more than 512 bits", Ours, checksum("MD6", 512)),
        ("a BLAKE3 checksum of 256 bits", Theirs, checksum("BLAKE3", 64)),
        ("a licence of ScanCode's that is not defined", Ours, declared("LicenseRef-scancode-public-domain")),
        ("an operator in mixed case", Ours, declared("MIT And ISC")),
        ("`NONE` in small letters", Ours, declared("none")),
        ("a licence or later", Theirs, declared("Apache-2.0+")),
    ]
}

#[test]
fn each_documented_difference_is_one_and_every_one_is_documented() {
    let Some(tools) = SpdxTools::find() else { return };
    let chosen = chosen();
    let with = |(row, _, edits): &(&str, Objects, Vec<Edit>)| {
        let document = edits.iter().fold(everything(), |document, edit| edited(&document, edit));
        ((*row).to_owned(), document.to_string().into_bytes())
    };
    let all = compared(&tools, chosen.iter().map(with).collect());
    for ((row, objects, _), one) in chosen.iter().zip(&all) {
        let (ours, theirs) = (one.ours.is_empty(), one.theirs.is_empty());
        let expected = (*objects == Objects::Theirs, *objects == Objects::Ours);
        assert_eq!((ours, theirs), expected, "{row}: ours {:?}, theirs {:?}", one.ours, one.theirs);
    }
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sbom.md")).unwrap();
    let table: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).collect();
    let rows = chosen.iter().map(|(row, ..)| *row).chain(MET.iter().map(|difference| difference.row));
    for row in rows {
        assert!(table.contains(&row), "docs/sbom.md has no row: {row}");
    }
}
