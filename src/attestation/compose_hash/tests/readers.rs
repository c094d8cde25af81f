//! What readers of YAML disagree about: read as Compose reads it, or refused.

use super::*;

/// Layouts that Compose reads and that YAML 1.2 calls wrong, each beside one that nobody doubts.
const LAYOUTS: [(&str, &str); 16] = [
    ("a:\n  k: [\n    x,\n    y\n  ]\n", "a: {k: [x, y]}"),
    ("a:\n  k: [\n    x\n]\n", "a: {k: [x]}"),
    ("k: [\nx,\ny\n]\n", "k: [x, y]"),
    ("a:\n  k: {\n    x: 1\n  }\n", "a: {k: {x: 1}}"),
    ("k: [{\n  x: 1\n}, {\n  y: 2\n}]\n", "k: [{x: 1}, {y: 2}]"),
    ("a:\n- k: [\n  x\n  ]\n- y\n", "a: [{k: [x]}, y]"),
    ("a:\n  k: \"x\n  y\"\n", "a: {k: x y}"),
    ("a:\n  k: 'x\n  y'\n", "a: {k: x y}"),
    ("a:\n  k: \"x\ny\"\n", "a: {k: x y}"),
    ("a:\n  k: \"x\\\n  y\"\n", "a: {k: xy}"),
    ("a:\n  k: \"x\n\n\ty\"\n", "a: {k: \"x\\ny\"}"),
    ("k:\tx\n", "k: x"),
    ("k:\t\"x\"\t# c\nl:\t[x,\ty]\n", "{k: x, l: [x, y]}"),
    ("a:\t# c\n  k:\t \tx\n", "a: {k: x}"),
    ("k: [\n\tx,\n\t\"y\"\n\t]\n", "k: [x, y]"),
    ("k: \"x\"#c\n", "k: x"),
];

#[test]
fn what_compose_reads_in_a_layout_of_its_own_is_read() {
    for (text, plainly) in LAYOUTS {
        assert_eq!(normal(text), normal(plainly), "{text}");
        assert!(normal(text).starts_with('{'), "{text}: {}", normal(text));
    }
}

/// Dates and times as YAML 1.1 or Compose's reader knows them; most of them one of the two alone.
const DATES: [&str; 20] = [
    "2024-01-01",
    "2024-1-1",
    "2024-13-01",
    "0000-00-00",
    "2024-01-01T00:00:00Z",
    "2024-01-01t00:00:00Z",
    "2024-01-01T00:00:00",
    "2024-01-01 00:00:00",
    "2024-01-01   0:0:0",
    "2024-01-01\t00:00:00",
    "2024-01-01T00:00:00.",
    "2024-01-01T00:00:00.123456789Z",
    "2024-01-01T00:00:00,5Z",
    "2024-01-01T00:00:00+01:00",
    "2024-01-01 00:00:00 -5",
    "2024-01-01 00:00:00 +01:00",
    "2024-01-01 00:00:00 Z",
    "2024-01-01T1:2:3-12:30",
    "9999-12-31",
    "2001-12-14t21:59:43.10-05:00",
];

#[test]
fn a_plain_date_is_refused_wherever_it_stands_and_a_quoted_one_is_text() {
    for date in DATES {
        let refused = Some(ComposeProblem::Date(date.replace('\t', "\\t")));
        for text in
            [format!("k: {date}"), format!("- {date}"), format!("k:\n- x\n- {date} # c"), format!("? {date}\n: x")]
        {
            assert_eq!(problem(&text), refused, "{text}");
        }
        assert_eq!(problem(&format!("k: !!float {date}")), refused, "{date}");
        let text = format!("{{\"k\":{}}}", Value::from(date));
        for quoted in
            [format!("k: \"{date}\""), format!("k: '{date}'"), format!("k: !!str {date}"), format!("k: |-\n  {date}\n")]
        {
            assert_eq!(normal(&quoted), text, "{quoted}");
        }
    }
    for text in [
        "2024-01",
        "2024.01.01",
        "24-01-01",
        "2024-001-01",
        "2024-01-011",
        "2024-01-01Z",
        "2024-01-01x",
        "2024-01-01T",
        "2024-01-01 10:30",
        "2024-01-01T00:00:00ZZ",
        "2024-01-01T00:00:00 UTC",
        "v2024-01-01",
        "2024-01-01-alpine",
        "2024-01-01 00:00:00 +1:0",
        "2024-01-01T00:00:00+",
    ] {
        assert_eq!(normal(&format!("k: {text}")), format!("{{\"k\":\"{text}\"}}"));
    }
}

#[test]
fn what_compose_keeps_apart_has_hashes_apart_and_what_it_takes_for_one_value_has_one() {
    // Each row is one value to Compose.
    let rows: [&[&str]; 17] = [
        &["0", "+0", "00", "-00", "0x0", "0o0"],
        &["-0", "-0.0", "-.0", "-0.", "-0e0", "!!float -0"],
        &["0.0", "+0.0", ".0", "0e9", "1e-1000"],
        &["8", "010", "0o10", "+8", "0x8", "!!int 010"],
        &["10", "012", "0o12", "0xa", "0xA"],
        &["\"010\"", "'010'", "!!str 010", "! 010"],
        &["1.0", "1.", "1e0", "10e-1", "!!float 1"],
        &["\"-0\"", "'-0'", "!!str -0"],
        &["~", "null", "Null", "NULL", "", "!!null ~"],
        &["\"~\"", "'~'", "!!str ~"],
        &["\"\"", "''", "!!str", "!!str \"\""],
        &["true", "True", "TRUE", "!!bool true"],
        &["yes", "\"yes\"", "!!str yes"],
        &["y", "\"y\""],
        &["on", "\"on\""],
        &["1:30", "\"1:30\"", "!!str 1:30"],
        &["\"<<\"", "'<<'", "!!str <<", "! <<"],
    ];
    let mut seen = HashMap::new();
    for row in rows {
        let forms: Vec<_> = row.iter().map(|value| normal(&format!("k: {value}\n"))).collect();
        assert!(forms.iter().all(|form| *form == forms[0] && form.starts_with('{')), "{row:?}: {forms:?}");
        assert_eq!(seen.insert(forms[0].clone(), row), None, "{row:?}");
    }
}

