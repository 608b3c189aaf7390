//! Text to tree: lexer, parser, tree.

pub mod ast;
