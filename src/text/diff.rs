//! What is different between two texts, line by line, for people who look at a change before it is made.

/// Lines around a change that are shown with it.
const AROUND: usize = 2;

/// The lines that differ, `-` before the old and `+` before the new ones, with their surroundings. It shows one stretch, from
/// the first difference to the last: edits of a document are near each other. Empty where nothing differs.
pub(crate) fn line_diff(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same_before = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let left = old.len().min(new.len()) - same_before;
    let same_after = old.iter().rev().zip(new.iter().rev()).take(left).take_while(|(a, b)| a == b).count();
    let changed = |lines: &[&str]| -> Vec<String> {
        lines
            .get(same_before..lines.len() - same_after)
            .unwrap_or_default()
            .iter()
            .map(|line| (*line).to_owned())
            .collect()
    };
    let (gone, come) = (changed(&old), changed(&new));
    if gone.is_empty() && come.is_empty() {
        return String::new();
    }
    let marked =
        |mark: char, lines: &[String]| -> Vec<String> { lines.iter().map(|line| format!("{mark}{line}")).collect() };
    let plain = |lines: Option<&[&str]>| -> Vec<String> {
        lines.unwrap_or_default().iter().map(|line| format!(" {line}")).collect()
    };
    let after = old.len() - same_after;
    let shown = [
        plain(old.get(same_before.saturating_sub(AROUND)..same_before)),
        marked('-', &gone),
        marked('+', &come),
        plain(old.get(after..old.len().min(after + AROUND))),
    ];
    shown.concat().join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_its_surroundings() {
        let old = "a\nb\nc\nd\ne\nf\n";
        assert_eq!(line_diff(old, "a\nb\nc\nD\ne\nf\n"), " b\n c\n-d\n+D\n e\n f\n");
        assert_eq!(line_diff(old, "a\nb\nc\nd\nx\ne\nf\n"), " c\n d\n+x\n e\n f\n");
        assert_eq!(line_diff(old, "b\nc\nd\ne\nf\n"), "-a\n b\n c\n");
        assert_eq!(line_diff("", "a\n"), "+a\n");
        assert_eq!(line_diff("a\na\n", "a\n"), " a\n-a\n");
    }

    #[test]
    fn no_change_is_nothing() {
        assert_eq!(line_diff("a\n", "a\n"), "");
        assert_eq!(line_diff("", ""), "");
    }
}
