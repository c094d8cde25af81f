//! One command: what it sets, what it prints, and what it does with what comes through a pipe.

mod arguments;

use self::arguments::{given, listed};
use super::{
    Output, Values,
    program::{FILTERS, READERS, SHELLS, base, in_place, interprets, program},
    token::{Redirect, Way},
    word::Word,
};
use crate::guard::allowed_env::{
    code,
    hit::{Hit, How},
    line::{self, Colon, Lead},
    name,
};

/// A command: words without what they are redirected to, and what a group of commands that it stands for prints.
#[derive(Debug, Clone, Default)]
pub(super) struct Command {
    pub(super) words: Vec<Word>,
    pub(super) redirects: Vec<Redirect>,
    pub(super) printed: Vec<Hit>,
}

/// What a command does.
#[derive(Debug, Default)]
pub(super) struct Effect {
    /// Variables that it sets, or hands to a program.
    pub(super) hits: Vec<Hit>,
    /// Lines that it prints, which set a variable if somebody reads them.
    pub(super) printed: Vec<Hit>,
}

impl Effect {
    pub(super) fn add(&mut self, other: Self) {
        self.hits.extend(other.hits);
        self.printed.extend(other.printed);
    }

    fn hit(&mut self, word: &Word, lead: &Lead<'_>, at: usize, how: How) {
        self.hits.push(placed(word, lead, at, how));
    }
}

fn placed(word: &Word, lead: &Lead<'_>, at: usize, how: How) -> Hit {
    let (start, end) = word.place(at, at + lead.length);
    Hit::new(lead.name.clone(), lead.kind, start, end, how)
}

impl Command {
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty() && self.redirects.is_empty() && self.printed.is_empty()
    }

    fn begins_with(&self, name: &str) -> bool {
        self.words.first().is_some_and(|word| word.text == name && !word.quoted)
    }

    pub(super) fn is_case(&self) -> bool {
        self.begins_with("case")
    }

    pub(super) fn is_for(&self) -> bool {
        self.begins_with("for") || self.begins_with("select")
    }

    pub(super) fn is_open_test(&self) -> bool {
        self.begins_with("[[") && self.words.last().is_none_or(|word| word.text != "]]")
    }

    pub(super) fn expanded<'v>(&self, value: impl Fn(&str) -> Option<&'v str> + Copy) -> Self {
        let words = self.words.iter().map(|word| word.expanded(value)).collect();
        Self { words, redirects: self.redirects.clone(), printed: Vec::new() }
    }
}

/// What a command sets and prints. `script` is the text that the words come from. What values of variables do not change
/// is looked at in the first round only, so that scripts in scripts cannot multiply the work.
pub(super) fn effect(command: &Command, script: &str, nesting: usize, values: &Values, round: usize) -> Effect {
    let words = &command.words;
    let mut effect = Effect::default();
    let (first, program) = program(words);
    let (assignments, arguments) = words.split_at_checked(first).unwrap_or((words, &[]));
    for word in assignments {
        assigned(word, How::Assignment, &mut effect);
        listed(word, &mut effect);
    }
    let targets = command.redirects.iter().map(|redirect| &redirect.target);
    for word in words.iter().chain(targets) {
        defaults(word, &mut effect);
        for (start, end) in word.commands.iter().filter(|_| round == 0) {
            let inner = script.get(*start..*end).unwrap_or_default();
            let found = super::inner(inner, Output::Captured, &mut values.clone(), nesting + 1);
            effect.hits.extend(found.into_iter().map(|hit| hit.moved(*start)));
        }
    }
    match program {
        "export" | "declare" | "typeset" | "local" | "readonly" => declared(arguments, values, &mut effect),
        "read" | "mapfile" | "readarray" | "getopts" | "for" | "select" => {
            let own = if matches!(program, "for" | "select") { 2 } else { arguments.len() };
            arguments.iter().take(own).for_each(|word| bare(word, How::Assignment, &mut effect));
        }
        "let" => arguments.iter().for_each(|word| anywhere(word, &mut effect)),
        "echo" | "printf" => prints(program, arguments, &mut effect),
        "sed" | "yq" | "perl" if in_place(arguments) => edits(program, arguments, &mut effect),
        "gh" => hub(arguments, &mut effect),
        _ if words.iter().any(|word| word.text.starts_with("((")) => {
            words.iter().for_each(|word| anywhere(word, &mut effect));
        }
        "jq" | "awk" | "gawk" | "mawk" | "sed" | "yq" => produces(arguments, &mut effect),
        "find" => {
            let run = arguments.iter().position(|word| matches!(&*word.text, "-exec" | "-execdir" | "-ok" | "-okdir"));
            given(run.and_then(|at| arguments.get(at + 1..)).unwrap_or_default(), &mut effect);
        }
        _ if READERS.contains(&program) => {}
        _ => given(arguments, &mut effect),
    }
    scripts(arguments, nesting, &mut effect);
    if round == 0 {
        documents(command, script, program, nesting, &mut effect);
    }
    effect
}

