//! The `longshore` binary: parse, run, show a failure, exit.

mod args;
mod clock;
mod commands;
mod complete;
mod demo;
mod exit;
mod failure;
mod json;
mod progress;
mod session;
mod show;
mod starter;
mod ui;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::failure::Failure;
use crate::ui::Ui;

fn main() -> ExitCode {
    if complete::answer() {
        return ExitCode::from(exit::DONE);
    }
    let cli = Cli::parse();
    let ui = Ui::new(&cli.common);
    // A panic is told by the standard hook, with its place; this adds what to do about it.
    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&cli, &ui)));
    let code = run.unwrap_or_else(|_| {
        ui.always("this is a bug in longshore: please report it, with the lines above and the command");
        exit::BUG
    });
    ExitCode::from(code)
}

fn run(cli: &Cli, ui: &Ui) -> u8 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::unreachable("failed to start", &error).show(ui),
    };
    runtime.block_on(async {
        tokio::select! {
            result = command(cli, ui) => result.unwrap_or_else(|failure| failure.show(ui)),
            code = stopped() => {
                ui.always("interrupted: what is built is kept, nothing half-done is shown as done");
                code
            }
        }
    })
}

async fn command(cli: &Cli, ui: &Ui) -> Result<u8, Failure> {
    let common = &cli.common;
    if let Some(writer) = common.format.only_by()
        && !cli.command.also_writes().contains(&common.format)
    {
        let message = format!("only `longshore {writer}` writes `{}`", common.format.name());
        return Err(Failure::usage(message).hint("`--format` is `table`, `json` or `markdown` here"));
    }
    match &cli.command {
        Command::List(args) => commands::list::run(common, args, ui).await,
        Command::Lint(args) => commands::lint::run(common, args, ui).await,
        Command::Graph(args) => commands::graph::run(common, args, ui).await,
        Command::Plan(args) => commands::plan::run(common, args, ui).await,
        Command::Why(args) => commands::why::run(common, args, ui).await,
        Command::Diff(args) => commands::diff::run(common, args, ui).await,
        Command::Init(args) => commands::init::run(common, args, ui).await,
        Command::Release(args) => commands::release::run(common, args, ui).await,
        Command::Status(args) => commands::status::run(common, args, ui).await,
        Command::Demo(args) => commands::demo::run(common, args, ui).await,
        Command::Schema => Ok(commands::schema::run(ui)),
        Command::Completions(args) => commands::completions::run(args, ui),
        Command::Man(args) => commands::man::run(args, ui),
    }
}

/// Waits for Ctrl-C or a request to end, and gives the exit code for it. What runs is dropped then, children included.
async fn stopped() -> u8 {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => exit::INTERRUPTED,
        _ = terminate.recv() => exit::TERMINATED,
    }
}
