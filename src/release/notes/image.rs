//! Which container image the notes tell people to deploy: the one of this repository, pinned by its digest.
//!
//! Notes carry no signature, so everything in them is what somebody wants a reader to do. Two texts are read. A **pin**
//! counts where a reader sees it: not in an HTML comment or tag, behind a link, or as the text of a picture. A **mention** that
//! misleads counts wherever it stands. A reference is a word of the text, read as container engines read one,
//! `name[:tag][@digest]`; a name in other letters or capitals is another name.

use std::collections::BTreeSet;

use super::markdown::{Line, lines, visible};
use crate::{
    digest::Sha256,
    report::{CheckInfo, Finding},
    schema::excerpt::excerpt,
};

/// The notes pin the image by digest.
pub const NOTES_IMAGE: CheckInfo =
    CheckInfo { id: "notes-image", title: "the release notes pin this repository's KMS image by its digest" };

const REGISTRY: &str = "ghcr.io/";

/// Schemes that may stand before a reference.
const SCHEMES: [&str; 5] = ["docker://", "oci://", "docker-image://", "https://", "http://"];

/// A container image that notes name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference {
    /// Name with registry: `ghcr.io/owner/name`.
    pub name: String,
    /// Mutable tag, when there is one.
    pub tag: Option<String>,
    /// What stands after `@`, well formed or not: `sha256:<hex>`.
    pub digest: Option<String>,
}

impl ImageReference {
    /// Reads a word of a text; `None` when it names no image: a reference lies on ghcr.io, or has a tag or a digest.
    fn read(word: &str) -> Option<Self> {
        let word = word.trim_matches(['.', ':', '_', '-', '+', '#', '&', '@']).trim_end_matches('/');
        let word = SCHEMES.iter().find_map(|scheme| word.strip_prefix(scheme)).unwrap_or(word);
        let (left, digest) = match word.split_once('@') {
            Some((left, digest)) => (left, Some(digest.to_owned())),
            None => (word, None),
        };
        let last = left.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match left.get(last..)?.find(':') {
            Some(colon) => (left.get(..last + colon)?, left.get(last + colon + 1..)),
            None => (left, None),
        };
        let tag = tag.filter(|tag| !tag.is_empty()).map(str::to_owned);
        // Neither a path of a file, nor a word with a colon, nor an e-mail address is an image.
        let is_reference = match &digest {
            Some(digest) => name.contains('/') || digest.contains(':'),
            None => name.contains('/') && (on_registry(name) || tag.is_some()),
        };
        let can_be_named = !name.is_empty() && !name.starts_with('/') && name != REGISTRY.trim_end_matches('/');
        (is_reference && can_be_named).then(|| Self { name: name.to_owned(), tag, digest })
    }

    /// Whether it names exactly one content: `@sha256:` and 64 lowercase hex digits, as registries spell a digest.
    pub fn is_pinned(&self) -> bool {
        self.digest.as_deref().is_some_and(|digest| Sha256::from_prefixed(digest).is_ok())
    }

    /// Whether a reader could take it for `image` although it is another: the same last part of the name, or the same
    /// name but for capitals or for letters of another script.
    fn passes_for(&self, image: &str) -> bool {
        let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_lowercase();
        let strange = on_registry(&self.name) && !self.name.is_ascii();
        self.name != image && (last(&self.name) == last(image) || strange)
    }

    /// The reference as a deployment must use it.
    fn text_without_tag(&self) -> String {
        Self { tag: None, ..self.clone() }.text()
    }

    /// The reference as written.
    fn text(&self) -> String {
        let mut text = self.name.clone();
        if let Some(tag) = &self.tag {
            text.extend([":", tag]);
        }
        if let Some(digest) = &self.digest {
            text.extend(["@", digest]);
        }
        text
    }
}

fn on_registry(name: &str) -> bool {
    name.get(..REGISTRY.len()).is_some_and(|host| host.eq_ignore_ascii_case(REGISTRY))
}

/// The images that a text names, in order.
fn references(text: &str) -> impl Iterator<Item = ImageReference> + '_ {
    let is_part = |c: char| match c {
        '.' | '_' | '-' | '/' | ':' | '@' | '%' | '+' | '#' | '&' | '$' => true,
        // Letters of other scripts belong to the word, so that it is not taken for the part before them.
        c => c.is_alphanumeric(),
    };
    text.split(move |c| !is_part(c)).filter_map(ImageReference::read)
}

/// The images that a reader of the notes sees, code included.
fn seen(notes: &[Line]) -> Vec<ImageReference> {
    let text = |line: &Line| match line {
        Line::Heading(_, text) | Line::Text(text) => references(&visible(text)).collect::<Vec<_>>(),
        Line::Code(text) => references(text).collect(),
        Line::Gap(_) => Vec::new(),
    };
    notes.iter().flat_map(text).collect()
}

