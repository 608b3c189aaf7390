//! Conversations with an editor.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it does not expect")]

use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use super::*;

/// Longer than anything here takes; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// An editor that is played by hand, and the server that it talks to.
struct Editor {
    connection: Connection,
    server: Option<JoinHandle<Result<(), ProtocolError>>>,
    requests: i32,
    /// What the server has said without being asked.
    said: Vec<Notification>,
    directory: PathBuf,
}

impl Editor {
    fn start(test: &str, params: Value) -> Self {
        let directory = std::env::temp_dir().join(format!("chor-lsp-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let (connection, other) = Connection::memory();
        let server = thread::spawn(move || serve(&other));
        let mut editor = Self { connection, server: Some(server), requests: 0, said: Vec::new(), directory };
        let mut params = params;
        params["workspaceFolders"] = json!([{ "uri": editor.uri(""), "name": "test" }]);
        params["capabilities"] = params.get("capabilities").cloned().unwrap_or_else(|| json!({}));
        let answer = editor.ask("initialize", params).unwrap();
        assert_eq!(answer["serverInfo"]["name"], "chor");
        editor.tell("initialized", json!({}));
        editor
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn uri(&self, name: &str) -> Value {
        json!(uri::of_name(&self.path(name).display().to_string()).unwrap().to_string())
    }

    fn save(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn tell(&self, method: &str, params: Value) {
        self.connection.sender.send(Notification::new(method.to_owned(), params).into()).unwrap();
    }

    fn open(&self, name: &str, text: &str) {
        let document = json!({ "uri": self.uri(name), "languageId": "chor", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    fn change(&self, name: &str, version: i32, text: &str) {
        let document = json!({ "uri": self.uri(name), "version": version });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [{ "text": text }] }));
    }

    fn close(&self, name: &str) {
        self.tell("textDocument/didClose", json!({ "textDocument": { "uri": self.uri(name) } }));
    }

    fn receive(&self) -> Message {
        self.connection.receiver.recv_timeout(PATIENCE).expect("the server says something")
    }

    /// The answer, or why there is none.
    fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.requests += 1;
        let request = Request::new(RequestId::from(self.requests), method.to_owned(), params);
        self.connection.sender.send(request.into()).unwrap();
        loop {
            match self.receive() {
                Message::Response(response) => {
                    let response = serde_json::to_value(response).unwrap();
                    assert_eq!(response["id"], self.requests);
                    return match response.get("error") {
                        Some(error) => Err(error["message"].as_str().unwrap().to_owned()),
                        None => Ok(response["result"].clone()),
                    };
                }
                Message::Notification(notification) => self.said.push(notification),
                Message::Request(_) => {}
            }
        }
    }

    /// Asks about the place of `$0` in a text, which is that of an open file.
    fn ask_at(&mut self, method: &str, name: &str, text: &str, more: Value) -> Result<Value, String> {
        let before = text.split("$0").next().unwrap();
        let line = before.matches('\n').count();
        let character = before.rsplit('\n').next().unwrap().encode_utf16().count();
        let mut params =
            json!({ "textDocument": { "uri": self.uri(name) }, "position": { "line": line, "character": character } });
        params.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.ask(method, params)
    }

    /// Waits until this is what is told that is wrong with a file: line and code of each.
    fn expect(&mut self, name: &str, expected: &[(u64, &str)]) {
        let uri = self.uri(name);
        loop {
            let is_meant = |said: &Notification| said.method == PublishDiagnostics::METHOD && said.params["uri"] == uri;
            while let Some(index) = self.said.iter().position(is_meant) {
                let said = self.said.remove(index);
                let found = said.params["diagnostics"].as_array().unwrap().iter();
                let line = |found: &Value| found["range"]["start"]["line"].as_u64().unwrap();
                if found.map(|found| (line(found), found["code"].as_str().unwrap())).eq(expected.iter().copied()) {
                    return;
                }
            }
            if let Message::Notification(notification) = self.receive() {
                self.said.push(notification);
            }
        }
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.ask("shutdown", Value::Null).unwrap();
            self.tell("exit", Value::Null);
            self.server.take().unwrap().join().unwrap().unwrap();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

const ORDER: &str = "use \"shop.chor\";\n\nchoreography Order<Buyer, Shop>(item: Item@Buyer) -> u64@Buyer {\n    // ä𝄞\n    let cost = Shop.price(item ~> Shop) ~> Buyer;\n    cost\n}\n";
const SHOP: &str = "struct Item { name: String }\nservice Shop {\n    pure fn price(item: Item) -> u64;\n}\n";

fn ranges(edits: &Value) -> Vec<(String, Value)> {
    edits
        .as_array()
        .unwrap()
        .iter()
        .map(|edit| (edit["newText"].as_str().unwrap().to_owned(), edit["range"]["start"].clone()))
        .collect()
}

#[test]
fn what_is_wrong_is_told_while_one_writes() {
    let mut editor = Editor::start("diagnose", json!({}));
    editor.save("shop.chor", SHOP);
    editor.open("order.chor", ORDER);
    editor.expect("order.chor", &[]);
    editor.change("order.chor", 2, &ORDER.replace("cost\n", "costs\n"));
    editor.expect("order.chor", &[(5, "E0101")]);
    // A file that is used is open, and is wrong there and where it is used.
    editor.open("shop.chor", &SHOP.replace("price", "worth"));
    editor.expect("order.chor", &[(4, "E0104"), (5, "E0101")]);
    editor.change("shop.chor", 2, &SHOP.replace("String", "Strin"));
    editor.expect("shop.chor", &[(0, "E0103")]);
    editor.expect("order.chor", &[(5, "E0101")]);
    // Closed without being saved, it is what is on the disk.
    editor.close("shop.chor");
    editor.expect("shop.chor", &[]);
    editor.change("order.chor", 3, ORDER);
    editor.expect("order.chor", &[]);
    // A file that is used changes without the editor: what it declared is not there any more.
    editor.save("shop.chor", "");
    let changes = json!({ "changes": [{ "uri": editor.uri("shop.chor"), "type": 2 }] });
    editor.tell("workspace/didChangeWatchedFiles", changes);
    editor.expect("order.chor", &[(2, "E0103"), (4, "E0104")]);
    editor.close("order.chor");
    editor.expect("order.chor", &[]);
}

#[test]
fn what_is_wrong_with_a_block_is_told_at_its_beginning() {
    let mut editor = Editor::start("block", json!({}));
    editor.open("a.chor", "choreography A<P>() -> u64@P {\n    let x = 1;\n}\n");
    editor.expect("a.chor", &[(0, "E0201")]);
    let ask = json!({ "start": { "line": 1, "character": 0 }, "end": { "line": 1, "character": 0 } });
    let params =
        json!({ "textDocument": { "uri": editor.uri("a.chor") }, "range": ask, "context": { "diagnostics": [] } });
    assert_eq!(editor.ask("textDocument/codeAction", params).unwrap(), json!([]));
}

#[test]
fn places_are_counted_as_editors_count() {
    let mut editor = Editor::start("places", json!({}));
    editor.save("shop.chor", SHOP);
    let text = ORDER.replace("    let cost", "    /* ä𝄞 */ let cost");
    editor.open("order.chor", &text);
    let hover =
        editor.ask_at("textDocument/hover", "order.chor", &text.replace("let cost", "let $0cost"), json!({})).unwrap();
    let shown = hover["contents"]["value"].as_str().unwrap();
    assert!(shown.contains("cost: u64"), "{shown}");
}

/// An operation's name in an open file; it is declared in a file and used in another one, which are not.
fn at_an_operation(test: &str) -> (Editor, String) {
    let editor = Editor::start(test, json!({}));
    editor.save("shop.chor", SHOP);
    editor.save(
        "other.chor",
        "use \"shop.chor\";\nchoreography Other<Buyer, Shop>(item: Item@Shop) -> u64@Shop { Shop.price(item) }\n",
    );
    editor.open("order.chor", ORDER);
    (editor, ORDER.replace("Shop.price", "Shop.$0price"))
}

#[test]
fn from_a_name_to_where_it_is_declared_and_used() {
    let (mut editor, at) = at_an_operation("navigate");
    let found = editor.ask_at("textDocument/definition", "order.chor", &at, json!({})).unwrap();
    assert_eq!((&found[0]["uri"], &found[0]["range"]["start"]["line"]), (&editor.uri("shop.chor"), &json!(2)));
    let at_use = ORDER.replace("\"shop", "\"$0shop");
    let found = editor.ask_at("textDocument/definition", "order.chor", &at_use, json!({})).unwrap();
    assert_eq!(found["uri"], editor.uri("shop.chor"));
    // A role that has the name of its service leads there.
    let at_role = ORDER.replace("Buyer, Shop", "Buyer, $0Shop");
    let found = editor.ask_at("textDocument/definition", "order.chor", &at_role, json!({})).unwrap();
    assert_eq!((found.as_array().unwrap().len(), &found[0]["uri"]), (1, &editor.uri("shop.chor")));
    // Also in files that are not open.
    let context = json!({ "context": { "includeDeclaration": true } });
    let found = editor.ask_at("textDocument/references", "order.chor", &at, context).unwrap();
    let files: Vec<&str> =
        found.as_array().unwrap().iter().filter_map(|found| found["uri"].as_str()?.rsplit('/').next()).collect();
    assert_eq!(files, ["order.chor", "other.chor", "shop.chor"]);
    let found = editor
        .ask_at(
            "textDocument/documentHighlight",
            "order.chor",
            &ORDER.replace("$0", "").replace("    cost\n", "    $0cost\n"),
            json!({}),
        )
        .unwrap();
    assert_eq!(found.as_array().unwrap().len(), 2);
    let found = editor.ask("workspace/symbol", json!({ "query": "ORDER" })).unwrap();
    assert_eq!((found.as_array().unwrap().len(), &found[0]["name"]), (1, &json!("Order")));
    let found = editor
        .ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": editor.uri("order.chor") } }))
        .unwrap();
    assert_eq!(found[0]["children"].as_array().unwrap().len(), 2);
}

#[test]
fn another_name_in_all_files() {
    let (mut editor, at) = at_an_operation("rename");
    let prepared = editor.ask_at("textDocument/prepareRename", "order.chor", &at, json!({})).unwrap();
    assert_eq!(prepared["placeholder"], "price");
    let edit = editor.ask_at("textDocument/rename", "order.chor", &at, json!({ "newName": "cost" })).unwrap();
    let changes = edit["changes"].as_object().unwrap();
    let of = |name: &str| ranges(&changes[editor.uri(name).as_str().unwrap()]);
    assert_eq!(changes.len(), 3);
    assert_eq!(of("shop.chor"), [("cost".to_owned(), json!({ "line": 2, "character": 12 }))]);
    assert_eq!(of("order.chor"), [("cost".to_owned(), json!({ "line": 4, "character": 20 }))]);
    let refused = editor.ask_at("textDocument/rename", "order.chor", &at, json!({ "newName": "let" })).unwrap_err();
    assert!(refused.contains("`let` is no name"), "{refused}");
    let nothing = ORDER.replace("let cost", "l$0et cost");
    assert_eq!(editor.ask_at("textDocument/prepareRename", "order.chor", &nothing, json!({})), Ok(Value::Null));
    assert!(editor.ask_at("textDocument/rename", "order.chor", &nothing, json!({ "newName": "a" })).is_err());
}

#[test]
fn what_helps_to_write() {
    let mut editor = Editor::start("write", json!({}));
    editor.save("shop.chor", SHOP);
    let text = ORDER.replace("    cost\n", "    costs\n");
    editor.open("order.chor", &text);
    let file = json!({ "uri": editor.uri("order.chor") });
    let at = text.replace("Shop.price", "Shop.pr$0ice");
    let found = editor.ask_at("textDocument/completion", "order.chor", &at, json!({})).unwrap();
    assert_eq!(
        (&found[0]["label"], &found[0]["textEdit"]["range"]["start"]["character"]),
        (&json!("price"), &json!(20))
    );
    // What the compiler proposes is one step away.
    let range = json!({ "start": { "line": 5, "character": 6 }, "end": { "line": 5, "character": 6 } });
    let params = json!({ "textDocument": file, "range": range, "context": { "diagnostics": [] } });
    let found = editor.ask("textDocument/codeAction", params).unwrap();
    let changes = found[0]["edit"]["changes"].as_object().unwrap();
    assert_eq!(ranges(changes.values().next().unwrap())[0].0, "cost", "{found}");
    let hints = json!({ "textDocument": file, "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } } });
    let found = editor.ask("textDocument/inlayHint", hints).unwrap();
    assert_eq!(found[0]["label"], ": u64");
    let found = editor.ask("textDocument/foldingRange", json!({ "textDocument": file })).unwrap();
    assert_eq!((&found[0]["startLine"], &found[0]["endLine"]), (&json!(2), &json!(6)));
    let tokens = editor.ask("textDocument/semanticTokens/full", json!({ "textDocument": file })).unwrap();
    let data: Vec<u64> = tokens["data"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
    // `use`, `"shop.chor"`, `choreography`: lines, columns, lengths.
    assert_eq!(data[..15], [0, 0, 3, 0, 0, 0, 4, 11, 2, 0, 2, 0, 12, 0, 0]);
}

#[test]
fn the_one_form() {
    let mut editor = Editor::start("format", json!({}));
    let options = json!({ "tabSize": 4, "insertSpaces": true });
    let mut form = |text: &str| {
        editor.open("a.chor", text);
        let params = json!({ "textDocument": { "uri": editor.uri("a.chor") }, "options": options });
        editor.ask("textDocument/formatting", params).unwrap()
    };
    let edits = form("struct  A{x:u64}");
    assert_eq!(edits[0]["newText"], "struct A { x: u64 }\n");
    assert_eq!(edits[0]["range"]["end"], json!({ "line": 0, "character": 16 }));
    assert_eq!(form("struct A { x: u64 }\n"), json!([]));
    assert_eq!(form("struct A {"), Value::Null);
}

/// What no editor should say, and one does: each is answered, and what comes behind it too.
#[test]
fn no_word_of_an_editor_is_too_strange() {
    let params =
        json!({ "capabilities": { "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } } } });
    let mut editor = Editor::start("strange", params);
    let none =
        json!({ "textDocument": { "uri": "file:///nowhere/none.chor" }, "position": { "line": 1, "character": 1 } });
    for method in
        ["textDocument/hover", "textDocument/completion", "textDocument/definition", "textDocument/prepareRename"]
    {
        assert_eq!(editor.ask(method, none.clone()), Ok(Value::Null), "{method}");
        assert!(editor.ask(method, json!({ "textDocument": 7 })).is_err(), "{method}");
        let url = json!({ "textDocument": { "uri": "untitled:1" }, "position": { "line": 1, "character": 1 } });
        assert_eq!(editor.ask(method, url), Ok(Value::Null), "{method}");
    }
    assert!(editor.ask("textDocument/unheardOf", json!({})).unwrap_err().contains("not answered"));
    editor.tell("textDocument/didOpen", json!({ "textDocument": "x" }));
    editor.tell("$/setTrace", json!({}));
    editor.change("never-opened.chor", 1, "struct A {}");
    editor.open("a.chor", "struct A {}");
    let far = json!({ "textDocument": { "uri": editor.uri("a.chor") }, "position": { "line": 4_000_000_000_u32, "character": 4_000_000_000_u32 } });
    assert_eq!(editor.ask("textDocument/hover", far.clone()), Ok(Value::Null));
    assert!(!editor.ask("textDocument/completion", far).unwrap().as_array().unwrap().is_empty());
    let document =
        json!({ "uri": "untitled:Untitled-1", "languageId": "chor", "version": 1, "text": "struct A { a: B }" });
    editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
    let hover = json!({ "textDocument": { "uri": "untitled:Untitled-1" }, "position": { "line": 0, "character": 8 } });
    let shown = editor.ask("textDocument/hover", hover).unwrap();
    assert!(shown["contents"]["value"].as_str().unwrap().contains("struct A"));
    assert!(Path::new(&editor.directory).exists());
}

/// A directory of another user, say a database's, and a pipe that nobody writes to.
#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_passed_over() {
    use std::os::unix::fs::PermissionsExt;
    let mut editor = Editor::start("unreadable", json!({}));
    let closed = editor.path("a");
    std::fs::create_dir_all(&closed).unwrap();
    let made = std::process::Command::new("mkfifo").arg(editor.path("b.chor")).status().unwrap();
    assert!(made.success());
    editor.save("c.chor", "struct Found { a: u64 }\n");
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o000)).unwrap();
    let found = editor.ask("workspace/symbol", json!({ "query": "found" })).unwrap();
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 1);
}
