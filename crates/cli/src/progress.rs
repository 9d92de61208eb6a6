//! A run as people watch it: on a terminal, one live row for each build that is under way; without one, plain lines.
//!
//! Only running builds have rows, so there are never more than the jobs; what is done is a line above them. On a terminal the
//! many tags of a release are one row that counts.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use longshore_core::name::ServiceName;
use longshore_run::event::Event;

use crate::ui::{ERROR, GOOD, Ui, count, paint};

/// Shows events.
pub(crate) struct Progress<'a> {
    ui: &'a Ui,
    live: Option<MultiProgress>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rows: BTreeMap<ServiceName, ProgressBar>,
    tagging: Option<ProgressBar>,
    tagged: usize,
    to_tag: usize,
}

impl<'a> Progress<'a> {
    /// For this terminal, or none.
    pub(crate) fn new(ui: &'a Ui) -> Self {
        let live = ui.is_live().then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8)));
        Self { ui, live, state: Mutex::default() }
    }

    /// Takes the rows away.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.rows.values().chain(&state.tagging).for_each(ProgressBar::finish_and_clear);
        state.rows.clear();
        if let Some(live) = &self.live {
            // A terminal that cannot be cleared shows a stale row, and nothing worse.
            drop(live.clear());
        }
    }

    /// Shows one event.
    pub(crate) fn show(&self, event: &Event) {
        match event {
            Event::Started { release, builds, retags, keeps, .. } => {
                self.state().to_tag = builds + retags;
                self.line(&format!("{release}: {builds} to build, {retags} to retag, {keeps} kept"));
            }
            Event::Resumed { release, commit } => {
                self.line(&format!("{release} is pending at {}: going on with it", commit.short()));
            }
            Event::BuildStarted { service } => self.start(service),
            Event::Building { service, step } => self.step(service, step),
            Event::Built { service, digest, milliseconds } => {
                self.remove(service);
                let took = duration(Duration::from_millis(*milliseconds));
                self.line(&format!("  {} {service}  built in {took}  {}", paint(GOOD, "✓"), digest.short()));
            }
            Event::Spared { service, digest } => {
                self.line(&format!(
                    "  {} {service}  stays: what it stands on came out the same  {}",
                    paint(GOOD, "✓"),
                    digest.short()
                ));
            }
            Event::BuildFailed { service } => {
                self.remove(service);
                self.line(&format!("  {} {service}  failed", paint(ERROR, "✗")));
            }
            Event::Verified { images } => {
                self.line(&format!(
                    "  {} {} verified, down to their layers",
                    paint(GOOD, "✓"),
                    count(*images, "image")
                ));
            }
            Event::Prepared { commit } => {
                self.line(&format!(
                    "  {} release commit {} is pending on the remote",
                    paint(GOOD, "✓"),
                    commit.short()
                ));
            }
            Event::Tagged { .. } => self.tagged(),
            Event::Finished { commit } => {
                let tagged = self.state().tagged;
                self.line(&format!(
                    "  {} {} tagged; branch and tag pushed at {}",
                    paint(GOOD, "✓"),
                    count(tagged, "image"),
                    commit.short(),
                ));
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, line: &str) {
        match &self.live {
            Some(live) => live.suspend(|| self.ui.say(line)),
            None => self.ui.say(line),
        }
    }

    fn start(&self, service: &ServiceName) {
        let Some(live) = &self.live else {
            self.line(&format!("  {service}: build started"));
            return;
        };
        let row = live.add(ProgressBar::new_spinner());
        let style = ProgressStyle::with_template("  {spinner} {prefix}  {wide_msg} {elapsed}");
        row.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        row.set_prefix(service.to_string());
        row.enable_steady_tick(Duration::from_millis(125));
        self.state().rows.insert(service.clone(), row);
    }

    fn step(&self, service: &ServiceName, step: &str) {
        let step: String = step.chars().filter(|character| !character.is_control()).collect();
        // Without a terminal the steps are in the log alone: they would drown what matters.
        if let Some(row) = self.state().rows.get(service) {
            row.set_message(step);
        }
    }

    fn remove(&self, service: &ServiceName) {
        if let Some(row) = self.state().rows.remove(service) {
            row.finish_and_clear();
        }
    }

    fn tagged(&self) {
        let mut state = self.state();
        state.tagged += 1;
        let Some(live) = &self.live else { return };
        let total = u64::try_from(state.to_tag).unwrap_or(u64::MAX);
        let tagged = u64::try_from(state.tagged).unwrap_or(u64::MAX);
        let row = state.tagging.get_or_insert_with(|| {
            let row = live.add(ProgressBar::new(total));
            let style = ProgressStyle::with_template("  tagging {pos} of {len}");
            row.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            row
        });
        row.set_position(tagged);
    }
}

/// `6m12s`, `41s`, `0.4s`
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1}s", duration.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        _ => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}
