//! Where output goes: pipes, redirections, and groups of commands that share one.

use super::{
    Output, Values,
    command::{self, Command, Effect},
    lexer, program,
    token::{Redirect, Token, Way},
    word::Word,
};
use crate::guard::allowed_env::hit::Hit;

/// How many values of one variable are put in.
const MAX_VALUES: usize = 16;

/// What ends a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Bracket,
    /// `{`, `if`, loops.
    Compound,
    Case,
}

/// A group of commands that has not ended.
struct Frame {
    group: Group,
    /// What its commands print, unless they send it elsewhere.
    printed: Vec<Hit>,
    /// Between `in` or `;;` and `)` of a `case`.
    pattern: bool,
}

/// Follows a script command by command.
pub(super) struct Flow<'t, 'v> {
    text: &'t str,
    values: &'v mut Values,
    nesting: usize,
    hits: Vec<Hit>,
    /// What the commands of the outermost level print.
    printed: Vec<Hit>,
    frames: Vec<Frame>,
    current: Command,
    /// What comes through the pipe.
    upstream: Vec<Hit>,
    /// Whether `exec` has sent the output of everything that follows to a file.
    redirected: bool,
}

impl<'t, 'v> Flow<'t, 'v> {
    pub(super) fn new(text: &'t str, values: &'v mut Values, nesting: usize) -> Self {
        Self {
            text,
            values,
            nesting,
            hits: Vec::new(),
            printed: Vec::new(),
            frames: Vec::new(),
            current: Command::default(),
            upstream: Vec::new(),
            redirected: false,
        }
    }

    pub(super) fn run(mut self, output: Output) -> Vec<Hit> {
        let lexer::Tokens { all, lost } = lexer::tokens(self.text, self.nesting);
        all.into_iter().for_each(|token| self.take(token));
        self.finish(false);
        while self.pop() {
            self.finish(false);
        }
        if output == Output::Captured {
            self.hits.append(&mut self.printed);
        }
        if let Some(lost) = lost {
            let rest = self.text.get(lost..).unwrap_or_default();
            self.hits.extend(super::every_name(rest).map(|hit| hit.moved(lost)));
        }
        self.hits
    }

    fn in_pattern(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.pattern)
    }

    fn take(&mut self, token: Token) {
        if self.in_pattern() {
            return self.take_pattern(&token);
        }
        match token {
            Token::Word(word) => self.word(word),
            Token::Redirect(redirect) => self.current.redirects.push(redirect),
            // `[[ a && b ]]` is one command.
            Token::Pipe | Token::Break | Token::Open | Token::Close if self.current.is_open_test() => {}
            Token::Pipe => self.finish(true),
            Token::Break => self.finish(false),
            Token::CaseBreak => {
                self.finish(false);
                if let Some(frame) = self.frames.last_mut() {
                    frame.pattern = frame.group == Group::Case;
                }
            }
            Token::Open => {
                // `name ()` declares a function: what stands in front is its name.
                self.current.words.clear();
                self.push(Group::Bracket);
            }
            Token::Close => {
                self.finish(false);
                if self.frames.last().is_some_and(|frame| frame.group == Group::Bracket) {
                    self.pop();
                }
            }
        }
    }

    /// A pattern of a `case` sets nothing.
    fn take_pattern(&mut self, token: &Token) {
        match token {
            Token::Close => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.pattern = false;
                }
            }
            Token::Word(word) if word.text == "esac" && !word.quoted => {
                self.pop();
            }
            Token::Word(_) | Token::Redirect(_) | Token::Pipe | Token::Break | Token::CaseBreak | Token::Open => {}
        }
    }

    fn word(&mut self, word: Word) {
        if self.current.words.is_empty() && !word.quoted && self.reserved(&word.text) {
            return;
        }
        let ends_head = word.text == "in" && self.current.is_case() && self.current.words.len() >= 2;
        self.current.words.push(word);
        if ends_head {
            self.current = Command::default();
            self.push(Group::Case);
            if let Some(frame) = self.frames.last_mut() {
                frame.pattern = true;
            }
        }
    }

    /// A word that shapes the script, where a command could stand.
    fn reserved(&mut self, word: &str) -> bool {
        match word {
            "if" | "while" | "until" | "{" => self.push(Group::Compound),
            "then" | "do" | "else" | "elif" | "!" | "time" | "function" => {}
            "fi" | "done" | "}" | "esac" => {
                self.pop();
            }
            _ => return false,
        }
        true
    }

    fn push(&mut self, group: Group) {
        // What is piped into a group is read by something in it.
        self.hits.append(&mut self.upstream);
        self.frames.push(Frame { group, printed: Vec::new(), pattern: false });
    }

    /// Ends a group. It becomes a command that prints what its commands printed: redirections may follow.
    fn pop(&mut self) -> bool {
        let Some(frame) = self.frames.pop() else { return false };
        self.current.printed.extend(frame.printed);
        true
    }

    /// Ends a command.
    fn finish(&mut self, piped: bool) {
        let command = std::mem::take(&mut self.current);
        let upstream = std::mem::take(&mut self.upstream);
        if command.is_empty() {
            self.upstream = upstream;
            return;
        }
        if command.is_for() {
            self.push(Group::Compound);
        }
        let mut effect = Effect::default();
        let rounds = self.rounds(&command);
        for round in 0..rounds.max(1) {
            let values = &*self.values;
            let expanded = command.expanded(|name| {
                let known = values.get(name)?;
                known.get(round).or(known.last()).map(String::as_str)
            });
            effect.add(command::effect(&expanded, self.text, self.nesting, self.values, round));
        }
        command::remember(&command, self.values, MAX_VALUES);
        self.hits.append(&mut effect.hits);
        let mut printed = command.printed;
        printed.append(&mut effect.printed);
        if program::passes_on(&command.words) {
            printed.extend(upstream);
        } else {
            self.hits.extend(upstream);
        }
        self.send(printed, piped, command.redirects.iter().rfind(|r| r.way == Way::Out), &command.words);
    }

    /// Sends what a command prints where it goes.
    fn send(&mut self, printed: Vec<Hit>, piped: bool, out: Option<&Redirect>, words: &[Word]) {
        let kept = program::writes_by_name(words) || out.is_some_and(|out| program::is_kept(&out.target.text));
        if kept {
            self.hits.extend(printed);
            // `exec >> file`: everything after it goes there.
            self.redirected |= matches!(words, [word] if word.text == "exec");
        } else if out.is_none() {
            if self.redirected && !piped {
                self.hits.extend(printed);
            } else if piped {
                self.upstream = printed;
            } else {
                match self.frames.last_mut() {
                    Some(frame) => frame.printed.extend(printed),
                    None => self.printed.extend(printed),
                }
            }
        }
    }

    /// How many times a command is looked at: once for each value of the variables in it.
    fn rounds(&self, command: &Command) -> usize {
        // In a script within a script one value must do: several at each level would multiply.
        if self.nesting > 0 || self.values.is_empty() || !command.words.iter().any(|word| word.text.contains('$')) {
            return 1;
        }
        let used = self.values.iter().filter(|(name, _)| command.words.iter().any(|word| word.text.contains(*name)));
        used.map(|(_, values)| values.len()).max().unwrap_or(1).min(MAX_VALUES)
    }
}
