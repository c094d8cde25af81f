//! Whose approval counts. Of each account the last verdict counts, on the newest commit alone, and only of members of the
//! team who have no part in the pull request: neither did they open it nor is a commit theirs.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{
    APPROVALS, Case,
    pull::{PullRequest, Review, ReviewVerdict, short},
    team::{Membership, Team},
};
use crate::{report::Finding, schema::excerpt::excerpt, text::listed};

/// Most accounts whose membership is asked for. A public repository lets anyone review.
pub const MAX_ASKED: usize = 100;

/// What to do where memberships cannot be read.
pub(super) const RIGHTS: &str = "give a token that may read the organisation's members in MEROTEE_TEAM_TOKEN: `read:org`, or \
                                 `Members: read` of an app or a fine-grained token; a workflow's own token may not";

/// Whether a demand for approvals is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// By these accounts.
    Enough(Vec<String>),
    /// It is not: so many were found.
    TooFew(usize),
    /// It cannot be said: why not.
    Unknown(String),
}

/// Whether an approval counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Counts {
    /// It does.
    Yes,
    /// It does not: why not.
    No(String),
    /// It cannot be said: why not.
    Unknown(String),
}

/// The last verdict of each account, in the order of the accounts' names.
pub(super) fn latest(pull: &PullRequest) -> Vec<(&str, &Review)> {
    let mut said: Vec<&Review> = pull.reviews.iter().filter(|review| decides(review.verdict)).collect();
    said.sort_by_key(|review| Reverse((review.at, review.id)));
    let mut by_account: BTreeMap<String, (&str, &Review)> = BTreeMap::new();
    for review in said {
        if let Some(author) = &review.author {
            by_account.entry(author.to_ascii_lowercase()).or_insert((author, review));
        }
    }
    by_account.into_values().collect()
}

/// Whether a review takes the place of the one before it.
fn decides(verdict: ReviewVerdict) -> bool {
    match verdict {
        ReviewVerdict::Approved | ReviewVerdict::ChangesRequested | ReviewVerdict::Dismissed => true,
        ReviewVerdict::Commented | ReviewVerdict::Pending => false,
    }
}

/// Accounts whose membership matters.
pub fn asked(pull: &PullRequest) -> Vec<&str> {
    let matters = |review: &Review| match review.verdict {
        ReviewVerdict::Approved => review.commit.as_deref() == Some(pull.head.commit.as_str()),
        ReviewVerdict::ChangesRequested => true,
        ReviewVerdict::Dismissed | ReviewVerdict::Commented | ReviewVerdict::Pending => false,
    };
    let all = latest(pull).into_iter().filter(|(_, review)| matters(review));
    all.map(|(login, _)| login).take(MAX_ASKED).collect()
}

/// Whether an approval counts for `team`.
pub(super) fn counts(case: &Case, team: &Team, login: &str, review: &Review) -> Counts {
    let pull = &case.pull;
    let is = |id: u64| review.author_id == Some(id);
    if pull.author.as_deref().is_some_and(|author| author.eq_ignore_ascii_case(login)) || pull.author_id.is_some_and(is)
    {
        return Counts::No("opened the pull request: no one approves what is their own".to_owned());
    }
    match review.commit.as_deref() {
        Some(commit) if commit == pull.head.commit => {}
        Some(commit) => {
            let (then, now) = (short(commit), short(&pull.head.commit));
            return Counts::No(format!("approved {then}, and the newest commit is {now}: approve again"));
        }
        None => return Counts::No("approved a commit that is gone: approve again".to_owned()),
    }
    let Some(commits) = &pull.commits else {
        return Counts::Unknown("it has more commits than GitHub lists, so their authors are not known".to_owned());
    };
    let theirs = |account: &String| account.eq_ignore_ascii_case(login);
    if let Some(commit) =
        commits.iter().find(|commit| commit.accounts.iter().any(theirs) || commit.account_ids.iter().any(|id| is(*id)))
    {
        return Counts::No(format!("is an author of commit {}: no one approves what is their own", short(&commit.id)));
    }
    match case.members.of(team, login) {
        Membership::Member => Counts::Yes,
        Membership::Outside => Counts::No(format!("is not a member of {team}")),
        Membership::Unreadable(why) => Counts::Unknown(format!("the members of {team} cannot be read: {why}")),
    }
}

