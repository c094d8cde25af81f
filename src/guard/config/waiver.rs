//! An exception to `forbid-allowed-env`: which name may stand in which file, why, and until when.

use jiff::{ToSpan as _, civil::Date};
use serde::{Deserialize, Deserializer, de::Error as _};
use toml_edit::Datetime;

use super::{check_path, check_text};

/// Days before its end from which on a waiver is warned about.
const SOON: i32 = 14;

/// One exception.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Waiver {
    /// The file, from the top of the repository.
    #[serde(deserialize_with = "super::path")]
    pub path: String,
    /// The variable that may stand in it.
    #[serde(deserialize_with = "super::variable")]
    pub name: String,
    /// Why.
    #[serde(deserialize_with = "super::text")]
    pub reason: String,
    /// The last day on which it holds, in UTC.
    #[serde(deserialize_with = "date")]
    pub expires: Date,
    /// Line it stands on in its file; 0 where it was not read from one.
    #[serde(skip)]
    pub line: u32,
}

/// Whether a waiver still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It holds.
    Holds,
    /// It holds, and ends within two weeks.
    EndsSoon,
    /// Its last day is over.
    Expired,
}

impl Waiver {
    /// A waiver that was written elsewhere than in `merotee.toml`, such as in the file that it is about.
    ///
    /// # Errors
    /// Says which field is wrong, and why.
    pub fn new(path: &str, name: &str, reason: &str, expires: &str) -> Result<Self, String> {
        check_path(path).map_err(|why| format!("path: {why}"))?;
        check_text(reason).map_err(|why| format!("reason: {why}"))?;
        let name = super::check_variable(name).map_err(|why| format!("name: {why}"))?.to_owned();
        let expires = day(expires).map_err(|why| format!("expires: {why}"))?;
        Ok(Self { path: path.to_owned(), name, reason: reason.to_owned(), expires, line: 0 })
    }

    /// Whether it is about `name` in the file at `path`.
    pub fn covers(&self, path: &str, name: &str) -> bool {
        self.path == path && self.name == name
    }

    /// Whether it still holds on `today`, in UTC.
    pub fn expiry(&self, today: Date) -> Expiry {
        if self.expires < today {
            Expiry::Expired
        } else if today.checked_add(SOON.days()).is_ok_and(|soon| self.expires < soon) {
            Expiry::EndsSoon
        } else {
            Expiry::Holds
        }
    }
}

/// A day, as TOML writes it (`2026-12-31`) or as text.
fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Day(Datetime),
    }
    let text = match Written::deserialize(deserializer).map_err(|_| D::Error::custom(NOT_A_DAY))? {
        Written::Text(text) => text,
        Written::Day(day) => day.to_string(),
    };
    day(&text).map_err(D::Error::custom)
}

const NOT_A_DAY: &str = "expected a day as YYYY-MM-DD";

fn day(text: &str) -> Result<Date, &'static str> {
    // The calendar's parser also takes a time behind the day, and would drop it.
    if text.len() != "YYYY-MM-DD".len() {
        return Err(NOT_A_DAY);
    }
    text.parse().map_err(|_| NOT_A_DAY)
}
