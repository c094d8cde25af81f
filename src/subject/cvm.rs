//! Names and ids of confidential virtual machines on Phala Cloud: texts that are safe in a path of its API. Who gives them out
//! is elsewhere.

use std::{fmt, str::FromStr};

/// Shortest and longest name, in characters.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 5..=63;
/// Digits of a machine's id.
const UUID_DIGITS: usize = 32;
/// Digits of an application's id, and of an instance's.
const APP_DIGITS: usize = 40;

/// The name of a machine, as Phala Cloud takes it: 5 to 63 characters, first a letter, then letters, digits and single
/// hyphens, none of them last.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CvmName(String);

/// Why a text names no machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` cannot name a machine on Phala Cloud: {why}")]
pub struct InvalidCvmName {
    shown: String,
    why: &'static str,
}

impl CvmName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CvmName {
    type Err = InvalidCvmName;

    fn from_str(text: &str) -> Result<Self, InvalidCvmName> {
        let odd = |letter: char| !(letter.is_ascii_alphanumeric() || letter == '-');
        let why = if text.contains(odd) {
            "it may hold letters, digits and hyphens only"
        } else if !NAME_LENGTH.contains(&text.len()) {
            "it must have 5 to 63 characters"
        } else if !text.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            "it must begin with a letter"
        } else if text.contains("--") {
            "it must not hold two hyphens in a row"
        } else if text.ends_with('-') {
            "it must not end with a hyphen"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(InvalidCvmName { shown: crate::text::excerpt(text), why })
    }
}

impl fmt::Display for CvmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of an application: 40 hex digits. Machines that run the same application share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppId(String);

/// The text is not the id of an application.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the id of an application on Phala Cloud: 40 hex digits, bare or after app_")]
pub struct InvalidAppId(String);

impl AppId {
    /// Its digits, in lower case.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppId {
    type Err = InvalidAppId;

    /// Reads the digits bare, or after `app_` or `0x`.
    fn from_str(text: &str) -> Result<Self, InvalidAppId> {
        let digits = text.strip_prefix("app_").or_else(|| text.strip_prefix("0x")).unwrap_or(text);
        if !is_hex(digits, APP_DIGITS) {
            return Err(InvalidAppId(crate::text::excerpt(text)));
        }
        Ok(Self(digits.to_ascii_lowercase()))
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the API is told which machine is meant: by the machine's own id, or by that of the application or instance on it.
/// A name would do as well, and another machine may have it by now: none is taken here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CvmId(String);

/// The text is not the id of a machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the id of a machine on Phala Cloud: a UUID, or 40 hex digits after app_ or instance_")]
pub struct InvalidCvmId(String);

impl CvmId {
    /// As it stands in a path: a UUID without hyphens.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CvmId {
    type Err = InvalidCvmId;

    fn from_str(text: &str) -> Result<Self, InvalidCvmId> {
        let bare: String = text.chars().filter(|letter| *letter != '-').collect();
        let tagged = ["app_", "instance_"]
            .into_iter()
            .any(|tag| text.strip_prefix(tag).is_some_and(|digits| is_hex(digits, APP_DIGITS)));
        if tagged {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        if is_hex(&bare, UUID_DIGITS) && (text.len() == UUID_DIGITS || is_hyphened(text)) {
            return Ok(Self(bare.to_ascii_lowercase()));
        }
        Err(InvalidCvmId(crate::text::excerpt(text)))
    }
}

impl From<&AppId> for CvmId {
    fn from(app: &AppId) -> Self {
        Self(format!("app_{}", app.digits()))
    }
}

impl fmt::Display for CvmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether the hyphens of a UUID are where they belong.
fn is_hyphened(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_the_service_takes_and_nothing_else() {
        let longest = format!("a{}", "b".repeat(62));
        for good in ["abcde", "mero-kms-debug-1-2-0", "A1-2b", "a-b-c", &longest] {
            assert_eq!(good.parse::<CvmName>().unwrap().as_str(), good);
        }
        let long = format!("{longest}b");
        for (bad, why) in [
            ("abcd", "5 to 63"),
            (long.as_str(), "5 to 63"),
            ("1abcde", "begin with a letter"),
            ("-abcde", "begin with a letter"),
            ("abc--de", "two hyphens"),
            ("abcde-", "end with a hyphen"),
            ("abc.de", "letters, digits and hyphens"),
            ("abc_de", "letters, digits and hyphens"),
            ("abcdé", "letters, digits and hyphens"),
            ("abc/../de", "letters, digits and hyphens"),
            ("", "5 to 63"),
        ] {
            let said = bad.parse::<CvmName>().unwrap_err().to_string();
            assert!(said.contains(why), "{bad}: {said}");
        }
    }

    #[test]
    fn an_id_is_safe_in_a_path_and_read_in_every_spelling_of_the_service() {
        let app = "aB".repeat(20);
        let uuid = "0123456789abcdef0123456789ABCDEF";
        assert_eq!(uuid.parse::<CvmId>().unwrap().as_str(), uuid.to_ascii_lowercase());
        let hyphened = "01234567-89ab-cdef-0123-456789abcdef";
        assert_eq!(hyphened.parse::<CvmId>().unwrap().as_str(), uuid.to_ascii_lowercase());
        for tag in ["app_", "instance_"] {
            let text = format!("{tag}{app}");
            assert_eq!(text.parse::<CvmId>().unwrap().as_str(), text.to_ascii_lowercase());
        }
        for text in [app.clone(), format!("0x{app}"), format!("app_{app}")] {
            let id: AppId = text.parse().unwrap();
            assert_eq!((id.digits(), CvmId::from(&id).as_str().len()), (app.to_ascii_lowercase().as_str(), 44));
        }
        for bad in ["", "..", "app_", "app_/../..", "0123", "-0123456789abcdef0123456789abcdef", app.as_str()] {
            assert!(bad.parse::<CvmId>().is_err(), "{bad}");
        }
        for bad in ["", "app_12", "instance_0", uuid] {
            assert!(bad.parse::<AppId>().is_err(), "{bad}");
        }
    }
}
