//! What a workflow run was started for, read from the event and the ref that the runner gives.
//!
//! The event is untrusted: a pull request's author chooses its title, its body and the names of its branches. Only ids and
//! numbers are taken from it, and each is checked. Labels are not: a re-run sees those of the first run.

use serde_json::Value;

use crate::schema::{excerpt::excerpt, parse_json_within};

/// Largest event that is read, in bytes. GitHub caps payloads at 25 MB.
pub const MAX_EVENT_BYTES: usize = 25 << 20;

/// What is to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A pull request.
    Pull(PullRequest),
    /// A tag, by its name.
    Tag(String),
    /// A branch, by its name.
    Branch(String),
    /// The runner said nothing: this is not a workflow run.
    Nothing,
}

/// The commits of a pull request, as the event has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// The tip of the branch it goes to.
    pub base: String,
    /// Its own last commit.
    pub head: String,
}

impl Trigger {
    /// Reads the event, the content of `$GITHUB_EVENT_PATH`, and the ref, `$GITHUB_REF`.
    ///
    /// # Errors
    /// One sentence: the event is not JSON, a field of a pull request is missing or of another form, the tag was deleted,
    /// or the ref is none.
    pub fn read(event: Option<&[u8]>, git_ref: Option<&str>) -> Result<Self, String> {
        let event = match event {
            Some(bytes) => {
                parse_json_within(bytes, MAX_EVENT_BYTES).map_err(|e| format!("the event is not JSON: {e}"))?
            }
            None => Value::Null,
        };
        if let Some(pull) = event.get("pull_request") {
            return PullRequest::read(pull).map(Self::Pull);
        }
        if event.get("deleted") == Some(&Value::Bool(true)) {
            return Err("the event deletes its ref: there is nothing to judge".into());
        }
        let Some(git_ref) = git_ref else { return Ok(Self::Nothing) };
        let tag = git_ref.strip_prefix("refs/tags/").map(|name| Self::Tag(name.to_owned()));
        let named = tag.or_else(|| git_ref.strip_prefix("refs/heads/").map(|name| Self::Branch(name.to_owned())));
        named.ok_or_else(|| {
            format!("the ref `{}` is neither a tag nor a branch, and the event holds no pull request", excerpt(git_ref))
        })
    }
}

impl PullRequest {
    /// Reads a pull request as the event, or GitHub's API, has it.
    ///
    /// # Errors
    /// One sentence that names the field.
    pub fn read(pull: &Value) -> Result<Self, String> {
        let number = pull.get("number").and_then(Value::as_u64).filter(|number| *number > 0);
        Ok(Self {
            number: number.ok_or("the pull request has no number")?,
            base: commit(pull, "base")?,
            head: commit(pull, "head")?,
        })
    }
}

/// The commit at one end of a pull request.
fn commit(pull: &Value, end: &str) -> Result<String, String> {
    let sha = pull.get(end).and_then(|end| end.get("sha")).and_then(Value::as_str);
    let sha = sha.ok_or_else(|| format!("the pull request has no `{end}.sha`"))?;
    if matches!(sha.len(), 40 | 64) && sha.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(sha.to_owned());
    }
    Err(format!("`{end}.sha` of the pull request is not the id of a commit: `{}`", excerpt(sha)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(event: &Value, git_ref: &str) -> Result<Trigger, String> {
        Trigger::read(Some(event.to_string().as_bytes()), Some(git_ref))
    }

    fn pull() -> Value {
        json!({"number": 7, "title": "\n::error::x", "labels": [{"name": "skip-version-sync"}],
            "base": {"ref": "main", "sha": "a".repeat(40)}, "head": {"ref": "$(x)", "sha": "b".repeat(40)}})
    }

    #[test]
    fn the_event_or_else_the_ref_says_what_the_run_is_for() {
        let expected = PullRequest { number: 7, base: "a".repeat(40), head: "b".repeat(40) };
        let event = json!({"action": "opened", "number": 7, "pull_request": pull()});
        assert_eq!(read(&event, "refs/pull/7/merge"), Ok(Trigger::Pull(expected)));
        assert_eq!(read(&json!({}), "refs/tags/mero-kms-v1.0.0"), Ok(Trigger::Tag("mero-kms-v1.0.0".into())));
        assert_eq!(read(&json!({"ref": "x"}), "refs/heads/a/b"), Ok(Trigger::Branch("a/b".into())));
        assert_eq!(Trigger::read(None, None), Ok(Trigger::Nothing));
    }

    #[test]
    fn an_event_of_another_form_is_refused_by_the_name_of_its_field() {
        for (field, value, why) in [
            ("number", json!("7"), "no number"),
            ("number", json!(0), "no number"),
            ("number", json!(-1), "no number"),
            ("base", json!({"ref": "main"}), "no `base.sha`"),
            ("head", Value::Null, "no `head.sha`"),
            ("head", json!({"sha": "--upload-pack=x"}), "`head.sha` of the pull request is not the id"),
            ("base", json!({"sha": "abc"}), "`base.sha` of the pull request is not the id"),
        ] {
            let mut event = json!({"pull_request": pull()});
            event["pull_request"][field] = value;
            assert!(read(&event, "refs/pull/7/merge").unwrap_err().contains(why), "{field}");
        }
        assert!(read(&json!({"pull_request": null}), "refs/heads/x").is_err());
        assert!(read(&json!({"deleted": true}), "refs/tags/mero-kms-v1.0.0").unwrap_err().contains("deletes"));
        assert!(read(&json!({}), "refs/pull/7/merge").unwrap_err().contains("no pull request"));
        assert!(Trigger::read(Some(b"{"), None).unwrap_err().contains("not JSON"));
    }
}
