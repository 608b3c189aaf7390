//! Requests that show something.

use std::rc::Rc;

use lsp_types::{
    CompletionItem, CompletionParams, CompletionResponse, CompletionTextEdit, DocumentHighlight,
    DocumentHighlightParams, DocumentSymbol, DocumentSymbolParams, DocumentSymbolResponse, Documentation, FoldingRange,
    FoldingRangeParams, GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverContents, HoverParams, InlayHint,
    InlayHintKind, InlayHintLabel, InlayHintParams, Location, MarkupContent, MarkupKind, ReferenceParams,
    SemanticToken, SemanticTokenType, SemanticTokens, SemanticTokensParams, SemanticTokensResult, SymbolInformation,
    TextDocumentPositionParams, TextEdit, Uri, WorkspaceSymbolParams, WorkspaceSymbolResponse,
};

use super::{Server, convert, uri};
use crate::Compilation;
use crate::editor::{self, Declarations, Outline, Part};
use crate::span::{FileId, Span};

/// The file that a program begins with.
pub(super) const FIRST: FileId = FileId(0);

/// What words are, and what the protocol calls that.
pub(super) const TOKEN_TYPES: [(Part, SemanticTokenType); 15] = [
    (Part::Keyword, SemanticTokenType::KEYWORD),
    (Part::Comment, SemanticTokenType::COMMENT),
    (Part::Text, SemanticTokenType::STRING),
    (Part::Number, SemanticTokenType::NUMBER),
    (Part::Operator, SemanticTokenType::OPERATOR),
    (Part::Type, SemanticTokenType::TYPE),
    (Part::Variant, SemanticTokenType::ENUM_MEMBER),
    (Part::Field, SemanticTokenType::PROPERTY),
    (Part::Service, SemanticTokenType::INTERFACE),
    (Part::Operation, SemanticTokenType::METHOD),
    (Part::Function, SemanticTokenType::FUNCTION),
    (Part::Role, SemanticTokenType::CLASS),
    (Part::Variable, SemanticTokenType::VARIABLE),
    (Part::Parameter, SemanticTokenType::PARAMETER),
    (Part::TypeParameter, SemanticTokenType::TYPE_PARAMETER),
];

/// How many results a search for symbols has.
const SYMBOLS_MAX: usize = 1_000;

impl Server {
    /// The program of a file, and the offset of a position in it.
    pub(super) fn at(&mut self, at: &TextDocumentPositionParams) -> Option<(Rc<Compilation>, u32)> {
        let program = self.programs.program(&uri::name(&at.text_document.uri))?;
        let offset = convert::offset(program.sources.get(FIRST)?, at.position);
        Some((program, offset))
    }

    fn program(&mut self, uri: &Uri) -> Option<Rc<Compilation>> {
        self.programs.program(&uri::name(uri))
    }

    pub(super) fn hover(&mut self, params: HoverParams) -> Result<Option<Hover>, String> {
        let Some((program, offset)) = self.at(&params.text_document_position_params) else { return Ok(None) };
        Ok(editor::hover(&program, FIRST, offset).map(|hover| {
            let code: Vec<String> = hover.code.iter().map(|code| format!("```chor\n{code}\n```")).collect();
            let docs = if hover.docs.is_empty() { String::new() } else { format!("\n\n{}", hover.docs) };
            let value = format!("{}{docs}", code.join("\n"));
            let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
            Hover { contents, range: Some(convert::range(&program.sources, hover.span)) }
        }))
    }

