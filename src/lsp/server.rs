//! The loop: messages in, answers and diagnostics out, and the state between them.

use super::analysis::Analysis;
use super::checker::{Checker, Done, Job};
use super::diagnostics::by_file;
use super::place::uri_of;
use super::session::{Phase, Refusal};
use super::state::State;
use super::transport::{self, Incoming};
use crate::base::Clock;
use crossbeam_channel::{Receiver, never, select};
use lsp_server::{Message, Notification, Request, RequestId};
use lsp_types::notification::{self, Notification as _};
use lsp_types::request::{RegisterCapability, Request as _};
use lsp_types::{NumberOrString, PublishDiagnosticsParams};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Reads a file that is not open in the editor.
pub type Disk = Arc<dyn Fn(&Path) -> io::Result<String> + Send + Sync>;

/// A check starts when nobody has typed for so long. Chosen: shorter than the
/// pause between two words, longer than that between two letters.
const QUIET: Duration = Duration::from_millis(80);
/// A check starts after so long, however busily somebody types.
const MAX_DELAY: Duration = Duration::from_millis(500);

/// Serves one editor until it leaves. Whether it said goodbye (`shutdown`) first.
///
/// # Errors
///
/// The stream broke, or what comes in can no longer be told apart into messages.
pub fn serve(
    input: impl BufRead + Send + 'static,
    output: impl Write,
    disk: Disk,
    clock: Arc<dyn Clock>,
) -> io::Result<bool> {
    let incoming = transport::read_all(input);
    let mut server = Server {
        output,
        state: State::new(disk, clock),
        checker: Checker::start(),
        unchecked: BTreeSet::new(),
        waits: None,
        shown: BTreeMap::new(),
    };
    server.run(&incoming)
}

struct Server<W> {
    output: W,
    state: State,
    checker: Checker,
    /// Files that have changed since their plans were last checked.
    unchecked: BTreeSet<PathBuf>,
    /// Since when there are such files, and since when they are all.
    waits: Option<(Instant, Instant)>,
    /// What the editor shows now; without the files in which there is nothing.
    shown: BTreeMap<PathBuf, Vec<lsp_types::Diagnostic>>,
}

/// What woke the loop.
enum Woken {
    Came(Incoming),
    Checked(Done),
    Time,
    /// Nothing more will come in.
    Ended,
}

impl<W: Write> Server<W> {
    fn run(&mut self, incoming: &Receiver<io::Result<Incoming>>) -> io::Result<bool> {
        let mut waiting: VecDeque<io::Result<Incoming>> = VecDeque::new();
        loop {
            // All that has come in already is looked at before any of it is
            // answered: an editor may have cancelled what it asked.
            while let Ok(next) = incoming.try_recv() {
                waiting.push_back(next);
            }
            let woken = match waiting.pop_front() {
                Some(next) => Woken::Came(next?),
                None => self.wait(incoming)?,
            };
            match woken {
                Woken::Ended => return Ok(self.state.phase == Phase::Leaving),
                Woken::Checked(done) => self.take(done)?,
                Woken::Time => self.check(),
                Woken::Came(Incoming::Malformed { id, code, reason }) => {
                    transport::write_error(&mut self.output, id, code, &reason)?;
                }
                Woken::Came(Incoming::Message(Message::Request(request))) => {
                    let response = match is_cancelled(&request.id, &waiting) {
                        true => Refusal::cancelled().response(request.id),
                        false => self.state.answer(request),
                    };
                    self.send(response)?;
                    for message in std::mem::take(&mut self.state.outbox) {
                        self.send(message)?;
                    }
                }
                Woken::Came(Incoming::Message(Message::Notification(told))) => {
                    if told.method == notification::Exit::METHOD {
                        return Ok(self.state.phase == Phase::Leaving);
                    }
                    self.hear(told)?;
                }
                // The answer to a request of ours, which all need none.
                Woken::Came(Incoming::Message(Message::Response(_))) => {}
            }
        }
    }

