//! What could be written at a place. The text is compiled with a name at the cursor: so it is a whole expression, and what stands before it has its
//! type, which what is half written has not.

use std::collections::{BTreeMap, BTreeSet};

use super::declared::{call_text, operation_text, role_text};
use super::hover::{method_text, text};
use super::{Declarations, Declared, Part, bodies, body_at, contains};
use crate::diagnostic::Diagnostics;
use crate::hir::builtin::{self, table::Form};
use crate::hir::{Choreography, Expr, ExprId, ExprKind, Field, LocalId, RoleKind, StmtKind, Ty, VariantShape};
use crate::source::Sources;
use crate::span::{FileId, Span};
use crate::syntax::lexer;
use crate::syntax::token::Token;
use crate::{Compilation, Options, compile};

/// Something that could be written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Completion {
    /// What is written.
    pub name: String,
    /// What it is.
    pub part: Part,
    /// Its type, or what it takes and gives.
    pub detail: String,
    /// Its doc comment.
    pub docs: String,
}

/// Stands where the cursor is. No program has this name.
const CURSOR: &str = "cursor_of_the_editor";

/// What could be written at an offset, and which range of the text it takes the place of: the name that the offset is in, or nothing.
pub fn complete(sources: &Sources, file: FileId, offset: u32) -> (Span, Vec<Completion>) {
    let source_text = sources.get(file).map_or("", |source| source.text());
    let word = word_span(source_text, file, offset);
    if is_within_text(source_text, file, word.start) {
        return (word, Vec::new());
    }
    let compilation = with_cursor(sources, word);
    let cursor =
        Cursor { compilation: &compilation, declarations: Declarations::new(&compilation), file, at: word.start };
    let mut found: BTreeMap<String, Completion> = BTreeMap::new();
    for completion in cursor.completions() {
        found.entry(completion.name.clone()).or_insert(completion);
    }
    found.remove(CURSOR);
    (word, found.into_values().collect())
}

/// The name around an offset, from its first character to its last; empty where there is none.
fn word_span(text: &str, file: FileId, offset: u32) -> Span {
    let word =
        super::hover::word_at(text, offset).filter(|word| !word.starts_with(|first: char| first.is_ascii_digit()));
    let Some(word) = word else { return Span::new(file, offset, offset) };
    let start = u32::try_from(word.as_ptr() as usize - text.as_ptr() as usize).unwrap_or(u32::MAX);
    Span::new(file, start, start + u32::try_from(word.len()).unwrap_or(u32::MAX))
}

/// Whether an offset is in a comment, a string or a number, where no name is written.
fn is_within_text(text: &str, file: FileId, offset: u32) -> bool {
    let lexed = lexer::lex(file, text, &mut Diagnostics::new());
    let within = |span: &Span| span.start < offset && offset < span.end;
    // A comment goes on to the end of its line.
    lexed.comments.iter().any(|span| span.start < offset && offset <= span.end)
        || lexed.tokens.iter().any(|(token, span)| match token {
            Token::Str | Token::Char => within(span),
            Token::Doc => span.start < offset && offset <= span.end,
            Token::Int | Token::Float | Token::Duration => {
                span.start < offset && offset <= span.end && !text_ends_with_dot(text, *span, offset)
            }
            _ => false,
        })
}

/// Whether what is taken for a number ends in the dot behind which something is to be written: `1.`
fn text_ends_with_dot(text: &str, span: Span, offset: u32) -> bool {
    offset == span.end && text.get(span.start as usize..span.end as usize).is_some_and(|number| number.ends_with('.'))
}

/// The program with a name at the cursor, as an expression or as a statement: the one of which more can be read.
fn with_cursor(sources: &Sources, word: Span) -> Compilation {
    let compiled = [CURSOR.to_owned(), format!("{CURSOR};")].map(|replacement| {
        let edit = crate::diagnostic::Edit { span: word, replacement };
        compile(&super::rename::edited(sources, &[edit]), &Options::default())
    });
    let [expression, statement] = compiled;
    if unread(&statement) < unread(&expression) { statement } else { expression }
}

/// How much of a program cannot be read, and then how much is wrong with the rest.
fn unread(compilation: &Compilation) -> (usize, usize) {
    let codes = compilation.diagnostics.iter().map(|diagnostic| diagnostic.code().as_str());
    (codes.filter(|code| code.starts_with("E00")).count(), compilation.diagnostics.len())
}

struct Cursor<'c> {
    compilation: &'c Compilation,
    declarations: Declarations<'c>,
    file: FileId,
    /// Where the name begins.
    at: u32,
}

