//! `longshore man`: the manual, made of the same texts as the help.

use std::io::Write as _;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man as Page;

use crate::args::{Cli, Man};
use crate::exit;
use crate::failure::Failure;
use crate::ui::Ui;

/// Prints the manual as one page, or writes a page for each command into a folder.
pub(crate) fn run(args: &Man, ui: &Ui) -> Result<u8, Failure> {
    let mut program = Cli::command();
    program.build();
    match &args.out {
        Some(folder) => write_pages(&program, folder, ui)?,
        None => {
            let page = whole(&program).map_err(|error| Failure::unreachable("failed to write the manual", &error))?;
            ui.print(&String::from_utf8_lossy(&page));
        }
    }
    Ok(exit::DONE)
}

fn write_pages(program: &Command, folder: &Path, ui: &Ui) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| {
        Failure::unreachable(format!("failed to write `{}`", path.display()), &error)
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for command in std::iter::once(program).chain(subcommands(program)) {
        let name = name(command);
        let path = folder.join(format!("{name}.1"));
        page(command).and_then(|text| std::fs::write(&path, text)).map_err(|error| failed(&path, error))?;
        ui.say(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// The commands that are shown.
fn subcommands(program: &Command) -> impl Iterator<Item = &Command> {
    program.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

/// `longshore-plan`
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or(command.get_name())
}

/// A page whose synopsis is that of the help.
fn page_of(command: &Command) -> Page {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).to_owned();
    Page::new(command.clone().override_usage(usage))
}

/// The page of one command.
fn page(command: &Command) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let page = page_of(command);
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    text.extend(usage(&page)?.bytes());
    if command.get_subcommands().next().is_some() {
        page.render_subcommands_section(&mut text)?;
    }
    text.extend(examples(&page)?.bytes());
    // Commands have no version of their own, and the section cannot do without.
    if command.get_version().is_some() {
        page.render_version_section(&mut text)?;
    }
    Ok(text)
}

/// The page of the program, and those of its commands as sections of it.
fn whole(program: &Command) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let page = page_of(program);
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    text.extend([usage(&page)?, examples(&page)?].concat().bytes());
    for command in subcommands(program) {
        let page = page_of(command);
        let section = format!("\n{}{}", usage(&page)?, examples(&page)?);
        writeln!(text, ".SH {}", name(command).replace('-', " ").to_uppercase())?;
        // A section of a page is a part of this one.
        text.extend(section.replace("\n.SH ", "\n.SS ").trim_start().bytes());
    }
    page.render_version_section(&mut text)?;
    Ok(text)
}

fn usage(page: &Page) -> std::io::Result<String> {
    let mut section = Vec::new();
    page.render_synopsis_section(&mut section)?;
    page.render_description_section(&mut section)?;
    page.render_options_section(&mut section)?;
    Ok(String::from_utf8_lossy(&section).into_owned())
}

/// What stands below the help, with its lines as they are.
fn examples(page: &Page) -> std::io::Result<String> {
    let mut section = Vec::new();
    page.render_extra_section(&mut section)?;
    let section = String::from_utf8_lossy(&section);
    let (_, lines) = section.split_once(".SH EXTRA\n").unwrap_or_default();
    let lines = lines.strip_prefix("Examples:\n").unwrap_or(lines);
    Ok(if lines.is_empty() { String::new() } else { format!(".SH EXAMPLES\n.nf\n{lines}.fi\n") })
}
