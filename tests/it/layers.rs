//! The arrows between the layers, held: which folder of `src/` may name which, which crates the domain may not know, who
//! reads the environment, what modules are called and how long they get.
//!
//! Sources are read as Rust tokens, so comments and strings don't count and macros do. A path through `super` is followed;
//! one through a re-export is seen where it is re-exported.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What every layer may name: digests, errors and words know nothing of ours.
const FOUNDATION: [&str; 5] = ["digest", "ed25519", "error", "text", "yaml"];

/// Judges values and does no work: the folders of the domain, each of which names only those before it.
const STAIRCASE: [&str; 15] = [
    "schema",
    "subject",
    "change",
    "journal",
    "attestation",
    "policy",
    "catalog",
    "merod_config",
    "release",
    "probe",
    "e2e",
    "rollout",
    "dstack",
    "guard",
    "doctor",
];

/// Each layer above the domain with what it may name of the others; the domain is open to all of them. A layer that is
/// not here fails the test: its arrows must be thought about.
const ARROWS: &[(&str, &[&str])] = &[
    ("report", &[]),
    // A static that everything which takes long may turn to; it knows nothing of ours.
    ("progress", &[]),
    ("adapters", &["progress"]),
    // A machine of its clouds runs the production service, whose settings name clients.
    ("sandbox", &["kms", "adapters"]),
    ("kms", &["adapters"]),
    ("exit", &["report"]),
    ("logging", &["progress", "report"]),
    // Shells complete the kinds of tampering.
    ("cli", &["report", "logging", "sandbox"]),
    ("context", &["adapters", "cli", "report"]),
    ("product", &["adapters", "cli", "context", "exit", "report"]),
    // The code that this program ends with on another machine says what came of it there.
    ("commands", &["adapters", "report", "kms", "sandbox", "cli", "context", "product", "progress", "exit"]),
    // The root ties the layers together, and the binary starts it.
    ("lib", &["cli", "commands", "context", "exit", "logging", "product", "progress", "report"]),
    ("main", &[]),
];

/// Crates and parts of the standard library that do work, which a judgement and its rendering must not.
const WORK: [&str; 9] = ["clap", "tokio", "reqwest", "axum", "indicatif", "tempfile", "tracing", "sandbox", "adapters"];
const STD_WORK: [&str; 6] = ["fs", "net", "env", "process", "thread", "time::Instant"];

/// Words that may stand before a path which starts with `::`, and belong to none.
const BEFORE_A_PATH: [&str; 12] =
    ["use", "dyn", "impl", "mut", "for", "in", "as", "return", "if", "match", "move", "where"];

/// Longest source file without a stated reason, in lines.
const LONG: usize = 400;

/// Longer files, and why they stay whole.
const LONGER: &[(&str, &str)] = &[];

/// One source file: its path from the package, its module path, its tokens.
struct Source {
    file: String,
    module: Vec<String>,
    tokens: TokenStream,
    lines: usize,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files);
    files.iter().map(|file| Source::read(root, file)).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

impl Source {
    fn read(root: &Path, file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap();
        let file = file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        let stem = file.trim_start_matches("src/").trim_end_matches(".rs");
        let module = stem.split('/').map(str::to_owned).collect();
        let tokens = text.parse().unwrap_or_else(|e| panic!("{file}: {e}"));
        Self { module, tokens, lines: text.lines().count(), file }
    }

    /// The folder or file right below `src/`.
    fn layer(&self) -> &str {
        &self.module[0]
    }

    /// Every path written in the file, from its first word on.
    fn paths(&self) -> Vec<Vec<String>> {
        // The root's own modules are what `self` and `crate` name there.
        let at = if matches!(self.layer(), "lib" | "main") { Vec::new() } else { self.module.clone() };
        let mut paths = Vec::new();
        walk(self.tokens.clone(), &at, &mut paths);
        paths
    }

    /// Every path in the file but those of its unit tests.
    fn paths_outside_tests(&self) -> Vec<Vec<String>> {
        let mut tokens: Vec<TokenTree> = self.tokens.clone().into_iter().collect();
        let tests = tokens.windows(2).position(
            |two| matches!(two, [TokenTree::Ident(word), TokenTree::Ident(name)] if *word == "mod" && *name == "tests"),
        );
        tokens.truncate(tests.unwrap_or(tokens.len()));
        Self {
            file: self.file.clone(),
            module: self.module.clone(),
            tokens: tokens.into_iter().collect(),
            lines: self.lines,
        }
        .paths()
    }
}

