//! From the parser's events to nodes. Nothing here recurses: depth is counted, and what is open lies on a stack.

use std::{borrow::Cow, collections::HashMap};

use libyaml_safer::{Event, EventData, Parser, ScalarStyle};

use super::{Content, MAX_DEPTH, Node, NodeId, Span, Style, YamlError};

/// Characters of the parser's words that are kept.
const WORDS: usize = 200;

/// A text that the parser cannot stumble over. It would panic at a tag followed by a comma: a `!` with a comma in the same
/// word becomes `~`, of one byte as well, so that every place stays; such a tag is then the beginning of a text. And it would
/// panic at a block scalar that ends without a line end, so the text has one.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    let tags = text.contains('!') && text.contains(',');
    if !tags {
        return if text.ends_with('\n') { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}\n")) };
    }
    let mut out = String::with_capacity(text.len() + 1);
    for word in text.split_inclusive(char::is_whitespace) {
        match word.rsplit_once(',') {
            Some((before, after)) if before.contains('!') => {
                out.push_str(&before.replace('!', "~"));
                out.push(',');
                out.push_str(after);
            }
            Some(_) | None => out.push_str(word),
        }
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    Cow::Owned(out)
}

/// Reads every document.
pub(super) fn read(text: &str) -> Result<(Vec<Node>, Vec<NodeId>), YamlError> {
    let mut builder = Builder::default();
    let mut parser = Parser::new();
    parser.set_input(text.as_bytes());
    loop {
        let event = parser.parse().map_err(|e| {
            let words = e.context().map_or_else(|| e.problem().to_owned(), |c| format!("{c}, {}", e.problem()));
            let at = e.problem_mark().map_or(0, |mark| usize::try_from(mark.index).unwrap_or(usize::MAX));
            YamlError { words: shown(&words), at: at.min(text.len()) }
        })?;
        if !builder.take(event, text.len())? {
            return Ok((builder.nodes, builder.roots));
        }
    }
}

/// Words that may quote the file: one line, cut.
fn shown(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(WORDS).collect()
}

#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    /// Levels of lists and mappings in each node, aliases followed.
    heights: Vec<usize>,
    roots: Vec<NodeId>,
    anchors: HashMap<String, NodeId>,
    open: Vec<Open>,
}

/// A list or mapping whose end has not been seen.
struct Open {
    id: NodeId,
    /// The key whose value has not been seen.
    key: Option<NodeId>,
    height: usize,
}

impl Builder {
    /// Takes an event; `false` at the end of the text.
    fn take(&mut self, event: Event, length: usize) -> Result<bool, YamlError> {
        let byte = |index: u64| usize::try_from(index).unwrap_or(usize::MAX).min(length);
        let span = Span { start: byte(event.start_mark.index), end: byte(event.end_mark.index) };
        match event.data {
            EventData::StreamStart { .. } | EventData::DocumentEnd { .. } => {}
            EventData::StreamEnd => return Ok(false),
            // Anchors end with their document.
            EventData::DocumentStart { .. } => self.anchors.clear(),
            EventData::Alias { anchor } => self.alias(&anchor, span)?,
            EventData::Scalar { anchor, value, style, .. } => {
                let style = style_of(style);
                let id = self.add(span, Content::Scalar { text: value, style }, anchor);
                self.place(id, 0)?;
            }
            EventData::SequenceStart { anchor, .. } => self.enter(span, Content::List(Vec::new()), anchor)?,
            EventData::MappingStart { anchor, .. } => self.enter(span, Content::Map(Vec::new()), anchor)?,
            EventData::SequenceEnd | EventData::MappingEnd => {
                // The parser pairs starts and ends.
                if let Some(Open { id, height, .. }) = self.open.pop() {
                    if let Some(node) = self.nodes.get_mut(id.0) {
                        node.span.end = span.end.max(node.span.start);
                    }
                    self.set_height(id, height);
                    self.place(id, height)?;
                }
            }
        }
        Ok(true)
    }

    fn add(&mut self, span: Span, content: Content, anchor: Option<String>) -> NodeId {
        let id = NodeId(self.nodes.len());
        self.nodes.push(Node { span, content });
        self.heights.push(0);
        if let Some(name) = anchor {
            self.anchors.insert(name, id);
        }
        id
    }

    fn set_height(&mut self, id: NodeId, height: usize) {
        if let Some(known) = self.heights.get_mut(id.0) {
            *known = height;
        }
    }

    fn enter(&mut self, span: Span, content: Content, anchor: Option<String>) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(span));
        }
        let id = self.add(span, content, anchor);
        self.open.push(Open { id, key: None, height: 1 });
        Ok(())
    }

    fn alias(&mut self, name: &str, span: Span) -> Result<(), YamlError> {
        let refuse = |words: &str| YamlError { words: format!("{words} `{}`", shown(name)), at: span.start };
        let target = *self.anchors.get(name).ok_or_else(|| refuse("found no anchor for the alias"))?;
        if self.open.iter().any(|open| open.id == target) {
            return Err(refuse("found an alias inside its own anchor"));
        }
        let height = self.heights.get(target.0).copied().unwrap_or_default();
        if self.open.len() + height > MAX_DEPTH {
            return Err(too_deep(span));
        }
        let id = self.add(span, Content::Alias(target), None);
        self.place(id, height)
    }

    /// Puts a finished node into what is open.
    fn place(&mut self, id: NodeId, height: usize) -> Result<(), YamlError> {
        let Some(open) = self.open.last_mut() else {
            self.roots.push(id);
            return Ok(());
        };
        open.height = open.height.max(height + 1);
        let Some(node) = self.nodes.get_mut(open.id.0) else { return Ok(()) };
        match &mut node.content {
            Content::List(items) => items.push(id),
            Content::Map(entries) => match open.key.take() {
                Some(key) => entries.push((key, id)),
                None => open.key = Some(id),
            },
            Content::Scalar { .. } | Content::Alias(_) => {}
        }
        Ok(())
    }
}

fn too_deep(span: Span) -> YamlError {
    YamlError { words: format!("found nesting deeper than {MAX_DEPTH} levels"), at: span.start }
}

fn style_of(style: ScalarStyle) -> Style {
    // The library's list may grow: what is neither plain, quoted nor a block is none of the others.
    if style == ScalarStyle::SingleQuoted {
        Style::Single
    } else if style == ScalarStyle::DoubleQuoted {
        Style::Double
    } else if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
        Style::Block
    } else {
        Style::Plain
    }
}
