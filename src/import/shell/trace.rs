//! Which commands a script would run, in order, with their arguments.

use super::expand::{Value, Variables};

use super::parse::{self, AssignedValue, Assignment, Simple, Stage, Statement};
use super::token::RawWord;
use super::word::{Part, Word};
use std::collections::HashMap;

pub(in crate::import) use super::parse::Connector;

/// A command with its arguments.
#[derive(Clone, Debug)]
pub(in crate::import) struct Command {
    /// The program first; never empty.
    pub words: Vec<Word>,
    pub redirects: Vec<Redirect>,
    /// `NAME=value` in front of it.
    pub environment: Vec<(String, Word)>,
    pub line: usize,
}

#[derive(Clone, Debug)]
pub(in crate::import) struct Redirect {
    /// Such as `>`, `2>`, `>>`.
    pub operator: String,
    pub target: Word,
}

impl Command {
    /// The program's name without its folder; empty where it is not known.
    pub fn program(&self) -> &str {
        let path = self.words.first().and_then(Word::text).unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }

    pub fn arguments(&self) -> &[Word] {
        &self.words[1..]
    }

    /// The file that standard output goes to.
    pub fn output(&self) -> Option<&Word> {
        let is_output = |redirect: &&Redirect| matches!(redirect.operator.as_str(), ">" | "1>" | ">|" | ">>" | "1>>");
        self.redirects.iter().find(is_output).map(|redirect| &redirect.target)
    }
}

/// Commands that are connected by pipes; at least one.
#[derive(Clone, Debug)]
pub(in crate::import) struct Pipeline {
    pub commands: Vec<Command>,
    pub connector: Connector,
}

/// A script that may be read by another with `.` or `source`.
#[derive(Clone, Copy, Debug)]
pub(in crate::import) struct Script<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

/// What a script would do.
#[derive(Clone, Debug, Default)]
pub(in crate::import) struct Trace {
    pub pipelines: Vec<Pipeline>,
    /// Values of the variables at its end that are one word, secrets too.
    pub variables: HashMap<String, Word>,
    /// Files that it reads with `.` or `source` and that are not at hand, with the line.
    pub missing: Vec<(String, usize)>,
    /// The script does more than is followed.
    pub is_cut: bool,
}

/// Pipelines of one script, loops unrolled; real ones have some hundred.
const MAX_PIPELINES: usize = 5_000;
/// Functions that call functions.
const MAX_CALLS: usize = 12;
/// Statements looked at, whatever they do.
const MAX_STATEMENTS: usize = 50_000;

/// Follows a script whose first line is `line`; `others` may be read by it.
pub(in crate::import) fn trace(text: &str, line: usize, others: &[Script<'_>]) -> Trace {
    let mut tracer = Tracer {
        variables: Variables::default(),
        functions: HashMap::new(),
        others,
        trace: Trace::default(),
        depth: 0,
        statements: 0,
    };
    tracer.run(&parse::parse(text, line));
    let Tracer { variables, mut trace, .. } = tracer;
    trace.variables = variables.words().map(|(name, word)| (name.to_owned(), word.clone())).collect();
    trace
}

struct Tracer<'a> {
    variables: Variables,
    functions: HashMap<String, Vec<Statement>>,
    others: &'a [Script<'a>],
    trace: Trace,
    depth: usize,
    statements: usize,
}

