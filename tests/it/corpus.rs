//! Real inputs, kept beside the project and not in it.

use std::path::PathBuf;

/// The folder of real inputs, or `None` with a line on stderr where it is absent.
pub(crate) fn corpus(topic: &str) -> Option<PathBuf> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus").join(topic);
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!("SKIPPED: no real inputs at ../shared/corpus/{topic}");
    None
}
