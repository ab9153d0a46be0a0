//! Which snapshots stay and which go, with the reason. Pure.
