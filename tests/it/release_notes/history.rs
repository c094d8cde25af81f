//! How a history is read: compared with what git says of each commit by itself, whatever its message holds.

use merotee::{
    adapters::git::Releases,
    release::notes::{changes::changes, commit::Commit},
    subject::tag::Family,
};

use super::Repository;

/// Messages that try to pass for other fields.
const ODD: &[&str] = &[
    "plain",
    "",
    "\n\nbehind empty lines\n\n\n",
    ":100644 100644 0000000 0000000 M\tx",
    "subject\n\n:000000 100644 0000000000000000000000000000000000000000 0000000000000000000000000000000000000000 A",
    "0123456789abcdef0123456789abcdef01234567",
    "tabs\tand\r\nreturns\r",
    "\u{1b}[31mred\u{202e}",
    "Merge pull request #1 from nobody/nowhere",
    "é漢🎉",
    "--output=/tmp/x",
];

fn odd() -> Option<Repository> {
    let repository = Repository::new()?;
    for (index, message) in ODD.iter().enumerate() {
        repository.place.write(&format!("f{index}"), "x");
        repository.git(&["add", "."]);
        let author = format!("{} <a{index}@example.org>", if index % 2 == 0 { "Ada:\t:x" } else { "漢 'x' \"y\"" });
        let message = format!("--message={message}");
        repository.git(&["commit", "-q", "--cleanup=verbatim", "--allow-empty-message", "--author", &author, &message]);
    }
    repository.commit("\n:odd name", "names with line ends");
    repository.commit("0123456789abcdef0123456789abcdef01234567", "a name like an id");
    repository.git(&["commit", "-q", "--allow-empty", "-m", "no file"]);
    repository.pull(7, "feat: merged", &[("p1", "one"), ("p2", "two")]);
    repository.git(&["checkout", "-q", "-b", "other", "HEAD~2"]);
    repository.commit("o1", "on another branch");
    repository.git(&["checkout", "-q", "main"]);
    repository.git(&["merge", "-q", "--no-ff", "-m", "Merge branch 'other'", "other"]);
    Some(repository)
}

#[test]
fn each_commit_reads_as_git_shows_it_by_itself() {
    let Some(repository) = odd() else { return };
    let releases = Releases::around(&repository.place.work()).unwrap();
    let head = releases.commit("HEAD").unwrap();
    assert_eq!(head, repository.git(&["rev-parse", "HEAD"]));
    let read = releases.log(None, &head, true).unwrap();
    let listed = repository.git(&["rev-list", "--topo-order", "HEAD"]);
    assert_eq!(read.iter().map(|commit| commit.id.as_str()).collect::<Vec<_>>(), listed.lines().collect::<Vec<_>>());
    for commit in &read {
        let show = |format: &str| repository.git(&["show", "-s", &format!("--format={format}"), &commit.id]);
        assert_eq!(commit.parents.join(" "), show("%P"));
        assert_eq!((&commit.author.name, &commit.author.email), (&show("%an"), &show("%ae")));
        assert_eq!(commit.message.trim_end(), show("%B").trim_end(), "{}", commit.id);
        let words = [
            "diff-tree",
            "-r",
            "-z",
            "--root",
            "--no-commit-id",
            "--name-only",
            "--no-renames",
            "-m",
            "--first-parent",
        ];
        let names = match commit.parents.first() {
            Some(parent) => {
                repository.git(&["diff-tree", "-r", "-z", "--name-only", "--no-renames", parent, &commit.id])
            }
            None => repository.git(&[&words[..], &[&commit.id]].concat()),
        };
        assert_eq!(
            commit.files,
            names.split('\0').filter(|name| !name.is_empty()).collect::<Vec<_>>(),
            "{}",
            commit.id
        );
    }
    let without = releases.log(None, &head, false).unwrap();
    let bare =
        |commits: Vec<Commit>| commits.into_iter().map(|c| Commit { files: Vec::new(), ..c }).collect::<Vec<_>>();
    assert_eq!(bare(read), bare(without), "the files change nothing else");
}