impl Tracer<'_> {
    fn run(&mut self, statements: &[Statement]) {
        for statement in statements {
            self.statements += 1;
            if self.statements > MAX_STATEMENTS || self.trace.pipelines.len() >= MAX_PIPELINES {
                self.trace.is_cut = true;
                return;
            }
            match statement {
                Statement::Function { name, body } => {
                    self.functions.insert(name.clone(), body.clone());
                }
                Statement::For { variable, words, body } => self.for_loop(variable, words, body),
                Statement::Pipeline { commands, connector } => self.pipeline(commands, *connector),
            }
        }
    }

    /// Once for every word that is known; once with an unknown value where none is.
    fn for_loop(&mut self, variable: &str, words: &[RawWord], body: &[Statement]) {
        let mut words: Vec<Word> = words.iter().flat_map(|word| self.variables.expand(word)).collect();
        // A pattern stays one word, that of all that is there.
        words.retain(|word| !word.parts.is_empty() && !matches!(word.parts[0], Part::Unknown(_) | Part::Output(_)));
        let before = self.variables.remove(variable);
        if words.is_empty() {
            self.run(body);
        }
        for word in words {
            self.variables.set(variable, Value::Word(word));
            self.run(body);
        }
        self.variables.remove(variable);
        if let Some(before) = before {
            self.variables.set(variable, before);
        }
    }

    fn pipeline(&mut self, stages: &[Stage], connector: Connector) {
        let mut commands = Vec::new();
        for stage in stages {
            match stage {
                Stage::Compound(body) => self.run(body),
                Stage::Simple(simple) => {
                    if simple.words.is_empty() {
                        for assignment in &simple.assignments {
                            self.assign(assignment);
                        }
                        continue;
                    }
                    commands.extend(self.command(simple));
                }
            }
        }
        if !commands.is_empty() {
            self.trace.pipelines.push(Pipeline { commands, connector });
        }
    }

    fn assign(&mut self, assignment: &Assignment) {
        let mut value = match &assignment.value {
            AssignedValue::Word(word) => Value::Word(self.variables.one(word)),
            AssignedValue::List(list) => {
                let words = list.iter().flat_map(|word| self.variables.expand(word));
                Value::List(words.take(1_000).collect())
            }
        };
        if assignment.appends
            && let Some(mut known) = self.variables.remove(&assignment.name)
        {
            match (&mut known, value) {
                (Value::List(list), Value::List(more)) => list.extend(more),
                (Value::List(list), Value::Word(more)) => list.push(more),
                (Value::Word(word), Value::Word(more)) => more.parts.into_iter().for_each(|part| word.push(part)),
                (Value::Word(_), Value::List(more)) => known = Value::List(more),
            }
            if let Value::List(list) = &mut known {
                list.truncate(1_000);
            }
            value = known;
        }
        self.variables.set(&assignment.name, value);
    }

    /// The command after expansion; none for what only changes the shell, and for functions, which are followed.
    fn command(&mut self, simple: &Simple) -> Option<Command> {
        let words: Vec<Word> = simple.words.iter().flat_map(|word| self.variables.expand(word)).collect();
        let first = words.first()?.text().unwrap_or_default().to_owned();
        match first.as_str() {
            "export" | "local" | "readonly" | "declare" | "typeset" => {
                for word in &simple.words[1..] {
                    if let Some(assignment) = parse::assignment(word) {
                        self.assign(&assignment);
                    }
                }
                return None;
            }
            "unset" => {
                for name in words[1..].iter().filter_map(Word::text) {
                    self.variables.remove(name);
                }
                return None;
            }
            "." | "source" => {
                if let Some(file) = words.get(1) {
                    self.source(file, simple.line);
                }
                return None;
            }
            "trap" => {
                // What runs at the end, or on an error.
                if let Some(action) = words.get(1).and_then(Word::text).map(str::to_owned) {
                    self.follow(&parse::parse(&action, simple.line), &[]);
                }
                return None;
            }
            _ => {}
        }
        if self.functions.contains_key(&first) {
            let body = self.functions.get(&first).cloned().unwrap_or_default();
            self.follow(&body, &words[1..]);
            return None;
        }
        let environment = simple.assignments.iter().filter_map(|assignment| match &assignment.value {
            AssignedValue::Word(word) => Some((assignment.name.clone(), self.variables.one(word))),
            AssignedValue::List(_) => None,
        });
        let redirects = simple
            .redirects
            .iter()
            .map(|(operator, target)| Redirect { operator: operator.clone(), target: self.variables.one(target) });
        Some(Command { environment: environment.collect(), redirects: redirects.collect(), words, line: simple.line })
    }

    /// Runs a function's body with its arguments as `$1`, `$2`, ….
    fn follow(&mut self, body: &[Statement], arguments: &[Word]) {
        if self.depth == MAX_CALLS {
            self.trace.is_cut = true;
            return;
        }
        let before: Vec<(String, Option<Value>)> = (1..=9)
            .map(|number: u32| number.to_string())
            .chain(["@".to_owned(), "*".to_owned()])
            .map(|name| (name.clone(), self.variables.remove(&name)))
            .collect();
        for (at, argument) in arguments.iter().take(9).enumerate() {
            self.variables.set(&(at + 1).to_string(), Value::Word(argument.clone()));
        }
        if !arguments.is_empty() {
            self.variables.set("@", Value::List(arguments.to_vec()));
            self.variables.set("*", Value::List(arguments.to_vec()));
        }
        self.depth += 1;
        self.run(body);
        self.depth -= 1;
        for (name, value) in before {
            self.variables.remove(&name);
            if let Some(value) = value {
                self.variables.set(&name, value);
            }
        }
    }

    fn source(&mut self, file: &Word, line: usize) {
        let wanted = file.shown();
        let base = wanted.rsplit('/').next().unwrap_or_default();
        let others = self.others;
        match others.iter().find(|script| script.name.rsplit('/').next() == Some(base)) {
            Some(script) if self.depth < MAX_CALLS => {
                self.depth += 1;
                // Lines of another file would be taken for lines of this one: only what it sets counts.
                let kept = std::mem::take(&mut self.trace.pipelines);
                self.run(&parse::parse(script.text, 1));
                self.trace.pipelines = kept;
                self.depth -= 1;
            }
            Some(_) => self.trace.is_cut = true,
            None => self.trace.missing.push((wanted, line)),
        }
    }
}