/// [`NOTES_IMAGE`]: `image`, the name of this repository's image, is pinned by digest where a reader sees it, to one of the
/// digests that a signed document of the release states (`stated`; empty where none does), and no other image passes
/// for it. Tags beside a pin, and other images without one, are warned about.
pub fn notes_image(subject: &str, notes: &str, image: &str, stated: &[String]) -> Vec<Finding> {
    let document = lines(notes);
    let seen = seen(&document);
    let mentioned: Vec<ImageReference> = references(notes).collect();
    let mut findings = match pin(subject, image, &seen, &mentioned) {
        Ok(pinned) => vec![pinned],
        Err(unpinned) => return vec![*unpinned],
    };
    let pinned: BTreeSet<&str> =
        seen.iter().filter(|i| i.name == image && i.is_pinned()).filter_map(|i| i.digest.as_deref()).collect();
    for digest in &pinned {
        if !stated.is_empty() && !stated.iter().any(|s| s == digest) {
            let finding = NOTES_IMAGE.fail(subject, "the notes pin an image that the release manifest does not name");
            findings.push(finding.compared(stated.join(" or "), *digest));
        }
    }
    // The same content under another name is the same content.
    let same = |i: &ImageReference| i.digest.as_deref().is_some_and(|digest| pinned.contains(digest));
    let stand_in = mentioned.iter().find(|i| i.passes_for(image) && !same(i));
    findings.extend(stand_in.map(|i| another(subject, image, i)));
    findings.extend(warnings(subject, image, &document, &mentioned, &pinned));
    findings
}

/// `image` with the digest that the notes pin it to, where they pin it to one alone.
pub fn pinned(notes: &str, image: &str) -> Option<String> {
    let seen = seen(&lines(notes));
    let mut pins: Vec<String> =
        seen.iter().filter(|i| i.name == image && i.is_pinned()).map(ImageReference::text_without_tag).collect();
    pins.sort();
    pins.dedup();
    if pins.len() == 1 { pins.pop() } else { None }
}

fn expected(image: &str) -> String {
    format!("{image}@sha256:<64 hex digits>")
}

const HELP: &str = "write the image as the deployment must use it, with the digest the build printed";

fn another(subject: &str, image: &str, found: &ImageReference) -> Finding {
    NOTES_IMAGE
        .fail(subject, "the notes name another image that passes for this repository's")
        .compared(expected(image), excerpt(&found.text()))
        .help("find out who wrote it: the notes of a release can be changed without a trace")
}

/// The pass, or why the image is not pinned.
fn pin(
    subject: &str,
    image: &str,
    seen: &[ImageReference],
    mentioned: &[ImageReference],
) -> Result<Finding, Box<Finding>> {
    let own = || seen.iter().filter(|i| i.name == image);
    let mut pins: Vec<&ImageReference> = own().filter(|i| i.is_pinned()).collect();
    pins.dedup_by_key(|i| i.digest.as_deref());
    if let Some(first) = pins.first() {
        let others = if pins.len() > 1 { format!(" and {} more", pins.len() - 1) } else { String::new() };
        return Ok(NOTES_IMAGE.pass(subject, format!("pinned as {}{others}", first.text_without_tag())));
    }
    let unpinned =
        |message: &str, got: String| NOTES_IMAGE.fail(subject, message).compared(expected(image), got).help(HELP);
    let got = |i: &ImageReference| excerpt(&i.text());
    Err(Box::new(if let Some(malformed) = own().find(|i| i.digest.is_some()) {
        unpinned("the image's digest is malformed", got(malformed))
    } else if let Some(loose) = own().next() {
        unpinned("the image is named by a mutable tag only", got(loose))
    } else if let Some(stand_in) = mentioned.iter().find(|i| i.passes_for(image)) {
        another(subject, image, stand_in)
    } else if mentioned.iter().any(|i| i.name == image) {
        unpinned("the image is pinned only where no reader sees it", "a comment, tag or link".into())
    } else if let Some(other) = seen.first() {
        unpinned("the notes do not name this repository's image", got(other))
    } else {
        unpinned("the notes name no image", "no image of ghcr.io".into())
    }))
}

/// What a person should look at although the image is pinned.
fn warnings(
    subject: &str,
    image: &str,
    document: &[Line],
    mentioned: &[ImageReference],
    pinned: &BTreeSet<&str>,
) -> Vec<Finding> {
    let warn = |message: &str, found: &ImageReference| {
        let finding = NOTES_IMAGE.warn(subject, message).compared(expected(image), excerpt(&found.text()));
        finding.help(HELP)
    };
    let is_short_of_a_pin = |digest: &str| pinned.iter().any(|pin| pin.starts_with(digest));
    let malformed = mentioned.iter().find(|i| {
        i.name == image && !i.is_pinned() && i.digest.as_deref().is_some_and(|digest| !is_short_of_a_pin(digest))
    });
    let commanded = document.iter().find_map(|line| {
        let (Line::Heading(_, text) | Line::Text(text) | Line::Code(text) | Line::Gap(text)) = line;
        if !deploys(text) {
            return None;
        }
        references(text).find(|i| i.name == image && i.digest.is_none())
    });
    let pinned_elsewhere = |name: &str| mentioned.iter().any(|i| i.name == name && i.is_pinned());
    let loose = mentioned.iter().find(|i| {
        on_registry(&i.name) && i.name != image && !i.passes_for(image) && !i.is_pinned() && !pinned_elsewhere(&i.name)
    });
    [
        malformed.map(|i| warn("the image is also named with a malformed digest", i)),
        commanded.as_ref().map(|i| warn("a command or setting uses the image by a mutable tag", i)),
        loose.map(|i| {
            let finding = NOTES_IMAGE.warn(subject, "another image is named without its digest");
            finding.compared(format!("{}@sha256:<64 hex digits>", excerpt(&i.name)), excerpt(&i.text())).help(HELP)
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether a line is one that people copy to deploy: a command of a container engine, or a setting.
fn deploys(line: &str) -> bool {
    line.split_whitespace().any(|word| {
        matches!(word.trim_matches(['`', '*', '"', '\'']), "pull" | "run" | "create" | "image:" | "FROM" | "--image")
    })
}

#[cfg(test)]
mod tests;
