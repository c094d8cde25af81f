//! Words around numbers: what a message counts agrees with the count, and times are dates. Not for how a report is laid
//! out.

use jiff::Timestamp;

/// `count` with the form of the noun, and the verb if it is given, that goes with it: "1 file is", "2 files are".
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Seconds since 1970 in UTC, as RFC 3339 writes them.
pub(crate) fn time(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(|| format!("{seconds} s after 1970"), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_every_other_number_plural() {
        let said = [0, 1, 2].map(|count| counted(count, "entry is", "entries are"));
        assert_eq!(said, ["0 entries are", "1 entry is", "2 entries are"]);
    }

    #[test]
    fn a_time_is_a_date_in_utc_and_one_beyond_the_calendar_says_so() {
        assert_eq!(time(1_764_400_204), "2025-11-29T07:10:04Z");
        assert_eq!(time(u64::MAX), "18446744073709551615 s after 1970");
    }
}
