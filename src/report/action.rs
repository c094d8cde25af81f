//! What a command did or would do, beside what it found. An action is not a finding: it never makes a check pass.

/// One effect on the world outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What it is, as a verb: `upload`, `create tag`, `write`.
    pub what: String,
    /// What it is done to: an asset, a file, a tag.
    pub target: String,
    /// How far it came.
    pub state: ActionState,
    /// What it writes or deploys, whole, where a reader must see that before it is done. It has no bound of its own: the
    /// caller holds documents that are bounded.
    pub content: Option<String>,
}

/// How far an action came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActionState {
    /// It is done.
    Done,
    /// It would be done by a run that is not a rehearsal.
    Planned,
    /// It was tried and failed. Its findings say whether that fails the command.
    Failed,
}

impl Action {
    /// An action that is done.
    pub fn done(what: impl Into<String>, target: impl Into<String>) -> Self {
        Self { what: what.into(), target: target.into(), state: ActionState::Done, content: None }
    }

    /// An action that is planned.
    pub fn planned(what: impl Into<String>, target: impl Into<String>) -> Self {
        Self { what: what.into(), target: target.into(), state: ActionState::Planned, content: None }
    }

    /// An action that failed.
    pub fn failed(what: impl Into<String>, target: impl Into<String>) -> Self {
        Self { what: what.into(), target: target.into(), state: ActionState::Failed, content: None }
    }

    /// States what it writes or deploys.
    #[must_use]
    pub fn holding(self, content: impl Into<String>) -> Self {
        Self { content: Some(content.into()), ..self }
    }
}

impl ActionState {
    /// Its word, in every format.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Planned => "planned",
            Self::Failed => "failed",
        }
    }
}
