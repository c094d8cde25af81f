//! Lists and names as literals.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::report::Status;

fn listing() -> String {
    format!("{}  bzImage\n{} *./initramfs.cpio.gz\n", Sha256::of(b"kernel"), Sha256::of(b"initrd"))
}

fn measured(image: Option<Sha256>) -> Measured {
    let zero = Sha256::from_bytes([0; 32]);
    Measured {
        mr_aggregated: zero,
        mr_system: zero,
        os_image: image.map(|image| image.as_bytes().to_vec()),
        compose_hash: None,
        app_id: None,
        device_id: None,
    }
}

fn judged(digest: Option<&str>, files: &[Option<Sha256>], image: Option<Sha256>) -> Vec<Status> {
    let list = listing();
    let found = Found { list: list.as_bytes(), digest: digest.map(str::as_bytes), files };
    judge("image", &found, Some(&measured(image))).into_iter().map(|finding| finding.status).collect()
}

#[test]
fn a_whole_image_that_was_measured_passes_and_each_fault_fails() {
    use Status::{Fail, Missing, Pass, SkippedRequired, Warn};
    let name = Sha256::of(listing().as_bytes());
    let other = Sha256::of(b"other");
    let digest = format!("{name}\n");
    let files = [Some(Sha256::of(b"kernel")), Some(Sha256::of(b"initrd"))];
    assert_eq!(judged(Some(&digest), &files, Some(name)), [Pass, Pass, Pass]);
    assert_eq!(judged(None, &files, Some(name)), [Warn, Pass, Pass]);
    assert_eq!(judged(Some(&other.to_string()), &files, Some(name)), [Fail, Pass, Pass]);
    assert_eq!(judged(Some("digest"), &files, Some(name)), [Fail, Pass, Pass]);
    let [kernel, _] = files;
    assert_eq!(judged(Some(&digest), &[kernel, Some(other)], Some(name)), [Pass, Fail, Pass]);
    assert_eq!(judged(Some(&digest), &[kernel, None], Some(name)), [Pass, Missing, Pass]);
    assert_eq!(judged(Some(&digest), &files, Some(other)), [Pass, Pass, Fail]);
    assert_eq!(judged(Some(&digest), &files, None), [Pass, Pass, SkippedRequired]);
}

#[test]
fn a_list_that_leads_out_of_its_folder_or_lists_nothing_is_refused() {
    assert_eq!(list(listing().as_bytes()).unwrap().len(), 2);
    let hash = "0".repeat(64);
    for bad in [
        format!("{hash}  ../x"),
        format!("{hash}  a/b"),
        format!("{hash}  .."),
        format!("{hash} x"),
        format!("{hash}  "),
        "0  x".to_owned(),
        format!("{}  x", "g".repeat(64)),
        format!("é{hash}"),
    ] {
        assert!(matches!(list(bad.as_bytes()), Err(ListError::Line { line: 1, .. })), "{bad}");
    }
    assert_eq!(list(b"\n\n"), Err(ListError::Empty));
    assert_eq!(list(&[0xff]), Err(ListError::NotText));
}
