//! What each word of a file is, for its colour.

use super::{Declarations, Declared};
use crate::Compilation;
use crate::diagnostic::Diagnostics;
use crate::hir::LocalId;
use crate::span::{FileId, Span};
use crate::syntax::lexer;
use crate::syntax::token::Token;

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A word of the language.
    Keyword,
    /// A comment, a doc comment among them.
    Comment,
    /// A string or a character.
    Text,
    /// A number or a duration.
    Number,
    /// `~>` and other signs that do something.
    Operator,
    /// A type.
    Type,
    /// A variant of an enum.
    Variant,
    /// A field.
    Field,
    /// A service.
    Service,
    /// An operation, or what undoes one.
    Operation,
    /// A function or a choreography.
    Function,
    /// A role, or a member of one.
    Role,
    /// A variable.
    Variable,
    /// A parameter.
    Parameter,
    /// A type parameter.
    TypeParameter,
}

/// A word and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Highlight {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub part: Part,
    /// It is declared here.
    pub is_declaration: bool,
}

/// The words of a file, by place. No two overlap.
pub fn highlights(compilation: &Compilation, file: FileId) -> Vec<Highlight> {
    let Some(source) = compilation.sources.get(file).filter(|source| !source.is_too_long()) else {
        return Vec::new();
    };
    let declarations = Declarations::new(compilation);
    // What is wrong with the text has been told.
    let lexed = lexer::lex(file, source.text(), &mut Diagnostics::new());
    let mut all: Vec<Highlight> = lexed
        .comments
        .iter()
        .map(|span| Highlight { span: *span, part: Part::Comment, is_declaration: false })
        .collect();
    for (token, span) in lexed.tokens {
        let declared = declarations.at(span);
        let part = match token {
            Token::Ident => name(compilation, &declarations, span),
            _ => word(token),
        };
        all.extend(part.map(|part| Highlight { span, part, is_declaration: declared.is_some() }));
    }
    all.sort_by_key(|highlight| highlight.span);
    all
}

/// What a name is; `None` where it means nothing that is declared.
fn name(compilation: &Compilation, declarations: &Declarations<'_>, span: Span) -> Option<Part> {
    let references = &compilation.references;
    let first = references.partition_point(|reference| reference.used < span);
    let used = references.get(first).filter(|reference| reference.used == span);
    let declared = declarations.at(span).or_else(|| declarations.at(used?.declared))?;
    Some(match declared {
        Declared::Type(_) => Part::Type,
        Declared::Field(..) => Part::Field,
        Declared::Variant(..) => Part::Variant,
        Declared::Service(_) => Part::Service,
        Declared::Operation(..) | Declared::Compensation(..) => Part::Operation,
        Declared::Parameter(_) => Part::Parameter,
        Declared::Function(_) | Declared::Choreography(_) | Declared::ChoreographyParameter(..) => Part::Function,
        Declared::Role(_) | Declared::Member(..) => Part::Role,
        Declared::Variable(body, local) => {
            let is_param = |local: LocalId| body.params.iter().any(|param| param.local == local);
            if is_param(local) { Part::Parameter } else { Part::Variable }
        }
        Declared::TypeParameter(_) => Part::TypeParameter,
    })
}

fn word(token: Token) -> Option<Part> {
    match token {
        Token::Doc => Some(Part::Comment),
        Token::Str | Token::Char => Some(Part::Text),
        Token::Int | Token::Float | Token::Duration => Some(Part::Number),
        Token::Send | Token::At => Some(Part::Operator),
        keyword if keyword.is_keyword() => Some(Part::Keyword),
        _ => None,
    }
}
