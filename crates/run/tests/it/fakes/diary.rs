//! One list of all that happens in a run: events, requests, pushes, in their order.

use std::sync::{Arc, Mutex};

use longshore_run::event::Event;

/// The list; its copies share it.
#[derive(Clone, Default)]
pub(crate) struct Diary(Arc<Mutex<Vec<String>>>);

/// How a line of reading begins: such lines change nothing.
const READS: [&str; 4] = ["HEAD ", "GET ", "blob ", "authorize "];

impl Diary {
    pub(crate) fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    /// An event by its name and what it is about.
    pub(crate) fn event(&self, event: &Event) {
        let json = serde_json::to_value(event).unwrap();
        let about = match event {
            Event::Started { builds, retags, keeps, .. } => format!("{builds} builds, {retags} retags, {keeps} keeps"),
            Event::Tagged { reference, already, .. } => {
                let tag = reference.tag.as_ref().unwrap();
                format!("{}:{tag}{}", reference.repository.name(), if *already { " already" } else { "" })
            }
            Event::Verified { images } => images.to_string(),
            _ => json["service"].as_str().unwrap_or_default().to_owned(),
        };
        self.note(format!("- {} {about}", json["event"].as_str().unwrap()).trim_end());
    }

    pub(crate) fn forget(&self) {
        self.0.lock().unwrap().clear();
    }

    /// Every line.
    pub(crate) fn all(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }

    /// The lines that this holds for.
    pub(crate) fn only(&self, wanted: impl Fn(&str) -> bool) -> String {
        let lines = self.0.lock().unwrap();
        lines.iter().filter(|line| wanted(line)).map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Events and writes, without the questions.
    pub(crate) fn story(&self) -> String {
        self.only(|line| !READS.iter().any(|read| line.starts_with(read)))
    }

    /// What was written to registry and remote.
    pub(crate) fn writes(&self) -> String {
        self.only(|line| line.starts_with("PUT ") || line.starts_with("push "))
    }
}
