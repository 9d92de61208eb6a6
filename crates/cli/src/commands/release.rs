//! `longshore release`: makes a release, finishes an interrupted one, or gives one up.

use std::sync::Arc;

use longshore_backends::engine::{EngineKind, Programs, detect};
use longshore_backends::git::Fetching;
use longshore_backends::store::{Journal, Lock, LockError};
use longshore_core::config::{self, Config};
use longshore_core::image::is_loopback;
use longshore_core::name::ReleaseName;
use longshore_core::object::{CommitId, ObjectId};
use longshore_core::plan::{ImageKind, Plan};
use longshore_core::record::{RecordedDecision, RecordedImage, RecordedKind, ReleaseRecord};
use longshore_run::build::BuildOptions;
use longshore_run::event::Event;
use longshore_run::gather::{Question, gather};
use longshore_run::ports::{Registry, Repo as _};
use longshore_run::prepare::retagged;
use longshore_run::release::{
    Advanced, Finished, Found, Prepared, Release as Run, ReleaseError, abandon, find, target_branch,
};
use longshore_run::status::astray;
use time::OffsetDateTime;

use crate::args::{Common, Format, Looking, Release};
use crate::commands::plan::{name_errors, name_refusals, show};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::session::{Patience, Session};
use crate::show::Detail;
use crate::ui::{GOOD, Ui, columns, markdown, paint};
use crate::{exit, json};

/// Makes the release, or whatever is left of it to do.
pub(crate) async fn run(common: &Common, args: &Release, ui: &Ui) -> Result<u8, Failure> {
    let mut session = Session::open(common).await?;
    session.refresh = args.refresh;
    let config = session.config_at("HEAD").await?;
    let name = config.release.tag.apply(&args.version)?;
    let engine = args.engine.as_deref().map(str::parse::<EngineKind>).transpose()?;
    if args.dry_run {
        return dry_run(&session, args, ui).await;
    }
    if config.registry.is_none() {
        return Err(without_registry(&session)?);
    }
    // A release gets what it must compare with.
    session.repo.allow(Fetching::History);
    let registry = Session::registry(&config, Patience::Release)?;
    let remote = session.remote(args.branch.as_deref(), &config).await?;
    let lock = lock(&session)?;
    if args.abandon {
        return give_up(&session, &remote, &name, ui).await;
    }
    let found = find(&session.repo, &remote, &name).await?;
    let target = match &found {
        // A release that was begun has its branch in its record.
        Found::Finished { record, .. } => record.as_ref().and_then(|record| record.branch.clone()),
        Found::Pending(_) | Found::OtherPending(_) => None,
        Found::Nothing => {
            let branch = session.target(args.branch.as_deref(), &config).await?;
            target_branch(config.release.commit, &branch, &name)
        }
    };
    let steps = Steps { session: &session, registry, name: &name, remote: &remote, branch: target.as_deref(), ui };
    let code = match found {
        Found::Finished { tag, commit, record } => steps.already(tag, commit, record).await,
        Found::OtherPending(other) => Err(ReleaseError::Locked(other).into()),
        Found::Pending(commit) => steps.resume(commit).await,
        Found::Nothing => steps.make(args, engine, &config).await,
    };
    drop(lock);
    code
}

/// The plan that a release would carry out.
async fn dry_run(session: &Session, args: &Release, ui: &Ui) -> Result<u8, Failure> {
    let (from, from_rev) = (args.from.clone(), args.from_rev.clone());
    let looking = Looking { at: None, from, from_rev, offline: false, fetch: false };
    let question = Question { count: true, ..session.question(&looking, Some(&args.version))? };
    let gathered = session.look(ui, &question, false).await?;
    Ok(show(ui, &gathered, &question.at, Detail::Short))
}

