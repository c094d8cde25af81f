//! The notes that GitHub makes up for a release: the changes since the release before it.

use std::collections::BTreeSet;

use super::{super::refusal::Refusal, Repository};
use crate::sandbox::git::Oid;

impl Repository {
    /// Title and notes for a tag: what came since `previous`, or since the newest release that leads to it.
    pub(in super::super) fn generated_notes(
        &self,
        tag: &str,
        target: Option<&str>,
        previous: Option<&str>,
    ) -> Result<(String, String), Refusal> {
        let head = self.commit(&format!("refs/tags/{tag}")).or_else(|| self.commit(target.unwrap_or(super::BRANCH)));
        let head = head.ok_or_else(|| Refusal::field("Release", "invalid", "target_commitish"))?;
        let base = match previous {
            Some(name) => {
                let base = self.commit(&format!("refs/tags/{name}"));
                Some((name, base.ok_or_else(|| Refusal::field("Release", "invalid", "previous_tag_name"))?))
            }
            None => self.release_before(tag, head),
        };
        let commits = base.map_or_else(|| self.objects.log(head), |(_, base)| self.objects.since(base, head));
        let web = format!("https://github.com/{}", self.full_name);
        let lines: Vec<String> = commits.iter().rev().filter_map(|id| self.change_line(*id, &web)).collect();
        let changes =
            if lines.is_empty() { String::new() } else { format!("## What's Changed\n{}\n\n", lines.join("\n")) };
        let range = base.map_or_else(|| format!("commits/{tag}"), |(base, _)| format!("compare/{base}...{tag}"));
        Ok((tag.to_owned(), format!("{changes}\n**Full Changelog**: {web}/{range}")))
    }

    /// The newest other release whose tag leads to this commit.
    fn release_before(&self, tag: &str, head: Oid) -> Option<(&str, Oid)> {
        let known: BTreeSet<Oid> = self.objects.ancestors(head);
        let published = self.releases.iter().filter(|release| !release.draft && release.tag != tag);
        let mut tagged = published.filter_map(|release| {
            let id = *self.refs.get(&format!("refs/tags/{}", release.tag))?;
            (id != head && known.contains(&id)).then_some((release.tag.as_str(), id))
        });
        tagged.next()
    }

    /// A line for a commit that came by a pull request, as GitHub squashes them: `title (#number)`.
    fn change_line(&self, id: Oid, web: &str) -> Option<String> {
        let commit = self.objects.commit(id)?;
        let title = commit.message.lines().next()?;
        let (title, number) = title.strip_suffix(')')?.rsplit_once(" (#")?;
        let number: u64 = number.parse().ok()?;
        let who = commit.author.email.split('@').next()?.rsplit('+').next()?;
        Some(format!("* {title} by @{who} in {web}/pull/{number}"))
    }
}
