//! `sandbox artifacts`: a new folder with what a build hands over, whole or not at all.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
};

use crate::{
    cli::ArtifactsArgs,
    error::{Error, Result},
    product::Product,
    sandbox::artifacts::{self, Artifact, REPOSITORY},
};

/// Writes the files and tells their paths, one a line; of the clone the folder alone.
pub(super) fn run(args: &ArtifactsArgs) -> Result<Product> {
    let files = artifacts::of(&args.tag)?;
    write(&args.out, &files)?;
    let shown = |name: &str| match name.split_once('/') {
        Some((REPOSITORY, _)) => REPOSITORY.to_owned(),
        Some(_) | None => name.to_owned(),
    };
    let names: BTreeSet<String> = files.iter().map(|(name, _)| shown(name)).collect();
    let paths: Vec<PathBuf> = names.into_iter().map(|name| args.out.join(name)).collect();
    let list = paths.iter().fold(String::new(), |mut text, path| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", path.display());
        text
    });
    Ok(Product::bytes(list))
}

/// All files under a temporary name beside the folder, which then gets its own.
fn write(folder: &Path, files: &[Artifact]) -> Result<()> {
    if folder.symlink_metadata().is_ok() {
        return Err(Error::usage(format!("{} is there already", folder.display()))
            .help("name a folder that is not there: nothing is overwritten"));
    }
    let cannot = |e: io::Error| Error::input(format!("cannot make the folder {}", folder.display())).because(e);
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let staged = tempfile::Builder::new().prefix(".merotee-").tempdir_in(parent).map_err(cannot)?;
    // Readable like any folder, where a temporary one is its owner's alone.
    let made = staged.path().join("made");
    std::fs::create_dir(&made).map_err(cannot)?;
    for (name, bytes) in files {
        let path = made.join(name);
        path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(cannot)?;
        std::fs::write(path, bytes).map_err(cannot)?;
    }
    std::fs::rename(&made, folder).map_err(cannot)
}
