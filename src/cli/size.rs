//! Sizes on the command line.

/// A number of bytes, with `KiB`, `MiB`, `GiB` or `TiB` behind it or nothing.
pub(super) fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u32); 4] = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
    let unit = UNITS.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)));
    let (number, shift) = unit.unwrap_or((text, 0));
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let bytes = number.parse::<u64>().ok().filter(|_| digits).and_then(|n| n.checked_mul(1 << shift));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "expected a number of bytes above 0, such as 500MiB or 16GiB".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_of_bytes_with_or_without_a_unit() {
        for (text, bytes) in
            [("1", 1), ("2048", 2048), ("1KiB", 1 << 10), ("500MiB", 500 << 20), ("16GiB", 16 << 30), ("2TiB", 2 << 40)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "0",
            "0GiB",
            "-1",
            "+1",
            "1.5GiB",
            "GiB",
            "1 GiB",
            "1GB",
            "1gib",
            "16777216TiB",
            "99999999999999999999",
        ] {
            assert!(size(text).is_err(), "{text:?}");
        }
    }
}
