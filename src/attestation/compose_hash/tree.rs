//! From YAML text to a tree with anchors, aliases and merge keys resolved, within limits.
//!
//! The parser hands out events one by one and never recurses, so a file costs memory in proportion to its size. Aliases
//! share what they repeat; what they would come to when written out is counted, and refused beyond a limit.

use std::{
    collections::{BTreeMap, HashMap, btree_map::Entry},
    rc::Rc,
};

use super::{
    ComposeError, ComposeProblem,
    events::{self, Event, Style},
    node::Node,
    scalar, text,
};
use crate::schema::excerpt::excerpt;

/// Deepest nesting of lists and mappings, aliases expanded.
pub const MAX_DEPTH: usize = 64;
/// Largest content with aliases expanded: bytes of text and keys, and 8 for each value.
pub const MAX_EXPANDED: usize = 8 << 20;

/// What one value counts beside its text, so that empty ones are not free.
const VALUE_COST: usize = 8;

/// A finished value and what it comes to.
#[derive(Debug, Clone)]
struct Built {
    node: Rc<Node>,
    cost: usize,
    /// Levels of lists and mappings in it.
    height: usize,
}

/// A list or mapping whose end has not been seen.
struct Open {
    anchor: Option<String>,
    content: Content,
    cost: usize,
    height: usize,
}

enum Content {
    List(Vec<Rc<Node>>),
    Map { entries: BTreeMap<String, Rc<Node>>, merged: Option<Vec<Rc<Node>>>, key: Option<Key> },
}

/// A key whose value has not been seen.
enum Key {
    Text(String),
    Merge,
}

type Problem<T> = Result<T, ComposeProblem>;

/// Reads a file.
pub(super) fn read(bytes: &[u8]) -> Result<Node, ComposeError> {
    let text = text::read(bytes)?;
    let mut composer = Composer::default();
    events::each(&text.lines, |event, at| {
        composer.take(event).map_err(|problem| ComposeError { at: Some(at), problem })
    })?;
    let whole = |problem| ComposeError { at: None, problem };
    if composer.ends_in_block && !text.ended {
        return Err(whole(ComposeProblem::NoLineEnd));
    }
    let root = composer.root.ok_or_else(|| whole(ComposeProblem::Empty))?;
    match Rc::unwrap_or_clone(root.node) {
        map @ Node::Map(_) => Ok(map),
        Node::Null => Err(whole(ComposeProblem::Empty)),
        Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Text(_) | Node::List(_) => {
            Err(whole(ComposeProblem::NotAMapping))
        }
    }
}

#[derive(Default)]
struct Composer {
    open: Vec<Open>,
    anchors: HashMap<String, Built>,
    /// Whether a document has begun.
    started: bool,
    root: Option<Built>,
    /// Whether the last scalar is a block one. Without a line end after it, readers disagree whether the value has one.
    ends_in_block: bool,
    /// What aliases and content have come to so far.
    cost: usize,
}

impl Composer {
    fn take(&mut self, event: Event) -> Problem<()> {
        match event {
            Event::Document if std::mem::replace(&mut self.started, true) => Err(ComposeProblem::SecondDocument),
            Event::Document | Event::Break => Ok(()),
            Event::Scalar { anchor, tag, text, style } => {
                self.ends_in_block = style == Style::Block;
                if style == Style::Plain && is_merge(&text, tag.as_deref()) {
                    return self.merge_key(anchor.as_deref());
                }
                let node = scalar_node(&text, style, tag.as_deref())?;
                self.spend(VALUE_COST + text.len())?;
                self.finished(anchor, Built { node: Rc::new(node), cost: VALUE_COST + text.len(), height: 0 })
            }
            Event::List { anchor, tag } => {
                collection_tag(tag.as_deref(), "seq")?;
                self.enter(anchor, Content::List(Vec::new()))
            }
            Event::Map { anchor, tag } => {
                collection_tag(tag.as_deref(), "map")?;
                self.enter(anchor, Content::Map { entries: BTreeMap::new(), merged: None, key: None })
            }
            Event::End => self.leave(),
            Event::Alias(name) => self.repeat(&name),
        }
    }

    /// `<<` merges where it is a key. Elsewhere Compose drops it, and under an anchor it would drop each alias as well.
    fn merge_key(&mut self, anchor: Option<&str>) -> Problem<()> {
        if self.expects_key() && anchor.is_none() { self.key(Key::Merge) } else { Err(ComposeProblem::MergeValue) }
    }

    fn repeat(&mut self, name: &str) -> Problem<()> {
        if self.open.iter().any(|open| open.anchor.as_deref() == Some(name)) {
            return Err(ComposeProblem::Recursive);
        }
        let built = self.anchors.get(name).ok_or_else(|| ComposeProblem::NoAnchor(excerpt(name)))?.clone();
        if self.open.len() + built.height > MAX_DEPTH {
            return Err(ComposeProblem::TooDeep);
        }
        self.spend(built.cost)?;
        self.place(built)
    }

