//! Programs by other people: found, or skipped for all to see.

pub(crate) mod emulate;
pub(crate) mod sigstore_python;

use std::path::PathBuf;

use crate::binary::skip;

/// The program `name`: where `variable` says, or on `PATH`. Without it, `None` and a visible skip.
pub(crate) fn program(name: &str, variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
    };
    let program = named.or_else(on_path);
    if program.is_none() {
        skip(&format!("no {name}: set {variable} or put `{name}` on PATH"));
    }
    program
}
