//! The two kinds of machine that judge each other.

/// The machines a policy constrains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The key-management service, as nodes verify it.
    Kms,
    /// Nodes, as the KMS verifies them.
    Node,
}

impl Role {
    /// Both, in document order.
    pub const ALL: [Self; 2] = [Self::Kms, Self::Node];

    /// The word, as the lists' prefix has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kms => "kms",
            Self::Node => "node",
        }
    }
}
