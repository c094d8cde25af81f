//! Whether values are what their kind says: checksums have their algorithm's length, dates exist, references to other
//! collections have their form, parts of files lie in order.

use std::{fmt, sync::LazyLock};

use regex::Regex;
use serde_json::Value;

use super::{Odd, Problems, content::is_purl, elements, list, text};

pub(super) fn check(document: &Value, problems: &mut Problems<'_>) {
    dates(document, problems);
    for (index, reference) in list(document, "externalDocumentRefs").iter().enumerate() {
        if let Some(value) = reference.get("checksum") {
            checksum(format_args!("externalDocumentRefs[{index}]"), value, problems);
        }
    }
    for (kind, index, element) in elements(document) {
        for value in list(element, "checksums") {
            checksum(format_args!("{kind}[{index}]"), value, problems);
        }
    }
    for (index, package) in list(document, "packages").iter().enumerate() {
        for reference in list(package, "externalRefs") {
            external(index, reference, problems);
        }
    }
    for (index, file) in list(document, "files").iter().enumerate() {
        // Clause 8.4; a file without any checksum is the schema's business.
        let checksums = list(file, "checksums");
        if !checksums.is_empty() && !checksums.iter().any(|c| text(c, "algorithm") == "SHA1") {
            problems.fail(|| format!("files[{index}] has no SHA1 checksum"), Some(("a SHA1 checksum", "others only")));
        }
    }
    for (index, snippet) in list(document, "snippets").iter().enumerate() {
        ranges(index, snippet, problems);
    }
    locations(document, problems);
}

/// Hex digits of a checksum: at least and at most. Clause 8.4 and the algorithms' own definitions.
fn digits(algorithm: &str) -> Option<(usize, usize)> {
    let exactly = |digits| Some((digits, digits));
    match algorithm {
        "ADLER32" => exactly(8),
        "MD2" | "MD4" | "MD5" => exactly(32),
        "SHA1" => exactly(40),
        "SHA224" => exactly(56),
        "SHA256" | "SHA3-256" | "BLAKE2b-256" => exactly(64),
        "SHA384" | "SHA3-384" | "BLAKE2b-384" => exactly(96),
        "SHA512" | "SHA3-512" | "BLAKE2b-512" => exactly(128),
        // At least 256 bits, and as long as one likes.
        "BLAKE3" => Some((64, usize::MAX)),
        // Up to 512 bits.
        "MD6" => Some((1, 128)),
        // One that is not in the specification is the schema's business.
        _ => None,
    }
}

fn checksum(place: fmt::Arguments<'_>, checksum: &Value, problems: &mut Problems<'_>) {
    let (algorithm, value) = (text(checksum, "algorithm"), text(checksum, "checksumValue"));
    let Some((least, most)) = digits(algorithm) else { return };
    if !(least..=most).contains(&value.len()) {
        let expected = match most {
            usize::MAX => format!("at least {least} hex digits"),
            most if least == most => format!("{least} hex digits"),
            most => format!("{least} to {most} hex digits"),
        };
        let message = || format!("{place}: the {algorithm} checksum has {} digits", value.len());
        problems.fail(message, Some((&expected, value)));
    }
}

/// Days that do not exist; the form is the schema's business.
fn dates(document: &Value, problems: &mut Problems<'_>) {
    let mut demand = |place: fmt::Arguments<'_>, owner: &Value, key: &str| {
        let value = text(owner, key);
        if !value.is_empty() && value.parse::<jiff::Timestamp>().is_err() {
            problems.fail(|| format!("{place}{key} is not a time"), Some(("YYYY-MM-DDThh:mm:ssZ", value)));
        }
    };
    if let Some(creation) = document.get("creationInfo") {
        demand(format_args!("creationInfo."), creation, "created");
    }
    for (index, package) in list(document, "packages").iter().enumerate() {
        for key in ["releaseDate", "builtDate", "validUntilDate"] {
            demand(format_args!("packages[{index}]."), package, key);
        }
    }
    for (index, review) in list(document, "revieweds").iter().enumerate() {
        demand(format_args!("revieweds[{index}]."), review, "reviewDate");
    }
    for (index, annotation) in list(document, "annotations").iter().enumerate() {
        demand(format_args!("annotations[{index}]."), annotation, "annotationDate");
    }
    for (kind, index, element) in elements(document) {
        for annotation in list(element, "annotations") {
            demand(format_args!("{kind}[{index}].annotations."), annotation, "annotationDate");
        }
    }
}

