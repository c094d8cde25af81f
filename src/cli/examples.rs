//! What `--help` shows behind the options of each command: what else a reader must know, and examples. Each example runs
//! as it is printed, in order, from the top of the repository; a test runs them all.

mod dstack;

pub(super) use self::dstack::{
    DSTACK_AUTH_ALLOW, DSTACK_AUTH_REVOKE, DSTACK_AUTH_SHOW, DSTACK_BACKUP, DSTACK_BOOTSTRAP, DSTACK_COMPOSE,
    DSTACK_DEPLOY, DSTACK_LOGS, DSTACK_ONBOARD, DSTACK_PREFLIGHT, DSTACK_VERIFY,
};

/// `merotee`: the exit codes.
pub(super) const PROGRAM: &str = "Exit codes:
  0   every required check passed (warnings allowed)
  1   the work could not be done, so there is no verdict (network, I/O, remote
      fault)
  2   usage error: bad arguments, a malformed tag, a config file, key or trust
      root that does not parse
  10  verification failure: at least one check failed
  11  a required asset or entry is missing, and nothing failed outright
  130 interrupted by SIGINT or SIGTERM

Example:
  merotee sandbox -- verify-release-assets mero-kms-v1.2.0";

/// `merotee verify-release-assets`.
pub(super) const VERIFY_RELEASE: &str = "Examples:
  merotee sandbox -- verify-release-assets mero-kms-v1.2.0
  merotee sandbox -- verify-release-assets 1.2.0 --keep kept
  merotee sandbox -- verify-release-assets mero-kms-v1.2.0 --dir kept --offline";

/// `merotee audit`.
pub(super) const AUDIT: &str = "A release that cannot be read has no verdict, and the others are judged all the
same. The exit code is that of the worst release: 10 where one failed, else 11
where one is incomplete, else 1 where one has no verdict.

Examples:
  merotee sandbox -- audit --recent 3
  merotee sandbox -- audit 1.1.0 mero-kms-v1.2.0 --cache audited
  merotee sandbox --tamper sbom-broken -- audit --family kms  # exit code 10";

/// `merotee publish`.
pub(super) const PUBLISH: &str = "The same command finishes what was interrupted, and has nothing to do where all
is done.

Examples:
  merotee sandbox -- verify-release-assets mero-kms-v1.2.0 --keep kept
  merotee sandbox -- publish mero-kms-v1.2.0 --dir kept/mero-kms-v1.2.0 --dry-run
  merotee sandbox -- publish mero-kms-v1.2.0 --dir kept/mero-kms-v1.2.0";

/// `merotee mrtds publish`.
pub(super) const MRTDS_PUBLISH: &str = "The checksums file and its signature that the release holds must vouch for
everything else in it.

Examples:
  merotee sandbox -- verify-release-assets mero-tee-v1.2.0 --keep kept
  merotee sandbox -- mrtds publish mero-tee-v1.2.0 \\
    --measurements kept/mero-tee-v1.2.0/published-mrtds.json --dry-run";

/// `merotee verify-attestation`.
pub(super) const VERIFY_ATTESTATION: &str =
    "With --bundle nothing is asked: what is not given as an option is not compared,
and that is said. Without it, the release as GitHub lists it now is compared
too, names and digests both ways.

Examples:
  merotee sandbox -- verify-release-assets mero-kms-v1.1.1 --keep kept
  merotee sandbox -- verify-attestation \\
    --release calimero-network/mero-tee@mero-kms-v1.1.1 \\
    kept/mero-kms-v1.1.1/checksums.sha256";

/// `merotee verify-blob`.
pub(super) const VERIFY_BLOB: &str = "Examples:
  merotee sandbox -- verify-release-assets 1.2.0 --keep kept
  merotee sandbox -- verify-blob kept/mero-tee-v1.2.0/checksums.sha256 \\
    --bundle kept/mero-tee-v1.2.0/checksums.sha256.sigstore.json \\
    --certificate-identity-regexp 'https://github.com/calimero-network/mero-tee/.*' \\
    --certificate-oidc-issuer https://token.actions.githubusercontent.com";

/// `merotee checksums write`.
pub(super) const CHECKSUMS_WRITE: &str =
    "Lists what the layout wants listed, sorted, as sha256sum writes it: each file of
the folder but the checksums file and signatures; never release-notes.md, which
is not an asset.

