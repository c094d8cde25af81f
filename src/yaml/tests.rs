//! Places: of what the file says, through escapes, folds and aliases.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::*;

/// Line and column of `word` inside the text of the scalar that contains it.
fn places(file: &str, word: &str) -> Vec<(u32, u32, u32)> {
    let tree = Tree::parse(file).unwrap();
    let mut found = Vec::new();
    for at in 0..tree.nodes.len() {
        let Content::Scalar { text, .. } = &tree.nodes.get(at).unwrap().content else { continue };
        for (start, _) in text.match_indices(word) {
            let span = tree.places(NodeId(at)).unwrap().place(start, start + word.len());
            let ((line, column), (_, end)) = (line_column(file, span.start), line_column(file, span.end));
            found.push((line, column, end));
        }
    }
    found
}

#[test]
fn every_style_leads_back_to_the_characters_it_is_written_with() {
    for (file, expected) in [
        ("a: NAME\n", (1, 4, 8)),
        ("\"NAME\": x\n", (1, 2, 6)),
        ("'it''s NAME': x\n", (1, 8, 12)),
        ("\"\\x4eAM\\u0045\": x\n", (1, 2, 14)),
        ("k: \"a\\\n   NAME\"\n", (2, 4, 8)),
        ("a: |\n  x\n  NAME=1\n", (3, 3, 7)),
        ("a: |2-\n    x\n\n    NAME=1\n", (4, 5, 9)),
        ("a: |\r\n  x\r\n  NAME=1\r\n", (3, 3, 7)),
        ("a: >\n  x\n  NAME=1\n", (3, 3, 7)),
        ("a: x\n  y NAME\n", (2, 5, 9)),
        ("{ü: {é: NAME}}\n", (1, 9, 13)),
        ("a: | # NAME\n  NAME\n", (2, 3, 7)),
        ("a: \"x\n\n  NAME\"\n", (3, 3, 7)),
        ("a: ! \"NAME\"\n", (1, 7, 11)),
    ] {
        assert_eq!(places(file, "NAME"), [expected], "{file:?}");
    }
}

#[test]
fn a_text_may_end_anywhere() {
    let text = "%YAML 1.1\n---\na: &x !!str |2-\n   b\nc: >\n  d\ne: 'f''\n g' # h\n? [i, {j: k}]\n: \"l\\x4d\\\n n\"\no: *x\n...\n";
    for end in 0..=text.len() {
        let _ = Tree::parse(text.get(..end).unwrap());
    }
    assert_eq!(places("a: |\n  NAME", "NAME"), [(2, 3, 7)]);
}

#[test]
fn aliases_are_references_and_keys_may_repeat() {
    let tree = Tree::parse("a: &x {k: 1}\nb: *x\nb: [*x, *x]\n").unwrap();
    let (_, root) = tree.node(*tree.roots().first().unwrap()).unwrap();
    let Content::Map(entries) = &root.content else { panic!("{root:?}") };
    assert_eq!(entries.iter().map(|(key, _)| tree.text(*key).unwrap()).collect::<Vec<_>>(), ["a", "b", "b"]);
    let target = |at: usize| tree.node(entries.get(at).unwrap().1).unwrap().0;
    assert_eq!(target(0), target(1));
}

#[test]
fn what_has_no_end_is_refused_and_never_followed() {
    for (file, words) in [
        ("a: &x [*x]\n", "found an alias inside its own anchor `x`"),
        ("a: *x\n", "found no anchor for the alias `x`"),
        ("a: &x 1\n---\nb: *x\n", "found no anchor for the alias `x`"),
        ("a: [\n", "while parsing a flow node, did not find expected node content"),
    ] {
        assert_eq!(Tree::parse(file).unwrap_err().words, words);
    }
    let deep = "[".repeat(100_000);
    assert_eq!(Tree::parse(&deep).unwrap_err().words, "found nesting deeper than 128 levels");
    let mut stairs = "a0: &a0 [[x]]\n".to_owned();
    for n in 1..200 {
        stairs.push_str(&format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1));
    }
    assert_eq!(Tree::parse(&stairs).unwrap_err().words, "found nesting deeper than 128 levels");
}

#[test]
fn tags_that_the_parser_stumbles_over_are_text() {
    for file in ["[!a,b]", "[!,b]", "[!<x>,b]", "{!!str,a: b}", "[!a!b,c]", "[&x !t,b]", "- !t,x"] {
        assert!(Tree::parse(file).is_ok(), "{file}");
    }
    assert_eq!(places("a: [!x,NAME]\n", "NAME"), [(1, 8, 12)]);
    assert_eq!(places("a: !reset\n  NAME: 1\n", "NAME"), [(2, 3, 7)]);
}
