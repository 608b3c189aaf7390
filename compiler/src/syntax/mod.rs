//! Text to tree: lexer, parser, tree.

pub mod ast;

use crate::diagnostic::{Diagnostics, Problem};
use crate::source::Sources;
use crate::span::Span;

/// The trees of all files, in the order of the sources.
pub fn parse(sources: &Sources, diagnostics: &mut Diagnostics) -> Vec<ast::File> {
    sources
        .iter()
        .map(|(id, file)| {
            if file.is_too_long() {
                let length_bytes = file.text().len() as u64;
                diagnostics.push(Problem::FileTooLong { length_bytes, span: Span::new(id, 0, 0) });
            }
            ast::File::default()
        })
        .collect()
}
