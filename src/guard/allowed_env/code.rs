//! Code that is not a POSIX shell: JavaScript, Python, PowerShell, batch files and whatever else a step runs.
//!
//! No language is parsed. Each whole-word occurrence of a forbidden name is judged by the characters around it: an
//! assignment, a call that sets a variable, an entry of a mapping or a line that is written counts; a comparison, a search,
//! a message and a comment do not. Where that is not clear it counts.

use super::{
    hit::{Hit, How},
    name::{self, Occurrence},
};

/// Calls whose argument is the name of a variable that they set, in lower case.
const SETTERS: [&str; 13] = [
    "exportvariable(",
    "putenv(",
    "setenv(",
    "setdefault(",
    "setenvironmentvariable(",
    "environ.update(",
    "setvariable(",
    "addvariable(",
    "set-item",
    "new-item",
    "set-content",
    "setx",
    "env.set(",
];
/// What searches, compares or says something, in lower case.
const READERS: [&str; 39] = [
    "includes(",
    "startswith(",
    "endswith(",
    "indexof(",
    "match(",
    "test(",
    "search(",
    "findall(",
    "select-string",
    "-match",
    "-like",
    "-contains",
    "-notmatch",
    "-eq",
    "-ne",
    "assert",
    "console.",
    "print(",
    "print ",
    "core.info(",
    "core.warning(",
    "core.error(",
    "core.debug(",
    "core.setfailed(",
    "core.notice(",
    "throw ",
    "raise ",
    "write-host",
    "write-error",
    "write-warning",
    "write-output",
    "write-verbose",
    "grep",
    "replace(",
    "split(",
    "getenv(",
    ".get(",
    "delete ",
    "findstr",
];
/// What keeps a line that is printed.
const KEEPERS: [&str; 12] = [
    ">>",
    "out-file",
    "add-content",
    "set-content",
    "file=",
    "appendfile",
    "writefile",
    "tee-object",
    ".write(",
    "writelines(",
    "write_text(",
    "github_env",
];

/// What code sets. Ranges are bytes of `text`.
pub(super) fn hits(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    for found in name::occurrences(text) {
        if let Some(how) = judged(text, &found) {
            hits.push(Hit::new(found.name, found.kind, found.start, found.end, how));
        }
    }
    hits
}

fn judged(text: &str, found: &Occurrence<'_>) -> Option<How> {
    let before = text.get(..found.start).unwrap_or_default();
    let before = before.rsplit('\n').next().unwrap_or_default();
    let after = text.get(found.end..).unwrap_or_default();
    let line_after = after.split('\n').next().unwrap_or_default();
    if is_comment(before) {
        return None;
    }
    let lower = before.to_ascii_lowercase();
    let close = lower.trim_end_matches(['"', '\'', '`', '{', '[', ' ', ':', '$', '(']);
    let call = lower.trim_end_matches(['"', '\'', '`', '{', '[', ' ']);
    if SETTERS.iter().any(|setter| call.ends_with(setter)) {
        return Some(How::Assignment);
    }
    if close.ends_with("env") && SETTERS.iter().any(|setter| lower.contains(setter)) {
        return Some(How::Assignment);
    }
    let kept = KEEPERS.iter().any(|keeper| lower.contains(keeper) || line_after.to_ascii_lowercase().contains(keeper));
    let read = READERS.iter().any(|reader| lower.contains(reader)) && !kept;
    let tail = line_after.trim_start_matches(['"', '\'', '`', ']', ')', '}']).trim_start();
    let quoted = line_after.starts_with("<<") || (kept && line_after.starts_with('='));
    let value = tail.strip_prefix('=').filter(|value| !value.starts_with(['=', '~', '>'])).or_else(|| {
        // An entry of a mapping; `::` and `?:` are none.
        tail.strip_prefix(':').filter(|value| !value.starts_with(':') && !value.starts_with('='))
    });
    let sets = value.is_some_and(|value| {
        let value = value.trim().trim_end_matches([',', ';', '}', ')', ' ']);
        !found.kind.is_harmless(value)
    });
    if kept && (quoted || sets) {
        return Some(How::Written);
    }
    (sets && !read).then_some(How::Assignment)
}

