//! Words around numbers: what a message counts agrees with the count. Not for how a report is laid out.

/// `count` with the form of the noun, and the verb if it is given, that goes with it: "1 file is", "2 files are".
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_every_other_number_plural() {
        let said = [0, 1, 2].map(|count| counted(count, "entry is", "entries are"));
        assert_eq!(said, ["0 entries are", "1 entry is", "2 entries are"]);
    }
}