    fn wait(&self, incoming: &Receiver<io::Result<Incoming>>) -> io::Result<Woken> {
        let time = match self.waits {
            Some((first, last)) if !self.checker.is_busy() => {
                crossbeam_channel::at((last + QUIET).min(first + MAX_DELAY))
            }
            _ => never(),
        };
        select! {
            recv(incoming) -> next => match next {
                Ok(next) => Ok(Woken::Came(next?)),
                Err(_) => Ok(Woken::Ended),
            },
            recv(self.checker.done) -> done => match done {
                Ok(done) => Ok(Woken::Checked(done)),
                Err(_) => Err(io::Error::other("the checking thread has ended")),
            },
            recv(time) -> _ => Ok(Woken::Time),
        }
    }

    fn send(&mut self, message: impl Into<Message>) -> io::Result<()> {
        message.into().write(&mut self.output)
    }

    /// What the editor tells without expecting an answer. What it tells amiss is passed over.
    fn hear(&mut self, told: Notification) -> io::Result<()> {
        if self.state.phase != Phase::Serving {
            return Ok(());
        }
        fn read<N: notification::Notification>(told: Notification) -> Option<N::Params> {
            serde_json::from_value(told.params).ok()
        }
        let changed = match told.method.as_str() {
            notification::Initialized::METHOD => {
                self.watch_files()?;
                None
            }
            notification::DidOpenTextDocument::METHOD => {
                let opened = read::<notification::DidOpenTextDocument>(told);
                opened.map(|opened| self.state.world.documents.open(opened.text_document))
            }
            notification::DidChangeTextDocument::METHOD => {
                let changed = read::<notification::DidChangeTextDocument>(told);
                changed.and_then(|changed| {
                    self.state.world.documents.change(&changed.text_document, changed.content_changes)
                })
            }
            notification::DidCloseTextDocument::METHOD => {
                let closed = read::<notification::DidCloseTextDocument>(told);
                let path = closed.and_then(|closed| self.state.world.documents.close(&closed.text_document.uri));
                self.forget_unwatched()?;
                path.filter(|path| self.state.analyses.values().any(|known| known.project.holds(path)))
            }
            notification::DidSaveTextDocument::METHOD | notification::DidChangeWatchedFiles::METHOD => {
                // A file that was missing may be there now.
                for plan in self.state.analyses.keys().cloned().collect::<Vec<_>>() {
                    self.mark(plan);
                }
                None
            }
            _ => None,
        };
        if let Some(path) = changed {
            self.mark(path);
        }
        Ok(())
    }

    /// Asks the editor to tell when a plan changes on disk, if it can.
    fn watch_files(&mut self) -> io::Result<()> {
        if !self.state.client.watches {
            return Ok(());
        }
        let method = notification::DidChangeWatchedFiles::METHOD;
        let options = json!({ "watchers": [{ "globPattern": "**/*.kdl" }] });
        let registration = json!({ "id": "plans", "method": method, "registerOptions": options });
        let parameters = json!({ "registrations": [registration] });
        self.send(Request::new(1.into(), RegisterCapability::METHOD.to_owned(), parameters))
    }

    /// Asks for a check of the plans that a file is part of.
    fn mark(&mut self, path: PathBuf) {
        let now = Instant::now();
        self.unchecked.insert(path);
        self.waits = Some((self.waits.map_or(now, |(first, _)| first), now));
    }

    fn check(&mut self) {
        self.waits = None;
        let changed = std::mem::take(&mut self.unchecked);
        self.checker.submit(Job { world: self.state.world.clone(), changed, known: self.state.known_files() });
    }

    /// Takes what a check has found, unless the texts have changed under it.
    fn take(&mut self, done: Done) -> io::Result<()> {
        self.checker.finished();
        let mut touched = BTreeSet::new();
        for (plan, analysis) in done {
            match analysis {
                Some(analysis) if !analysis.project.is_current(&self.state.world.documents) => self.mark(plan),
                Some(analysis) => {
                    touched.extend(analysis.project.paths.iter().cloned());
                    let before = self.state.analyses.insert(plan, analysis);
                    touched.extend(before.into_iter().flat_map(|before| before.project.paths));
                }
                None => touched
                    .extend(self.state.analyses.remove(&plan).into_iter().flat_map(|before| before.project.paths)),
            }
        }
        self.forget_fragments();
        self.publish(touched)
    }

