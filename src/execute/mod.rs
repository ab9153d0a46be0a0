//! Doing what is due: the scheduler of the graph, its steps, local state, cancellation.