/// A release must know where its images go; a config that is there and not committed is the likeliest reason.
fn without_registry(session: &Session) -> Result<Failure, Failure> {
    let written = session.work_tree_config()?.is_some_and(|config| config.registry.is_some());
    Ok(if written {
        Failure::refused("`longshore.yaml` is not committed: a release is made of a commit")
            .hint("`git add longshore.yaml && git commit`")
    } else {
        Failure::usage("nothing says which registry the images go to")
            .hint("`longshore init` writes a longshore.yaml from what is found; commit it")
    })
}

fn lock(session: &Session) -> Result<Lock, Failure> {
    Lock::take(&session.repo.state_dir()).map_err(|error| match error {
        LockError::Held { .. } => Failure::locked(error.to_string()).hint("wait for it to end, and run this again"),
        LockError::File { .. } => Failure::unreachable("failed to take the lock of this repository", &error),
    })
}

async fn give_up(session: &Session, remote: &str, name: &ReleaseName, ui: &Ui) -> Result<u8, Failure> {
    let commit = abandon(&session.repo, remote, name).await?;
    ui.say(&format!(
        "{name} is given up: it was pending at {}; tags that it wrote in the registry stay",
        commit.short()
    ));
    Ok(exit::DONE)
}

/// The steps of a release, with all they need.
struct Steps<'a> {
    session: &'a Session,
    registry: Arc<dyn Registry>,
    name: &'a ReleaseName,
    remote: &'a str,
    branch: Option<&'a str>,
    ui: &'a Ui,
}

