//! The command line: arguments, one file a verb, all printing, exit codes.
