//! Events, run records, summaries.
