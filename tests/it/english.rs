//! The words the program and its documents use: phrases that a release engineer would not write, each with what to say
//! instead.
//!
//! Messages are read as Rust tokens: every string literal of `src/` outside its tests. Comments that become help or
//! rustdoc are literals too, and held to the same words.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use merotee::cli::Cli;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use regex::Regex;

/// What must not be written, as a pattern over lower-case text, and what to write.
const BANNED: &[(&str, &str)] = &[
    (r"\bnobody\b", "no one, or say who or what does it"),
    (r"\bwhoever\b", "anyone who, or say who"),
    (r"\bbesides\b", "in addition to, as well as, other than"),
    (r"\bwhat became of\b", "the outcome of"),
    (r"\bbelieved\b|\bbelieve (nothing|somebody|anybody)\b", "trusted; 'failed verification'"),
    (r"\buntil second\b|\bsecond \{", "a time in RFC 3339, in UTC"),
    (r"\b(is|are) for ([a-z]+ ){1,3}to say\b", "say who decides"),
    (r"\bunder debug\b", "runs in debug mode"),
    (r"\b(is|are) not told\b", "say that the message leaves it out"),
    (r"\b(is|are) another one\b", "differs"),
    (r"\bis not what was\b", "differs from what was"),
    (r"\bdoes not count before\b|\bcounts until\b|\bcounts at this time\b", "valid"),
    (r"\bstands? twice\b", "appears twice"),
    (r"\bwhere one is meant\b", "expected one"),
    (r"\bput together from\b", "assembled from"),
    (r"\b(are|is) not heeded\b", "ignored"),
    (r"\bout of reach: ", "unreachable"),
    (r"\bsomething else than\b|\bsomebody else than\b", "something other than, or say what"),
];

/// Wrong only where it is a message: prose may well say by what a thing is judged.
const BANNED_IN_MESSAGES: &[(&str, &str)] =
    &[(r"\b(is|are|was|were) judged by\b", "name the root or key that is used")];

/// `x is no release`: but not `there is no release`, nor `is no longer`.
const IS_NO: &str = r"(\S+) (?:is|are) no ([a-z]+)";

/// A count of one with a plural.
const ONE_OF_MANY: &str = r"(?:^|[\s(])1 ([a-z]{3,}s)\b";

/// Words that end in s and are not plurals.
const SINGULAR: [&str; 6] = ["pass", "process", "address", "status", "always", "less"];

