//! The report formats a caller may ask for, and the one way from a name to a renderer.
//!
//! Not responsible for command-line parsing or for where the output goes.

use std::{
    fmt,
    io::{self, Write},
    str::FromStr,
};

use super::{Report, html, human, json, markdown, sarif};

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// Lines for a terminal or a log.
    #[default]
    Human,
    /// Versioned JSON, described by `schemas/report.schema.json`.
    Json,
    /// SARIF 2.1.0, for code scanning and editors.
    Sarif,
    /// GitHub-flavoured Markdown.
    Markdown,
    /// One self-contained page.
    Html,
}

impl Format {
    /// Every format, in the order help texts list them.
    pub const ALL: [Self; 5] = [Self::Human, Self::Json, Self::Sarif, Self::Markdown, Self::Html];

    /// The name a caller writes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Markdown => "markdown",
            Self::Html => "html",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no report format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown report format, expected one of human, json, sarif, markdown, html")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or(UnknownFormat)
    }
}

/// How the human report is laid out. The other formats do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether tags and verdicts are coloured with ANSI escapes.
    pub color: bool,
    /// Columns to wrap at. [`usize::MAX`] keeps every finding on one line.
    pub width: usize,
    /// Whether each pass gets a line. Otherwise the passes of one check share one, with their number.
    pub every_pass: bool,
}

/// For files, pipes and logs: no colour, no line wrapped.
impl Default for Style {
    fn default() -> Self {
        Self { color: false, width: usize::MAX, every_pass: false }
    }
}

/// Writes `report` in `format`.
///
/// # Errors
/// Only what `w` returns.
pub fn render(format: Format, report: &Report, style: &Style, w: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Human => human::render(report, style, w),
        Format::Json => json::render(report, w),
        Format::Sarif => sarif::render(report, w),
        Format::Markdown => markdown::render(report, w),
        Format::Html => html::render(report, w),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_reads_back_from_its_name() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
            assert!(UnknownFormat.to_string().contains(format.name()), "the error lists {format}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused() {
        assert_eq!("HUMAN".parse::<Format>(), Err(UnknownFormat));
        assert_eq!("".parse::<Format>(), Err(UnknownFormat));
    }
}
