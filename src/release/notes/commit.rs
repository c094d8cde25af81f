//! One commit as notes read it: its kind by the conventional-commits form, the pull requests, people and flaws it names,
//! what it breaks, and what it reverts.
//!
//! Everything here is what an author wrote, and any of it may be a lie: it decides where a change is listed, never whether.

/// A person a commit names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Name.
    pub name: String,
    /// E-mail address. It tells people apart and is never shown.
    pub email: String,
}

/// A commit of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id, in full.
    pub id: String,
    /// The ids of its parents.
    pub parents: Vec<String>,
    /// Who wrote it.
    pub author: Person,
    /// Its whole message.
    pub message: String,
    /// The files it changes against its first parent; empty where they were not asked for.
    pub files: Vec<String>,
}

/// What a change is for, in the order in which notes list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Closes a hole.
    Security,
    /// Something new.
    Feature,
    /// Something wrong put right.
    Fix,
    /// Faster or smaller.
    Performance,
    /// For readers.
    Documentation,
    /// Nothing that users see: builds, tests, chores.
    Maintenance,
    /// In no known form.
    Other,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 7] = [
        Self::Security,
        Self::Feature,
        Self::Fix,
        Self::Performance,
        Self::Documentation,
        Self::Maintenance,
        Self::Other,
    ];

    /// The heading it is listed under.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Security => "Security",
            Self::Feature => "Features",
            Self::Fix => "Fixes",
            Self::Performance => "Performance",
            Self::Documentation => "Documentation",
            Self::Maintenance => "Maintenance",
            Self::Other => "Other changes",
        }
    }

    fn of_type(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "security" | "sec" => Self::Security,
            "feat" | "feature" => Self::Feature,
            "fix" | "bugfix" | "hotfix" => Self::Fix,
            "perf" => Self::Performance,
            "docs" | "doc" => Self::Documentation,
            "build" | "chore" | "ci" | "deps" | "refactor" | "style" | "test" | "tests" => Self::Maintenance,
            "revert" => Self::Other,
            _ => return None,
        })
    }
}

/// The first line of a change, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    /// What it is for.
    pub kind: Kind,
    /// The part of the product it is about, where it says so.
    pub scope: Option<String>,
    /// The rest, without type, scope and pull requests.
    pub text: String,
    /// Whether it is marked as breaking with `!`.
    pub breaking: bool,
    /// Pull requests named at its end, in the order they are named.
    pub pulls: Vec<u64>,
}

impl Title {
    /// Reads a first line: `type(scope)!: text (#123)`, or any other.
    pub fn read(line: &str) -> Self {
        let (line, pulls) = without_pulls(line.trim());
        let other =
            || Self { kind: Kind::Other, scope: None, text: line.to_owned(), breaking: false, pulls: pulls.clone() };
        let Some((head, text)) = line.split_once(": ") else { return other() };
        let (head, breaking) = head.strip_suffix('!').map_or((head, false), |head| (head, true));
        let (word, scope) = match head.split_once('(') {
            Some((word, scope)) => match scope.strip_suffix(')') {
                Some(scope) => (word, Some(scope.trim()).filter(|scope| !scope.is_empty())),
                None => return other(),
            },
            None => (head, None),
        };
        let is_type = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic() || c == '-');
        let text = text.trim();
        if !is_type || text.is_empty() {
            return other();
        }
        // Any type may be marked as breaking; one that is not known says something else than we would leave out.
        let Some(kind) = Kind::of_type(word) else { return Self { breaking, ..other() } };
        let is_security = scope.is_some_and(|scope| Kind::of_type(scope) == Some(Kind::Security));
        let kind = if is_security { Kind::Security } else { kind };
        Self { kind, scope: scope.map(str::to_owned), text: text.to_owned(), breaking, pulls }
    }
}

/// A line without the pull requests it ends in: `(#12)`, once or more.
fn without_pulls(line: &str) -> (&str, Vec<u64>) {
    let (mut rest, mut pulls) = (line, Vec::new());
    while let Some((before, number)) =
        rest.strip_suffix(')').and_then(|inner| inner.rsplit_once("(#")).and_then(|(b, n)| Some((b, number(n)?)))
    {
        pulls.insert(0, number);
        rest = before.trim_end();
    }
    // A title that is nothing but a reference keeps it.
    if rest.is_empty() { (line, pulls) } else { (rest, pulls) }
}

/// The number of a pull request or an issue.
fn number(digits: &str) -> Option<u64> {
    let plain = (1..=10).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok().filter(|number| *number > 0) } else { None }
}

/// A change that another one takes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reverted {
    /// A commit, by its id or the beginning of it.
    Commit(String),
    /// A pull request.
    Pull(u64),
}

