//! The docker-compose file of a KMS that runs, and the same file for another release: image, version and nothing else changes,
//! so that what an operator added to it stays. How a file gets to a machine is elsewhere.

mod ports;

use semver::Version;

pub use self::ports::{Published, published};
use super::image::Image;
use crate::{
    subject::profile::Profile,
    text::excerpt,
    yaml::{Content, NodeId, Span, Style, Tree},
};

const VERSION: &str = "MERO_KMS_VERSION";
const PROFILE: &str = "MERO_KMS_PROFILE";

/// What a file says of the KMS in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// Its image, by digest.
    pub image: Image,
    /// `MERO_KMS_VERSION`.
    pub version: Version,
    /// `MERO_KMS_PROFILE`.
    pub profile: Profile,
}

/// Why a file is not one of a KMS that can be brought to another release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(String);

/// What the file says, and where.
struct Places {
    service: String,
    stated: Stated,
    image: Span,
    version: Span,
}

/// What a file says of its KMS.
///
/// # Errors
/// It is not YAML, holds no service of a KMS or several, or leaves image, version or profile to something else.
pub fn stated(compose: &str) -> Result<Stated, Unfit> {
    places(compose).map(|places| places.stated)
}

/// The service of a file that is its KMS.
///
/// # Errors
/// As [`stated`].
pub fn service(compose: &str) -> Result<String, Unfit> {
    places(compose).map(|places| places.service)
}

/// The same file with another image and version.
///
/// # Errors
/// As [`stated`]; the file is of another profile.
pub fn upgraded(compose: &str, image: &Image, version: &Version, profile: Profile) -> Result<String, Unfit> {
    let places = places(compose)?;
    if places.stated.profile != profile {
        return Err(Unfit(format!("its KMS is of profile {}, not {profile}", places.stated.profile)));
    }
    // The later place first, so that the other one stays where it is.
    let mut edits = [(places.image, image.to_string()), (places.version, version.to_string())];
    edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut text = compose.to_owned();
    for (span, word) in edits {
        let range = text.get(span.start..span.end).map(|_| span.start..span.end);
        let range = range.ok_or_else(|| Unfit("its places cannot be told apart".to_owned()))?;
        text.replace_range(range, &word);
    }
    let wanted = Stated { image: image.clone(), version: version.clone(), profile };
    match stated(&text) {
        Ok(now) if now == wanted => Ok(text),
        Ok(_) | Err(_) => Err(Unfit("image and version cannot be replaced in it".to_owned())),
    }
}

fn places(compose: &str) -> Result<Places, Unfit> {
    let tree = Tree::parse(compose).map_err(|e| Unfit(format!("it is not YAML: {e}")))?;
    let file = File { tree: &tree, text: compose };
    let [root] = tree.roots() else { return Err(Unfit("it does not hold exactly one document".to_owned())) };
    let services = file.get(*root, "services")?.ok_or_else(|| Unfit("it has no services".to_owned()))?;
    let mut found = Vec::new();
    for (name, service) in file.entries(services)? {
        if file.variable(service, PROFILE)?.is_some() || file.variable(service, VERSION)?.is_some() {
            found.push((name, service));
        }
    }
    let [(name, service)] = found.as_slice() else {
        return Err(Unfit(format!(
            "{} of its services are a KMS, by {PROFILE} or {VERSION}; expected one",
            found.len()
        )));
    };
    let (image, text) = file
        .get(*service, "image")?
        .map(|id| file.scalar(id))
        .transpose()?
        .ok_or_else(|| Unfit("the service of the KMS has no image".to_owned()))?;
    let variable = |name: &str| {
        let found = file.variable(*service, name)?;
        found.ok_or_else(|| Unfit(format!("the service of the KMS sets no {name}")))
    };
    let (version, word) = variable(VERSION)?;
    let (_, profile) = variable(PROFILE)?;
    let bare = word.strip_prefix("mero-kms-").unwrap_or(&word);
    let bare = bare.strip_prefix('v').unwrap_or(bare);
    let stated = Stated {
        image: text.parse().map_err(|e| Unfit(format!("image {}: {e}", excerpt(&text))))?,
        version: bare.parse().map_err(|_| Unfit(format!("{VERSION} {} is not a version", excerpt(&word))))?,
        profile: profile.parse().map_err(|_| Unfit(format!("{PROFILE} {} is not a profile", excerpt(&profile))))?,
    };
    Ok(Places { service: name.clone(), stated, image, version })
}

