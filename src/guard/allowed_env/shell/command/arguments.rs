//! What is given to a program as arguments, at once or in a variable that is kept for it.

use super::Effect;
use crate::guard::allowed_env::{hit::How, line, shell::word::Word};

/// `NAME=(-e OTHER=x)` and `NAME="-e OTHER=x"`: arguments, kept for a program.
pub(super) fn listed(word: &Word, effect: &mut Effect) {
    let Some((variable, value)) = word.text.split_once('=') else { return };
    let array = value.strip_prefix('(');
    if line::lead(variable).is_some() || !(array.is_some() || value.starts_with('-')) {
        return;
    }
    let base = word.text.len() - array.unwrap_or(value).len();
    let mut words = Vec::new();
    let mut at = base;
    for part in word.text.get(base..).unwrap_or_default().split(|c: char| c.is_whitespace()) {
        let from = at;
        at += part.len() + part_end(&word.text, at + part.len());
        // An array is kept as it is written, with its quotes.
        let quotes = part.len() - part.trim_start_matches(['"', '\'']).len();
        let bare = part.trim_matches(['"', '\'', ')']);
        if !bare.is_empty() {
            words.push(word.part(from + quotes, from + quotes + bare.len()));
        }
    }
    given(&words, effect);
}

/// Bytes of the blank at a place.
fn part_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
}

/// Arguments of a program: `NAME=value`, `-e NAME`, `--env=NAME`, `--set a=1,NAME=x`.
pub(super) fn given(arguments: &[Word], effect: &mut Effect) {
    let mut before = "";
    for word in arguments {
        let text = word.text.as_str();
        let is_option = |text: &str| {
            text.starts_with('-') && (text == "-e" || ["env", "arg", "var", "set"].iter().any(|w| text.contains(w)))
        };
        let mut from = 0;
        for part in text.split([',', ';']) {
            let mut at = from + option_length(part);
            from += part.len() + 1;
            // `--set kms.env.NAME=x`.
            let path = text.get(at..from - 1).and_then(|rest| rest.split('=').next()).and_then(|key| key.rfind('.'));
            if is_option(before) || at > 0 {
                at += path.map_or(0, |dot| dot + 1);
            }
            let Some(lead) = text.get(at..).and_then(line::lead) else { continue };
            let alone = lead.after.is_empty() || lead.after.starts_with(',');
            let passed = alone && (is_option(before) || (at > 0 && text.starts_with('-')));
            if passed || lead.assigned().is_some_and(|value| !lead.kind.is_harmless(first_part(value))) {
                effect.hit(word, &lead, at, How::Argument);
            }
        }
        before = text;
    }
}

fn first_part(value: &str) -> &str {
    value.split([',', ';']).next().unwrap_or_default()
}

/// How much of a word is an option in front of a name: `-e`, `--env=`, `--build-arg=`.
fn option_length(part: &str) -> usize {
    if !part.starts_with('-') {
        return part.len() - part.trim_start_matches(['"', '\'', '^', ' ']).len();
    }
    let name = part.trim_start_matches(|c: char| c == '-' || c.is_ascii_lowercase());
    let name = name.strip_prefix('=').unwrap_or(name);
    // `-DNAME=x` of a compiler or of Java.
    let name = name.strip_prefix('D').filter(|rest| line::lead(rest).is_some()).unwrap_or(name);
    part.len() - name.len()
}
