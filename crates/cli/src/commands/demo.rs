//! `longshore demo`: the main job, from adoption to an interrupted release and its end, on a made-up monorepo.
//!
//! Everything shown is done by this very program, started as a user would start it: the registry runs in this process, the
//! repository and its remote are real git repositories in a temporary folder. The interruption is a real `kill -9`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use longshore_backends::command::{Command, status_text, tail};
use longshore_backends::engine::{EngineKind, Programs, detect};
use longshore_core::config::Config;
use longshore_registry::{Action, Fault, Options, Server, Store};

use crate::args::{Common, Demo};
use crate::demo::monorepo::{DemoImageKind, Layout, RELEASED, VALUES_PATH, change_cloud_adapter, layout, users_of};
use crate::exit;
use crate::failure::Failure;
use crate::progress::duration;
use crate::session::{Patience, Session};
use crate::ui::{DIM, KEEP, Ui, count, paint};

/// The namespace of the made-up platform.
const NAMESPACE: &str = "invincibledocker24";
/// The release that is made.
const RELEASE: &str = "v1.4.0";
/// How many release tags are written before the kill.
const TAGS_BEFORE_KILL: usize = 20;

/// Shows the whole of it.
pub(crate) async fn run(_common: &Common, args: &Demo, ui: &Ui) -> Result<u8, Failure> {
    let start = Instant::now();
    let temporary =
        tempfile::tempdir().map_err(|error| Failure::unreachable("failed to make a temporary folder", &error))?;
    let root = match &args.keep {
        Some(kept) => new_folder(kept)?,
        None => temporary.path().to_owned(),
    };
    let store = Store::directory(root.join("registry"))
        .map_err(|error| Failure::unreachable("failed to make the registry's folder", &error))?;
    let server = Server::start(Options { store, ..Options::default() })
        .await
        .map_err(|error| Failure::unreachable("failed to start the registry", &error))?;
    let scene = Scene { ui, root, server };
    let engine = scene.engine(args.engine.as_deref()).await?;
    scene.lay_down(engine).await?;
    scene.edit().await?;
    scene.show("What a release would do:");
    scene.longshore(&["plan", RELEASE]).await?;
    scene.interrupted(engine).await?;
    scene.show("The same command again finishes it:");
    scene.longshore(&["release", RELEASE]).await?;
    scene.show("And once more: it is done, so nothing is written.");
    scene.longshore(&["release", RELEASE]).await?;
    scene.show("What changed in the values file, and nothing else did:");
    scene.git_shown(&["diff", "--unified=0", "HEAD^", "HEAD", "--", VALUES_PATH]).await?;
    scene.closing(args.keep.as_deref(), start.elapsed());
    Ok(exit::DONE)
}

/// A folder that is not there yet, or is empty.
fn new_folder(path: &Path) -> Result<PathBuf, Failure> {
    let failed = |error: std::io::Error| Failure::unreachable(format!("failed to make `{}`", path.display()), &error);
    std::fs::create_dir_all(path).map_err(failed)?;
    if std::fs::read_dir(path).map_err(failed)?.next().is_some() {
        return Err(
            Failure::usage(format!("`{}` is not empty", path.display())).hint("name a folder that is not there yet")
        );
    }
    path.canonicalize().map_err(failed)
}

struct Scene<'a> {
    ui: &'a Ui,
    root: PathBuf,
    server: Server,
}

