//! From a script's text to words, redirections and what parts commands. POSIX shell as bash extends it; quoting as the
//! shell removes it. A script that a shell would refuse is read as far as it makes sense: nothing here fails.

use super::{
    token::{Redirect, Token, Way},
    word::{GAP, Word},
};

/// Commands in quotes in commands that are told apart; deeper ones are read as one text.
const MAX_NESTING: usize = 16;

/// Every token of a script.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), documents: Vec::new() };
    while lexer.at < text.len() {
        lexer.token();
    }
    lexer.end_of_line();
    lexer.tokens
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    /// Here-documents whose lines have not begun: the token, the delimiter, and whether tabs go.
    documents: Vec<(usize, String, bool)>,
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
            let mut end = self.text.len();
            while self.at < self.text.len() {
                let begin = self.at;
                let line = self.rest().split_inclusive('\n').next().unwrap_or_default();
                self.at += line.len();
                let line = line.trim_end_matches(['\n', '\r']);
                if (if tabs { line.trim_start_matches('\t') } else { line }) == delimiter {
                    end = begin;
                    break;
                }
            }
            if let Some(Token::Redirect(redirect)) = self.tokens.get_mut(token) {
                redirect.body = Some((start, end.max(start)));
            }
        }
        self.tokens.push(Token::Break);
    }

    /// `((…))` as one word.
    fn arithmetic(&mut self) {
        let mut word = Word::default();
        let length = self.rest().find("))").map_or(self.rest().len(), |at| at + 2);
        self.verbatim(&mut word, length);
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
        let way = if operator == ">&" && !stream { out } else { way };
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
                '(' if word.text.ends_with('=') => {
                    let length = self.rest().find(')').map_or(self.rest().len(), |at| at + 1);
                    self.verbatim(&mut word, length);
                }
                '(' => break,
                '\\' => self.escaped(&mut word),
                '\'' => self.single(&mut word),
                '"' => self.double(&mut word),
                '`' => self.command(&mut word),
                '$' => self.dollar(&mut word),
                c => {
                    word.push(c, self.at, self.at + c.len_utf8());
                    self.bump();
                }
            }
        }
        word
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
        self.bump();
        while let Some(c) = self.peek() {
            if c == '\'' {
                return self.bump();
            }
            word.push(c, self.at, self.at + c.len_utf8());
            self.bump();
        }
    }

    fn double(&mut self, word: &mut Word) {
        word.quoted = true;
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
                '$' => self.dollar(word),
                '`' => self.command(word),
                c => {
                    word.push(c, self.at, self.at + c.len_utf8());
                    self.bump();
                }
            }
        }
    }

    fn dollar(&mut self, word: &mut Word) {
        if self.starts("$'") {
            return self.ansi(word);
        }
        if self.starts("$(") && !self.starts("$((") {
            return self.command(word);
        }
        if self.starts("${{") {
            // An expression of the workflow: the runner puts text in its place before the shell sees it.
            let length = self.rest().find("}}").map_or(self.rest().len(), |at| at + 2);
            word.push(GAP, self.at, self.at + length);
            return self.at = (self.at + length).min(self.text.len());
        }
        if self.starts("${") {
            let length = self.rest().find('}').map_or(self.rest().len(), |at| at + 1);
            return self.verbatim(word, length);
        }
        word.push('$', self.at, self.at + 1);
        self.bump();
    }

    /// `$'…'` with its escapes.
    fn ansi(&mut self, word: &mut Word) {
        word.quoted = true;
        self.at += 2;
        while let Some(c) = self.peek() {
            let start = self.at;
            self.bump();
            match c {
                '\'' => return,
                '\\' => {
                    let c = self.ansi_escape();
                    word.push(c, start, self.at);
                }
                c => word.push(c, start, self.at),
            }
        }
    }

    fn ansi_escape(&mut self) -> char {
        let Some(c) = self.peek() else { return '\\' };
        let (radix, skip, most) = match c {
            'x' => (16, 1, 2),
            'u' => (16, 1, 4),
            'U' => (16, 1, 8),
            '0'..='7' => (8, 0, 3),
            'n' => return self.and_bump('\n'),
            't' => return self.and_bump('\t'),
            c => return self.and_bump(c),
        };
        let digits: String = self.rest().chars().skip(skip).take(most).take_while(|c| c.is_digit(radix)).collect();
        self.at += skip + digits.len();
        u32::from_str_radix(&digits, radix).ok().and_then(char::from_u32).unwrap_or(GAP)
    }

    fn and_bump(&mut self, c: char) -> char {
        self.bump();
        c
    }

    /// `$(…)`, `<(…)`, `` `…` ``: a command whose output is a part of the word.
    fn command(&mut self, word: &mut Word) {
        let start = self.at;
        let (open, close) = if self.starts("`") { (1, '`') } else { (2, ')') };
        self.at += open;
        let inner = self.at;
        self.skip_to(close, 0);
        word.commands.push((inner, self.at));
        self.bump();
        self.at = self.at.min(self.text.len());
        word.push(GAP, start, self.at);
    }

    /// To a closing bracket of this level, quotes heeded.
    fn skip_to(&mut self, close: char, nesting: usize) {
        let mut depth = 0_usize;
        while let Some(c) = self.peek() {
            match c {
                c if c == close && depth == 0 => return,
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                '\\' => self.bump(),
                '\'' => {
                    let behind = self.rest().get(1..).and_then(|rest| rest.find('\''));
                    self.at += behind.map_or(0, |at| at + 1);
                }
                '"' if nesting < MAX_NESTING => {
                    self.skip_quoted(nesting);
                    continue;
                }
                _ => {}
            }
            self.bump();
        }
        self.at = self.text.len();
    }

    /// Over a text in double quotes, with commands inside it that have quotes of their own.
    fn skip_quoted(&mut self, nesting: usize) {
        self.bump();
        while let Some(c) = self.peek() {
            if self.starts("$(") {
                self.at += 2;
                self.skip_to(')', nesting + 1);
            }
            self.bump();
            match c {
                '"' => return,
                '\\' => self.bump(),
                _ => {}
            }
        }
    }
}
