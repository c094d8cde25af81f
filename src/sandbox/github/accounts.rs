//! Accounts: whose token a request carries, what they may do, and which teams they are in.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sandbox::account_id;

/// Somebody who may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Login.
    pub login: String,
    /// What it may do in every repository.
    pub permission: Permission,
}

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Read what is public.
    Read,
    /// Push: refs, releases, pull requests.
    Write,
    /// All of it.
    Admin,
}

/// How far somebody is in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// A member.
    Active,
    /// Invited only.
    Pending,
}

/// Tokens, the accounts behind them, and teams.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    tokens: BTreeMap<String, Account>,
    /// By organisation, team and login, all in lower case.
    members: BTreeMap<[String; 3], Membership>,
}

impl Permission {
    /// As the API spells it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl Membership {
    /// As the API spells it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
        }
    }
}

impl Account {
    /// What a token stands for that was given to no account: a workflow, which may push.
    fn of_a_workflow() -> Self {
        Self { login: "github-actions[bot]".to_owned(), permission: Permission::Write }
    }

    /// A number that follows from the login.
    pub(super) fn id(login: &str) -> u64 {
        account_id::of(login)
    }

    /// As the API shows it.
    pub(super) fn json(login: &str) -> Value {
        let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
        let id = Self::id(login);
        json!({"login": login, "id": id, "node_id": format!("U_{id}"), "type": kind, "site_admin": false})
    }

    /// The address that its commits bear.
    pub(super) fn email(&self) -> String {
        format!("{}+{}@users.noreply.github.com", Self::id(&self.login), self.login)
    }
}

impl Accounts {
    pub(super) fn give(&mut self, token: &str, account: Account) {
        self.tokens.insert(token.to_owned(), account);
    }

    pub(super) fn join(&mut self, [organisation, team, login]: [&str; 3], membership: Membership) {
        self.members.insert([organisation, team, login].map(str::to_ascii_lowercase), membership);
    }

    /// Whose token an `Authorization` header carries.
    pub(super) fn of_header(&self, header: &str) -> Account {
        let token = header.split_once(' ').map_or(header, |(_, token)| token.trim());
        self.tokens.get(token).cloned().unwrap_or_else(Account::of_a_workflow)
    }

    /// What a login may do; everybody may read.
    pub(super) fn permission(&self, login: &str) -> Permission {
        let known = self.tokens.values().find(|account| account.login.eq_ignore_ascii_case(login));
        known.map_or(Permission::Read, |account| account.permission)
    }

    /// Whether anybody is in a team: there is no other sign of one here.
    pub(super) fn has_team(&self, [organisation, team]: [&str; 2]) -> bool {
        self.members
            .keys()
            .any(|[of, name, _]| of.eq_ignore_ascii_case(organisation) && name.eq_ignore_ascii_case(team))
    }

    /// Whether somebody is in a team.
    pub(super) fn membership(&self, at: [&str; 3]) -> Option<Membership> {
        self.members.get(&at.map(str::to_ascii_lowercase)).copied()
    }
}
