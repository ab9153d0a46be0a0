//! What stands in a plan and must not be shown: secrets that were written out.
//! A checker's output is pasted into tickets and kept by CI; the text that it
//! quotes is shown with stars in their place.

use super::secret::{carries_a_secret, is_path, is_secret_setting};
use super::security::holds_a_password;
use crate::diagnostics::{Diagnostic, FileId, Label, SourceFiles, Span};
use crate::language::schema::{Format, Kind, schema};
use crate::language::{Document, Node, Value};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

/// Shorter texts occur everywhere: messages are not searched for them.
const LEAST_SEARCHED: usize = 4;

/// The files and what is said of them, with stars in place of every secret that
/// stands in a file. Offsets, lines and columns stay what they were; a fix that
/// would show a secret is left out.
pub fn without_secrets(
    document: &Document,
    files: &SourceFiles,
    diagnostics: &[Diagnostic],
) -> (SourceFiles, Vec<Diagnostic>) {
    let spans = secrets(document, files);
    if spans.is_empty() {
        return (files.clone(), diagnostics.to_vec());
    }
    let mut shown = SourceFiles::default();
    for (id, file) in files.iter() {
        let mut text = file.text.to_string();
        for span in spans.iter().filter(|span| span.file == id) {
            text.replace_range(span.range(), &stars(files.text(*span)));
        }
        shown.add(file.name.clone(), text);
    }
    let mut words: Vec<&str> = spans.iter().map(|span| files.text(*span)).collect();
    words.retain(|word| word.chars().count() >= LEAST_SEARCHED);
    // The longest first: one may be part of another.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    (shown, diagnostics.iter().map(|diagnostic| hidden(diagnostic, &words)).collect())
}

/// As many stars as there are characters, each as many bytes as what it stands for.
fn stars(text: &str) -> String {
    let star = |c: char| match c {
        '\n' | '\r' => c,
        _ => match c.len_utf8() {
            1 => '*',
            2 => '×',
            3 => '•',
            _ => '𐄂',
        },
    };
    text.chars().map(star).collect()
}

fn hidden(diagnostic: &Diagnostic, words: &[&str]) -> Diagnostic {
    let hide = |text: &String| words.iter().fold(text.clone(), |text, word| text.replace(word, "…"));
    let label = |label: &Label| Label { span: label.span, text: hide(&label.text) };
    let shows_none = |text: &str| !words.iter().any(|word| text.contains(word));
    Diagnostic {
        message: hide(&diagnostic.message),
        primary: label(&diagnostic.primary),
        labels: diagnostic.labels.iter().map(label).collect(),
        help: diagnostic.help.as_ref().map(hide),
        notes: diagnostic.notes.iter().map(hide).collect(),
        fix: diagnostic
            .fix
            .clone()
            .filter(|fix| shows_none(&fix.title) && fix.edits.iter().all(|edit| shows_none(&edit.text))),
        ..diagnostic.clone()
    }
}

/// Where secrets stand, without the quotation marks around them; sorted, none within another.
fn secrets(document: &Document, files: &SourceFiles) -> Vec<Span> {
    let mut spans = Vec::new();
    for node in &document.nodes {
        of_node(node, files, &mut spans);
    }
    for (id, file) in files.iter() {
        let keys = secret_keys(&file.text);
        // Of a damaged text not every value is known as one.
        let settings = if document.incomplete { written_settings(&file.text) } else { Vec::new() };
        spans.extend(keys.into_iter().chain(settings).map(|range| Span::new(id, range)));
    }
    spans.retain(|span| !span.is_empty());
    spans.sort_by_key(|span| (span.file, span.start, std::cmp::Reverse(span.end)));
    let mut end = (FileId::default(), 0);
    spans.retain(|span| {
        let is_new = span.file != end.0 || span.start >= end.1;
        if is_new {
            end = (span.file, span.end);
        }
        is_new
    });
    spans
}

fn of_node(node: &Node, files: &SourceFiles, out: &mut Vec<Span>) {
    let name = node.name.value.as_str();
    let program = node.arguments.first().and_then(|value| value.as_str()).unwrap_or_default();
    for (index, value) in node.arguments.iter().enumerate() {
        let is_command = matches!(name, "command" | "before" | "after") && index > 0;
        let in_command = is_command && value.as_str().is_some_and(|argument| holds_a_password(program, argument));
        of_value(value, in_command || is_secret(name, index, value), files, out);
    }
    for property in &node.properties {
        let is_secret = is_secret(&property.name.value, 0, &property.value);
        of_value(&property.value, is_secret, files, out);
    }
    for child in &node.children {
        of_node(child, files, out);
    }
}