/// Collects the paths among `tokens` of the module `at`.
fn walk(tokens: TokenStream, at: &[String], paths: &mut Vec<Vec<String>>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut next = 0;
    while let Some(token) = tokens.get(next) {
        match token {
            TokenTree::Ident(word) if *word == "mod" => {
                if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                    (tokens.get(next + 1), tokens.get(next + 2))
                {
                    let inner = [at, &[name.to_string()]].concat();
                    walk(body.stream(), &inner, paths);
                    next += 2;
                }
                next += 1;
            }
            TokenTree::Ident(word) if BEFORE_A_PATH.contains(&word.to_string().as_str()) => next += 1,
            TokenTree::Ident(_) => next = path(&tokens, next, at, &[], paths),
            TokenTree::Group(group) => {
                walk(group.stream(), at, paths);
                next += 1;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => next += 1,
        }
    }
}

/// Reads one path that starts at `next` after `before`, with the trees of a `use` in braces, and returns where it ends.
fn path(tokens: &[TokenTree], next: usize, at: &[String], before: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let Some(TokenTree::Ident(word)) = tokens.get(next) else { return next + 1 };
    let mut words = before.to_vec();
    match word.to_string().as_str() {
        "crate" => words = vec!["crate".into()],
        "self" if before.is_empty() => words = [&["crate".to_owned()], at].concat(),
        "super" if before.is_empty() => {
            let parent = at.split_last().map(|(_, parent)| parent).unwrap_or_default();
            words = [&["crate".to_owned()], parent].concat();
        }
        "super" => drop(words.pop()),
        // In a tree: the name that follows is given here, not used.
        "as" => return next + 2,
        word => words.push(word.to_owned()),
    }
    let colons = |index: usize| matches!(tokens.get(index), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    if !(colons(next + 1) && colons(next + 2)) {
        paths.push(words);
        return next + 1;
    }
    match tokens.get(next + 3) {
        Some(TokenTree::Ident(_)) => path(tokens, next + 3, at, &words, paths),
        Some(TokenTree::Group(tree)) if tree.delimiter() == Delimiter::Brace => {
            let branches: Vec<TokenTree> = tree.stream().into_iter().collect();
            let mut branch = 0;
            while branch < branches.len() {
                branch = path(&branches, branch, at, &words, paths);
            }
            next + 4
        }
        _ => {
            paths.push(words);
            next + 3
        }
    }
}

/// The layers of ours that a file names, its own apart.
fn named_layers(source: &Source) -> BTreeSet<String> {
    let ours = source.paths().into_iter().filter(|path| path[0] == "crate" && path.len() > 1);
    ours.map(|path| path[1].clone()).filter(|layer| layer != source.layer()).collect()
}

/// What a layer may name besides itself and the foundation: `None` for a layer that has no place yet.
fn arrows(layer: &str) -> Option<Vec<&'static str>> {
    if let Some(step) = STAIRCASE.iter().position(|name| *name == layer) {
        return Some([&STAIRCASE[..step], &["report"]].concat());
    }
    if FOUNDATION.contains(&layer) {
        return Some(Vec::new());
    }
    // A report is made of values of its own.
    let domain: &[&str] = if layer == "report" { &[] } else { &STAIRCASE };
    ARROWS.iter().find(|(name, _)| *name == layer).map(|(_, named)| [*named, domain].concat())
}

#[test]
fn every_import_follows_an_arrow() {
    let mut against = Vec::new();
    for source in sources() {
        let Some(allowed) = arrows(source.layer()) else {
            against.push(format!("{}: the layer `{}` has no arrows", source.file, source.layer()));
            continue;
        };
        // What the root declares with `mod` and re-exports under its own name is no layer.
        let known = |layer: &String| arrows(layer).is_some() || source.layer() == "commands";
        for layer in named_layers(&source).iter().filter(|layer| known(layer)) {
            if !allowed.contains(&layer.as_str()) && !FOUNDATION.contains(&layer.as_str()) {
                against.push(format!("{}: {} → {layer}", source.file, source.layer()));
            }
        }
    }
    assert!(against.is_empty(), "against the arrows:\n{}", against.join("\n"));
}

/// Between the modules of one folder: who names whom, each with a file that does. A module stands for all that is below it.
type Neighbours = BTreeMap<String, BTreeMap<String, String>>;

/// The module that a path of `crate` leads to: as deep as there are files, also through a name that a parent re-exports.
fn module_of(path: &[String], modules: &BTreeMap<Vec<String>, Vec<Vec<String>>>) -> Vec<String> {
    let mut found = Vec::new();
    for word in &path[1..] {
        let next = [found.as_slice(), std::slice::from_ref(word)].concat();
        if modules.contains_key(&next) {
            found = next;
            continue;
        }
        // What the parent itself has by a `use` from one of its children is the child's.
        let names = modules.get(&found).into_iter().flatten();
        let from_child = |used: &&Vec<String>| {
            used.last() == Some(word)
                && used.len() > found.len() + 2
                && used[0] == "crate"
                && used[1..].starts_with(&found)
        };
        if let Some(used) = names.clone().find(from_child) {
            found = used[1..used.len() - 1].to_vec();
        }
        break;
    }
    found
}

#[test]
fn no_circle_of_modules_is_anywhere() {
    let sources = sources();
    // Tests and their fixtures may look anywhere.
    let tested = |module: &[String]| module.iter().any(|name| name == "tests" || name == "fixtures");
    let real: Vec<&Source> = sources.iter().filter(|s| !tested(&s.module)).collect();
    let modules: BTreeMap<Vec<String>, Vec<Vec<String>>> =
        real.iter().map(|source| (source.module.clone(), source.paths_outside_tests())).collect();
    let mut folders: BTreeMap<Vec<String>, Neighbours> = BTreeMap::new();
    for source in real.iter().filter(|s| !matches!(s.layer(), "lib" | "main")) {
        for path in modules[&source.module].iter().filter(|path| path[0] == "crate" && path.len() > 1) {
            let named = module_of(path, &modules);
            let shared = source.module.iter().zip(&named).take_while(|(one, other)| one == other).count();
            // A parent may name what it holds, and what it holds may name the parent.
            let (Some(from), Some(to)) = (source.module.get(shared), named.get(shared)) else { continue };
            let neighbours = folders.entry(source.module[..shared].to_vec()).or_default();
            let whose = format!("{} names {}", source.file, path[1..].join("::"));
            neighbours.entry(from.clone()).or_default().entry(to.clone()).or_insert(whose);
        }
    }
    let circles: Vec<String> = folders.values().filter_map(circle).collect();
    assert!(circles.is_empty(), "circles:\n{}", circles.join("\n\n"));
}

/// One circle among neighbours, each step with a file that makes it.
fn circle(neighbours: &Neighbours) -> Option<String> {
    let mut left = neighbours.clone();
    // Who names nobody that is left is on no circle.
    while let Some(free) = left.iter().find(|(_, named)| !named.keys().any(|name| left.contains_key(name))) {
        let free = free.0.clone();
        left.remove(&free);
    }
    let mut at = left.keys().next()?.clone();
    let mut walked = Vec::new();
    while !walked.contains(&at) {
        walked.push(at.clone());
        at = left[&at].keys().find(|name| left.contains_key(*name))?.clone();
    }
    let start = walked.iter().position(|name| *name == at)?;
    let steps = walked[start..].iter().zip(walked[start..].iter().skip(1).chain([&at]));
    Some(steps.map(|(from, to)| format!("{from} → {to}: {}", left[from][to])).collect::<Vec<_>>().join("\n"))
}

#[test]
fn the_domain_and_the_report_do_no_work_and_know_no_command_line() {
    let mut against = Vec::new();
    for source in sources().iter().filter(|s| STAIRCASE.contains(&s.layer()) || s.layer() == "report") {
        for path in source.paths() {
            let crate_ = path[0].as_str();
            let from_std = crate_ == "std" && STD_WORK.iter().any(|work| path[1..].join("::").starts_with(work));
            if path.len() > 1 && (WORK.contains(&crate_) || crate_.starts_with("sigstore_") || from_std) {
                against.push(format!("{}: {}", source.file, path.join("::")));
            }
        }
    }
    assert!(against.is_empty(), "work in the domain:\n{}", against.join("\n"));
}

#[test]
fn the_environment_is_read_in_one_place_and_the_process_ended_in_none() {
    let mut against = Vec::new();
    for source in sources() {
        for path in source.paths() {
            let ends_with = |words: &[&str]| path.len() >= words.len() && path[path.len() - words.len()..] == *words;
            let reads = ["var", "var_os", "vars", "vars_os"].iter().any(|name| ends_with(&["env", name]));
            let ends = ["exit", "abort"].iter().any(|name| ends_with(&["process", name]));
            if ends || (reads && source.layer() != "cli") {
                against.push(format!("{}: {}", source.file, path.join("::")));
            }
        }
        if calls(source.tokens.clone(), "exit") {
            against.push(format!("{}: .exit()", source.file));
        }
    }
    assert!(against.is_empty(), "{}", against.join("\n"));
}

/// Whether a method of this name is called anywhere among the tokens.
fn calls(tokens: TokenStream, method: &str) -> bool {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let here = tokens.windows(3).any(|three| {
        matches!(three, [TokenTree::Punct(dot), TokenTree::Ident(name), TokenTree::Group(arguments)]
            if dot.as_char() == '.' && *name == method && arguments.delimiter() == Delimiter::Parenthesis)
    });
    let group = |token: TokenTree| matches!(token, TokenTree::Group(group) if calls(group.stream(), method));
    here || tokens.into_iter().any(group)
}

#[test]
fn no_module_is_a_drawer_for_everything() {
    let drawers = ["util", "utils", "helper", "helpers", "common", "misc", "shared"];
    for source in sources() {
        let drawer = source.module.iter().find(|name| drawers.contains(&name.as_str()));
        assert_eq!(drawer, None, "{}: name it after what it does", source.file);
    }
}

#[test]
fn a_long_file_has_a_stated_reason_and_no_reason_is_stale() {
    let sources = sources();
    for source in &sources {
        let excused = LONGER.iter().any(|(file, _)| *file == source.file);
        assert!(
            excused == (source.lines > LONG),
            "{} has {} lines: split what is over {LONG}, or state why not; strike a reason that is no longer needed",
            source.file,
            source.lines
        );
    }
    for (file, reason) in LONGER {
        assert!(sources.iter().any(|source| source.file == *file) && !reason.is_empty(), "{file}");
    }
}

#[test]
fn every_module_says_what_it_is_responsible_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for source in sources() {
        let text = std::fs::read_to_string(root.join(&source.file)).unwrap();
        assert!(text.starts_with("//! "), "{} has no header", source.file);
    }
}