impl<'c> Cursor<'c> {
    fn completions(&self) -> Vec<Completion> {
        let source = self.compilation.sources.get(self.file).map_or("", |source| source.text());
        let tokens = lexer::lex(self.file, source, &mut Diagnostics::new()).tokens;
        let before: Vec<(Token, Span)> = tokens.into_iter().take_while(|(_, span)| span.end <= self.at).collect();
        let body = body_at(self.compilation, self.file, self.at);
        let last = before.last().copied();
        let fields = self.fields(&before);
        match (last.map(|(token, _)| token), body) {
            (Some(Token::Dot), Some(body)) => self.members(body, last),
            (Some(Token::PathSeparator), _) => self.variants(&before),
            (Some(Token::LeftBrace | Token::Comma), _) if !fields.is_empty() => fields,
            (Some(Token::Compensate), _) => vec![plain("none", Part::Keyword, "")],
            (Some(Token::At | Token::Send | Token::Abort | Token::Sleep | Token::Select | Token::Each), Some(body)) => {
                self.roles(body)
            }
            (Some(Token::LeftBrace | Token::Comma), Some(body)) if is_in_role_list(&before) => self.roles(body),
            (_, Some(body)) if self.is_in_head(body) => {
                [self.roles(body), self.types(), type_parameters(body)].concat()
            }
            (_, Some(body)) => {
                let types = [self.types(), type_parameters(body)].concat();
                [self.values(body), self.roles(body), types, keywords(BODY_WORDS)].concat()
            }
            (_, None) => [self.types(), keywords(ITEM_WORDS)].concat(),
        }
    }

    /// Whether the cursor stands before the body: among roles, parameters and the result.
    fn is_in_head(&self, body: &Choreography) -> bool {
        self.at < body.body[body.root].span.start
    }

    /// Behind a dot: operations of a role, or fields and methods of a value.
    fn members(&self, body: &'c Choreography, dot: Option<(Token, Span)>) -> Vec<Completion> {
        let end = dot.map_or(0, |(_, span)| span.start);
        let is_before = |span: Span| span.file == self.file && span.end == end;
        let role = self.compilation.references.iter().find_map(|reference| {
            let declared = is_before(reference.used).then(|| self.declarations.at(reference.declared))?;
            match declared? {
                Declared::Role(role) => Some(role),
                Declared::Member(of, role) => Some(of.role(role)),
                _ => None,
            }
        });
        if let Some(role) = role {
            return self.of_role(role);
        }
        let exprs =
            body.body.exprs.iter().filter(|expr| is_before(expr.span) && !matches!(expr.kind, ExprKind::Block(..)));
        exprs.max_by_key(|expr| expr.span.end - expr.span.start).map_or_else(Vec::new, |expr| self.of_type(&expr.ty))
    }

    /// Of the type or variant in whose braces the cursor stands, in a value or a pattern.
    fn fields(&self, before: &[(Token, Span)]) -> Vec<Completion> {
        let is_block = |brace: Span| {
            bodies(self.compilation).flat_map(|body| &body.body.exprs).any(|expr| {
                matches!(expr.kind, ExprKind::Block(..))
                    && (expr.span.file, expr.span.start) == (brace.file, brace.start)
            })
        };
        let mut closed = 0_usize;
        let mut rest = before.iter().rev();
        for (token, span) in rest.by_ref() {
            match token {
                Token::RightBrace | Token::RightBracket | Token::RightParen => closed += 1,
                // `-> Type {`
                Token::LeftBrace if closed == 0 && is_block(*span) => return Vec::new(),
                Token::LeftBrace if closed == 0 => break,
                Token::LeftBracket | Token::LeftParen | Token::Semicolon if closed == 0 => return Vec::new(),
                Token::LeftBrace | Token::LeftBracket | Token::LeftParen => closed -= 1,
                _ => {}
            }
        }
        let Some((_, name)) = rest.next() else { return Vec::new() };
        let meant = self.compilation.references.iter().find(|reference| reference.used == *name);
        let fields = match meant.and_then(|reference| self.declarations.at(reference.declared)) {
            Some(Declared::Type(definition)) => definition.fields(),
            Some(Declared::Variant(_, variant)) if variant.shape == VariantShape::Struct => &variant.fields,
            _ => return Vec::new(),
        };
        fields.iter().map(|field| self.field(field)).collect()
    }

    fn field(&self, field: &Field) -> Completion {
        plain(&field.name.name, Part::Field, &self.compilation.hir.show(&field.ty))
    }

