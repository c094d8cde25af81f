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
        let widths: Vec<usize> = (0..heading.len()).map(width).collect();
        let numeric = |column: usize| {
            let mut cells = rows.iter().filter_map(|cells| cells.get(column)).peekable();
            cells.peek().is_some() && cells.all(|cell| cell.bytes().all(|b| b.is_ascii_digit()))
        };
        let right: Vec<bool> = (0..heading.len()).map(numeric).collect();
        for cells in lines() {
            let taken = indent + widths.iter().take(last).map(|width| width + 2).sum::<usize>();
            let cells = cells.iter().enumerate().map(|(column, cell)| {
                if column == last { cut_name(cell, self.room(taken)) } else { Cow::Borrowed(cell.as_str()) }
            });
            let padded = cells.zip(widths.iter().zip(&right)).map(|(cell, (width, right))| {
                if *right { format!("{cell:>width$}") } else { format!("{cell:width$}") }
            });
            let line = padded.collect::<Vec<_>>().join("  ");
            writeln!(w, "{:indent$}{}", "", at_line_start(&self.elided(line.trim_end(), indent)))?;
        }
        for note in &grid.notes {
            write!(w, "{:indent$}", "")?;
            self.wrapped(&terminal(note), indent, w)?;
        }
        Ok(())
    }
}

fn cut(cell: &str) -> String {
    crate::report::escape::cut(cell, CAP).into_owned()
}
