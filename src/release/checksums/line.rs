//! One line of a checksums file, as `split_3` in `src/digest.c` of GNU coreutils 9 reads it for SHA-256.
//!
//! | form | written by |
//! |---|---|
//! | `<hex>  <name>`, `<hex> *<name>` | `sha256sum`, in text and in binary mode: the digest is the same |
//! | `SHA256 (<name>) = <hex>` | `sha256sum --tag`, `openssl dgst`; the blanks may be missing |
//! | `<hex> <name>` | `sha256 -r` of BSD |
//!
//! Blanks before a line are passed over; digits have either case; everything after the separator is the name. The one form
//! that coreutils reads and this does not is the escaped one, `\<hex>  <name>`, which it writes for names with a
//! backslash or a line break: no asset has such a name.

use crate::{digest::Sha256, release::asset_name::RefusedName, schema::excerpt::excerpt};

/// What a line states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'l> {
    pub(super) digest: Sha256,
    /// The name as it stands in the line.
    pub(super) name: &'l str,
}

/// What follows the digest in the lines that begin with one. The first such line decides for the file: `<hex>  a` is
/// ` a` to a program that expects one blank, and `a` to one that expects two characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Two characters, then the name.
    Gnu,
    /// One blank, then the name.
    Bsd,
}

/// Why a line cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault<'l> {
    #[error("expected `<64 hex digits>  <name>`")]
    Form,
    #[error("expected two spaces, or a space and `*`, after the digest, as in the lines before")]
    Mixed,
    #[error("the digest is not 64 hex digits")]
    Digest,
    #[error("the digest has a prefix, `{0}`: sha256sum writes and reads 64 hex digits alone")]
    Prefix(&'static str),
    #[error("a digest of another kind, {}: the file must hold SHA256", excerpt(.0))]
    Algorithm(&'l str),
    #[error("the name is escaped, {}: an asset name holds no backslash and no line break", excerpt(.0))]
    Escaped(&'l str),
    #[error("{0}")]
    Name(RefusedName),
    #[error("{} is listed twice", .0.trim_start_matches("./"))]
    Twice(&'l str),
    #[error("the file lists itself: no file can hold its own digest")]
    Itself,
    #[error("the file lists its own signature, {}, which is made after it", .0.trim_start_matches("./"))]
    OwnSignature(&'l str),
}

/// Prefixes that other programs write before a digest.
const PREFIXES: [&str; 4] = ["sha256:0x", "sha256:", "SHA256:", "0x"];

/// Reads a line that is neither blank nor a comment, without its line break.
pub(super) fn read<'l>(line: &'l str, order: &mut Option<Order>) -> Result<Entry<'l>, Fault<'l>> {
    let line = line.trim_start_matches(BLANK);
    if let Some(escaped) = line.strip_prefix('\\') {
        return Err(Fault::Escaped(escaped));
    }
    if let Some(rest) = line.strip_prefix("SHA256") {
        return tagged(rest.strip_prefix(' ').unwrap_or(rest)).ok_or(Fault::Form)?;
    }
    let (digest, rest) = line.split_once(BLANK).ok_or_else(|| otherwise(line))?;
    let digest = Sha256::from_hex(digest).map_err(|_| otherwise(line))?;
    let mut rest_chars = rest.chars();
    let marked = matches!(rest_chars.next(), Some(' ' | '*')) && !rest_chars.as_str().is_empty();
    let name = match (*order, marked) {
        (None | Some(Order::Gnu), true) => {
            *order = Some(Order::Gnu);
            rest_chars.as_str()
        }
        (Some(Order::Gnu), false) => return Err(Fault::Mixed),
        // After a line with one blank, coreutils takes ` a` and `*a` for names.
        (Some(Order::Bsd), true) => return Err(Fault::Mixed),
        (None | Some(Order::Bsd), false) => {
            *order = Some(Order::Bsd);
            rest
        }
    };
    Ok(Entry { digest, name })
}

const BLANK: [char; 2] = [' ', '\t'];

/// Reads `(<name>) = <hex>`. The name ends at the last bracket, and may hold others. `None` when it is not of this form.
fn tagged(text: &str) -> Option<Result<Entry<'_>, Fault<'_>>> {
    let (name, rest) = text.strip_prefix('(')?.rsplit_once(')')?;
    let digest = rest.trim_start_matches(BLANK).strip_prefix('=')?.trim_start_matches(BLANK);
    Some(Sha256::from_hex(digest).map(|digest| Entry { digest, name }).map_err(|_| prefix_or(digest, Fault::Digest)))
}

/// What a line is that does not begin with a digest.
fn otherwise(line: &str) -> Fault<'_> {
    let word = line.split(BLANK).next().unwrap_or_default();
    if let Some((algorithm, rest)) = line.split_once('(')
        && (rest.contains(")=") || rest.contains(") ="))
    {
        return Fault::Algorithm(algorithm.trim_end_matches(BLANK));
    }
    prefix_or(word, if word.len() == line.len() { Fault::Form } else { Fault::Digest })
}

fn prefix_or<'l>(digest: &str, other: Fault<'l>) -> Fault<'l> {
    let prefix = PREFIXES.into_iter().find(|prefix| digest.starts_with(prefix));
    prefix.map_or(other, Fault::Prefix)
}