    fn of_role(&self, role: &crate::hir::Role) -> Vec<Completion> {
        let hir = &self.compilation.hir;
        let operations = role.services.iter().flat_map(|id| &hir.service(*id).operations);
        let mut all: Vec<Completion> = operations
            .map(|operation| Completion {
                name: operation.name.name.clone(),
                part: Part::Operation,
                detail: operation_text(hir, operation),
                docs: operation.docs.join("\n"),
            })
            .collect();
        match role.kind {
            RoleKind::Group => all.push(plain("len", Part::Operation, "len() -> usize")),
            RoleKind::Member(_) => all.push(plain("index", Part::Field, "usize")),
            RoleKind::Single => {}
        }
        all
    }

    fn of_type(&self, ty: &Ty) -> Vec<Completion> {
        let hir = &self.compilation.hir;
        let mut all = Vec::new();
        if let Ty::Named(id) = ty {
            all.extend(hir.type_def(*id).fields().iter().map(|field| self.field(field)));
        }
        if let Ty::Tuple(items) = ty {
            let items = items.iter().enumerate();
            all.extend(items.map(|(index, item)| plain(&index.to_string(), Part::Field, &hir.show(item))));
        }
        for candidate in builtin::of(Form::Method, |shape| builtin::is_head(shape, ty)) {
            let builtin = candidate.builtin;
            let (detail, docs) = method_text(builtin);
            all.push(Completion { docs, ..plain(builtin.name(), Part::Operation, detail) });
        }
        all
    }

    /// Behind `Name::`: the variants of an enum, or what a type of the language has.
    fn variants(&self, before: &[(Token, Span)]) -> Vec<Completion> {
        let [.., (Token::Ident, name), (Token::PathSeparator, _)] = before else { return Vec::new() };
        let name = self.compilation.sources.text(*name);
        let definitions = self.compilation.hir.types.iter().filter(|definition| definition.name.name == name);
        let variants = definitions.flat_map(|definition| {
            definition.variants().iter().map(move |variant| Declared::Variant(definition, variant))
        });
        let mut all: Vec<Completion> = variants.filter_map(|variant| self.declared(&variant)).collect();
        let is_of = |shape: &builtin::signature::Shape| matches!(shape, builtin::signature::Shape::Apply(head, _) if *head == name);
        for candidate in builtin::of(Form::Function, is_of) {
            let method = candidate.builtin.method();
            all.push(plain(candidate.builtin.name(), Part::Function, method.signature));
        }
        all
    }

    /// The roles of the choreography, and the members whose blocks stand around.
    fn roles(&self, body: &'c Choreography) -> Vec<Completion> {
        let hir = &self.compilation.hir;
        let is_here = |role: &crate::hir::Role| match role.kind {
            RoleKind::Single | RoleKind::Group => role.name.span != body.name.span,
            RoleKind::Member(_) => body.body.exprs.iter().any(|expr| match &expr.kind {
                ExprKind::Members(members) => {
                    std::ptr::eq(body.role(members.member), role) && self.is_around(body, members.body)
                }
                _ => false,
            }),
        };
        let signatures = body.choreographies.iter().map(|(_, signature)| signature);
        let signatures = signatures.filter(|signature| contains(signature.span, self.file, self.at));
        let inner = signatures.flat_map(|signature| &signature.roles);
        let roles = body.roles.iter().filter(|role| is_here(role)).chain(inner);
        roles.map(|role| plain(&role.name.name, Part::Role, &role_text(hir, role))).collect()
    }

    /// The variables that can be seen here, and what can be called.
    fn values(&self, body: &'c Choreography) -> Vec<Completion> {
        // Of two of one name, the one that is bound last.
        let visible = self.visible(body).into_iter().rev();
        let mut all: Vec<Completion> = visible.filter_map(|id| self.declared(&Declared::Variable(body, id))).collect();
        let hir = &self.compilation.hir;
        for function in &hir.functions {
            let detail = call_text(hir, &function.name.name, &function.params, &function.result);
            let docs = function.docs.join("\n");
            all.push(Completion { name: function.name.name.clone(), part: Part::Function, detail, docs });
        }
        all.extend(hir.choreographies.iter().filter_map(|of| self.declared(&Declared::Choreography(of))));
        let params =
            body.choreographies.iter().map(|(name, signature)| Declared::ChoreographyParameter(name, signature));
        all.extend(params.filter_map(|param| self.declared(&param)));
        let wrappers = [("Some", "Some(value)"), ("None", "None"), ("Ok", "Ok(value)"), ("Err", "Err(error)")];
        all.extend(wrappers.map(|(name, detail)| plain(name, Part::Variant, detail)));
        all
    }

