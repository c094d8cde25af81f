//! Where a part of a JSON document stands in its text, for messages that point at it. What the part means is not known
//! here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Line and column, both from 1, of the value at `place`: an RFC 6901 pointer, or a path like `a.b[2]`. The column counts
/// characters. Of a part that is not there, the innermost that is: a missing field is missing from its object.
///
/// `None` when the text is not JSON in UTF-8.
pub fn position(document: &[u8], place: &str) -> Option<(u32, u32)> {
    let text = str::from_utf8(document).ok()?;
    let mut value: &RawValue = serde_json::from_str(text).ok()?;
    for step in steps(place) {
        match child(value, &step) {
            Some(inner) => value = inner,
            None => break,
        }
    }
    let offset = (value.get().as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let before = text.get(..offset)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Some((u32::try_from(line).ok()?, u32::try_from(column).ok()?))
}

fn steps(place: &str) -> Vec<String> {
    if let Some(pointer) = place.strip_prefix('/') {
        return pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    }
    let pieces = place.split(['.', '[']).map(|piece| piece.trim_end_matches(']'));
    pieces.filter(|piece| !piece.is_empty()).map(str::to_owned).collect()
}

fn child<'v>(value: &'v RawValue, step: &str) -> Option<&'v RawValue> {
    match value.get().as_bytes().first()? {
        b'{' => read::<BTreeMap<String, &RawValue>>(value)?.get(step).copied(),
        b'[' => read::<Vec<&RawValue>>(value)?.get(step.parse::<usize>().ok()?).copied(),
        _ => None,
    }
}

fn read<'v, T: Deserialize<'v>>(value: &'v RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] =
        "{\n  \"a\": {\"b\": [1,\n    \"é\", {\"c/d\": null}], \"~\": 2},\n  \"1\": true\n}\n".as_bytes();

    #[test]
    fn a_part_is_found_by_pointer_and_by_path() {
        for (place, expected) in [
            ("", (1, 1)),
            ("/a", (2, 8)),
            ("a", (2, 8)),
            ("/a/b", (2, 14)),
            ("a.b", (2, 14)),
            ("a.b[0]", (2, 15)),
            ("/a/b/1", (3, 5)),
            ("a.b[1]", (3, 5)),
            ("a.b[2]", (3, 10)),
            ("/a/b/2/c~1d", (3, 18)),
            ("/a/~0", (3, 31)),
            ("/1", (4, 8)),
        ] {
            assert_eq!(position(TEXT, place), Some(expected), "{place}");
        }
    }

    #[test]
    fn of_what_is_absent_the_innermost_that_is_there() {
        for (place, expected) in [("a.x", (2, 8)), ("a.b[9].c", (2, 14)), ("/a/b/x", (2, 14)), ("nothing", (1, 1))] {
            assert_eq!(position(TEXT, place), Some(expected), "{place}");
        }
        assert_eq!(position(b"{\"a\":", "a"), None);
        assert_eq!(position(b"\xff", ""), None);
    }
}
