//! The numbers that GitHub gives accounts: of the sandbox's they follow from the login.

/// The number of an account.
pub(super) fn of(login: &str) -> u64 {
    if login == "github-actions[bot]" {
        return 41_898_282;
    }
    login.bytes().fold(1_000, |id, byte| id * 31 % 1_000_003 + u64::from(byte))
}
