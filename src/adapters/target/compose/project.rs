//! The compose project of a file, by whose name Docker tells the containers of one file from those of another. It is worked
//! out here and given to Docker with every command, so that no variable of the environment and no `.env` file changes it.

use std::path::Path;

use crate::{
    error::{Error, Result},
    text::excerpt,
    yaml::{Content, Tree},
};

/// The project of the file at `path` that says `compose`: its top-level `name`, or else the name of its folder.
///
/// # Errors
/// Usage: it has no name of its own, or one that comes from a variable. Input: it is not a compose file.
pub(super) fn project(path: &Path, compose: &str) -> Result<String> {
    let named = |why: String| Error::usage(format!("{}: {why}", path.display()));
    let help = "write a `name:` at the top of it: lower-case letters, digits, `-` and `_`";
    let written = stated(compose).map_err(|why| Error::input(format!("{}: {why}", path.display())))?;
    let name = match &written {
        Some(name) if name.contains('$') => {
            return Err(named(format!("its name {} comes from a variable", excerpt(name))).help(help));
        }
        Some(name) => normalised(name),
        None => normalised(&path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy()),
    };
    if name.is_empty() { Err(named("its compose project has no name".to_owned()).help(help)) } else { Ok(name) }
}

/// The top-level `name` of a file.
fn stated(compose: &str) -> Result<Option<String>, String> {
    let tree = Tree::parse(compose).map_err(|e| format!("it is not YAML: {e}"))?;
    let [root] = tree.roots() else { return Err("it does not hold exactly one document".to_owned()) };
    let entries = match tree.written(*root).map(|node| &node.content) {
        Some(Content::Map(entries)) => entries,
        Some(Content::Scalar { .. } | Content::List(_) | Content::Alias(_)) | None => {
            return Err("it is not a mapping".to_owned());
        }
    };
    // Merged keys could bring a name along.
    if entries.iter().any(|(key, _)| tree.text(*key) == Some("<<")) {
        return Err("it merges keys at its top".to_owned());
    }
    let mut names = entries.iter().filter(|(key, _)| tree.text(*key) == Some("name")).map(|(_, value)| *value);
    let (first, second) = (names.next(), names.next());
    if second.is_some() {
        return Err("it has the key name twice".to_owned());
    }
    let text = first.map(|id| tree.text(id).map(str::to_owned).ok_or_else(|| "its name is not a text".to_owned()));
    text.transpose()
}

/// A name as Compose makes a project's of it.
fn normalised(name: &str) -> String {
    let fits = |letter: &char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '-' | '_');
    let name: String = name.to_lowercase().chars().filter(fits).collect();
    name.trim_start_matches(['-', '_']).to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_called_by_the_name_in_the_file_or_by_its_folder_as_compose_does() {
        // As `docker compose config` says it, version 5.6.1.
        for (path, compose, name) in [
            ("/srv/Kms_Prod.1/c.yaml", "services: {}\n", "kms_prod1"),
            ("/srv/kms/c.yaml", "name: \"Top.Name\"\nservices: {}\n", "topname"),
            ("/srv/_-x/c.yaml", "services: {}\n", "x"),
            ("/srv/é__a/c.yaml", "services: {}\n", "a"),
        ] {
            assert_eq!(project(Path::new(path), compose).unwrap(), name, "{path}");
        }
    }

    #[test]
    fn a_name_that_is_not_known_for_sure_is_refused() {
        for (path, compose, why) in [
            ("/srv/é__/c.yaml", "services: {}\n", "has no name"),
            ("/srv/a/c.yaml", "name: kms-${X:-y}\n", "comes from a variable"),
            ("/srv/a/c.yaml", "name: a\nname: b\n", "twice"),
            ("/srv/a/c.yaml", "name: [a]\n", "not a text"),
            ("/srv/a/c.yaml", "<<: {name: b}\n", "merges keys"),
            ("/srv/a/c.yaml", "[a]\n", "not a mapping"),
            ("/srv/a/c.yaml", "a: [", "not YAML"),
            ("/srv/a/c.yaml", "a: b\n---\na: b\n", "exactly one document"),
        ] {
            let error = project(Path::new(path), compose).unwrap_err();
            assert!(error.to_string().contains(why), "{compose}: {error}");
        }
    }
}
