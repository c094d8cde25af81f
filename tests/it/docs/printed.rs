//! Every command line that is printed anywhere runs as printed: in documents, in `--help`, and in messages.
//!
//! Blocks of `console` and `sh` and whole commands between backquotes are commands; words in capitals make a synopsis of
//! one, which only has to name what there is. A shell runs each line in a folder with the files that the documents speak
//! of, against a sandbox that is served. `# exit code N` at its end, in one place at least, says what to expect, else it
//! is 0. Lines that cannot run here are in [`CANNOT`], each with its reason.

use std::{collections::BTreeSet, fs};

use regex::Regex;
use serde_json::json;

use super::{documents, options, read, root, sources};
use crate::{
    binary::{BINARY, Place, serve::Serve, skip, usable},
    gen_policy::{register, write_inputs},
};

/// Lines that no test can run as they stand.
const CANNOT: &[(&str, &str)] = &[
    ("cargo test --locked", "is what runs this test"),
    ("cargo install --locked --path . --no-default-features", "builds for minutes; .ci/run runs it"),
    (".ci/run", "runs this test"),
    ("cargo bench --bench audit", "measures for minutes; .ci/run builds it"),
    ("cargo bench --bench kms", "measures for minutes; .ci/run builds it"),
    ("cargo bench --bench policies", "measures for minutes; .ci/run builds it"),
    ("cargo bench --bench processes", "measures for minutes; .ci/run builds it"),
    ("cargo bench --bench quotes", "measures for minutes; .ci/run builds it"),
    ("cargo bench --bench replay", "measures for minutes; .ci/run builds it"),
    (
        "cargo test --test it -- --ignored every_flipped_bit_is_noticed each_bit_of_a_sandbox_quote",
        "is tests of this suite, some minutes",
    ),
    ("merotee catalog add 1.2.0 1.2.0 --evidence report.json", "needs the report of a tested pair"),
    ("merotee version-sync --pr 42", "asks about a pull request, which the sandbox does not have"),
    (
        "merotee policy review --pr 42",
        "asks about a pull request, which the sandbox does not have; `review` opens some",
    ),
    (
        "merotee policy review --pr 42 --comment --team calimero-network/security",
        "asks about a pull request, which the sandbox does not have; `review` opens some",
    ),
    (
        "merotee policy review --pr 42 --format markdown -o review.md",
        "asks about a pull request, which the sandbox does not have; `review` opens some",
    ),
    (
        "merotee rollout status --state rollout.jsonl",
        "needs the state of a rollout; `rehearsal::walk` runs it with one",
    ),
    (
        "merotee rollout resume --state rollout.jsonl",
        "needs the state of a rollout; `rehearsal::walk` runs it with one",
    ),
    (
        "merotee rollout rollback --state rollout.jsonl",
        "needs the state of a rollout; `rehearsal::gates` rolls some back",
    ),
    (
        "merotee rollout status --state rollout.jsonl --format markdown",
        "needs the state of a rollout; `rehearsal::walk` runs it with one",
    ),
    ("merotee sandbox serve", "serves until it is stopped; this test runs against one"),
    ("merotee sandbox -- kms serve --kms-version 1.2.0 --profile locked-read-only", "serves until it is stopped"),
    (
        "merotee kms serve --kms-version 1.2.0 --profile debug --policy-file policy.json --policy-sha256 \
         0000000000000000000000000000000000000000000000000000000000000000",
        "serves until it is stopped, and the digest is the reader's own",
    ),
    (
        "merotee quote verify attest.json --collateral collateral.json --root root.der --expect-policy \
         policies/attestation-policy-locked-read-only.json --role kms",
        "needs a machine that the policies were made from; `policy_walk` walks that page with one",
    ),
    (
        "merotee mrtds verify-runtime --quote attest.json --collateral collateral.json --expected published-mrtds.json \
         --profile locked-read-only --tag mero-tee-v1.2.0",
        "needs a machine of the release; `mrtds::quotes` runs it with one",
    ),
    (
        "merotee quote verify attest.json --nonce 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff \
         --expect-policy policy.json --role kms",
        "the nonce is the reader's own; `quote::commands` runs it with one",
    ),
    (
        "merotee quote verify quote.bin --collateral collateral.json --at 2026-01-31T12:00:00Z --offline",
        "needs collateral of that day; `quote::commands` runs it with that of another",
    ),
    (
        "merotee dstack verify --bootstrap-info bootstrap-info.json",
        "needs the document of a KMS; `dstack_kms::recorded` runs it with one",
    ),
    (
        "merotee dstack verify --bootstrap-info bootstrap-info.json --meta meta.json --allow-list auth-config.json \
         --app-compose app-compose.json",
        "needs the document of a KMS; `dstack_kms::recorded` runs it with one",
    ),
    (
        "merotee dstack backup --bootstrap-info bootstrap-info.json --dir backups",
        "needs the document of a KMS; `dstack_kms::backup` runs it with one",
    ),
    (
        "merotee dstack bootstrap --kms-url http://kms-host:9100 --domain kms.example.com --allow-list auth-config.json \
         --out kms",
        "needs a KMS that waits; `dstack_host::bootstrapped` runs it with one",
    ),
    (
        "merotee dstack onboard --kms-url http://kms-host-2:9100 --domain kms-2.example.com --source-url \
         https://kms.example.com:9100 --bootstrap-info kms/bootstrap-info.json --allow-list auth-config.json",
        "needs a KMS that waits beside one that serves; `dstack_host::bootstrapped` runs it with both",
    ),
    ("merotee dstack logs kms --lines 20", "needs a VM; `dstack_host::deployed` runs it with one"),
    (
        "merotee compose-hash app-compose.json --attest-response attest.json",
        "needs the machine that runs that file; `compose_hash` runs it with one",
    ),
];

