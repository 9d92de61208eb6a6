//! `longshore schema`: the JSON Schema of `longshore.yaml`.

use longshore_core::config;

use crate::ui::Ui;
use crate::{exit, json};

/// Prints the schema.
pub(crate) fn run(ui: &Ui) -> u8 {
    ui.print(&json::text(&config::schema()));
    exit::DONE
}
