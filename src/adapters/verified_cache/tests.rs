//! Entries that are right, and every way in which one is not.

use super::*;

fn asset() -> Hashed {
    Hashed {
        api: "https://api.example/".into(),
        repository: "o/r".into(),
        release: 1,
        asset: 2,
        name: "a.tar.gz".into(),
        size: 3,
        updated_at: Some("2025-10-01T00:00:00Z".into()),
        sha256: Sha256::of(b"abc").to_string(),
    }
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

/// The one entry in a folder of the cache.
fn only(dir: &Path, folder: &str) -> PathBuf {
    let names = names(&dir.join(folder));
    assert_eq!(names.len(), 1, "{names:?}");
    dir.join(folder).join(names.first().unwrap())
}

#[test]
fn what_was_kept_is_found_again_by_another_process_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let cache = VerifiedCache::open(dir.path()).unwrap();
    let copy = dir.path().join("copy");
    assert!(!cache.has(&asset()) && !cache.copy_document(Sha256::of(b"abc"), 3, &copy) && !copy.exists());
    cache.keep_hashed(&asset());
    cache.keep_document(Sha256::of(b"abc"), b"abc");
    let cache = VerifiedCache::open(dir.path()).unwrap();
    assert!(cache.has(&asset()) && cache.copy_document(Sha256::of(b"abc"), 3, &copy));
    assert_eq!(fs::read(&copy).unwrap(), b"abc");
    assert_eq!(cache.spared(), Spared { assets: 2, bytes: 6 });
    let text = |text: &str| text.to_owned();
    for other in [
        Hashed { api: text("https://other.example/"), ..asset() },
        Hashed { repository: text("o/s"), ..asset() },
        Hashed { release: 9, ..asset() },
        Hashed { asset: 9, ..asset() },
        Hashed { name: text("b"), ..asset() },
        Hashed { size: 4, ..asset() },
        Hashed { updated_at: None, ..asset() },
        Hashed { updated_at: Some(text("2025-10-02T00:00:00Z")), ..asset() },
        Hashed { sha256: Sha256::of(b"abd").to_string(), ..asset() },
    ] {
        assert!(!cache.has(&other), "{other:?}");
    }
    assert_eq!(cache.spared().assets, 2);
}

#[test]
fn an_entry_that_was_changed_is_a_miss_and_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let cache = VerifiedCache::open(dir.path()).unwrap();
    let (copy, digest) = (dir.path().join("copy"), Sha256::of(b"abc"));
    for poison in [&b"abd"[..], b"", b"abcd", b"ab"] {
        cache.keep_hashed(&asset());
        cache.keep_document(digest, b"abc");
        fs::write(only(dir.path(), DOCUMENTS), poison).unwrap();
        fs::write(only(dir.path(), HASHED), poison).unwrap();
        assert!(!cache.copy_document(digest, 3, &copy) && !copy.exists(), "{poison:?}");
        assert!(!cache.has(&asset()), "{poison:?}");
    }
    cache.keep_hashed(&asset());
    cache.keep_document(digest, b"abc");
    assert!(cache.has(&asset()) && cache.copy_document(digest, 3, &copy));
}

#[test]
fn the_entry_of_another_asset_under_this_ones_name_is_a_miss() {
    let dir = tempfile::tempdir().unwrap();
    let cache = VerifiedCache::open(dir.path()).unwrap();
    cache.keep_hashed(&asset());
    let entry = only(dir.path(), HASHED);
    let other = Hashed { asset: 9, ..asset() };
    fs::rename(&entry, dir.path().join(HASHED).join(name_of(&text_of(&other).unwrap()))).unwrap();
    assert!(!cache.has(&other) && !cache.has(&asset()));
    // Nor does one that is endless fill the memory.
    let file = File::create(entry).unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(!cache.has(&asset()));
}

#[cfg(unix)]
#[test]
fn a_link_a_folder_and_a_pipe_are_no_entries_and_are_not_waited_for() {
    use std::os::unix::{fs::symlink, net::UnixListener};

    let dir = tempfile::tempdir().unwrap();
    let cache = VerifiedCache::open(dir.path()).unwrap();
    let (copy, digest, elsewhere) = (dir.path().join("copy"), Sha256::of(b"abc"), dir.path().join("elsewhere"));
    let entry = dir.path().join(DOCUMENTS).join(digest.to_string());
    fs::write(&elsewhere, b"abc").unwrap();
    symlink(&elsewhere, &entry).unwrap();
    assert!(!cache.copy_document(digest, 3, &copy));
    // It replaces the link, not what the link leads to.
    cache.keep_document(digest, b"xyz");
    assert_eq!(fs::read(&elsewhere).unwrap(), b"abc");
    fs::remove_file(&entry).unwrap();
    fs::create_dir(&entry).unwrap();
    assert!(!cache.copy_document(digest, 3, &copy));
    cache.keep_document(digest, b"abc");
    fs::remove_dir(&entry).unwrap();
    let socket = UnixListener::bind(dir.path().join("s")).unwrap();
    fs::rename(dir.path().join("s"), &entry).unwrap();
    assert!(!cache.copy_document(digest, 3, &copy));
    drop(socket);
}

#[cfg(unix)]
#[test]
fn a_folder_inside_that_is_a_link_and_a_file_in_its_place_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (outside, cache) = (dir.path().join("outside"), dir.path().join("cache"));
    fs::create_dir(&outside).unwrap();
    fs::create_dir(&cache).unwrap();
    std::os::unix::fs::symlink(&outside, cache.join(HASHED)).unwrap();
    for place in [&cache, &cache.join("file")] {
        if place != &cache {
            fs::write(place, b"").unwrap();
        }
        let error = VerifiedCache::open(place).unwrap_err();
        assert_eq!(error.class(), error::Class::Usage);
        assert!(error.to_string().contains("is not a folder"), "{error}");
    }
    assert_eq!(names(&outside), [""; 0]);
}

#[test]
fn two_at_once_write_the_same_and_leave_nothing_half_written() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (VerifiedCache::open(dir.path()).unwrap(), VerifiedCache::open(dir.path()).unwrap());
    let bytes = vec![7; 200_000];
    let digest = Sha256::of(&bytes);
    std::thread::scope(|scope| {
        for cache in [&one, &other] {
            scope.spawn(|| {
                for number in 0..50 {
                    cache.keep_document(digest, &bytes);
                    let copy = tempfile::tempdir().unwrap();
                    assert!(cache.copy_document(digest, 200_000, &copy.path().join("copy")), "{number}");
                }
            });
        }
    });
    assert_eq!(names(&dir.path().join(DOCUMENTS)), [digest.to_string()]);
}
