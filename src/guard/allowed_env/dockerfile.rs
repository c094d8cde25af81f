//! Dockerfiles: `ENV`, `ARG`, and the scripts of `RUN`, `CMD` and `ENTRYPOINT`.

use super::{
    hit::{Hit, How},
    line::{self, Colon, Lead},
    name, shell,
};

/// How many here-documents without an end are looked for.
const MAX_ENDLESS: usize = 16;

/// What a Dockerfile sets. Ranges are bytes of `text`.
pub(super) fn hits(text: &str) -> Vec<Hit> {
    let escape = escape_of(text);
    let mut hits = Vec::new();
    let mut lines = Lines { text, at: 0, escape, endless: 0 };
    while let Some((start, statement)) = lines.next() {
        let (keyword, rest_at) = keyword(statement);
        let rest = statement.get(rest_at..).unwrap_or_default();
        let (keyword, rest_at, rest) = if keyword.eq_ignore_ascii_case("ONBUILD") {
            let (inner, at) = self::keyword(rest);
            (inner, rest_at + at, rest.get(at..).unwrap_or_default())
        } else {
            (keyword, rest_at, rest)
        };
        let at = start + rest_at;
        let is = |name: &str| keyword.eq_ignore_ascii_case(name);
        if is("ENV") {
            hits.extend(pairs(rest, escape, true).into_iter().map(|hit| hit.moved(at)));
        } else if is("ARG") {
            hits.extend(pairs(rest, escape, false).into_iter().map(|hit| hit.moved(at)));
        } else if is("COPY") || is("ADD") {
            let files = lines.with_documents(at, rest).get(rest.len()..).unwrap_or_default();
            let found = line::written(files, Colon::Counts, How::Written);
            hits.extend(found.into_iter().map(|hit| hit.moved(at + rest.len())));
        } else if is("RUN") || is("CMD") || is("ENTRYPOINT") || is("SHELL") || is("HEALTHCHECK") {
            // The lines of a here-document belong to the statement.
            let script = lines.with_documents(at, rest);
            if rest.trim_start().starts_with('[') {
                hits.extend(words(rest).into_iter().map(|hit| hit.moved(at)));
            } else {
                hits.extend(shell::hits(script).into_iter().map(|hit| hit.moved(at)));
            }
        }
    }
    hits
}

/// `# escape=` at the top, in front of which only other directives may stand.
fn escape_of(text: &str) -> char {
    let directives = text.lines().map_while(|line| line.trim().strip_prefix('#')?.split_once('='));
    let mut named =
        directives.take_while(|(name, _)| !name.trim().is_empty() && name.trim().chars().all(name::is_word));
    let escape = named.find(|(name, _)| name.trim().eq_ignore_ascii_case("escape"));
    if escape.is_some_and(|(_, value)| value.trim() == "`") { '`' } else { '\\' }
}

struct Lines<'t> {
    text: &'t str,
    at: usize,
    escape: char,
    /// How many here-documents had no end.
    endless: usize,
}

impl<'t> Lines<'t> {
    fn line(&self, at: usize) -> &'t str {
        self.text.get(at..).unwrap_or_default().split_inclusive('\n').next().unwrap_or_default()
    }

    /// The next statement, with the lines that continue it, and where it begins.
    fn next(&mut self) -> Option<(usize, &'t str)> {
        loop {
            let line = self.line(self.at);
            if line.is_empty() {
                return None;
            }
            if !is_comment(line) {
                break;
            }
            self.at += line.len();
        }
        let start = self.at;
        loop {
            let line = self.line(self.at);
            self.at += line.len();
            // Comments and empty lines between continued ones do not end the statement.
            let continues =
                line.trim_end().ends_with(self.escape) || (self.at > start + line.len() && is_comment(line));
            if line.is_empty() || !continues {
                break;
            }
        }
        Some((start, self.text.get(start..self.at).unwrap_or_default()))
    }

    /// The statement that begins at `at`, with the lines of its here-documents, which are then behind us.
    fn with_documents(&mut self, at: usize, rest: &'t str) -> &'t str {
        for (mark, _) in rest.match_indices("<<") {
            let behind = rest.get(mark + 2..).unwrap_or_default().trim_start_matches(['-', '"', '\'']);
            let delimiter: String = behind.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if delimiter.is_empty() || rest.get(..mark).is_some_and(|front| front.ends_with('<')) {
                continue;
            }
            let start = self.at;
            let mut ended = false;
            while !ended && self.at < self.text.len() {
                let line = self.line(self.at);
                self.at += line.len();
                ended = line.trim() == delimiter;
            }
            // `1<<2` begins none: the next lines are statements. After many of them the rest is taken as it comes.
            if !ended && self.endless < MAX_ENDLESS {
                self.endless += 1;
                self.at = start;
            }
        }
        self.text.get(at..self.at).unwrap_or(rest)
    }
}

