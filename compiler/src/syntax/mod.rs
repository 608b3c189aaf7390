//! Text to tree: lexer, brackets, parser.

pub mod ast;
mod brackets;
pub mod lexer;
pub(crate) mod literal;
mod parser;
pub mod print;
pub mod token;

use crate::diagnostic::{Diagnostics, Problem};
use crate::source::{SourceFile, Sources};
use crate::span::{FileId, Span};
use token::Token;

/// The trees of all files, in the order of the sources.
pub fn parse(sources: &Sources, diagnostics: &mut Diagnostics) -> Vec<ast::File> {
    sources.iter().map(|(id, file)| parse_file(id, file, diagnostics)).collect()
}

fn parse_file(id: FileId, file: &SourceFile, diagnostics: &mut Diagnostics) -> ast::File {
    if file.is_too_long() {
        let length_bytes = file.text().len() as u64;
        diagnostics.push(Problem::FileTooLong { length_bytes, span: Span::new(id, 0, 0) });
        return ast::File::default();
    }
    let length = u32::try_from(file.text().len()).unwrap_or(u32::MAX);
    let end = Span::new(id, length, length);
    let tokens = lexer::lex(id, file.text(), diagnostics).tokens;
    let tokens = attach_docs(tokens, diagnostics);
    let (tokens, depth) = brackets::balance(tokens, file, end, diagnostics);
    parser::parse(&tokens, depth, file.text(), end, diagnostics)
}

/// The tokens without the doc comments that no item or operation follows. Before a name, that is a field or a variant,
/// they are comments; anywhere else they are reported.
fn attach_docs(tokens: Vec<(Token, Span)>, diagnostics: &mut Diagnostics) -> Vec<(Token, Span)> {
    if tokens.iter().all(|(token, _)| *token != Token::Doc) {
        return tokens;
    }
    let mut kept = Vec::with_capacity(tokens.len());
    let mut docs: Vec<(Token, Span)> = Vec::new();
    let mut dangling = |docs: &[(Token, Span)]| {
        if let (Some((_, first)), Some((_, last))) = (docs.first(), docs.last()) {
            diagnostics.push(Problem::DanglingDocs { span: first.to(*last) });
        }
    };
    for (token, span) in tokens {
        match token {
            Token::Doc => {
                docs.push((token, span));
                continue;
            }
            Token::Extern
            | Token::Struct
            | Token::Enum
            | Token::Fn
            | Token::Service
            | Token::Choreography
            | Token::Pure
            | Token::Transaction => kept.append(&mut docs),
            Token::Ident => docs.clear(),
            _ => {
                dangling(&docs);
                docs.clear();
            }
        }
        kept.push((token, span));
    }
    dangling(&docs);
    kept
}
