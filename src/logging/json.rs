//! A message as one JSON object: `time` (RFC 3339, UTC), `level`, `target`, `message`, then its fields in their order.

use std::fmt;

use serde_json::Value;
use tracing::{
    Event,
    field::{Field, Visit},
};

/// Names that stand for something in every line. A field of such a name gets an underscore behind it.
const TAKEN: [&str; 4] = ["time", "level", "target", "message"];

/// The line of `event`, without a line end.
pub(super) fn line(event: &Event<'_>, now: jiff::Timestamp) -> String {
    let mut fields = Fields::default();
    event.record(&mut fields);
    let metadata = event.metadata();
    let fixed = [
        ("time", Value::from(now.to_string())),
        ("level", Value::from(metadata.level().as_str())),
        ("target", Value::from(metadata.target())),
        ("message", Value::from(fields.message)),
    ];
    let named = fields
        .others
        .into_iter()
        .map(|(name, value)| (if TAKEN.contains(&name) { format!("{name}_") } else { name.to_owned() }, value));
    // Written out by hand: the order of a map's members would depend on the build's features.
    let members = fixed.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(named);
    let members: Vec<_> = members.map(|(name, value)| format!("{}:{value}", Value::from(name))).collect();
    format!("{{{}}}", members.join(","))
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn record(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record(field, Value::from(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.record(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.record(field, Value::from(value));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::{Layer, layer::SubscriberExt as _};

    use super::*;

    /// Keeps the lines.
    struct Kept(Arc<Mutex<Vec<String>>>);

    impl<S: tracing::Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
            self.0.lock().unwrap().push(line(event, jiff::Timestamp::UNIX_EPOCH));
        }
    }

    fn lines(say: impl FnOnce()) -> Vec<String> {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let subscriber = tracing_subscriber::registry().with(Kept(Arc::clone(&kept)));
        tracing::subscriber::with_default(subscriber, say);
        kept.lock().unwrap().clone()
    }

    #[test]
    fn a_line_states_time_level_target_and_message_then_the_fields_with_their_types() {
        let said = lines(|| {
            let (number, bytes) = (3_u64, [1_u8, 2]);
            tracing::info!(target: "merotee::x", number, ok = true, text = "a", ?bytes, "it is {}", "done");
        });
        let expected = r#"{"time":"1970-01-01T00:00:00Z","level":"INFO","target":"merotee::x","message":"it is done","number":3,"ok":true,"text":"a","bytes":"[1, 2]"}"#;
        assert_eq!(said, [expected]);
    }

    #[test]
    fn whatever_a_message_holds_it_stays_one_line_and_valid() {
        let said = lines(|| tracing::warn!(target: "t", level = "fake", "a\nb\"}}\u{1b}[2J"));
        assert!(said.iter().all(|line| !line.contains('\n') && !line.contains('\u{1b}')), "{said:?}");
        let parsed: Value = serde_json::from_str(said.first().unwrap()).unwrap();
        assert_eq!(parsed.get("message").unwrap(), "a\nb\"}\u{1b}[2J");
        assert_eq!(
            (parsed.get("level").unwrap(), parsed.get("level_").unwrap()),
            (&Value::from("WARN"), &Value::from("fake"))
        );
    }
}
