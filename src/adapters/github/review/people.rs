//! Who is in a team, and as whom a token acts.

use serde::Deserialize;
use url::Url;

use super::excerpt;
use crate::{
    adapters::github::GitHub,
    error::{Error, Result, chain},
    policy::review::team::{Membership, Team},
};

#[derive(Deserialize)]
struct Named {
    slug: String,
}

#[derive(Deserialize)]
struct InTeam {
    state: String,
}

#[derive(Deserialize)]
struct Account {
    login: String,
}

impl GitHub {
    /// Whether a token may see a team: without that, a 404 for a member says nothing. `Err` says why not, in words.
    pub async fn sees(&self, team: &Team) -> Result<(), String> {
        let subject = format!("team {team}");
        let url = self.of_team(team, &[]).map_err(|error| chain(&error))?;
        match self.object::<Named>(&url, "a team", &subject).await {
            Ok(Some(found)) if found.slug.eq_ignore_ascii_case(team.slug()) => Ok(()),
            Ok(Some(found)) => Err(format!("GitHub answered with team `{}`, asked for {team}", excerpt(&found.slug))),
            Ok(None) => Err(format!("there is no team {team}, or the token may not see it (404)")),
            Err(error) => Err(chain(&error)),
        }
    }

    /// Whether an account is in a team that the token sees.
    pub async fn membership(&self, team: &Team, login: &str) -> Membership {
        let subject = format!("whether @{} is in team {team}", excerpt(login));
        let url = match self.of_team(team, &["memberships", login]) {
            Ok(url) => url,
            Err(error) => return Membership::Unreadable(chain(&error)),
        };
        match self.object::<InTeam>(&url, "a membership", &subject).await {
            Ok(Some(found)) if found.state == "active" => Membership::Member,
            Ok(Some(_) | None) => Membership::Outside,
            Err(error) => Membership::Unreadable(chain(&error)),
        }
    }

    /// The account of the token; `None` for a workflow's or an app's, which may not ask.
    ///
    /// # Errors
    /// Remote: every failure of the API but that.
    pub(super) async fn account(&self) -> Result<Option<String>> {
        let url = self.at(&["user"])?;
        let (status, body) = self.http.exchange(&url, None, "the token's account").await?;
        match status.as_u16() {
            200 => {
                let found: Account = serde_json::from_slice(&body)
                    .map_err(|e| Error::remote("GitHub sent no account, asked for the token's").because(e))?;
                Ok(Some(found.login))
            }
            403 | 404 => Ok(None),
            code => Err(Error::remote(format!("GitHub answered {code}, asked for the token's account"))),
        }
    }

    fn of_team(&self, team: &Team, more: &[&str]) -> Result<Url> {
        self.at(&[&["orgs", team.organisation(), "teams", team.slug()], more].concat())
    }

    /// An address below the API's own, each segment percent-encoded.
    fn at(&self, segments: &[&str]) -> Result<Url> {
        if let Some(bad) = segments.iter().find(|s| matches!(**s, "" | "." | "..") || s.contains(char::is_control)) {
            return Err(Error::remote(format!("`{}` cannot be a name on GitHub", excerpt(bad))));
        }
        let mut url = self.http.base().clone();
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut()
            .map_err(|()| Error::usage("the API's URL must be one that has a path"))?
            .pop_if_empty()
            .extend(segments);
        Ok(url)
    }
}