/// Pages whose blocks are one walk, each line going on from those before it: `publishing_walk`, `probe::walk` and
/// `rehearsal::walk` walk them.
const WALKED: &[&str] = &["docs/publishing.md", "docs/probing.md", "docs/rollout.md"];

/// Sections that are such a walk on a page that is none: `dstack_host::walk` walks it.
const WALKED_SECTIONS: &[(&str, &str)] = &[("docs/dstack.md", "## Deploy a KMS")];

/// Commands that are spoken of and come later.
const NOT_THERE_YET: &[&str] = &[];

/// What is judged by Intel's root where no other is named: here the sandbox's must take its place.
const UNDER_INTELS_ROOT: &str = "merotee quote verify ";

/// A command line and where it stands.
#[derive(Debug)]
struct Printed {
    place: String,
    line: String,
    code: Option<i32>,
}

impl Printed {
    fn new(place: &str, line: &str) -> Self {
        let line = line.trim().trim_start_matches("$ ");
        let (line, comment) = line.split_once(" #").unwrap_or((line, ""));
        let code = comment
            .split_once("exit code ")
            .map(|(_, code)| code.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap());
        Self { place: place.to_owned(), line: line.trim().to_owned(), code }
    }

    /// The line with `merotee` for a build and a run of it.
    fn run(&self) -> String {
        self.line.replacen("cargo run --release -- ", "merotee ", 1)
    }
}

/// A page without the sections that are walked.
fn without_walks(place: &str, text: &str) -> String {
    let walked = |section: &&str| {
        let title = section.lines().next().unwrap_or_default();
        WALKED_SECTIONS.iter().any(|(page, walk)| *page == place && walk.trim_start_matches("## ") == title)
    };
    text.split("\n## ").filter(|section| !walked(section)).collect::<Vec<_>>().join("\n## ")
}