Examples:
  merotee sandbox -- verify-release-assets mero-kms-v1.2.0 --keep out
  merotee checksums write --dir out/mero-kms-v1.2.0";

/// `merotee checksums check`.
pub(super) const CHECKSUMS_CHECK: &str = "Examples:
  merotee sandbox -- verify-release-assets mero-kms-v1.2.0 --keep out
  merotee checksums check --dir out/mero-kms-v1.2.0
  merotee checksums check out/mero-kms-v1.2.0/checksums.sha256";

/// `merotee sign`.
pub(super) const SIGN: &str = "Without --key a certificate is issued for a key that is made for the run, to the
holder of an OIDC token: the GitHub Actions job (permissions: id-token: write),
or whose token is given. Each bundle is verified under the trust root before it
is written. A valid signature by the same signer is kept. With --key no service
is asked: X.sig holds what verify-blob --signature --key reads.

Examples:
  merotee sandbox -- verify-release-assets mero-kms-v1.2.0 --keep out
  merotee sandbox -- sign --dir out/mero-kms-v1.2.0 --tag mero-kms-v1.2.0 --force
  merotee sandbox -- verify-release-assets mero-kms-v1.2.0 --dir out/mero-kms-v1.2.0";

/// `merotee compose-hash`.
pub(super) const COMPOSE_HASH: &str = "Kinds:
  dstack    the bytes of app-compose.json as they are: what a machine's
            compose-hash event holds
  release   the normalised docker-compose file: what a release's
            compose-hash.txt holds

Without --kind the name decides: *.yml, *.yaml, compose.json and
docker-compose*.json are a release's, other *.json dstack's. The hash is printed
alone. With --attest-response, or with --expect and another --format than human,
a report is printed.

Example:
  merotee compose-hash docs/examples/docker-compose.yml";

/// `merotee quote inspect`.
pub(super) const QUOTE_INSPECT: &str = "FILE holds the quote as bytes, hex or base64, or is the JSON of a KMS's or
node's attest response or of dstack's GetQuote. The form is recognised and said.

Examples:
  merotee sandbox -- kms attest --save answer.json
  merotee quote inspect answer.json";

/// `merotee quote verify`.
pub(super) const QUOTE_VERIFY: &str = "FILE holds the quote as bytes, hex or base64, or is the JSON of a KMS's or
node's attest response or of dstack's GetQuote. The form is recognised and said.

Examples:
  merotee sandbox -- kms attest --save answer.json
  merotee sandbox -- quote verify answer.json
  merotee sandbox -- quote verify answer.json --ita";

/// `merotee gen-policy`.
pub(super) const GEN_POLICY: &str = "Examples:
  merotee mrtds assemble --tag mero-tee-v1.2.0 \\
    --candidates docs/examples/node-candidates.json -o published-mrtds.json
  merotee gen-policy --tag mero-kms-v1.2.0 --commit 0123456789abcdef0123456789abcdef01234567 \\
    --candidates docs/examples/kms-candidates.json --node-mrtds published-mrtds.json --out dist
  merotee gen-policy --tag mero-kms-v1.3.0-rc.1 --commit 0123456789abcdef0123456789abcdef01234567 \\
    --generated-at 2025-10-01T00:00:00Z --not-ready --out drafts";

/// `merotee policy validate`.
pub(super) const POLICY_VALIDATE: &str = "Examples:
  merotee sandbox -- verify-release-assets 1.2.0 --keep kept
  merotee policy validate kept/mero-kms-v1.2.0";

/// `merotee policy diff`.
pub(super) const POLICY_DIFF: &str = "With --git, A and B are revisions, and PATH is relative to the working folder,
or else to the top of the repository.

Examples:
  merotee sandbox -- verify-release-assets 1.1.0 --keep kept
  merotee sandbox -- verify-release-assets 1.2.0 --keep kept
  merotee policy diff kept/mero-kms-v1.1.0 kept/mero-kms-v1.2.0
  merotee policy diff kept/mero-kms-v1.1.0 kept/mero-kms-v1.2.0 \\
    --format html -o diff.html";

/// `merotee policy promote`.
pub(super) const POLICY_PROMOTE: &str = "Examples:
  merotee policy promote --candidates measurement-policy-candidates.json --dry-run
  merotee policy promote --candidates kms-1.json --candidates kms-2.json \\
    --candidates node-1.json --tag mero-kms-v1.2.0";

/// `merotee policy review`.
pub(super) const POLICY_REVIEW: &str = "A workflow's own token cannot read teams: give one that can in
MEROTEE_TEAM_TOKEN.

