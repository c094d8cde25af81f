//! What a review comes to, as one comment on the pull request: verdict, what stands in the way, what is newly admitted, the
//! registers by profile, the probes and the approvals. Every text of others is escaped.

use std::fmt::{self, Write};

use super::{
    Case,
    approvals::{self, Counts},
    evidence::{Probe, Signature},
    pull::{ReviewVerdict, short},
};
use crate::{
    policy::{diff::markdown as difference, isolation::PROFILE_ISOLATION, matrix, roles::ROLE_SEPARATION},
    report::{
        Counts as Tally, Exhibit, Fact, Finding, SignatureRow, Status, Table, Verdict,
        escape::{markdown, markdown_code},
        markdown::{bounded, exhibit, findings as rows},
    },
    text::counted,
};

/// Tells our comment from others. GitHub does not show it.
pub const MARKER: &str = "<!-- merotee: policy review -->";

/// GitHub takes 65,536 characters.
const MAX_CHARS: usize = 64_000;
/// Of these, what the difference may take.
const MAX_DIFFERENCE: usize = 32_000;
/// What a comment says that was cut.
const CUT: &str = "Cut here: this is too long for a comment. Run `merotee policy review` for all of it.";
/// Most findings of one kind that are told in it.
const MAX_FINDINGS: usize = 40;

/// Checks that the registers help to follow.
const ON_REGISTERS: &[&str] = &[PROFILE_ISOLATION.id, ROLE_SEPARATION.id, super::VALUES.id];
/// Checks that the signatures help to follow.
const ON_SIGNATURES: &[&str] = &[super::EVIDENCE.id, super::SIGNER.id];

/// What is known of the pull request.
pub fn facts(case: &Case) -> Vec<Fact> {
    let pull = &case.pull;
    let mut facts = vec![
        Fact::named("head", pull.head.commit.clone()),
        Fact::named("into", format!("{} at {}", pull.base.branch, short(&pull.base.commit))),
        Fact::named("author", pull.author.clone().unwrap_or_else(|| "an account that is gone".to_owned())),
        Fact::named("page", pull.url.clone()),
        Fact::named("structural", case.change.is_structural().to_string()),
        Fact::named("newly admits", case.change.newly().to_string()),
    ];
    let mut unknown: Vec<&str> = pull.commits.iter().flatten().filter_map(|c| c.unknown.as_deref()).collect();
    unknown.sort_unstable();
    unknown.dedup();
    if !unknown.is_empty() {
        // Anyone may write any name into a commit; who pushed it, GitHub's protection of the branch has to ask.
        facts.push(Fact::named("commits by", format!("{} (no account)", unknown.join(", "))));
    }
    facts
}

/// The registers by profile, as they would be, and who signed the candidates.
pub fn exhibits(case: &Case) -> Vec<Exhibit> {
    let mut exhibits = Vec::new();
    let registers = matrix::of_policies(case.change.after.iter());
    if !registers.is_empty() {
        exhibits.push(Exhibit { checks: ON_REGISTERS, table: Table::Registers(matrix::matrix(registers)) });
    }
    let signed: Vec<SignatureRow> = case.probes.iter().filter_map(signature).collect();
    if !signed.is_empty() {
        exhibits.push(Exhibit { checks: ON_SIGNATURES, table: Table::Signatures(signed) });
    }
    exhibits
}

fn signature(probe: &Probe) -> Option<SignatureRow> {
    let signer = match &probe.signature {
        Signature::By(signer) => Some(signer),
        Signature::WithKey => None,
        Signature::Absent | Signature::Rejected(_) => return None,
    };
    Some(SignatureRow {
        asset: probe.offered.path.clone(),
        evidence: probe.offered.seal_path.clone(),
        signer: signer.map(|signer| signer.identity.clone()),
        signed_at: signer.and_then(|signer| signer.at),
        log_index: signer.and_then(|signer| signer.log_index),
        log: signer.and_then(|signer| signer.log.clone()),
        valid: signer.and_then(|signer| signer.valid),
    })
}

/// The comment. The same case gives the same text.
pub fn text(case: &Case, findings: &[Finding]) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _: fmt::Result = document(case, findings, &mut out);
    bounded(out, MAX_CHARS, CUT)
}