/// `NAME=value`, unless the value makes it harmless.
fn assigned(word: &Word, how: How, effect: &mut Effect) {
    if let Some(lead) = line::lead(&word.text)
        && lead.assigned().is_some_and(|value| !lead.kind.is_harmless(value))
    {
        effect.hit(word, &lead, 0, how);
    }
}

/// `NAME` alone.
fn bare(word: &Word, how: How, effect: &mut Effect) {
    if let Some(lead) = line::lead(&word.text)
        && lead.after.is_empty()
    {
        effect.hit(word, &lead, 0, how);
    }
}

/// `${NAME:=value}` sets a variable wherever it stands.
fn defaults(word: &Word, effect: &mut Effect) {
    for (at, _) in word.text.match_indices("${") {
        let Some(lead) = word.text.get(at + 2..).and_then(line::lead) else { continue };
        let value = lead.after.strip_prefix(":=").or_else(|| lead.after.strip_prefix('='));
        let value = value.map(|value| value.split('}').next().unwrap_or_default());
        if value.is_some_and(|value| !lead.kind.is_harmless(value)) {
            effect.hit(word, &lead, at + 2, How::Assignment);
        }
    }
}

/// Arithmetic: `NAME = 1` anywhere in a word.
fn anywhere(word: &Word, effect: &mut Effect) {
    for found in name::occurrences(&word.text) {
        let after = word.text.get(found.end..).unwrap_or_default().trim_start();
        if after.starts_with('=') && !after.starts_with("==") {
            let (start, end) = word.place(found.start, found.end);
            effect.hits.push(Hit::new(found.name, found.kind, start, end, How::Assignment));
        }
    }
}

/// Whether `NAME` alone hands on what the script set before, and that leaves the rule in force.
fn is_harmless(word: &Word, values: &Values) -> bool {
    let Some(kind) = name::forbidden(&word.text) else { return false };
    let set = values.get(&word.text).filter(|set| !set.is_empty());
    set.is_some_and(|set| set.iter().all(|value| kind.is_harmless(value)))
}

/// `export`, `declare` and their like.
fn declared(arguments: &[Word], values: &Values, effect: &mut Effect) {
    let options = arguments.iter().skip(1).take_while(|word| word.text.starts_with('-'));
    // `-n` takes the mark away and `-p` prints.
    if options.into_iter().any(|word| word.text.contains(['n', 'p', 'f']) && !word.text.starts_with("--")) {
        return;
    }
    for word in arguments.iter().skip(1) {
        assigned(word, How::Assignment, effect);
        if !is_harmless(word, values) {
            bare(word, How::Assignment, effect);
        }
        if word.text.starts_with('{') {
            // `{A,B}=x` is `A=x B=x`.
            let named = name::occurrences(&word.text)
                .filter(|found| word.text.get(found.end..).is_some_and(|a| a.contains("}=")));
            let placed = named.map(|found| (found, word.place(found.start, found.end)));
            let hits = placed.map(|(found, at)| Hit::new(found.name, found.kind, at.0, at.1, How::Assignment));
            effect.hits.extend(hits);
        }
    }
}