/// A line with single blanks: one that goes on behind a backslash has more.
fn spaced(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
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

/// Whole commands between backquotes, and mentions: those without a word behind the command and its options' names, or
/// with one in capitals.
fn in_backquotes(place: &str, text: &str) -> (Vec<Printed>, Vec<Printed>) {
    let span = Regex::new(r"`(merotee [^`{}\n]+)`").unwrap();
    let names: BTreeSet<String> = options::leaves(&options::program()).into_iter().map(|(words, _)| words).collect();
    let whole = |printed: &Printed| {
        let words: Vec<&str> = printed.line.split_whitespace().skip(1).collect();
        let command = (1..=words.len()).rev().find(|count| names.contains(&words[..*count].join(" "))).unwrap_or(0);
        let said = words[command..].iter().any(|word| !word.starts_with("--"));
        command > 0 && said && !words.iter().any(|word| is_placeholder(word) || word.contains('…'))
    };
    span.captures_iter(text).map(|found| Printed::new(place, &found[1])).partition(whole)
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
        if !WALKED.contains(&place) {
            take((in_blocks(place, &without_walks(place, &text)), Vec::new()));
        }
        take(in_backquotes(place, &prose));
    }
    let continued = Regex::new(r"\\\n\s*").unwrap();
    for file in sources(&root().join("src")) {
        let place = file.strip_prefix(root()).unwrap().display().to_string();
        let text = fs::read_to_string(&file).unwrap();
        take(in_backquotes(&place, &continued.replace_all(&text, "")));
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
        crate::promote::write_examples(&self.place, self.world.exports().collect());
        let compose = "services:\n  kms:\n    image: ghcr.io/calimero-network/mero-kms-phala:1.2.0\n";
        self.place.write("docker-compose.yml", compose);
        fs::create_dir_all(self.place.path("docs/examples")).unwrap();
        for example in fs::read_dir(root().join("docs/examples")).unwrap() {
            let example = example.unwrap();
            fs::copy(example.path(), self.place.path("docs/examples").join(example.file_name())).unwrap();
        }
        self.place.write("app-compose.json", r#"{"manifest_version":2,"runner":"docker-compose"}"#);
        for (name, profile) in [("d", "debug"), ("r", "debug-read-only"), ("l", "locked-read-only")] {
            let probe = self.place.read(&format!("probe-{profile}-1.json"));
            self.place.write(&format!("{name}.json"), probe);
        }
        let registers = ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"];
        let measured = registers.map(|name| (name, register("node", "locked-read-only", name)));
        let text: String = measured.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        self.place.write("machine.txt", text);
        let stated: serde_json::Map<_, _> =
            measured.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        self.place.write("mdma.json", json!({"nodes": [stated]}).to_string());
        let hash = self.shell("merotee compose-hash docker-compose.yml", true).expect(0);
        self.place.write("compose-hash.txt", hash.stdout);
    }

    /// The folder as a clone with a history of policies, and files that state versions.
    fn repository(&self) {
        let package = "[package]\nname = \"mero-kms-phala\"\nversion = \"1.2.0\"\n";
        self.place.write("mero-kms/Cargo.toml", package);
        self.place.write("Cargo.lock", format!("version = 4\n\n[{package}").replace("[[package]", "[[package]]"));
        self.place.write("mero-tee/versions.json", "{\"imageVersion\": \"1.2.0\"}\n");
        let git = "git -c init.defaultBranch=master init -q && git add policies mero-kms mero-tee Cargo.lock && \
                   git -c user.name=n -c user.email=e commit -qm 1 && echo a note > note.md && git add docker-compose.yml note.md && \
                   git -c user.name=n -c user.email=e commit -qm 2 && \
                   git update-ref refs/remotes/origin/master HEAD~1 && \
                   git update-ref refs/remotes/origin/main HEAD~1";
        if usable("git", &["--version"]) {
            self.shell(git, false).expect(0);
        }
    }

    /// Runs a printed line. Some edit the catalog in the folder: each meets it as the releases have it.
    fn run(&self, line: &str) -> crate::binary::Run {
        let profiles = ["debug", "debug-read-only", "locked-read-only"];
        let pairs = [("1.2.0", "1.2.0"), ("1.1.1", "1.1.0"), ("1.1.0", "1.1.0"), ("1.0.0", "1.0.0")];
        let entries = pairs.map(|(kms, node)| {
            json!({"kms": kms, "node_image": node, "profiles": profiles, "tested": true, "notes": "sample pair"})
        });
        self.place
            .write("compatibility-catalog.json", format!("{:#}\n", json!({"schema_version": "1", "entries": entries})));
        match line.strip_prefix(UNDER_INTELS_ROOT) {
            Some(rest) if !rest.contains("--root") => {
                self.shell(&format!("merotee sandbox -- quote verify {rest}"), false)
            }
            _ => self.shell(line, !line.starts_with("merotee sandbox")),
        }
    }

    /// Runs a line in a shell; one that brings no world of its own meets the one that is served.
    fn shell(&self, line: &str, served: bool) -> crate::binary::Run {
        let mut invocation = self.place.program("sh", ["-c", line]).env("PATH", &self.path);
        if line.starts_with("merotee version-sync") {
            invocation = invocation.env("MERO_KMS_VERSION", "1.2.0");
        }
        if served {
            invocation = invocation.envs(self.world.exports());
        }
        invocation.run()
    }
}

fn is_help(printed: &Printed) -> bool {
    printed.place.ends_with("--help")
}

#[test]
fn every_command_line_printed_anywhere_runs_as_printed_with_the_exit_code_it_states() {
    let (commands, _) = printed();
    // Examples of help make their own files; those of documents are there.
    let (of_help, of_documents) = (Reader::new(), Reader::new());
    // In the order in which a reader meets them: examples go on from those before them.
    let mut stated: Vec<(String, Printed)> = Vec::new();
    let mut wrong = Vec::new();
    for printed in commands {
        let line = printed.run();
        let lines = [spaced(&printed.line), spaced(&line)];
        if CANNOT.iter().any(|(cannot, _)| lines.contains(&(*cannot).to_owned())) {
            continue;
        }
        if !line.starts_with("merotee ") {
            wrong.push(format!("{}: `{}` is neither of the program nor listed", printed.place, printed.line));
            continue;
        }
        let same = |known: &Printed| is_help(known) == is_help(&printed);
        let Some((_, known)) = stated.iter_mut().find(|(text, known)| *text == line && same(known)) else {
            stated.push((line, printed));
            continue;
        };
        match (known.code, printed.code) {
            (Some(one), Some(other)) if one != other => {
                wrong.push(format!("`{line}`: {} says {one}, {} says {other}", known.place, printed.place));
            }
            (None, Some(_)) => *known = printed,
            _ => {}
        }
    }
    assert!(stated.len() >= 25, "only {} lines were found", stated.len());
    let git = usable("git", &["--version"]);
    for (line, printed) in stated {
        let reader = if is_help(&printed) { &of_help } else { &of_documents };
        let Printed { place, code, .. } = printed;
        if !git && line.contains("git ") {
            skip("git is not installed");
            continue;
        }
        let (run, code) = (reader.run(&line), code.unwrap_or(0));
        if run.code != code {
            wrong.push(format!("{place}: `{line}` was to exit with {code}:\n{}", run.shown()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_line_that_cannot_run_is_still_printed_somewhere_and_says_why_not() {
    let (commands, _) = printed();
    let lines: BTreeSet<String> = commands.iter().map(|printed| spaced(&printed.line)).collect();
    for (line, reason) in CANNOT {
        assert!(lines.contains(*line), "`{line}` is printed nowhere any more");
        assert!(!reason.is_empty() && !reason.ends_with('.'), "{line}");
    }
}

#[test]
fn every_synopsis_names_a_command_and_options_that_there_are() {
    let (_, synopses) = printed();
    let leaves = options::leaves(&options::program());
    for name in NOT_THERE_YET {
        assert!(!leaves.iter().any(|(words, _)| words.starts_with(name)), "{name} is there: its lines can run");
    }
    assert!(synopses.len() >= 5, "{synopses:?}");
    for Printed { place, line, .. } in &synopses {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        if words.first().is_some_and(|word| is_placeholder(word) || NOT_THERE_YET.contains(word)) {
            continue;
        }
        let named = |name: &str| {
            let names: Vec<&str> = name.split(' ').collect();
            words.starts_with(&names)
        };
        // The longest name: `sandbox serve` before `sandbox`. A group alone, as `kms`, names every command in it.
        let best = leaves.iter().rev().find(|(name, _)| named(name));
        let group = || leaves.iter().find(|(name, _)| name.split(' ').next() == words.first().copied());
        let (name, leaf) = best.or_else(group).unwrap_or_else(|| panic!("{place}: `{line}` names no command"));
        // What comes behind `--` is another command's.
        let own = words.iter().skip(name.split(' ').count()).take_while(|word| **word != "--");
        for option in own.filter_map(|word| word.strip_prefix("--")) {
            let option = option.split('=').next().unwrap();
            assert!(leaf.get_arguments().any(|a| a.get_long() == Some(option)), "{place}: `{line}`: no --{option}");
        }
    }
}

/// What the program prints of a command from its first failure on, without how long it took.
fn failure(command: &str) -> String {
    let run = Place::new().merotee(command.split_whitespace().skip(1)).env("COLUMNS", "100").run();
    let time = Regex::new(r" \([0-9.]+ s\)|, [0-9.]+ s\b").unwrap();
    let lines: Vec<String> =
        run.stdout.lines().map(|line| time.replace_all(line.trim_end(), "").into_owned()).collect();
    let first = lines.iter().position(|line| line.contains("FAIL")).unwrap_or_else(|| panic!("{}", run.shown()));
    lines[first..].join("\n")
}

#[test]
fn the_picture_in_the_readme_is_what_the_program_prints() {
    let readme = read("README.md");
    let picture = Regex::new(r"(?s)(<!-- picture: ([^\n]+) -->\n```text\n)(.*?)(```)").unwrap();
    let drawn = picture.replace_all(&readme, |found: &regex::Captures<'_>| {
        format!("{}{}\n{}", &found[1], failure(&found[2]), &found[4])
    });
    assert!(picture.is_match(&readme));
    if std::env::var_os("MEROTEE_BLESS").is_some() {
        fs::write(root().join("README.md"), drawn.as_bytes()).unwrap();
    } else {
        assert_eq!(readme, drawn, "MEROTEE_BLESS=1 draws it anew");
    }
    assert!(drawn.len() <= 8 * 1024, "README.md has {} bytes", drawn.len());
}
