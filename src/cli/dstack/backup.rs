//! Arguments of `dstack backup`.

use std::path::PathBuf;

use clap::Args;

use super::EvidenceArgs;

/// Arguments of `dstack backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// What the KMS answered to Bootstrap, as it was saved: bootstrap-info.json
    #[arg(long, value_name = "FILE|-")]
    pub bootstrap_info: PathBuf,
    /// Folder for the copy, kms-bootstrap-info-DATE.json, which its owner alone may read
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Print what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// By what the quote is judged.
    #[command(flatten)]
    pub evidence: EvidenceArgs,
}
