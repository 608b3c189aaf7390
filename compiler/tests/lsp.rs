//! The language server as an editor starts it: a process, and its input and output.
#![cfg(feature = "cli")]
#![allow(clippy::disallowed_methods, reason = "the test starts the binary")]

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Says all of it to a server and closes its input; its exit code, what it answers and what it complains of.
fn say(input: &[u8]) -> (Option<i32>, Vec<Value>, String) {
    let mut server = Command::new(env!("CARGO_BIN_EXE_chor"))
        .arg("lsp")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // One that does not understand does not read to the end.
    let _ = server.stdin.take().expect("it is piped").write_all(input);
    let (mut output, mut complaint) = (String::new(), String::new());
    server.stdout.take().expect("it is piped").read_to_string(&mut output).expect("it is text");
    server.stderr.take().expect("it is piped").read_to_string(&mut complaint).expect("it is text");
    let code = server.wait().expect("it ends").code();
    let bodies = output.split("Content-Length: ").skip(1).filter_map(|message| message.split_once("\r\n\r\n"));
    (code, bodies.map(|(_, body)| serde_json::from_str(body).expect("it is JSON")).collect(), complaint)
}

fn message(body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn request(id: u32, method: &str, params: Value) -> Vec<u8> {
    message(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
}

fn notification(method: &str, params: Value) -> Vec<u8> {
    message(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
}

fn opened() -> Vec<u8> {
    let document =
        json!({ "uri": "untitled:order", "languageId": "chor", "version": 1, "text": "struct Order { id: Number }" });
    [
        request(1, "initialize", json!({ "capabilities": {} })),
        notification("initialized", json!({})),
        notification("textDocument/didOpen", json!({ "textDocument": document })),
    ]
    .concat()
}

#[test]
fn an_editor_that_says_goodbye_is_let_go() {
    let hover = json!({ "textDocument": { "uri": "untitled:order" }, "position": { "line": 0, "character": 9 } });
    let talk = [
        opened(),
        request(2, "textDocument/hover", hover),
        request(3, "shutdown", Value::Null),
        notification("exit", Value::Null),
    ];
    let (code, answers, complaint) = say(&talk.concat());
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    let hover = answers.iter().find(|answer| answer.get("id") == Some(&json!(2))).expect("it is answered");
    assert!(hover.to_string().contains("struct Order { id: Number }"), "{hover}");
}

#[test]
fn an_editor_that_is_gone_leaves_no_process() {
    let (code, answers, complaint) = say(&opened());
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    let told = answers.last().expect("it says what is wrong").to_string();
    assert!(told.contains("publishDiagnostics") && told.contains("unknown type `Number`"), "{told}");
}

#[test]
fn what_is_no_editor_is_told_so() {
    let check = |input: &[u8], expected: &str| {
        let (code, _, complaint) = say(input);
        assert_eq!(code, Some(2), "{complaint}");
        assert!(complaint.starts_with("error: ") && complaint.contains(expected), "{complaint}");
    };
    check(b"", "started by editors");
    check(b"hello\r\n\r\n", "not the Language Server Protocol");
    check(b"Content-Length: 9\r\n\r\n{", "not the Language Server Protocol");
}

/// The colours that the extension shows before the server has answered.
#[test]
fn the_extension_knows_the_words_of_the_language() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../editors/vscode/syntaxes/chor.tmLanguage.json");
    let text = std::fs::read_to_string(path).expect("it is in the repository");
    let colours: Value = serde_json::from_str(&text).expect("it is JSON");
    let is = |pattern: &&Value, name: &str| pattern.get("name").and_then(Value::as_str) == Some(name);
    let words = |name: &str| -> Vec<String> {
        let patterns = colours.get("patterns").and_then(Value::as_array).expect("they are a list");
        let pattern = patterns.iter().find(|pattern| is(pattern, name)).and_then(|pattern| pattern.get("match"));
        let text = pattern.and_then(Value::as_str).expect("it is one of them");
        text.trim_start_matches("\\b(").trim_end_matches(")\\b").split('|').map(str::to_owned).collect()
    };
    let mut known = [words("keyword.chor"), words("constant.language.chor")].concat();
    known.retain(|word| word != "None");
    known.sort();
    let tokens = chor::syntax::token::Token::ALL.iter().filter(|token| token.is_keyword());
    let mut keywords: Vec<String> = tokens.filter_map(|token| token.text()).map(str::to_owned).collect();
    keywords.sort();
    assert_eq!(known, keywords);
}
