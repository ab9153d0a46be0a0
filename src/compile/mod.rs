//! From a plan to a graph of steps, and the graph's printed forms.
//!
//! [`compile`] runs a fixed list of passes over a plan and a [`Selection`] (what
//! is due, or what was asked for) and gives [`Compiled`]: a [`Graph`] of
//! [`Step`]s. [`Compiled::tasks`] is the same graph as it is executed, with each
//! stream of steps fused into one [`Task`]; [`ReadySet`] hands out what may start.
//!
//! Knows no store, does no I/O. The graph knows nothing of steps. Every output
//! is the same for the same plan.

mod compiled;
mod consequence;
mod describe;
mod difference;
mod graph;
mod job;
mod lock;
mod passes;
pub mod print;
mod projection;
mod ready;
#[cfg(test)]
mod sample;
mod selection;
mod step;
mod task;

pub use compiled::{CompileError, Compiled, compile};
pub use difference::{lock_changes, lock_diff};
pub use graph::{Cycle, Edge, Graph, Needs, NodeId};
pub use job::{Job, JobName, jobs};
pub use lock::{Section, lock, lock_text, resolved};
pub use projection::projection;
pub use ready::{ReadySet, Skipped};
pub use selection::{Selection, UnknownName};
pub use step::{Action, Step, Upload};
pub use task::{Task, Work};