/// Whether what stands at that place of a node, or in a property of that name, is a secret.
fn is_secret(name: &str, index: usize, value: &Value) -> bool {
    match name {
        // An account, and addresses, which are secret only if they hold one.
        "user" => false,
        "webhook" | "ntfy" => index == 0 && value.as_str().is_some_and(carries_a_secret),
        "server" => false,
        _ => sounds_secret(name) || is_secret_of_the_language(name, index),
    }
}

/// Settings of a store that are secret, misspelt ones too: better a star too many.
fn sounds_secret(name: &str) -> bool {
    const PARTS: [&str; 5] = ["secret", "passw", "passphrase", "token", "credential"];
    let lower = name.to_lowercase().replace('-', "_");
    is_secret_setting(name) || lower.ends_with("_key") || PARTS.iter().any(|part| lower.contains(part))
}

/// Whether the language's schema calls that argument of a node, or the property of that name, a secret.
fn is_secret_of_the_language(name: &str, index: usize) -> bool {
    static SECRETS: LazyLock<BTreeSet<(&str, usize)>> = LazyLock::new(|| {
        let is_secret = |kind: &Kind| kind.format == Some(Format::Secret);
        let mut secrets = BTreeSet::new();
        for (_, shape) in schema().walk().iter().filter(|(_, shape)| shape.name != "*") {
            let arguments = shape.arguments.iter().enumerate().filter(|(_, argument)| is_secret(&argument.kind));
            secrets.extend(arguments.map(|(index, _)| (shape.name.as_str(), index)));
            let properties = shape.properties.iter().filter(|property| is_secret(&property.kind));
            secrets.extend(properties.map(|property| (property.name.as_str(), 0)));
        }
        secrets
    });
    SECRETS.contains(&(name, index))
}

fn of_value(value: &Value, is_secret: bool, files: &SourceFiles, out: &mut Vec<Span>) {
    if value.annotation.is_some() {
        return;
    }
    let written = files.text(value.span);
    // KDL 1 wrote raw texts as `r"…"`.
    let raw = written.strip_prefix('r').filter(|rest| rest.starts_with(['"', '#'])).unwrap_or(written);
    let inner = raw.trim_matches(['"', '#']);
    let start = value.span.start + (written.len() - raw.trim_start_matches(['"', '#']).len());
    if is_secret && !inner.starts_with('$') && !is_path(inner) {
        out.push(Span::new(value.span.file, start..start + inner.len()));
    } else if let Some(range) = password_of_address(inner) {
        out.push(Span::new(value.span.file, start + range.start..start + range.end));
    }
}

/// The password in `https://user:password@host`.
fn password_of_address(text: &str) -> Option<Range<usize>> {
    let begin = text.find("://")? + 3;
    let authority = &text[begin..];
    let authority = &authority[..authority.find('/').unwrap_or(authority.len())];
    let user = authority[..authority.rfind('@')?].find(':')?;
    Some(begin + user + 1..begin + authority.rfind('@')?)
}

/// age's secret keys, wherever they stand: in a comment, too.
fn secret_keys(text: &str) -> Vec<Range<usize>> {
    const BEGINNING: &str = "AGE-SECRET-KEY-";
    let upper = text.to_ascii_uppercase();
    let end = |start: usize| {
        let is_more = |c: char| c.is_ascii_alphanumeric() || c == '-';
        text[start..].find(|c| !is_more(c)).map_or(text.len(), |length| start + length)
    };
    upper.match_indices(BEGINNING).map(|(start, _)| start..end(start)).collect()
}

