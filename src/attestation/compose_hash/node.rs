//! The values of a compose file. Not responsible for how they are written, in the file or in the normal form.

use std::{collections::BTreeMap, rc::Rc};

/// A value of the compose file, as Docker Compose reads it.
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
