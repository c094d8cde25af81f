//! Workflows, composite actions and compose files: where in their tree a name would become a variable.
//!
//! The kinds of file are treated alike. What counts is the key that something stands under: `env` and `environment` hold
//! variables, `with` and `inputs` inputs, `run` a script. An alias and a merge key are followed to where the value stands.

use std::collections::HashSet;

use super::{
    code, expression,
    hit::{Hit, How},
    line::{self, Colon},
    name, shell,
};
use crate::yaml::{Content, NodeId, Span, Tree};

/// A hit, at its bytes of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) hit: Hit,
    /// The alias by which the value is reached, when it stands elsewhere.
    pub(super) alias: Option<Span>,
}

/// What a node stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Under {
    /// Nothing that matters.
    Other,
    /// Names of variables, or `NAME=value` in a list or a text.
    Names(How),
    /// Inputs of an action.
    With(Language),
    /// A matrix, at any depth.
    Matrix,
    /// A script.
    Script(Language),
    /// Words of a command line.
    Command,
}

/// What a script is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Language {
    /// A POSIX shell.
    Shell,
    /// Something else.
    Code,
    /// Not said: what the runner's system makes of it.
    Unknown,
}

/// Everything found in a tree, in the order of the file, each place once.
pub(super) fn found(tree: &Tree<'_>) -> Vec<Found> {
    let mut walk = Walk { tree, found: Vec::new(), seen: HashSet::new(), alias: None };
    for root in tree.roots() {
        let language = walk.default_language(*root);
        walk.node(*root, Under::Other, language);
    }
    let mut found = walk.found;
    found.sort_by_key(|found| (found.hit.start, found.alias.is_some(), found.hit.end));
    found.dedup_by_key(|found| found.hit.start);
    found
}

/// The kind of file that the top of a tree shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Shape {
    /// It has `jobs`.
    Workflow,
    /// It has `runs`.
    Action,
    /// It has `services`.
    Compose,
}

/// The kind of file that the top of a tree shows, if it is one of those that matter.
pub(super) fn shape(tree: &Tree<'_>) -> Option<Shape> {
    tree.roots().iter().find_map(|root| {
        let has = |key: &str| entry(tree, *root, key).is_some();
        if has("jobs") {
            Some(Shape::Workflow)
        } else if has("runs") {
            Some(Shape::Action)
        } else {
            has("services").then_some(Shape::Compose)
        }
    })
}

/// Whether a document is more than one text.
pub(super) fn is_collection(tree: &Tree<'_>) -> bool {
    let collection = |root: &NodeId| {
        tree.node(*root).is_some_and(|(_, node)| matches!(node.content, Content::List(_) | Content::Map(_)))
    };
    tree.roots().iter().any(collection)
}

fn entries<'t>(tree: &'t Tree<'_>, id: NodeId) -> &'t [(NodeId, NodeId)] {
    match tree.node(id).map(|(_, node)| &node.content) {
        Some(Content::Map(entries)) => entries,
        Some(Content::Scalar { .. } | Content::List(_) | Content::Alias(_)) | None => &[],
    }
}

fn entry(tree: &Tree<'_>, id: NodeId, key: &str) -> Option<NodeId> {
    entries(tree, id).iter().find(|(k, _)| tree.text(*k) == Some(key)).map(|(_, value)| *value)
}

struct Walk<'t> {
    tree: &'t Tree<'t>,
    found: Vec<Found>,
    /// What was looked at, and under what: an anchor that a thousand aliases name is looked at once.
    seen: HashSet<(NodeId, Under)>,
    alias: Option<Span>,
}