impl Scene<'_> {
    /// The engine that is here; with none, the one that runs nothing.
    async fn engine(&self, named: Option<&str>) -> Result<EngineKind, Failure> {
        let registry = Session::registry(&Config::default(), Patience::Look)?;
        let programs = Programs::from_environment();
        if let Some(named) = named {
            let kind: EngineKind = named.parse()?;
            detect(Some(kind), registry, &programs).await?;
            return Ok(kind);
        }
        for kind in [EngineKind::Docker, EngineKind::Buildah] {
            if detect(Some(kind), registry.clone(), &programs).await.is_ok() {
                return Ok(kind);
            }
        }
        self.show("No docker daemon and no buildah here, so the rehearsal engine builds: an image of one layer that holds the inputs. It runs no RUN lines.");
        Ok(EngineKind::Rehearsal)
    }

    fn repository(&self) -> PathBuf {
        self.root.join("monorepo")
    }

    /// The monorepo with its remote, and the registry with the images that its inventory says are there.
    async fn lay_down(&self, engine: EngineKind) -> Result<(), Failure> {
        let host = self.server.host();
        let base = format!("{host}/base/busybox:1");
        let mut layout = layout(&format!("{host}/{NAMESPACE}"), &base);
        let busybox = static_busybox();
        if engine != EngineKind::Rehearsal && busybox.is_none() {
            self.show("There is no busybox here to make a base image of, so the RUN lines are left out.");
            without_run_lines(&mut layout);
        }
        let io = |error: std::io::Error| Failure::unreachable("failed to lay down the monorepo", &error);
        layout.write(&self.repository()).map_err(io)?;
        self.git(&["init", "--quiet", "--initial-branch=main"]).await?;
        self.git(&["config", "user.name", "Longshore demo"]).await?;
        self.git(&["config", "user.email", "demo@longshore.invalid"]).await?;
        self.commit(&format!("Everything as it was released as {RELEASED}")).await?;
        let remote = self.root.join("remote.git");
        let remote = remote.to_string_lossy();
        self.git(&["init", "--quiet", "--bare", "--initial-branch=main", &remote]).await?;
        self.git(&["remote", "add", "origin", &remote]).await?;
        self.git(&["push", "--quiet", "--set-upstream", "origin", "main"]).await?;
        let commit = self.git(&["rev-parse", "HEAD"]).await?;
        self.fill(&layout, commit.trim(), busybox.as_deref()).map_err(io)?;
        self.show(&format!(
            "A made-up monorepo in the shape of a real one: {}, {} carried images; {} repositories under {} keys of {VALUES_PATH}, at tags as they are found in the wild. Its registry has what the values say.",
            count(layout.monorepo.services.len(), "service"),
            layout.monorepo.carried.len(),
            layout.images.len() + layout.monorepo.foreign.len(),
            crate::demo::inventory::uses().count(),
        ));
        Ok(())
    }

    fn fill(&self, layout: &Layout, commit: &str, busybox: Option<&[u8]>) -> std::io::Result<()> {
        let base: Vec<(&str, &[u8])> = match busybox {
            Some(busybox) => vec![("bin/busybox", busybox), ("bin/sh", busybox), ("bin/chmod", busybox)],
            None => vec![("etc/base", b"a base image\n")],
        };
        self.server.seed_image("base/busybox", "1", &base, &[])?;
        let host = format!("{}/", self.server.host());
        for image in &layout.images {
            let path = image.repository.strip_prefix(&host).unwrap_or(&image.repository);
            let content = format!("{path} as it was released\n");
            let files: [(&str, &[u8]); 1] = [("released", content.as_bytes())];
            let revision = [("org.opencontainers.image.revision", commit)];
            let labels: &[(&str, &str)] = match image.kind {
                DemoImageKind::Service { .. } => &revision,
                DemoImageKind::Carried => &[],
            };
            for tag in &image.tags {
                if image.multi_arch {
                    self.server.seed_index(path, tag, &files, labels)?;
                } else {
                    self.server.seed_image(path, tag, &files, labels)?;
                }
            }
        }
        Ok(())
    }

    /// Changes one file of a module that ten services copy.
    async fn edit(&self) -> Result<(), Failure> {
        let (path, content) = change_cloud_adapter();
        let file = self.repository().join(path);
        std::fs::write(&file, content)
            .map_err(|error| Failure::unreachable(format!("failed to write `{}`", file.display()), &error))?;
        self.commit("Retry on throttling").await?;
        self.git(&["push", "--quiet"]).await?;
        self.show(&format!(
            "Then somebody changes {path}, which {} of them copy, and pushes:",
            users_of("cloud_adapter").len()
        ));
        self.git_shown(&["log", "--oneline", "--stat", "-1"]).await
    }

    /// Starts the release, and kills it when some of its tags are written.
    async fn interrupted(&self, engine: EngineKind) -> Result<(), Failure> {
        self.show("The release, killed with `kill -9` in the middle of tagging:");
        // Slow enough to be hit in the middle.
        let tags = format!("/manifests/{RELEASE}");
        self.server.fault(Fault::always("PUT", &tags, Action::Delay(Duration::from_millis(100))));
        let arguments = ["release", RELEASE, "--jobs", "4", "--engine", &engine.to_string()];
        self.command_line(&arguments);
        let mut child = self
            .child(&arguments)?
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| Failure::unreachable("failed to start this program", &error))?;
        let written = || {
            let requests = self.server.requests();
            requests.iter().filter(|request| request.method == "PUT" && request.path.ends_with(&tags)).count()
        };
        let status = loop {
            if written() >= TAGS_BEFORE_KILL {
                drop(child.start_kill());
            }
            tokio::select! {
                status = child.wait() => break status,
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
            }
        };
        self.server.clear_faults();
        let status = status.map_err(|error| Failure::unreachable("failed to wait for the release", &error))?;
        if status.code().is_some() {
            return Err(Failure::failed(format!(
                "the release ended by itself ({}), before it could be killed",
                status_text(status)
            )));
        }
        let snapshot = self.server.snapshot();
        let tagged = snapshot.keys().filter(|name| name.ends_with(&format!(":{RELEASE}"))).count();
        self.show(&format!(
            "Killed. {tagged} images have the tag, the others have not; the values file names none of them yet."
        ));
        Ok(())
    }

    /// Runs this program in the monorepo, as a user would.
    async fn longshore(&self, arguments: &[&str]) -> Result<(), Failure> {
        self.command_line(arguments);
        let status = self.child(arguments)?.status().await;
        let status = status.map_err(|error| Failure::unreachable("failed to start this program", &error))?;
        if status.success() { Ok(()) } else { Err(Failure::failed(format!("it failed: {}", status_text(status)))) }
    }

    /// This very program, as it would be started in the monorepo.
    fn child(&self, arguments: &[&str]) -> Result<tokio::process::Command, Failure> {
        let own =
            std::env::current_exe().map_err(|error| Failure::unreachable("failed to find this program", &error))?;
        let mut command = tokio::process::Command::new(own);
        command.arg("-C").arg(self.repository()).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        Ok(command)
    }

    fn command_line(&self, arguments: &[&str]) {
        self.ui.print(&format!("{}\n", paint(KEEP, &format!("$ longshore {}", arguments.join(" ")))));
    }

    async fn git_shown(&self, arguments: &[&str]) -> Result<(), Failure> {
        self.ui.print(&format!("{}\n", paint(KEEP, &format!("$ git {}", arguments.join(" ")))));
        let output = self.git(arguments).await?;
        self.ui.print(&output);
        Ok(())
    }

    async fn git(&self, arguments: &[&str]) -> Result<String, Failure> {
        self.output(Command::new("git").arg("-C").arg(self.repository()).args(arguments)).await
    }

    async fn commit(&self, message: &str) -> Result<(), Failure> {
        self.git(&["add", "--all"]).await?;
        self.git(&["-c", "commit.gpgsign=false", "commit", "--quiet", "--message", message]).await.map(drop)
    }

    async fn output(&self, command: Command) -> Result<String, Failure> {
        let line = command.line();
        let output =
            command.output().await.map_err(|error| Failure::unreachable(format!("failed to run `{line}`"), &error))?;
        if !output.status.success() {
            let what = format!("`{line}` failed: {}\n{}", status_text(output.status), tail(&output.stderr, 20));
            return Err(Failure::failed(what));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn show(&self, text: &str) {
        self.ui.print(&format!("\n{text}\n"));
    }

    fn closing(&self, kept: Option<&Path>, took: Duration) {
        self.show(&format!("All of it took {}.", duration(took)));
        match kept {
            Some(_) => self.ui.print(&format!(
                "The monorepo is in {}, its remote and the registry's files beside it. Try there:\n  longshore why rest_api --offline\n  longshore plan --changed tools/optscale_time\n  git log --stat -1\n",
                self.repository().display(),
            )),
            None => self.ui.print("Next: `longshore demo --keep DIR` leaves it to play with; `longshore plan` in a repository of yours needs no config.\n"),
        }
        self.ui.print(&paint(DIM, "longshore --help lists the commands\n"));
    }
}

/// A busybox that needs no libraries, so that it can be a base image.
fn static_busybox() -> Option<Vec<u8>> {
    let found = ["/bin/busybox", "/usr/bin/busybox"].iter().find_map(|path| std::fs::read(path).ok())?;
    // A dynamic program names its interpreter, which the image would not have.
    let dynamic = found.windows(9).any(|bytes| bytes == b"/ld-linux" || bytes == b"/ld-musl-");
    (!dynamic).then_some(found)
}

fn without_run_lines(layout: &mut Layout) {
    for file in layout.files.iter_mut().filter(|(path, _)| path.contains("Dockerfile")).map(|(_, file)| file) {
        let text = String::from_utf8_lossy(&file.bytes).into_owned();
        let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("RUN ")).collect();
        file.bytes = (kept.join("\n") + "\n").into_bytes();
    }
}
