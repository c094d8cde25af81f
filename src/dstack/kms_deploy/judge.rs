//! What is to be said of a KMS's compose file before it is measured: whether its images can be exchanged, and whether it shows
//! what should be secret. Warnings, all of them: what is a key, only its owner knows.

use url::Url;

use super::{ImageReference, KmsDeploy};
use crate::{
    report::{CheckInfo, Finding},
    schema::excerpt::capped,
    text::excerpt,
    yaml::{Content, Node, NodeId, Tree, YamlError},
};

/// The image cannot be exchanged.
pub const IMAGE: CheckInfo = CheckInfo {
    id: "dstack-compose-image",
    title: "the KMS image is named by its digest, so that what was measured is what runs",
};
/// Nothing in the file should be secret.
pub const PUBLIC: CheckInfo = CheckInfo {
    id: "dstack-compose-public",
    title: "addresses in the compose file hold no credentials: the file is measured, and shown to anyone who asks",
};

/// Every check of the options, in the order they are reported.
pub const RULES: [CheckInfo; 2] = [IMAGE, PUBLIC];

/// What to do about a tag.
const BY_DIGEST: &str = "name the image by its digest, NAME@sha256:HEX: a registry says it when an image is pushed";

/// What to do about something secret.
const SHOWN: &str =
    "anyone who is shown app-compose.json reads it: use an endpoint that needs no key, or one of your own";
/// Length from which a part of an address looks like a key.
const LONG: usize = 16;
/// Words in the name of a variable that holds what should be secret.
const SECRET_WORDS: [&str; 6] = ["KEY", "SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIALS"];

impl KmsDeploy {
    /// [`IMAGE`] and [`PUBLIC`].
    pub fn judge(&self, subject: &str) -> Vec<Finding> {
        vec![judge_image(subject, &self.image), self.judge_public(subject)]
    }

    fn judge_public(&self, subject: &str) -> Finding {
        let addresses = [("--rpc-url", &self.rpc_url), ("--kms-pccs-url", &self.pccs_url)];
        let found = addresses.into_iter().find_map(|(option, address)| Some((option, secret_in(address.url())?)));
        match found {
            Some((option, what)) => {
                PUBLIC.warn(subject, format!("the address given with {option} has {what} in it")).help(SHOWN)
            }
            None => PUBLIC.pass(subject, "no address looks as if it had a key in it"),
        }
    }
}

/// What in an address should not be shown to everybody, as far as its looks say.
fn secret_in(url: &Url) -> Option<&'static str> {
    let is_long =
        |part: &str| part.len() >= LONG && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if !url.username().is_empty() || url.password().is_some() {
        return Some("a user name or password");
    }
    if url.query().is_some() {
        return Some("a parameter");
    }
    url.path_segments()?.any(is_long).then_some("a part that looks like a key")
}

/// [`IMAGE`] of every service of a compose file that somebody else wrote, and [`PUBLIC`] of its variables and configurations.
///
/// # Errors
/// It is not YAML.
pub fn judge_compose(subject: &str, text: &str) -> Result<Vec<Finding>, YamlError> {
    let tree = Tree::parse(text)?;
    let below = |key: &str| -> Vec<NodeId> {
        let roots = tree.roots().iter();
        roots.flat_map(|root| entries(&tree, *root, Some(key))).flat_map(|of| entries(&tree, of, None)).collect()
    };
    let services = below("services");
    let images: Vec<&str> = services
        .iter()
        .flat_map(|service| entries(&tree, *service, Some("image")))
        .filter_map(|image| tree.text(image))
        .collect();
    if images.is_empty() {
        return Ok(vec![IMAGE.undecided(subject, "it has no service with an image")]);
    }
    let judge = |image: &&str| match image.parse::<ImageReference>() {
        Ok(image) => judge_image(subject, &image),
        Err(_) => IMAGE.warn(subject, format!("`{}` is not an image by its digest", excerpt(image))).help(BY_DIGEST),
    };
    let mut findings: Vec<Finding> = images.iter().map(judge).collect();
    let mut shown: Vec<String> = services.iter().flat_map(|service| variables(&tree, *service)).collect();
    let contents = below("configs").into_iter().flat_map(|config| entries(&tree, config, Some("content")));
    shown.extend(
        contents
            .filter_map(|content| tree.text(content))
            .filter_map(addressed)
            .map(|what| format!("a config has an address with {what} in it")),
    );
    findings.extend(if shown.is_empty() {
        vec![PUBLIC.pass(subject, "no variable and no address looks as if it held a key")]
    } else {
        capped(shown.into_iter().map(|what| PUBLIC.warn(subject, what).help(SHOWN)).collect())
    });
    Ok(findings)
}

/// What the variables of a service show.
fn variables(tree: &Tree<'_>, service: NodeId) -> Vec<String> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for environment in entries(tree, service, Some("environment")) {
        let Some((_, node)) = tree.node(environment) else { continue };
        let text = |id: NodeId| tree.text(id).unwrap_or_default().to_owned();
        match &node.content {
            Content::Map(of) => pairs.extend(of.iter().map(|(name, value)| (text(*name), text(*value)))),
            Content::List(of) => pairs.extend(of.iter().map(|one| {
                let line = text(*one);
                line.split_once('=')
                    .map_or((line.clone(), String::new()), |(name, value)| (name.to_owned(), value.to_owned()))
            })),
            Content::Scalar { .. } | Content::Alias(_) => {}
        }
    }
    let shown = |(name, value): (String, String)| {
        // A value that is put in from elsewhere is not in the file.
        if value.is_empty() || value.starts_with('$') {
            return None;
        }
        let name = excerpt(&name);
        let is_secret = name.to_ascii_uppercase().split('_').any(|word| SECRET_WORDS.contains(&word));
        if is_secret {
            return Some(format!("the variable {name} has a value, and its name says that it is secret"));
        }
        addressed(&value).map(|what| format!("the address in {name} has {what} in it"))
    };
    pairs.into_iter().filter_map(shown).collect()
}

/// What the first address of a text that shows something shows.
fn addressed(text: &str) -> Option<&'static str> {
    let end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ')' | '>' | '`');
    let words = text.split(end).filter_map(|word| word.find("http").and_then(|at| word.get(at..)));
    words.filter_map(|word| word.parse::<Url>().ok()).find_map(|url| secret_in(&url))
}

/// The values of a mapping: of one key, or all of them.
pub(super) fn entries(tree: &Tree<'_>, id: NodeId, key: Option<&str>) -> Vec<NodeId> {
    let Some((_, Node { content: Content::Map(pairs), .. })) = tree.node(id) else { return Vec::new() };
    let is_meant = |of: NodeId| key.is_none_or(|key| tree.text(of) == Some(key));
    pairs.iter().filter(|(of, _)| is_meant(*of)).map(|(_, value)| *value).collect()
}

/// [`IMAGE`]: whether the image is named by its digest.
pub fn judge_image(subject: &str, image: &ImageReference) -> Finding {
    match image.digest() {
        Some(digest) => IMAGE.pass(subject, format!("{image}: sha256:{digest}")),
        None => IMAGE
            .warn(subject, format!("{image} names a tag: anyone who may push to the registry decides what runs"))
            .help(BY_DIGEST),
    }
}
