//! Workflows, composite actions and compose files: where in their tree a name would become a variable.
//!
//! The kinds of file are treated alike. What counts is the key that something stands under: `env` and `environment` hold
//! variables, `with` and `inputs` inputs, `run` a script; what stands there for a name of the author's own (of a job, of a
//! service) says nothing. An alias and a merge key are followed to where the value stands.

mod under;
mod value;

use std::collections::HashSet;

use self::{
    under::{Language, Step, Under, below},
    value::{listed, matrix_value},
};
use super::{
    code, dockerfile, expression,
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

/// Everything found in a tree, in the order of the file, each place once.
pub(super) fn found(tree: &Tree<'_>) -> Vec<Found> {
    let mut walk = Walk { tree, found: Vec::new(), seen: HashSet::new(), alias: None };
    for root in tree.roots() {
        let language = walk.default_language(*root);
        walk.node(*root, Under::Top, language);
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
        shell.map_or(Language::Unknown, Language::of)
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
                Content::List(items) => {
                    // In a list nothing is named.
                    let under = if let Under::All(named) = under { Under::One(named) } else { under };
                    items.iter().for_each(|item| self.item(*item, under, language));
                }
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
            own @ (Language::Shell | Language::Code | Language::Either) => own,
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
            if word == "if" && matches!(under, Under::Other | Under::One(_)) {
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
            Under::Top
            | Under::Other
            | Under::All(_)
            | Under::One(_)
            | Under::Script(_)
            | Under::Command
            | Under::Dockerfile
            | Under::Lines => return None,
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
            Under::Top | Under::Other | Under::All(_) | Under::One(_) => return,
            Under::Names(how) => listed(text, how),
            Under::With(_) => listed(text, How::Input),
            Under::Matrix => matrix_value(text),
            Under::Dockerfile => dockerfile::hits(text),
            Under::Lines => line::written(text, Colon::IsText, How::Written),
            Under::Command => shell::hits(text),
            Under::Script(Language::Shell) => shell::hits(text),
            Under::Script(Language::Code) => code::hits(text),
            Under::Script(Language::Either) => {
                let mut hits = shell::hits(text);
                hits.extend(code::hits(text));
                hits
            }
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

#[cfg(test)]
mod tests;
