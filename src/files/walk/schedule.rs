use super::block::{Block, Listing, Noted, Task};
use super::listing::{Lister, Scratch};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// A place in [`State::nodes`].
pub(super) type NodeId = usize;

/// No node: both ends of the line of open nodes.
const NONE: NodeId = usize::MAX;

/// Hands out the folders to list, always the first in tree order of those that
/// nobody has begun, so that the threads run right ahead of the consumer.
///
/// Each block with children that nobody has begun stands in a line sorted by
/// the tree order of the next of them. A child takes its place right before
/// its parent: after all that was begun before, before all that comes after.
/// So the line is never sorted, and the next task is at its head.
///
/// No deadlock: the consumer waits only for what a thread is busy with, and
/// does whatever else it needs itself, lookahead or not.
pub(super) struct Schedule {
    state: Mutex<State>,
    /// For the threads: there is work, or room to go ahead, or nothing to do any more.
    work: Condvar,
    /// For the consumer: a listing is done.
    done: Condvar,
    lookahead_entries: usize,
}

#[derive(Default)]
struct State {
    nodes: Vec<Node>,
    free: Vec<NodeId>,
    head: NodeId,
    /// Entries listed and not consumed.
    ahead: usize,
    idle_threads: usize,
    consumer_waits: bool,
    stopped: bool,
    panicked: bool,
}

struct Node {
    /// None: a thread is busy with it.
    block: Option<Arc<Block>>,
    problems: Vec<Noted>,
    /// The children that were begun.
    children: Vec<NodeId>,
    previous: NodeId,
    next: NodeId,
}

impl Schedule {
    pub fn new(lookahead_entries: usize) -> Self {
        let state = State { head: NONE, ..State::default() };
        Self { state: Mutex::new(state), work: Condvar::new(), done: Condvar::new(), lookahead_entries }
    }

    /// Takes the block that everything starts from.
    pub fn begin(&self, first: Listing) -> (NodeId, Listing) {
        let mut state = self.lock();
        let node = state.insert_before(NONE);
        state.complete(node, first);
        (node, state.take(node).expect("it was just completed"))
    }

    /// A thread's life: list, until told to stop.
    pub fn work(&self, lister: &Lister) {
        let _guard = PanicGuard(self);
        let mut scratch = Scratch::default();
        let mut state = self.lock();
        while !state.stopped && !lister.cancel.is_cancelled() {
            match self.next_task(&mut state, lister) {
                Some((node, task)) => {
                    drop(state);
                    let listing = lister.run(task, &mut scratch);
                    state = self.lock();
                    self.complete(&mut state, node, listing);
                }
                None => {
                    state.idle_threads += 1;
                    state = self.work.wait(state).expect("no thread panics while it holds the schedule");
                    state.idle_threads -= 1;
                }
            }
        }
    }

    /// The listing of one child of `node`; none where the walk was cancelled.
    pub fn child(
        &self,
        node: NodeId,
        child: usize,
        lister: &Lister,
        scratch: &mut Scratch,
    ) -> Option<(NodeId, Listing)> {
        let mut state = self.lock();
        loop {
            assert!(!state.panicked, "a thread of the walk panicked");
            let task = match state.nodes[node].children.get(child) {
                // Nobody has begun it.
                None => Some(state.begin_child(node, lister)),
                Some(&id) => match state.take(id) {
                    Some(listing) => return Some((id, listing)),
                    // Somebody is busy with it: do something useful meanwhile.
                    None => self.next_task(&mut state, lister),
                },
            };
            if lister.cancel.is_cancelled() {
                return None;
            }
            match task {
                Some((id, task)) => {
                    drop(state);
                    let listing = lister.run(task, scratch);
                    state = self.lock();
                    self.complete(&mut state, id, listing);
                }
                None => {
                    state.consumer_waits = true;
                    state = self.done.wait(state).expect("no thread panics while it holds the schedule");
                    state.consumer_waits = false;
                }
            }
        }
    }