/// The patterns, made once: thousands of texts are held against them.
struct Rules {
    everywhere: Vec<(Regex, &'static str)>,
    messages: Vec<(Regex, &'static str)>,
    is_no: Regex,
    one_of_many: Regex,
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let made = |rules: &[(&str, &'static str)]| {
        rules.iter().map(|(pattern, instead)| (Regex::new(pattern).unwrap(), *instead)).collect()
    };
    Rules {
        everywhere: made(BANNED),
        messages: made(BANNED_IN_MESSAGES),
        is_no: Regex::new(IS_NO).unwrap(),
        one_of_many: Regex::new(ONE_OF_MANY).unwrap(),
    }
});

/// The faults of a text, with what to write instead.
fn faults(text: &str, message: bool) -> Vec<String> {
    let text = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let mut faults = Vec::new();
    let more = if message { &RULES.messages[..] } else { &[] };
    for (pattern, instead) in RULES.everywhere.iter().chain(more) {
        for found in pattern.find_iter(&text) {
            faults.push(format!("`{}`: {instead}", found.as_str()));
        }
    }
    for found in RULES.is_no.captures_iter(&text) {
        if !found[1].ends_with("there") && !["longer", "more", "one"].contains(&&found[2]) {
            faults.push(format!("`{}`: is not a {}", &found[0], &found[2]));
        }
    }
    for found in RULES.one_of_many.captures_iter(&text) {
        if !SINGULAR.contains(&&found[1]) {
            faults.push(format!("`1 {}`: the singular", &found[1]));
        }
    }
    faults
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder whose name ends in `extension`.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The string literals of a file, those of its unit tests left out; which of them are comments is said.
fn literals(tokens: TokenStream, found: &mut Vec<(String, bool)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let word = |at: usize, word: &str| matches!(tokens.get(at), Some(TokenTree::Ident(ident)) if ident == word);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            // What is compiled for tests alone is a module with a body here.
            TokenTree::Ident(_) if word(at, "mod") && (word(at + 1, "tests") || word(at + 1, "fixtures")) => at += 2,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                match inner.as_slice() {
                    [TokenTree::Ident(doc), _, TokenTree::Literal(text)] if doc == "doc" => {
                        found.push((text.to_string(), true));
                    }
                    _ => literals(group.stream(), found),
                }
            }
            TokenTree::Group(group) => literals(group.stream(), found),
            TokenTree::Literal(text) if text.to_string().contains('"') => found.push((unescaped(text), false)),
            TokenTree::Literal(_) | TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
        at += 1;
    }
}

/// The text of a literal, with the line ends that a `\` joins.
fn unescaped(literal: &proc_macro2::Literal) -> String {
    let joined = Regex::new(r"\\\n\s*").unwrap();
    joined.replace_all(&literal.to_string(), "").replace("\\n", "\n")
}

fn is_test(file: &Path) -> bool {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap();
    file.components().any(|part| part.as_os_str() == "tests") || ["tests", "fixtures"].contains(&stem)
}

#[test]
fn no_message_and_no_comment_that_becomes_help_has_a_phrase_a_release_engineer_would_not_write() {
    let mut wrong = Vec::new();
    let mut read = 0;
    for file in files(&root().join("src"), "rs").into_iter().filter(|file| !is_test(file)) {
        let text = fs::read_to_string(&file).unwrap();
        let mut found = Vec::new();
        literals(text.parse().unwrap(), &mut found);
        read += found.len();
        let place = file.strip_prefix(root()).unwrap().display().to_string();
        // Neighbouring lines of a comment are one text.
        let comments =
            found.iter().filter(|(_, comment)| *comment).map(|(text, _)| text.trim_matches('"').trim_matches('r'));
        let comments = comments.collect::<Vec<_>>().join(" ");
        wrong.extend(faults(&comments, false).into_iter().map(|fault| format!("{place}, in a comment: {fault}")));
        for (text, _) in found.iter().filter(|(_, comment)| !*comment) {
            wrong.extend(faults(text, true).into_iter().map(|fault| format!("{place}: {fault} in {text}")));
        }
    }
    assert!(read > 3000, "only {read} literals were read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_help_text_has_a_phrase_a_release_engineer_would_not_write() {
    let command = Cli::whole();
    let mut wrong = Vec::new();
    let mut pages = 0;
    let mut left = vec![command];
    while let Some(mut command) = left.pop() {
        left.extend(command.get_subcommands().filter(|c| c.get_name() != "help").cloned());
        let help = command.render_long_help().to_string();
        pages += 1;
        wrong.extend(faults(&help, true).into_iter().map(|fault| format!("{}: {fault}", command.get_name())));
    }
    assert!(pages > 20, "only {pages} help texts were read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_document_and_no_recorded_output_has_a_phrase_a_release_engineer_would_not_write() {
    let mut pages = files(&root().join("docs"), "md");
    pages.extend(files(&root().join("tests/it/snapshots"), "snap"));
    pages.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root().join(name)));
    let mut wrong = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let place = page.strip_prefix(root()).unwrap().display().to_string();
        wrong.extend(faults(&text, false).into_iter().map(|fault| format!("{place}: {fault}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_list_finds_what_it_is_for_and_leaves_plain_english_alone() {
    for text in [
        "Nobody signed it",
        "the TD is under debug",
        "`x` is no hex",
        "until second 1795936204",
        "not judged: the collateral cannot be believed",
        "whether it will do is for a policy to say",
        "1 packages listed",
        "found 1 assets",
    ] {
        assert_eq!(faults(text, true).len(), 1, "{text}: {:?}", faults(text, true));
    }
    for text in [
        "there is no release v1.2.0",
        "the list is no longer enforced",
        "exit code 1 always",
        "11 packages",
        "version 1.1 packages",
        "1 package",
        "which is not hex",
    ] {
        assert_eq!(faults(text, true), Vec::<String>::new(), "{text}");
    }
}
