//! From a plan to a graph of steps, and the graph's printed forms.
