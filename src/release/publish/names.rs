//! Names that assets have only while one takes another's place: the new one until it is whole, the old one until it is
//! deleted. They follow from name and content, so that a later run knows them.

use crate::digest::Sha256;

/// Between a name and what it stands for meanwhile.
const INCOMING: &str = ".incoming-";
const RETIRED: &str = ".retired-";

/// Digits of the digest in a name.
const DIGITS: usize = 12;

/// How much longer a name is meanwhile, at most.
pub const LONGER: usize = INCOMING.len() + 20;

/// What a new asset is called until it takes the place of the one that has its name.
pub fn incoming(name: &str, digest: Sha256) -> String {
    let digits: String = digest.to_string().chars().take(DIGITS).collect();
    format!("{name}{INCOMING}{digits}")
}

/// What the old asset of this number is called from then until it is deleted.
pub fn retired(name: &str, asset: u64) -> String {
    format!("{name}{RETIRED}{asset}")
}

/// Whether it is the name of a new asset that waits for its place.
pub fn is_incoming(name: &str) -> bool {
    stands_in_for(name).is_some_and(|own| name.strip_prefix(own).is_some_and(|rest| rest.starts_with(INCOMING)))
}

/// The asset's name that such a name stands in for.
pub fn stands_in_for(name: &str) -> Option<&str> {
    let of = |mark: &str, fits: fn(&str) -> bool| {
        name.rsplit_once(mark).filter(|(own, rest)| !own.is_empty() && fits(rest)).map(|(own, _)| own)
    };
    let digest = |rest: &str| rest.len() == DIGITS && rest.bytes().all(|b| b.is_ascii_hexdigit());
    let number = |rest: &str| !rest.is_empty() && rest.len() <= 20 && rest.bytes().all(|b| b.is_ascii_digit());
    of(INCOMING, digest).or_else(|| of(RETIRED, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_the_moment_leads_back_to_the_asset_s_own() {
        let digest = Sha256::of(b"new");
        for name in ["a.json", "checksums.sha256.sigstore.json", "a.incoming-b"] {
            assert_eq!(stands_in_for(&incoming(name, digest)), Some(name));
            assert_eq!(stands_in_for(&retired(name, u64::MAX)), Some(name));
            assert!(is_incoming(&incoming(name, digest)) && !is_incoming(&retired(name, 1)) && !is_incoming(name));
            assert!(incoming(name, digest).len().max(retired(name, u64::MAX).len()) <= name.len() + LONGER);
        }
        for name in ["a.json", "a.incoming-", "a.incoming-xyz", "a.retired-", "a.retired-1x", ".retired-1"] {
            assert_eq!(stands_in_for(name), None, "{name}");
        }
    }
}