impl Steps<'_> {
    /// A finished release: nothing is written to remote or registry, if it is ours; this clone is brought from P to R.
    async fn already(&self, tag: ObjectId, commit: CommitId, record: Option<ReleaseRecord>) -> Result<u8, Failure> {
        let taken = |recorded| ReleaseError::Taken { release: self.name.clone(), commit, recorded };
        let Some(record) = record else { return Err(taken(false).into()) };
        let head = self.session.repo.resolve("HEAD").await?;
        if head != record.source && head != commit {
            return Err(taken(true).into());
        }
        let wrong = astray(&*self.registry, &record).await?;
        if !wrong.is_empty() {
            return Err(ReleaseError::Astray { release: self.name.clone(), images: wrong }.into());
        }
        let listen = |_: &Event| Ok(());
        let run = self.run_with(&listen);
        let advanced = run.catch_up(&record, tag, Some(commit)).await?;
        self.tell_advanced(&advanced);
        self.ui.say(&format!("{} is finished already, and all its images are there: nothing to do", self.name));
        if self.ui.format != Format::Table {
            self.print(commit, &record);
        }
        Ok(exit::DONE)
    }

    async fn resume(&self, commit: CommitId) -> Result<u8, Failure> {
        let journal = self.journal()?;
        let progress = Progress::new(self.ui);
        let listen = |event: &Event| tell(&journal, &progress, event);
        let result = self.run_with(&listen).resume(commit).await;
        progress.end();
        let (prepared, finished) = result?;
        Ok(self.done(&prepared, &finished))
    }

    async fn make(&self, args: &Release, engine: Option<EngineKind>, config: &Config) -> Result<u8, Failure> {
        self.refuse_dirty().await?;
        let question = Question {
            at: "HEAD".to_owned(),
            from: args.from.clone(),
            from_revision: args.from_rev.clone(),
            version: Some(args.version.clone()),
            config: Some(config.clone()),
            count: false,
        };
        let externals = Session::externals(config, Patience::Release)?;
        let asked = self.session.asked(&*self.registry, &externals);
        let gathered = gather(&self.session.repo, asked, &question).await?;
        let errors = name_what_stands_in_the_way(self.ui, &gathered.plan);
        if errors == exit::DONE && !gathered.plan.hindered.is_empty() {
            return Err(Failure::hindered(&gathered.plan.hindered)
                .note(format!("{} is refused: nothing was written", self.name)));
        }
        if errors != exit::DONE {
            return Err(Failure::silent(errors).note(format!("{} is refused: nothing was written", self.name)));
        }
        let mut released = gathered.plan.images.iter().filter(|image| image.kind != ImageKind::Test);
        let engine = if released.any(|image| image.word() == "build") {
            Some(detect(engine, Arc::clone(&self.registry), &Programs::from_environment()).await?)
        } else {
            None
        };
        if let Some(engine) = &engine {
            let capabilities = engine.capabilities();
            self.ui.say(&format!("building with {}", capabilities.name));
            if !capabilities.runs_commands {
                refuse_to_rehearse(&gathered.plan)?;
                self.ui.warn("this engine runs no RUN lines: its images hold their inputs and nothing else");
            }
        }
        let state = self.session.repo.state_dir();
        let options = BuildOptions {
            jobs: usize::from(args.jobs),
            scratch: state.join("build"),
            logs: state.join(self.name.as_str()),
            source: self.session.repo.remote_url(self.remote).await.ok(),
        };
        // What a killed run left behind; we hold the lock, so it is nobody's.
        drop(std::fs::remove_dir_all(&options.scratch));
        let journal = self.journal()?;
        let progress = Progress::new(self.ui);
        let listen = |event: &Event| tell(&journal, &progress, event);
        let result =
            self.run_with(&listen).run(&gathered, engine.as_deref(), &options, OffsetDateTime::now_utc()).await;
        progress.end();
        let (prepared, finished) = result?;
        Ok(self.done(&prepared, &finished))
    }

    /// Tracked changes, and a config that is not committed, are no part of any release.
    async fn refuse_dirty(&self) -> Result<(), Failure> {
        let dirty = self.session.repo.dirty().await?;
        let counts = |dirty: &longshore_run::ports::DirtyPath| {
            !dirty.untracked || dirty.path.as_bytes() == config::FILE.as_bytes()
        };
        let dirty: Vec<_> = dirty.into_iter().filter(counts).collect();
        if dirty.is_empty() { Ok(()) } else { Err(ReleaseError::Dirty(dirty).into()) }
    }

    fn run_with<'b>(&'b self, listen: longshore_run::event::Listener<'b>) -> Run<'b> {
        Run {
            repo: &self.session.repo,
            registry: &*self.registry,
            listen,
            name: self.name,
            remote: self.remote,
            branch: self.branch,
        }
    }

    fn journal(&self) -> Result<Journal, Failure> {
        let path = self.session.repo.state_dir().join(self.name.as_str()).join("journal");
        Journal::open(&path)
            .map_err(|error| Failure::unreachable(format!("failed to open `{}`", path.display()), &error))
    }

    fn done(&self, prepared: &Prepared, finished: &Finished) -> u8 {
        self.tell_advanced(&finished.advanced);
        if let Some(tip) = finished.tip.filter(|tip| *tip != prepared.commit) {
            self.ui.say(&format!("the branch had moved: {} merges the release into it", tip.short()));
        }
        let images = &prepared.record.images;
        let of = |decision| images.iter().filter(|image| image.decision == decision).count();
        self.ui.say(&format!(
            "{} {} is released: {} built, {} retagged, {} kept; commit {}, tag {}",
            paint(GOOD, "✓"),
            self.name,
            of(RecordedDecision::Build),
            of(RecordedDecision::Retag),
            of(RecordedDecision::Keep),
            prepared.commit.short(),
            self.name,
        ));
        self.print(prepared.commit, &prepared.record);
        exit::DONE
    }

    fn tell_advanced(&self, advanced: &Advanced) {
        match advanced {
            Advanced::Yes | Advanced::NotThere => {}
            Advanced::Failed(why) => {
                self.ui.warn(&format!("the work tree was not brought to the release: {why}; `git pull` does it"));
            }
        }
    }

    /// What was released, for whoever asked for data.
    fn print(&self, commit: CommitId, record: &ReleaseRecord) {
        match self.ui.format {
            Format::Json => self.ui.print(&as_json(commit, record)),
            Format::Markdown => self.ui.print(&markdown(&rows(record, |_| true))),
            Format::Table => {
                let moved = |image: &RecordedImage| image.decision != RecordedDecision::Retag;
                if record.images.iter().any(moved) {
                    self.ui.print(&columns(&rows(record, moved)));
                }
            }
        }
    }
}

