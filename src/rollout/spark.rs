//! Figures over time in one line of text: how a terminal shows a soak.

/// From low to high.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Where there is no figure.
const NONE: char = '·';

/// The last `width` of `values`, each as a bar: `0` is the lowest, and the largest that is shown, or `ceiling` where that is
/// larger, the highest.
pub fn line(values: &[Option<u32>], ceiling: u32, width: usize) -> String {
    let shown = values.get(values.len().saturating_sub(width)..).unwrap_or_default();
    let top = shown.iter().flatten().copied().max().unwrap_or(0).max(ceiling).max(1);
    shown.iter().map(|value| value.map_or(NONE, |value| bar(value, top))).collect()
}

fn bar(value: u32, top: u32) -> char {
    let last = BARS.len() as u64 - 1;
    let index = (u64::from(value) * last).div_ceil(u64::from(top)).min(last);
    usize::try_from(index).ok().and_then(|index| BARS.get(index)).copied().unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_bars_up_to_the_ceiling_and_what_is_missing_is_a_dot() {
        let values = [Some(0), Some(1), Some(70), Some(140), None];
        assert_eq!(line(&values, 140, 10), "▁▂▅█·");
        assert_eq!(line(&values, 1_400, 10), "▁▂▂▂·");
        assert_eq!(line(&[Some(0); 3], 0, 10), "▁▁▁");
        assert_eq!(line(&[], 1, 10), "");
    }

    #[test]
    fn only_the_latest_fit() {
        assert_eq!(line(&[Some(9), Some(0), Some(2)], 0, 2), "▁█");
        assert_eq!(line(&[Some(u32::MAX)], u32::MAX, 1), "█");
    }
}
