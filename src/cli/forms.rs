//! What `--format` and `--output` mean to each command. Where they mean nothing they are refused, and never ignored.

use super::{
    Cli, Command, catalog::CatalogCommand, kms::KmsCommand, policy::MerodConfigCommand, policy::MrtdsCommand,
    policy::PolicyCommand, quote::QuoteCommand, release_notes::ReleaseNotesCommand,
};
use crate::{
    error::{Error, Result},
    report::Format,
};

/// What a command can be asked for.
pub(super) struct Forms {
    /// Forms its product has; none where the product has one form that no option changes.
    formats: &'static [Format],
    /// Whether there is a product that a file can hold.
    file: bool,
}

impl Forms {
    /// A report, in every form.
    pub(super) const REPORT: Self = Self { formats: &Format::ALL, file: true };
    /// A document that is one and the same in every circumstance: a script, a hash, a variable a line.
    pub(super) const FIXED: Self = Self { formats: &[], file: true };
    /// Nothing but messages.
    const NOTHING: Self = Self { formats: &[], file: false };

    const fn only(formats: &'static [Format]) -> Self {
        Self { formats, file: true }
    }
}

impl Command {
    fn forms(&self) -> Forms {
        match self {
            Self::VerifyReleaseAssets(args) if args.list_contract => Forms::only(&[Format::Json]),
            Self::ComposeHash(args) if args.expect.is_none() && args.attest_response.is_none() => Forms::FIXED,
            Self::Quote(QuoteCommand::Inspect { .. })
            | Self::Mrtds(MrtdsCommand::Assemble(_))
            | Self::MerodConfig(MerodConfigCommand::Generate(_)) => Forms::only(&[Format::Human, Format::Json]),
            Self::Catalog(CatalogCommand::Show(_)) => Forms::only(&[Format::Human, Format::Json, Format::Markdown]),
            Self::Policy(PolicyCommand::Diff(_)) => {
                Forms::only(&[Format::Human, Format::Json, Format::Markdown, Format::Html])
            }
            Self::Kms(KmsCommand::Serve(args)) if !args.check => Forms::NOTHING,
            Self::ReleaseNotes(ReleaseNotesCommand::Generate(_))
            | Self::Explain { .. }
            | Self::Completions { .. }
            | Self::Man { .. } => Forms::FIXED,
            #[cfg(feature = "sandbox")]
            Self::Sandbox(args) => match &args.command {
                Some(command) if !args.lists_tampers() => command.forms(),
                Some(_) | None => Forms::FIXED,
            },
            Self::Dstack(command) => command.forms(),
            Self::VerifyReleaseAssets(_)
            | Self::VerifyAttestation(_)
            | Self::Audit(_)
            | Self::E2e(_)
            | Self::VerifyBlob(_)
            | Self::Checksums(_)
            | Self::Sign(_)
            | Self::ComposeHash(_)
            | Self::Quote(QuoteCommand::Verify(_))
            | Self::Catalog(_)
            | Self::DependencyGuard(_)
            | Self::ReleaseNotes(ReleaseNotesCommand::Check(_))
            | Self::Doctor(_)
            | Self::Publish(_)
            | Self::GenPolicy(_)
            | Self::Policy(PolicyCommand::Validate(_) | PolicyCommand::Promote(_) | PolicyCommand::Review(_))
            | Self::Mrtds(MrtdsCommand::Publish(_) | MrtdsCommand::VerifyRuntime(_) | MrtdsCommand::CompareMdma(_))
            | Self::MerodConfig(MerodConfigCommand::Apply(_))
            | Self::ForbidAllowedEnv(_)
            | Self::VersionSync(_)
            | Self::DocGuard(_)
            | Self::Probe(_)
            | Self::Rollout(_)
            | Self::Kms(_) => Forms::REPORT,
        }
    }
}

