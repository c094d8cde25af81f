//! From a script's text to words, redirections and what parts commands. POSIX shell as bash extends it; quoting as the
//! shell removes it. A script that a shell would refuse is read as far as it makes sense: nothing here fails.

mod expansion;

use super::{
    token::{Redirect, Token, Way},
    word::Word,
};
use crate::guard::allowed_env::name;

/// How often a quote or a here-document that does not end may be left for the line behind its beginning.
const MAX_RESTARTS: usize = 4;
/// Most characters of `((…))` and `[…]`; a longer text is read as commands, or as plain characters.
const MAX_ARITHMETIC: usize = 1000;

/// A script in tokens.
pub(super) struct Tokens {
    pub(super) all: Vec<Token>,
    /// Where a part begins that cannot be told apart.
    pub(super) lost: Option<usize>,
}

/// Every token of a script. A quote or a here-document that does not end hides nothing: the lines behind its beginning are
/// read as script, too. In scripts within scripts that is done less often, so that the work cannot multiply.
pub(super) fn tokens(text: &str, nesting: usize) -> Tokens {
    let restarts = match nesting {
        0 => MAX_RESTARTS,
        1 => 1,
        _ => 0,
    };
    let documents = Vec::new();
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), documents, open: None, restarts, lost: None };
    while lexer.at < text.len() {
        lexer.token();
        if let Some(open) = lexer.open.take() {
            let line = text.get(open..).and_then(|rest| rest.find('\n'));
            lexer.restart(line.map_or(text.len(), |at| open + at + 1));
        }
    }
    lexer.end_of_line();
    Tokens { all: lexer.tokens, lost: lexer.lost }
}