fn is_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The first word, and where the rest begins.
fn keyword(statement: &str) -> (&str, usize) {
    let start = statement.len() - statement.trim_start().len();
    let rest = statement.get(start..).unwrap_or_default();
    let length = rest.find(|c: char| c.is_whitespace()).unwrap_or(rest.len());
    (rest.get(..length).unwrap_or_default(), start + length)
}

/// `NAME=value …`, and for `ENV` the old form `NAME value`.
fn pairs(rest: &str, escape: char, spaced: bool) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut quote = None;
    let mut word = true;
    let mut first = true;
    let mut comment = false;
    let mut escaped = false;
    let mut line_start = false;
    for (at, c) in rest.char_indices() {
        let fresh = line_start;
        line_start = c == '\n' || (fresh && c.is_whitespace());
        if comment {
            comment = c != '\n';
            continue;
        }
        if std::mem::take(&mut escaped) {
            continue;
        }
        if let Some(open) = quote {
            escaped = c == escape && open == '"';
            quote = (c != open).then_some(open);
            continue;
        }
        match c {
            '#' if fresh => comment = true,
            ' ' | '\t' | '\r' | '\n' => word = true,
            c if c == escape => escaped = true,
            c => {
                if word {
                    let lead = rest.get(at..).and_then(|text| line::lead(text.trim_start_matches(['"', '\''])));
                    let skipped = usize::from(matches!(c, '"' | '\''));
                    hits.extend(lead.filter(|lead| sets(lead, spaced && first)).map(|lead| hit(&lead, at + skipped)));
                    // `ENV NAME a b` has one name.
                    first = false;
                }
                word = false;
                if matches!(c, '"' | '\'') {
                    quote = Some(c);
                }
            }
        }
    }
    hits
}

fn sets(lead: &Lead<'_>, spaced: bool) -> bool {
    match lead.assigned() {
        Some(value) => {
            let quoted = value.strip_prefix(['"', '\'']).and_then(|rest| rest.split(['"', '\'']).next());
            let value = quoted.unwrap_or_else(|| value.split_whitespace().next().unwrap_or_default());
            !lead.kind.is_harmless(value)
        }
        None if lead.after.starts_with(['"', '\'']) => true,
        // `ARG NAME` takes whatever value the build gives it; `ENV NAME value` is the old form.
        None if spaced => !lead.kind.is_harmless(lead.after.lines().next().unwrap_or_default()),
        None => true,
    }
}

fn hit(lead: &Lead<'_>, at: usize) -> Hit {
    Hit::new(lead.name.clone(), lead.kind, at, at + lead.length, How::Instruction)
}

