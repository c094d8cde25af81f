//! Where findings stand in local files: path, line and column, for annotations, editors and code scanning. What is found is
//! decided elsewhere, and where a finding names no local file nothing is added.

use std::path::{Component, Path, PathBuf};

use crate::{
    adapters::file,
    report::{Finding, Location, Report, Status},
    schema::{MAX_JSON_BYTES, position::position},
};

/// Findings on assets of a release that lies in `folder`. Paths are shown relative to `here` where they lie in it.
pub(super) fn in_folder(findings: &mut [Finding], folder: &Path, here: &Path) {
    locate(findings, here, |name| {
        // An asset's name is not a path: what is in it leads nowhere else.
        (Path::new(name).file_name()? == name).then(|| folder.join(name))
    });
}

/// Findings on assets of a release that lies elsewhere: their places are in the release, whichever finding is about them.
pub(super) fn in_release(findings: &mut [Finding], release: &str) {
    for location in findings.iter_mut().filter_map(|finding| finding.location.as_mut()) {
        location.file = format!("{release}/{}", location.file);
    }
}

/// Findings of a command whose subjects are paths, as the caller gave them.
pub(super) fn by_path(report: &mut Report, here: &Path) {
    let findings = report.sections.iter_mut().flat_map(|section| &mut section.findings);
    locate(findings, here, |name| Some(PathBuf::from(name)));
}

fn locate<'f>(
    findings: impl IntoIterator<Item = &'f mut Finding>,
    here: &Path,
    path_of: impl Fn(&str) -> Option<PathBuf>,
) {
    let mut text = Text::default();
    for finding in findings {
        if matches!(finding.status, Status::Pass | Status::Skipped) {
            continue;
        }
        let stated = finding.location.take();
        let named = stated.as_ref().map_or(finding.subject.as_str(), |location| &location.file);
        let Some(path) = path_of(named).filter(|path| path.is_file()) else {
            finding.location = stated;
            continue;
        };
        let (end, snippet) = stated.as_ref().map_or((None, None), |stated| (stated.end, stated.snippet.clone()));
        let known = stated.and_then(|location| Some((location.line?, location.column)));
        let found = || {
            let (line, column) = position(text.of(&path), finding.within.as_deref()?)?;
            Some((line, Some(column)))
        };
        let (line, column) = known.or_else(found).map_or((None, None), |(line, column)| (Some(line), column));
        let within = path.strip_prefix(here).ok().filter(|rest| !rest.components().any(|c| c == Component::ParentDir));
        let shown = within.unwrap_or(&path);
        finding.location = Some(Location { file: shown.display().to_string(), line, column, end, snippet });
    }
}

/// The file read last: findings of one file stand together.
#[derive(Default)]
struct Text {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Text {
    fn of(&mut self, path: &Path) -> &[u8] {
        if self.path != path {
            self.path = path.to_owned();
            // What cannot be read again has no line.
            self.bytes = file::read_bounded(path, MAX_JSON_BYTES as u64).unwrap_or_default();
        }
        &self.bytes
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::schema::SCHEMA;

    #[test]
    fn a_finding_on_a_local_file_gets_path_line_and_column_and_others_get_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, "{\n  \"x\": [1, 2]\n}\n").unwrap();
        let stated = Location::file("a.json").on(7, None);
        let mut findings = vec![
            SCHEMA.fail("a.json", "by place").within("/x/1"),
            SCHEMA.warn("a.json", "as a whole"),
            SCHEMA.fail("a.json", "line stated").at(stated.clone()).within("/x/1"),
            SCHEMA.pass("a.json", ""),
            SCHEMA.fail("b.json", "not there"),
            SCHEMA.fail("../a.json", "no name of an asset"),
            SCHEMA.fail("", "the whole subject"),
        ];
        in_folder(&mut findings, folder.path(), folder.path());
        let at = |line, column| Some(Location { line, column, ..Location::file("a.json") });
        let located: Vec<_> = findings.into_iter().map(|finding| finding.location).collect();
        assert_eq!(located, [at(Some(2), Some(12)), at(None, None), at(Some(7), None), None, None, None, None]);
    }
}
