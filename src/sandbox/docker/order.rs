//! What Docker is told, read from its words. What is not known here is refused, and never guessed.

use std::path::{Path, PathBuf};

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// `docker compose version`.
    Version,
    /// `docker image inspect IMAGE`.
    Has(String),
    /// Something about one service of a compose file.
    Compose { file: PathBuf, project: String, service: String, act: Act },
}

/// What is done about a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Pull,
    Up,
    Remove,
    List,
    Port,
}

/// Options that take a value, and those that take none and change nothing here.
const VALUED: [&str; 2] = ["--format", "--pull"];
const PLAIN: [&str; 11] = [
    "--short",
    "--quiet",
    "-q",
    "--detach",
    "-d",
    "--no-deps",
    "--remove-orphans=false",
    "--stop",
    "--force",
    "-f",
    "--all",
];

impl Order {
    /// Reads the words behind `docker`, said in `folder`.
    pub(super) fn read(words: &[String], folder: &Path) -> Result<Self, String> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["image", "inspect", rest @ ..] => match named(rest)?.as_slice() {
                [image] => Ok(Self::Has((*image).to_owned())),
                _ => Err("docker image inspect: one image is expected".to_owned()),
            },
            ["compose", "version", rest @ ..] => named(rest).map(|_| Self::Version),
            ["compose", rest @ ..] => of_compose(rest, folder),
            _ => Err(format!("docker: '{}' is not a command of the sandbox's Docker", words.join(" "))),
        }
    }

    /// Whether it changes something.
    pub(super) fn changes(&self) -> bool {
        match self {
            Self::Version | Self::Has(_) => false,
            Self::Compose { act, .. } => match act {
                Act::Pull | Act::Up | Act::Remove => true,
                Act::List | Act::Port => false,
            },
        }
    }

    /// What it asks for, as a path.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Version => "/version".to_owned(),
            Self::Has(_) => "/image/inspect".to_owned(),
            Self::Compose { project, act, .. } => format!("/compose/{project}/{}", act.name()),
        }
    }
}

impl Act {
    fn of(word: &str) -> Option<Self> {
        [Self::Pull, Self::Up, Self::Remove, Self::List, Self::Port].into_iter().find(|act| act.name() == word)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Up => "up",
            Self::Remove => "rm",
            Self::List => "ps",
            Self::Port => "port",
        }
    }
}

/// `[--project-directory D] --project-name P --file F ACT … SERVICE [PORT]`.
fn of_compose(words: &[&str], folder: &Path) -> Result<Order, String> {
    let (mut file, mut project) = (None, None);
    let mut rest = words;
    let act = loop {
        rest = match rest {
            ["--file" | "-f", path, more @ ..] => {
                file = Some(folder.join(path));
                more
            }
            ["--project-name" | "-p", name, more @ ..] => {
                project = Some((*name).to_owned());
                more
            }
            ["--project-directory", _, more @ ..] => more,
            [word, more @ ..] => {
                let unknown = || format!("docker compose: '{word}' is not known to the sandbox's Docker");
                rest = more;
                break Act::of(word).ok_or_else(unknown)?;
            }
            [] => return Err("docker compose: a command is expected".to_owned()),
        };
    };
    let missing = |what: &str| format!("docker compose: the sandbox's Docker wants {what}");
    let file = file.ok_or_else(|| missing("--file"))?;
    let project = project.ok_or_else(|| missing("--project-name"))?;
    match (act, named(rest)?.as_slice()) {
        (Act::Port, [service, "8080"]) | (Act::Pull | Act::Up | Act::Remove | Act::List, [service]) => {
            Ok(Order::Compose { file, project, service: (*service).to_owned(), act })
        }
        (_, _) => Err(format!("docker compose {}: one service is expected", act.name())),
    }
}

/// The words that do not begin with a dash.
fn named<'w>(words: &[&'w str]) -> Result<Vec<&'w str>, String> {
    let (mut found, mut words) = (Vec::new(), words.iter());
    while let Some(word) = words.next() {
        if VALUED.contains(word) {
            words.next();
        } else if word.starts_with('-') {
            if !PLAIN.contains(word) {
                return Err(format!("unknown flag: {word}"));
            }
        } else {
            found.push(*word);
        }
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Order, String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Order::read(&words, Path::new("/srv"))
    }

    #[test]
    fn what_a_rollout_tells_docker_is_understood() {
        assert_eq!(read("compose version --short"), Ok(Order::Version));
        assert_eq!(read("image inspect --format {{.Id}} a@sha256:b"), Ok(Order::Has("a@sha256:b".to_owned())));
        for (words, act) in [
            ("pull --quiet kms", Act::Pull),
            ("up --detach --no-deps --pull never --remove-orphans=false kms", Act::Up),
            ("rm --stop --force kms", Act::Remove),
            ("ps --all --format json kms", Act::List),
            ("port kms 8080", Act::Port),
        ] {
            let order = read(&format!("compose --project-directory /srv --project-name p --file c.yaml {words}"));
            let (file, project) = (PathBuf::from("/srv/c.yaml"), "p".to_owned());
            assert_eq!(order.unwrap(), Order::Compose { file, project, service: "kms".to_owned(), act }, "{words}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (line, why) in [
            ("run hello-world", "not a command"),
            ("compose", "a command is expected"),
            ("compose down", "'down' is not known"),
            ("compose --file c.yaml up kms", "wants --project-name"),
            ("compose --project-name p up kms", "wants --file"),
            ("compose -p p -f c up", "one service"),
            ("compose -p p -f c up kms proxy", "one service"),
            ("compose -p p -f c up --build kms", "unknown flag: --build"),
            ("compose -p p -f c port kms 9090", "one service"),
        ] {
            assert!(read(line).unwrap_err().contains(why), "{line}");
        }
    }
}