Examples:
  merotee policy review --pr 42
  merotee policy review --pr 42 --comment --team calimero-network/security
  merotee policy review --pr 42 --format markdown -o review.md";

/// `merotee mrtds assemble`.
pub(super) const MRTDS_ASSEMBLE: &str = "Example:
  merotee mrtds assemble --tag mero-tee-v1.2.0 \\
    --candidates docs/examples/node-candidates.json -o published-mrtds.json";

/// `merotee mrtds verify-runtime`.
pub(super) const VERIFY_RUNTIME: &str = "Examples:
  merotee mrtds assemble --tag mero-tee-v1.2.0 \\
    --candidates docs/examples/node-candidates.json -o published-mrtds.json
  merotee mrtds verify-runtime --measurements docs/examples/machine.txt \\
    --expected published-mrtds.json --profile locked-read-only";

/// `merotee mrtds compare-mdma`.
pub(super) const COMPARE_MDMA: &str = "Examples:
  merotee mrtds assemble --tag mero-tee-v1.2.0 \\
    --candidates docs/examples/node-candidates.json -o published-mrtds.json
  merotee mrtds compare-mdma --mdma docs/examples/mdma.json \\
    --expected published-mrtds.json --profile locked-read-only";

/// `merotee merod-config generate`.
pub(super) const MEROD_GENERATE: &str = "`--format json` prints JSON, anything else TOML.

Examples:
  merotee sandbox -- verify-release-assets 1.2.0 --keep kept
  merotee merod-config generate --url https://kms.example.org \\
    --policy kept/mero-kms-v1.2.0/attestation-policy-locked-read-only.json";

/// `merotee merod-config apply`.
pub(super) const MEROD_APPLY: &str = "Examples:
  merotee sandbox -- verify-release-assets 1.2.0 --keep kept
  merotee merod-config apply --url https://kms.example.org \\
    --policy kept/mero-kms-v1.2.0/attestation-policy-locked-read-only.json \\
    --config docs/examples/config.toml --dry-run";

/// `merotee kms serve`.
pub(super) const KMS_SERVE: &str = "It does not start unless everything holds: version and profile are stated, the
image is built for the profile, and the policy is signed by the release
workflow, is of this release and profile, and is final (a release candidate's
may not be). Exit codes: 1 the policy is not available, 2 a setting is wrong,
10 the policy or the image must not be trusted.

Example:
  merotee sandbox -- kms serve --kms-version 1.2.0 --profile locked-read-only --check";

/// `merotee kms health`.
pub(super) const KMS_HEALTH: &str = "Example:
  merotee sandbox -- kms health --expect-version 1.2.0 --expect-profile locked-read-only";

/// `merotee kms attest`.
pub(super) const KMS_ATTEST: &str = "Example:
  merotee sandbox -- kms attest --save answer.json";

/// `merotee kms get-key`.
pub(super) const KMS_GET_KEY: &str = "Example:
  merotee sandbox -- kms get-key --key-out key";

/// `merotee sandbox`.
#[cfg(feature = "sandbox")]
pub(super) const SANDBOX: &str = "Examples:
  merotee sandbox -- verify-release-assets mero-kms-v1.2.0
  merotee sandbox --tamper payload-byte -- verify-release-assets mero-kms-v1.2.0  # exit code 10
  merotee sandbox --tamper list
  merotee sandbox serve";

/// `merotee sandbox serve`.
#[cfg(feature = "sandbox")]
pub(super) const SANDBOX_SERVE: &str = "Example:
  merotee sandbox serve";

/// `merotee sandbox artifacts`.
#[cfg(feature = "sandbox")]
pub(super) const SANDBOX_ARTIFACTS: &str = "Example:
  merotee sandbox artifacts mero-kms-v1.3.0 --out kms";

/// `merotee sandbox docker`.
#[cfg(feature = "sandbox")]
pub(super) const SANDBOX_DOCKER: &str = "`merotee sandbox serve --production=compose` exports MEROTEE_DOCKER, a script
that runs this command with the URL of its Docker.

Example:
  merotee sandbox docker http://127.0.0.1:9/ compose version  # exit code 1";

/// `merotee completions`.
pub(super) const COMPLETIONS: &str = "Example:
  merotee completions bash -o merotee.bash";

/// `merotee man`.
pub(super) const MAN: &str = "Example:
  merotee man kms serve -o merotee-kms-serve.1";

