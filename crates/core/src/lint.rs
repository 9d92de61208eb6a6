//! What is wrong with a repository, or could be better, before anybody builds it: findings, each with its line.
//!
//! Errors are what a release would refuse. Warnings are what makes images be rebuilt for nothing, or be stale without
//! anybody noticing: a workflow's path filter that misses an input, a list kept by hand that the Dockerfiles have left
//! behind. Notes are worth a look. A rule says nothing where it cannot know: no finding is made of a guess.
//!
//! Each rule has a file of its own, and each gets the same [`Facts`].

use std::collections::BTreeMap;

use crate::config::Config;
use crate::evidence::Survey;
use crate::graph::{InputSets, Kind, Service, ServiceGraph};
use crate::inputs::context::Contexts;
use crate::name::ServiceName;
use crate::path::RepoPath;
use crate::snapshot::Snapshot;

mod bases;
mod copies;
mod filters;
mod matrix;
mod modules;
mod pattern;
mod unread;
mod uses;
mod versions;
mod whole;

/// Is this a text that a rule wants to read?
pub fn is_read(path: &RepoPath) -> bool {
    let elsewhere =
        path.components().any(|component| matches!(component, b"node_modules" | b"vendor" | b"third_party"));
    !elsewhere && (filters::is_workflow(path) || matrix::may_be_matrix(path) || versions::is_told_of(path))
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A release would refuse.
    Error,
    /// Something is rebuilt for nothing, or may be stale.
    Warning,
    /// Worth a look.
    Note,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// An image that cannot be built.
    CannotBuild,
    /// A pattern of `COPY` that matches nothing.
    CopyMatchesNothing,
    /// A `COPY` of files that the ignore file leaves out.
    CopyIgnored,
    /// A build argument that is another one with every commit or release.
    VersionBaked,
    /// A copied file that is another one with every release.
    ReleaseFileCopied,
    /// A copied text that names the version it is released under.
    VersionNamed,
    /// A build that reads `.git`.
    GitRead,
    /// A `COPY` of the whole repository.
    WholeRepository,
    /// A path filter of a workflow that misses inputs of an image that the workflow builds.
    FilterMisses,
    /// A path filter that names a folder which is not there.
    FilterGone,
    /// A module that no image uses.
    UnusedModule,
    /// A base image that moves.
    MovingBase,
    /// An address that is fetched without a checksum.
    UnpinnedUrl,
    /// A use of an image in our registry that nothing here makes.
    UseWithoutService,
    /// A service that no values file uses.
    ServiceWithoutUse,
    /// A table of services and modules, kept by hand, that differs from what the Dockerfiles say.
    MatrixDiffers,
    /// A file that says how images are built, and of which something was not read.
    NotRead,
}

impl Rule {
    /// All rules, in the order in which they are told.
    pub const ALL: [Self; 17] = [
        Self::CannotBuild,
        Self::CopyMatchesNothing,
        Self::CopyIgnored,
        Self::VersionBaked,
        Self::ReleaseFileCopied,
        Self::VersionNamed,
        Self::GitRead,
        Self::WholeRepository,
        Self::FilterMisses,
        Self::FilterGone,
        Self::UnusedModule,
        Self::MovingBase,
        Self::UnpinnedUrl,
        Self::UseWithoutService,
        Self::ServiceWithoutUse,
        Self::MatrixDiffers,
        Self::NotRead,
    ];