fn document(case: &Case, findings: &[Finding], out: &mut String) -> fmt::Result {
    let (verdict, tally) = (Verdict::of(findings.iter()), Tally::of(findings.iter()));
    writeln!(out, "{MARKER}\n## Policy review: {}\n", verdict.word())?;
    let head = markdown_code(&short(&case.pull.head.commit));
    let newly = match case.change.newly() {
        super::change::Newly::Values(0) => "nothing".to_owned(),
        super::change::Newly::Values(count) => counted(count, "value", "values"),
        super::change::Newly::Unbounded => "**machines without number**".to_owned(),
    };
    let shape = if case.change.is_structural() { "**changes**" } else { "is unchanged" };
    writeln!(out, "Judged at {head}. Newly admits {newly}; the structure {shape}. {}\n", demanded(verdict))?;
    writeln!(
        out,
        "{} passed, {} failed, {} missing, {} not made, {}.\n",
        tally.passed,
        tally.failed,
        tally.missing,
        tally.skipped,
        counted(tally.warned, "warning", "warnings")
    )?;
    for (title, statuses) in [
        ("What stands in the way", &[Status::Fail, Status::Missing, Status::SkippedRequired][..]),
        ("Worth a look", &[Status::Warn]),
    ] {
        let of: Vec<&Finding> =
            statuses.iter().flat_map(|status| findings.iter().filter(move |f| f.status == *status)).collect();
        if of.is_empty() {
            continue;
        }
        let shown = of.get(..MAX_FINDINGS.min(of.len())).unwrap_or_default();
        writeln!(out, "### {title}\n\n{}", rows(shown))?;
        if of.len() > shown.len() {
            writeln!(out, "And {} more.\n", of.len() - shown.len())?;
        }
    }
    writeln!(out, "{}", difference::render_within(&case.change.diff, MAX_DIFFERENCE).trim_end())?;
    let registers = matrix::of_policies(case.change.after.iter());
    if !registers.is_empty() {
        let table = Exhibit { checks: ON_REGISTERS, table: Table::Registers(matrix::matrix(registers)) };
        writeln!(out, "\n## Registers by profile, after the merge\n\n{}", exhibit(&table).trim_end())?;
    }
    probes(case, out)?;
    said(case, out)?;
    let passed: Vec<&Finding> = findings.iter().filter(|finding| finding.status == Status::Pass).collect();
    if !passed.is_empty() {
        writeln!(out, "\n<details><summary>{} passed</summary>\n\n{}\n</details>", passed.len(), rows(&passed))?;
    }
    Ok(())
}

fn demanded(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "All that a promotion needs is there.",
        Verdict::Undecided => "Something could not be found out, so there is no verdict.",
        Verdict::Incomplete => "Nothing is wrong, and something is still missing.",
        Verdict::Failed => "It must not be merged as it is.",
    }
}

fn probes(case: &Case, out: &mut String) -> fmt::Result {
    writeln!(out, "\n## Probes\n")?;
    if case.probes.is_empty() {
        return writeln!(out, "None in this pull request.");
    }
    writeln!(out, "| Candidates | Digest | Signed by | Commit | Run |\n| --- | --- | --- | --- | --- |")?;
    for probe in &case.probes {
        let (signer, commit) = match &probe.signature {
            Signature::By(signer) => {
                let mark = if signer.wrong.is_empty() { "" } else { " (not the probe's workflow)" };
                let at = signer.at.map(|at| format!(" at {at}")).unwrap_or_default();
                let commit = signer.commit.as_deref().map(short).unwrap_or_default();
                (format!("{}{mark}{at}", markdown(&signer.name)), markdown_code(&commit))
            }
            Signature::WithKey => ("the key given with --key".to_owned(), String::new()),
            Signature::Absent => ("**no one**".to_owned(), String::new()),
            Signature::Rejected(_) => ("**no one: the signature proves nothing**".to_owned(), String::new()),
        };
        let digest: String = probe.digest.to_string().chars().take(16).collect();
        let run = probe.about().and_then(|about| about.run_url.clone()).unwrap_or_default();
        let cells = [
            markdown_code(&probe.offered.path),
            markdown_code(&format!("sha256:{digest}…")),
            signer,
            commit,
            markdown_code(&run),
        ];
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    Ok(())
}

fn said(case: &Case, out: &mut String) -> fmt::Result {
    let team = markdown_code(&case.security.to_string());
    writeln!(
        out,
        "\n## Approvals\n\n{} of {team} needed.\n",
        counted(case.demands.approvals, "approval", "approvals")
    )?;
    let latest = approvals::latest(&case.pull);
    if latest.is_empty() {
        return writeln!(out, "No review yet.");
    }
    writeln!(out, "| Reviewer | Verdict | Commit | Counts |\n| --- | --- | --- | --- |")?;
    for (login, review) in latest.iter().take(MAX_FINDINGS) {
        let (verdict, counts) = match review.verdict {
            ReviewVerdict::Approved => (
                "approved",
                match approvals::counts(case, &case.security, login, review) {
                    Counts::Yes => "yes".to_owned(),
                    Counts::No(why) => format!("no: {}", markdown(&why)),
                    Counts::Unknown(why) => format!("not known: {}", markdown(&why)),
                },
            ),
            ReviewVerdict::ChangesRequested => ("asks for changes", String::new()),
            ReviewVerdict::Dismissed => ("dismissed", "no".to_owned()),
            ReviewVerdict::Commented | ReviewVerdict::Pending => continue,
        };
        let commit = review.commit.as_deref().map(short).unwrap_or_default();
        // As code: a mention would call them again with every run.
        let who = markdown_code(&approvals::mention(login));
        writeln!(out, "| {who} | {verdict} | {} | {counts} |", markdown_code(&commit))?;
    }
    Ok(())
}
