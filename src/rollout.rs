//! A rollout: a new KMS goes from its tags into production through six gates, D1 to D6. Here is what that means, as values:
//! the gates and the way through them, the inputs, the records of the state file and what they amount to, which step comes
//! next, when a soak is broken, and what a state looks like to people. Nothing here asks, deploys, waits or writes.
//!
//! The rules, which [`next::next`] is the one place of:
//! 1. D1 and D2 pass before anything is deployed; staging is always probed; production comes last.
//! 2. D5 is decided by people. Nothing here merges.
//! 3. An effect is announced before it is begun. One that was announced and of which nothing more is known is looked for,
//!    and never begun again before that.
//! 4. After a failed gate, what was made is rolled back before anything is tried again.
//! 5. D6 asks again what can be asked, the releases and the pull request, and does so anew after every pause before the switch.

mod apply;
pub mod chain;
pub mod checks;
pub mod evidence;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod gate;
pub mod inputs;
pub mod next;
pub mod path;
pub mod record;
pub mod show;
pub mod soak;
pub mod spark;
pub mod state;
pub mod step;
pub mod words;
