//! A layered drawing, left to right.
//!
//! A box stands one column right of the rightmost box that leads to it. Within a column, boxes are put where the boxes that
//! they are joined with are, in a few sweeps to and fro; this keeps most arrows short and few of them crossed. Boxes that
//! nothing is joined with stand below, in rows. An arrow that would close a circle is drawn, and counts for no column.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{BoxKind, Picture, plain};

/// How high a box is, and how far the next one below it.
const HEIGHT: usize = 24;
const STEP: usize = 34;
/// Between columns, and around everything.
const GAP: usize = 110;
const MARGIN: usize = 20;
/// How wide a character is, about.
const CHARACTER: usize = 7;
/// How often columns are put in order.
const SWEEPS: usize = 8;
/// How many boxes stand beside each other below.
const BESIDE: usize = 5;

const STYLE: &str = "\
text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#1b1f24}\
rect{fill:#fff;stroke:#57606a}\
.shared rect{fill:#fff8c5;stroke:#9a6700}\
.test rect{fill:#f6f8fa;stroke-dasharray:4 3}\
path{fill:none;stroke:#57606a;stroke-opacity:.55}\
path.shared{stroke:#9a6700;stroke-dasharray:4 3}\
path:hover{stroke-width:3;stroke-opacity:1}";

/// Where each box stands.
struct Layout {
    at: Vec<(usize, usize)>,
    widths: Vec<usize>,
    size: (usize, usize),
}

/// Draws it.
pub(super) fn draw(picture: &Picture) -> String {
    let layout = lay_out(picture);
    let (width, height) = layout.size;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>What stands on what</title>\n<style>{STYLE}</style>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path d=\"M0 0L8 4L0 8z\" style=\"fill:#57606a;stroke:none\"/></marker></defs>\n\
         <rect width=\"{width}\" height=\"{height}\" style=\"fill:#fff;stroke:none\"/>\n"
    );
    for (from, _, arrow) in picture.whole_arrows() {
        let (x, y) = layout.at[arrow.from];
        let (to_x, to_y) = layout.at[arrow.to];
        let (x, y, to_y) = (x + layout.widths[arrow.from], y + HEIGHT / 2, to_y + HEIGHT / 2);
        let class = if from.kind == BoxKind::Shared { " class=\"shared\"" } else { "" };
        let (bend, back) = (x + GAP / 2, to_x.saturating_sub(GAP / 2));
        // Writing into a text cannot fail.
        writeln!(
            svg,
            "<path{class} marker-end=\"url(#tip)\" d=\"M{x} {y}C{bend} {y} {back} {to_y} {to_x} {to_y}\"><title>{}</title></path>",
            in_xml(&arrow.note)
        )
        .ok();
    }
    for ((drawn, (x, y)), width) in picture.boxes.iter().zip(&layout.at).zip(&layout.widths) {
        let (class, corner) = match drawn.kind {
            BoxKind::Shared => ("shared", 0),
            BoxKind::Image => ("image", 4),
            BoxKind::Test => ("test", 4),
        };
        let (text_x, text_y) = (x + width / 2, y + HEIGHT / 2 + 4);
        writeln!(
            svg,
            "<g class=\"{class}\"><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" rx=\"{corner}\"/>\
             <text x=\"{text_x}\" y=\"{text_y}\" text-anchor=\"middle\">{}</text></g>",
            in_xml(&drawn.note),
            in_xml(&drawn.label)
        )
        .ok();
    }
    svg.push_str("</svg>\n");
    svg
}

fn lay_out(picture: &Picture) -> Layout {
    let count = picture.boxes.len();
    let widths: Vec<usize> =
        picture.boxes.iter().map(|drawn| drawn.label.chars().count() * CHARACTER + 2 * CHARACTER).collect();
    let arrows: Vec<(usize, usize)> =
        picture.whole_arrows().map(|(_, _, arrow)| (arrow.from, arrow.to)).filter(|(from, to)| from != to).collect();
    let columns = columns(count, &arrows);
    let mut at = vec![(MARGIN, MARGIN); count];
    let (mut x, mut bottom) = (MARGIN, MARGIN);
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(0);
    for column in &columns {
        let widest = column.iter().map(|index| widths[*index]).max().unwrap_or(0);
        let top = MARGIN + (tallest - column.len()) * STEP / 2;
        for (row, index) in column.iter().enumerate() {
            at[*index] = (x, top + row * STEP);
            bottom = bottom.max(top + (row + 1) * STEP);
        }
        x += widest + GAP;
    }
    let mut right = x.saturating_sub(GAP);
    // What nothing is joined with.
    let joined: BTreeSet<usize> = columns.iter().flatten().copied().collect();
    let alone: Vec<usize> = (0..count).filter(|index| !joined.contains(index)).collect();
    let widest = alone.iter().map(|index| widths[*index]).max().unwrap_or(0) + MARGIN;
    for (position, index) in alone.iter().enumerate() {
        at[*index] = (MARGIN + position % BESIDE * widest, bottom + MARGIN / 2 + position / BESIDE * STEP);
        right = right.max(at[*index].0 + widths[*index]);
    }
    bottom += if alone.is_empty() { 0 } else { MARGIN / 2 + alone.len().div_ceil(BESIDE) * STEP };
    Layout { at, widths, size: (right + MARGIN, bottom + MARGIN) }
}

