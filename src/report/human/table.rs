//! Grids as columns of text.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use super::Page;
use crate::report::{
    escape::{at_line_start, cut_name, terminal},
    grid::Grid,
};

/// Widest column but the last, in characters. Longer cells are cut: whole values are in the other formats.
const CAP: usize = 50;
/// Columns that the last column keeps, where it has as many: a value that is cut away altogether is worse than a short name.
const LAST: usize = 10;
/// A column is cut no further than to this.
const NARROWEST: usize = 8;
/// Columns of a line of a grid that folds, where the terminal has no bound or a wider one.
const FOLD: usize = 80;

impl Page {
    /// Draws a grid, indented. Numbers stand at the right of their column; the last column ends where the line does.
    pub(super) fn grid(&self, grid: &Grid, indent: usize, w: &mut dyn Write) -> io::Result<()> {
        let last = grid.headings.len().saturating_sub(1);
        let escaped = |cells: &Vec<String>| {
            let cell =
                |(column, cell): (usize, &String)| if column < last { cut(&terminal(cell)) } else { terminal(cell) };
            cells.iter().enumerate().map(cell).collect::<Vec<_>>()
        };
        let heading: Vec<String> = grid.headings.iter().map(|heading| terminal(heading)).collect();
        let rows: Vec<Vec<String>> = grid.rows.iter().map(escaped).collect();
        let lines = || std::iter::once(&heading).chain(&rows);
        let width = |column: usize| {
            lines().filter_map(|cells| cells.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..heading.len()).map(width).collect();
        let limit = self.style.width.min(FOLD);
        let whole = indent + widths.iter().map(|width| width + 2).sum::<usize>();
        let folds = grid.folds && whole > limit + 2;
        if folds {
            // The last cells have lines of their own.
            widths.iter_mut().skip(last).for_each(|width| *width = 0);
        }
        fit(&mut widths, if folds { limit.saturating_sub(indent) } else { self.room(indent) });
        let numeric = |column: usize| {
            let mut cells = rows.iter().filter_map(|cells| cells.get(column)).peekable();
            cells.peek().is_some() && cells.all(|cell| cell.bytes().all(|b| b.is_ascii_digit()))
        };
        let right: Vec<bool> = (0..heading.len()).map(numeric).collect();
        for cells in lines() {
            let taken = indent + widths.iter().take(last).map(|width| width + 2).sum::<usize>();
            let below = cells.get(last).filter(|cell| folds && taken + cell.chars().count() > limit);
            let shown = cells.iter().take(if below.is_some() { last } else { cells.len() });
            let cells = shown.enumerate().map(|(column, cell)| match widths.get(column) {
                _ if column == last => cut_name(cell, self.room(taken)),
                Some(width) => narrowed(cell, *width),
                None => Cow::Borrowed(cell.as_str()),
            });
            let padded = cells.zip(widths.iter().zip(&right)).map(|(cell, (width, right))| {
                if *right { format!("{cell:>width$}") } else { format!("{cell:width$}") }
            });
            let line = padded.collect::<Vec<_>>().join("  ");
            writeln!(w, "{:indent$}{}", "", at_line_start(&self.elided(line.trim_end(), indent)))?;
            if let Some(below) = below {
                let under = indent + widths.first().map_or(0, |width| width + 2);
                write!(w, "{:under$}", "")?;
                self.wrapped(below, under, w)?;
            }
        }
        for note in &grid.notes {
            write!(w, "{:indent$}", "")?;
            self.wrapped(&terminal(note), indent, w)?;
        }
        Ok(())
    }
}

/// Takes from the widest columns what a line of `room` columns lacks, so that something of the last one is seen.
fn fit(widths: &mut [usize], room: usize) {
    let Some((last, others)) = widths.split_last_mut() else { return };
    let kept = (*last).min(LAST) + 2 * others.len();
    while kept + others.iter().sum::<usize>() > room {
        match others.iter_mut().max().filter(|widest| **widest > NARROWEST) {
            Some(widest) => *widest -= 1,
            None => return,
        }
    }
}

/// A cell of at most `width` columns: a name loses its middle, and words their end.
fn narrowed(cell: &str, width: usize) -> Cow<'_, str> {
    match cut_name(cell, width) {
        name if name.chars().count() <= width => name,
        _ => crate::report::escape::cut(cell, width.saturating_sub(1)),
    }
}

fn cut(cell: &str) -> String {
    crate::report::escape::cut(cell, CAP).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_columns_give_way_so_that_the_last_one_is_seen() {
        let fitted = |widths: &[usize], room| {
            let mut widths = widths.to_vec();
            fit(&mut widths, room);
            widths
        };
        assert_eq!(fitted(&[26, 7, 7, 7, 7, 7], 73), [26, 7, 7, 7, 7, 7], "it fits");
        assert_eq!(fitted(&[33, 7, 7, 7, 7, 7], 73), [28, 7, 7, 7, 7, 7]);
        assert_eq!(fitted(&[8, 9, 40, 60], 73), [8, 9, 40, 60], "the last column is cut instead, down to ten");
        assert_eq!(fitted(&[30, 30, 3], 20), [8, 8, 3], "and no column vanishes");
        assert_eq!(fitted(&[], 1), [0; 0]);
    }

    #[test]
    fn a_name_that_gives_way_keeps_both_its_ends_and_words_their_beginning() {
        assert_eq!(narrowed("mero-kms-v1.2.0", 9), "mer…1.2.0");
        assert_eq!(narrowed("locked-read-only, mero-kms-v1.2.0", 20), "locked-read-only, m…");
        assert_eq!(narrowed("debug", 9), "debug");
    }
}