/// Approvals by a team: accounts that count, and why it is not known of others.
fn approvals<'a>(case: &'a Case, team: &Team) -> (Vec<&'a str>, Vec<String>) {
    let (mut counting, mut unknown) = (Vec::new(), Vec::new());
    for (login, review) in latest(&case.pull).into_iter().filter(|(_, r)| r.verdict == ReviewVerdict::Approved) {
        match counts(case, team, login, review) {
            Counts::Yes => counting.push(login),
            Counts::No(_) => {}
            Counts::Unknown(why) => unknown.push(why),
        }
    }
    (counting, unknown)
}

/// Whether the security team has approved.
pub(super) fn security(case: &Case) -> Standing {
    let (counting, unknown) = approvals(case, &case.security);
    let demanded = case.demands.approvals;
    match unknown.first() {
        _ if counting.len() >= demanded => Standing::Enough(counting.into_iter().map(mention).collect()),
        Some(why) if counting.len() + unknown.len() >= demanded => Standing::Unknown(why.clone()),
        Some(_) | None => Standing::TooFew(counting.len()),
    }
}

/// Whether the architecture team has approved, as well as the security team: who is in both counts for one of them.
pub(super) fn architecture(case: &Case) -> Standing {
    let (of_security, _) = approvals(case, &case.security);
    let (counting, unknown) = approvals(case, &case.architecture);
    let spare = of_security.len() > case.demands.approvals;
    let found = counting.iter().find(|login| spare || !of_security.contains(login));
    match (found, unknown.first()) {
        (Some(login), _) => Standing::Enough(vec![mention(login)]),
        (None, Some(why)) => Standing::Unknown(why.clone()),
        (None, None) => Standing::TooFew(0),
    }
}

/// An account as people write it, cut short.
pub(super) fn mention(login: &str) -> String {
    format!("@{}", excerpt(login))
}

/// [`APPROVALS`]: enough members of the security team approved the newest commit, and none of them objects.
pub(super) fn findings(case: &Case) -> Vec<Finding> {
    let (team, demanded) = (&case.security, case.demands.approvals);
    let mut findings = Vec::new();
    for (login, review) in latest(&case.pull) {
        let who = mention(login);
        match review.verdict {
            ReviewVerdict::Approved => match counts(case, team, login, review) {
                Counts::Yes => {
                    let at = review.at.map(|at| format!(" at {at}")).unwrap_or_default();
                    findings.push(APPROVALS.pass(who, format!("approved {}{at}", short(&case.pull.head.commit))));
                }
                Counts::No(why) => findings.push(APPROVALS.warn(who, format!("the approval does not count: {why}"))),
                Counts::Unknown(why) => {
                    findings.push(APPROVALS.warn(who, format!("the approval may not count: {why}")))
                }
            },
            ReviewVerdict::ChangesRequested => findings.push(objection(case, login, who)),
            ReviewVerdict::Dismissed => {
                findings.push(APPROVALS.warn(who, "the review was dismissed and does not count"))
            }
            ReviewVerdict::Commented | ReviewVerdict::Pending => {}
        }
    }
    let head = short(&case.pull.head.commit);
    findings.push(match security(case) {
        Standing::Enough(who) => APPROVALS.pass("", format!("{} of {team} approved {head}", listed(&who))),
        Standing::Unknown(why) => APPROVALS.undecided("", why).help(RIGHTS),
        Standing::TooFew(count) => APPROVALS
            .missing("", format!("{team} has not approved {head}"))
            .compared(crate::text::counted(demanded, "approval", "approvals"), count.to_string())
            .help("members who have no part in it approve the newest commit, after a look at each value"),
    });
    findings
}

/// Somebody wants changes: a member's word stands until they take it back.
fn objection(case: &Case, login: &str, who: String) -> Finding {
    let mut teams = vec![&case.security];
    if case.change.is_structural() {
        teams.push(&case.architecture);
    }
    let memberships: Vec<Membership> = teams.iter().map(|team| case.members.of(team, login)).collect();
    if memberships.contains(&Membership::Member) {
        let help = "settle it with them: their word stands until they approve or dismiss it";
        return APPROVALS.fail(who, "asks for changes").help(help);
    }
    let unreadable = memberships.into_iter().find_map(|membership| match membership {
        Membership::Unreadable(why) => Some(why),
        Membership::Member | Membership::Outside => None,
    });
    match unreadable {
        Some(why) => APPROVALS
            .undecided(who, format!("asks for changes, and may be a member of {}: {why}", case.security))
            .help(RIGHTS),
        None => APPROVALS.warn(who, format!("asks for changes, and is not a member of {}", case.security)),
    }
}