    /// Takes note of what the consumer is through with.
    pub fn consumed(&self, entries: &mut usize, nodes: &mut Vec<NodeId>) {
        let mut state = self.lock();
        let was_ahead = state.ahead;
        state.ahead -= std::mem::take(entries).min(was_ahead);
        for node in nodes.drain(..) {
            state.ahead = state.ahead.saturating_sub(1);
            state.nodes[node].block = None;
            state.nodes[node].children = Vec::new();
            state.free.push(node);
        }
        // Waking up for each entry would cost more than the entry.
        let low = self.lookahead_entries - self.lookahead_entries / 4;
        if state.idle_threads > 0 && was_ahead >= low && state.ahead < low {
            self.work.notify_all();
        }
    }

    #[cfg(test)]
    pub fn ahead(&self) -> usize {
        self.lock().ahead
    }

    pub fn stop(&self) {
        // A poisoned lock must not panic here: this runs in a destructor.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).stopped = true;
        self.work.notify_all();
    }

    fn next_task(&self, state: &mut State, lister: &Lister) -> Option<(NodeId, Task)> {
        if state.ahead >= self.lookahead_entries {
            return None;
        }
        // Before the first open node stand at most as many busy ones as there are threads.
        let mut node = state.head;
        while node != NONE && state.nodes[node].block.is_none() {
            node = state.nodes[node].next;
        }
        (node != NONE).then(|| state.begin_child(node, lister))
    }

    fn complete(&self, state: &mut State, node: NodeId, listing: Listing) {
        let has_children = listing.block.child_count() > 0;
        state.complete(node, listing);
        if has_children && state.idle_threads > 0 {
            self.work.notify_all();
        }
        if state.consumer_waits {
            self.done.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the schedule")
    }
}

impl State {
    /// Begins the first child of `node` that nobody has begun.
    fn begin_child(&mut self, node: NodeId, lister: &Lister) -> (NodeId, Task) {
        let block = self.nodes[node].block.as_ref().expect("only finished blocks stand open");
        let child = self.nodes[node].children.len();
        let task = block.task(child, lister.one_file_system);
        let is_last = child + 1 == block.child_count();
        let id = self.insert_before(node);
        self.nodes[node].children.push(id);
        if is_last {
            self.unlink(node);
        }
        (id, task)
    }

    fn complete(&mut self, node: NodeId, listing: Listing) {
        self.ahead += listing.block.weight();
        if listing.block.child_count() == 0 {
            self.unlink(node);
        }
        self.nodes[node].block = Some(listing.block);
        self.nodes[node].problems = listing.problems;
    }

    fn take(&mut self, node: NodeId) -> Option<Listing> {
        let node = &mut self.nodes[node];
        let block = Arc::clone(node.block.as_ref()?);
        Some(Listing { block, problems: std::mem::take(&mut node.problems) })
    }

    fn insert_before(&mut self, next: NodeId) -> NodeId {
        let previous = if next == NONE { NONE } else { self.nodes[next].previous };
        let node = Node { block: None, problems: Vec::new(), children: Vec::new(), previous, next };
        let id = match self.free.pop() {
            Some(id) => {
                self.nodes[id] = node;
                id
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        };
        self.join(previous, id);
        self.join(id, next);
        id
    }

    fn unlink(&mut self, node: NodeId) {
        let Node { previous, next, .. } = self.nodes[node];
        self.join(previous, next);
        (self.nodes[node].previous, self.nodes[node].next) = (NONE, NONE);
    }

    fn join(&mut self, previous: NodeId, next: NodeId) {
        if previous == NONE {
            // A node outside the line never joins anything but its own neighbours.
            self.head = next;
        } else {
            self.nodes[previous].next = next;
        }
        if next != NONE {
            self.nodes[next].previous = previous;
        }
    }
}

/// Tells the consumer of a thread's panic: what it was busy with will never be done.
struct PanicGuard<'a>(&'a Schedule);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).panicked = true;
            self.0.done.notify_all();
        }
    }
}