#[test]
fn a_merge_key_that_is_no_key_is_refused() {
    for text in [
        "k: <<",
        "k: [<<]",
        "- <<",
        "<<",
        "k: {a: <<, b: 1}",
        "k: !!merge <<",
        "k: &a <<",
        "? &a <<\n: {}",
        "k: {? &a << : {p: 1}, q: *a}",
        "? [<<]\n: x",
        "k:\n  - a\n  - <<\n",
    ] {
        let problem = problem(text);
        assert!(matches!(problem, Some(ComposeProblem::MergeValue | ComposeProblem::Key(_))), "{text}: {problem:?}");
    }
    for text in
        ["k: {<<: {p: 1}}", "k: {!!merge <<: {p: 1}}", "k:\n  <<: {p: 1}\n", "k: {? << : {p: 1}}", "k: {<<: [{p: 1}]}"]
    {
        assert_eq!(normal(text), "{\"k\":{\"p\":1}}", "{text}");
    }
    for text in ["k: {\"<<\": {p: 1}}", "k: {'<<': {p: 1}}", "k: {!!str <<: {p: 1}}", "k: {! <<: {p: 1}}"] {
        assert_eq!(normal(text), "{\"k\":{\"<<\":{\"p\":1}}}", "{text}");
    }
}

#[test]
fn tags_that_are_not_read_are_refused_in_every_place() {
    for tag in [
        "!t",
        "!t,",
        "!!t,",
        "!!str,",
        "!<t>",
        "!<a%62>",
        "!<>",
        "!e!t",
        "!!",
        "!!binary",
        "!reset",
        "!!python/object:os.system",
    ] {
        for place in [
            "k: @ a",
            "k: [@ a, b]",
            "k: [@]",
            "k: {a: @, b: c}",
            "- @ [a]",
            "@ k: v",
            "@\nk: v",
            "k: &a @ v",
            "k: @",
            "k: @ {a: b}",
            "k: @\n  a: b\n",
        ] {
            let text = place.replace('@', tag);
            let problem = problem(&text);
            assert!(matches!(problem, Some(ComposeProblem::Tag(_) | ComposeProblem::Syntax(_))), "{text}: {problem:?}");
        }
    }
    assert_eq!(
        normal("k: [a!, 'b !t, c', \"!t,\", x!!str, {a!b: c}] # !t,\nl: |\n  !t, u\n  !\n"),
        r#"{"k":["a!","b !t, c","!t,","x!!str",{"a!b":"c"}],"l":"!t, u\n!\n"}"#
    );
    let message = |text: &str| normal(text).split(": ").nth(2).map(str::to_owned);
    assert_eq!(message("k: !reset [a]"), Some("the tag `!reset` is not read here".to_owned()));
    let stand_ins: String = ('\u{e000}'..='\u{f8ff}').collect();
    assert_eq!(normal(&format!("k: {stand_ins}")), format!("{{\"k\":\"{stand_ins}\"}}"));
    assert_eq!(problem(&format!("k: {stand_ins}!")), Some(ComposeProblem::Character("U+E000".to_owned())));
}

#[test]
fn a_question_mark_that_only_some_readers_take_for_a_key_is_refused() {
    for text in [
        "k: [?a]",
        "k: {?a: b}",
        "k: [?\"a\"]",
        "k: [x, ?[a]: b]",
        "k: {?&a b: c}",
        "k: [?{a: b}]",
        "k: [x,\n ?a]",
        "k: {?'': b}",
        "k: {a: b, ?*c : d}",
    ] {
        let problem = problem(&format!("c: &c x\n{text}"));
        assert_eq!(problem, Some(ComposeProblem::QuestionMark), "{text}");
    }
    for (text, form) in [
        ("k: ?a", r#"{"k":"?a"}"#),
        ("k: [a?, b?c]", r#"{"k":["a?","b?c"]}"#),
        ("k: {? a : b}", r#"{"k":{"a":"b"}}"#),
        ("k: {a?: b}", r#"{"k":{"a?":"b"}}"#),
        ("k: {a?}", r#"{"k":{"a?":null}}"#),
        ("? a\n: b\n", r#"{"a":"b"}"#),
        ("k: [\"?a\", http://x?y=1]", r#"{"k":["?a","http://x?y=1"]}"#),
        ("?a: b", r#"{"?a":"b"}"#),
    ] {
        assert_eq!(normal(text), form, "{text}");
    }
}

#[test]
fn an_alias_stands_for_the_last_anchor_of_its_name() {
    assert_eq!(
        normal("a: &x 1\nb: &x [*x2, 2]\n"),
        "refused: line 2, column 8: the alias `*x2` has no anchor `&x2` before it"
    );
    assert_eq!(normal("a: &x 1\nb: *x\nc: &x 2\nd: *x\n"), r#"{"a":1,"b":1,"c":2,"d":2}"#);
    assert_eq!(problem("a: &x 1\nb: &x [*x]\n"), Some(ComposeProblem::Recursive));
    assert_eq!(problem("a: &x {b: &y {c: *x}}\n"), Some(ComposeProblem::Recursive));
    assert_eq!(problem("a: *x\nb: &x 1\n"), Some(ComposeProblem::NoAnchor("x".to_owned())));
}
