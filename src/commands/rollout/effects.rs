//! Local stand-in.

use std::path::PathBuf;

use crate::{
    context::Context,
    error::{Error, Result},
    report::{CheckInfo, Finding},
    rollout::{
        inputs::Inputs,
        state::State,
        step::{Outcome, Step},
    },
};

pub(super) const RULES: [CheckInfo; 0] = [];

pub(super) struct Effects<'a> {
    _context: &'a Context,
    _evidence: PathBuf,
}

impl<'a> Effects<'a> {
    pub(super) fn new(context: &'a Context, evidence: PathBuf) -> Self {
        Self { _context: context, _evidence: evidence }
    }

    pub(super) async fn perform(&self, step: &Step, _state: &State) -> Result<Outcome> {
        Err(Error::internal(format!("nothing can {}", step.described())))
    }
}

pub(super) async fn tools(_: &Inputs, _: &Context) -> Vec<Finding> {
    Vec::new()
}