/// `echo` and `printf`.
fn prints(program: &str, arguments: &[Word], effect: &mut Effect) {
    let words = arguments.get(1..).unwrap_or_default();
    if program == "printf" && words.first().is_some_and(|word| word.text == "-v") {
        words.iter().skip(1).take(1).for_each(|word| bare(word, How::Assignment, effect));
        return;
    }
    let options = words.iter().take_while(|word| word.text.starts_with('-')).count();
    let words = words.get(options..).unwrap_or_default();
    let pattern = words.first().map_or("", |word| &word.text);
    // `printf '%s=%s\n' NAME value`.
    let takes_name = program == "printf" && (pattern.contains("%s=") || pattern.contains("%s<<"));
    for (at, word) in words.iter().enumerate() {
        effect.printed.extend(lines(word, Colon::Counts));
        let value = words.get(at + 1).filter(|_| pattern.contains("%s=%s"));
        let harmless = |lead: &Lead<'_>| value.is_some_and(|value| lead.kind.is_harmless(&value.text));
        if takes_name && let Some(lead) = line::lead(&word.text).filter(|l| l.after.is_empty() && !harmless(l)) {
            effect.printed.push(placed(word, &lead, 0, How::Written));
        }
    }
}

/// Whether what follows is looked for: `/NAME`, `^NAME`, and the first half of `s/NAME/x/`.
fn is_pattern(front: &str) -> bool {
    let mut command = front.chars();
    match (command.next(), command.next()) {
        (Some('s'), Some(mark)) if !name::is_word(mark) && !mark.is_whitespace() => {
            front.matches(mark).count() % 3 != 2
        }
        _ => front.ends_with(['/', '^']),
    }
}

/// `jq`, `awk` and `sed`: a program of theirs that may print `NAME=value`.
fn produces(arguments: &[Word], effect: &mut Effect) {
    for word in arguments.iter().skip(1) {
        for found in name::occurrences(&word.text) {
            if is_pattern(word.text.get(..found.start).unwrap_or_default()) {
                continue;
            }
            let value = word.text.get(found.end..).and_then(|after| after.strip_prefix('='));
            let value = value.filter(|value| !value.starts_with(['=', '~']));
            if value.is_some_and(|value| !found.kind.is_harmless(value.trim_end_matches("/g").trim_end_matches('/'))) {
                let (start, end) = word.place(found.start, found.end);
                effect.printed.push(Hit::new(found.name, found.kind, start, end, How::Written));
            }
        }
    }
}

fn lines(word: &Word, colon: Colon) -> impl Iterator<Item = Hit> {
    let found = line::written(&word.text, colon, How::Written);
    found.into_iter().map(|mut hit| {
        (hit.start, hit.end) = word.place(hit.start, hit.end);
        hit
    })
}

/// `sed -i` and `yq -i`: what is put in, and not what is deleted.
fn edits(program: &str, arguments: &[Word], effect: &mut Effect) {
    for word in arguments.iter().skip(1) {
        let text = word.text.trim_end();
        let deletes = if program == "yq" { text.contains("del(") } else { text.ends_with("/d") };
        let last = name::occurrences(text).last();
        let Some(found) = last.filter(|_| !deletes) else { continue };
        let after = text.get(found.end..).unwrap_or_default().trim_start_matches(['"', '\'', ']']).trim_start();
        let value = after.strip_prefix('=').or_else(|| after.strip_prefix(": "));
        if value.is_some_and(|value| !value.starts_with('=') && !found.kind.is_harmless(value.trim_end_matches("/g"))) {
            let (start, end) = word.place(found.start, found.end);
            effect.hits.push(Hit::new(found.name, found.kind, start, end, How::Written));
        }
    }
}

