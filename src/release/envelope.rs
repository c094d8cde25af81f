//! The JSON in which signatures and statements are published, read so that no two readers can understand it differently.
//!
//! A Sigstore bundle and the DSSE envelope in it are protobuf messages written as JSON, cosign's older bundle is Go's. Of
//! two members of a oneof, of a key and its other spelling, of an envelope and a `payload` beside it, one reader takes
//! this and another that. So each form has a table of what may stand in it, and whatever is not in the table, or stands
//! there twice, is refused before any of it is trusted. Sigstore's Go and Python clients refuse unknown fields, too.
//!
//! Nothing here verifies anything, and nothing here decides what a form is good for.

mod forms;

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use self::forms::{BUNDLE, COSIGN_BUNDLE, ENVELOPE, Message, STATEMENT, Shape, foreign_mark};
use crate::schema::{excerpt::excerpt, parse_json_within};

/// Which of the forms a document has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A Sigstore bundle.
    Bundle,
    /// What cosign wrote before bundles had a specification.
    CosignBundle,
    /// A DSSE envelope by itself.
    Envelope,
    /// An in-toto statement by itself, in no envelope.
    Statement,
}

/// Why a document is none that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Not JSON, or a part is missing.
    #[error("malformed: {0}")]
    Malformed(String),
    /// Two readers could take it for different things.
    #[error("ambiguous: {0}")]
    Ambiguous(String),
    /// Sound JSON of another kind, named.
    #[error("this is {0}")]
    OtherKind(String),
}

/// Reads a document of at most `limit` bytes, and settles what it says: fields that are `null` count as absent, as protobuf
/// has it, and are left out.
///
/// # Errors
/// [`Unfit`], naming the place.
pub fn read(bytes: &[u8], limit: usize) -> Result<(Form, Value), Unfit> {
    let value = parse_json_within(bytes, limit).map_err(|error| match documents(bytes) {
        0 | 1 => Unfit::Malformed(error.to_string()),
        several => {
            Unfit::OtherKind(format!("{several} documents in one file, one a line or one after the other: give one"))
        }
    })?;
    let Value::Object(fields) = &value else { return Err(Unfit::OtherKind(kind_of(&value))) };
    let Some(form) = form_of(fields) else { return Err(Unfit::OtherKind(kind_of(&value))) };
    let value = match form {
        Form::Bundle => settled(value, &BUNDLE, "")?,
        Form::CosignBundle => settled(value, &COSIGN_BUNDLE, "")?,
        Form::Envelope => settled(value, &ENVELOPE, "")?,
        Form::Statement => statement(value)?,
    };
    match form {
        Form::Bundle => one_signature(&value, "/dsseEnvelope/signatures")?,
        Form::Envelope => one_signature(&value, "/signatures")?,
        Form::CosignBundle | Form::Statement => {}
    }
    Ok((form, value))
}

/// A statement, as it stands alone or in an envelope. What else it must be is for [`super::statement`] to say.
///
/// # Errors
/// [`Unfit::Ambiguous`] when a field stands under two names, or one of another form beside them.
pub fn statement(value: Value) -> Result<Value, Unfit> {
    settled(value, &STATEMENT, "")
}

/// What a JSON document is, in words that end "this is …", as far as its media type or its fields tell.
pub fn kind_of(value: &Value) -> String {
    let fields = match value {
        Value::Object(fields) => fields,
        Value::Array(_) => return "a JSON array".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return "a single JSON value".to_owned(),
    };
    let media_type = fields.get("mediaType").and_then(Value::as_str).unwrap_or_default();
    let by_media_type = [
        ("dev.sigstore.bundle", "a Sigstore bundle"),
        ("dev.sigstore.trustedroot", "a Sigstore trusted root"),
        ("dev.sigstore.clienttrustconfig", "a Sigstore client trust config"),
        ("dev.sigstore.signingconfig", "a Sigstore signing config"),
    ];
    let by_field = [
        ("verificationMaterial", "a Sigstore bundle"),
        ("trustedRoot", "a Sigstore client trust config"),
        ("base64Signature", "a bundle in cosign's older form"),
        ("predicateType", "an in-toto statement"),
        ("payloadType", "a DSSE envelope"),
        ("attestations", "GitHub's answer with attestations"),
        ("contracts", "a release contract"),
        ("signed", "TUF metadata"),
        ("kty", "a JSON Web Key"),
        ("keys", "a JSON Web Key set"),
        ("spdxVersion", "an SPDX document"),
        ("certificateAuthorities", "a Sigstore trusted root"),
    ];
    let named = by_media_type.iter().find(|(part, _)| media_type.contains(part)).map(|(_, kind)| *kind);
    let named = named.or_else(|| by_field.iter().find(|(field, _)| fields.contains_key(*field)).map(|(_, kind)| *kind));
    match named {
        Some(kind) => kind.to_owned(),
        None if fields.is_empty() => "an empty JSON object".to_owned(),
        None if !media_type.is_empty() => format!("JSON of the media type {}", excerpt(media_type)),
        None => "JSON of another kind".to_owned(),
    }
}

