//! A word of a script: its text without quotes, and where each byte of it is written.

/// Stands for what is not known before the script runs.
pub(in super::super) const GAP: char = '\u{0}';

/// A word without its quotes. Expansions stay as they are written (`$NAME`, `${NAME:=x}`); the output of a command is a
/// [`GAP`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// For each byte of the text, the bytes of the script it is written with.
    from: Vec<(u32, u32)>,
    /// Whether a part of it is quoted: no reserved word then.
    pub(super) quoted: bool,
    /// Commands whose output is a part of it: ranges of the script.
    pub(super) commands: Vec<(usize, usize)>,
}

impl Word {
    pub(super) fn push(&mut self, c: char, start: usize, end: usize) {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.text.push(c);
        self.from.extend(std::iter::repeat_n((number(start), number(end)), c.len_utf8()));
    }

    /// Where a range of the text is written.
    pub(super) fn place(&self, start: usize, end: usize) -> (usize, usize) {
        let byte = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let first = self.from.get(start).or(self.from.last()).map_or(0, |(from, _)| byte(*from));
        let last = end.checked_sub(1).and_then(|at| self.from.get(at)).map_or(first, |(_, to)| byte(*to));
        (first, last.max(first))
    }

    /// A part of the word, as a word.
    pub(super) fn part(&self, start: usize, end: usize) -> Self {
        let mut out = Self { quoted: self.quoted, ..Self::default() };
        for (at, c) in self.text.get(start..end).unwrap_or_default().char_indices() {
            let (from, to) = self.place(start + at, start + at + c.len_utf8());
            out.push(c, from, to);
        }
        out
    }

    /// The word with variables of known value put in: `value` gives what stands for a name.
    pub(super) fn expanded<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Self {
        let mut out = Self { quoted: self.quoted, commands: self.commands.clone(), ..Self::default() };
        let mut rest = self.text.char_indices();
        while let Some((at, c)) = rest.next() {
            let (start, end) = self.place(at, at + c.len_utf8());
            let after = self.text.get(at + 1..).unwrap_or_default();
            let (length, name) = if c == '$' { variable(after) } else { (0, "") };
            let Some(known) = (length > 0).then(|| value(name)).flatten() else {
                out.push(c, start, end);
                continue;
            };
            let (_, end) = self.place(at, at + 1 + length);
            known.chars().for_each(|c| out.push(c, start, end));
            for _ in 0..after.get(..length).unwrap_or_default().chars().count() {
                rest.next();
            }
        }
        out
    }
}

/// The name behind a `$`, in braces or not, and how many bytes it takes.
fn variable(after: &str) -> (usize, &str) {
    let name_of = |text: &str| text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    if let Some(inner) = after.strip_prefix('{') {
        let length = name_of(inner);
        let closed = inner.get(length..).is_some_and(|rest| rest.starts_with('}'));
        return if closed { (length + 2, inner.get(..length).unwrap_or_default()) } else { (0, "") };
    }
    let length = name_of(after);
    (length, after.get(..length).unwrap_or_default())
}
