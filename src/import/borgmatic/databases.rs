//! borgmatic's databases: each a source whose `command` is the dump.

use super::settings::Settings;
use crate::import::draft::{Notes, Origin, SourceDraft, Sourced};
use crate::import::name;
use crate::import::tree::Node;

/// A kind of database.
struct Kind {
    setting: &'static str,
    dump: &'static str,
    /// What dumps all databases of the server.
    dump_all: &'static [&'static str],
    /// Options for the host, the port and the user.
    options: [&'static str; 3],
    own_command: &'static str,
    /// Where its programs find the password.
    password: &'static str,
    ending: &'static str,
}

const KINDS: [Kind; 4] = [
    Kind {
        setting: "postgresql_databases",
        dump: "pg_dump",
        dump_all: &["pg_dumpall"],
        options: ["--host", "--port", "--username"],
        own_command: "pg_dump_command",
        password: "`~/.pgpass` or PGPASSWORD",
        ending: "dump",
    },
    Kind {
        setting: "mysql_databases",
        dump: "mysqldump",
        dump_all: &["mysqldump", "--all-databases"],
        options: ["--host", "--port", "--user"],
        own_command: "mysql_dump_command",
        password: "`~/.my.cnf`",
        ending: "sql",
    },
    Kind {
        setting: "mariadb_databases",
        dump: "mariadb-dump",
        dump_all: &["mariadb-dump", "--all-databases"],
        options: ["--host", "--port", "--user"],
        own_command: "mariadb_dump_command",
        password: "`~/.my.cnf`",
        ending: "sql",
    },
    Kind {
        setting: "mongodb_databases",
        dump: "mongodump",
        dump_all: &["mongodump", "--archive"],
        options: ["--host", "--port", "--username"],
        own_command: "mongodump_command",
        password: "mongodump's `--config` file",
        ending: "archive",
    },
];

pub(super) fn databases(settings: &Settings, notes: &mut Notes) -> Vec<SourceDraft> {
    let mut sources = Vec::new();
    for kind in &KINDS {
        for node in settings.node(kind.setting).map(Node::items).unwrap_or_default() {
            match dump(kind, node, settings) {
                Some(source) => sources.push(source),
                None => {
                    notes.not_carried(Some(&settings.origin(node)), format!("one of `{}` without a name", kind.setting))
                }
            }
        }
    }
    for node in settings.node("sqlite_databases").map(Node::items).unwrap_or_default() {
        let origin = settings.origin(node);
        match node.text_of("path") {
            Some(path) => sources.push(sqlite(&settings.with_constants(path), node.text_of("name"), &origin)),
            None => notes.not_carried(Some(&origin), "an SQLite database without a path"),
        }
    }
    sources
}

fn dump(kind: &Kind, node: &Node, settings: &Settings) -> Option<SourceDraft> {
    let origin = settings.origin(node);
    let mut source = SourceDraft { origin: Some(origin.clone()), ..SourceDraft::default() };
    let database = settings.with_constants(node.text_of("name")?);
    let is_all = database == "all";
    let own = node.text_of(kind.own_command).map(|command| settings.with_constants(command));
    let mut command: Vec<String> = match &own {
        Some(own) => own.split_whitespace().map(str::to_owned).collect(),
        None if is_all => kind.dump_all.iter().map(|word| (*word).to_owned()).collect(),
        None => vec![kind.dump.to_owned()],
    };
    if own.is_some() {
        source.notes.differs(Some(&origin), "the dump's own command is taken as words; no shell reads it");
    }
    let container = node.text_of("container");
    if container.is_some() {
        source
            .notes
            .not_carried(Some(&origin), "`container`: put `docker exec` and the container in front of the command");
    }
    for (setting, option) in ["hostname", "port", "username"].iter().zip(kind.options) {
        if let Some(value) = node.text_of(setting) {
            match variable(value) {
                true => source
                    .notes
                    .not_carried(Some(&origin), format!("`{setting}`, which stands in a variable of the environment")),
                false => command.push(format!("{option}={}", settings.with_constants(value))),
            }
        }
    }
    if node.get("password").is_some() {
        let text = format!("the password of `{database}`: put it into {}", kind.password);
        source.notes.not_carried(Some(&origin), text);
    }
    if let Some(options) = node.text_of("options").filter(|options| !super::super::script::looks_secret(options)) {
        command.extend(options.split_whitespace().map(str::to_owned));
    }
    let mut ending = kind.ending;
    match kind.dump {
        "pg_dump" if is_all => ending = "sql",
        "pg_dump" => {
            let format = node.text_of("format").unwrap_or("custom");
            match format {
                "directory" => {
                    source.notes.differs(
                        Some(&origin),
                        "a dump into a folder has no output: it is of the format `custom` here",
                    );
                    command.push("--format=custom".to_owned());
                }
                "plain" | "tar" | "custom" => command.push(format!("--format={format}")),
                _ => {}
            }
            if format == "plain" {
                ending = "sql";
            }
            command.push(database.clone());
        }
        "mongodump" if !is_all => command.extend(["--archive".to_owned(), format!("--db={database}")]),
        "mysqldump" | "mariadb-dump" if !is_all => command.extend(["--databases".to_owned(), database.clone()]),
        _ => {}
    }
    let read = [
        "name",
        "hostname",
        "port",
        "username",
        "password",
        "options",
        "format",
        "container",
        "label",
        kind.own_command,
        "restore_hostname",
        "restore_port",
        "restore_username",
        "restore_password",
        "restore_options",
        "pg_restore_command",
        "psql_command",
        "mysql_command",
        "mariadb_command",
        "mongorestore_command",
        "psql_options",
        "list_options",
        "analyze_options",
        "restore_container",
    ];
    for entry in node.entries().iter().filter(|entry| !read.contains(&entry.name.as_str())) {
        let origin = Origin { line: entry.line, ..origin.clone() };
        source.notes.not_carried(Some(&origin), format!("`{}` of `{database}`", entry.name));
    }
    let wanted = if is_all { kind.setting.trim_end_matches("_databases").to_owned() } else { database };
    source.name = name::name(&wanted, "database");
    source.command = Some(Sourced::new((command, Some(format!("{}.{ending}", source.name))), &origin));
    Some(source)
}

fn sqlite(path: &str, given: Option<&str>, origin: &Origin) -> SourceDraft {
    let copy = format!("{path}.backup");
    let mut source = SourceDraft { origin: Some(origin.clone()), ..SourceDraft::default() };
    source.name = given.map_or_else(|| name::of_path(path, "sqlite"), |given| name::name(given, "sqlite"));
    source.include.push(Sourced::new(copy.clone(), origin));
    let line = ["sqlite3".to_owned(), path.to_owned(), format!(".backup '{copy}'")];
    source.before.push(Sourced::new(line.to_vec(), origin));
    source.after.push(Sourced::new(vec!["rm".to_owned(), "-f".to_owned(), copy], origin));
    source.notes.differs(Some(origin), "a copy of one moment is made beside the database, and taken away again");
    source
}

fn variable(text: &str) -> bool {
    text.contains("${") || text.starts_with("{credential")
}
