//! Who somebody is, what they may do, and which teams they are in.

use std::sync::{PoisonError, RwLock};

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Hub, Shared,
    accounts::Account,
    ask::{Ask, Here},
    refusal::Refusal,
};

/// What somebody does when a pull request of a repository gets labels.
type Look = Box<dyn Fn(&Hub, &str, u64, &[String]) + Send + Sync>;

/// People who look at pull requests as they come.
#[derive(Default)]
pub(super) struct Onlookers(RwLock<Vec<Look>>);

impl Onlookers {
    pub(super) fn add(&self, look: impl Fn(&Hub, &str, u64, &[String]) + Send + Sync + 'static) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(look));
    }

    /// Has all of them look.
    pub(super) fn look(&self, hub: &Hub, repository: &str, number: u64, labels: &[String]) {
        for look in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            look(hub, repository, number, labels);
        }
    }
}

impl std::fmt::Debug for Onlookers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Onlookers")
    }
}

/// A login in the path.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    login: String,
}

/// The account behind the token.
pub(super) async fn user(ask: Ask) -> Result<Json<Value>, Refusal> {
    Ok(Json(Account::json(&ask.account()?.login)))
}

/// What somebody may do in a repository.
pub(super) async fn permission(here: Here, Path(Named { login }): Path<Named>) -> Result<Json<Value>, Refusal> {
    here.ask.writer()?;
    here.read(|_, _| Ok(()))?;
    let permission = here.hub.lock().accounts.permission(&login).name();
    Ok(Json(json!({"permission": permission, "role_name": permission, "user": Account::json(&login)})))
}

/// A team of an organisation.
pub(super) async fn team(
    State(hub): State<Shared>,
    Path((organisation, team)): Path<(String, String)>,
    ask: Ask,
) -> Result<Json<Value>, Refusal> {
    ask.account()?;
    if !hub.lock().accounts.has_team([&organisation, &team]) {
        return Err(Refusal::not_found());
    }
    let url = format!("{}/orgs/{organisation}/teams/{team}", ask.base());
    Ok(Json(json!({"id": 1, "name": team, "slug": team, "privacy": "closed", "url": url})))
}

/// Whether somebody is in a team of an organisation.
pub(super) async fn membership(
    State(hub): State<Shared>,
    Path((organisation, team, login)): Path<(String, String, String)>,
    ask: Ask,
) -> Result<Json<Value>, Refusal> {
    ask.account()?;
    let found = hub.lock().accounts.membership([&organisation, &team, &login]);
    let state = found.ok_or_else(Refusal::not_found)?.name();
    let url = format!("{}/orgs/{organisation}/teams/{team}/memberships/{login}", ask.base());
    Ok(Json(json!({"url": url, "role": "member", "state": state})))
}