impl Walk<'_> {
    /// `defaults.run.shell` of a workflow or a job.
    fn default_language(&self, id: NodeId) -> Language {
        let run = entry(self.tree, id, "defaults").and_then(|defaults| entry(self.tree, defaults, "run"));
        let shell = run.and_then(|run| entry(self.tree, run, "shell")).and_then(|shell| self.tree.text(shell));
        shell.map_or(Language::Unknown, language)
    }

    fn node(&mut self, id: NodeId, under: Under, language: Language) {
        let before = self.alias;
        if let Some(node) = self.tree.written(id)
            && matches!(node.content, Content::Alias(_))
        {
            self.alias = self.alias.or(Some(node.span));
        }
        if let Some((id, node)) = self.tree.node(id)
            && self.seen.insert((id, under))
        {
            match &node.content {
                Content::Map(entries) => self.map(id, entries, under, language),
                Content::List(items) => items.iter().for_each(|item| self.item(*item, under, language)),
                Content::Scalar { text, .. } => self.scalar(id, text, under),
                // The tree resolves aliases to what is none.
                Content::Alias(_) => {}
            }
        }
        self.alias = before;
    }

    fn map(&mut self, id: NodeId, entries: &[(NodeId, NodeId)], under: Under, language: Language) {
        let language = match self.default_language(id) {
            Language::Unknown => language,
            own @ (Language::Shell | Language::Code) => own,
        };
        let step = Step::of(self.tree, id, language);
        for (key, value) in entries {
            let Some(word) = self.tree.text(*key) else {
                self.node(*key, Under::Other, language);
                self.node(*value, Under::Other, language);
                continue;
            };
            if word == "<<" {
                self.merge(*value, under, language);
                continue;
            }
            let own = self.name(*key, word, *value, under);
            let from = self.found.len();
            self.expressions(*key, word);
            let below = below(word, under, &step);
            if word == "if" && under == Under::Other {
                self.condition(*value);
            }
            self.node(*value, below, language);
            // What is set from a variable of the same name is one fault.
            if let Some(own) = own {
                let below = self.found.split_off(from.min(self.found.len()));
                self.found.extend(below.into_iter().filter(|found| found.hit.name != own));
            }
        }
    }

    /// `<<`: the entries of a mapping, or of several, stand here too.
    fn merge(&mut self, value: NodeId, under: Under, language: Language) {
        match self.tree.node(value).map(|(_, node)| &node.content) {
            Some(Content::List(items)) => items.iter().for_each(|item| self.node(*item, under, language)),
            Some(Content::Map(_) | Content::Scalar { .. } | Content::Alias(_)) | None => {
                self.node(value, under, language)
            }
        }
    }

    fn item(&mut self, id: NodeId, under: Under, language: Language) {
        // `- name: X` and `value: y`, as Kubernetes lists variables.
        if matches!(under, Under::Names(_))
            && let Some(named) = entry(self.tree, id, "name")
            && let Some(word) = self.tree.text(named)
        {
            let value = entry(self.tree, id, "value").unwrap_or(named);
            self.name(named, word, value, under);
        }
        self.node(id, under, language);
    }

    /// A key that is the name of a variable. Returns the name when it is forbidden.
    fn name(&mut self, key: NodeId, word: &str, value: NodeId, under: Under) -> Option<String> {
        let how = match under {
            Under::Names(how) => how,
            Under::With(_) => How::Input,
            Under::Matrix => How::Matrix,
            Under::Other | Under::Script(_) | Under::Command => return None,
        };
        let kind = name::forbidden_in_any_case(word)?;
        // An input or a secret is declared by a mapping, and may come with any value.
        if self.tree.text(value).is_some_and(|value| kind.is_harmless(value)) {
            return None;
        }
        self.add(key, vec![Hit::new(word, kind, 0, word.len(), how)]);
        Some(word.to_owned())
    }

    /// The value of `if`, which is an expression without braces.
    fn condition(&mut self, value: NodeId) {
        if let Some(text) = self.tree.text(value)
            && !text.contains("${{")
        {
            self.add(value, expression::whole(text, 0));
        }
    }

    fn expressions(&mut self, id: NodeId, text: &str) {
        if text.contains("${{") {
            self.add(id, expression::hits(text));
        }
    }

    fn scalar(&mut self, id: NodeId, text: &str, under: Under) {
        self.expressions(id, text);
        let hits = match under {
            Under::Other => return,
            Under::Names(how) => listed(text, how),
            Under::With(_) => listed(text, How::Input),
            Under::Matrix => matrix_value(text),
            Under::Command => shell::hits(text),
            Under::Script(Language::Shell) => shell::hits(text),
            Under::Script(Language::Code) => code::hits(text),
            Under::Script(Language::Unknown) => {
                let mut hits = shell::hits(text);
                if text.to_ascii_lowercase().contains("env:") || text.contains("SetEnvironmentVariable") {
                    hits.extend(code::hits(text));
                }
                hits
            }
        };
        self.add(id, hits);
    }

    /// Takes hits in the text of a scalar to the bytes of the file.
    fn add(&mut self, id: NodeId, hits: Vec<Hit>) {
        if hits.is_empty() {
            return;
        }
        let alias = match self.tree.written(id).map(|node| (&node.content, node.span)) {
            Some((Content::Alias(_), span)) => self.alias.or(Some(span)),
            Some(_) | None => self.alias,
        };
        let Some(places) = self.tree.places(id) else { return };
        self.found.extend(hits.into_iter().map(|mut hit| {
            let span = places.place(hit.start, hit.end);
            (hit.start, hit.end) = (span.start, span.end);
            Found { hit, alias }
        }));
    }
}

