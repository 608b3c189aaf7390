//! The tokens of a file with what stood before each: comments, new lines, empty lines. Doc comments are comments here, for
//! they are laid out like them; which item a line documents does not change, for no token moves across it.

use crate::diagnostic::Diagnostics;
use crate::span::{FileId, Span};
use crate::syntax::lexer;
use crate::syntax::token::Token;

/// A comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comment<'s> {
    /// Its text, without blanks at the end.
    pub text: &'s str,
    /// `//`: nothing follows on its line.
    pub ends_line: bool,
    /// `///`
    pub is_doc: bool,
    /// It begins a line.
    pub on_new_line: bool,
    /// A new line follows.
    pub before_new_line: bool,
    /// An empty line stands before it.
    pub blank_before: bool,
}

impl Comment<'_> {
    /// Whether the group that it is in takes several lines.
    pub fn breaks(&self) -> bool {
        self.ends_line || self.on_new_line && self.before_new_line || self.text.contains('\n')
    }
}

/// A token, or the end of the file.
#[derive(Clone, Debug)]
pub struct Piece<'s> {
    /// The token; `None` at the end.
    pub token: Option<Token>,
    /// Its text.
    pub text: &'s str,
    /// The comments before it.
    pub comments: Vec<Comment<'s>>,
    /// An empty line stands before it, behind its comments.
    pub blank_before: bool,
    /// It, or the first of its comments, begins a line.
    pub begins_line: bool,
}

/// The tokens of a text, and its end.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    // What cannot be read has been said.
    let lexed = lexer::lex(FileId(0), text, &mut Diagnostics::new());
    let mut comments = lexed.comments.iter().copied().peekable();
    let mut pieces = Vec::with_capacity(lexed.tokens.len() + 1);
    let mut reader = Reader { text, at: 0, comments: Vec::new(), begins_line: None };
    for (token, span) in lexed.tokens {
        while let Some(comment) = comments.next_if(|comment| comment.start < span.start) {
            reader.comment(comment);
        }
        match token {
            Token::Doc => reader.comment(span),
            token => pieces.push(reader.piece(Some(token), span)),
        }
    }
    comments.for_each(|comment| reader.comment(comment));
    let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
    pieces.push(reader.piece(None, Span::new(FileId(0), end, end)));
    separate(&mut pieces);
    pieces
}

struct Reader<'s> {
    text: &'s str,
    /// Where the last token or comment ends.
    at: usize,
    comments: Vec<Comment<'s>>,
    begins_line: Option<bool>,
}

impl<'s> Reader<'s> {
    fn slice(&self, start: usize, end: usize) -> &'s str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// How many new lines stand before the next token or comment. The file begins a line and ends one.
    fn newlines_before(&mut self, span: Span) -> usize {
        let between = self.slice(self.at, span.start as usize);
        let newlines = between.matches('\n').count();
        let is_edge = self.at == 0 || span.start as usize == self.text.len();
        let newlines = if is_edge { newlines.max(1) } else { newlines };
        if let Some(last) = self.comments.last_mut() {
            last.before_new_line = newlines > 0;
        }
        self.begins_line.get_or_insert(newlines > 0);
        self.at = span.end as usize;
        newlines
    }

    fn comment(&mut self, span: Span) {
        let newlines = self.newlines_before(span);
        let text = self.slice(span.start as usize, span.end as usize).trim_end();
        let is_doc = text.starts_with("///") && !text.starts_with("////");
        self.comments.push(Comment {
            text,
            ends_line: text.starts_with("//"),
            is_doc,
            // What documents stands on lines of its own.
            on_new_line: newlines > 0 || is_doc,
            before_new_line: true,
            blank_before: newlines > 1,
        });
    }

    fn piece(&mut self, token: Option<Token>, span: Span) -> Piece<'s> {
        let newlines = self.newlines_before(span);
        join(&mut self.comments);
        Piece {
            token,
            text: self.slice(span.start as usize, span.end as usize),
            comments: std::mem::take(&mut self.comments),
            blank_before: newlines > 1,
            begins_line: self.begins_line.take().unwrap_or(false),
        }
    }
}

/// Moves what stands before a `,` or `;` behind it, where it is as well and does not push the separator to another line.
/// Doc comments stay, for they would come to document what follows.
fn separate(pieces: &mut [Piece<'_>]) {
    for index in 1..pieces.len() {
        let Some([separator, next]) = pieces.get_mut(index - 1..=index) else { continue };
        let separates = matches!(separator.token, Some(Token::Comma | Token::Semicolon));
        if !separates || separator.comments.is_empty() || separator.comments.iter().any(|comment| comment.is_doc) {
            continue;
        }
        let mut moved = std::mem::take(&mut separator.comments);
        if let Some(last) = moved.last_mut() {
            last.before_new_line = true;
            if let (true, Some(first)) = (last.ends_line, next.comments.first_mut()) {
                first.on_new_line = true;
            }
        }
        next.begins_line |= moved.iter().any(|comment| comment.on_new_line);
        moved.append(&mut next.comments);
        next.comments = moved;
        join(&mut next.comments);
    }
}

/// A comment that shares its line with the next one is before a new line if that one is.
fn join(comments: &mut [Comment<'_>]) {
    let mut next = None::<Comment<'_>>;
    for comment in comments.iter_mut().rev() {
        if let Some(next) = next.filter(|next| !next.on_new_line) {
            comment.before_new_line = next.before_new_line;
        }
        next = Some(*comment);
    }
}