/// How many JSON values follow one another before the text stops being JSON.
pub fn documents(bytes: &[u8]) -> usize {
    serde_json::Deserializer::from_slice(bytes).into_iter::<IgnoredAny>().take_while(Result::is_ok).count()
}

/// The form whose fields a document has. Of several, the one with the strictest table: it then refuses the others' fields.
fn form_of(fields: &Map<String, Value>) -> Option<Form> {
    let has = |names: &[&str]| names.iter().any(|name| fields.contains_key(*name));
    let bundle = has(&["verificationMaterial", "messageSignature", "dsseEnvelope"])
        || fields.get("mediaType").and_then(Value::as_str).is_some_and(|kind| kind.contains("dev.sigstore.bundle"));
    if bundle {
        Some(Form::Bundle)
    } else if has(&["base64Signature", "cert", "rekorBundle"]) {
        Some(Form::CosignBundle)
    } else if has(&["payload", "payloadType", "signatures"]) {
        Some(Form::Envelope)
    } else if has(&["_type", "predicateType", "subject"]) {
        Some(Form::Statement)
    } else {
        None
    }
}

/// A message whose fields are all known and all said once.
fn settled(value: Value, message: &Message, path: &str) -> Result<Value, Unfit> {
    // A value of another type is refused by the reader of the message that it is not.
    let Value::Object(fields) = value else { return Ok(value) };
    let mut kept = Map::new();
    for (key, value) in fields {
        let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let Some(shape) = message.field(&key) else {
            stranger(message, &key, &at)?;
            continue;
        };
        if value.is_null() {
            continue;
        }
        let value = match (shape, value) {
            (Shape::One(inner), value) => settled(value, inner, &at)?,
            (Shape::Many(inner), Value::Array(items)) => {
                let items = items.into_iter().enumerate();
                Value::Array(
                    items.map(|(n, item)| settled(item, inner, &format!("{at}[{n}]"))).collect::<Result<_, _>>()?,
                )
            }
            (Shape::Leaf | Shape::Many(_), value) => value,
        };
        kept.insert(key, value);
    }
    one_of(&kept, message, path)?;
    at_most_one(&kept, message, path)?;
    Ok(Value::Object(kept))
}

/// A field that the table does not know: always refused where the form is closed, else when some reader could take it for
/// one that it knows, or for another form.
fn stranger(message: &Message, key: &str, at: &str) -> Result<(), Unfit> {
    let at = excerpt(at);
    if let Some(known) = message.respelled(key) {
        return Err(Unfit::Ambiguous(format!("`{at}` is another spelling of the field `{known}`")));
    }
    if foreign_mark(key) {
        return Err(Unfit::Ambiguous(format!("`{at}` belongs to another form of signature")));
    }
    if message.closed { Err(Unfit::Malformed(format!("unknown field `{at}`"))) } else { Ok(()) }
}

fn one_of(fields: &Map<String, Value>, message: &Message, path: &str) -> Result<(), Unfit> {
    if message.one_of.is_empty() {
        return Ok(());
    }
    let place = if path.is_empty() { "it".to_owned() } else { format!("`{path}`") };
    let present: Vec<&str> = message.one_of.iter().copied().filter(|name| fields.contains_key(*name)).collect();
    match present.as_slice() {
        [_] => Ok(()),
        [] => Err(Unfit::Malformed(format!("{place} holds none of {}", message.one_of.join(", ")))),
        several => Err(Unfit::Ambiguous(format!("{place} holds {} at once; expected one", several.join(" and ")))),
    }
}

fn at_most_one(fields: &Map<String, Value>, message: &Message, path: &str) -> Result<(), Unfit> {
    for name in message.single {
        let count = fields.get(*name).and_then(Value::as_array).map_or(0, Vec::len);
        if count > 1 {
            let at = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
            return Err(Unfit::Ambiguous(format!("`{at}` holds {count} values; expected one")));
        }
    }
    Ok(())
}

/// A DSSE envelope promises a signature; the evidence around it is of one.
fn one_signature(value: &Value, pointer: &str) -> Result<(), Unfit> {
    let (envelope, _) = pointer.rsplit_once('/').unwrap_or_default();
    if value.pointer(envelope).is_none() {
        return Ok(());
    }
    let signatures = value.pointer(pointer).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let signed = |signature: &Value| signature.get("sig").and_then(Value::as_str).is_some_and(|sig| !sig.is_empty());
    match signatures {
        [signature] if signed(signature) => Ok(()),
        [] | [_] => Err(Unfit::Malformed("the DSSE envelope holds no signature".to_owned())),
        several => {
            let count = several.len();
            Err(Unfit::Ambiguous(format!("the DSSE envelope holds {count} signatures; expected one")))
        }
    }
}

#[cfg(test)]
mod tests;
