//! `explain`: what a check demands, why, and what to do when it fails, from the page that documents all of them.

use crate::{
    error::{Error, Result},
    product::Product,
    text::distance,
};

/// The page, as it is in the repository: the one place where checks are explained.
const PAGE: &str = include_str!("../../docs/checks.md");
/// What a section starts with, before the id of its check.
const HEADING: &str = "## ";

/// The section of a check, or all ids, one a line, in the order of the page.
///
/// # Errors
/// Usage: no check has that id; the advice names the nearest one.
pub(super) fn run(check: Option<&str>) -> Result<Product> {
    let Some(check) = check else {
        return Ok(Product::bytes(ids().map(|id| format!("{id}\n")).collect::<String>()));
    };
    let section = sections().find(|section| id_of(section) == check).ok_or_else(|| unknown(check))?;
    Ok(Product::bytes(format!("{}\n", section.trim_end())))
}

fn unknown(check: &str) -> Error {
    let nearest = ids().min_by_key(|id| distance(&check.to_lowercase(), id)).unwrap_or_default();
    let error = Error::usage(format!("there is no check `{}`", crate::schema::excerpt::excerpt(check)));
    error.help(format!("the nearest is `{nearest}`; `merotee explain` lists all of them"))
}

/// The ids of all checks, in the order of the page.
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    sections().map(id_of)
}

/// The sections of the page, each from its heading to the next.
fn sections() -> impl Iterator<Item = &'static str> {
    let starts = PAGE.match_indices(HEADING).map(|(at, _)| at).filter(|at| {
        // Only at the start of a line, and not the end of a deeper heading's mark.
        at.checked_sub(1).and_then(|before| PAGE.get(before..*at)) == Some("\n")
    });
    let starts: Vec<usize> = starts.collect();
    let ends = starts.iter().skip(1).copied().chain([PAGE.len()]).collect::<Vec<_>>();
    starts.into_iter().zip(ends).filter_map(|(start, end)| PAGE.get(start..end))
}

fn id_of(section: &'static str) -> &'static str {
    section.strip_prefix(HEADING).and_then(|rest| rest.lines().next()).unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_has_an_id_and_ends_before_the_next() {
        let ids: Vec<&str> = ids().collect();
        assert!(ids.len() > 50 && ids.contains(&"checksum"), "{ids:?}");
        assert!(sections().all(|section| section.matches("\n## ").count() == 0));
    }
}
