//! The language server: what `editor` knows, over the Language Server Protocol. One message after another, so that an answer is always about the text
//! as it was when it was asked for; each edit compiles the program anew, once nothing more is in the queue.
#![allow(clippy::disallowed_methods, reason = "a front end reads files, as the command line does")]

mod answers;
mod convert;
mod edits;
mod programs;
#[cfg(test)]
mod tests;
mod uri;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use lsp_server::{
    Connection, ErrorCode, ExtractError, Message, Notification, ProtocolError, Request, RequestId, Response,
};
use lsp_types::notification::{
    DidChangeTextDocument, DidChangeWatchedFiles, DidCloseTextDocument, DidOpenTextDocument, DidSaveTextDocument,
    Notification as Notified, PublishDiagnostics,
};
use lsp_types::request::{
    CodeActionRequest, Completion, DocumentHighlightRequest, DocumentSymbolRequest, FoldingRangeRequest, Formatting,
    GotoDefinition, HoverRequest, InlayHintRequest, PrepareRenameRequest, References, RegisterCapability, Rename,
    Request as Requested, SemanticTokensFullRequest, WorkspaceSymbolRequest,
};
use lsp_types::{
    CompletionOptions, DidChangeWatchedFilesRegistrationOptions, FileSystemWatcher, GlobPattern,
    HoverProviderCapability, InitializeParams, OneOf, PublishDiagnosticsParams, Registration, RegistrationParams,
    RenameOptions, SemanticTokensFullOptions, SemanticTokensLegend, SemanticTokensOptions, ServerCapabilities,
    TextDocumentSyncCapability, TextDocumentSyncKind, Uri, WorkDoneProgressOptions,
};

use programs::Programs;

/// Serves one editor over the standard input and output, until it says goodbye or is gone; or why the two do not understand each other.
pub(crate) fn run() -> Result<(), String> {
    let (connection, threads) = Connection::stdio();
    let served = serve(&connection);
    // The thread that writes ends when nothing can be sent any more.
    drop(connection);
    match (served, threads.join()) {
        (Ok(()), _) => Ok(()),
        (Err(_), Err(error)) => Err(format!("what comes in is not the Language Server Protocol: {error}")),
        (Err(error), Ok(())) if error.channel_is_disconnected() => {
            Err("the input ended before an editor said anything; `chor lsp` is started by editors".to_owned())
        }
        (Err(error), Ok(())) => Err(error.to_string()),
    }
}

fn serve(connection: &Connection) -> Result<(), ProtocolError> {
    let (id, params) = connection.initialize_start()?;
    let params: InitializeParams = match serde_json::from_value(params) {
        Ok(params) => params,
        Err(error) => {
            let refused = Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string());
            send(connection, refused.into());
            return Ok(());
        }
    };
    let info = serde_json::json!({ "name": "chor", "version": env!("CARGO_PKG_VERSION") });
    connection.initialize_finish(id, serde_json::json!({ "capabilities": capabilities(), "serverInfo": info }))?;
    if watches_files(&params) {
        register_watcher(connection);
    }
    let mut server = Server { programs: Programs::new(directories(&params)), told: BTreeSet::new() };
    let mut is_stale = false;
    loop {
        // What is wrong is told once the editor has said all that it has to say.
        if is_stale && connection.receiver.is_empty() {
            server.diagnose(connection);
            is_stale = false;
        }
        match connection.receiver.recv() {
            Ok(Message::Request(request)) => {
                if connection.handle_shutdown(&request)? {
                    return Ok(());
                }
                send(connection, server.answer(request).into());
            }
            Ok(Message::Notification(notification)) => is_stale |= server.notified(notification),
            // To the registration of the watcher; where it fails, the editor tells of what it saves itself.
            Ok(Message::Response(_)) => {}
            Err(_) => return Ok(()),
        }
    }
}

/// To an editor that is gone nothing is said.
fn send(connection: &Connection, message: Message) {
    let _ = connection.sender.send(message);
}