    fn spend(&mut self, cost: usize) -> Problem<()> {
        self.cost += cost;
        if self.cost > MAX_EXPANDED { Err(ComposeProblem::TooMuch) } else { Ok(()) }
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Map { key: None, .. }, .. }))
    }

    fn enter(&mut self, anchor: Option<String>, content: Content) -> Problem<()> {
        if self.expects_key() {
            return Err(ComposeProblem::Key("a list or mapping".to_owned()));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(ComposeProblem::TooDeep);
        }
        self.spend(VALUE_COST)?;
        self.open.push(Open { anchor, content, cost: VALUE_COST, height: 1 });
        Ok(())
    }

    fn leave(&mut self) -> Problem<()> {
        // The parser pairs starts and ends.
        let Some(Open { anchor, content, cost, height }) = self.open.pop() else { return Ok(()) };
        let node = match content {
            Content::List(items) => Node::List(items),
            Content::Map { mut entries, merged, .. } => {
                for source in merged.unwrap_or_default() {
                    merge(&mut entries, &source);
                }
                Node::Map(entries)
            }
        };
        self.finished(anchor, Built { node: Rc::new(node), cost, height })
    }

    fn finished(&mut self, anchor: Option<String>, built: Built) -> Problem<()> {
        if let Some(name) = anchor {
            self.anchors.insert(name, built.clone());
        }
        self.place(built)
    }

    fn key(&mut self, new: Key) -> Problem<()> {
        let Some(Open { content: Content::Map { entries, merged, key, .. }, .. }) = self.open.last_mut() else {
            return Ok(());
        };
        let twice = match &new {
            Key::Text(text) => entries.contains_key(text).then(|| excerpt(text)),
            Key::Merge => merged.is_some().then(|| "<<".to_owned()),
        };
        *key = Some(new);
        twice.map_or(Ok(()), |text| Err(ComposeProblem::DuplicateKey(text)))
    }

    /// Puts a value where it belongs: into the open list or mapping, as key or value, or at the top.
    fn place(&mut self, built: Built) -> Problem<()> {
        let expects_key = self.expects_key();
        let Some(Open { content, cost, height, .. }) = self.open.last_mut() else {
            self.root = Some(built);
            return Ok(());
        };
        *cost += built.cost;
        *height = (*height).max(built.height + 1);
        match content {
            Content::List(items) => items.push(built.node),
            Content::Map { .. } if expects_key => return self.key(Key::Text(key_text(&built.node)?)),
            Content::Map { entries, merged, key } => match key.take() {
                Some(Key::Merge) => *merged = Some(merge_sources(built.node)?),
                Some(Key::Text(text)) => drop(entries.insert(text, built.node)),
                None => {}
            },
        }
        Ok(())
    }
}

fn key_text(node: &Node) -> Problem<String> {
    let what = match node {
        Node::Text(text) => return Ok(text.clone()),
        Node::Null => "an empty or null value".to_owned(),
        Node::Bool(value) => format!("the truth value {value}"),
        Node::Int(number) => format!("the number {number}"),
        Node::Float(number) => format!("the number {number}"),
        Node::List(_) | Node::Map(_) => "a list or mapping".to_owned(),
    };
    Err(ComposeProblem::Key(what))
}

/// `<<` itself, or with the tag that says so.
fn is_merge(text: &str, tag: Option<&str>) -> bool {
    text == "<<" && tag.is_none_or(|tag| core_name(tag) == Some("merge"))
}

/// The mappings that `<<` brings in, the one that wins first.
fn merge_sources(node: Rc<Node>) -> Problem<Vec<Rc<Node>>> {
    let is_map = |node: &Rc<Node>| matches!(**node, Node::Map(_));
    match &*node {
        Node::Map(_) => Ok(vec![node]),
        Node::List(items) if items.iter().all(is_map) => Ok(items.clone()),
        Node::List(_) | Node::Null | Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Text(_) => {
            Err(ComposeProblem::Merge)
        }
    }
}

/// Adds what is not there yet: the mapping's own keys win, then earlier sources.
fn merge(entries: &mut BTreeMap<String, Rc<Node>>, source: &Node) {
    let Node::Map(source) = source else { return };
    for (key, value) in source {
        if let Entry::Vacant(slot) = entries.entry(key.clone()) {
            slot.insert(Rc::clone(value));
        }
    }
}

fn scalar_node(text: &str, style: Style, tag: Option<&str>) -> Problem<Node> {
    match (tag, style) {
        (None, Style::Plain) => scalar::plain(text),
        // `!` alone: text, whatever it looks like.
        (None, Style::Quoted | Style::Block) | (Some("!"), _) => Ok(Node::Text(text.to_owned())),
        (Some(tag), _) => {
            let refused = || ComposeProblem::Tag(excerpt(tag));
            scalar::tagged(core_name(tag).ok_or_else(refused)?, text)?.ok_or_else(refused)
        }
    }
}

fn collection_tag(tag: Option<&str>, expected: &str) -> Problem<()> {
    match tag {
        None | Some("!") => Ok(()),
        Some(tag) if core_name(tag) == Some(expected) => Ok(()),
        Some(tag) => Err(ComposeProblem::Tag(excerpt(tag))),
    }
}

/// The name of a core tag, however it was spelled: `!!str`, `!<tag:yaml.org,2002:str>`.
fn core_name(tag: &str) -> Option<&str> {
    tag.strip_prefix("tag:yaml.org,2002:")
}
