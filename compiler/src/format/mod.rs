//! The one form of a file: its tokens as they are, with line breaks, indentation and blanks by rule. What is kept of the
//! author's: all comments, one empty line where some were, and that a short block or literal is written on several lines.
//!
//! The layout follows the grammar over the tokens, not over the tree: what the tree does not hold (parentheses, how a
//! number is written, where a comment stands) is kept without being known of. A text with syntax errors has no form.

mod body;
mod doc;
mod expression;
mod item;
mod pieces;

use crate::diagnostic::{Diagnostics, Severity};
use crate::source::Sources;
use crate::syntax;
use crate::syntax::token::Token;
use doc::Doc;
use pieces::Piece;

/// The form of the file, or `None` where it has syntax errors, which are added to the diagnostics.
pub fn format(name: &str, text: &str, diagnostics: &mut Diagnostics) -> Option<String> {
    let mut found = Diagnostics::new();
    syntax::parse(&Sources::single(name, text), &mut found);
    let refused = found.has_errors();
    // Warnings are for `check` to tell.
    for diagnostic in found.finish().into_iter().filter(|diagnostic| diagnostic.severity() == Severity::Error) {
        diagnostics.push(diagnostic.problem);
    }
    if refused {
        return None;
    }
    // An end of line may be a part of a comment or of a string: there, too, it is written in one way.
    let lines = text.replace("\r\n", "\n");
    Some(doc::print(&Layout::new(&lines).file()))
}

/// What separates the parts of a list, and whether the last is followed by a comma where the list takes several lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comma {
    /// There is no such comma.
    Never,
    /// The last part ends in a comma.
    Last,
    /// As `Last`; but the comma of a part alone is what makes a tuple of it.
    Tuple,
}

/// Reads the tokens in order and lays them out. Every token read is in the document that a method gives.
struct Layout<'s> {
    pieces: Vec<Piece<'s>>,
    at: usize,
}

impl<'s> Layout<'s> {
    fn new(text: &'s str) -> Self {
        Self { pieces: pieces::pieces(text), at: 0 }
    }

    fn peek(&self) -> Option<Token> {
        self.peek_at(0)
    }

    fn peek_at(&self, distance: usize) -> Option<Token> {
        self.pieces.get(self.at + distance).and_then(|piece| piece.token)
    }

    fn is(&self, token: Token) -> bool {
        self.peek() == Some(token)
    }

    /// Whether the token behind the next one begins a line.
    fn opens_lines(&self) -> bool {
        self.pieces.get(self.at + 1).is_some_and(|piece| piece.begins_line)
    }

    fn has_comments(&self) -> bool {
        self.pieces.get(self.at).is_some_and(|piece| !piece.comments.is_empty())
    }

    /// The comments before the next token, which then has none.
    fn comments(&mut self) -> Doc<'s> {
        let comments = self.pieces.get_mut(self.at).map(|piece| std::mem::take(&mut piece.comments));
        Doc::concat(comments.unwrap_or_default().into_iter().map(Doc::Comment))
    }

    /// What stands before the next token where a part of something begins: comments, and an empty line.
    fn lead(&mut self) -> Doc<'s> {
        let blank = self.pieces.get(self.at).is_some_and(|piece| piece.blank_before);
        Doc::concat([self.comments(), if blank { Doc::Blank } else { Doc::NIL }])
    }

    /// The next token with its comments.
    fn token(&mut self) -> Doc<'s> {
        let comments = self.comments();
        let text = self.pieces.get(self.at).map_or("", |piece| piece.text);
        // The end of the file is not passed.
        self.at = (self.at + 1).min(self.pieces.len().saturating_sub(1));
        Doc::concat([comments, Doc::Text(text)])
    }

    /// The next token if it is this one, then what follows it.
    fn token_if(&mut self, token: Token, behind: &'s str) -> Doc<'s> {
        match self.is(token) {
            true => Doc::concat([self.token(), Doc::Text(behind)]),
            false => Doc::NIL,
        }
    }

    /// The next token, and a blank.
    fn word(&mut self) -> Doc<'s> {
        Doc::concat([self.token(), Doc::Text(" ")])
    }

    /// The next token is passed over, but not its comments.
    fn leave_out(&mut self) -> Doc<'s> {
        let comments = self.comments();
        self.at = (self.at + 1).min(self.pieces.len().saturating_sub(1));
        comments
    }

    /// Parts between brackets. `edge` is what stands inside the brackets of a group on one line.
    fn list(&mut self, edge: Doc<'s>, comma: Comma, broken: bool, part: fn(&mut Self) -> Doc<'s>) -> Doc<'s> {
        let open = self.token();
        let mut parts = vec![edge.clone()];
        let (mut count, mut has_comma, mut is_rest) = (0, false, false);
        while !self.at_close() {
            if count > 0 {
                parts.push(Doc::Line);
            }
            parts.push(self.lead());
            is_rest = self.is(Token::DotDot);
            parts.push(self.progress(part));
            count += 1;
            has_comma = self.is(Token::Comma);
            if has_comma {
                parts.push(self.leave_out());
            }
            if self.is(Token::Semicolon) {
                parts.push(self.token());
            } else if !self.at_close() {
                parts.push(Doc::Text(","));
            }
        }
        parts.push(match comma {
            Comma::Tuple if count == 1 && has_comma => Doc::Text(","),
            Comma::Tuple if count > 1 => Doc::IfBroken(","),
            Comma::Last if count > 0 && !is_rest => Doc::IfBroken(","),
            Comma::Never | Comma::Tuple | Comma::Last => Doc::NIL,
        });
        if count == 0 {
            let edge = if self.has_comments() { Doc::SoftLine } else { Doc::NIL };
            return Doc::group(false, [open, Doc::indent([self.comments()]), edge, self.token()]);
        }
        parts.push(self.comments());
        Doc::group(broken, [open, Doc::indent(parts), edge, self.token()])
    }

    /// Whether a list or block ends here.
    fn at_close(&self) -> bool {
        matches!(self.peek(), None | Some(Token::RightParen | Token::RightBracket | Token::RightBrace | Token::Greater))
    }

    /// What the rule reads, which is at least a token.
    fn progress(&mut self, rule: fn(&mut Self) -> Doc<'s>) -> Doc<'s> {
        let before = self.at;
        let doc = rule(self);
        match self.at == before {
            true => Doc::concat([doc, self.token()]),
            false => doc,
        }
    }
}
