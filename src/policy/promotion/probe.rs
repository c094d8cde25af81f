//! One probe of a promotion: its candidates, what seals them, and what they say of the machine that was probed.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Target;
use crate::{
    digest::Sha256,
    policy::candidates::{Candidates, Given},
    report::Finding,
    schema::{
        SCHEMA,
        excerpt::{excerpt, excerpt_json},
    },
    subject::{profile::Profile, role::Role, tag::Tag},
};

/// A candidates file of a promotion.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// What it states. Its name is what findings call it.
    pub given: Given,
    /// Its text, as it was signed.
    pub text: String,
    /// SHA-256 of that.
    pub digest: Sha256,
    /// The signature over it.
    pub seal: Seal,
    /// What it says of the probe.
    pub about: About,
}

/// The signature over candidates, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seal {
    /// A Sigstore bundle.
    Bundle(String),
    /// A detached signature by a key.
    Signature(String),
}

/// What the `source` of candidates says of the probe. The texts are whatever stands there, cut short.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// Which machines were probed; `None` where it does not say, or says something else.
    pub role: Option<Role>,
    /// What was probed, by its digest.
    pub image: Option<String>,
    /// The images of all probes in it, each once; `None` of a machine that was running already.
    pub images: BTreeSet<Option<String>>,
    /// The versions that it says they are of, each once.
    pub versions: BTreeSet<String>,
    /// Whether each image was taken from a release, and not named by hand.
    pub released: bool,
    /// How the probe ended, or the probes that were combined.
    pub verdict: Option<String>,
    /// Registers that it names as not the same in every probe.
    pub unstable: Vec<String>,
    /// Whether the event log of a probe holds an instance id, which is another in every deployment.
    pub has_instance_id: bool,
    /// The page of the run.
    pub run_url: Option<String>,
}

impl Probe {
    /// Reads the candidates `bytes`, called `name`. `profile`, where it is given, is the one they are meant for.
    ///
    /// # Errors
    /// One `schema` finding: they are not JSON, or not an object.
    pub fn read(name: &str, bytes: &[u8], profile: Option<Profile>, seal: Seal) -> Result<Self, Box<Finding>> {
        let file = Candidates::parse(name, bytes)?;
        // JSON that was read is UTF-8.
        let text = str::from_utf8(bytes).map_err(|_| Box::new(SCHEMA.fail(name, "the file is not UTF-8")))?.to_owned();
        let about = About::of(&file.document);
        Ok(Self { given: Given { file, profile }, text, digest: Sha256::of(bytes), seal, about })
    }

    /// What the candidates are called.
    pub fn name(&self) -> &str {
        &self.given.file.name
    }

    /// Whose lists it has something for. None where it does not say whose role it is.
    pub fn targets(&self) -> Vec<Target> {
        let Some(role) = self.about.role else { return Vec::new() };
        self.given.profiles().into_iter().map(|profile| Target { role, profile }).collect()
    }

    /// The probe in a policy's `source.probes`.
    pub fn provenance(&self, role: Role) -> Value {
        let About { image, run_url, .. } = &self.about;
        let mut fields = Map::new();
        fields.insert("role".to_owned(), json!(role.as_str()));
        fields.insert("candidates_sha256".to_owned(), json!(self.digest.to_string()));
        for (name, value) in [("image", image), ("run_url", run_url)] {
            if let Some(value) = value {
                fields.insert(name.to_owned(), json!(value));
            }
        }
        Value::Object(fields)
    }
}

impl About {
    /// What `document` says, of one probe or of several that were combined.
    fn of(document: &Value) -> Self {
        let source = document.get("source");
        let text = |of: &Value, name: &str| match of.get(name)? {
            Value::Null => None,
            Value::String(text) => Some(excerpt_long(text)),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Some(excerpt_json(other))
            }
        };
        let family = source.and_then(|source| source.get("family")).and_then(Value::as_str);
        let role = family.and_then(|family| Role::ALL.into_iter().find(|role| role.as_str() == family));
        let combined = source.and_then(|source| source.get("probes")).and_then(Value::as_array);
        let each: Vec<&Value> = combined.map_or_else(|| source.into_iter().collect(), |all| all.iter().collect());
        // The first that did not pass speaks for all, one that says nothing included.
        let verdicts: Vec<Option<String>> = each.iter().map(|one| text(one, "verdict")).collect();
        let verdict = verdicts.iter().find(|one| one.as_deref() != Some(PASSED)).or(verdicts.first());
        let unstable = source.and_then(|source| source.get("unstable")).and_then(Value::as_array);
        let unstable =
            unstable.into_iter().flatten().take(5).map(|one| one.as_str().map_or_else(|| excerpt_json(one), excerpt));
        let instance = |one: &&Value| one.get("events").and_then(|events| events.get("instance-id")).is_some();
        let released = |one: &&Value| text(one, "release").is_some();
        Self {
            role,
            images: each.iter().map(|one| text(one, "image")).collect(),
            versions: each
                .iter()
                .flat_map(|one| [text(one, "release"), text(one, "version")])
                .flatten()
                .map(version)
                .collect(),
            released: !each.is_empty() && each.iter().all(released),
            image: source.and_then(|source| text(source, "image")),
            verdict: verdict.cloned().flatten(),
            unstable: unstable.collect(),
            has_instance_id: each.iter().any(instance),
            // A combined set names none of its own: the run of the first probe is where a reviewer begins.
            run_url: source
                .and_then(|source| text(source, "run_url"))
                .or_else(|| each.iter().find_map(|one| text(one, "run_url"))),
        }
    }
}

/// The version of a release, by its tag or with a `v` before it, as a KMS may state it; what is neither stays as it is.
fn version(text: String) -> String {
    let tag = text.parse::<Tag>().ok().map(|tag| tag.version().to_string());
    let bare = || text.strip_prefix('v')?.parse::<semver::Version>().ok().map(|version| version.to_string());
    tag.or_else(bare).unwrap_or(text)
}

/// The word of a probe that passed.
pub(super) const PASSED: &str = "passed";

/// Longest text of a `source` that is repeated; an image with its digest has about 150 characters.
const LONGEST: usize = 300;

fn excerpt_long(text: &str) -> String {
    match text.chars().count() <= LONGEST && !text.contains(char::is_control) {
        true => text.to_owned(),
        false => excerpt(text),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_combined_set_names_the_run_of_its_probes_and_passes_when_all_of_them_did() {
        let one = json!({"family": "kms", "verdict": "passed", "run_url": "https://github.com/o/r/actions/runs/7"});
        let mut document = json!({"source": {"family": "kms", "verdict": "passed", "probes": [one, one]}});
        let about = About::of(&document);
        assert_eq!(about.run_url.as_deref(), Some("https://github.com/o/r/actions/runs/7"));
        assert_eq!((about.role, about.verdict.as_deref()), (Some(Role::Kms), Some(PASSED)));
        // What the set says of itself counts for nothing where one of its probes says otherwise.
        document["source"]["probes"][1]["verdict"] = json!("failed");
        assert_eq!(About::of(&document).verdict.as_deref(), Some("failed"));
    }
}
