//! A plan as the editor sees it: open texts before those on disk, every file with its place.

use super::documents::Documents;
use super::place::Places;
use super::server::Disk;
use crate::diagnostics::{Catalogue, Diagnostic, Severities, SourceFiles};
use crate::language::{self, Document};
use crate::rules::{self, CheckOptions, StoreChecks, check_text};
use crate::stores;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files that are looked at, at most, to find the plans that include one.
const MAX_NEIGHBOURS: usize = 100;
/// Entries of a folder that are looked at, at most, for that.
const MAX_ENTRIES: usize = 10_000;

const STORE_CHECKS: StoreChecks = StoreChecks { rules: &stores::RULES, diagnose: stores::diagnose };

/// Every rule of the program.
pub(super) fn catalogue() -> Catalogue {
    rules::catalogue(STORE_CHECKS)
}

/// Every text that can be read: those open in the editor, and for the rest the disk. Cheap to clone.
#[derive(Clone)]
pub(super) struct World {
    pub(super) documents: Documents,
    pub(super) disk: Disk,
}

/// One plan with its includes, read but not judged.
#[derive(Clone)]
pub(super) struct Project {
    /// The plan's own file.
    pub(super) root: PathBuf,
    /// Named relative to the root's folder.
    pub(super) files: SourceFiles,
    /// The place of every file, in the order of `files`.
    pub(super) paths: Vec<PathBuf>,
    pub(super) document: Document,
    /// For every file the version of the open text that was read.
    versions: Vec<Option<i32>>,
}

/// One plan with all that is to be said about it.
#[derive(Clone)]
pub(super) struct Analysis {
    pub(super) project: Project,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl World {
    fn read(&self, path: &Path) -> io::Result<String> {
        match self.documents.get(path) {
            Some(document) => Ok(document.text.to_string()),
            None => (self.disk)(path),
        }
    }

    /// The text and what it is called within its plan. `None`: it cannot be read.
    fn root(&self, root: &Path) -> Option<(String, Arc<str>)> {
        let text = match self.documents.get(root) {
            Some(document) => document.text.clone(),
            None => (self.disk)(root).ok()?.into(),
        };
        let name = root.file_name().unwrap_or(root.as_os_str());
        Some((name.to_string_lossy().into_owned(), text))
    }

    /// Reads a plan. `None`: its own file cannot be read.
    pub(super) fn load(&self, root: &Path) -> Option<Project> {
        let (name, text) = self.root(root)?;
        let loaded = language::load(&name, &text, &mut |path| self.read(&beside(root, path)));
        Some(self.project(root, loaded.files, loaded.document))
    }

    /// Reads and checks a plan. `None`: its own file cannot be read.
    pub(super) fn check(&self, root: &Path) -> Option<Analysis> {
        let (name, text) = self.root(root)?;
        let options = CheckOptions { stores: STORE_CHECKS, severities: Severities::default(), prices: None };
        let checked = check_text(&name, &text, &mut |path| self.read(&beside(root, path)), &options);
        let project = self.project(root, checked.files, checked.document);
        Some(Analysis { project, diagnostics: checked.diagnostics })
    }

    fn project(&self, root: &Path, files: SourceFiles, document: Document) -> Project {
        let included = files.iter().skip(1).map(|(_, file)| beside(root, Path::new(&file.name)));
        let paths: Vec<PathBuf> = std::iter::once(root.to_owned()).chain(included).collect();
        let versions = paths.iter().map(|path| self.documents.version(path)).collect();
        Project { root: root.to_owned(), files, paths, document, versions }
    }

    /// The plans that a file is part of, at least one: itself, if it is a plan
    /// or no plan includes it. `known`: the files of every plan read before.
    pub(super) fn plans_of(&self, path: &Path, known: &BTreeMap<PathBuf, Vec<PathBuf>>) -> BTreeSet<PathBuf> {
        let includes = |(root, files): &(&PathBuf, &Vec<PathBuf>)| *root != path && files.iter().any(|f| f == path);
        let mut roots: BTreeSet<PathBuf> = known.iter().filter(includes).map(|(root, _)| root.clone()).collect();
        if self.is_plan(path) {
            roots.insert(path.to_owned());
        }
        if roots.is_empty() {
            roots = self.including(path);
        }
        if roots.is_empty() {
            roots.insert(path.to_owned());
        }
        roots
    }

    /// The plans around a file that include it, known or not.
    pub(super) fn including(&self, path: &Path) -> BTreeSet<PathBuf> {
        let includes = |root: &PathBuf| self.load(root).is_some_and(|project| project.holds(path));
        self.neighbours(path).into_iter().filter(includes).collect()
    }

    /// Whether the text has a `plan` of its own.
    fn is_plan(&self, path: &Path) -> bool {
        let Some((_, text)) = self.root(path) else { return false };
        let (document, _) = language::parse(&text, Default::default());
        document.nodes.iter().any(|node| node.name.value == "plan")
    }

    /// Plans that might include a file: open ones, and those in its folder, the one above, and `plans` in either.
    fn neighbours(&self, path: &Path) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = self.documents.iter().map(|(path, _)| path.to_owned()).collect();
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let above = folder.parent().map(Path::to_owned);
        for folder in [Some(folder), above].into_iter().flatten().flat_map(|folder| [folder.join("plans"), folder]) {
            found.extend(kdl_files(&folder));
        }
        found.retain(|other| other != path);
        found.dedup();
        found.truncate(MAX_NEIGHBOURS);
        found.retain(|other| self.is_plan(other));
        found
    }