    fn types(&self) -> Vec<Completion> {
        let hir = &self.compilation.hir;
        let types = hir.types.iter().map(Declared::Type).filter_map(|ty| self.declared(&ty));
        let services = hir.services.iter().map(Declared::Service).filter_map(|service| self.declared(&service));
        let builtins = Ty::builtin_names().map(|name| plain(name, Part::Type, ""));
        types.chain(services).chain(builtins).collect()
    }

    /// Whether the cursor stands in an expression.
    fn is_around(&self, body: &Choreography, expr: ExprId) -> bool {
        contains(body.body[expr].span, self.file, self.at)
    }

    /// The variables that can be named at the cursor: they are bound before, in blocks that stand around, or in the heads of those.
    fn visible(&self, body: &Choreography) -> BTreeSet<LocalId> {
        let mut visible: BTreeSet<LocalId> = body.body.exprs.iter().flat_map(|expr| self.bound(body, expr)).collect();
        visible.retain(|local| body.body[*local].span.start < self.at);
        visible.extend(body.params.iter().map(|param| param.local));
        visible
    }

    /// The variables that an expression binds for the cursor.
    fn bound(&self, body: &Choreography, expr: &Expr) -> Vec<LocalId> {
        match &expr.kind {
            ExprKind::Block(statements, _) if contains(expr.span, self.file, self.at) => {
                let before = statements.iter().filter(|statement| statement.span.end <= self.at);
                let bindings = before.filter_map(|statement| match &statement.kind {
                    StmtKind::Let(pattern, ..) => Some(pattern.bindings()),
                    _ => None,
                });
                bindings.flatten().collect()
            }
            ExprKind::Match(_, arms) => {
                let around = arms.iter().filter(|(_, arm)| self.is_around(body, *arm));
                around.flat_map(|(pattern, _)| pattern.bindings()).collect()
            }
            ExprKind::For { pattern, body: block, .. } if self.is_around(body, *block) => pattern.bindings(),
            ExprKind::Saga(saga) if self.is_around(body, saga.otherwise) => saga.why.into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn declared(&self, declared: &Declared<'_>) -> Option<Completion> {
        let (name, part) = match declared {
            Declared::Type(definition) => (&definition.name.name, Part::Type),
            Declared::Variant(_, variant) => (&variant.name.name, Part::Variant),
            Declared::Service(service) => (&service.name.name, Part::Service),
            Declared::Choreography(choreography) => (&choreography.name.name, Part::Function),
            Declared::ChoreographyParameter(name, _) => (&name.name, Part::Function),
            Declared::Variable(body, local) => (&body.body[*local].name, Part::Variable),
            _ => return None,
        };
        let detail = text(self.compilation, declared).lines().next().unwrap_or_default().to_owned();
        Some(Completion { name: name.clone(), part, detail, docs: declared.docs().join("\n") })
    }
}

/// Whether the cursor stands in `~> {Role, …`, `@{Role, …`.
fn is_in_role_list(before: &[(Token, Span)]) -> bool {
    let list = before.iter().rev().skip_while(|(token, _)| matches!(token, Token::Ident | Token::Comma));
    let mut list = list.map(|(token, _)| *token);
    list.next() == Some(Token::LeftBrace)
        && matches!(list.next(), Some(Token::Send | Token::At | Token::Each | Token::In))
}

fn type_parameters(body: &Choreography) -> Vec<Completion> {
    body.types.iter().map(|name| plain(&name.name, Part::TypeParameter, "")).collect()
}

fn plain(name: &str, part: Part, detail: &str) -> Completion {
    Completion { name: name.to_owned(), part, detail: detail.to_owned(), docs: String::new() }
}

const ITEM_WORDS: &[Token] = &[
    Token::Choreography,
    Token::Compensate,
    Token::Enum,
    Token::Extern,
    Token::Fn,
    Token::Pure,
    Token::Service,
    Token::Struct,
    Token::Transaction,
    Token::Type,
    Token::Use,
];

const BODY_WORDS: &[Token] = &[
    Token::Abort,
    Token::And,
    Token::Each,
    Token::Else,
    Token::False,
    Token::For,
    Token::If,
    Token::In,
    Token::Let,
    Token::Match,
    Token::Mut,
    Token::Par,
    Token::Require,
    Token::Saga,
    Token::Select,
    Token::Sleep,
    Token::True,
    Token::While,
    Token::Within,
];

fn keywords(words: &[Token]) -> Vec<Completion> {
    words.iter().filter_map(|word| word.text()).map(|word| plain(word, Part::Keyword, "")).collect()
}
