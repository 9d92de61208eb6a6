//! The graph as a picture: boxes and arrows, written as DOT, as Mermaid or as SVG.
//!
//! An arrow goes the way that a change goes: from a shared folder to the images that copy it, from a base to the images that
//! stand on it. DOT and Mermaid are laid out by whoever draws them. SVG is laid out here, in columns from left to right, so
//! that no other program is needed (`svg`). Whatever a name holds, it stays text.

use std::fmt::Write as _;

mod svg;

/// Boxes and the arrows between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture {
    /// The boxes; arrows name them by their position.
    pub boxes: Vec<PictureBox>,
    /// The arrows.
    pub arrows: Vec<Arrow>,
}

/// A box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureBox {
    /// What is written in it.
    pub label: String,
    /// What it stands for.
    pub kind: BoxKind,
    /// What a pointer on it tells.
    pub note: String,
}

/// What a box stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BoxKind {
    /// A folder or file that several images copy.
    Shared,
    /// An image that is released.
    Image,
    /// A test image.
    Test,
}

/// An arrow from one box to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrow {
    /// Where it starts.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// What a pointer on it tells.
    pub note: String,
}

impl Picture {
    /// The arrows that have both ends.
    fn whole_arrows(&self) -> impl Iterator<Item = (&PictureBox, &PictureBox, &Arrow)> {
        self.arrows.iter().filter_map(|arrow| Some((self.boxes.get(arrow.from)?, self.boxes.get(arrow.to)?, arrow)))
    }

    /// For Graphviz.
    pub fn dot(&self) -> String {
        let mut text = String::from(
            "digraph longshore {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=11];\n",
        );
        for (index, drawn) in self.boxes.iter().enumerate() {
            let style = match drawn.kind {
                BoxKind::Image => "",
                BoxKind::Test => ", style=\"rounded,dashed\"",
                BoxKind::Shared if drawn.label == "." || drawn.label.ends_with('/') => ", shape=folder, style=solid",
                BoxKind::Shared => ", shape=note, style=solid",
            };
            let (label, note) = (in_dot(&drawn.label), in_dot(&drawn.note));
            // Writing into a text cannot fail.
            writeln!(text, "  n{index} [label=\"{label}\", tooltip=\"{note}\"{style}];").ok();
        }
        for (from, _, arrow) in self.whole_arrows() {
            let style = if from.kind == BoxKind::Shared { ", style=dashed" } else { "" };
            let note = in_dot(&arrow.note);
            writeln!(text, "  n{} -> n{} [tooltip=\"{note}\"{style}];", arrow.from, arrow.to).ok();
        }
        text.push_str("}\n");
        text
    }

    /// For Mermaid, which forges draw in Markdown.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (index, drawn) in self.boxes.iter().enumerate() {
            let label = in_mermaid(&drawn.label);
            match drawn.kind {
                BoxKind::Image => writeln!(text, "  n{index}[\"{label}\"]"),
                BoxKind::Test => writeln!(text, "  n{index}([\"{label}\"])"),
                BoxKind::Shared => writeln!(text, "  n{index}[/\"{label}\"/]"),
            }
            .ok();
        }
        for (from, _, arrow) in self.whole_arrows() {
            let line = if from.kind == BoxKind::Shared { "-.->" } else { "-->" };
            writeln!(text, "  n{} {line} n{}", arrow.from, arrow.to).ok();
        }
        text
    }

    /// A picture that a browser shows.
    pub fn svg(&self) -> String {
        svg::draw(self)
    }
}

/// A text in the quotes of DOT, where a backslash begins an escape.
fn in_dot(text: &str) -> String {
    plain(text).replace('\\', "\\\\").replace('"', "\\\"")
}

/// A text in the quotes of Mermaid, which knows entities, reads some letters as its own, and would take Markdown for such.
fn in_mermaid(text: &str) -> String {
    let mut written = String::new();
    for character in plain(text).chars() {
        match character {
            '"' => written.push_str("#quot;"),
            '#' | '&' | '<' | '>' | '`' | '*' | '\\' | ';' | '[' | ']' | '{' | '}' | '(' | ')' | '|' => {
                write!(written, "#{};", u32::from(character)).ok();
            }
            character => written.push(character),
        }
    }
    written
}

/// Without what no picture can show.
fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let drawn = |label: &str, kind| PictureBox { label: label.to_owned(), kind, note: format!("note of {label}") };
        Picture {
            boxes: vec![
                drawn("tools/clock/", BoxKind::Shared),
                drawn("base", BoxKind::Image),
                drawn("web", BoxKind::Image),
                drawn("web-tests", BoxKind::Test),
            ],
            arrows: [(0, 2), (1, 2), (2, 3), (2, 9)]
                .map(|(from, to)| Arrow { from, to, note: "web/Dockerfile:1".to_owned() })
                .into(),
        }
    }

    #[test]
    fn in_dot_and_in_mermaid() {
        insta::assert_snapshot!(picture().dot(), @r#"
        digraph longshore {
          rankdir=LR;
          node [shape=box, style=rounded, fontname="sans-serif", fontsize=11];
          n0 [label="tools/clock/", tooltip="note of tools/clock/", shape=folder, style=solid];
          n1 [label="base", tooltip="note of base"];
          n2 [label="web", tooltip="note of web"];
          n3 [label="web-tests", tooltip="note of web-tests", style="rounded,dashed"];
          n0 -> n2 [tooltip="web/Dockerfile:1", style=dashed];
          n1 -> n2 [tooltip="web/Dockerfile:1"];
          n2 -> n3 [tooltip="web/Dockerfile:1"];
        }
        "#);
        insta::assert_snapshot!(picture().mermaid(), @r#"
        flowchart LR
          n0[/"tools/clock/"/]
          n1["base"]
          n2["web"]
          n3(["web-tests"])
          n0 -.-> n2
          n1 --> n2
          n2 --> n3
        "#);
    }

    #[test]
    fn a_name_stays_text_whatever_it_holds() {
        let odd = "a\"]; b\\n <script>&`*#\n|";
        assert_eq!(in_dot(odd), "a\\\"]; b\\\\n <script>&`*#\u{fffd}|");
        let written = in_mermaid(odd);
        assert!(!written.contains(['"', '<', '>', '&', '`', '*', '\\', '\n', '|', ']']), "{written}");
        let picture = Picture {
            boxes: vec![PictureBox { label: odd.to_owned(), kind: BoxKind::Shared, note: odd.to_owned() }],
            arrows: vec![Arrow { from: 0, to: 0, note: odd.to_owned() }],
        };
        let svg = picture.svg();
        assert!(!svg.contains("<script") && svg.contains("a&quot;]; b\\n &lt;script&gt;&amp;"), "{svg}");
    }
}
