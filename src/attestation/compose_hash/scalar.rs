//! What a plain scalar is: null, a truth value, a number or text.
//!
//! The rules are those of YAML 1.2's core schema (10.3.2), with the reading of Docker Compose (go-yaml) where the two
//! differ and YAML 1.1 agrees with Compose, and a refusal where it does not. `docs/compose-hash.md` lists every case.

use super::{ComposeProblem, node::Node};
use crate::schema::excerpt::excerpt;

/// The value of a plain, untagged scalar.
pub(super) fn plain(text: &str) -> Result<Node, ComposeProblem> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Node::Null),
        "true" | "True" | "TRUE" => return Ok(Node::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Node::Bool(false)),
        // Compose prints it as `-0`, and 0 as `0`.
        "-0" => return Ok(Node::Float(-0.0)),
        _ => {}
    }
    // Every number begins with one of these; most scalars do not.
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Ok(Node::Text(text.to_owned()));
    }
    let not_finite = |t: &str| matches!(t, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN");
    if not_finite(text) || not_finite(unsigned(text)) {
        return Err(ComposeProblem::NotFinite(excerpt(text)));
    }
    if is_date(text) {
        return Err(ComposeProblem::Date(excerpt(text)));
    }
    if text.contains('_') {
        // go-yaml drops the underscores and tries again; YAML 1.2 has none in numbers.
        return match number(&text.replace('_', "")) {
            Ok(None) => Ok(Node::Text(text.to_owned())),
            Ok(Some(_)) | Err(_) => Err(ComposeProblem::Ambiguous(excerpt(text))),
        };
    }
    Ok(number(text)?.unwrap_or_else(|| Node::Text(text.to_owned())))
}

/// The value of a scalar with a core tag. `None` when the text does not fit the tag.
pub(super) fn tagged(tag: &str, text: &str) -> Result<Option<Node>, ComposeProblem> {
    if tag == "str" {
        return Ok(Some(Node::Text(text.to_owned())));
    }
    Ok(match (tag, plain(text)?) {
        ("null", Node::Null) => Some(Node::Null),
        ("bool", Node::Bool(value)) => Some(Node::Bool(value)),
        ("int", Node::Int(value)) => Some(Node::Int(value)),
        ("float", Node::Float(value)) => Some(Node::Float(value)),
        // The only integers every reader turns into the same float.
        ("float", Node::Int(value)) => i32::try_from(value).ok().map(|value| Node::Float(value.into())),
        _ => None,
    })
}

fn number(text: &str) -> Result<Option<Node>, ComposeProblem> {
    let body = unsigned(text);
    let signed = body.len() < text.len();
    if let Some((radix, digits, canonical)) = prefixed(body) {
        if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
            return Ok(None);
        }
        // YAML 1.2 knows `0o17` and `0x1f`, unsigned and with a small prefix; go-yaml the rest too.
        return if canonical && !signed {
            integer(text, radix, digits).map(Some)
        } else {
            Err(ComposeProblem::Ambiguous(excerpt(text)))
        };
    }
    if !body.is_empty() && body.bytes().all(|b| b.is_ascii_digit()) {
        return match body.strip_prefix('0') {
            None | Some("") => integer(text, 10, body).map(Some),
            // A file mode, as in `mode: 0440`: octal to Compose and to YAML 1.1.
            Some(digits) if digits.bytes().all(|b| b < b'8') => integer(text, 8, digits).map(Some),
            Some(_) => Err(ComposeProblem::Ambiguous(excerpt(text))),
        };
    }
    if !is_float(body) {
        return Ok(None);
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Some(Node::Float(value))),
        Ok(_) | Err(_) => Err(ComposeProblem::Number(excerpt(text))),
    }
}

/// A date or a time of a date: all that YAML 1.1's `!!timestamp` matches and all that Compose's reader takes for one,
/// which is not the same. To Compose a date is not text: a container gets it as `2024-01-01 00:00:00 +0000 UTC`.
fn is_date(text: &str) -> bool {
    let date = |t| digits(dash(digits(dash(digits(t, 4, 4)?)?, 1, 2)?)?, 1, 2);
    match date(text) {
        None => false,
        Some("") => true,
        Some(rest) => is_time(rest),
    }
}

/// What may follow a date: `T` or spaces, a time with seconds, a fraction, a zone.
fn is_time(text: &str) -> bool {
    let clock =
        text.strip_prefix(['T', 't']).or_else(|| Some(text.trim_start_matches(BLANK)).filter(|t| t.len() < text.len()));
    let clock = clock.and_then(|t| digits(colon(digits(colon(digits(t, 1, 2)?)?, 1, 2)?)?, 1, 2));
    let Some(rest) = clock else { return false };
    let fraction = rest.strip_prefix(['.', ',']).map(|t| t.trim_start_matches(|c: char| c.is_ascii_digit()));
    match fraction.unwrap_or(rest).trim_start_matches(BLANK) {
        "" | "Z" => true,
        zone => {
            let hours = zone.strip_prefix(['+', '-']).and_then(|t| digits(t, 1, 2));
            hours.is_some_and(|t| t.is_empty() || colon(t).and_then(|t| digits(t, 2, 2)) == Some(""))
        }
    }
}

const BLANK: [char; 2] = [' ', '\t'];

fn dash(text: &str) -> Option<&str> {
    text.strip_prefix('-')
}

fn colon(text: &str) -> Option<&str> {
    text.strip_prefix(':')
}

/// What follows the digits that a text begins with, when there are as many as wanted.
fn digits(text: &str, least: usize, most: usize) -> Option<&str> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    (least..=most).contains(&(text.len() - rest.len())).then_some(rest)
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

/// Base, digits, and whether YAML 1.2 has this prefix.
fn prefixed(body: &str) -> Option<(u32, &str, bool)> {
    let digits = body.get(2..)?;
    match body.get(..2)? {
        "0o" => Some((8, digits, true)),
        "0x" => Some((16, digits, true)),
        "0O" => Some((8, digits, false)),
        "0X" => Some((16, digits, false)),
        "0b" | "0B" => Some((2, digits, false)),
        _ => None,
    }
}

/// An integer between the smallest of 64 bits signed and the largest unsigned, as Compose holds them.
fn integer(text: &str, radix: u32, digits: &str) -> Result<Node, ComposeProblem> {
    let too_large = || ComposeProblem::Number(excerpt(text));
    let digits = digits.trim_start_matches('0');
    // The longest that can fit has 22 digits, in octal.
    let magnitude = match digits.len() {
        0 => 0,
        1..=22 => i128::from_str_radix(digits, radix).map_err(|_| too_large())?,
        _ => return Err(too_large()),
    };
    let value = if text.starts_with('-') { -magnitude } else { magnitude };
    let fits = i64::try_from(value).is_ok() || u64::try_from(value).is_ok();
    if fits { Ok(Node::Int(value)) } else { Err(too_large()) }
}

/// `[0-9]* (\. [0-9]*)? ([eE] [-+]? [0-9]+)?` with a digit before the exponent.
fn is_float(body: &str) -> bool {
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (body, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let some_digits = |t: &str| !t.is_empty() && digits(t);
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|e| some_digits(unsigned(e)))
}
