//! Sections of release notes that people write ahead of a release, to stand where no history and no document can tell.

use super::{
    check::words,
    markdown::{GAP, Line, lines},
    sections::{SECTIONS, Section, Topic},
};

/// What people wrote, by what it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Supplied(Vec<(Topic, String)>);

/// Why a text is not such sections.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It says something that is in no section.
    #[error("line {0} stands before the first heading")]
    Headless(usize),
    /// A heading of the top levels that notes have no section for.
    #[error("line {line}: release notes have no section `{title}`")]
    Unknown {
        /// Counted from 1.
        line: usize,
        /// The heading.
        title: String,
    },
    /// Two sections about one thing.
    #[error("line {line}: a second section `{title}`")]
    Twice {
        /// Counted from 1.
        line: usize,
        /// The heading.
        title: String,
    },
}

impl Supplied {
    /// Reads Markdown of headings like `## Upgrade path`, with text below each.
    ///
    /// # Errors
    /// What is not in a section that notes have would be lost.
    pub fn read(text: &str) -> Result<Self, Misfit> {
        let mut sections: Vec<(Topic, String)> = Vec::new();
        for (number, raw) in (1..).zip(text.lines()) {
            if let Some(title) = heading(raw).filter(|_| !in_a_fence(text, number)) {
                let line = number;
                let known = SECTIONS.iter().find(|section| section.accepted.contains(&words(&title).as_str()));
                let topic = known.ok_or_else(|| Misfit::Unknown { line, title: title.clone() })?.topic;
                if sections.iter().any(|(other, _)| *other == topic) {
                    return Err(Misfit::Twice { line, title });
                }
                sections.push((topic, String::new()));
            } else if let Some((_, body)) = sections.last_mut() {
                body.push_str(raw);
                body.push('\n');
            } else if !raw.trim().is_empty() {
                return Err(Misfit::Headless(number));
            }
        }
        for (_, body) in &mut sections {
            *body = format!("{}\n", body.trim_matches('\n'));
        }
        Ok(Self(sections))
    }

    /// Generated notes with what was written: in place of the gap of that section, else below what the section says, else
    /// in a section of its own at the end. An empty section fills nothing.
    pub fn fill(&self, notes: &str) -> String {
        SECTIONS.iter().fold(notes.to_owned(), |notes, section| match self.of(section.topic) {
            Some(written) => filled(&notes, section, written),
            None => notes,
        })
    }

    /// What was written of a topic; `None` where nothing was.
    fn of(&self, topic: Topic) -> Option<&str> {
        let written = self.0.iter().find(|(other, _)| *other == topic).map(|(_, body)| body.as_str());
        written.filter(|body| !body.trim().is_empty())
    }
}

fn filled(notes: &str, section: &Section, written: &str) -> String {
    let gap = format!("{GAP}{} -->\n", section.topic.name());
    // The line below the mark says what is to be written there.
    if let Some((before, (_, after))) =
        notes.split_once(&gap).and_then(|(before, after)| Some((before, after.split_once('\n')?)))
    {
        return format!("{before}{written}{after}");
    }
    let heading = format!("\n## {}\n", section.heading);
    let Some((before, body)) = notes.split_once(&heading) else {
        return format!("{notes}{heading}\n{written}");
    };
    match body.split_once("\n## ") {
        Some((body, after)) => format!("{before}{heading}{body}\n{written}\n## {after}"),
        None => format!("{before}{heading}{body}\n{written}"),
    }
}

/// The title of a heading of the first or second level. A deeper one is part of its section.
fn heading(raw: &str) -> Option<String> {
    match lines(raw).as_slice() {
        [Line::Heading(1 | 2, title)] => Some(title.clone()),
        _ => None,
    }
}

/// Whether a line, counted from 1, is code.
fn in_a_fence(text: &str, number: usize) -> bool {
    let before: String = text.lines().take(number).map(|line| format!("{line}\n")).collect();
    matches!(lines(&before).last(), Some(Line::Code(_)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn each_section_is_found_by_its_heading_and_keeps_its_text() {
        let text =
            "# Upgrade\n\nRestart.\n\n### With care\n\n```sh\n# not a heading\n```\n\n## Breaking changes\nNone.\n";
        let read = Supplied::read(text).unwrap();
        assert_eq!(
            read.of(Topic::Upgrade),
            Some("Restart.\n\n### With care\n\n```sh\n# not a heading\n```\n"),
            "deeper headings and code are part of it"
        );
        assert_eq!(read.of(Topic::Breaking), Some("None.\n"));
        assert_eq!(read.of(Topic::Rollback), None);
    }

    #[test]
    fn what_was_written_fills_the_gap_or_follows_what_is_there_or_stands_at_the_end() {
        let notes = "# t\n\n## Breaking changes\n\n<!-- merotee:gap breaking-changes -->\n**TODO:** tell what.\n\n\
                     ## Changelog\n\n- one\n\n## Upgrade path\n\nRestart.\n";
        let fill = |text: &str| Supplied::read(text).unwrap().fill(notes);
        assert_eq!(
            fill("## Breaking changes\n\nNone.\n"),
            "# t\n\n## Breaking changes\n\nNone.\n\n## Changelog\n\n- one\n\n## Upgrade path\n\nRestart.\n"
        );
        assert!(fill("## Changelog\n\n- two\n").contains("\n- one\n\n- two\n\n## Upgrade path\n"));
        assert!(fill("## Upgrade\n\nAnd wait.\n").ends_with("Restart.\n\nAnd wait.\n"));
        assert!(
            fill("## Rollback\n\nDeploy it again.\n").ends_with("\n\n## Rollback instructions\n\nDeploy it again.\n")
        );
        assert_eq!(fill("## Rollback\n\n"), notes);
    }

    #[test]
    fn nothing_that_was_written_is_lost() {
        let title = |title: &str| title.to_owned();
        for (text, misfit) in [
            ("hello\n", Misfit::Headless(1)),
            ("## Upgrade\nx\n## Thanks\ny\n", Misfit::Unknown { line: 3, title: title("Thanks") }),
            ("## Upgrade\nx\n\n## Migration\ny\n", Misfit::Twice { line: 4, title: title("Migration") }),
        ] {
            assert_eq!(Supplied::read(text), Err(misfit), "{text}");
        }
        assert_eq!(Supplied::read("\n\n").unwrap(), Supplied::default());
        assert_eq!(Supplied::read("## Upgrade\n\n").unwrap().of(Topic::Upgrade), None, "an empty one fills nothing");
    }
}