/// `gh variable set NAME` and `gh secret set NAME`.
fn hub(arguments: &[Word], effect: &mut Effect) {
    let is = |at: usize, words: &[&str]| arguments.get(at).is_some_and(|word| words.contains(&word.text.as_str()));
    if is(1, &["variable", "secret"]) && is(2, &["set"]) {
        arguments.iter().skip(3).for_each(|word| bare(word, How::Argument, effect));
    } else if is(1, &["workflow"]) {
        given(arguments, effect);
    }
}

/// Scripts and code among the arguments: `bash -c '…'`, `eval "…"`, `ssh host '…'`, `python -c '…'`.
fn scripts(arguments: &[Word], nesting: usize, effect: &mut Effect) {
    let mut shell = false;
    let mut interpreter = false;
    for word in arguments {
        let looks_like_script = word.text.contains([' ', '\n', ';', '=']);
        let found = if shell && looks_like_script {
            super::inner(&word.text, Output::Shown, &mut Values::new(), nesting + 1)
        } else if interpreter && looks_like_script {
            code::hits(&word.text)
        } else {
            Vec::new()
        };
        effect.hits.extend(found.into_iter().map(|mut hit| {
            (hit.start, hit.end) = word.place(hit.start, hit.end);
            hit
        }));
        shell |= SHELLS.contains(&base(word));
        interpreter |= interprets(base(word));
    }
}

/// Here-documents: a script for a shell, code for an interpreter, else lines that go where the output goes.
fn documents(command: &Command, script: &str, program: &str, nesting: usize, effect: &mut Effect) {
    let among = |names: &[&str]| command.words.iter().any(|word| names.contains(&base(word)));
    for redirect in &command.redirects {
        let (at, text) = match (redirect.way, redirect.body) {
            (Way::Document, Some((start, end))) => (start, script.get(start..end).unwrap_or_default()),
            (Way::Text, _) => {
                effect.printed.extend(lines(&redirect.target, Colon::Counts));
                continue;
            }
            (Way::Document | Way::Out | Way::Other | Way::In, _) => continue,
        };
        let moved = |hits: Vec<Hit>| hits.into_iter().map(move |hit| hit.moved(at));
        if among(&SHELLS) {
            effect.hits.extend(moved(super::inner(text, Output::Shown, &mut Values::new(), nesting + 1)));
        } else if command.words.iter().any(|word| interprets(base(word))) {
            effect.hits.extend(moved(code::hits(text)));
        } else {
            let found = moved(line::written(text, Colon::Counts, How::Written));
            if program.is_empty() || FILTERS.contains(&program) || READERS.contains(&program) {
                effect.printed.extend(found);
            } else {
                effect.hits.extend(found);
            }
        }
    }
}

/// Keeps literal values of variables, where they could become part of a forbidden name.
pub(super) fn remember(command: &Command, values: &mut Values, most: usize) {
    let telling = |text: &str| {
        ["ALLOWED", "MRTD", "RTMR", "TCB", "POLICY", "ATTESTATION"].iter().any(|word| text.contains(word))
            && !text.contains(['$', '\u{0}'])
            && text.len() < 200
    };
    if command.is_for() {
        let Some(name) = command.words.get(1) else { return };
        let listed = command.words.iter().skip(3).map(|word| word.text.clone()).filter(|text| telling(text));
        values.insert(name.text.clone(), listed.take(most).collect());
        return;
    }
    for word in &command.words {
        // `${NAME:=value}` gives NAME a value where it has none.
        let text = word.text.strip_prefix("${").and_then(|text| text.strip_suffix('}')).unwrap_or(&word.text);
        let Some((name, value)) = text.split_once(":=").or_else(|| text.split_once('=')) else { continue };
        // Of a switch, any literal value tells.
        let literal = !value.contains(['$', '\u{0}']) && value.len() < 200;
        let tells = telling(value) || (literal && name::forbidden(name).is_some());
        if !name.is_empty() && name.chars().all(name::is_word) && tells && values.len() < 1000 {
            values.insert(name.to_owned(), vec![value.to_owned()]);
        }
    }
}
