//! The people of the world's GitHub: two members of the team that approves promotions. Anyone else is a workflow.

use crate::sandbox::{
    documents,
    github::{Account, Hub, Membership, Permission},
};

/// Their logins, which are their tokens too.
const APPROVERS: [&str; 2] = ["alice", "bob"];
/// Their team.
const TEAM: &str = "security";

/// Lets them in.
pub(super) fn arrive(hub: &Hub) {
    let organisation = documents::REPOSITORY.split('/').next().unwrap_or_default();
    for login in APPROVERS {
        hub.give_token(login, Account { login: login.to_owned(), permission: Permission::Write });
        hub.join_team(organisation, TEAM, login, Membership::Active);
    }
}