/// The form of a locator of a type, by SPDX 2.3 annex F.
fn has_form(kind: &str, locator: &str) -> bool {
    static CPE22: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[cC][pP][eE]:/[AHOaho]?(?::[A-Za-z0-9._~%-]*){0,6}$").ok());
    static CPE23: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&cpe23()).ok());
    let matches = |pattern: &LazyLock<Option<Regex>>| pattern.as_ref().is_some_and(|p| p.is_match(locator));
    let two = |separator: char| {
        locator.split_once(separator).is_some_and(|(a, b)| !a.is_empty() && !b.is_empty() && !b.contains(separator))
    };
    let hex = |text: &str, digits: usize| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    match kind {
        "cpe22Type" => matches(&CPE22),
        "cpe23Type" => matches(&CPE23),
        "advisory" | "fix" | "url" => is_web_address(locator),
        "swid" => locator.starts_with("swid:"),
        "maven-central" => (2..=3).contains(&locator.split(':').count()) && locator.split(':').all(|p| !p.is_empty()),
        "npm" => two('@'),
        "nuget" => two('/'),
        "bower" => two('#'),
        "purl" => is_purl(locator),
        "swh" => ["snp", "rel", "rev", "dir", "cnt"]
            .iter()
            .any(|kind| locator.strip_prefix(&format!("swh:1:{kind}:")).is_some_and(|id| hex(id, 40))),
        "gitoid" => ["blob", "tree", "commit", "tag"].iter().any(|kind| {
            let rest = locator.strip_prefix(&format!("gitoid:{kind}:"));
            rest.is_some_and(|id| {
                id.strip_prefix("sha1:").is_some_and(|d| hex(d, 40))
                    || id.strip_prefix("sha256:").is_some_and(|d| hex(d, 64))
            })
        }),
        _ => false,
    }
}

/// A formatted string of CPE 2.3 (NIST IR 7695, figure 6-3): eleven parts, of which the sixth is a language.
fn cpe23() -> String {
    let quoted = r##"\\[\\*?!"#$%&'()+,/:;<=>@\[\]^`{|}~]"##;
    let value = format!(r"(?:\?*|\*?)(?:[a-zA-Z0-9._-]|{quoted})+(?:\?*|\*?)|[*-]");
    format!(
        r"^cpe:2\.3:[aho*-](?::(?:{value})){{5}}:(?:[a-zA-Z]{{2,3}}(?:-(?:[a-zA-Z]{{2}}|[0-9]{{3}}))?|[*-])(?::(?:{value})){{4}}$"
    )
}

fn external(package: usize, reference: &Value, problems: &mut Problems<'_>) {
    let [category, kind, locator] =
        ["referenceCategory", "referenceType", "referenceLocator"].map(|key| text(reference, key));
    let kinds: &[&str] = match category {
        "SECURITY" => &["cpe22Type", "cpe23Type", "advisory", "fix", "url", "swid"],
        "PACKAGE-MANAGER" | "PACKAGE_MANAGER" => &["maven-central", "npm", "nuget", "bower", "purl"],
        "PERSISTENT-ID" | "PERSISTENT_ID" => &["swh", "gitoid"],
        "OTHER" => {
            if locator.contains(' ') {
                let message = || format!("packages[{package}]: a reference of category OTHER holds a space");
                problems.fail(message, Some(("a locator without spaces", locator)));
            }
            return;
        }
        // The schema's business.
        _ => return,
    };
    if !kinds.contains(&kind) {
        let message = || format!("packages[{package}]: category {category} has no such type of reference");
        problems.fail(message, Some((&kinds.join(", "), kind)));
    } else if !has_form(kind, locator) {
        problems.fail(|| format!("packages[{package}]: not a {kind}"), Some((form(kind), locator)));
    }
}

