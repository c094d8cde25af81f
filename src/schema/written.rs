//! A JSON text as its author wrote it: where its values stand, and how it is laid out. New values are written in the same
//! hand; nothing else of the text is touched.

use std::{fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

/// A value in a text, with its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'t> {
    text: &'t str,
    raw: &'t RawValue,
}

impl<'t> Node<'t> {
    /// The whole document.
    pub(crate) fn root(text: &'t str) -> Option<Self> {
        Some(Self { text, raw: serde_json::from_str(text).ok()? })
    }

    /// The value's own text.
    pub(crate) fn raw(self) -> &'t str {
        self.raw.get()
    }

    /// Where it stands, in bytes.
    pub(crate) fn range(self) -> Range<usize> {
        let start = (self.raw().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        start..start + self.raw().len()
    }

    /// The fields of an object in their order; none of another value.
    pub(crate) fn fields(self) -> Vec<(String, Self)> {
        let fields: Fields<'t> = serde_json::from_str(self.raw()).unwrap_or_default();
        fields.0.into_iter().map(|(name, raw)| (name, Self { raw, ..self })).collect()
    }

    /// A field of an object.
    pub(crate) fn field(self, name: &str) -> Option<Self> {
        self.fields().into_iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    /// The items of a list; none of another value.
    pub(crate) fn items(self) -> Vec<Self> {
        let items: Vec<&'t RawValue> = serde_json::from_str(self.raw()).unwrap_or_default();
        items.into_iter().map(|raw| Self { raw, ..self }).collect()
    }

    /// The blanks after the byte at `at` of the whole text.
    fn blanks_after(self, at: usize) -> &'t str {
        let rest = self.text.get(at..).unwrap_or_default();
        let end = rest.find(|c: char| !c.is_ascii_whitespace()).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }
}

/// Fields in the order of the text: an ordinary map would sort them or keep the last of two.
#[derive(Default)]
struct Fields<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = entries.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// How an object is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Style {
    /// What ends a line; `None` when everything stands on one.
    newline: Option<&'static str>,
    /// Blanks before the object's own closing brace.
    base: String,
    /// Blanks that one level more has.
    unit: String,
    /// Whether a blank follows a colon and a comma.
    spaced: bool,
    /// Whether lists of words take a line a word.
    tall_lists: bool,
}

impl Style {
    /// The layout of an object that is there.
    pub(crate) fn of(object: Node<'_>) -> Self {
        let raw = object.raw();
        let newline = if raw.contains("\r\n") { Some("\r\n") } else { raw.contains('\n').then_some("\n") };
        let indent = |blanks: &str| blanks.rsplit('\n').next().unwrap_or_default().to_owned();
        let last = object.fields().pop().map(|(_, node)| node.range().end);
        let base = last.map(|end| indent(object.blanks_after(end))).unwrap_or_default();
        let inner = indent(object.blanks_after(object.range().start + 1));
        let unit = inner.strip_prefix(base.as_str()).filter(|unit| !unit.is_empty()).unwrap_or("  ").to_owned();
        let lists = object.fields().into_iter().filter(|(_, node)| node.raw().starts_with('['));
        let tall_lists = lists.map(|(_, node)| node.raw().contains('\n')).next().unwrap_or(false);
        Self { newline, base, unit, spaced: newline.is_some() || raw.contains("\": "), tall_lists }
    }

    /// The same layout, for an object whose first list may be empty and so shows nothing: lists take a line a word when any
    /// list of `object` does, or when all are empty and the object takes several lines.
    pub(crate) fn with_tall_lists_like(self, object: Node<'_>) -> Self {
        let lists: Vec<_> = object.fields().into_iter().filter(|(_, node)| node.raw().starts_with('[')).collect();
        let empty = |node: &Node<'_>| node.items().is_empty();
        let tall = lists.iter().any(|(_, node)| node.raw().contains('\n')) || lists.iter().all(|(_, node)| empty(node));
        Self { tall_lists: tall && self.newline.is_some(), ..self }
    }

    /// The layout of an item of a list that is a field of an object laid out so.
    pub(crate) fn of_item(&self) -> Self {
        Self { base: self.indent(2), ..self.clone() }
    }

    fn indent(&self, levels: usize) -> String {
        format!("{}{}", self.base, self.unit.repeat(levels))
    }

    /// What stands between the opening bracket of a list in an object laid out so and its first item.
    pub(crate) fn before_first_item(&self) -> String {
        self.newline.map(|newline| format!("{newline}{}", self.indent(2))).unwrap_or_default()
    }