fn capabilities() -> ServerCapabilities {
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::FULL)),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some([".", "@", ">", ":"].map(str::to_owned).to_vec()),
            ..CompletionOptions::default()
        }),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        document_highlight_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        workspace_symbol_provider: Some(OneOf::Left(true)),
        document_formatting_provider: Some(OneOf::Left(true)),
        folding_range_provider: Some(lsp_types::FoldingRangeProviderCapability::Simple(true)),
        code_action_provider: Some(lsp_types::CodeActionProviderCapability::Simple(true)),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        inlay_hint_provider: Some(OneOf::Left(true)),
        semantic_tokens_provider: Some(
            SemanticTokensOptions {
                legend: SemanticTokensLegend {
                    token_types: answers::TOKEN_TYPES.map(|(_, token)| token).to_vec(),
                    token_modifiers: vec![lsp_types::SemanticTokenModifier::DECLARATION],
                },
                full: Some(SemanticTokensFullOptions::Bool(true)),
                ..SemanticTokensOptions::default()
            }
            .into(),
        ),
        ..ServerCapabilities::default()
    }
}

/// The directories that the editor shows.
fn directories(params: &InitializeParams) -> Vec<PathBuf> {
    let folders = params.workspace_folders.iter().flatten().map(|folder| &folder.uri);
    #[allow(deprecated, reason = "what older editors say instead")]
    let root = params.root_uri.iter().filter(|_| params.workspace_folders.is_none());
    let paths = folders.chain(root).map(|uri| PathBuf::from(uri::name(uri)));
    paths.filter(|path| path.is_absolute()).collect()
}

fn watches_files(params: &InitializeParams) -> bool {
    let workspace = params.capabilities.workspace.as_ref();
    let watched = workspace.and_then(|workspace| workspace.did_change_watched_files);
    watched.and_then(|watched| watched.dynamic_registration).unwrap_or(false)
}

/// Asks to be told of files that change without the editor.
fn register_watcher(connection: &Connection) {
    let watcher = FileSystemWatcher { glob_pattern: GlobPattern::String("**/*.chor".to_owned()), kind: None };
    let options = DidChangeWatchedFilesRegistrationOptions { watchers: vec![watcher] };
    let registration = Registration {
        id: "chor-files".to_owned(),
        method: DidChangeWatchedFiles::METHOD.to_owned(),
        register_options: serde_json::to_value(options).ok(),
    };
    let params = RegistrationParams { registrations: vec![registration] };
    let id = RequestId::from("chor-files".to_owned());
    send(connection, Request::new(id, RegisterCapability::METHOD.to_owned(), params).into());
}

struct Server {
    programs: Programs,
    /// The files of which something has been told that is wrong.
    told: BTreeSet<String>,
}

impl Server {
    /// Whether programs may be others now.
    fn notified(&mut self, notification: Notification) -> bool {
        // What cannot be read, or is not known, is passed over, as the protocol wants it.
        match notification.method.as_str() {
            DidOpenTextDocument::METHOD => with::<DidOpenTextDocument>(notification, |params| {
                let document = params.text_document;
                let name = uri::name(&document.uri);
                self.programs.open(&name, document.uri, document.version, document.text);
            }),
            DidChangeTextDocument::METHOD => with::<DidChangeTextDocument>(notification, |mut params| {
                // Each change is the whole text.
                if let Some(change) = params.content_changes.pop() {
                    let document = params.text_document;
                    self.programs.change(&uri::name(&document.uri), document.version, change.text);
                }
            }),
            DidCloseTextDocument::METHOD => with::<DidCloseTextDocument>(notification, |params| {
                self.programs.close(&uri::name(&params.text_document.uri));
            }),
            DidSaveTextDocument::METHOD | DidChangeWatchedFiles::METHOD => {
                self.programs.forget_all();
                true
            }
            _ => false,
        }
    }