/// The length of `[…]` at the beginning of a text, if it ends on its line and holds no command or quote.
fn bracketed(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices().take(MAX_ARITHMETIC) {
        match c {
            '[' => depth += 1,
            ']' if depth <= 1 => return Some(at + 1),
            ']' => depth -= 1,
            '\n' | '"' | '\'' | '`' | '\\' => return None,
            '$' if text.get(at..).is_some_and(|rest| rest.starts_with("$(") && !rest.starts_with("$((")) => {
                return None;
            }
            _ => {}
        }
    }
    None
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    /// Here-documents whose lines have not begun: the token, the delimiter, and whether tabs go.
    documents: Vec<(usize, String, bool)>,
    /// Where a quote begins that does not end.
    open: Option<usize>,
    /// How many more may be left.
    restarts: usize,
    lost: Option<usize>,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn starts(&self, what: &str) -> bool {
        self.rest().starts_with(what)
    }

    fn bump(&mut self) {
        self.at += self.peek().map_or(1, char::len_utf8);
    }

    /// Reads on at a line as if nothing were open there.
    fn restart(&mut self, line: usize) {
        if line >= self.text.len() {
            self.at = self.text.len();
        } else if let Some(left) = self.restarts.checked_sub(1) {
            self.restarts = left;
            self.at = line;
            self.tokens.push(Token::Break);
        } else {
            self.lost = self.lost.or(Some(line));
            self.at = self.text.len();
        }
    }

    fn token(&mut self) {
        let Some(c) = self.peek() else { return self.at = self.text.len() };
        match c {
            ' ' | '\t' | '\r' => self.bump(),
            '\\' if self.starts("\\\n") => self.at += 2,
            '\\' if self.starts("\\\r\n") => self.at += 3,
            '\n' => {
                self.bump();
                self.end_of_line();
            }
            '#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
            ';' => {
                let case = self.starts(";;") || self.starts(";&");
                while matches!(self.peek(), Some(';' | '&')) {
                    self.bump();
                }
                self.tokens.push(if case { Token::CaseBreak } else { Token::Break });
            }
            '&' if self.starts("&>") => self.redirect(Way::Out),
            '&' => {
                self.at += if self.starts("&&") { 2 } else { 1 };
                self.tokens.push(Token::Break);
            }
            '|' if self.starts("||") => {
                self.at += 2;
                self.tokens.push(Token::Break);
            }
            '|' => {
                self.at += if self.starts("|&") { 2 } else { 1 };
                self.tokens.push(Token::Pipe);
            }
            '(' if self.starts("((") => self.arithmetic(),
            '(' => {
                self.bump();
                self.tokens.push(Token::Open);
            }
            ')' => {
                self.bump();
                self.tokens.push(Token::Close);
            }
            '<' | '>' if !self.starts("<(") && !self.starts(">(") => self.redirect(Way::Out),
            _ => self.word_or_descriptor(),
        }
    }

    /// The end of a line: the lines of here-documents follow.
    fn end_of_line(&mut self) {
        for (token, delimiter, tabs) in std::mem::take(&mut self.documents) {
            let start = self.at;
            let mut end = None;
            while self.at < self.text.len() {
                let begin = self.at;
                let line = self.rest().split_inclusive('\n').next().unwrap_or_default();
                self.at += line.len();
                let line = line.trim_end_matches(['\n', '\r']);
                if (if tabs { line.trim_start_matches('\t') } else { line }) == delimiter {
                    end = Some(begin);
                    break;
                }
            }
            if let Some(Token::Redirect(redirect)) = self.tokens.get_mut(token) {
                redirect.body = Some((start, end.unwrap_or(self.text.len()).max(start)));
            }
            if end.is_none() {
                self.restart(start);
            }
        }
        self.tokens.push(Token::Break);
    }

    /// `((…))` as one word; `((a); b)` is brackets in brackets.
    fn arithmetic(&mut self) {
        let mut depth = 0_usize;
        let inner = self.rest().char_indices().take(MAX_ARITHMETIC).find(|(_, c)| {
            depth = if *c == '(' { depth + 1 } else { depth.saturating_sub(usize::from(*c == ')')) };
            *c == ')' && depth == 1
        });
        let end =
            inner.map(|(at, _)| at + 1).filter(|at| self.rest().get(*at..).is_some_and(|rest| rest.starts_with(')')));
        let Some(end) = end else {
            self.bump();
            return self.tokens.push(Token::Open);
        };
        let mut word = Word::default();
        self.verbatim(&mut word, end + 1);
        self.tokens.push(Token::Word(word));
    }

    fn verbatim(&mut self, word: &mut Word, length: usize) {
        let end = (self.at + length).min(self.text.len());
        while self.at < end {
            let Some(c) = self.peek() else { break };
            word.push(c, self.at, self.at + c.len_utf8());
            self.bump();
        }
    }

    fn redirect(&mut self, out: Way) {
        let operators = [
            ("<<<", Way::Text),
            ("<<-", Way::Document),
            ("<<", Way::Document),
            ("<&", Way::Other),
            ("<>", Way::In),
            ("<", Way::In),
            ("&>>", Way::Out),
            ("&>", Way::Out),
            (">>", out),
            (">&", Way::Other),
            (">|", out),
            (">", out),
        ];
        let found = operators.into_iter().find(|(operator, _)| self.rest().starts_with(operator));
        let Some((operator, way)) = found else { return self.bump() };
        self.at += operator.len();
        while matches!(self.peek(), Some(' ' | '\t')) || self.starts("\\\n") {
            self.at += if self.starts("\\\n") { 2 } else { 1 };
        }
        let target = self.word();
        if way == Way::Document {
            self.documents.push((self.tokens.len(), target.text.clone(), operator == "<<-"));
        }
        // `>& file` is a file; `>&2` is a stream.
        let stream = target.text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        // What `>&3` leads to is decided elsewhere: as if it were a file.
        let own = target.text.parse::<u32>().is_ok_and(|number| number > 2);
        let way = if operator == ">&" && (!stream || own) { out } else { way };
        self.tokens.push(Token::Redirect(Redirect { way, target, body: None }));
    }

    /// A word, or the number of the stream in front of a redirection.
    fn word_or_descriptor(&mut self) {
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let behind = self.rest().get(digits..).unwrap_or_default();
        if digits > 0 && behind.starts_with(['<', '>']) {
            let out = if self.rest().get(..digits) == Some("1") { Way::Out } else { Way::Other };
            self.at += digits;
            return self.redirect(out);
        }
        let before = self.at;
        let word = self.word();
        if self.at == before {
            return self.bump();
        }
        self.tokens.push(Token::Word(word));
    }

    fn word(&mut self) -> Word {
        let mut word = Word::default();
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | ')' => break,
                '\r' if self.starts("\r\n") => break,
                '<' | '>' if self.starts("<(") || self.starts(">(") => self.command(&mut word),
                '<' | '>' => break,
                // `NAME=(a b)` is one word; else a bracket is not part of one.
                '(' if word.text.ends_with('=') => self.array(&mut word),
                '(' => break,
                '\\' => self.escaped(&mut word),
                '\'' => self.single(&mut word),
                '"' => self.double(&mut word),
                '`' => self.command(&mut word),
                '$' => self.dollar(&mut word, false),
                // `NAME[1<<2]=x` redirects nothing.
                '[' if !word.quoted && !word.text.is_empty() && word.text.chars().all(name::is_word) => {
                    self.verbatim(&mut word, bracketed(self.rest()).unwrap_or(1));
                }
                c => {
                    word.push(c, self.at, self.at + c.len_utf8());
                    self.bump();
                }
            }
        }
        word
    }

    /// `(a b)` behind `NAME=`.
    fn array(&mut self, word: &mut Word) {
        let start = self.at;
        self.bump();
        self.skip_to(')', 0);
        let end = self.at;
        if end >= self.text.len() {
            self.open = self.open.or(Some(start));
        }
        self.at = start;
        self.verbatim(word, end + 1 - start);
    }

    /// `\x` outside quotes.
    fn escaped(&mut self, word: &mut Word) {
        let start = self.at;
        self.bump();
        match self.peek() {
            Some('\n') => self.bump(),
            Some('\r') if self.starts("\r\n") => self.at += 2,
            Some(c) => {
                self.bump();
                word.quoted = true;
                word.push(c, start, self.at);
            }
            None => {}
        }
    }

    fn single(&mut self, word: &mut Word) {
        word.quoted = true;
        let opening = self.at;
        self.bump();
        while let Some(c) = self.peek() {
            if c == '\'' {
                return self.bump();
            }
            word.push(c, self.at, self.at + c.len_utf8());
            self.bump();
        }
        self.open = self.open.or(Some(opening));
    }

    fn double(&mut self, word: &mut Word) {
        word.quoted = true;
        let opening = self.at;
        self.bump();
        while let Some(c) = self.peek() {
            match c {
                '"' => return self.bump(),
                '\\' if self.starts("\\\n") => self.at += 2,
                '\\' if self.rest().chars().nth(1).is_some_and(|c| matches!(c, '$' | '`' | '"' | '\\')) => {
                    let start = self.at;
                    self.bump();
                    let c = self.peek().unwrap_or_default();
                    self.bump();
                    word.push(c, start, self.at);
                }
                '$' => self.dollar(word, true),
                '`' => self.command(word),
                c => {
                    word.push(c, self.at, self.at + c.len_utf8());
                    self.bump();
                }
            }
        }
        self.open = self.open.or(Some(opening));
    }
}