struct File<'t> {
    tree: &'t Tree<'t>,
    text: &'t str,
}

impl File<'_> {
    /// A variable of a service's environment, and where its value stands.
    fn variable(&self, service: NodeId, name: &str) -> Result<Option<(Span, String)>, Unfit> {
        let Some(environment) = self.get(service, "environment")? else { return Ok(None) };
        match self.content(environment) {
            Some(Content::Map(_)) => self.get(environment, name)?.map(|id| self.scalar(id)).transpose(),
            Some(Content::List(items)) => {
                let mut found = None;
                for item in items.clone() {
                    let (span, text) = self.scalar(item)?;
                    let Some(value) = text.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) else { continue };
                    let span = Span { start: span.end.saturating_sub(value.len()), end: span.end };
                    if found.replace((span, value.to_owned())).is_some() {
                        return Err(Unfit(format!("it sets {name} twice")));
                    }
                }
                Ok(found)
            }
            Some(Content::Scalar { .. } | Content::Alias(_)) | None => {
                Err(Unfit("the environment of a service is not written as a list or mapping".to_owned()))
            }
        }
    }

    /// The value of a key; a key that appears twice cannot be changed.
    fn get(&self, map: NodeId, key: &str) -> Result<Option<NodeId>, Unfit> {
        let mut found = self.entries(map)?.into_iter().filter(|(name, _)| name == key).map(|(_, value)| value);
        let first = found.next();
        if found.next().is_some() {
            return Err(Unfit(format!("it has the key {key} twice")));
        }
        Ok(first)
    }

    fn entries(&self, id: NodeId) -> Result<Vec<(String, NodeId)>, Unfit> {
        match self.content(id) {
            Some(Content::Map(entries)) => {
                let named = |(key, value): &(NodeId, NodeId)| Some((self.tree.text(*key)?.to_owned(), *value));
                Ok(entries.iter().filter_map(named).collect())
            }
            Some(Content::Scalar { .. } | Content::List(_) | Content::Alias(_)) | None => {
                Err(Unfit("a part of it is not written as a mapping".to_owned()))
            }
        }
    }

    /// A text that stands in the file as it is, and where: without its quotes.
    fn scalar(&self, id: NodeId) -> Result<(Span, String), Unfit> {
        let node = self.tree.written(id).map(|node| (&node.content, node.span));
        let Some((Content::Scalar { text, style }, span)) = node else {
            return Err(Unfit("a value in it is not written as a text".to_owned()));
        };
        let quotes = match style {
            Style::Plain => 0,
            Style::Single | Style::Double => 1,
            Style::Block => return Err(Unfit("a value in it is written as a block".to_owned())),
        };
        let span = Span { start: span.start + quotes, end: span.end.saturating_sub(quotes) };
        if self.text.get(span.start..span.end) != Some(text.as_str()) {
            return Err(Unfit(format!("{} is not written out", excerpt(text))));
        }
        if text.contains("${") || text.starts_with('$') {
            return Err(Unfit(format!("{} comes from a variable", excerpt(text))));
        }
        Ok((span, text.clone()))
    }

    fn content(&self, id: NodeId) -> Option<&Content> {
        // An anchor may be used elsewhere too: what is changed is written where it counts.
        self.tree.written(id).map(|node| &node.content)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::probe::kms::compose;

    fn image(digit: &str) -> Image {
        format!("ghcr.io/o/n@sha256:{}", digit.repeat(64)).parse().unwrap()
    }

    #[test]
    fn a_file_of_ours_becomes_the_one_of_the_other_release_and_back_again() {
        let (old, new) = ("1.1.1".parse().unwrap(), "1.2.0".parse().unwrap());
        let profile = Profile::LockedReadOnly;
        let (before, after) = (compose(&image("a"), &old, profile), compose(&image("b"), &new, profile));
        assert_eq!(upgraded(&before, &image("b"), &new, profile).unwrap(), after);
        assert_eq!(upgraded(&after, &image("a"), &old, profile).unwrap(), before);
        assert_eq!(service(&after).unwrap(), "mero-kms");
        assert_eq!(stated(&after).unwrap(), Stated { image: image("b"), version: new, profile });
    }

    #[test]
    fn what_an_operator_added_stays_in_every_way_of_writing_a_variable() {
        let (a, b) = (image("a"), image("b"));
        for (version, environment) in [
            ("'v1.1.1'", "      MERO_KMS_VERSION: 'v1.1.1'\n      MERO_KMS_PROFILE: debug\n"),
            (
                "v1.1.1",
                "      - REDIS_URL=redis://x\n      - MERO_KMS_VERSION=v1.1.1\n      - \"MERO_KMS_PROFILE=debug\"\n",
            ),
            ("v1.1.1", "      - \"MERO_KMS_VERSION=v1.1.1\"\n      - MERO_KMS_PROFILE=debug\n"),
        ] {
            let file = format!(
                "# mine\nservices:\n  proxy: {{image: caddy:2}}\n  kms:\n    environment:\n{environment}    image: \"{a}\" # pinned\n"
            );
            let new = upgraded(&file, &b, &"1.2.0".parse().unwrap(), Profile::Debug).unwrap();
            let bare = version.replace("v1.1.1", "1.2.0");
            assert_eq!(new, file.replace(&a.to_string(), &b.to_string()).replace(version, &bare));
        }
    }

    #[test]
    fn a_file_that_does_not_say_everything_itself_is_refused_with_the_reason() {
        let pinned = image("a").to_string();
        let file = |image: &str, environment: &str| {
            format!("services:\n  kms:\n    image: {image}\n    environment:\n{environment}")
        };
        let good = "      MERO_KMS_VERSION: 1.1.1\n      MERO_KMS_PROFILE: debug\n";
        let two = format!("{}  other:\n    image: x\n    environment: [MERO_KMS_PROFILE=debug]\n", file(&pinned, good));
        for (compose, why) in [
            (file("ghcr.io/o/n:latest", good), "not pinned"),
            (file("${IMAGE}", good), "comes from a variable"),
            (file(&pinned, "      MERO_KMS_PROFILE: debug\n"), "sets no MERO_KMS_VERSION"),
            (file(&pinned, "      MERO_KMS_VERSION: latest\n      MERO_KMS_PROFILE: debug\n"), "is not a version"),
            (file(&pinned, "      MERO_KMS_VERSION: 1.1.1\n      MERO_KMS_PROFILE: open\n"), "is not a profile"),
            (file(&pinned, "      A: b\n"), "0 of its services"),
            (two, "2 of its services"),
            ("a: [".to_owned(), "not YAML"),
            ("services: []\n".to_owned(), "not written as a mapping"),
            ("{}\n".to_owned(), "no services"),
            (String::new(), "exactly one document"),
        ] {
            let said = upgraded(&compose, &image("b"), &"1.2.0".parse().unwrap(), Profile::Debug).unwrap_err();
            assert!(said.to_string().contains(why), "{compose}: {said}");
        }
        let other = upgraded(&file(&pinned, good), &image("b"), &"1.2.0".parse().unwrap(), Profile::LockedReadOnly);
        assert!(other.unwrap_err().to_string().contains("profile debug, not locked-read-only"));
    }
}