    fn answer(&mut self, request: Request) -> Response {
        match request.method.as_str() {
            HoverRequest::METHOD => self.with::<HoverRequest>(request, Self::hover),
            Completion::METHOD => self.with::<Completion>(request, Self::completion),
            GotoDefinition::METHOD => self.with::<GotoDefinition>(request, Self::definition),
            References::METHOD => self.with::<References>(request, Self::references),
            DocumentHighlightRequest::METHOD => self.with::<DocumentHighlightRequest>(request, Self::same_names),
            DocumentSymbolRequest::METHOD => self.with::<DocumentSymbolRequest>(request, Self::outline),
            WorkspaceSymbolRequest::METHOD => self.with::<WorkspaceSymbolRequest>(request, Self::symbols),
            FoldingRangeRequest::METHOD => self.with::<FoldingRangeRequest>(request, Self::foldings),
            InlayHintRequest::METHOD => self.with::<InlayHintRequest>(request, Self::hints),
            SemanticTokensFullRequest::METHOD => self.with::<SemanticTokensFullRequest>(request, Self::tokens),
            Formatting::METHOD => self.with::<Formatting>(request, Self::formatting),
            CodeActionRequest::METHOD => self.with::<CodeActionRequest>(request, Self::actions),
            PrepareRenameRequest::METHOD => self.with::<PrepareRenameRequest>(request, Self::prepare_rename),
            Rename::METHOD => self.with::<Rename>(request, Self::rename),
            _ => {
                let message = format!("`{}` is not answered here", request.method);
                Response::new_err(request.id, ErrorCode::MethodNotFound as i32, message)
            }
        }
    }

    /// Answers a request; one that goes wrong takes no other with it.
    fn with<R: Requested>(
        &mut self,
        request: Request,
        handle: impl FnOnce(&mut Self, R::Params) -> Result<R::Result, String>,
    ) -> Response {
        let id = request.id.clone();
        let params = match request.extract::<R::Params>(R::METHOD) {
            Ok((_, params)) => params,
            Err(ExtractError::JsonError { error, .. }) => {
                return Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string());
            }
            Err(ExtractError::MethodMismatch(request)) => {
                return Response::new_err(id, ErrorCode::MethodNotFound as i32, request.method);
            }
        };
        match catch_unwind(AssertUnwindSafe(|| handle(self, params))) {
            Ok(Ok(result)) => Response::new_ok(id, result),
            Ok(Err(refusal)) => Response::new_err(id, ErrorCode::RequestFailed as i32, refusal),
            Err(_) => {
                let message = format!("`{}` failed, which is a mistake of chor", R::METHOD);
                Response::new_err(id, ErrorCode::InternalError as i32, message)
            }
        }
    }

    /// Tells what is wrong in the programs that are open, file by file, and of which files there is nothing left to tell.
    fn diagnose(&mut self, connection: &Connection) {
        let mut found: BTreeMap<String, Vec<lsp_types::Diagnostic>> = BTreeMap::new();
        for name in self.programs.open_names() {
            found.entry(name.clone()).or_default();
            let Some(program) = self.programs.program(&name) else { continue };
            for diagnostic in &program.diagnostics {
                let Some(file) = program.sources.get(diagnostic.span().file) else { continue };
                let of_file = found.entry(file.name().to_owned()).or_default();
                let converted = convert::diagnostic(&self.programs, &program.sources, diagnostic);
                // A file that several programs use is wrong once.
                if !of_file.contains(&converted) {
                    of_file.push(converted);
                }
            }
        }
        for name in std::mem::take(&mut self.told) {
            found.entry(name).or_default();
        }
        for (name, diagnostics) in found {
            let Some(uri) = self.programs.uri(&name) else { continue };
            if !diagnostics.is_empty() {
                self.told.insert(name.clone());
            }
            publish(connection, uri, diagnostics, self.programs.version(&name));
        }
    }
}

fn publish(connection: &Connection, uri: Uri, diagnostics: Vec<lsp_types::Diagnostic>, version: Option<i32>) {
    let params = PublishDiagnosticsParams { uri, diagnostics, version };
    send(connection, Notification::new(PublishDiagnostics::METHOD.to_owned(), params).into());
}

/// Takes a notification; whether it could be read.
fn with<N: Notified>(notification: Notification, handle: impl FnOnce(N::Params)) -> bool {
    notification.extract::<N::Params>(N::METHOD).map(handle).is_ok()
}