/// What follows the name of a secret setting, word by word, for texts that cannot be parsed.
fn written_settings(text: &str) -> Vec<Range<usize>> {
    const OTHERS: [&str; 3] = ["hmac", "slack", "healthchecks"];
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut found = Vec::new();
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        let code = &line[..line.find("// ").unwrap_or(line.len())];
        let mut at = 0;
        while let Some(begin) = code[at..].find(is_name).map(|begin| at + begin) {
            let end = code[begin..].find(|c| !is_name(c)).map_or(code.len(), |length| begin + length);
            at = end;
            let name = &code[begin..end];
            if !sounds_secret(name) && !OTHERS.contains(&name) {
                continue;
            }
            let value = code[end..].trim_start_matches([' ', '\t', '=']);
            let start = code.len() - value.len();
            let raw = value.strip_prefix('r').filter(|rest| rest.starts_with(['"', '#'])).unwrap_or(value);
            let quoted = raw.trim_start_matches(['#', '"']);
            let start_of_text = start + (value.len() - quoted.len());
            let is_end: &dyn Fn(char) -> bool = match quoted.len() < value.len() {
                true => &|c| matches!(c, '"' | '\n'),
                false => &|c: char| c.is_whitespace() || matches!(c, ';' | '{' | '}'),
            };
            let length = quoted.find(is_end).unwrap_or(quoted.len());
            let secret = &quoted[..length];
            if !secret.is_empty() && !secret.starts_with(['$', '(']) && !is_path(secret) {
                found.push(line_start + start_of_text..line_start + start_of_text + length);
                at = start_of_text + length;
            }
        }
        line_start += line.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::checked;
    use super::*;
    use crate::diagnostics::{Human, json};

    const SECRETS: [&str; 12] = [
        "correct horse",
        "1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQ",
        "hunter2",
        "wJalrXUtnFEMI",
        "zzzJalrXUtnFEMI",
        "pässword9",
        "T000/B000/XXXXXXXX",
        "aaaaaaaaaaaaaaaaaaaaaa1",
        "sekrit1",
        "tok123",
        "pw123",
        "hunter3",
    ];

    const PLAN: &str = r##"plan s {
  key ops { recipient age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7; passphrase "correct horse"; identity "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQ" }
  source db { command mysqldump "-phunter2" "--all" { stdout "a.sql" } }
  tier t {
    store s3 { bucket b; region x; secret_access_key #"wJalrXUtnFEMI"#; secret_acces_key "zzzJalrXUtnFEMI"; endpoint "https://me:pässword9@host" }
    encrypt opss; take db schedule="@dayly"; keep dayly=3
  }
  notify a { slack "https://hooks.slack.com/services/T000/B000/XXXXXXXX"; on failure }
  notify b { webhook "https://x.example/aaaaaaaaaaaaaaaaaaaaaa1" hmac=sekrit1 { header Authorization "Bearer tok123" }; on failure }
  notify c { email me@x from=me@y server="smtp://u:pw123@host" user=me pasword=hunter3 }
}
"##;

    /// All that is said of a text, in every form.
    fn shown(text: &str) -> String {
        let checked = checked(text);
        let (files, diagnostics) = without_secrets(&checked.document, &checked.files, &checked.diagnostics);
        assert_eq!(checked.diagnostics.len(), diagnostics.len());
        for ((_, before), (_, after)) in checked.files.iter().zip(files.iter()) {
            let shape = |text: &str| text.chars().map(char::len_utf8).collect::<Vec<_>>();
            assert_eq!(shape(&before.text), shape(&after.text), "places stay what they were");
        }
        Human { width: 300, ..Human::default() }.render(&diagnostics, &files) + &json(&diagnostics, &files)
    }

    fn assert_hidden(text: &str) {
        let shown = shown(text);
        for secret in SECRETS {
            assert!(!shown.contains(secret), "`{secret}` is shown of\n{text}\n{shown}");
        }
    }

    #[test]
    fn no_written_secret_is_shown() {
        assert_hidden(PLAN);
        let checked = checked(PLAN);
        let (files, _) = without_secrets(&checked.document, &checked.files, &[]);
        insta::assert_snapshot!(files.get(FileId(0)).text);
    }

    #[test]
    fn nor_where_the_text_is_damaged() {
        let damages = [
            ("encrypt opss;", "encrypt )opss;"),
            ("take db", "take \"db"),
            ("  notify a {", "  notify a"),
            ("    encrypt", "  } }\n encrypt"),
            ("#\"wJalrXUtnFEMI\"#", "r\"wJalrXUtnFEMI\""),
            ("\"correct horse\"", "\"correct horse"),
            ("secret_acces_key \"zzz", "secret_access_key zzz"),
            ("key ops", "kye ops"),
        ];
        for (from, to) in damages {
            let text = PLAN.replacen(from, to, 1);
            assert_ne!(text, PLAN, "{from}");
            assert_hidden(&text);
        }
    }

    #[test]
    fn references_and_paths_are_shown() {
        let shown = shown(
            "plan p {\n key k { identity \"/etc/plan/team.key\"; passphrase (env)PASS; recipient x }\n notify c { slack \"$HOOK\" }\n // the password is asked for\n}",
        );
        for visible in ["/etc/plan/team.key", "(env)PASS", "$HOOK"] {
            assert!(shown.contains(visible), "{shown}");
        }
        assert!(!shown.contains("***"), "{shown}");
    }
}
