//! The reason in an error of Phala Cloud, which has two shapes: `detail`, as its framework writes it (a sentence, a list of
//! fields that are wrong, or anything), and `error_code` with `message`, details and suggestions.

use serde_json::Value;

/// Details that are repeated: the first ones say enough.
const MOST: usize = 3;

/// The reason as one sentence; `None` where there is none.
pub(super) fn reason(body: &Value) -> Option<String> {
    if let Some(code) = text(body, "error_code") {
        let message = text(body, "message").unwrap_or("no reason given");
        return Some(format!("{}{}", with_details(message, body.get("details")), format_args!(" ({code})")));
    }
    match body.get("detail")? {
        Value::String(words) => Some(words.clone()),
        // Some errors of the second shape are wrapped in the first.
        detail @ Value::Object(_) => reason(detail).or_else(|| text(detail, "message").map(str::to_owned)),
        detail @ Value::Array(_) => {
            let words = joined(detail);
            (!words.is_empty()).then_some(words)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn with_details(message: &str, details: Option<&Value>) -> String {
    match details.map(joined).unwrap_or_default() {
        details if details.is_empty() => message.to_owned(),
        details => format!("{message}: {details}"),
    }
}

/// The entries of a list of errors, each after the field it is about.
fn joined(details: &Value) -> String {
    let entry = |entry: &Value| {
        let words = text(entry, "message").or_else(|| text(entry, "msg")).or_else(|| entry.as_str())?;
        Some(match text(entry, "field").map(str::to_owned).or_else(|| place(entry)) {
            Some(field) => format!("{field}: {words}"),
            None => words.to_owned(),
        })
    };
    let all: Vec<String> = details.as_array().into_iter().flatten().filter_map(entry).take(MOST).collect();
    all.join("; ")
}

/// `loc` of a field: `["body", "compose_file", "name"]`.
fn place(entry: &Value) -> Option<String> {
    let steps = entry.get("loc")?.as_array()?;
    let word = |step: &Value| match step {
        Value::String(word) => Some(word.clone()),
        Value::Number(index) => Some(index.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let words: Vec<String> = steps.iter().filter_map(word).filter(|word| word != "body").collect();
    (!words.is_empty()).then(|| words.join("."))
}

fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field)?.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_shape_of_an_error_becomes_one_sentence() {
        let field = json!({"loc": ["body", "compose_file", 0, "name"], "msg": "field required", "type": "missing"});
        for (body, said) in [
            (json!({"detail": "Not found"}), "Not found"),
            (json!({"detail": [field, "plain"]}), "compose_file.0.name: field required; plain"),
            (json!({"detail": {"message": "wrapped"}}), "wrapped"),
            (json!({"detail": {"error_code": "ERR-1", "message": "inner"}}), "inner (ERR-1)"),
            (
                json!({"error_code": "ERR-03-007", "message": "app id conflict", "suggestions": ["x"],
                    "details": [{"field": "app_id", "value": 1, "message": "taken"}, {"message": "twice"}]}),
                "app id conflict: app_id: taken; twice (ERR-03-007)",
            ),
            (json!({"error_code": "ERR-2"}), "no reason given (ERR-2)"),
        ] {
            assert_eq!(reason(&body).as_deref(), Some(said), "{body}");
        }
        for none in
            [json!({}), json!([]), json!({"detail": 7}), json!({"detail": []}), json!({"detail": {}}), json!(null)]
        {
            assert_eq!(reason(&none), None, "{none}");
        }
    }
}
