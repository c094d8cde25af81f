//! A command line in one argument, taken apart into words without a shell: nothing in it is expanded, and nothing is run
//! but the program that is named first.

use std::str::FromStr;

/// The words of a command. Blanks part them; what stands in '…' or "…" is one word as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

impl FromStr for Words {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
        for letter in text.chars() {
            match quote {
                Some(mark) if letter == mark => quote = None,
                None if letter == '\'' || letter == '"' => {
                    quote = Some(letter);
                    word.get_or_insert_default();
                }
                None if letter.is_whitespace() => words.extend(word.take()),
                Some(_) | None => word.get_or_insert_default().push(letter),
            }
        }
        if quote.is_some() {
            return Err("a quotation mark is not closed");
        }
        words.extend(word);
        match words.first() {
            Some(program) if !program.is_empty() => Ok(Self(words)),
            Some(_) | None => Err("expected a program and its arguments"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_part_words_and_quotation_marks_keep_them_together() {
        for (text, words) in [
            ("ssh node-1 merotee kms get-key", vec!["ssh", "node-1", "merotee", "kms", "get-key"]),
            ("  a\t b ", vec!["a", "b"]),
            ("a 'b  c' \"it's\" ''", vec!["a", "b  c", "it's", ""]),
            ("--key='a b'c $HOME;x", vec!["--key=a bc", "$HOME;x"]),
        ] {
            assert_eq!(text.parse::<Words>().map(|words| words.0), Ok(words.into_iter().map(str::to_owned).collect()));
        }
        for bad in ["", "  ", "'' a", "a 'b", "\"a"] {
            assert!(bad.parse::<Words>().is_err(), "{bad}");
        }
    }
}