/// What a step runs.
struct Step {
    language: Language,
    /// Whether the action it uses takes JavaScript.
    scripts: Language,
}

impl Step {
    fn of(tree: &Tree<'_>, id: NodeId, language_here: Language) -> Self {
        let text = |key: &str| entry(tree, id, key).and_then(|value| tree.text(value));
        let scripts = match text("uses") {
            Some(uses) if uses.contains("github-script") => Language::Code,
            Some(_) | None => Language::Unknown,
        };
        Self { language: text("shell").map_or(language_here, language), scripts }
    }
}

fn language(shell: &str) -> Language {
    let program = shell.split_whitespace().next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    match program {
        "bash" | "sh" | "zsh" | "dash" | "ash" | "ksh" => Language::Shell,
        "" => Language::Unknown,
        _ => Language::Code,
    }
}

/// What the value of a key stands under.
fn below(key: &str, under: Under, step: &Step) -> Under {
    match under {
        Under::Matrix => Under::Matrix,
        // Below a name stands its value.
        Under::Names(_) => Under::Other,
        Under::With(scripts) => match key {
            "script" | "run" | "inlineScript" | "command" | "commands" | "cmd" => Under::Script(scripts),
            "args" | "options" | "entrypoint" => Under::Command,
            // Texts for people.
            "body" | "message" | "title" | "description" | "comment" | "text" => Under::Other,
            // What is looked for.
            "pattern" | "regex" | "search" | "find" | "query" | "include" | "exclude" => Under::Other,
            _ => Under::With(scripts),
        },
        Under::Other | Under::Script(_) | Under::Command => match key {
            "env" | "environment" | "variables" => Under::Names(How::Environment),
            "with" => Under::With(step.scripts),
            "secrets" => Under::Names(How::Secret),
            "inputs" => Under::Names(How::Input),
            "args" | "build-args" | "build_args" => Under::Names(How::BuildArgument),
            "matrix" => Under::Matrix,
            "run" => Under::Script(step.language),
            "script" | "before_script" | "after_script" => Under::Script(Language::Unknown),
            "options" | "command" | "entrypoint" | "pre-entrypoint" | "post-entrypoint" | "test" => Under::Command,
            _ => Under::Other,
        },
    }
}

/// `NAME=value`, a line each or parted by commas, and `NAME` alone as an item of a list.
fn listed(text: &str, how: How) -> Vec<Hit> {
    let mut hits = line::written(text, Colon::IsText, how);
    if let Some(lead) = line::lead(text.trim())
        && lead.after.is_empty()
        && how != How::Input
    {
        let at = text.len() - text.trim_start().len();
        hits.push(Hit::new(lead.name.clone(), lead.kind, at, at + lead.length, how));
    }
    // `A=1,NAME=x` and `--env A=1 --env=NAME=x`: each part a setting or an option, so that prose is none.
    let parts = || text.split([',', ' ', '\n', '\t']).filter(|part| !part.trim().is_empty());
    if parts().all(|part| part.contains('=') || part.starts_with('-')) {
        for part in parts() {
            let option = part.strip_prefix('-').and_then(|rest| rest.find('=')).map_or(0, |at| at + 2);
            let begin = [option, 0].into_iter().find(|at| part.get(*at..).and_then(line::lead).is_some());
            let Some((begin, lead)) = begin.and_then(|at| Some((at, line::lead(part.get(at..)?)?))) else { continue };
            let at = part.as_ptr().addr() - text.as_ptr().addr() + begin;
            if lead.assigned().is_some_and(|value| !lead.kind.is_harmless(value)) {
                hits.push(Hit::new(lead.name.clone(), lead.kind, at, at + lead.length, how));
            }
        }
    }
    hits.sort_by_key(|hit| hit.start);
    hits.dedup_by_key(|hit| hit.start);
    hits
}

/// A value of a matrix: the name itself, or with a value.
fn matrix_value(text: &str) -> Vec<Hit> {
    let named = name::occurrences(text).filter(|found| {
        let before = text.get(..found.start).unwrap_or_default().trim_end();
        let after = text.get(found.end..).unwrap_or_default();
        let value = after.strip_prefix('=').unwrap_or_default();
        (before.is_empty() || before.ends_with([',', '-', 'e'])) && !found.kind.is_harmless(value)
    });
    named.map(|found| Hit::new(found.name, found.kind, found.start, found.end, How::Matrix)).collect()
}
