//! Arguments of `checksums`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::examples;

/// Commands about checksums files.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum ChecksumsCommand {
    /// Write the checksums file of the release that lies in a folder
    #[command(after_help = examples::CHECKSUMS_WRITE)]
    Write(ChecksumsWriteArgs),
    /// Check the files of a folder against their checksums file
    #[command(after_help = examples::CHECKSUMS_CHECK)]
    Check(ChecksumsCheckArgs),
}

/// Arguments of `checksums write`.
#[derive(Debug, Args)]
pub struct ChecksumsWriteArgs {
    /// Folder that holds the files of the release
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Name of the file [default: by the layout of the files, checksums.sha256 where they are of none]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `checksums check`.
#[derive(Debug, Args)]
pub struct ChecksumsCheckArgs {
    /// Checksums file; the files it lists lie beside it
    #[arg(value_name = "PATH", required_unless_present = "dir", conflicts_with = "dir", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Folder that holds the files of the release and their checksums file
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}
