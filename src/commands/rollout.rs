//! `rollout`: a release goes through six gates into production. The state machine is [`crate::rollout`]; what its steps do in the
//! world outside is `effects`; here the two are put together, and what comes of it is told.

mod course;
mod effects;
mod given;
mod plan;
mod status;
mod watch;
mod work;

use crate::{cli::rollout::RolloutCommand, context::Context, error::Result, product::Product, rollout::record::Order};

pub(super) async fn run(command: &RolloutCommand, context: &Context) -> Result<Product> {
    match command {
        RolloutCommand::Plan(args) => plan::run(args, context).await,
        RolloutCommand::Run(args) => Box::pin(work::run(args, context)).await,
        RolloutCommand::Status(args) => status::run(args, context),
        RolloutCommand::Resume(args) => Box::pin(work::resume(args, context)).await,
        RolloutCommand::Rollback(args) => Box::pin(work::undo(args, Order::Rollback, context)).await,
        RolloutCommand::Abort(args) => Box::pin(work::undo(args, Order::Abort, context)).await,
    }
}
