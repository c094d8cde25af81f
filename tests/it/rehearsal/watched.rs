//! `--watch`: live on a terminal, as lines elsewhere. The terminal is a pseudo-terminal of `script`, of 80 columns, and what the
//! program writes to it is carried out here as a terminal does.

use crate::binary::{BINARY, Place, skip, usable};

/// Columns of the terminal.
const COLUMNS: usize = 80;

/// A rollout that is watched.
const ROLLOUT: [&str; 8] =
    ["rollout", "run", "1.2.0", "--profile", "locked-read-only", "--state", "r.jsonl", "--watch"];

/// What a terminal shows after some text, as far as this program moves on it.
#[derive(Default)]
struct Screen {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// Sequences that set a colour or another attribute.
    painted: usize,
    /// Times that what was drawn is gone up over.
    redrawn: usize,
}

impl Screen {
    fn of(text: &str) -> Self {
        let mut screen = Self::default();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\r' => screen.column = 0,
                '\n' => screen.row += 1,
                '\u{1b}' if rest.peek() == Some(&'[') => {
                    rest.next();
                    let mut number = String::new();
                    let last = loop {
                        match rest.next().unwrap() {
                            digit @ ('0'..='9' | ';' | '?') => number.push(digit),
                            last => break last,
                        }
                    };
                    screen.moved(last, &number);
                }
                // `script` says that the input of the terminal is at its end.
                '\u{4}' | '\u{8}' => {}
                c => screen.write(c),
            }
        }
        screen
    }

    fn moved(&mut self, last: char, number: &str) {
        let count = number.parse::<usize>().unwrap_or(1);
        match last {
            'A' => {
                self.redrawn += 1;
                self.row = self.row.saturating_sub(count);
            }
            'B' => self.row += count,
            'G' => self.column = count.saturating_sub(1),
            'K' if number == "2" => self.line().clear(),
            'K' => {
                let column = self.column;
                self.line().truncate(column);
            }
            'J' => {
                let column = self.column;
                self.line().truncate(column);
                self.lines.truncate(self.row + 1);
            }
            'm' => self.painted += 1,
            'h' | 'l' => {}
            other => panic!("the test does not know ESC [ {number} {other}"),
        }
    }

    fn write(&mut self, c: char) {
        if self.column == COLUMNS {
            (self.row, self.column) = (self.row + 1, 0);
        }
        let column = self.column;
        let line = self.line();
        line.resize(line.len().max(column + 1), ' ');
        line[column] = c;
        self.column += 1;
    }

    fn line(&mut self) -> &mut Vec<char> {
        let row = self.row;
        self.lines.resize(self.lines.len().max(row + 1), Vec::new());
        &mut self.lines[row]
    }

    fn shown(&self) -> Vec<String> {
        self.lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned()).collect()
    }
}

/// What a watched rollout writes to a terminal; its product goes to a file.
fn on_a_terminal(place: &Place, variables: &str) -> Option<String> {
    if !usable("script", &["--version"]) {
        skip("script of util-linux is not there: no terminal to watch a rollout on");
        return None;
    }
    let words = ROLLOUT.join(" ");
    let line = format!("stty cols {COLUMNS} rows 24; exec env {variables} {BINARY} sandbox -- {words} > product.txt");
    let run = place.program("script", ["--quiet", "--return", "--command", &line, "/dev/null"]).env("TERM", "xterm");
    let run = run.run().expect(0);
    assert!(place.read("product.txt").contains("PASSED"), "{}", run.shown());
    Some(run.stdout)
}

#[test]
fn on_a_terminal_the_soak_is_drawn_in_its_place_within_80_columns_and_the_screen_stays_whole() {
    let place = Place::new();
    let Some(written) = on_a_terminal(&place, "") else { return };
    let screen = Screen::of(&written);
    let shown = screen.shown();
    let told = shown.join("\n");
    assert!(screen.redrawn >= 5, "it is not drawn anew:\n{told}");
    // Each line of the drawing stands there once, as of the last sample.
    for (starts, holds) in [("1800 s of 1800 s soaked", ""), ("latency ", "limit"), ("errors  ", " of ")] {
        let lines: Vec<_> = shown.iter().filter(|line| line.starts_with(starts)).collect();
        assert!(lines.len() == 1 && lines[0].contains(holds), "{starts}: {lines:?}\n{told}");
    }
    let bars = |starts: &str| {
        let line = shown.iter().find(|line| line.starts_with(starts)).unwrap();
        line.chars().filter(|c| ('▁'..='█').contains(c)).count()
    };
    assert!(bars("latency ") >= 10 && bars("errors  ") >= 10, "{told}");
    assert!(!shown.iter().any(|line| line.contains("s soaked") && !line.starts_with("1800 s")), "{told}");
    // What was said before the drawing is still there, in order and once.
    let steps: Vec<&str> = shown.iter().filter_map(|line| line.strip_prefix('D')?.get(..1)).collect();
    assert!(steps.is_sorted() && ["1", "2", "3", "4", "5", "6"].iter().all(|gate| steps.contains(gate)), "{told}");
    assert_eq!(shown.iter().filter(|line| line.starts_with("D6 switch production")).count(), 1, "{told}");
    // Nothing was wrapped: what goes up over a wrapped line would leave a part of it.
    assert!(shown.iter().all(|line| line.chars().count() < COLUMNS), "{told}");
    assert_eq!(shown.iter().filter(|line| line.contains("before the switch")).count(), 5, "{told}");
}

#[test]
fn a_terminal_without_colour_is_drawn_on_without_colour() {
    let Some(written) = on_a_terminal(&Place::new(), "NO_COLOR=1") else { return };
    let screen = Screen::of(&written);
    assert_eq!(screen.painted, 0, "{written:?}");
    assert!(screen.redrawn >= 5, "{written:?}");
}

#[test]
fn without_a_terminal_each_sample_is_a_plain_line() {
    let run = Place::new().sandbox(ROLLOUT).run().expect(0);
    let samples: Vec<&str> = run.stderr.lines().filter(|line| line.contains(" sample: healthy, ")).collect();
    assert!(samples.len() >= 15, "{}", run.stderr);
    assert!(samples.last().unwrap().ends_with("1800 s of 1800 s soaked"), "{samples:?}");
    assert!(!run.stderr.contains('\u{1b}'), "{}", run.stderr);
}