/// `merotee probe run`.
pub(super) const PROBE_RUN: &str = "Everything it creates is deleted again, even if the probe fails or is
interrupted (Ctrl-C). Each step is first recorded in DIR/probe-journal.jsonl;
after a crash, `merotee probe cleanup --out DIR` removes what is left.

Examples:
  merotee sandbox -- probe run --family kms --profile debug --dry-run
  merotee sandbox -- probe run mero-kms-v1.0.0 \\
    --family kms --profile debug --out probed/1
  merotee sandbox -- probe run --family node --profile debug --out probed/node";

/// `merotee probe combine`.
pub(super) const PROBE_COMBINE: &str = "Examples:
  merotee sandbox -- probe run mero-kms-v1.0.0 \\
    --family kms --profile debug --out probed/2
  merotee probe combine probed/1 probed/2 --out probed/both";

/// `merotee probe cleanup`.
pub(super) const PROBE_CLEANUP: &str = "Examples:
  merotee probe cleanup --out probed/1
  merotee sandbox -- probe cleanup --older-than 2h --family kms";

/// `merotee rollout plan`.
pub(super) const ROLLOUT_PLAN: &str = "Examples:
  merotee rollout plan 1.2.0 --profile locked-read-only \\
    --staging phala:mero-kms-staging --staging-node 'ssh node-s merotee' \\
    --production phala:mero-kms --production-node 'ssh node-p merotee'";

/// `merotee rollout run`.
pub(super) const ROLLOUT_RUN: &str = "Each effect is written to FILE before it begins, and its result after. At D5 the
run ends with exit code 1 until people decide: `rollout resume` asks again. A
breach of the soak rolls production back at once. With the inputs of a FILE that
exists, the run goes on from where it ended.

Examples:
  merotee sandbox -- rollout run 1.2.0 --profile locked-read-only --state r.state
  merotee rollout status --state r.state
  merotee sandbox --production=compose -- rollout run 1.2.0 \\
    --profile locked-read-only --unmeasured --state c.state";

/// `merotee rollout status`.
pub(super) const ROLLOUT_STATUS: &str = "One screen; in any other format the whole record of the rollout.

Examples:
  merotee sandbox -- rollout run 1.2.0 --profile locked-read-only --state r.state
  merotee rollout status --state r.state
  merotee rollout status --state r.state --format html -o change-record.html";

/// `merotee rollout resume`.
pub(super) const ROLLOUT_RESUME: &str =
    "What was begun and of which no result is known is looked for first; it is never
done again before that. Before the switch of production D6 asks everything anew.
A sandbox that ended cannot be gone on with: to rehearse an interrupted rollout,
use `merotee sandbox serve --production`.

Examples:
  merotee sandbox -- rollout run 1.2.0 --profile locked-read-only --state r.state
  merotee rollout resume --state r.state  # complete: nothing is left to do";

/// `merotee rollout rollback`.
pub(super) const ROLLOUT_ROLLBACK: &str =
    "Production comes first: a node must get its key from what it ran before. Then
the pull request is closed, unless people merged it, and staging is removed. To
rehearse it, use `merotee sandbox serve --production`.

Examples:
  merotee sandbox --tamper sbom-broken -- rollout run 1.2.0 \\
    --profile locked-read-only --state bad.state  # exit code 10
  merotee rollout rollback --state bad.state  # D1 failed: nothing to roll back";

/// `merotee rollout abort`.
pub(super) const ROLLOUT_ABORT: &str = "As `rollout rollback`, and the rollout takes no further orders. One that is
complete cannot be aborted: roll it back.

Examples:
  merotee sandbox --tamper sbom-broken -- rollout run 1.2.0 \\
    --profile locked-read-only --state off.state  # exit code 10
  merotee rollout abort --state off.state";

/// `merotee e2e`.
pub(super) const E2E: &str = "A part that was not made has no verdict, and the run has none: exit code 1. With
`--format json -o FILE` a run that passed is evidence for `merotee catalog add`.

Examples:
  merotee sandbox -- e2e 1.2.0
  merotee sandbox -- e2e mero-kms-v1.2.0 --documents-only
  merotee sandbox -- e2e 1.0.0 --cloud --dry-run
  merotee sandbox -- e2e 1.0.0 --cloud --out clouds
  merotee sandbox --tamper e2e-kms-down -- e2e 1.2.0  # exit code 1";
