use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A node of one [`Graph`]; numbers run from 0 in the order of insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    pub fn index(self) -> usize {
        self.0 as usize
    }

    pub(super) fn from_index(index: u32) -> Self {
        Self(index)
    }
}

/// What the end of one node must be for the next one to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// It ended, well or badly, or was skipped: an order, no more.
    Completion,
    /// It succeeded; otherwise the next one is skipped.
    Success,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    pub from: NodeId,
    pub to: NodeId,
    pub needs: Needs,
}

/// Nodes and the order between them. Knows nothing of what its nodes are.
///
/// At most one edge runs from one node to another: a second one keeps the
/// stronger need. Nothing keeps cycles out; [`Graph::order`] finds them.
#[derive(Clone, Debug)]
pub struct Graph<N> {
    nodes: Vec<N>,
    incoming: Vec<Vec<(NodeId, Needs)>>,
    outgoing: Vec<Vec<(NodeId, Needs)>>,
}

/// Nodes that wait for each other: each for the one before it, the first for the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<NodeId>);

impl<N> Default for Graph<N> {
    fn default() -> Self {
        Self { nodes: Vec::new(), incoming: Vec::new(), outgoing: Vec::new() }
    }
}

impl<N> Graph<N> {
    pub fn add_node(&mut self, node: N) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).expect("a graph has fewer than 2^32 nodes"));
        self.nodes.push(node);
        self.incoming.push(Vec::new());
        self.outgoing.push(Vec::new());
        id
    }

    /// Makes `to` wait for `from`.
    pub fn add_edge(&mut self, from: NodeId, to: NodeId, needs: Needs) {
        strengthen(&mut self.outgoing[from.index()], to, needs);
        strengthen(&mut self.incoming[to.index()], from, needs);
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub fn node(&self, id: NodeId) -> &N {
        &self.nodes[id.index()]
    }

    /// In the order of insertion.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &N)> {
        self.ids().zip(&self.nodes)
    }

    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<N> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// Sorted by `from`, then `to`.
    pub fn edges(&self) -> impl Iterator<Item = Edge> + '_ {
        self.ids().flat_map(|from| {
            let mut targets = self.outgoing[from.index()].clone();
            targets.sort_unstable();
            targets.into_iter().map(move |(to, needs)| Edge { from, to, needs })
        })
    }

    pub fn predecessors(&self, id: NodeId) -> &[(NodeId, Needs)] {
        &self.incoming[id.index()]
    }

    pub fn successors(&self, id: NodeId) -> &[(NodeId, Needs)] {
        &self.outgoing[id.index()]
    }

    /// The nodes that nothing waits for, in the order of insertion.
    pub fn last_nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.ids().filter(|id| self.outgoing[id.index()].is_empty())
    }

    /// A topological order that is always the same: of the nodes that could
    /// come next, the one inserted first (Kahn 1962 with a heap).
    pub fn order(&self) -> Result<Vec<NodeId>, Cycle> {
        let mut waiting: Vec<usize> = self.incoming.iter().map(Vec::len).collect();
        let mut ready: BinaryHeap<Reverse<NodeId>> =
            self.ids().filter(|id| waiting[id.index()] == 0).map(Reverse).collect();
        let mut order = Vec::with_capacity(self.nodes.len());
        while let Some(Reverse(id)) = ready.pop() {
            order.push(id);
            for (next, _) in &self.outgoing[id.index()] {
                waiting[next.index()] -= 1;
                if waiting[next.index()] == 0 {
                    ready.push(Reverse(*next));
                }
            }
        }
        if order.len() == self.nodes.len() { Ok(order) } else { Err(self.find_cycle(&waiting)) }
    }

    /// `waiting`: what [`Graph::order`] could not count down to zero. Each such
    /// node has such a predecessor, so walking backwards must meet itself.
    fn find_cycle(&self, waiting: &[usize]) -> Cycle {
        let stuck = |id: &NodeId| waiting[id.index()] > 0;
        let mut path = vec![self.ids().find(stuck).expect("a graph without an order has a node that waits")];
        loop {
            let last = path[path.len() - 1];
            let before = self.incoming[last.index()]
                .iter()
                .map(|(id, _)| *id)
                .filter(stuck)
                .min()
                .expect("a node that still waits has a predecessor that still waits");
            if let Some(start) = path.iter().position(|id| *id == before) {
                let mut cycle = path.split_off(start);
                cycle.reverse();
                let smallest = cycle.iter().enumerate().min_by_key(|(_, id)| **id).map_or(0, |(at, _)| at);
                cycle.rotate_left(smallest);
                return Cycle(cycle);
            }
            path.push(before);
        }
    }

    /// Merges the nodes of one class into one: `class` gives each node its
    /// class, and `merge` makes the new node from the members (in order of
    /// insertion). Edges inside a class vanish, edges between classes stay.
    ///
    /// The new nodes stand in the order of their first members. The result can
    /// have a cycle where the graph had none: two classes may wait for each other.
    pub fn merge<C: Ord, M>(&self, class: impl Fn(NodeId, &N) -> C, mut merge: impl FnMut(&[NodeId]) -> M) -> Graph<M> {
        let mut numbers: BTreeMap<C, usize> = BTreeMap::new();
        let mut members: Vec<Vec<NodeId>> = Vec::new();
        let mut class_of = Vec::with_capacity(self.nodes.len());
        for (id, node) in self.nodes() {
            let number = *numbers.entry(class(id, node)).or_insert_with(|| {
                members.push(Vec::new());
                members.len() - 1
            });
            members[number].push(id);
            class_of.push(number);
        }
        let mut merged = Graph::default();
        let ids: Vec<NodeId> = members.iter().map(|members| merged.add_node(merge(members))).collect();
        for Edge { from, to, needs } in self.edges() {
            let (from, to) = (class_of[from.index()], class_of[to.index()]);
            if from != to {
                merged.add_edge(ids[from], ids[to], needs);
            }
        }
        merged
    }
}