/// The boxes that arrows join, column by column, each in order.
fn columns(count: usize, arrows: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let forward = without_circles(count, arrows);
    let mut column_of = vec![0; count];
    // Each round moves a box at most one column on, so that as many rounds as boxes are enough.
    for _ in 0..count {
        let mut moved = false;
        for (from, to) in &forward {
            if column_of[*to] <= column_of[*from] {
                column_of[*to] = column_of[*from] + 1;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    let mut columns: Vec<Vec<usize>> = vec![Vec::new(); column_of.iter().max().map_or(0, |last| last + 1)];
    let mut neighbours: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to) in arrows {
        neighbours[*from].push(*to);
        neighbours[*to].push(*from);
    }
    for index in (0..count).filter(|index| !neighbours[*index].is_empty()) {
        columns[column_of[index]].push(index);
    }
    for sweep in 0..SWEEPS {
        let mut order: Vec<usize> = (0..columns.len()).collect();
        if sweep % 2 == 1 {
            order.reverse();
        }
        for column in order {
            let place = places(count, &columns);
            let middle = |index: &usize| {
                let around = &neighbours[*index];
                around.iter().map(|other| place[*other]).sum::<usize>() / around.len().max(1)
            };
            columns[column].sort_by_key(middle);
        }
    }
    columns
}

/// How far down each box stands, in thousandths of its column.
fn places(count: usize, columns: &[Vec<usize>]) -> Vec<usize> {
    let mut place = vec![0; count];
    for column in columns {
        for (row, index) in column.iter().enumerate() {
            place[*index] = (2 * row + 1) * 1_000_000 / (2 * column.len());
        }
    }
    place
}

/// How far a box is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Followed {
    Not,
    OnTheWay,
    ToTheEnd,
}

/// The arrows without those that lead back to where one came from.
fn without_circles(count: usize, arrows: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to) in arrows {
        out[*from].push(*to);
    }
    let mut state = vec![Followed::Not; count];
    let mut kept = Vec::new();
    for start in 0..count {
        if state[start] != Followed::Not {
            continue;
        }
        let mut way: Vec<(usize, usize)> = vec![(start, 0)];
        state[start] = Followed::OnTheWay;
        while let Some((index, next)) = way.last_mut() {
            let Some(to) = out[*index].get(*next).copied() else {
                state[*index] = Followed::ToTheEnd;
                way.pop();
                continue;
            };
            *next += 1;
            if state[to] == Followed::OnTheWay {
                continue;
            }
            kept.push((*index, to));
            if state[to] == Followed::Not {
                state[to] = Followed::OnTheWay;
                way.push((to, 0));
            }
        }
    }
    kept
}

fn in_xml(text: &str) -> String {
    plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::{Arrow, PictureBox};
    use super::*;

    fn picture(count: usize, arrows: &[(usize, usize)]) -> Picture {
        let boxes = (0..count).map(|index| PictureBox {
            label: format!("image{index}"),
            kind: BoxKind::Image,
            note: String::new(),
        });
        let arrows = arrows.iter().map(|(from, to)| Arrow { from: *from, to: *to, note: String::new() });
        Picture { boxes: boxes.collect(), arrows: arrows.collect() }
    }

    #[test]
    fn a_box_stands_right_of_all_that_leads_to_it() {
        let layout = lay_out(&picture(5, &[(0, 1), (1, 2), (0, 2), (3, 2)]));
        let x: Vec<usize> = layout.at.iter().map(|(x, _)| *x).collect();
        assert!(x[0] < x[1] && x[1] < x[2] && x[3] < x[2], "{x:?}");
        let lowest = layout.at[..4].iter().map(|(_, y)| *y).max().unwrap();
        assert!(layout.at[4].1 > lowest, "what stands alone stands below");
    }

    #[test]
    fn no_two_boxes_touch_and_all_are_inside() {
        let arrows: Vec<(usize, usize)> = (0..120).map(|index| (index % 7, 7 + index % 93)).collect();
        let layout = lay_out(&picture(110, &arrows));
        for (index, (x, y)) in layout.at.iter().enumerate() {
            let right = x + layout.widths[index];
            assert!(right <= layout.size.0 && y + HEIGHT <= layout.size.1);
            for (other, (other_x, other_y)) in layout.at.iter().enumerate().skip(index + 1) {
                let apart = right <= *other_x
                    || other_x + layout.widths[other] <= *x
                    || y + HEIGHT <= *other_y
                    || other_y + HEIGHT <= *y;
                assert!(apart, "{index} and {other}");
            }
        }
    }

    #[test]
    fn boxes_stand_beside_those_they_are_joined_with() {
        let layout = lay_out(&picture(6, &[(0, 5), (1, 4), (2, 3)]));
        for (from, to) in [(0, 5), (1, 4), (2, 3)] {
            assert_eq!(layout.at[from].1, layout.at[to].1, "a straight arrow from {from} to {to}");
        }
    }

    #[test]
    fn circles_and_nothing_are_drawn_too() {
        for picture in [picture(3, &[(0, 1), (1, 2), (2, 0), (1, 1)]), picture(0, &[]), picture(1, &[])] {
            let svg = draw(&picture);
            assert_eq!(svg.matches("<path").count(), picture.arrows.len() + 1);
            assert_eq!(svg.matches("<g ").count(), picture.boxes.len());
        }
    }
}
