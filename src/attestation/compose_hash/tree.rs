//! From YAML text to a tree with anchors, aliases and merge keys resolved, within limits.
//!
//! The parser hands out events one by one and never recurses, so a file costs memory in proportion to its size. Aliases
//! share what they repeat; what they would come to when written out is counted, and refused beyond a limit.

use std::{
    collections::{BTreeMap, HashMap, btree_map::Entry},
    rc::Rc,
};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::{ComposeError, ComposeProblem, scalar};
use crate::schema::excerpt::excerpt;

/// Largest file read, in bytes.
pub const MAX_YAML_BYTES: usize = 1 << 20;
/// Deepest nesting of lists and mappings, aliases expanded.
pub const MAX_DEPTH: usize = 64;
/// Largest content with aliases expanded: bytes of text and keys, and 8 for each value.
pub const MAX_EXPANDED: usize = 8 << 20;

/// What one value counts beside its text, so that empty ones are not free.
const VALUE_COST: usize = 8;

/// A value of the compose file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    /// Of 64 bits, signed or unsigned.
    Int(i128),
    /// Finite.
    Float(f64),
    Text(String),
    List(Vec<Rc<Node>>),
    /// In the order of the keys' UTF-8 bytes, which is the order of their code points.
    Map(BTreeMap<String, Rc<Node>>),
}

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
    anchor: usize,
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
    let text = text(bytes)?;
    let mut composer = Composer::default();
    let mut started = false;
    for event in Parser::new_from_str(&text) {
        let (event, span) = event.map_err(|e| {
            let problem = ComposeProblem::Syntax(excerpt(e.info()));
            ComposeError { at: Some(place(e.marker())), problem }
        })?;
        let at = |problem| ComposeError { at: Some(place(&span.start)), problem };
        if matches!(event, Event::DocumentStart(_)) && std::mem::replace(&mut started, true) {
            return Err(at(ComposeProblem::SecondDocument));
        }
        composer.take(event).map_err(at)?;
    }
    let whole = |problem| ComposeError { at: None, problem };
    if composer.ends_in_block && !text.ends_with('\n') {
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

/// The text to parse: without a byte order mark, and with one kind of line break.
fn text(bytes: &[u8]) -> Result<String, ComposeError> {
    let whole = |problem| ComposeError { at: None, problem };
    if bytes.len() > MAX_YAML_BYTES {
        return Err(whole(ComposeProblem::TooLarge(bytes.len())));
    }
    let text = str::from_utf8(bytes).map_err(|_| whole(ComposeProblem::NotUtf8))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let mut prologue = true;
    for (number, line) in text.split('\n').enumerate() {
        let at = |column, problem| ComposeError { at: Some((number + 1, column)), problem };
        if let Some((column, c)) = line.chars().enumerate().find(|(_, c)| is_refused(*c)) {
            return Err(at(column + 1, ComposeProblem::Character(format!("U+{:04X}", u32::from(c)))));
        }
        if prologue && line.starts_with('%') {
            return Err(at(1, ComposeProblem::Directive));
        }
        prologue &= line.trim_start().is_empty() || line.trim_start().starts_with('#');
    }
    Ok(text)
}

/// Characters outside YAML's printable set; and three that end a line, and with it a comment, for readers of YAML 1.1,
/// which Compose's is. A byte order mark is read only at the beginning.
fn is_refused(c: char) -> bool {
    match c {
        '\t' => false,
        '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        c => c.is_control(),
    }
}

fn place(marker: &Marker) -> (usize, usize) {
    (marker.line(), marker.col() + 1)
}

#[derive(Default)]
struct Composer {
    open: Vec<Open>,
    anchors: HashMap<usize, Built>,
    root: Option<Built>,
    /// Whether the last scalar is a block one. Without a line end after it, the parser used here takes one for granted
    /// and Compose's does not, so the value would be another.
    ends_in_block: bool,
    /// What aliases and content have come to so far.
    cost: usize,
}

impl Composer {
    fn take(&mut self, event: Event<'_>) -> Problem<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                self.ends_in_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                if self.expects_key() && plain && is_merge(&text, tag.as_deref()) {
                    return self.key(Key::Merge);
                }
                let node = scalar_node(&text, plain, tag.as_deref())?;
                self.spend(VALUE_COST + text.len())?;
                self.finished(anchor, Built { node: Rc::new(node), cost: VALUE_COST + text.len(), height: 0 })
            }
            Event::SequenceStart(anchor, tag) => {
                collection_tag(tag.as_deref(), "seq")?;
                self.enter(anchor, Content::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                collection_tag(tag.as_deref(), "map")?;
                self.enter(anchor, Content::Map { entries: BTreeMap::new(), merged: None, key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(),
            Event::Alias(anchor) => {
                let built = self.anchors.get(&anchor).ok_or(ComposeProblem::Recursive)?.clone();
                if self.open.len() + built.height > MAX_DEPTH {
                    return Err(ComposeProblem::TooDeep);
                }
                self.spend(built.cost)?;
                self.place(built)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn spend(&mut self, cost: usize) -> Problem<()> {
        self.cost += cost;
        if self.cost > MAX_EXPANDED { Err(ComposeProblem::TooMuch) } else { Ok(()) }
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Map { key: None, .. }, .. }))
    }

    fn enter(&mut self, anchor: usize, content: Content) -> Problem<()> {
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

    fn finished(&mut self, anchor: usize, built: Built) -> Problem<()> {
        if anchor > 0 {
            self.anchors.insert(anchor, built.clone());
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
fn is_merge(text: &str, tag: Option<&Tag>) -> bool {
    text == "<<" && tag.is_none_or(|tag| core_tag(tag).as_deref() == Some("merge"))
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

fn scalar_node(text: &str, plain: bool, tag: Option<&Tag>) -> Problem<Node> {
    let Some(tag) = tag else {
        return if plain { scalar::plain(text) } else { Ok(Node::Text(text.to_owned())) };
    };
    let refused = || ComposeProblem::Tag(excerpt(&tag_text(tag)));
    match core_tag(tag) {
        Some(name) => scalar::tagged(&name, text)?.ok_or_else(refused),
        // `!` alone: text, whatever it looks like.
        None if tag_text(tag) == "!" => Ok(Node::Text(text.to_owned())),
        None => Err(refused()),
    }
}

fn collection_tag(tag: Option<&Tag>, expected: &str) -> Problem<()> {
    match tag {
        None => Ok(()),
        Some(tag) if core_tag(tag).as_deref() == Some(expected) || tag_text(tag) == "!" => Ok(()),
        Some(tag) => Err(ComposeProblem::Tag(excerpt(&tag_text(tag)))),
    }
}

/// The name of a core tag, however it was spelled: `!!str`, `!<tag:yaml.org,2002:str>`.
fn core_tag(tag: &Tag) -> Option<String> {
    tag_text(tag).strip_prefix("tag:yaml.org,2002:").map(str::to_owned)
}

fn tag_text(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}
