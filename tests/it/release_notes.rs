//! `release-notes`: repositories that git made, releases of the sandbox, and notes that people wrote.

mod check;
mod generate;
mod history;
mod refused;

use std::cell::Cell;

use crate::binary::{Place, Run, usable};

/// A repository with commits at fixed times by named people, so that its ids are the same every time.
pub(super) struct Repository {
    pub(super) place: Place,
    clock: Cell<u32>,
}

impl Repository {
    /// An empty one; `None` without git.
    pub(super) fn new() -> Option<Self> {
        if !usable("git", &["--version"]) {
            return None;
        }
        let repository = Self { place: Place::new(), clock: Cell::new(0) };
        repository.git(&["init", "-q", "-b", "main"]);
        Some(repository)
    }

    /// What git prints.
    pub(super) fn git(&self, words: &[&str]) -> String {
        self.clock.set(self.clock.get() + 60);
        let date = format!("{} +0000", 1_760_000_000 + self.clock.get());
        let identity =
            ["-c", "user.name=Ada Lovelace", "-c", "user.email=ada@example.org", "-c", "commit.gpgSign=false"];
        let run = self.place.program("git", identity.iter().chain(words).copied());
        let run = run.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date).run().expect(0);
        run.stdout.trim_end().to_owned()
    }

    /// A commit of one file, with a message as it stands.
    pub(super) fn commit(&self, file: &str, message: &str) {
        self.commit_by("Ada Lovelace <ada@example.org>", file, message);
    }

    pub(super) fn commit_by(&self, author: &str, file: &str, message: &str) {
        self.place.write(file, format!("{}\n", self.clock.get()));
        self.git(&["add", "--", file]);
        self.git(&["commit", "-q", "--cleanup=verbatim", "--author", author, "-m", message]);
    }

    /// A branch with these commits, merged as GitHub merges a pull request.
    pub(super) fn pull(&self, number: u32, title: &str, commits: &[(&str, &str)]) {
        let (main, branch) = (self.git(&["branch", "--show-current"]), format!("pull-{number}"));
        self.git(&["checkout", "-q", "-b", &branch]);
        for (file, message) in commits {
            self.commit_by("Grace Hopper <grace@navy.example>", file, message);
        }
        self.git(&["checkout", "-q", &main]);
        let message = format!("Merge pull request #{number} from someone/{branch}\n\n{title}");
        self.git(&["merge", "-q", "--no-ff", "-m", &message, &branch]);
    }

    pub(super) fn tag(&self, name: &str) {
        self.git(&["tag", "-a", "-m", name, name]);
    }

    /// `release-notes generate` in the repository, without a network.
    pub(super) fn generate(&self, words: &[&str]) -> Run {
        let command = ["release-notes", "generate", "--offline"];
        self.place.merotee(command.iter().chain(words).copied()).run()
    }
}
