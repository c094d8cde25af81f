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
        Self { what: what.into(), target: target.into(), state: ActionState::Done }
    }

    /// An action that is planned.
    pub fn planned(what: impl Into<String>, target: impl Into<String>) -> Self {
        Self { what: what.into(), target: target.into(), state: ActionState::Planned }
    }

    /// An action that failed.
    pub fn failed(what: impl Into<String>, target: impl Into<String>) -> Self {
        Self { what: what.into(), target: target.into(), state: ActionState::Failed }
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