    pub(super) fn completion(&mut self, params: CompletionParams) -> Result<Option<CompletionResponse>, String> {
        let at = params.text_document_position;
        let Some(sources) = self.programs.sources(&uri::name(&at.text_document.uri)) else { return Ok(None) };
        let Some(file) = sources.get(FIRST) else { return Ok(None) };
        let (span, completions) = editor::complete(&sources, FIRST, convert::offset(file, at.position));
        let range = convert::range(&sources, span);
        let item = |completion: editor::Completion| CompletionItem {
            kind: Some(convert::completion_kind(completion.part)),
            detail: Some(completion.detail).filter(|detail| !detail.is_empty()),
            documentation: Some(completion.docs).filter(|docs| !docs.is_empty()).map(Documentation::String),
            text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text: completion.name.clone() })),
            label: completion.name,
            ..CompletionItem::default()
        };
        Ok(Some(CompletionResponse::Array(completions.into_iter().map(item).collect())))
    }

    pub(super) fn definition(
        &mut self,
        params: GotoDefinitionParams,
    ) -> Result<Option<GotoDefinitionResponse>, String> {
        let Some((program, offset)) = self.at(&params.text_document_position_params) else { return Ok(None) };
        if let Some(target) = used_file(&program, offset) {
            let start = Span::new(target, 0, 0);
            let location = convert::location(&self.programs, &program.sources, start);
            return Ok(location.map(GotoDefinitionResponse::Scalar));
        }
        let declarations = Declarations::new(&program);
        let names = editor::names_at(&program, &declarations, FIRST, offset);
        let is_elsewhere = names.iter().any(|name| name.used != name.declared);
        // Where the word declares something itself, that is no way to go, if there is another.
        let names = names.iter().filter(|name| !is_elsewhere || name.used != name.declared);
        let spans = names.map(|name| name.declared);
        let locations: Vec<Location> =
            spans.filter_map(|span| convert::location(&self.programs, &program.sources, span)).collect();
        Ok(Some(GotoDefinitionResponse::Array(locations)))
    }

    pub(super) fn references(&mut self, params: ReferenceParams) -> Result<Option<Vec<Location>>, String> {
        let Some((program, offset)) = self.at(&params.text_document_position) else { return Ok(None) };
        let Some(name) = editor::name_at(&program, &Declarations::new(&program), FIRST, offset) else {
            return Ok(None);
        };
        let mut locations = Vec::new();
        for (program, declared) in self.programs_with(&program, name.declared) {
            let spans = editor::occurrences(&program, declared);
            let spans = spans.into_iter().filter(|span| params.context.include_declaration || *span != declared);
            locations.extend(spans.filter_map(|span| convert::location(&self.programs, &program.sources, span)));
        }
        locations.sort_by(|one, other| (&one.uri, one.range.start).cmp(&(&other.uri, other.range.start)));
        locations.dedup();
        Ok(Some(locations))
    }

    /// All programs that have what is declared at a place of this one, and its place in them.
    pub(super) fn programs_with(&mut self, program: &Rc<Compilation>, declared: Span) -> Vec<(Rc<Compilation>, Span)> {
        let Some(file) = program.sources.get(declared.file) else { return Vec::new() };
        let mut all = vec![(Rc::clone(program), declared)];
        for other in self.programs.all() {
            let same =
                other.sources.iter().find(|(_, other)| other.name() == file.name() && other.text() == file.text());
            if let Some(id) = same.map(|(id, _)| id)
                && !Rc::ptr_eq(&other, program)
            {
                all.push((other, Span { file: id, ..declared }));
            }
        }
        all
    }

    pub(super) fn same_names(
        &mut self,
        params: DocumentHighlightParams,
    ) -> Result<Option<Vec<DocumentHighlight>>, String> {
        let Some((program, offset)) = self.at(&params.text_document_position_params) else { return Ok(None) };
        let Some(name) = editor::name_at(&program, &Declarations::new(&program), FIRST, offset) else {
            return Ok(None);
        };
        let spans = editor::occurrences(&program, name.declared).into_iter().filter(|span| span.file == FIRST);
        let highlight = |span| DocumentHighlight { range: convert::range(&program.sources, span), kind: None };
        Ok(Some(spans.map(highlight).collect()))
    }

    pub(super) fn outline(&mut self, params: DocumentSymbolParams) -> Result<Option<DocumentSymbolResponse>, String> {
        let Some(program) = self.program(&params.text_document.uri) else { return Ok(None) };
        let outline = editor::outline(&program, FIRST);
        let symbols = outline.iter().map(|entry| symbol(&program, entry)).collect();
        Ok(Some(DocumentSymbolResponse::Nested(symbols)))
    }

    pub(super) fn symbols(&mut self, params: WorkspaceSymbolParams) -> Result<Option<WorkspaceSymbolResponse>, String> {
        let query = params.query.to_lowercase();
        let mut found = Vec::new();
        for program in self.programs.all() {
            for (span, declared) in Declarations::new(&program).items() {
                let name = program.sources.text(span);
                if found.len() >= SYMBOLS_MAX || !name.to_lowercase().contains(&query) {
                    continue;
                }
                let Some(location) = convert::location(&self.programs, &program.sources, span) else { continue };
                #[allow(deprecated, reason = "the field has to be given")]
                found.push(SymbolInformation {
                    name: name.to_owned(),
                    kind: convert::symbol_kind(&declared),
                    tags: None,
                    deprecated: None,
                    location,
                    container_name: None,
                });
            }
        }
        found.sort_by(|one, other| {
            (&one.name, &one.location.uri, one.location.range.start).cmp(&(
                &other.name,
                &other.location.uri,
                other.location.range.start,
            ))
        });
        found.dedup();
        Ok(Some(WorkspaceSymbolResponse::Flat(found)))
    }

    pub(super) fn foldings(&mut self, params: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>, String> {
        let Some(program) = self.program(&params.text_document.uri) else { return Ok(None) };
        let Some(file) = program.sources.get(FIRST) else { return Ok(None) };
        let ranges = editor::foldings(&program, FIRST).into_iter().map(|span| FoldingRange {
            start_line: file.line_index(span.start),
            end_line: file.line_index(span.end.saturating_sub(1)),
            ..FoldingRange::default()
        });
        Ok(Some(ranges.filter(|range| range.start_line < range.end_line).collect()))
    }

    pub(super) fn hints(&mut self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>, String> {
        let Some(program) = self.program(&params.text_document.uri) else { return Ok(None) };
        let Some(file) = program.sources.get(FIRST) else { return Ok(None) };
        let range = params.range;
        let range = Span::new(FIRST, convert::offset(file, range.start), convert::offset(file, range.end));
        let hint = |hint: editor::Hint| {
            let is_statement = hint.text.ends_with(';');
            InlayHint {
                position: convert::position(file, hint.offset),
                label: InlayHintLabel::String(hint.text),
                kind: Some(InlayHintKind::TYPE).filter(|_| !is_statement),
                text_edits: None,
                tooltip: is_statement.then(|| {
                    let words = "These roles would not know otherwise which branch is taken: the compiler puts this message in.";
                    lsp_types::InlayHintTooltip::String(words.to_owned())
                }),
                padding_left: Some(is_statement),
                padding_right: Some(is_statement),
                data: None,
            }
        };
        Ok(Some(editor::hints(&program, range).into_iter().map(hint).collect()))
    }

    pub(super) fn tokens(&mut self, params: SemanticTokensParams) -> Result<Option<SemanticTokensResult>, String> {
        let Some(program) = self.program(&params.text_document.uri) else { return Ok(None) };
        let Some(file) = program.sources.get(FIRST) else { return Ok(None) };
        let units = |start: u32, end: u32| file.slice(start, end).encode_utf16().count() as u32;
        let (mut data, mut last) = (Vec::new(), Span::new(FIRST, 0, 0));
        for highlight in editor::highlights(&program, FIRST) {
            let (line, before) = (file.line_index(highlight.span.start), file.line_index(last.start));
            // What goes over several lines is shown on its first.
            let text = file.slice(highlight.span.start, highlight.span.end).lines().next().unwrap_or_default();
            let delta_start = match line == before {
                true => units(last.start, highlight.span.start),
                false => convert::position(file, highlight.span.start).character,
            };
            let token_type = TOKEN_TYPES.iter().position(|(part, _)| *part == highlight.part).unwrap_or_default();
            data.push(SemanticToken {
                delta_line: line - before,
                delta_start,
                length: text.encode_utf16().count() as u32,
                token_type: token_type as u32,
                token_modifiers_bitset: u32::from(highlight.is_declaration),
            });
            last = highlight.span;
        }
        Ok(Some(SemanticTokensResult::Tokens(SemanticTokens { result_id: None, data })))
    }
}

fn symbol(program: &Compilation, entry: &Outline<'_>) -> DocumentSymbol {
    let children: Vec<DocumentSymbol> = entry.children.iter().map(|child| symbol(program, child)).collect();
    #[allow(deprecated, reason = "the field has to be given")]
    DocumentSymbol {
        name: entry.name.clone(),
        detail: Some(entry.detail.clone()),
        kind: convert::symbol_kind(&entry.declared),
        tags: None,
        deprecated: None,
        range: convert::range(&program.sources, entry.span),
        selection_range: convert::range(&program.sources, entry.name_span),
        children: Some(children).filter(|children| !children.is_empty()),
    }
}

/// The file that is meant by the path of a `use` at an offset.
fn used_file(program: &Compilation, offset: u32) -> Option<FileId> {
    let uses = &program.files.first()?.uses;
    let import = uses.iter().find(|import| import.span.start <= offset && offset <= import.span.end)?;
    program.sources.get(FIRST)?.import(&import.path)?.as_ref().ok().copied()
}
