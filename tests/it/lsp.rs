//! `plan lsp`, driven by an editor: the real program over its standard streams.

use crate::support::TestEnvironment;
use lsp_server::{Message, Notification, Request, Response};
use lsp_types::Uri;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio};

/// The smallest editor: asks, waits for the answer, and keeps what it is told meanwhile.
struct Editor {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    told: VecDeque<Notification>,
    asked: i32,
}

impl Editor {
    fn start(environment: &TestEnvironment) -> Self {
        let mut command = environment.std_command(&["lsp"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let to = child.stdin.take().expect("it was piped");
        let from = BufReader::new(child.stdout.take().expect("it was piped"));
        Self { child, to, from, told: VecDeque::new(), asked: 0 }
    }

    /// An editor that can do all that the server makes use of.
    fn initialized(environment: &TestEnvironment) -> Self {
        let mut editor = Self::start(environment);
        let capabilities = json!({
            "workspace": { "workspaceEdit": { "documentChanges": true } },
            "textDocument": {
                "publishDiagnostics": { "relatedInformation": true, "tagSupport": { "valueSet": [1, 2] } },
                "completion": { "completionItem": { "snippetSupport": true, "documentationFormat": ["markdown"] } },
                "hover": { "contentFormat": ["markdown"] },
                "documentSymbol": { "hierarchicalDocumentSymbolSupport": true },
            },
        });
        editor.ask("initialize", json!({ "processId": null, "rootUri": null, "capabilities": capabilities }));
        editor.tell("initialized", json!({}));
        editor
    }

    fn write(&mut self, message: impl Into<Message>) {
        message.into().write(&mut self.to).expect("the server reads");
    }

    fn tell(&mut self, method: &str, parameters: Value) {
        self.write(Notification::new(method.to_owned(), parameters));
    }

    /// Sends a request without waiting for the answer.
    fn send(&mut self, method: &str, parameters: Value) -> i32 {
        self.asked += 1;
        self.write(Request::new(self.asked.into(), method.to_owned(), parameters));
        self.asked
    }

    fn answer(&mut self, id: i32) -> Response {
        loop {
            match self.next() {
                Message::Response(response) if response.id == id.into() => return response,
                Message::Notification(told) => self.told.push_back(told),
                other => panic!("not an answer to {id}: {other:?}"),
            }
        }
    }

    fn next(&mut self) -> Message {
        Message::read(&mut self.from).expect("the server speaks the protocol").expect("the server is there")
    }

    /// The result of a request.
    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        let id = self.send(method, parameters);
        self.answer(id).response_result.unwrap_or_else(|error| panic!("{method}: {}", error.message))
    }

    /// The code and message that a request is refused with.
    fn refused(&mut self, method: &str, parameters: Value) -> (i32, String) {
        let id = self.send(method, parameters);
        let error = self.answer(id).response_result.expect_err("it is refused");
        (error.code, error.message)
    }

    fn open(&mut self, path: &Path, text: &str) {
        let document = json!({ "uri": uri(path), "languageId": "kdl", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    fn change(&mut self, path: &Path, version: i32, changes: Value) {
        let document = json!({ "uri": uri(path), "version": version });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    /// The next diagnostics of a file in that version (`None`: it is not open), as `code line:column-line:column`.
    fn diagnostics(&mut self, path: &Path, version: Option<i32>) -> Vec<String> {
        let wanted = |told: &Notification| {
            told.method == "textDocument/publishDiagnostics"
                && told.params["uri"] == json!(uri(path))
                && told.params.get("version").and_then(Value::as_i64) == version.map(i64::from)
        };
        let told = loop {
            if let Some(at) = self.told.iter().position(wanted) {
                break self.told.remove(at).expect("it was found there");
            }
            match self.next() {
                Message::Notification(told) => self.told.push_back(told),
                other => panic!("nothing was asked: {other:?}"),
            }
        };
        let shown = |diagnostic: &Value| {
            let place = |end: &str| {
                let place = &diagnostic["range"][end];
                format!("{}:{}", place["line"], place["character"])
            };
            format!(
                "{} {}-{}",
                diagnostic["code"].as_str().expect("every one has a code"),
                place("start"),
                place("end")
            )
        };
        told.params["diagnostics"].as_array().expect("it is a list").iter().map(shown).collect()
    }

    fn end(mut self) -> ExitStatus {
        assert_eq!(self.ask("shutdown", Value::Null), Value::Null);
        self.tell("exit", Value::Null);
        let status = self.child.wait().expect("the program ends");
        let mut said = String::new();
        self.child.stderr.take().expect("it was piped").read_to_string(&mut said).expect("it is text");
        assert_eq!(said, "");
        status
    }
}

fn uri(path: &Path) -> Uri {
    let text = path.to_str().expect("test paths are plain");
    format!("file://{text}").parse().expect("test paths need no escapes")
}

fn at(path: &Path, line: u32, character: u32) -> Value {
    json!({ "textDocument": { "uri": uri(path) }, "position": { "line": line, "character": character } })
}

/// A text after edits as the protocol writes them; all within lines, none overlapping.
fn edited(text: &str, edits: &Value) -> String {
    let offset = |place: &Value| {
        let line = place["line"].as_u64().expect("a number") as usize;
        let column = place["character"].as_u64().expect("a number") as usize;
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        let mut units = 0;
        let within = text[start..].char_indices().find(|(_, c)| {
            let here = units >= column;
            units += c.len_utf16();
            here
        });
        start + within.map_or(text.len() - start, |(at, _)| at)
    };
    let mut edits: Vec<(usize, usize, &str)> = edits
        .as_array()
        .expect("edits are a list")
        .iter()
        .map(|edit| {
            let new = edit["newText"].as_str().expect("a text");
            (offset(&edit["range"]["start"]), offset(&edit["range"]["end"]), new)
        })
        .collect();
    edits.sort();
    let mut text = text.to_owned();
    for (start, end, new) in edits.into_iter().rev() {
        text.replace_range(start..end, new);
    }
    text
}

/// Only errors: what a whole plan would still be advised of is not the point here.
fn errors(mut found: Vec<String>) -> Vec<String> {
    found.retain(|found| {
        ["plan::shape::", "plan::names::unknown", "plan::syntax::", "plan::include::"]
            .iter()
            .any(|family| found.starts_with(family))
    });
    found
}

#[test]
fn a_mistake_is_shown_as_it_is_typed_and_goes_when_it_is_put_right() {
    let environment = TestEnvironment::new();
    let plan = environment.work("plan.kdl");
    let mut editor = Editor::initialized(&environment);
    editor.open(&plan, "plan x {\n    description \"é𝄞\"; timezon UTC\n}\n");
    assert_eq!(errors(editor.diagnostics(&plan, Some(1))), ["plan::shape::unknown_node 1:23-1:30"]);

    let range = json!({ "start": { "line": 1, "character": 24 }, "end": { "line": 1, "character": 24 } });
    let actions = editor.ask(
        "textDocument/codeAction",
        json!({ "textDocument": { "uri": uri(&plan) }, "range": range, "context": { "diagnostics": [] } }),
    );
    assert_eq!(actions[0]["title"], "replace with `timezone`");
    let change = &actions[0]["edit"]["documentChanges"][0];
    assert_eq!(change["textDocument"]["version"], 1);
    let edit = &change["edits"][0];
    editor.change(&plan, 2, json!([{ "range": edit["range"], "text": edit["newText"] }]));
    assert_eq!(errors(editor.diagnostics(&plan, Some(2))), Vec::<String>::new());
    assert!(editor.end().success());
}

#[test]
fn an_open_include_stands_before_the_file_and_gets_its_own_diagnostics() {
    let environment = TestEnvironment::new();
    let keys = environment.write("shared/keys.kdl", "ky a {}\n");
    let plan = environment.work("plan.kdl");
    let mut editor = Editor::initialized(&environment);
    editor.open(&plan, "plan x {\n    include \"shared/keys.kdl\"\n}\n");
    assert_eq!(errors(editor.diagnostics(&plan, Some(1))), Vec::<String>::new());
    assert_eq!(errors(editor.diagnostics(&keys, None)), ["plan::shape::unknown_node 0:0-0:2"]);

    editor.open(&keys, "\nkyy a {}\n");
    assert_eq!(errors(editor.diagnostics(&keys, Some(1))), ["plan::shape::unknown_node 1:0-1:3"]);
    editor.tell("textDocument/didClose", json!({ "textDocument": { "uri": uri(&keys) } }));
    assert_eq!(errors(editor.diagnostics(&keys, None)), ["plan::shape::unknown_node 0:0-0:2"]);
    // With its last open text a plan's diagnostics go.
    editor.tell("textDocument/didClose", json!({ "textDocument": { "uri": uri(&plan) } }));
    assert_eq!(editor.diagnostics(&keys, None), Vec::<String>::new());
    assert!(editor.end().success());
}

#[test]
fn versions_that_were_overtaken_are_not_checked() {
    let environment = TestEnvironment::new();
    let plan = environment.work("plan.kdl");
    let mut editor = Editor::initialized(&environment);
    editor.open(&plan, "plan x {}\n");
    for version in 2..=500 {
        let text = format!("plan x {{\n    word-{version}\n}}\n");
        editor.change(&plan, version, json!([{ "text": text }]));
    }
    editor.diagnostics(&plan, Some(500));
    // Far fewer checks than versions: those between are gone.
    assert!(editor.told.len() < 250, "{} checks", editor.told.len());
    assert!(editor.end().success());
}

#[test]
fn what_is_asked_amiss_is_refused_and_the_server_goes_on() {
    let environment = TestEnvironment::new();
    let mut editor = Editor::start(&environment);
    assert_eq!(editor.refused("textDocument/hover", json!({})), (-32002, "`initialize` comes first".to_owned()));
    editor.ask("initialize", json!({ "processId": null, "rootUri": null, "capabilities": {} }));
    assert_eq!(
        editor.refused("plan/unheardOf", Value::Null),
        (-32601, "this server does not know `plan/unheardOf`".to_owned())
    );
    let (code, _) = editor.refused("textDocument/codeAction", json!({ "textDocument": 7 }));
    assert_eq!(code, -32602);
    editor.tell("$/unheardOf", json!({}));
    editor.tell("textDocument/didChange", json!("nonsense"));
    let body = "{ not json";
    write!(editor.to, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("the server reads");
    let id = editor.send("plan/unheardOf", Value::Null);
    // The answer to what has no id comes before the next; its id is null, which the client's types cannot say.
    let mut header = String::new();
    std::io::BufRead::read_line(&mut editor.from, &mut header).expect("the server speaks the protocol");
    let length: usize = header.trim_start_matches("Content-Length: ").trim().parse().expect("it has a length");
    let mut answer = vec![0; length + 2];
    editor.from.read_exact(&mut answer).expect("the server speaks the protocol");
    let answer: Value = serde_json::from_slice(&answer).expect("it is JSON");
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&Value::Null, &json!(-32700)));
    assert!(editor.answer(id).response_result.is_err());
    assert_eq!(editor.refused("initialize", json!({ "capabilities": {} })).0, -32600);
    assert!(editor.end().success());
}

#[test]
fn an_editor_that_leaves_without_a_word_ends_the_server() {
    let environment = TestEnvironment::new();
    let mut editor = Editor::initialized(&environment);
    drop(editor.to);
    let status = editor.child.wait().expect("the program ends");
    assert_eq!(status.code(), Some(1));
}

const KEYS: &str = "key ops {\n    recipient \"age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7\"\n}\n";
const PLAN: &str = "\
plan x {
    timezone \"Europe/Lisbon\"
    include keys.kdl
    source \"año 𝄞\" { base \"/data\" }
    tier disk {
        store fs { root \"/backups\" }
        schedule \"0 2 * * *\"; encrypt ops
          take \"año 𝄞\"
        keep daily=30
    }
}
";

#[test]
fn a_session_completes_hovers_renames_and_formats() {
    let environment = TestEnvironment::new();
    let keys = environment.write("keys.kdl", KEYS);
    let plan = environment.write("plan.kdl", "");
    let mut editor = Editor::initialized(&environment);
    editor.open(&plan, PLAN);
    editor.diagnostics(&plan, Some(1));

    // Completion in a line that is being typed, which is no valid text yet.
    let range = json!({ "start": { "line": 8, "character": 21 }, "end": { "line": 8, "character": 21 } });
    editor.change(&plan, 2, json!([{ "range": range, "text": "\n        verify contents sample=\"5%\" sch" }]));
    let items = editor.ask("textDocument/completion", at(&plan, 9, 39));
    let item = items.as_array().expect("a list").iter().find(|item| item["label"] == "schedule=").expect("offered");
    assert_eq!(item["insertTextFormat"], 2);
    assert_eq!(item["textEdit"]["newText"], "schedule=\"${1:}\"");
    assert_eq!(item["textEdit"]["range"]["start"], json!({ "line": 9, "character": 36 }));
    editor.change(&plan, 3, json!([{ "text": PLAN }]));

    let hover = editor.ask("textDocument/hover", at(&plan, 6, 20));
    let page = hover["contents"]["value"].as_str().expect("a page");
    assert!(page.contains("**daily at 02:00** (Europe/Lisbon)"), "{page}");
    assert!(page.contains("- Wed 2026-11-25 02:00 WET"), "{page}");

    let definition = editor.ask("textDocument/definition", at(&plan, 6, 42));
    assert_eq!(definition[0]["uri"], json!(uri(&keys)));
    assert_eq!(definition[0]["range"]["start"], json!({ "line": 0, "character": 4 }));
    // The file on disk is no open text: its references are found through the plan beside it.
    editor.open(&keys, KEYS);
    let mut references = at(&keys, 0, 5);
    references["context"] = json!({ "includeDeclaration": false });
    let references = editor.ask("textDocument/references", references);
    assert_eq!(references[0]["uri"], json!(uri(&plan)));
    assert_eq!(references.as_array().map(Vec::len), Some(1));

    let place = editor.ask("textDocument/prepareRename", at(&plan, 3, 14));
    assert_eq!(place["placeholder"], "año 𝄞");
    let mut to = at(&plan, 3, 14);
    to["newName"] = json!("a b");
    let (code, message) = editor.refused("textDocument/rename", to.clone());
    assert_eq!(code, -32803);
    assert!(message.starts_with("`a b` cannot be the name of a source"), "{message}");
    to["newName"] = json!("data");
    let edit = editor.ask("textDocument/rename", to);
    let renamed = edited(PLAN, &edit["documentChanges"][0]["edits"]);
    assert_eq!(renamed, PLAN.replace("\"año 𝄞\"", "data"));
    let warning = match editor.next() {
        Message::Notification(told) if told.method == "window/showMessage" => told.params["message"].clone(),
        other => panic!("a warning follows: {other:?}"),
    };
    assert!(warning.as_str().is_some_and(|text| text.contains("`data` starts anew")), "{warning}");

    let outline = editor.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": uri(&plan) } }));
    let names: Vec<_> = outline[0]["children"].as_array().expect("a list").iter().map(|node| &node["name"]).collect();
    assert_eq!(names, ["timezone", "include", "source año 𝄞", "tier disk"]);

    let options = json!({ "tabSize": 4, "insertSpaces": true });
    let parameters = json!({ "textDocument": { "uri": uri(&plan) }, "options": options });
    let edits = editor.ask("textDocument/formatting", parameters);
    environment.write("plan.kdl", edited(PLAN, &edits));
    environment.ok(&["fmt", "--check", "plan.kdl"]);
    assert!(editor.end().success());
}

#[test]
fn a_name_in_a_shared_file_is_renamed_in_every_plan_that_includes_it() {
    let environment = TestEnvironment::new();
    let keys = environment.write("shared/keys.kdl", KEYS);
    let tier = |name: &str| format!("    tier {name} {{ store fs {{ root \"/b\" }}; encrypt ops }}\n");
    let one = environment
        .write("plans/one.kdl", format!("plan one {{\n    include \"../shared/keys.kdl\"\n{}}}\n", tier("a")));
    let two = environment
        .write("plans/two.kdl", format!("plan two {{\n    include \"../shared/keys.kdl\"\n{}}}\n", tier("b")));
    let mut editor = Editor::initialized(&environment);
    // One plan is open, and the name is only referred to there: the other is found beside the shared file.
    editor.open(&one, &std::fs::read_to_string(&one).expect("it was written"));
    editor.diagnostics(&one, Some(1));
    let mut to = at(&one, 2, 45);
    to["newName"] = json!("owner");
    let edit = editor.ask("textDocument/rename", to);
    let changes = edit["documentChanges"].as_array().expect("a list");
    let changed: Vec<_> = changes.iter().map(|change| change["textDocument"]["uri"].clone()).collect();
    assert_eq!(changed, [json!(uri(&one)), json!(uri(&two)), json!(uri(&keys))]);
    assert_eq!(changes[2]["edits"].as_array().map(Vec::len), Some(1));
    assert!(editor.end().success());
}
