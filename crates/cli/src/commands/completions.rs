//! `longshore completions`: a completion script for a shell.

use clap::CommandFactory as _;

use crate::args::{Cli, Completions};
use crate::exit;
use crate::ui::Ui;

/// Prints the script.
pub(crate) fn run(args: &Completions, ui: &Ui) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "longshore", &mut script);
    ui.print(&String::from_utf8_lossy(&script));
    exit::DONE
}
