//! Is the repository still called what it was asked for by?

use super::RELEASE;
use crate::{
    release::snapshot::{Moved, Origin, Snapshot},
    report::Finding,
};

/// Where the API found the repository, when not under the name that was asked for.
pub fn destination(snapshot: &Snapshot) -> Option<&Moved> {
    match &snapshot.origin {
        Origin::GitHub { moved, .. } => moved.as_ref(),
        Origin::Folder(_) => None,
    }
}

/// A repository that has moved is another name for the same releases; whose workflow must have signed goes by the new one.
pub fn moved(snapshot: &Snapshot) -> Vec<Finding> {
    let found = destination(snapshot);
    let warn = |Moved { from, to }: &Moved| {
        RELEASE
            .warn(
                snapshot.tag.as_str(),
                format!("{from} has moved to {to}: the workflow that must have signed is one of {to}"),
            )
            .help(format!("ask for --repo {to}; where a release was signed before the move, add --signer-repo {from}"))
    };
    found.map(warn).into_iter().collect()
}
