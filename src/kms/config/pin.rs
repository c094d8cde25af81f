//! The profile an image was built for, which cannot be changed at run time.
//!
//! Source of the rule: ADR-0001, KMS profile pinning.

use std::path::Path;

use crate::{
    adapters::file,
    error::{Error, Result},
    subject::profile::Profile,
};

/// Where an image states its profile.
pub const IMAGE_PROFILE_FILE: &str = "/etc/mero-kms/image-profile";
/// The file holds one word.
const MAX_BYTES: u64 = 1024;

/// Refuses a profile that the image is not built for. The file of the image may be absent, as it is on a laptop; one
/// that is named as well must be there, and takes nothing away from the image's.
pub(super) fn check(profile: Profile, also: Option<&Path>) -> Result<()> {
    in_file(Path::new(IMAGE_PROFILE_FILE), profile, false)?;
    also.map_or(Ok(()), |path| in_file(path, profile, true))
}

fn in_file(path: &Path, profile: Profile, required: bool) -> Result<()> {
    let shown = path.display();
    let help = "run the image that was built for this profile; the file belongs to the image and must not be changed";
    let unreadable = || Error::trust(format!("{shown} pins this image to a profile and cannot be read")).help(help);
    match std::fs::symlink_metadata(path) {
        // Nothing else than absence counts as absence: not a link that leads nowhere, not a folder without permission.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !required => return Ok(()),
        Err(e) => return Err(unreadable().because(e)),
        Ok(_) => {}
    }
    // A pipe would be waited for until somebody writes to it.
    if !std::fs::metadata(path).map_err(|e| unreadable().because(e))?.is_file() {
        return Err(unreadable().because(Error::input("it is not a regular file")));
    }
    let bytes = file::read_bounded(path, MAX_BYTES).map_err(|e| unreadable().because(e))?;
    let text = String::from_utf8_lossy(&bytes);
    let pinned: Profile = text
        .trim()
        .parse()
        .map_err(|e| Error::trust(format!("{shown} pins this image to an unknown profile")).because(e).help(help))?;
    if pinned != profile {
        let message = format!("this image is pinned to {pinned} by {shown}, and MERO_KMS_PROFILE says {profile}");
        return Err(Error::trust(message).help(help));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::error::{Class, chain};

    fn with(content: &[u8]) -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image-profile");
        std::fs::write(&path, content).unwrap();
        in_file(&path, Profile::Debug, false)
    }

    #[test]
    fn the_same_profile_with_or_without_a_line_end_is_fine() {
        for content in ["debug", "debug\n", "debug\r\n", " debug "] {
            assert!(with(content.as_bytes()).is_ok(), "{content:?}");
        }
    }

    #[test]
    fn another_profile_is_refused_and_both_are_named() {
        let error = with(b"locked-read-only\n").unwrap_err();
        assert_eq!(error.class(), Class::Trust);
        let words = error.to_string();
        assert!(
            words.contains("pinned to locked-read-only") && words.contains("MERO_KMS_PROFILE says debug"),
            "{words}"
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for content in [&b""[..], b"\n", b"Debug", b"debug\ndebug-read-only", b"\xff\xfe", &[b'x'; 2000]] {
            let error = with(content).unwrap_err();
            assert_eq!(error.class(), Class::Trust, "{content:?}");
        }
    }

    #[test]
    fn only_absence_counts_as_absence() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("image-profile");
        assert!(in_file(&absent, Profile::Debug, false).is_ok());
        assert_eq!(in_file(&absent, Profile::Debug, true).unwrap_err().class(), Class::Trust);
        let error = in_file(folder.path(), Profile::Debug, false).unwrap_err();
        assert!(chain(&error).contains("not a regular file"), "{}", chain(&error));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.path().join("nowhere"), &absent).unwrap();
            assert_eq!(in_file(&absent, Profile::Debug, false).unwrap_err().class(), Class::Trust);
        }
    }
}