    /// `copy-ignored`
    pub fn id(self) -> &'static str {
        match self {
            Self::CannotBuild => "cannot-build",
            Self::CopyMatchesNothing => "copy-matches-nothing",
            Self::CopyIgnored => "copy-ignored",
            Self::VersionBaked => "version-baked",
            Self::ReleaseFileCopied => "release-file-copied",
            Self::VersionNamed => "version-named",
            Self::GitRead => "git-read",
            Self::WholeRepository => "whole-repository",
            Self::FilterMisses => "filter-misses",
            Self::FilterGone => "filter-gone",
            Self::UnusedModule => "unused-module",
            Self::MovingBase => "moving-base",
            Self::UnpinnedUrl => "unpinned-url",
            Self::UseWithoutService => "use-without-service",
            Self::ServiceWithoutUse => "service-without-use",
            Self::MatrixDiffers => "matrix-differs",
            Self::NotRead => "not-read",
        }
    }

    /// What it is about, in one line.
    pub fn summary(self) -> &'static str {
        match self {
            Self::CannotBuild => "an image cannot be built",
            Self::CopyMatchesNothing => "a pattern of COPY matches nothing",
            Self::CopyIgnored => "COPY names files that the ignore file leaves out",
            Self::VersionBaked => {
                "a build argument holds the version or the commit, so a retagged image tells an old one"
            }
            Self::ReleaseFileCopied => "a copied file changes with every release, and the image with it",
            Self::VersionNamed => "a copied text names the version it is released under",
            Self::GitRead => "a build reads .git, which no build context has",
            Self::WholeRepository => "COPY takes the whole repository",
            Self::FilterMisses => "a workflow's path filter misses inputs of an image that it builds",
            Self::FilterGone => "a workflow's path filter names a folder that is not there",
            Self::UnusedModule => "no image uses a module",
            Self::MovingBase => "a base image moves under its tag",
            Self::UnpinnedUrl => "ADD fetches an address without a checksum",
            Self::UseWithoutService => "a values file uses an image of ours that nothing here makes",
            Self::ServiceWithoutUse => "no values file uses a service",
            Self::MatrixDiffers => "a table of services and modules differs from the Dockerfiles",
            Self::NotRead => "a file that says how images are built could not be read, or not wholly",
        }
    }

    /// How much its findings matter.
    pub fn severity(self) -> Severity {
        match self {
            Self::CannotBuild => Severity::Error,
            Self::CopyIgnored
            | Self::VersionBaked
            | Self::ReleaseFileCopied
            | Self::VersionNamed
            | Self::GitRead
            | Self::WholeRepository
            | Self::FilterMisses
            | Self::FilterGone
            | Self::UnpinnedUrl
            | Self::MatrixDiffers => Severity::Warning,
            Self::CopyMatchesNothing
            | Self::UnusedModule
            | Self::MovingBase
            | Self::UseWithoutService
            | Self::ServiceWithoutUse
            | Self::NotRead => Severity::Note,
        }
    }
}

impl std::str::FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|rule| rule.id() == text).ok_or_else(|| {
            let ids: Vec<&str> = Self::ALL.into_iter().map(Self::id).collect();
            format!("the rules are {}", ids.join(", "))
        })
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// By which rule.
    pub rule: Rule,
    /// The file to look into.
    pub file: RepoPath,
    /// Its line, from 1; none where the whole file or folder is meant.
    pub line: Option<usize>,
    /// What is the matter.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    fn new(rule: Rule, file: &RepoPath, line: Option<usize>, message: impl Into<String>) -> Self {
        Self { rule, file: file.clone(), line, message: message.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// `api/Dockerfile:7`
    pub fn place(&self) -> String {
        self.line.map_or_else(|| self.file.to_string(), |line| format!("{}:{line}", self.file))
    }
}

/// A use of an image in a values file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UseFact {
    /// The values file.
    pub file: RepoPath,
    /// The line of its tag.
    pub line: usize,
    /// The key that people know it by.
    pub key: String,
    /// The repository as it stands there.
    pub repository: String,
    /// The service that makes the image.
    pub service: Option<ServiceName>,
    /// Is the image in our registry?
    pub ours: bool,
}

/// What all rules look at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The commit, with every text read that a rule may want.
    pub snapshot: &'a Snapshot,
    /// The config.
    pub config: &'a Config,
    /// The services.
    pub graph: &'a ServiceGraph,
    /// What they are made of.
    pub sets: &'a InputSets,
    /// What the repository's own files say of its builds.
    pub survey: &'a Survey,
    /// Opens contexts.
    pub contexts: &'a Contexts,
    /// The uses of the values files.
    pub uses: &'a [UseFact],
    /// The files that a release writes, and the version that they name, where one is known.
    pub released: &'a Released,
    /// What the last commits touched, the newest first.
    pub history: &'a [Vec<RepoPath>],
    /// Workflows, and files that may hold a table of services: path and text.
    pub texts: &'a BTreeMap<RepoPath, String>,
}

/// What a release does to a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Released {
    /// The files that it changes.
    pub files: Vec<RepoPath>,
    /// The version that the newest record, or the chart, names.
    pub version: Option<String>,
}

impl Facts<'_> {
    fn services(&self) -> impl Iterator<Item = &Service> {
        self.graph.services().filter(|service| service.kind == Kind::Service)
    }
}

/// All findings, by rule and place.
pub fn lint(facts: &Facts<'_>) -> Vec<Finding> {
    let rules: [fn(&Facts<'_>) -> Vec<Finding>; 9] = [
        copies::findings,
        versions::findings,
        whole::findings,
        filters::findings,
        modules::findings,
        bases::findings,
        unread::findings,
        uses::findings,
        matrix::findings,
    ];
    let mut all: Vec<Finding> = rules.iter().flat_map(|rule| rule(facts)).collect();
    all.sort_by(|a, b| (a.rule.severity(), a).cmp(&(b.rule.severity(), b)));
    all.dedup();
    all
}

#[cfg(test)]
mod tests;
