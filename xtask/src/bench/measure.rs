//! Contenders in turns, medians and ratios.

use std::time::{Duration, Instant};

use crate::ChoreError;

/// Something that is measured: its name, and one run of it.
pub(super) struct Contender<'a> {
    name: String,
    /// One run: what it gives is the time that it took, so that it can leave out what it does before and after.
    run: Box<dyn FnMut() -> Result<Duration, ChoreError> + 'a>,
}

impl<'a> Contender<'a> {
    pub(super) fn new(name: &str, run: impl FnMut() -> Result<Duration, ChoreError> + 'a) -> Self {
        Self { name: name.to_owned(), run: Box::new(run) }
    }
}

/// The time that a function takes.
pub(super) fn time<T>(run: impl FnOnce() -> Result<T, ChoreError>) -> Result<Duration, ChoreError> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed())
}

/// What came out for a contender.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    name: String,
    times: Vec<Duration>,
}

/// Runs all contenders in each round, each round beginning with another one, after a round that does not count; and
/// gives the table. Ratios are to the last contender.
pub(super) fn compare(title: &str, rounds: usize, mut contenders: Vec<Contender<'_>>) -> Result<String, ChoreError> {
    let count = contenders.len();
    let mut rows: Vec<Row> =
        contenders.iter().map(|contender| Row { name: contender.name.clone(), times: Vec::new() }).collect();
    for round in 0..=rounds {
        for turn in 0..count {
            let index = (round + turn) % count;
            let time = (contenders[index].run)()?;
            if round > 0 {
                rows[index].times.push(time);
            }
        }
    }
    Ok(table(title, &rows))
}

/// A table in Markdown.
fn table(title: &str, rows: &[Row]) -> String {
    let rounds = rows.iter().map(|row| row.times.len()).max().unwrap_or_default();
    let yardstick = rows.last().map(|row| median(&row.times)).unwrap_or_default();
    let noun = if rounds == 1 { "round" } else { "rounds" };
    let head = "| | median ms | least ms | ratio |\n|---|---:|---:|---:|";
    let mut lines = vec![format!("\n{title}; {rounds} {noun}, in turns\n\n{head}")];
    lines.extend(rows.iter().map(|row| {
        let middle = median(&row.times);
        let least = row.times.iter().min().copied().unwrap_or_default();
        let ratio = middle.as_secs_f64() / yardstick.as_secs_f64().max(f64::MIN_POSITIVE);
        let (middle, least) = (milliseconds(middle), milliseconds(least));
        format!("| {} | {middle:.1} | {least:.1} | {ratio:.2}x |", row.name)
    }));
    lines.join("\n")
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The middle of the times; of an even number, the mean of the two in the middle.
fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    match sorted[..] {
        [] => Duration::ZERO,
        _ => (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn the_median_stands_in_the_middle() {
        let of = |times: &[u64]| median(&times.iter().copied().map(Duration::from_millis).collect::<Vec<_>>());
        for (times, expected) in [(&[][..], 0), (&[7], 7), (&[9, 1, 5], 5), (&[8, 2, 4, 100], 6)] {
            assert_eq!(of(times), Duration::from_millis(expected), "{times:?}");
        }
    }

    #[test]
    fn contenders_take_turns_and_the_first_round_does_not_count() {
        let order = RefCell::new(String::new());
        let contender = |name: &'static str, milliseconds: u64| {
            Contender::new(name, {
                let order = &order;
                let mut times = [1000, milliseconds, milliseconds].into_iter();
                move || {
                    order.borrow_mut().push_str(name);
                    Ok(Duration::from_millis(times.next().unwrap_or_default()))
                }
            })
        };
        let table = compare("race", 2, vec![contender("a", 30), contender("b", 20)]).unwrap();
        assert_eq!(*order.borrow(), "abbaab");
        assert_eq!(
            table,
            "\nrace; 2 rounds, in turns\n\n| | median ms | least ms | ratio |\n|---|---:|---:|---:|\n\
             | a | 30.0 | 30.0 | 1.50x |\n| b | 20.0 | 20.0 | 1.00x |"
        );
    }
}