impl Trace {
    /// The value of a variable, whatever its name.
    pub fn variable(&self, name: &str) -> Option<&Word> {
        self.variables.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::expand::is_secret_name;
    use super::*;

    fn run(text: &str) -> Vec<String> {
        let trace = trace(text, 1, &[]);
        let shown = |command: &Command| {
            let words: Vec<String> = command.words.iter().map(Word::shown).collect();
            format!("{}:{}", command.line, words.join(" "))
        };
        trace
            .pipelines
            .iter()
            .map(|pipeline| pipeline.commands.iter().map(shown).collect::<Vec<_>>().join(" | "))
            .collect()
    }

    #[test]
    fn variables_lists_loops_and_functions_are_followed() {
        let text = r#"
DIR=/backup
DIRS=(/etc "/my home")
EXCLUDES="--exclude a --exclude b"
copy() {
    local name="$(basename "$1" .d)"
    tar czf "$DIR/$name-$(date +%F).tgz" $EXCLUDES "$1" "${DIRS[@]}"
}
for x in /srv/a.d /srv/b; do copy "$x"; done
for f in "$DIR"/*.tgz; do
    if tar tzf "$f"; then echo ok; else exit 1; fi
done
"#;
        let expected = [
            "7:tar czf /backup/a-….tgz --exclude a --exclude b /srv/a.d /etc /my home",
            "7:tar czf /backup/b-….tgz --exclude a --exclude b /srv/b /etc /my home",
            "11:tar tzf /backup/*.tgz",
            "11:echo ok",
            "11:exit 1",
        ];
        assert_eq!(run(text), expected);
    }

    #[test]
    fn pipes_conditions_cases_and_defaults_are_read() {
        let text = "case $1 in\n  a|b) pg_dump x | gzip > ${OUT:-/b}/x.gz ;;\n  *) ls ;;\nesac\n[ -d /x ] && rm -f /y || echo no\n{ id; } 2>/dev/null";
        assert_eq!(run(text), ["2:pg_dump x | 2:gzip", "3:ls", "5:[ -d /x ]", "5:rm -f /y", "5:echo no", "6:id"]);
    }

    #[test]
    fn secrets_stay_names() {
        let trace = trace("DB_PASS=hunter2\nmysqldump -p\"$DB_PASS\" x", 1, &[]);
        let word = &trace.pipelines[0].commands[0].words[1];
        assert!(word.has_secret());
        assert_eq!(word.shown(), "-p…");
        assert!(is_secret_name("AWS_SECRET_ACCESS_KEY") && is_secret_name("BOT_TOKEN"));
        assert!(!is_secret_name("RESTIC_PASSWORD_FILE") && !is_secret_name("BACKUP_DIR") && !is_secret_name("PWD"));
    }

    #[test]
    fn no_script_takes_for_ever() {
        let doubling = "A=aaaaaaaa\n".to_owned() + &"A=$A$A\n".repeat(100);
        let recursion = "f() { f; f; }; f";
        let loops = "for a in 1 2 3 4 5 6 7 8 9; do ".repeat(12) + "echo x; " + &"done; ".repeat(12);
        let depth = "{ ".repeat(100_000);
        let ifs = "if ".repeat(50_000);
        let parens = "(".repeat(50_000) + &"$(".repeat(1_000);
        for text in
            [&doubling, recursion, &loops, &depth, &ifs, &parens, "case", "case x in", "for", "for x in", ";;", ") x"]
        {
            trace(text, 1, &[]);
        }
    }
}