/// Images that cannot run stand under the very tags of real ones: they go to registries on this machine only.
fn refuse_to_rehearse(plan: &Plan) -> Result<(), Failure> {
    let built = plan.images.iter().filter(|image| image.kind != ImageKind::Test && image.word() == "build");
    let elsewhere =
        built.filter_map(|image| image.repository.as_ref()).find(|repository| !is_loopback(repository.registry()));
    match elsewhere {
        None => Ok(()),
        Some(repository) => Err(Failure::refused(format!(
            "the rehearsal engine makes images that cannot run, and `{}` is not a registry on this machine",
            repository.registry()
        ))
        .hint("build with `--engine docker` or `--engine buildah`; `longshore demo` shows a rehearsal")),
    }
}

/// The journal first, then whoever watches.
fn tell(journal: &Journal, progress: &Progress<'_>, event: &Event) -> std::io::Result<()> {
    if !matches!(event, Event::Building { .. }) {
        journal.append(event)?;
    }
    progress.show(event);
    failpoint(event);
    Ok(())
}

/// For the end-to-end tests: dies at the event that `LONGSHORE_KILL_AT` names, as if by `kill -9`.
#[cfg(feature = "e2e")]
fn failpoint(event: &Event) {
    let name = serde_json::to_value(event).ok().and_then(|value| Some(value.get("event")?.as_str()?.to_owned()));
    if name.is_some() && name == std::env::var("LONGSHORE_KILL_AT").ok() {
        let own = rustix::process::getpid();
        // It cannot fail: nobody may forbid a process to kill itself.
        rustix::process::kill_process(own, rustix::process::Signal::KILL).ok();
    }
}

#[cfg(not(feature = "e2e"))]
fn failpoint(_event: &Event) {}

/// What stands in the way of a release: a test image never does.
fn name_what_stands_in_the_way(ui: &Ui, plan: &Plan) -> u8 {
    let released = plan.images.iter().filter(|image| image.kind != ImageKind::Test);
    name_errors(ui, released).max(name_refusals(ui, &plan.refusals))
}

fn rows(record: &ReleaseRecord, shown: impl Fn(&RecordedImage) -> bool) -> Vec<Vec<String>> {
    let mut rows = vec![["image", "what", "tag", "digest"].map(str::to_owned).to_vec()];
    rows.extend(record.images.iter().filter(|image| shown(image)).map(|image| {
        let what = match image.decision {
            RecordedDecision::Build => "built".to_owned(),
            RecordedDecision::Retag => retagged(image, &record.release),
            RecordedDecision::Keep => "kept".to_owned(),
        };
        vec![image.name.to_string(), what, image.tag.to_string(), image.digest.to_string()]
    }));
    rows
}

fn as_json(commit: CommitId, record: &ReleaseRecord) -> String {
    let images: Vec<_> = record
        .images
        .iter()
        .map(|image| {
            let kind = match image.kind {
                RecordedKind::Service => "service",
                RecordedKind::Carried => "carried",
            };
            serde_json::json!({
                "name": image.name,
                "kind": kind,
                "used_by": image.used_by,
                "repository": image.repository,
                "tag": image.tag,
                "digest": image.digest,
                "decision": image.decision,
                "assumed": image.assumed,
                "since": image.since,
                "built_from": image.built.as_ref().map(|built| built.from),
                "inputs": image.built.as_ref().map(|built| &built.inputs),
            })
        })
        .collect();
    json::text(&serde_json::json!({
        "format": json::format("longshore-release-result"),
        "release": record.release,
        "source": record.source,
        "commit": commit,
        "images": images,
    }))
}