impl Commit {
    /// The first line of the message.
    pub fn subject(&self) -> &str {
        self.message.trim_start_matches(['\n', '\r']).lines().next().unwrap_or_default().trim()
    }

    /// What follows the first line.
    fn body(&self) -> impl Iterator<Item = &str> {
        self.message.trim_start_matches(['\n', '\r']).lines().skip(1)
    }

    /// Whether it joins histories.
    pub fn is_merge(&self) -> bool {
        self.parents.len() > 1
    }

    /// The pull request that a merge commit brought in, as GitHub writes it: `Merge pull request #12 from …`.
    pub fn merged_pull(&self) -> Option<u64> {
        let rest = self.subject().strip_prefix("Merge pull request #")?;
        let (digits, _) = rest.split_once(' ').unwrap_or((rest, ""));
        if self.is_merge() { number(digits) } else { None }
    }

    /// The title that a merge commit has for its pull request: the first line of text below its subject.
    pub fn merged_title(&self) -> Option<&str> {
        self.body().map(str::trim).find(|line| !line.is_empty() && trailer(line).is_none())
    }

    /// What the footers say that the commit breaks, each on one line.
    pub fn breaking_notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = Vec::new();
        let mut open = false;
        for line in self.body() {
            let begun = ["BREAKING CHANGE:", "BREAKING-CHANGE:"].iter().find_map(|word| line.strip_prefix(word));
            if let Some(text) = begun {
                notes.push(text.trim().to_owned());
                open = true;
            } else if line.trim().is_empty() || trailer(line).is_some() {
                open = false;
            } else if let Some(note) = notes.last_mut().filter(|_| open) {
                note.push(' ');
                note.push_str(line.trim());
            }
        }
        notes.iter().map(|note| note.trim().to_owned()).collect()
    }

    /// The identifiers of published flaws that the message names, each once, in capitals.
    pub fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        for word in self.message.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
            if let Some(flaw) = flaw(word).filter(|flaw| !flaws.contains(flaw)) {
                flaws.push(flaw);
            }
        }
        flaws
    }

    /// Who wrote it, and who is named as having helped: `Co-authored-by: Name <address>`.
    pub fn people(&self) -> Vec<Person> {
        let helped = self.body().filter_map(|line| {
            let (key, value) = trailer(line)?;
            let (name, address) = value.strip_suffix('>')?.rsplit_once('<')?;
            let person = Person { name: name.trim().to_owned(), email: address.trim().to_owned() };
            key.eq_ignore_ascii_case("co-authored-by").then_some(person)
        });
        [self.author.clone()].into_iter().chain(helped).collect()
    }

    /// What it says that it takes back, of a commit whose title says that it reverts something.
    pub fn reverts(&self) -> Vec<Reverted> {
        let title = self.merged_title().filter(|_| self.is_merge());
        if !says_revert(self.subject()) && !title.is_some_and(says_revert) {
            return Vec::new();
        }
        let mut reverted = Vec::new();
        for line in self.body() {
            let line = line.trim();
            if let Some(rest) = line.strip_prefix("This reverts commit ") {
                let id: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
                if (7..=64).contains(&id.len()) {
                    reverted.push(Reverted::Commit(id.to_ascii_lowercase()));
                }
            } else if let Some((_, digits)) = line.strip_prefix("Reverts ").and_then(|rest| rest.split_once('#')) {
                reverted.extend(number(digits.trim_end_matches('.')).map(Reverted::Pull));
            }
        }
        reverted
    }
}

/// Whether a first line says that it takes something back.
pub(super) fn says_revert(line: &str) -> bool {
    ["Revert \"", "Reapply \"", "revert: ", "revert("].iter().any(|start| line.starts_with(start))
}

/// A line of the form `Key-Word: value`, as the last paragraph of a message has them.
fn trailer(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(": ")?;
    let is_key = key.contains('-') && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    is_key.then(|| (key, value.trim()))
}

/// `CVE-YEAR-NUMBER` or `GHSA-xxxx-xxxx-xxxx`, in capitals but for what GitHub writes small.
fn flaw(word: &str) -> Option<String> {
    let mut parts = word.split('-');
    let (kind, rest) = (parts.next()?, parts.collect::<Vec<_>>());
    let digits = |text: &str, least: usize, most: usize| {
        (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    match rest.as_slice() {
        [year, number] if kind.eq_ignore_ascii_case("cve") && digits(year, 4, 4) && digits(number, 4, 12) => {
            Some(format!("CVE-{year}-{number}"))
        }
        [_, _, _] if kind.eq_ignore_ascii_case("ghsa") && rest.iter().all(|part| part.len() == 4) => {
            Some(format!("GHSA-{}", rest.join("-").to_ascii_lowercase()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