fn form(kind: &str) -> &'static str {
    match kind {
        "purl" => "pkg:type/name@version",
        "cpe23Type" => "cpe:2.3: and eleven parts",
        "cpe22Type" => "cpe:/ and up to seven parts",
        "advisory" | "fix" | "url" => "a web address",
        _ => "the form of SPDX 2.3, annex F",
    }
}

/// Whether a text begins with the address of a host whose name has a dot.
fn is_web_address(text: &str) -> bool {
    static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)^(?:(?:https?|ssh|git|svn|s?ftp)://)?(?:[^\s@/]+@)?[a-z0-9]+(?:[.-][a-z0-9]+)*\.[a-z]{2,}(?:[:/?#]|$)").ok()
    });
    ADDRESS.as_ref().is_some_and(|address| address.is_match(text))
}

/// Where people look and no reader depends on: warned about.
fn locations(document: &Value, problems: &mut Problems<'_>) {
    let (mut odd_locations, mut odd_pages, mut absolute) = (Odd::default(), Odd::default(), Odd::default());
    let said = |value: &str| !matches!(value, "" | "NONE" | "NOASSERTION");
    for package in list(document, "packages") {
        let location = text(package, "downloadLocation");
        let with_tool = location
            .split_once('+')
            .filter(|(tool, _)| ["git", "hg", "svn", "bzr"].iter().any(|known| tool.eq_ignore_ascii_case(known)));
        let address = with_tool.map_or(location, |(_, rest)| rest);
        let by_name = ["git@", "lp:"].iter().any(|scheme| address.starts_with(scheme));
        if said(location) && !is_web_address(address) && !(by_name && address != location) {
            odd_locations.push(location);
        }
        let page = text(package, "homepage");
        if said(page) && !is_web_address(page) {
            odd_pages.push(page);
        }
        let code = package.get("packageVerificationCode").unwrap_or(&Value::Null);
        for file in list(code, "packageVerificationCodeExcludedFiles").iter().filter_map(Value::as_str) {
            if file.starts_with('/') {
                absolute.push(file);
            }
        }
    }
    for file in list(document, "files").iter().map(|file| text(file, "fileName")).filter(|name| name.starts_with('/')) {
        absolute.push(file);
    }
    for page in list(document, "hasExtractedLicensingInfos").iter().flat_map(|info| list(info, "seeAlsos")) {
        let page = page.as_str().unwrap_or_default();
        if !is_web_address(page) {
            odd_pages.push(page);
        }
    }
    odd_locations.warn(problems, "a downloadLocation is not an address", "an address, NONE or NOASSERTION");
    odd_pages.warn(problems, "a page is not a web address", "a web address");
    absolute.warn(problems, "a file's name is absolute", "a path below the package");
}

/// Which part of its file a snippet is (clauses 9.3 and 9.4).
fn ranges(index: usize, snippet: &Value, problems: &mut Problems<'_>) {
    let mut in_bytes = false;
    for range in list(snippet, "ranges") {
        let number = |end: &str, unit: &str| range.get(end)?.get(unit)?.as_i64();
        for unit in ["offset", "lineNumber"] {
            let (start, end) = (number("startPointer", unit), number("endPointer", unit));
            in_bytes |= unit == "offset" && start.is_some() && end.is_some();
            if let (Some(start), Some(end)) = (start, end)
                && (start < 1 || start > end)
            {
                let message = || format!("snippets[{index}] has an impossible range");
                problems.fail(message, Some(("1 or more, and not after its end", &format!("{start} to {end}"))));
            }
        }
    }
    if !in_bytes {
        problems.fail(
            || format!("snippets[{index}] has no range in bytes"),
            Some(("a startPointer and an endPointer with offset", "none")),
        );
    }
}
