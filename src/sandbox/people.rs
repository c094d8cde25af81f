//! The people of the world's GitHub: two members of the team that approves promotions. Anyone else is a workflow. In the
//! rehearsal of a rollout they decide about each promotion as it comes, in one way or another.

use crate::{
    policy::promotion::LABEL,
    sandbox::{
        documents::REPOSITORY,
        github::{Account, Hub, Membership, Permission},
    },
};

/// Their logins, which are their tokens too.
const APPROVERS: [&str; 2] = ["alice", "bob"];
/// Their team.
const TEAM: &str = "security";

/// What they do instead of approving and merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Fault {
    /// One of them approves, and the other has not looked yet.
    OneApproves,
    /// One of them asks for changes.
    Objects,
    /// They close it.
    Closes,
    /// It is merged without an approval.
    MergesUnapproved,
}

/// Lets them in.
pub(super) fn arrive(hub: &Hub) {
    let organisation = REPOSITORY.split('/').next().unwrap_or_default();
    for login in APPROVERS {
        hub.give_token(login, Account { login: login.to_owned(), permission: Permission::Write });
        hub.join_team(organisation, TEAM, login, Membership::Active);
    }
}

/// Has them decide about every promotion from now on, as soon as it is marked as one.
pub(super) fn decide(hub: &Hub, fault: Option<Fault>) {
    hub.on_label(move |hub, repository, number, labels| {
        if repository == REPOSITORY && labels.iter().any(|label| label == LABEL) {
            about(hub, number, fault);
        }
    });
}

/// Decides about one. What GitHub would refuse does not happen here either.
fn about(hub: &Hub, number: u64, fault: Option<Fault>) {
    let [first, second] = APPROVERS;
    let done = match fault {
        None => {
            hub.review_as(REPOSITORY, number, first, true)
                && hub.review_as(REPOSITORY, number, second, true)
                && hub.merge(REPOSITORY, number)
        }
        Some(Fault::OneApproves) => hub.review_as(REPOSITORY, number, first, true),
        Some(Fault::Objects) => {
            hub.review_as(REPOSITORY, number, first, true) && hub.review_as(REPOSITORY, number, second, false)
        }
        Some(Fault::Closes) => hub.close(REPOSITORY, number),
        Some(Fault::MergesUnapproved) => hub.merge(REPOSITORY, number),
    };
    if !done {
        tracing::error!("the people of the sandbox could not decide about #{number}");
    }
}
