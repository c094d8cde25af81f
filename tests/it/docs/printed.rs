//! Every command line that is printed anywhere runs as printed: in documents, in `--help`, and in messages.
//!
//! Blocks of `console` and `sh` and whole commands between backquotes are commands; words in capitals make a synopsis of
//! one, which only has to name what there is. A shell runs each line in a folder with the files that the documents speak
//! of, against a sandbox that is served. `# exit code N` at its end says what to expect, else it is 0. Lines that cannot
//! run here are in [`CANNOT`], each with its reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use regex::Regex;

use super::{documents, options, read, root, sources};
use crate::{
    binary::{BINARY, Place, serve::Serve, skip, usable},
    gen_policy::write_inputs,
};

/// Lines that no test can run as they stand.
const CANNOT: &[(&str, &str)] = &[
    ("cargo test --locked", "is what runs this test"),
    ("cargo install --locked --path . --no-default-features", "builds for minutes; .ci/run runs it"),
    (".ci/run", "runs this test"),
    ("cargo bench --bench kms", "measures for minutes; .ci/run builds it"),
    ("cargo bench --bench policies", "measures for minutes; .ci/run builds it"),
    ("cargo bench --bench processes", "measures for minutes; .ci/run builds it"),
    ("cargo bench --bench quotes", "measures for minutes; .ci/run builds it"),
    ("cargo bench --bench replay", "measures for minutes; .ci/run builds it"),
    ("cargo install cargo-fuzz --locked", "installs another program"),
    (
        "cargo test --test it -- --ignored every_flipped_bit_is_noticed each_bit_of_a_sandbox_quote",
        "is tests of this suite, some minutes",
    ),
    ("merotee sandbox serve", "serves until it is stopped; this test runs against one"),
    ("merotee sandbox -- kms serve --kms-version 1.2.0 --profile locked-read-only", "serves until it is stopped"),
];

/// A command line and where it stands.
#[derive(Debug)]
struct Printed {
    place: String,
    line: String,
    code: i32,
}

impl Printed {
    fn new(place: &str, line: &str) -> Self {
        let line = line.trim().trim_start_matches("$ ");
        let (line, comment) = line.split_once(" #").unwrap_or((line, ""));
        let code = comment
            .split_once("exit code ")
            .map_or(0, |(_, code)| code.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap());
        Self { place: place.to_owned(), line: line.trim().to_owned(), code }
    }

    /// The line with `merotee` for a build and a run of it.
    fn run(&self) -> String {
        self.line.replacen("cargo run --release -- ", "merotee ", 1)
    }
}

/// Whether a word stands for what the reader puts there.
fn is_placeholder(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    letters > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '_' | '/' | '='))
}

/// Lines of the blocks that hold commands; a `\` at the end goes on.
fn in_blocks(place: &str, text: &str) -> Vec<Printed> {
    let mut found = Vec::new();
    let mut inside = false;
    let text = text.replace("\\\n", " ");
    for line in text.lines() {
        match line.trim() {
            "```console" | "```sh" => inside = true,
            fence if fence.starts_with("```") => inside = false,
            command if inside && !command.is_empty() && !command.starts_with('#') => {
                found.push(Printed::new(place, command));
            }
            _ => {}
        }
    }
    found
}

/// Whole commands between backquotes, and synopses: a line is one where a word is in capitals.
fn in_backquotes(place: &str, text: &str) -> (Vec<Printed>, Vec<Printed>) {
    let span = Regex::new(r"`(merotee [^`{}\n]+)`").unwrap();
    let all = span.captures_iter(text).map(|found| Printed::new(place, &found[1]));
    all.partition(|printed| !printed.line.split_whitespace().any(is_placeholder) && !printed.line.contains('…'))
}

/// Examples of the help texts: lines that start with the program's name.
fn in_help() -> Vec<Printed> {
    let mut found = Vec::new();
    for (words, command) in options::leaves(&options::program()) {
        let after = command.get_after_long_help().or_else(|| command.get_after_help());
        let text = after.map(ToString::to_string).unwrap_or_default().replace("\\\n", " ");
        let examples = text.lines().filter(|line| line.trim_start().starts_with("merotee "));
        found.extend(examples.map(|line| Printed::new(&format!("merotee {words} --help"), line)));
    }
    found
}

