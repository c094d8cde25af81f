//! YAML with places: the one reader for files whose findings must point at a line and column (workflows, composite
//! actions, compose files).
//!
//! The parser is libyaml's, as in [`crate::attestation::compose_hash`]; that module stays apart because it must agree with
//! Docker Compose about every value, refuses what readers disagree about, and needs no places. This one keeps everything
//! a reader could see: every document, both of two equal keys, what an alias points at, and where each node stands.
//! An alias is a reference and never a copy, so a file costs memory in proportion to its size.

mod source;
mod tree;

pub use source::{Written, line_column};

use std::borrow::Cow;

/// Deepest nesting of lists and mappings, aliases followed.
pub const MAX_DEPTH: usize = 128;

/// A range of bytes of the text, which has no byte order mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
}

/// A node of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(usize);

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// `|` or `>`.
    Block,
}

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A text, escapes and folds resolved.
    Scalar {
        /// The text.
        text: String,
        /// How it is written.
        style: Style,
    },
    /// A list.
    List(Vec<NodeId>),
    /// A mapping, entries in the order of the file; keys may repeat.
    Map(Vec<(NodeId, NodeId)>),
    /// Another node, by its anchor.
    Alias(NodeId),
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it is written: for an alias, the alias itself.
    pub span: Span,
    /// What it is.
    pub content: Content,
}

/// Every document of a file.
#[derive(Debug)]
pub struct Tree<'t> {
    text: Cow<'t, str>,
    nodes: Vec<Node>,
    roots: Vec<NodeId>,
}

/// Why a text is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct YamlError {
    /// What is wrong, in lower case, cut and without control characters.
    pub words: String,
    /// The byte of the text where it was noticed.
    pub at: usize,
}

impl<'t> Tree<'t> {
    /// Reads a text without a byte order mark.
    ///
    /// # Errors
    /// What is not YAML, aliases without an anchor or inside it, and nesting deeper than [`MAX_DEPTH`].
    pub fn parse(text: &'t str) -> Result<Self, YamlError> {
        let text = tree::harmless(text);
        let (nodes, roots) = tree::read(&text)?;
        Ok(Self { text, nodes, roots })
    }

    /// The top of each document.
    pub fn roots(&self) -> &[NodeId] {
        &self.roots
    }

    /// A node as it is written; an alias is an alias.
    pub fn written(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0)
    }

    /// A node with aliases followed, and the node that it then is.
    pub fn node(&self, id: NodeId) -> Option<(NodeId, &Node)> {
        // The target of an alias is not an alias: the reader resolves them as they come.
        let node = self.nodes.get(id.0)?;
        match node.content {
            Content::Alias(target) => Some((target, self.nodes.get(target.0)?)),
            Content::Scalar { .. } | Content::List(_) | Content::Map(_) => Some((id, node)),
        }
    }

    /// The text of a scalar, aliases followed.
    pub fn text(&self, id: NodeId) -> Option<&str> {
        match &self.node(id)?.1.content {
            Content::Scalar { text, .. } => Some(text),
            Content::List(_) | Content::Map(_) | Content::Alias(_) => None,
        }
    }

    /// Where each byte of a scalar's text is written.
    pub fn places(&self, id: NodeId) -> Option<Written> {
        let (_, node) = self.node(id)?;
        match &node.content {
            Content::Scalar { text, style } => Some(Written::of(&self.text, node.span, text, *style)),
            Content::List(_) | Content::Map(_) | Content::Alias(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
