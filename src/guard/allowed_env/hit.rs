//! A place where a forbidden variable is set or passed on, within one piece of text.

use super::name::Kind;

/// How a variable is set or passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// An entry of `env` or `environment`.
    Environment,
    /// An input: `with`, or the inputs of a reusable workflow.
    Input,
    /// A secret that a reusable workflow declares or is given.
    Secret,
    /// A key or value of a matrix.
    Matrix,
    /// A build argument.
    BuildArgument,
    /// An assignment in a script.
    Assignment,
    /// An argument of a command: `docker run -e`, `env`, `gh variable set`.
    Argument,
    /// A line that a script writes to a file or into another program.
    Written,
    /// A statement of a Dockerfile.
    Instruction,
    /// A line of an env file.
    Line,
    /// A reference in an expression.
    Reference,
    /// A name that an expression puts together.
    Built,
    /// A whole context passed on, forbidden variables included.
    Whole,
    /// A name in a text that cannot be parsed.
    Raw,
}

impl How {
    /// The sentence for a name.
    pub(super) fn sentence(self, name: &str) -> String {
        match self {
            Self::Environment => format!("the environment sets {name}"),
            Self::Input => format!("an input sets {name}"),
            Self::Secret => format!("a secret sets {name}"),
            Self::Matrix => format!("the matrix names {name}"),
            Self::BuildArgument => format!("a build argument sets {name}"),
            Self::Assignment => format!("the script sets {name}"),
            Self::Argument => format!("a command is given {name}"),
            Self::Written => format!("the script writes {name} for a later program to read"),
            Self::Instruction => format!("the image sets {name}"),
            Self::Line => format!("the env file sets {name}"),
            Self::Reference => format!("the expression reads {name}"),
            Self::Built => format!("the expression puts {name} together"),
            Self::Whole => format!("{name} passes on every variable, ALLOWED_* included"),
            Self::Raw => format!("the text names {name}, and a file that cannot be parsed is not known to be harmless"),
        }
    }
}

/// A place where a forbidden variable is set or passed on. Bytes of the text that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) how: How,
}

impl Hit {
    pub(super) fn new(name: impl Into<String>, kind: Kind, start: usize, end: usize, how: How) -> Self {
        Self { name: name.into(), kind, start, end, how }
    }

    /// The same, in a text that the one looked at is a part of.
    pub(super) fn moved(mut self, by: usize) -> Self {
        self.start += by;
        self.end += by;
        self
    }
}