#[test]
fn every_commit_of_a_real_history_is_in_exactly_one_change() {
    let Some(repository) = odd() else { return };
    let releases = Releases::around(&repository.place.work()).unwrap();
    let head = releases.commit("HEAD").unwrap();
    let read = releases.log(None, &head, false).unwrap();
    let (found, _) = changes(&read, &head, |_| false);
    let merges = repository.git(&["rev-list", "--count", "--merges", "HEAD"]).parse::<usize>().unwrap();
    assert_eq!(found.iter().map(|change| change.commits).sum::<usize>(), read.len() - merges);
    assert_eq!(found.iter().filter(|change| change.title.pulls == [7]).count(), 1);
}

#[test]
fn a_range_holds_what_one_end_has_and_the_other_has_not() {
    let Some(repository) = odd() else { return };
    repository.tag("mero-kms-v1.0.0");
    repository.commit("more", "fix: more");
    let releases = Releases::around(&repository.place.work()).unwrap();
    let tags = releases.tags(Family::Kms, None).unwrap();
    let from = releases.tagged(&tags[0]).unwrap().unwrap();
    let subjects: Vec<String> = releases
        .log(Some(&from), &releases.commit("HEAD").unwrap(), false)
        .unwrap()
        .into_iter()
        .map(|c| c.message)
        .collect();
    assert_eq!(subjects, ["fix: more\n"]);
    assert_eq!(releases.log(Some(&from), &from, true).unwrap(), []);
}

#[test]
fn tags_of_the_family_are_listed_and_others_are_not() {
    let Some(repository) = Repository::new() else { return };
    repository.commit("a", "a");
    for name in [
        "mero-kms-v1.0.0",
        "mero-kms-v1.0.0-rc.1",
        "mero-kms-vnext",
        "mero-kms-v1.0",
        "mero-tee-v1.0.0",
        "node-image-gcp-v0.9.0",
        "v1.0.0",
        "mero-kms-v1.0.0/x",
    ] {
        // A tag cannot be a folder as well.
        let made = repository.place.program("git", ["tag", name]).run();
        assert_eq!(made.code == 0, name != "mero-kms-v1.0.0/x");
    }
    repository.git(&["branch", "mero-kms-v7.0.0"]);
    repository.git(&["checkout", "-q", "--orphan", "elsewhere"]);
    repository.commit("b", "b");
    repository.git(&["tag", "mero-kms-v2.0.0"]);
    let releases = Releases::around(&repository.place.work()).unwrap();
    let names = |family, within: Option<&str>| {
        let mut names: Vec<String> = releases.tags(family, within).unwrap().iter().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(Family::Kms, None), ["mero-kms-v1.0.0", "mero-kms-v1.0.0-rc.1", "mero-kms-v2.0.0"]);
    assert_eq!(names(Family::Node, None), ["mero-tee-v1.0.0", "node-image-gcp-v0.9.0"]);
    let main = releases.commit("main").unwrap();
    assert_eq!(names(Family::Kms, Some(&main)), ["mero-kms-v1.0.0", "mero-kms-v1.0.0-rc.1"]);
    assert_eq!(releases.tagged(&"mero-kms-v7.0.0".parse().unwrap()).unwrap(), None, "a branch is no tag");
}

#[test]
fn ten_thousand_commits_are_read_in_one_call_and_the_notes_stay_within_bounds() {
    let Some(repository) = Repository::new() else { return };
    let mut stream = String::new();
    for number in 0..10_000 {
        let message = format!("fix(part{}): change number {number} (#{})\n", number % 7, number + 1);
        stream.push_str(&format!(
            "commit refs/heads/main\ncommitter P{0} <p{0}@example.org> {1} +0000\ndata {2}\n{message}\
             M 100644 inline mero-kms/f{3}\ndata 2\n{4:02}\n",
            number % 300,
            1_760_000_000 + number,
            message.len(),
            number % 50,
            number % 97,
        ));
        if number == 0 {
            stream.push_str(
                "tag mero-kms-v1.0.0\nfrom refs/heads/main\ntagger T <t@example.org> 1760000000 +0000\ndata 1\nx\n",
            );
        }
    }
    repository.place.write("stream", stream);
    repository.place.program("sh", ["-c", "git fast-import --quiet < stream"]).run().expect(0);
    let run = repository.generate(&["mero-kms-v1.1.0", "--head", "main"]).expect(0);
    assert!(
        run.stdout.contains("9999 changes in 9999 commits."),
        "{}",
        run.stdout.chars().take(400).collect::<String>()
    );
    assert!(run.stdout.contains("change number 9999") && run.stdout.contains(" more changes\n"));
    assert!(run.stdout.chars().count() < 125_000);
}
