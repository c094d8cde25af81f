//! What a shell puts something else in the place of: `$…`, `` `…` ``, and the characters of `$'…'`.

use super::{Lexer, Word};
use crate::guard::allowed_env::{name, shell::word::GAP};

/// Commands in quotes in commands that are told apart; deeper ones are read as one text.
const MAX_NESTING: usize = 16;

/// What an expansion in braces is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// `${…}`, and whether an apostrophe quotes there.
    Braces { apostrophes: bool },
    /// `"…"`.
    Quotes,
}

impl Lexer<'_> {
    /// What begins with `$`; `quoted` when it stands in double quotes.
    pub(super) fn dollar(&mut self, word: &mut Word, quoted: bool) {
        if self.starts("$'") && !quoted {
            return self.ansi(word);
        }
        if self.starts("$\"") && !quoted {
            // A text to be translated: the quotes follow.
            return self.bump();
        }
        if self.starts("$(") && !self.starts("$((") {
            return self.command(word);
        }
        if self.starts("${{") {
            return self.expression(word);
        }
        if self.starts("${") {
            return self.braces(word, quoted);
        }
        let brackets =
            if self.starts("$[") { super::bracketed(self.rest().get(1..).unwrap_or_default()) } else { None };
        self.verbatim(word, 1 + brackets.unwrap_or_default());
    }

    /// An expression of the workflow: the runner puts text in its place before the shell sees it.
    fn expression(&mut self, word: &mut Word) {
        let start = self.at;
        let length = self.rest().find("}}").map(|at| at + 2);
        self.at = length.map_or(self.text.len(), |length| self.at + length);
        if length.is_none() {
            self.open = self.open.or(Some(start));
        }
        word.push(GAP, start, self.at);
    }

    /// `${…}` up to the brace that ends it, quotes and expansions in it heeded.
    fn braces(&mut self, word: &mut Word, quoted: bool) {
        let start = self.at;
        let mut inside = vec![self.opened(quoted)];
        self.verbatim(word, 2);
        while let (Some(c), Some(top)) = (self.peek(), inside.last().copied()) {
            match (c, top) {
                ('\\', _) => {
                    self.verbatim(word, 1);
                    self.verbatim(word, self.peek().map_or(0, char::len_utf8));
                }
                ('}', Inside::Braces { .. }) | ('"', Inside::Quotes) => {
                    inside.pop();
                    self.verbatim(word, 1);
                }
                ('"', Inside::Braces { .. }) => {
                    inside.push(Inside::Quotes);
                    self.verbatim(word, 1);
                }
                ('\'', Inside::Braces { apostrophes: true }) => {
                    let behind = self.rest().get(1..).and_then(|rest| rest.find('\''));
                    self.verbatim(word, behind.map_or(1, |at| at + 2));
                }
                ('`', _) => self.command(word),
                ('$', _) if self.starts("$(") && !self.starts("$((") => self.command(word),
                ('$', _) if self.starts("${{") => self.expression(word),
                ('$', _) if self.starts("${") => {
                    let plain = top == Inside::Braces { apostrophes: true };
                    inside.push(self.opened(!plain));
                    self.verbatim(word, 2);
                }
                (c, _) => self.verbatim(word, c.len_utf8()),
            }
        }
        if !inside.is_empty() {
            self.open = self.open.or(Some(start));
        }
    }

    /// The braces that begin here. In double quotes an apostrophe is a character, except in a pattern.
    fn opened(&self, quoted: bool) -> Inside {
        let behind = self.rest().get(2..).unwrap_or_default();
        let operator = behind.trim_start_matches(name::is_word).chars().next();
        let pattern = !behind.starts_with('#') && matches!(operator, Some('#' | '%' | '/' | '^' | ','));
        Inside::Braces { apostrophes: !quoted || pattern }
    }

    /// `$'…'` with its escapes.
    fn ansi(&mut self, word: &mut Word) {
        word.quoted = true;
        let opening = self.at;
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
        self.open = self.open.or(Some(opening));
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
    pub(super) fn command(&mut self, word: &mut Word) {
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

    /// To a closing bracket of this level, quotes and comments heeded.
    pub(super) fn skip_to(&mut self, close: char, nesting: usize) {
        let mut depth = 0_usize;
        while let Some(c) = self.peek() {
            match c {
                c if c == close && depth == 0 => return,
                '(' => depth += 1,
                '#' if close == ')'
                    && self.text.get(..self.at).is_some_and(|before| before.ends_with([' ', '\t', '\n'])) =>
                {
                    self.at += self.rest().find('\n').unwrap_or(self.rest().len());
                    continue;
                }
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