/// Everything printed: commands, and synopses.
fn printed() -> (Vec<Printed>, Vec<Printed>) {
    let (mut commands, mut synopses) = (in_help(), Vec::new());
    let mut take = |(whole, with_placeholders): (Vec<Printed>, Vec<Printed>)| {
        commands.extend(whole);
        synopses.extend(with_placeholders);
    };
    for document in documents() {
        let place = document.to_str().unwrap();
        let text = read(place);
        // Blocks are read by themselves: what stands between two of their backquotes is no span.
        let prose: String = text.split("```").step_by(2).collect();
        take((in_blocks(place, &text), Vec::new()));
        take(in_backquotes(place, &prose));
    }
    for file in sources(&root().join("src")) {
        let place = file.strip_prefix(root()).unwrap().display().to_string();
        let text = fs::read_to_string(&file).unwrap();
        take(in_backquotes(&place, &Regex::new(r"\\\n\s*").unwrap().replace_all(&text, "")));
    }
    (commands, synopses)
}

/// A folder with the files that the documents speak of, and the program on its `PATH`.
struct Reader {
    place: Place,
    world: Serve,
    path: String,
}

impl Reader {
    fn new() -> Self {
        let (place, world) = (Place::new(), Serve::start());
        let tools = place.path("bin");
        fs::create_dir(&tools).unwrap();
        std::os::unix::fs::symlink(BINARY, tools.join("merotee")).unwrap();
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
        let reader = Self { place, world, path };
        reader.releases();
        reader.evidence();
        reader.repository();
        reader
    }

    /// A kept release of both families, and its policies by themselves.
    fn releases(&self) {
        self.shell("merotee verify-release-assets 1.2.0 --keep releases", true).expect(0);
        let release = self.place.path("releases/mero-kms-v1.2.0");
        for folder in ["candidate", "old", "new", "policies"] {
            fs::create_dir(self.place.path(folder)).unwrap();
            for profile in ["debug", "debug-read-only", "locked-read-only"] {
                let name = format!("attestation-policy-{profile}.json");
                fs::copy(release.join(&name), self.place.path(folder).join(&name)).unwrap();
            }
        }
        fs::copy(release.join("attestation-policy-locked-read-only.json"), self.place.path("policy.json")).unwrap();
    }

    /// A quote, what it takes to verify it, and what probes and a KMS say.
    fn evidence(&self) {
        for (variable, name) in [
            ("MEROTEE_TDX_QUOTE", "quote.bin"),
            ("MEROTEE_TDX_COLLATERAL", "collateral.json"),
            ("MEROTEE_TDX_ROOT", "root.der"),
        ] {
            fs::copy(self.world.export(variable), self.place.path(name)).unwrap();
        }
        write_inputs(&self.place);
        let compose = "services:\n  kms:\n    image: ghcr.io/calimero-network/mero-kms-phala:1.2.0\n";
        self.place.write("docker-compose.yml", compose);
        let hash = self.shell("merotee compose-hash docker-compose.yml", true).expect(0);
        self.place.write("compose-hash.txt", hash.stdout);
    }

    /// The folder as a clone with a history of policies.
    fn repository(&self) {
        let git = "git -c init.defaultBranch=master init -q && git add policies && \
                   git -c user.name=n -c user.email=e commit -qm 1 && \
                   git -c user.name=n -c user.email=e commit -qm 2 --allow-empty && \
                   git update-ref refs/remotes/origin/master HEAD~1";
        if usable("git", &["--version"]) {
            self.shell(git, false).expect(0);
        }
    }

    /// Runs a line in a shell; one that brings no world of its own meets the one that is served.
    fn shell(&self, line: &str, served: bool) -> crate::binary::Run {
        let mut invocation = self.place.program("sh", ["-c", line]).env("PATH", &self.path);
        if served {
            invocation = invocation.envs(self.world.exports());
        }
        invocation.run()
    }
}

