//! The `origin` remote of the repository that a folder lies in, read from git's own files: no program is run, so neither its
//! absence nor its settings matter.
//!
//! Read are folders below the top, worktrees and submodules (`.git` as a file, `commondir`), and the configuration's own
//! syntax with `url.*.insteadOf`. Not read are `include`, `GIT_DIR`, and the configuration of the user and the machine.

use std::path::{Path, PathBuf};

use super::file;

/// Largest configuration, or pointer to one, that is read.
const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

/// A remote and the file it stands in.
#[derive(Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its address. It may hold a token.
    pub url: String,
    /// The configuration it was read from.
    pub config: PathBuf,
}

/// The `origin` remote of the repository around `folder`; `None` when there is no repository, or none of that name in it.
pub fn origin(folder: &Path) -> Option<Origin> {
    let folder = std::path::absolute(folder).ok()?;
    let git = folder.ancestors().find_map(|above| git_folder(&above.join(".git")))?;
    let common = match text(&git.join("commondir")) {
        Some(path) => git.join(path.trim_end()),
        None => git,
    };
    // Shown to people: without the way there.
    let config = std::fs::canonicalize(&common).unwrap_or(common).join("config");
    let url = origin_url(&text(&config)?)?;
    Some(Origin { url, config })
}

/// What `.git` stands for: itself or, in a worktree or a submodule, the folder it names.
fn git_folder(dot_git: &Path) -> Option<PathBuf> {
    if dot_git.is_dir() {
        return Some(dot_git.to_owned());
    }
    let pointer = text(dot_git)?;
    let target = pointer.strip_prefix("gitdir:")?.trim();
    Some(dot_git.parent()?.join(target))
}

/// A small text file. A pipe of that name is not waited for.
fn text(path: &Path) -> Option<String> {
    if !path.is_file() {
        return None;
    }
    String::from_utf8(file::read_bounded(path, MAX_CONFIG_BYTES).ok()?).ok()
}

/// The first `url` of `[remote "origin"]`, with the longest `insteadOf` that it starts with replaced.
fn origin_url(config: &str) -> Option<String> {
    let entries = entries(config);
    let url = entries.iter().find(|e| e.is("remote", Some("origin"), "url")).map(|e| e.value.as_str())?;
    let rewritten = entries
        .iter()
        .filter(|e| e.section == "url" && e.key == "insteadof" && !e.value.is_empty())
        .filter_map(|e| Some((e.value.len(), format!("{}{}", e.subsection.as_deref()?, url.strip_prefix(&e.value)?))))
        .max_by_key(|(length, _)| *length);
    Some(rewritten.map_or_else(|| url.to_owned(), |(_, rewritten)| rewritten))
}

/// One `key = value`, with the section it stands in. Section and key are in lower case, as git does not tell cases apart.
struct Entry {
    section: String,
    subsection: Option<String>,
    key: String,
    value: String,
}

impl Entry {
    fn is(&self, section: &str, subsection: Option<&str>, key: &str) -> bool {
        self.section == section && self.subsection.as_deref() == subsection && self.key == key
    }
}

/// Every entry, in order. A line that is none is passed over.
fn entries(config: &str) -> Vec<Entry> {
    let mut found = Vec::new();
    let (mut section, mut subsection) = (String::new(), None);
    let mut lines = config.lines();
    while let Some(line) = lines.next() {
        let mut rest = line.trim_start();
        if let Some(header) = rest.strip_prefix('[') {
            let Some((name, after)) = section_name(header) else { continue };
            (section, subsection) = name;
            rest = after.trim_start();
        }
        if rest.is_empty() || rest.starts_with(['#', ';']) {
            continue;
        }
        let Some((key, raw)) = rest.split_once('=') else { continue };
        let value = value(raw, &mut lines);
        found.push(Entry {
            section: section.clone(),
            subsection: subsection.clone(),
            key: key.trim().to_ascii_lowercase(),
            value,
        });
    }
    found
}

type SectionName = (String, Option<String>);

/// `name]`, `name "sub"]` or, as of old, `name.sub]`, and what follows it.
fn section_name(header: &str) -> Option<(SectionName, &str)> {
    let Some(quote) = header.find('"').filter(|at| header.find(']').is_none_or(|end| *at < end)) else {
        let (name, after) = header.split_once(']')?;
        let name = name.trim().to_ascii_lowercase();
        return Some(match name.split_once('.') {
            Some((section, sub)) => ((section.to_owned(), Some(sub.to_owned())), after),
            None => ((name, None), after),
        });
    };
    let (name, quoted) = header.split_at(quote);
    let (mut sub, mut escaped) = (String::new(), false);
    for (at, letter) in quoted.char_indices().skip(1) {
        match letter {
            _ if escaped => {
                sub.push(letter);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => {
                let after = quoted.get(at + 1..)?.trim_start().strip_prefix(']')?;
                return Some(((name.trim().to_ascii_lowercase(), Some(sub)), after));
            }
            _ => sub.push(letter),
        }
    }
    None
}

/// A value: quotes and escapes undone, comment and blanks around it cut, a line that ends in `\` joined with the next.
fn value<'a>(first: &str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let (mut value, mut quoted, mut blanks) = (String::new(), false, String::new());
    let mut line = first.trim_start().to_owned();
    loop {
        let mut continued = false;
        let mut letters = line.chars();
        while let Some(letter) = letters.next() {
            let literal = match letter {
                '"' => {
                    quoted = !quoted;
                    continue;
                }
                '#' | ';' if !quoted => break,
                '\\' => match letters.next() {
                    None => {
                        continued = true;
                        break;
                    }
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('b') => '\u{8}',
                    Some(other) => other,
                },
                blank if blank.is_whitespace() && !quoted => {
                    blanks.push(blank);
                    continue;
                }
                other => other,
            };
            // Blanks count only between what is left of the value.
            value.push_str(&std::mem::take(&mut blanks));
            value.push(literal);
        }
        let next = if continued { lines.next() } else { None };
        match next {
            Some(next) => line = next.to_owned(),
            None => return value,
        }
    }
}

#[cfg(test)]
mod tests;