impl Cli {
    /// Refuses what this command cannot be asked for. A form that only the environment names, for all commands, is left
    /// out where a command does not have it.
    pub(super) fn settle_forms(&mut self) -> Result<()> {
        let Forms { formats, file } = self.command.forms();
        let output = &mut self.output;
        if !file && output.output.is_some() {
            return Err(Error::usage("this command makes nothing that --output could hold"));
        }
        if formats.contains(&output.format) {
            return Ok(());
        }
        if !output.format_asked {
            output.format = Format::default();
            return Ok(());
        }
        let format = output.format;
        Err(match formats {
            [] => Error::usage(format!("this command has one form only, and --format {format} is not it"))
                .help("leave --format out"),
            some => {
                let names: Vec<_> = some.iter().map(|format| format.name()).collect();
                Error::usage(format!("this command has no {format} form")).help(format!("one of {}", names.join(", ")))
            }
        })
    }

    /// Takes over what was said about output around this command, where nothing else was said for itself.
    ///
    /// # Errors
    /// Usage: the command cannot be asked for it.
    #[cfg(feature = "sandbox")]
    pub(super) fn inherit_output(&mut self, around: &super::OutputArgs) -> Result<()> {
        let own = &mut self.output;
        own.log_format = own.log_format.or(around.log_format);
        own.output = own.output.take().or_else(|| around.output.clone());
        if !own.quiet && own.verbose == 0 {
            (own.quiet, own.verbose) = (around.quiet, around.verbose);
        }
        if !own.format_asked {
            (own.format, own.format_asked) = (around.format, around.format_asked);
        }
        self.settle_forms()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use std::{ffi::OsString, path::Path};

    use super::*;
    use crate::cli::NoCommand;

    fn words(line: &str) -> Result<Cli, NoCommand> {
        Cli::from_words(["merotee"].into_iter().chain(line.split(' ')).map(OsString::from).collect())
    }

    #[test]
    fn what_a_command_cannot_be_asked_for_is_refused() {
        for line in [
            "completions bash --format human",
            "man --format json",
            "quote inspect q --format html",
            "policy diff a b --format sarif",
            "compose-hash f --format json",
            "mrtds assemble --tag mero-tee-v1.0.0 --candidates f --format markdown",
            "merod-config generate --policy p --url http://k --format sarif",
            "verify-release-assets --list-contract --format sarif",
            "kms serve --format json",
            "kms serve --output f",
            "sandbox serve --format json",
            "sandbox --tamper list --format json",
        ] {
            let NoCommand::Wrong(error) = words(line).unwrap_err() else { panic!("{line}") };
            assert_eq!(error.class(), crate::error::Class::Usage, "{line}");
        }
        for line in [
            "verify-blob --bundle b f --format sarif -o r.sarif",
            "policy validate p --format html",
            "quote inspect q --format json -o q.json",
            "compose-hash f --expect sha256:0000000000000000000000000000000000000000000000000000000000000000 --format json",
            "verify-release-assets --list-contract --format json",
            "completions bash -o f",
            "sandbox --format sarif -- verify-release-assets 1.2.0",
        ] {
            assert!(words(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn a_dash_for_output_is_standard_output() {
        assert_eq!(words("completions bash -o -").unwrap().output.output, None);
        assert_eq!(words("completions bash -o ./-").unwrap().output.output.as_deref(), Some(Path::new("./-")));
    }

    #[cfg(feature = "sandbox")]
    #[test]
    fn what_is_said_around_a_command_holds_where_the_command_says_nothing_else() {
        let said = words("sandbox --format json -q -o f -- verify-release-assets 1.2.0").unwrap().output;
        assert_eq!((said.format, said.quiet, said.output.as_deref()), (Format::Json, true, Some(Path::new("f"))));
        let said = words("sandbox --format json -q -o f -- verify-blob --bundle b x --format html -o g -v").unwrap();
        assert_eq!((said.output.format, said.output.quiet), (Format::Html, false));
        assert_eq!(said.output.output.as_deref(), Some(Path::new("g")));
        for line in
            ["sandbox --format json -- man", "sandbox -o f -- kms serve", "sandbox -- quote inspect q --format html"]
        {
            assert!(words(line).is_err(), "{line}");
        }
    }
}
