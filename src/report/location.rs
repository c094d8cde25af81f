//! Where in a file a finding points, and the source lines it is about.

/// Most source lines a snippet holds. A longer span is quoted by its first lines.
const MAX_LINES: u32 = 12;
/// Most characters of a line that a snippet holds.
const MAX_LINE: usize = 400;

/// A place in a file: a file alone, a line, a point or a span. Lines and columns count from 1, columns in Unicode
/// characters; a 0 counts as not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Location {
    /// Path of the file, relative to the repository or the release where that makes sense.
    pub file: String,
    /// First line, when known.
    pub line: Option<u32>,
    /// First column, when known.
    pub column: Option<u32>,
    /// Where the span ends, when it is known. Means nothing without a line.
    pub end: Option<End>,
    /// The source lines, for renderers that quote them.
    pub snippet: Option<Snippet>,
}

/// Where a span ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Last line of the span.
    pub line: u32,
    /// The column after the last character of the span, on that line. `None` is the end of the line.
    pub column: Option<u32>,
}

/// Whole source lines, without line ends between which `\n` does not stand. Untrusted: renderers escape it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// Number of the first line quoted.
    pub first_line: u32,
    /// The lines, separated by `\n`.
    pub text: String,
}

impl Location {
    /// A file as a whole.
    pub fn file(file: impl Into<String>) -> Self {
        Self { file: file.into(), ..Self::default() }
    }

    /// The same file, at a line and, where it is known, a column.
    #[must_use]
    pub fn on(mut self, line: u32, column: impl Into<Option<u32>>) -> Self {
        (self.line, self.column) = (Some(line), column.into());
        self
    }

    /// The same start, up to the column after the last character of the span.
    #[must_use]
    pub fn until(mut self, line: u32, column: impl Into<Option<u32>>) -> Self {
        self.end = Some(End { line, column: column.into() });
        self
    }

    /// Quotes the lines of the span from the text of its file. Nothing is quoted where there is no line, the text has no
    /// such line, or the span starts too far out on a very long one.
    #[must_use]
    pub fn quoting(mut self, source: &str) -> Self {
        self.snippet = self.snippet_of(source);
        self
    }

    fn snippet_of(&self, source: &str) -> Option<Snippet> {
        let first_line = self.line.filter(|line| *line > 0)?;
        let beyond = |column: u32| usize::try_from(column).map_or(true, |column| column > MAX_LINE);
        if self.column.is_some_and(beyond) {
            return None;
        }
        let last = self.end.map_or(first_line, |end| end.line.max(first_line));
        let count = (last - first_line).saturating_add(1).min(MAX_LINES);
        let skipped = usize::try_from(first_line - 1).ok()?;
        let lines: Vec<String> = source.lines().skip(skipped).take(usize::try_from(count).ok()?).map(cut).collect();
        (!lines.is_empty()).then(|| Snippet { first_line, text: lines.join("\n") })
    }
}

impl Snippet {
    /// The lines with their numbers.
    pub fn lines(&self) -> impl Iterator<Item = (u32, &str)> {
        (self.first_line..).zip(self.text.split('\n'))
    }
}

fn cut(line: &str) -> String {
    super::escape::cut(line, MAX_LINE).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "jobs:\n  build:\r\n    steps: [a, b]\n";

    fn quoted(location: Location) -> Option<(u32, String)> {
        location.quoting(SOURCE).snippet.map(|snippet| (snippet.first_line, snippet.text))
    }

    #[test]
    fn a_span_quotes_its_lines_without_their_ends() {
        let file = || Location::file("ci.yaml");
        assert_eq!(quoted(file().on(2, 3)), Some((2, "  build:".into())));
        assert_eq!(quoted(file().on(2, 3).until(3, 12)), Some((2, "  build:\n    steps: [a, b]".into())));
        assert_eq!(quoted(file().on(3, None).until(1, None)), Some((3, "    steps: [a, b]".into())));
    }

    #[test]
    fn nothing_is_quoted_where_there_is_no_such_line() {
        let file = || Location::file("ci.yaml");
        for location in [file(), file().on(0, 1), file().on(9, 1), file().on(u32::MAX, u32::MAX)] {
            assert_eq!(quoted(location), None);
        }
    }

    #[test]
    fn what_is_quoted_is_bounded() {
        let long = "x".repeat(10_000);
        let quoted = Location::file("a.json").on(1, 2).quoting(&long).snippet.map(|s| s.text.chars().count());
        assert_eq!(quoted, Some(MAX_LINE + 1));
        assert_eq!(Location::file("a.json").on(1, 9_000).quoting(&long).snippet, None);
        let many = "x\n".repeat(1000);
        let quoted = Location::file("a.json").on(1, 1).until(u32::MAX, 1).quoting(&many).snippet;
        assert_eq!(quoted.map(|s| s.lines().count()), Some(12));
    }
}
