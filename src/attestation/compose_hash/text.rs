//! From the bytes of a file to the text that is parsed: bounded, in UTF-8, without a byte order mark, with one kind of
//! line break, and without the characters that readers of YAML treat differently.

use super::{ComposeError, ComposeProblem};

/// Largest file read, in bytes.
pub const MAX_YAML_BYTES: usize = 1 << 20;

/// A text to parse.
pub(super) struct Text {
    /// Ends with a line feed, as the parser needs it.
    pub(super) lines: String,
    /// Whether the file's own last line ends.
    pub(super) ended: bool,
}

/// The text of a file.
pub(super) fn read(bytes: &[u8]) -> Result<Text, ComposeError> {
    let whole = |problem| ComposeError { at: None, problem };
    if bytes.len() > MAX_YAML_BYTES {
        return Err(whole(ComposeProblem::TooLarge(bytes.len())));
    }
    let text = str::from_utf8(bytes).map_err(|_| whole(ComposeProblem::NotUtf8))?;
    let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    for (number, line) in lines.split('\n').enumerate() {
        if let Some((column, c)) = line.chars().enumerate().find(|(_, c)| is_refused(*c)) {
            let problem = ComposeProblem::Character(format!("U+{:04X}", u32::from(c)));
            return Err(ComposeError { at: Some((number + 1, column + 1)), problem });
        }
    }
    let ended = lines.ends_with('\n');
    if !ended {
        lines.push('\n');
    }
    Ok(Text { lines, ended })
}

/// Characters outside YAML's printable set; and three that end a line, and with it a comment, for readers of YAML 1.1,
/// which Compose's is. A byte order mark is read only at the beginning.
fn is_refused(c: char) -> bool {
    match c {
        '\t' => false,
        '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        c => c.is_control(),
    }
}