/// Whether a line's beginning makes the rest of it a comment.
fn is_comment(before: &str) -> bool {
    let line = before.trim_start();
    let lower = line.get(..4).unwrap_or(line).to_ascii_lowercase();
    if line.starts_with('#') || line.starts_with("//") || line.starts_with('*') || line.starts_with("/*") {
        return true;
    }
    if lower.starts_with("rem ") || line.starts_with("::") {
        return true;
    }
    // A mark outside quotes: an even number of each quote stands in front of it.
    [" #", " //"].iter().any(|mark| {
        before.match_indices(mark).any(|(at, _)| {
            let front = before.get(..at).unwrap_or_default();
            ['"', '\'', '`'].iter().all(|quote| front.matches(*quote).count() % 2 == 0)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sets_a_variable_is_seen_in_every_language() {
        for text in [
            "core.exportVariable('ALLOWED_MRTD', x)",
            "process.env.ALLOWED_MRTD = 'x'",
            "process.env['ALLOWED_MRTD'] = 'x'",
            "exec('kms', [], { env: { ALLOWED_MRTD: 'x' } })",
            "fs.appendFileSync(process.env.GITHUB_ENV, `ALLOWED_MRTD=${x}\\n`)",
            "os.environ[\"ALLOWED_MRTD\"] = x",
            "os.environ.setdefault('ALLOWED_MRTD', x)",
            "os.environ.update({'ALLOWED_MRTD': x})",
            "os.putenv('ALLOWED_MRTD', x)",
            "env = dict(os.environ, ALLOWED_MRTD=x)",
            "print(f'ALLOWED_MRTD={x}', file=f)",
            "f.write('ALLOWED_MRTD<<EOF\\n')",
            "$env:ALLOWED_MRTD = 'x'",
            "${env:ALLOWED_MRTD} = 'x'",
            "Add-Content -Path $env:GITHUB_ENV -Value \"ALLOWED_MRTD=x\"",
            "\"ALLOWED_MRTD=x\" | Out-File $env:GITHUB_ENV -Append",
            "Set-Item -Path Env:ALLOWED_MRTD -Value x",
            "[Environment]::SetEnvironmentVariable(\"ALLOWED_MRTD\", 'x')",
            "set ALLOWED_MRTD=x",
            "setx ALLOWED_MRTD x",
            "process.env.ENFORCE_MEASUREMENT_POLICY = 'false'",
        ] {
            let at = text.find("ALLOWED").or_else(|| text.find("ENFORCE"));
            assert_eq!(hits(text).first().map(|hit| hit.start), at, "{text}");
        }
    }

    #[test]
    fn what_only_reads_or_says_something_is_not() {
        for text in [
            "if (process.env.ALLOWED_MRTD) { throw new Error('x') }",
            "if (body.includes('ALLOWED_MRTD=')) core.setFailed('ALLOWED_MRTD= must not be set')",
            "assert 'ALLOWED_MRTD' not in os.environ",
            "x = os.environ.get('ALLOWED_MRTD')",
            "// process.env.ALLOWED_MRTD = 'x'",
            "x = 1  # ALLOWED_MRTD = 2",
            "if ($env:ALLOWED_MRTD -eq 'x') { exit 1 }",
            "delete process.env.ALLOWED_MRTD",
            "process.env.ENFORCE_MEASUREMENT_POLICY = 'true'",
            "if process.env.ALLOWED_MRTD === 'x'",
            "print('ALLOWED_MRTD=x is forbidden')",
        ] {
            assert_eq!(hits(text), [], "{text}");
        }
    }
}
