//! Telling people and monitors, one file a channel.
