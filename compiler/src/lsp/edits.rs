//! Requests that change texts.

use std::collections::BTreeMap;
use std::str::FromStr;

use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionResponse, DocumentFormattingParams,
    Position, PrepareRenameResponse, Range, RenameParams, TextDocumentPositionParams, TextEdit, Uri, WorkspaceEdit,
};

use super::answers::FIRST;
use super::{Server, convert, uri};
use crate::diagnostic::{Diagnostics, Edit};
use crate::editor::{self, Declarations};
use crate::format::format;
use crate::source::Sources;

/// The edits of each file, by its URI.
type Changes = BTreeMap<String, Vec<TextEdit>>;

impl Server {
    pub(super) fn formatting(&mut self, params: DocumentFormattingParams) -> Result<Option<Vec<TextEdit>>, String> {
        let Some(sources) = self.programs.sources(&uri::name(&params.text_document.uri)) else { return Ok(None) };
        let Some(file) = sources.get(FIRST) else { return Ok(None) };
        // A text that cannot be read has no form; what is wrong with it has been told.
        let Some(new_text) = format(file.name(), file.text(), &mut Diagnostics::new()) else { return Ok(None) };
        if new_text == file.text() {
            return Ok(Some(Vec::new()));
        }
        let end = convert::position(file, u32::try_from(file.text().len()).unwrap_or(u32::MAX));
        let range = Range { start: Position::default(), end };
        Ok(Some(vec![TextEdit { range, new_text }]))
    }

    /// What the compiler proposes to write instead.
    pub(super) fn actions(&mut self, params: CodeActionParams) -> Result<Option<CodeActionResponse>, String> {
        let Some(program) = self.programs.program(&uri::name(&params.text_document.uri)) else { return Ok(None) };
        let mut actions = Vec::new();
        for diagnostic in &program.diagnostics {
            let prose = diagnostic.prose();
            let range = convert::first_line(&program.sources, prose.primary.span);
            let is_asked_for = range.start <= params.range.end && params.range.start <= range.end;
            let (true, Some(help)) = (is_asked_for && prose.primary.span.file == FIRST, prose.help) else { continue };
            if prose.edits.is_empty() {
                continue;
            }
            let mut changes = Changes::new();
            self.add_edits(&program.sources, &prose.edits, &mut changes);
            actions.push(CodeActionOrCommand::CodeAction(CodeAction {
                title: help,
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(vec![convert::diagnostic(&self.programs, &program.sources, diagnostic)]),
                edit: Some(workspace_edit(changes)),
                is_preferred: Some(true),
                ..CodeAction::default()
            }));
        }
        Ok(Some(actions))
    }

    pub(super) fn prepare_rename(
        &mut self,
        params: TextDocumentPositionParams,
    ) -> Result<Option<PrepareRenameResponse>, String> {
        let Some((program, offset)) = self.at(&params) else { return Ok(None) };
        let name = editor::name_at(&program, &Declarations::new(&program), FIRST, offset);
        Ok(name.map(|name| PrepareRenameResponse::RangeWithPlaceholder {
            range: convert::range(&program.sources, name.used),
            placeholder: program.sources.text(name.used).to_owned(),
        }))
    }

    pub(super) fn rename(&mut self, params: RenameParams) -> Result<Option<WorkspaceEdit>, String> {
        let Some((program, offset)) = self.at(&params.text_document_position) else { return Ok(None) };
        let Some(name) = editor::name_at(&program, &Declarations::new(&program), FIRST, offset) else {
            return Err(editor::Refusal::NoName.to_string());
        };
        let mut changes = Changes::new();
        for (program, declared) in self.programs_with(&program, name.declared) {
            let edits = editor::rename(&program, declared, &params.new_name).map_err(|refusal| refusal.to_string())?;
            self.add_edits(&program.sources, &edits, &mut changes);
        }
        Ok(Some(workspace_edit(changes)))
    }

    /// Adds edits that are not there yet: several programs may have a file.
    fn add_edits(&self, sources: &Sources, edits: &[Edit], changes: &mut Changes) {
        for edit in edits {
            let Some(location) = convert::location(&self.programs, sources, edit.span) else { continue };
            let edit = TextEdit { range: location.range, new_text: edit.replacement.clone() };
            let of_file = changes.entry(location.uri.to_string()).or_default();
            if !of_file.contains(&edit) {
                of_file.push(edit);
            }
        }
    }
}

fn workspace_edit(changes: Changes) -> WorkspaceEdit {
    #[allow(
        clippy::mutable_key_type,
        clippy::disallowed_types,
        reason = "the protocol's type, whose keys nobody changes"
    )]
    let changes = changes.into_iter().filter_map(|(uri, edits)| Some((Uri::from_str(&uri).ok()?, edits))).collect();
    WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }
}