#[test]
fn every_command_line_printed_anywhere_runs_as_printed_with_the_exit_code_it_states() {
    let (commands, _) = printed();
    let reader = Reader::new();
    let mut runs: BTreeMap<String, (PathBuf, i32)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for printed in commands {
        let line = printed.run();
        if CANNOT.iter().any(|(cannot, _)| [&printed.line, &line].contains(&&(*cannot).to_owned())) {
            continue;
        }
        if !line.starts_with("merotee ") {
            wrong.push(format!("{}: `{}` is neither of the program nor listed", printed.place, printed.line));
            continue;
        }
        if line.contains("--git") || line.contains("git ") {
            if !usable("git", &["--version"]) {
                skip("git is not installed");
                continue;
            }
        }
        if let Some((place, code)) = runs.insert(line.clone(), (printed.place.clone().into(), printed.code)) {
            if code != printed.code {
                wrong.push(format!(
                    "`{line}`: {} says {code}, {} says {}",
                    place.display(),
                    printed.place,
                    printed.code
                ));
            }
            continue;
        }
        let run = reader.shell(&line, !line.starts_with("merotee sandbox"));
        if run.code != printed.code {
            wrong.push(format!("{}: `{line}` was to exit with {}:\n{}", printed.place, printed.code, run.shown()));
        }
    }
    assert!(runs.len() >= 25, "only {} lines were found", runs.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_line_that_cannot_run_is_still_printed_somewhere_and_says_why_not() {
    let (commands, _) = printed();
    let lines: BTreeSet<&str> = commands.iter().map(|printed| printed.line.as_str()).collect();
    for (line, reason) in CANNOT {
        assert!(lines.contains(line), "`{line}` is printed nowhere any more");
        assert!(!reason.is_empty() && !reason.ends_with('.'), "{line}");
    }
}

#[test]
fn every_synopsis_names_a_command_and_options_that_there_are() {
    let (_, synopses) = printed();
    let leaves = options::leaves(&options::program());
    assert!(synopses.len() >= 5, "{synopses:?}");
    for Printed { place, line, .. } in &synopses {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        if words.first().is_some_and(|word| is_placeholder(word)) {
            continue;
        }
        let named = |name: &str| {
            let names: Vec<&str> = name.split(' ').collect();
            words.starts_with(&names)
        };
        let (name, leaf) =
            leaves.iter().find(|(name, _)| named(name)).unwrap_or_else(|| panic!("{place}: `{line}` names no command"));
        // What comes behind `--` is another command's.
        let own = words.iter().skip(name.split(' ').count()).take_while(|word| **word != "--");
        for option in own.filter_map(|word| word.strip_prefix("--")) {
            let option = option.split('=').next().unwrap();
            assert!(leaf.get_arguments().any(|a| a.get_long() == Some(option)), "{place}: `{line}`: no --{option}");
        }
    }
}

#[test]
fn the_picture_in_the_readme_is_what_the_program_prints() {
    let readme = read("README.md");
    let mut pictures = 0;
    for picture in readme.split("<!-- picture: ").skip(1) {
        let (command, rest) = picture.split_once(" -->\n```text\n").unwrap();
        let shown = rest.split("```").next().unwrap();
        let place = Place::new();
        let run = place.merotee(command.split_whitespace().skip(1)).env("COLUMNS", "120").run();
        // How long it took differs.
        let time = Regex::new(r" \([0-9.]+ s\)|, [0-9.]+ s\b").unwrap();
        let plain = |text: &str| time.replace_all(text.trim_end(), "").into_owned();
        let printed: BTreeSet<String> = run.stdout.lines().map(plain).collect();
        let lines: Vec<String> = shown.lines().map(plain).filter(|line| !["", "…"].contains(&line.trim())).collect();
        for line in &lines {
            assert!(printed.contains(line), "not printed: {line}\n{}", run.stdout);
        }
        assert!(lines.iter().any(|line| line.contains("[FAIL]")), "{shown}");
        pictures += 1;
    }
    assert!(pictures > 0 && readme.len() <= 8 * 1024, "{pictures} pictures, {} bytes", readme.len());
}
