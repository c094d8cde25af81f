//! Sentences with code in them: what stands between backticks, and what is too long to be a word.

use askama::Template;

use crate::report::escape::terminal;

/// Words longer than this are names, digests or addresses, and may break anywhere.
const WORD: usize = 28;

/// An untrusted text as pieces of a sentence, made visible and cut.
#[derive(Template)]
#[template(
    ext = "html",
    source = "{% for piece in pieces %}{% if piece.code %}<code>{{ piece.text }}</code>{% else %}{{ piece.text }}{% endif %}{% endfor %}"
)]
pub(crate) struct Prose {
    pieces: Vec<Piece>,
}

#[derive(Debug, PartialEq, Eq)]
struct Piece {
    code: bool,
    text: String,
}

impl Prose {
    pub(crate) fn of(text: &str) -> Self {
        let text = terminal(text);
        let mut prose = Self { pieces: Vec::new() };
        let quoted: Vec<&str> = text.split('`').collect();
        if quoted.len().is_multiple_of(2) {
            prose.words(&text);
            return prose;
        }
        for (index, piece) in quoted.into_iter().enumerate() {
            if index % 2 == 1 { prose.push(true, piece) } else { prose.words(piece) }
        }
        prose
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    fn words(&mut self, text: &str) {
        for (index, word) in text.split(' ').enumerate() {
            if index > 0 {
                self.push(false, " ");
            }
            // What ends the sentence or the clause is not part of the name.
            let name = word.trim_end_matches([',', ';', ':', '.', ')']);
            let name = name.trim_start_matches('(');
            if name.chars().count() <= WORD {
                self.push(false, word);
                continue;
            }
            let (before, after) = word.split_once(name).unwrap_or((word, ""));
            self.push(false, before);
            self.push(true, name);
            self.push(false, after);
        }
    }

    fn push(&mut self, code: bool, text: &str) {
        match self.pieces.last_mut() {
            _ if text.is_empty() => {}
            Some(last) if last.code == code && !code => last.text.push_str(text),
            _ => self.pieces.push(Piece { code, text: text.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        Prose::of(text).to_string()
    }

    #[test]
    fn backticks_and_long_words_become_code() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(html("run `merotee doctor`, then wait"), "run <code>merotee doctor</code>, then wait");
        assert_eq!(html(&format!("pinned ({digest}), good")), format!("pinned (<code>{digest}</code>), good"));
        assert_eq!(html("plain words; only those"), "plain words; only those");
    }

    #[test]
    fn a_lone_backtick_and_markup_stay_text() {
        assert_eq!(html("a ` <b>"), "a ` &#60;b&#62;");
        assert_eq!(html("`<script>alert(1)</script>`"), "<code>&#60;script&#62;alert(1)&#60;/script&#62;</code>");
        assert_eq!(html("a\u{202e}b"), "a\\u{202e}b");
        assert!(Prose::of("").is_empty());
    }
}