    /// The names of the files beside one that a plan may include; sorted.
    pub(super) fn includable(&self, path: &Path) -> Vec<String> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let open = self.documents.iter().map(|(path, _)| path.to_owned());
        let mut found: Vec<PathBuf> = open.filter(|other| other.parent() == Some(folder)).collect();
        found.extend(kdl_files(folder));
        found.sort();
        found.dedup();
        found.truncate(MAX_NEIGHBOURS);
        found.retain(|other| other != path && !self.is_plan(other));
        found.iter().filter_map(|other| Some(other.file_name()?.to_str()?.to_owned())).collect()
    }
}

/// The KDL files of a folder, sorted; none where it cannot be listed.
fn kdl_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().take(MAX_ENTRIES);
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "kdl"));
    paths.sort();
    paths
}

impl Project {
    pub(super) fn holds(&self, path: &Path) -> bool {
        self.paths.iter().any(|other| other == path)
    }

    /// Whether every text is still the one that was read.
    pub(super) fn is_current(&self, documents: &Documents) -> bool {
        self.paths.iter().zip(&self.versions).all(|(path, version)| documents.version(path) == *version)
    }

    pub(super) fn is_plan(&self) -> bool {
        self.document.nodes.iter().any(|node| node.name.value == "plan")
    }

    pub(super) fn places(&self) -> Places<'_> {
        Places::new(&self.files, &self.paths)
    }
}

/// A path that is relative to the folder of `root`.
fn beside(root: &Path, path: &Path) -> PathBuf {
    language::normal(&root.parent().unwrap_or(Path::new("")).join(path))
}

#[cfg(test)]
mod tests {
    use super::super::testing::world;
    use super::*;

    #[test]
    fn an_included_file_belongs_to_the_plans_that_include_it() {
        let world = world(&[
            ("/p/keys.kdl", "key a"),
            ("/p/one.kdl", "plan one { include keys.kdl }"),
            ("/p/two.kdl", "plan two { include \"../p/./keys.kdl\" }"),
            ("/p/alone.kdl", "key b"),
        ]);
        let of = |path: &str| world.plans_of(Path::new(path), &BTreeMap::new()).into_iter().collect::<Vec<_>>();
        assert_eq!(of("/p/keys.kdl"), [Path::new("/p/one.kdl"), Path::new("/p/two.kdl")]);
        assert_eq!(of("/p/one.kdl"), [Path::new("/p/one.kdl")]);
        assert_eq!(of("/p/alone.kdl"), [Path::new("/p/alone.kdl")]);
    }

    #[test]
    fn open_texts_come_before_those_on_disk() {
        let disk = |path: &Path| match path.to_str() {
            Some("/p/keys.kdl") => Ok("key on-disk".to_owned()),
            Some("/p/plan.kdl") => Ok("plan x { include keys.kdl }".to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        };
        let mut world = world(&[]);
        world.disk = Arc::new(disk);
        let name = |world: &World| {
            let project = world.load(Path::new("/p/plan.kdl")).expect("it can be read");
            let key = &project.document.nodes[0].children[0];
            project.files.text(key.arguments[0].span).to_owned()
        };
        assert_eq!(name(&world), "on-disk");
        world.documents = super::super::testing::world(&[("/p/keys.kdl", "key open")]).documents;
        assert_eq!(name(&world), "open");
    }
}
