//! What the server knows between two messages, but for what it has yet to say.

use super::analysis::{Analysis, Project, World, catalogue};
use super::diagnostics::Abilities;
use super::documents::Documents;
use super::edits::Versioned;
use super::names::{Named, named_at};
use super::server::Disk;
use super::session::Phase;
use crate::base::Clock;
use crate::diagnostics::Catalogue;
use lsp_server::Message;
use lsp_types::{ClientCapabilities, Position};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) client: Client,
    pub(super) world: World,
    /// By the plan's own file.
    pub(super) analyses: BTreeMap<PathBuf, Analysis>,
    pub(super) rules: Catalogue,
    pub(super) clock: Arc<dyn Clock>,
    /// What is to be said after the answer.
    pub(super) outbox: Vec<Message>,
}

/// What the editor can do with what it is sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Client {
    pub(super) diagnostics: Abilities,
    pub(super) versioned: Versioned,
    pub(super) snippets: bool,
    /// It watches files if it is asked to.
    pub(super) watches: bool,
}

impl Client {
    pub(super) fn of(capabilities: ClientCapabilities) -> Self {
        let text_document = capabilities.text_document.unwrap_or_default();
        let item = text_document.completion.and_then(|completion| completion.completion_item);
        let workspace = capabilities.workspace.unwrap_or_default();
        Self {
            diagnostics: Abilities::of(text_document.publish_diagnostics.as_ref()),
            versioned: Versioned(workspace.workspace_edit.and_then(|edit| edit.document_changes).unwrap_or(false)),
            snippets: item.and_then(|item| item.snippet_support).unwrap_or(false),
            watches: workspace.did_change_watched_files.and_then(|files| files.dynamic_registration).unwrap_or(false),
        }
    }
}

impl State {
    pub(super) fn new(disk: Disk, clock: Arc<dyn Clock>) -> Self {
        Self {
            phase: Phase::New,
            client: Client::default(),
            world: World { documents: Documents::default(), disk },
            analyses: BTreeMap::new(),
            rules: catalogue(),
            clock,
            outbox: Vec::new(),
        }
    }

    /// The files of every plan that was checked.
    pub(super) fn known_files(&self) -> BTreeMap<PathBuf, Vec<PathBuf>> {
        self.analyses.iter().map(|(plan, known)| (plan.clone(), known.project.paths.clone())).collect()
    }

    fn plans_of(&self, path: &Path) -> BTreeSet<PathBuf> {
        self.world.plans_of(path, &self.known_files())
    }

    /// Every plan that a file is part of, as it is now.
    pub(super) fn projects(&self, path: &Path) -> Vec<Project> {
        let plans = self.plans_of(path);
        plans.iter().filter_map(|plan| self.world.load(plan)).filter(|project| project.holds(path)).collect()
    }

    /// The name at a place of a file, and every plan that it stands in: those that
    /// share a file with it, too, be they open or not.
    pub(super) fn named(&self, path: &Path, position: Position) -> Option<(Named, Vec<Project>)> {
        let mut projects = self.projects(path);
        let named = projects.iter().find_map(|project| named_at(project, path, position))?;
        let mut seen = BTreeSet::new();
        let mut at = 0;
        while at < projects.len() {
            for file in named.files(&projects[at]) {
                if !seen.insert(file.clone()) {
                    continue;
                }
                let plans = self.plans_of(&file).into_iter().chain(self.world.including(&file));
                for plan in plans.collect::<BTreeSet<_>>() {
                    if !projects.iter().any(|project| project.root == plan) {
                        projects.extend(self.world.load(&plan));
                    }
                }
            }
            at += 1;
        }
        Some((named, projects))
    }

    /// What was found in a plan that a file is part of, if nothing has changed since.
    pub(super) fn checked(&self, path: &Path) -> Option<&Analysis> {
        let documents = &self.world.documents;
        self.analyses.values().find(|known| known.project.holds(path) && known.project.is_current(documents))
    }

    /// The same; if something has changed, it is checked now.
    pub(super) fn analysis(&self, path: &Path) -> Option<Cow<'_, Analysis>> {
        if let Some(known) = self.checked(path) {
            return Some(Cow::Borrowed(known));
        }
        let plan = self.plans_of(path).into_iter().next()?;
        self.world.check(&plan).map(Cow::Owned)
    }
}
