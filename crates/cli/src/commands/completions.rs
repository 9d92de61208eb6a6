//! `longshore completions`: what makes a shell complete the words of this program, names of images and releases included.

use clap_complete::env::Shells;

use crate::args::Completions;
use crate::complete::VARIABLE;
use crate::exit;
use crate::failure::Failure;
use crate::ui::Ui;

/// Prints the script; the shell calls this very program for the words.
pub(crate) fn run(args: &Completions, ui: &Ui) -> Result<u8, Failure> {
    let shell = args.shell.to_string();
    let shells = Shells::builtins();
    let unknown = || Failure::usage(format!("there are no completions for `{shell}`"));
    let completer = shells.completer(&shell).ok_or_else(unknown)?;
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, "longshore", "longshore", &program(), &mut script)
        .map_err(|error| Failure::unreachable("failed to write the script", &error))?;
    ui.print(&String::from_utf8_lossy(&script));
    Ok(exit::DONE)
}

/// How the shell finds the program: by its name where it was called so, else by its place.
fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let by_name = std::path::Path::new(&called).components().count() < 2;
    match std::env::current_exe() {
        Ok(place) if !by_name => place.to_string_lossy().into_owned(),
        _ => "longshore".to_owned(),
    }
}