    /// A file that was taken for a plan, for want of one that includes it, is none once there is.
    fn forget_fragments(&mut self) {
        let part_of_another =
            |plan: &PathBuf| self.state.analyses.values().any(|k| k.project.root != *plan && k.project.holds(plan));
        let fragments: Vec<PathBuf> = self
            .state
            .analyses
            .iter()
            .filter(|(plan, known)| !known.project.is_plan() && part_of_another(plan))
            .map(|(plan, _)| plan.clone())
            .collect();
        self.state.analyses.retain(|plan, _| !fragments.contains(plan));
    }

    /// Drops the plans of which no file is open any more.
    fn forget_unwatched(&mut self) -> io::Result<()> {
        let documents = &self.state.world.documents;
        let is_watched = |known: &Analysis| known.project.paths.iter().any(|path| documents.get(path).is_some());
        let gone: Vec<PathBuf> =
            self.state.analyses.iter().filter(|(_, k)| !is_watched(k)).map(|(p, _)| p.clone()).collect();
        let gone = gone.iter().filter_map(|plan| self.state.analyses.remove(plan));
        let touched = gone.flat_map(|analysis| analysis.project.paths).collect();
        self.publish(touched)
    }

    /// Tells the editor what is wrong in files: what any of the plans that they are part of has to say.
    fn publish(&mut self, touched: BTreeSet<PathBuf>) -> io::Result<()> {
        let mut found: BTreeMap<PathBuf, Vec<lsp_types::Diagnostic>> = BTreeMap::new();
        for known in self.state.analyses.values() {
            for (path, diagnostics) in by_file(known, self.state.client.diagnostics) {
                let all = found.entry(path).or_default();
                for diagnostic in diagnostics {
                    if !all.contains(&diagnostic) {
                        all.push(diagnostic);
                    }
                }
            }
        }
        for path in touched {
            let diagnostics = found.remove(&path).unwrap_or_default();
            let before = self.shown.remove(&path).unwrap_or_default();
            let open = self.state.world.documents.get(&path);
            // An open text gets an answer for each of its versions.
            if open.is_some() || before != diagnostics {
                let uri = open.map(|document| document.uri.clone()).or_else(|| uri_of(&path));
                let version = open.map(|document| document.version);
                if let Some(uri) = uri {
                    let parameters = PublishDiagnosticsParams::new(uri, diagnostics.clone(), version);
                    let method = notification::PublishDiagnostics::METHOD.to_owned();
                    self.send(Notification::new(method, parameters))?;
                }
            }
            if !diagnostics.is_empty() {
                self.shown.insert(path, diagnostics);
            }
        }
        Ok(())
    }
}

/// Whether a request that waits was taken back by one that came after it.
fn is_cancelled(id: &RequestId, waiting: &VecDeque<io::Result<Incoming>>) -> bool {
    waiting.iter().any(|later| {
        let Ok(Incoming::Message(Message::Notification(told))) = later else { return false };
        told.method == notification::Cancel::METHOD
            && serde_json::from_value::<lsp_types::CancelParams>(told.params.clone()).is_ok_and(|cancelled| {
                *id == match cancelled.id {
                    NumberOrString::Number(number) => RequestId::from(number),
                    NumberOrString::String(text) => RequestId::from(text),
                }
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_request_that_was_taken_back_is_cancelled() {
        let cancel = |id: serde_json::Value| {
            let told = Notification::new(notification::Cancel::METHOD.to_owned(), serde_json::json!({ "id": id }));
            Ok(Incoming::Message(told.into()))
        };
        let waiting = VecDeque::from([cancel(7.into()), cancel("a".into())]);
        let taken_back = |id: RequestId| is_cancelled(&id, &waiting);
        assert!(taken_back(7.into()) && taken_back("a".to_owned().into()));
        assert!(!taken_back(8.into()) && !taken_back("7".to_owned().into()));
    }
}