/// The paths of a piece of code in the module `release::checks`.
fn paths_of(code: &str) -> Vec<String> {
    let at = ["release".to_owned(), "checks".to_owned()];
    let mut paths = Vec::new();
    walk(code.parse().unwrap(), &at, &mut paths);
    paths.into_iter().filter(|path| path.len() > 1).map(|path| path.join("::")).collect()
}

#[test]
fn paths_are_found_in_trees_macros_and_inner_modules_and_not_in_comments_or_strings() {
    assert_eq!(paths_of("use crate::{a::b, c::{self, d as e}};"), ["crate::a::b", "crate::c::self", "crate::c::d"]);
    assert_eq!(paths_of("use super::super::adapters::x;"), ["crate::adapters::x"]);
    assert_eq!(
        paths_of("mod tests { use super::*; fn f() { super::super::super::cli::g() } }"),
        ["crate::release::checks", "crate::cli::g"]
    );
    assert_eq!(paths_of("fn f() { println!(\"{}\", crate::cli::X) }"), ["crate::cli::X"]);
    assert_eq!(paths_of("#[derive(clap::ValueEnum)] struct S;"), ["clap::ValueEnum"]);
    assert_eq!(paths_of("// crate::a::b\nconst S: &str = \"crate::a::b\";"), [""; 0]);
    assert_eq!(paths_of("use ::clap::Arg; fn f(x: &mut dyn ::std::io::Write) {}"), ["clap::Arg", "std::io::Write"]);
}
