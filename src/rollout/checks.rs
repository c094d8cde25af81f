//! What is demanded of a rollout: that its file is the one that was written, that every gate passes, and that what stood is
//! gone after a rollback.

use crate::report::CheckInfo;

/// The inputs can be used.
pub const PLAN: CheckInfo =
    CheckInfo { id: "rollout-plan", title: "the inputs make sense together, and what the targets need is there" };
/// The state file is whole.
pub const STATE: CheckInfo =
    CheckInfo { id: "rollout-state", title: "the state file and its evidence are as they were written, line by line" };
/// A gate passed.
pub const GATE: CheckInfo = CheckInfo { id: "rollout-gate", title: "every gate passes, in order, on evidence" };
/// A rollback is complete.
pub const ROLLBACK: CheckInfo =
    CheckInfo { id: "rollout-rollback", title: "what stood is undone, and production releases keys" };

/// All of them.
pub const RULES: [CheckInfo; 3] = [STATE, GATE, ROLLBACK];
