//! The removal of the KMS of staging. It is done when the account no longer holds the machine, whatever its journal says.

use super::{Effects, places::places_apart, staging::AGAIN, told::remark};
use crate::{
    adapters::phala::{Listed, Phala},
    commands::machine::cvm::removal,
    error::Result,
    probe::checks::TEARDOWN,
    report::Status as Found,
    rollout::{
        inputs::Target,
        record::{Came, Made, Order},
        state::State,
        words::Remark,
    },
};

impl Effects<'_> {
    pub(super) async fn remove_staging(&self, state: &State) -> Result<Came> {
        let site = &state.inputs().staging;
        if let Target::Compose { .. } = &site.target {
            let removed = match places_apart(state.inputs(), self.context) {
                Ok(()) => self.compose_file(site)?.remove().await,
                Err(error) => Err(error),
            };
            return Ok(match removed {
                Ok(()) => Came::Done(Made::default()),
                Err(error) => Came::Unknown(remark(&error)),
            });
        }
        let (phala, mut journal) = (self.context.phala()?, self.journal()?);
        let removed = removal::take_down(&phala, &mut journal, self.context, AGAIN).await;
        removed.tell();
        match removed.findings.iter().find(|finding| finding.status != Found::Pass) {
            // The journal may be gone, and the machine not: the account has the last word.
            None => Ok(match still_there(&phala, state).await? {
                None => Came::Done(Made::default()),
                Some(name) => {
                    let what = format!(
                        "the account still holds the machine {name}, and the journal of this rollout says nothing of it: \
                         delete it there, then run `{}`",
                        self.command(Order::Rollback)
                    );
                    Came::Unknown(Remark::new(&what))
                }
            }),
            Some(finding) => Ok(Came::Unknown(Remark::new(&format!("{}: {}", TEARDOWN.id, finding.message)))),
        }
    }
}

/// The machine that the state says was made, where the account still holds it by any of its names.
async fn still_there(phala: &Phala, state: &State) -> Result<Option<String>> {
    let Some(made) = state.staging() else { return Ok(None) };
    Ok(phala.named("").await?.into_iter().find(|listed| is_it(made, listed)).map(|listed| listed.name))
}

/// Whether a machine is the one that was made, by any of its names: it may have been renamed.
fn is_it(made: &Made, listed: &Listed) -> bool {
    let (name, id, app) = (made.id("name"), made.id("vm_uuid"), made.id("app_id"));
    name == Some(listed.name.as_str())
        || listed.id.as_ref().is_some_and(|one| id == Some(one.as_str()))
        || listed.app_id.as_ref().is_some_and(|one| app == Some(one.digits()))
}