/// `["env", "NAME=value", "kms"]`.
fn words(rest: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (at, _) in rest.match_indices('"') {
        let Some(text) = rest.get(at + 1..) else { continue };
        let text = text.split('"').next().unwrap_or_default();
        if let Some(lead) = line::lead(text)
            && lead.assigned().is_some_and(|value| !lead.kind.is_harmless(value))
        {
            hits.push(Hit::new(lead.name.clone(), lead.kind, at + 1, at + 1 + lead.length, How::Argument));
        } else if text.contains(' ') {
            hits.extend(shell::hits(text).into_iter().map(|hit| hit.moved(at + 1)));
        }
    }
    hits.dedup_by_key(|hit| hit.start);
    hits
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_statement_that_sets_a_variable_is_seen_where_its_name_stands() {
        for text in [
            "FROM a\nENV @ALLOWED_MRTD=x\n",
            "FROM a\nenv A=1 \\\n  # why\n  @ALLOWED_MRTD=\"x y\"\n",
            "FROM a\nENV @ALLOWED_MRTD x\n",
            "FROM a\nARG @ALLOWED_MRTD\n",
            "FROM a\nARG @ALLOWED_MRTD=x\n",
            "FROM a\nONBUILD ENV @ALLOWED_MRTD=x\n",
            "FROM a\nRUN export @ALLOWED_MRTD=x && kms\n",
            "FROM a\nRUN a \\\n && @ALLOWED_MRTD=x kms\n",
            "FROM a\nRUN <<EOF\nexport A=1\nEOF\nENV @ALLOWED_MRTD=x\n",
            "FROM a\nRUN bash <<EOF\nexport @ALLOWED_MRTD=x\nEOF\n",
            "FROM a\nENTRYPOINT [\"env\", \"@ALLOWED_MRTD=x\", \"kms\"]\n",
            "FROM a\nCMD [\"sh\", \"-c\", \"@ALLOWED_MRTD=x kms\"]\n",
            "# escape=`\r\nFROM a\r\nENV A=1 `\r\n @ALLOWED_MRTD=x\r\n",
            "FROM a\nENV USE_ENV_POLICY=false @USE_ENV_POLICY=1\n",
            "FROM a\nENV A=\"a\\\"b\" @ALLOWED_MRTD=x\n",
            "FROM a\nENV A=it\\'s @ALLOWED_MRTD=x\n",
            "FROM a\nENV A=a\\ b @ALLOWED_MRTD=x\n",
            "FROM a\nENV A='a\\' @ALLOWED_MRTD=x\n",
            "FROM a\nENV \\\n# why\n@ALLOWED_MRTD=x\n",
            "FROM a\nCOPY <<EOF /etc/kms.env\nA=1\n@ALLOWED_MRTD=x\nEOF\n",
            "FROM a\nADD --chown=1 <<-'EOF' /etc/kms.env\n\t@ALLOWED_MRTD=x\n\tEOF\n",
            "FROM a\nCOPY <<EOF /etc/kms.env\nA=1\nEOF\nENV @ALLOWED_MRTD=x\n",
            "# hello\n# escape=`\nFROM a\nENV A=1 \\\n  @ALLOWED_MRTD=x\n",
            "# syntax=docker/dockerfile:1\n# Escape = `\nFROM a\nENV A=1 `\n  @ALLOWED_MRTD=x\n",
            "FROM a\nRUN echo $((1<<2))\nENV @ALLOWED_MRTD=x\n",
        ] {
            let place = text.find('@').unwrap();
            let found: Vec<usize> = hits(&text.replace('@', "")).into_iter().map(|hit| hit.start).collect();
            assert_eq!(found, [place], "{text}");
        }
    }

    #[test]
    fn what_sets_nothing_forbidden_is_clean() {
        for text in [
            "# ENV ALLOWED_MRTD=x\nFROM a\n",
            "FROM a\nENV GCP_ATTESTATION_ALLOWED_CIDRS=x CORS_ALLOWED_ORIGINS=y\n",
            "FROM a\nLABEL note=\"ALLOWED_MRTD=x\"\n",
            "FROM a\nENV A=1 \\\n  # ALLOWED_MRTD=x\n  B=2\n",
            "FROM a\nRUN ! grep -r ALLOWED_MRTD= /etc\n",
            "FROM a\nENV ACCEPT_MOCK_ATTESTATION=false ENFORCE_MEASUREMENT_POLICY=\"true\"\n",
            "FROM a\nENV NOTE=\"set ALLOWED_MRTD=x\"\n",
            "FROM a\nENV NOTE=\"a \\\" ALLOWED_MRTD=x\"\n",
            "FROM a\nENV NOTE=a\\ ALLOWED_MRTD=x\n",
            "FROM a\nCOPY <<EOF /notes\nnever ALLOWED_MRTD=x\nEOF\n",
            "FROM a\nCOPY ALLOWED_MRTD=x /notes\n",
        ] {
            assert_eq!(hits(text), [], "{text}");
        }
    }
}
