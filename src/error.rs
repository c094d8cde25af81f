//! Why work could not be done. A failed check is never an error: it is a finding.

use std::{error::Error as StdError, fmt};

/// The class of an error decides the exit code, and nothing else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The caller asked for something that makes no sense: a malformed tag, a config file, key or trust root that does
    /// not parse or is of another kind.
    Usage,
    /// Something must not be trusted: a policy that nothing vouches for, a pin that does not match. It counts
    /// as a verification failure.
    Trust,
    /// Local input or output failed: an unreadable directory, a full disk.
    Input,
    /// A remote party failed: network, HTTP status, an answer that does not parse.
    Remote,
    /// A defect of ours.
    Internal,
}

/// An error with its class and, when there is one, its source. The message is one lower-case sentence that names the
/// input and the field, and never carries a secret.
#[derive(Debug)]
pub struct Error {
    class: Class,
    message: String,
    help: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Shorthand for results of fallible work.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), help: None, source: None }
    }

    /// The caller's words are wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Class::Usage, message)
    }

    /// Something that was to be trusted must not be.
    pub fn trust(message: impl Into<String>) -> Self {
        Self::new(Class::Trust, message)
    }

    /// Reading or writing something local failed.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Class::Input, message)
    }

    /// Somebody else's service failed.
    pub fn remote(message: impl Into<String>) -> Self {
        Self::new(Class::Remote, message)
    }

    /// A defect of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Class::Internal, message)
    }

    /// Adds what the reader should do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The class, for the exit code.
    pub fn class(&self) -> Class {
        self.class
    }

    /// What to do next, if we know.
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|s| s.as_ref() as _)
    }
}

/// The message with its whole chain of causes, `: ` between them, leaving out a cause its parent already states.
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text
}