fn strengthen(edges: &mut Vec<(NodeId, Needs)>, other: NodeId, needs: Needs) {
    match edges.iter_mut().find(|(id, _)| *id == other) {
        Some((_, present)) => *present = needs.max(*present),
        None => edges.push((other, needs)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn graph(count: usize, edges: &[(usize, usize)]) -> Graph<usize> {
        let mut graph = Graph::default();
        let ids: Vec<NodeId> = (0..count).map(|n| graph.add_node(n)).collect();
        for (from, to) in edges {
            graph.add_edge(ids[*from], ids[*to], Needs::Success);
        }
        graph
    }

    fn numbers(ids: &[NodeId]) -> Vec<usize> {
        ids.iter().map(|id| id.index()).collect()
    }

    #[test]
    fn the_order_keeps_insertion_order_where_edges_allow_it() {
        let graph = graph(5, &[(4, 0), (3, 1)]);
        assert_eq!(graph.order().map(|ids| numbers(&ids)), Ok(vec![2, 3, 1, 4, 0]));
    }

    #[test]
    fn a_cycle_is_named_without_the_nodes_that_merely_hang_on_it() {
        let graph = graph(5, &[(0, 1), (1, 2), (2, 3), (3, 1), (3, 4)]);
        assert_eq!(graph.order().map_err(|cycle| numbers(&cycle.0)), Err(vec![1, 2, 3]));
    }

    #[test]
    fn a_node_that_waits_for_itself_is_a_cycle() {
        assert_eq!(graph(2, &[(1, 1)]).order().map_err(|cycle| numbers(&cycle.0)), Err(vec![1]));
    }

    #[test]
    fn two_edges_between_the_same_nodes_are_the_stronger_one() {
        let mut graph = graph(2, &[]);
        let ids: Vec<NodeId> = graph.ids().collect();
        graph.add_edge(ids[0], ids[1], Needs::Success);
        graph.add_edge(ids[0], ids[1], Needs::Completion);
        assert_eq!(graph.edges().collect::<Vec<_>>(), [Edge { from: ids[0], to: ids[1], needs: Needs::Success }]);
    }

    #[test]
    fn merging_keeps_edges_between_classes_and_drops_those_inside() {
        let graph = graph(5, &[(0, 1), (1, 2), (2, 3), (0, 4)]);
        let merged = graph.merge(|id, _| [0, 1, 1, 2, 1][id.index()], numbers);
        assert_eq!(merged.nodes().map(|(_, n)| n.clone()).collect::<Vec<_>>(), [vec![0], vec![1, 2, 4], vec![3]]);
        let edges: Vec<(usize, usize)> = merged.edges().map(|e| (e.from.index(), e.to.index())).collect();
        assert_eq!(edges, [(0, 1), (1, 2)]);
    }

    proptest! {
        #[test]
        fn an_order_respects_every_edge_and_a_cycle_is_one(
            edges in proptest::collection::vec((0usize..12, 0usize..12), 0..24),
        ) {
            let graph = graph(12, &edges);
            match graph.order() {
                Ok(order) => {
                    let mut at = [usize::MAX; 12];
                    for (position, id) in order.iter().enumerate() {
                        at[id.index()] = position;
                    }
                    prop_assert!(at.iter().all(|position| *position < 12));
                    for (from, to) in edges {
                        prop_assert!(at[from] < at[to]);
                    }
                }
                Err(Cycle(cycle)) => {
                    let after = |at: usize| cycle[(at + 1) % cycle.len()];
                    for (at, id) in cycle.iter().enumerate() {
                        prop_assert!(edges.contains(&(id.index(), after(at).index())));
                    }
                }
            }
        }
    }
}
