use super::{Graph, Needs, NodeId};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Which nodes of a graph may start now, as others end.
///
/// `C` says why something did not succeed; a node that is skipped because of
/// another carries that one's cause, so the first failure explains all that
/// follows from it. A node is decided (ready or skipped) only when *all* that
/// it waits for has ended, so an order through a skipped node still holds.
#[derive(Clone, Debug)]
pub struct ReadySet<C> {
    nodes: Vec<Waiting<C>>,
    ready: BinaryHeap<Reverse<NodeId>>,
    running: usize,
    unfinished: usize,
}

#[derive(Clone, Debug)]
struct Waiting<C> {
    missing: usize,
    successors: Vec<(NodeId, Needs)>,
    doomed: Option<C>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Ready,
    Running,
    Ended,
}

/// A node that will not run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped<C> {
    pub node: NodeId,
    pub because: C,
}

impl<C: Clone> ReadySet<C> {
    /// The graph must have no cycle, or the nodes on it never become ready.
    pub fn new<N>(graph: &Graph<N>) -> Self {
        let mut nodes: Vec<Waiting<C>> = graph
            .ids()
            .map(|id| Waiting {
                missing: graph.predecessors(id).len(),
                successors: graph.successors(id).to_vec(),
                doomed: None,
                state: State::Waiting,
            })
            .collect();
        let mut ready = BinaryHeap::new();
        for id in graph.ids() {
            let node = &mut nodes[id.index()];
            if node.missing == 0 {
                node.state = State::Ready;
                ready.push(Reverse(id));
            }
        }
        Self { unfinished: nodes.len(), nodes, ready, running: 0 }
    }

    /// Takes the first node that may start (lowest id), which then counts as running.
    pub fn start(&mut self) -> Option<NodeId> {
        while let Some(Reverse(id)) = self.ready.pop() {
            // A node skipped while it was ready is still in the heap.
            if self.nodes[id.index()].state == State::Ready {
                self.nodes[id.index()].state = State::Running;
                self.running += 1;
                return Some(id);
            }
        }
        None
    }

    /// Ends a running node; `Err` says why it failed. Returns what is skipped because of it.
    pub fn finish(&mut self, id: NodeId, outcome: Result<(), C>) -> Vec<Skipped<C>> {
        assert_eq!(self.nodes[id.index()].state, State::Running, "only a running node can finish");
        self.running -= 1;
        let mut skipped = Vec::new();
        self.end(id, outcome.err(), &mut skipped);
        skipped
    }

    /// Dooms a node that has not started: it is skipped as soon as what it
    /// waits for has ended. For cancelling, and for stopping at the first failure.
    pub fn skip(&mut self, id: NodeId, because: C) -> Vec<Skipped<C>> {
        let mut skipped = Vec::new();
        let node = &mut self.nodes[id.index()];
        match node.state {
            State::Running | State::Ended => {}
            State::Waiting => {
                node.doomed.get_or_insert(because);
            }
            State::Ready => {
                skipped.push(Skipped { node: id, because: because.clone() });
                self.end(id, Some(because), &mut skipped);
            }
        }
        skipped
    }

    /// Nodes that neither started nor were skipped.
    pub fn not_started(&self) -> impl Iterator<Item = NodeId> + '_ {
        let ids = self.nodes.iter().zip(0..);
        ids.filter(|(node, _)| matches!(node.state, State::Waiting | State::Ready))
            .map(|(_, id)| NodeId::from_index(id))
    }

    pub fn is_running(&self) -> bool {
        self.running > 0
    }

    pub fn is_finished(&self) -> bool {
        self.unfinished == 0
    }

    fn end(&mut self, id: NodeId, failure: Option<C>, skipped: &mut Vec<Skipped<C>>) {
        let mut ended = vec![(id, failure)];
        while let Some((id, failure)) = ended.pop() {
            self.nodes[id.index()].state = State::Ended;
            self.unfinished -= 1;
            for (next, needs) in std::mem::take(&mut self.nodes[id.index()].successors) {
                let node = &mut self.nodes[next.index()];
                node.missing -= 1;
                if let (Some(because), Needs::Success) = (&failure, needs) {
                    node.doomed.get_or_insert_with(|| because.clone());
                }
                if node.missing > 0 {
                    continue;
                }
                match node.doomed.take() {
                    None => {
                        node.state = State::Ready;
                        self.ready.push(Reverse(next));
                    }
                    Some(because) => {
                        skipped.push(Skipped { node: next, because: because.clone() });
                        ended.push((next, Some(because)));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(count: usize, edges: &[(usize, usize, Needs)]) -> (Graph<usize>, Vec<NodeId>) {
        let mut graph = Graph::default();
        let ids: Vec<NodeId> = (0..count).map(|n| graph.add_node(n)).collect();
        for (from, to, needs) in edges {
            graph.add_edge(ids[*from], ids[*to], *needs);
        }
        (graph, ids)
    }

    #[test]
    fn nodes_become_ready_when_all_that_they_wait_for_has_ended() {
        let (graph, ids) = graph(3, &[(0, 2, Needs::Success), (1, 2, Needs::Completion)]);
        let mut ready: ReadySet<&str> = ReadySet::new(&graph);
        assert_eq!([ready.start(), ready.start(), ready.start()], [Some(ids[0]), Some(ids[1]), None]);
        assert!(ready.finish(ids[0], Ok(())).is_empty());
        assert_eq!(ready.start(), None);
        assert!(ready.finish(ids[1], Err("disk full")).is_empty());
        assert_eq!(ready.start(), Some(ids[2]));
        ready.finish(ids[2], Ok(()));
        assert!(ready.is_finished());
    }

    #[test]
    fn a_failure_skips_what_needed_success_and_names_the_first_cause() {
        let (graph, ids) = graph(4, &[(0, 1, Needs::Success), (1, 2, Needs::Success), (2, 3, Needs::Completion)]);
        let mut ready = ReadySet::new(&graph);
        assert_eq!(ready.start(), Some(ids[0]));
        let skipped = ready.finish(ids[0], Err("disk full"));
        let expected = [ids[1], ids[2]].map(|node| Skipped { node, because: "disk full" });
        assert_eq!(skipped, expected);
        assert_eq!(ready.start(), Some(ids[3]));
    }

    #[test]
    fn an_order_through_a_skipped_node_still_holds() {
        // 0 and 1 run side by side, 2 waits for both, 3 comes after 2: though 2
        // is doomed by 0 at once, 3 must not overtake 1.
        let (graph, ids) = graph(4, &[(0, 2, Needs::Success), (1, 2, Needs::Completion), (2, 3, Needs::Completion)]);
        let mut ready = ReadySet::new(&graph);
        ready.start();
        ready.start();
        assert!(ready.finish(ids[0], Err("disk full")).is_empty());
        assert_eq!(ready.start(), None);
        assert_eq!(ready.finish(ids[1], Ok(())).len(), 1);
        assert_eq!(ready.start(), Some(ids[3]));
    }

    #[test]
    fn skipping_before_the_start_spares_what_only_waits_for_completion() {
        let (graph, ids) = graph(3, &[(0, 1, Needs::Success), (1, 2, Needs::Completion)]);
        let mut ready = ReadySet::new(&graph);
        assert!(ready.skip(ids[1], "cancelled").is_empty());
        assert_eq!(ready.skip(ids[0], "cancelled").len(), 2);
        assert_eq!(ready.not_started().collect::<Vec<_>>(), [ids[2]]);
        assert_eq!(ready.start(), Some(ids[2]));
        ready.finish(ids[2], Ok(()));
        assert!(ready.is_finished() && !ready.is_running());
    }
}