    /// And between its last item and the closing bracket.
    pub(crate) fn after_last_item(&self) -> String {
        self.newline.map(|newline| format!("{newline}{}", self.indent(1))).unwrap_or_default()
    }

    /// An object with these fields.
    pub(crate) fn object(&self, fields: &[(&str, Value)]) -> String {
        let mut text = "{".to_owned();
        for (index, (name, value)) in fields.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(&self.before_field(index == 0));
            text.push_str(&self.named(name, value));
        }
        if let Some(newline) = self.newline {
            text.push_str(newline);
            text.push_str(&self.base);
        }
        text.push('}');
        text
    }

    /// A field to be put behind the last one, with its comma.
    pub(crate) fn further_field(&self, name: &str, value: &Value) -> String {
        format!(",{}{}", self.before_field(false), self.named(name, value))
    }

    /// The value of a field.
    pub(crate) fn value(&self, value: &Value) -> String {
        match value {
            Value::Array(items) if !items.is_empty() => {
                let tall = self.tall_lists || items.iter().any(Value::is_object);
                let items: Vec<String> = items.iter().map(|item| self.flat(item)).collect();
                match self.newline.filter(|_| tall) {
                    Some(newline) => {
                        let (inner, outer) = (self.indent(2), self.indent(1));
                        let lines = items.join(&format!(",{newline}{inner}"));
                        format!("[{newline}{inner}{lines}{newline}{outer}]")
                    }
                    None => format!("[{}]", items.join(if self.spaced { ", " } else { "," })),
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                self.flat(value)
            }
        }
    }

    fn named(&self, name: &str, value: &Value) -> String {
        let colon = if self.spaced { ": " } else { ":" };
        format!("{}{colon}{}", Value::from(name), self.value(value))
    }

    fn before_field(&self, first: bool) -> String {
        match self.newline {
            Some(newline) => format!("{newline}{}", self.indent(1)),
            None if first || !self.spaced => String::new(),
            None => " ".to_owned(),
        }
    }

    /// A value on one line.
    fn flat(&self, value: &Value) -> String {
        match value {
            Value::Object(fields) => {
                let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
                Self { newline: None, ..self.clone() }.object(&fields)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => value.to_string(),
        }
    }
}

/// The text with the bytes of `range` replaced.
pub(crate) fn spliced(text: &str, range: Range<usize>, with: &str) -> String {
    let (before, after) = (text.get(..range.start).unwrap_or_default(), text.get(range.end..).unwrap_or_default());
    [before, with, after].concat()
}

/// The text with an item put into `list` at `index`; `style` is that of the object whose field the list is.
pub(crate) fn with_item(list: Node<'_>, index: usize, item: &str, style: &Style) -> String {
    let (text, items) = (list.text, list.items());
    let Some(last) = items.last() else {
        let list_text = format!("[{}{item}{}]", style.before_first_item(), style.after_last_item());
        return spliced(text, list.range(), &list_text);
    };
    let between = match items.as_slice() {
        // One item shows nothing of what stands between two.
        [_] if style.spaced && list.blanks_after(list.range().start + 1).is_empty() => " ",
        _ => separator(list, &items),
    };
    match items.get(index) {
        Some(next) => spliced(text, next.range().start..next.range().start, &format!("{item},{between}")),
        None => spliced(text, last.range().end..last.range().end, &format!(",{between}{item}")),
    }
}

/// Blanks between a comma and the next item.
fn separator<'t>(list: Node<'t>, items: &[Node<'t>]) -> &'t str {
    let lead = list.blanks_after(list.range().start + 1);
    let [first, second, ..] = items else { return lead };
    let between = list.text.get(first.range().end..second.range().start).unwrap_or_default();
    between.split_once(',').map_or(lead, |(_, after)| after)
}

/// The text without the item at `index` of `list`; as it is when there is none.
pub(crate) fn without_item(list: Node<'_>, index: usize) -> String {
    let items = list.items();
    let range =
        match (index.checked_sub(1).and_then(|before| items.get(before)), items.get(index), items.get(index + 1)) {
            (_, None, _) => return list.text.to_owned(),
            (Some(before), Some(item), _) => before.range().end..item.range().end,
            (None, Some(item), Some(next)) => item.range().start..next.range().start,
            (None, Some(_), None) => return spliced(list.text, list.range(), "[]"),
        };
    spliced(list.text, range, "")
}
