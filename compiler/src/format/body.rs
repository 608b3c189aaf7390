//! Blocks, statements and patterns.

use super::doc::Doc;
use super::{Comma, Layout};
use crate::syntax::token::Token;

impl<'s> Layout<'s> {
    /// A block that no other stands beside.
    pub fn block_alone(&mut self) -> Doc<'s> {
        let block = self.block();
        Doc::group(false, [block])
    }

    /// A block whose lines break with those of the group that it is in.
    pub fn block(&mut self) -> Doc<'s> {
        self.block_of(Self::stmt, false)
    }

    /// Parts between braces, one a line; one alone shares the line of the braces if it did.
    pub fn block_of(&mut self, part: fn(&mut Self) -> Doc<'s>, broken: bool) -> Doc<'s> {
        let broken = broken || self.opens_lines();
        let open = self.token();
        let mut parts = Vec::new();
        let mut count = 0;
        while !matches!(self.peek(), None | Some(Token::RightBrace)) {
            parts.extend([Doc::HardLine, self.lead(), self.progress(part)]);
            count += 1;
        }
        let has_comments = self.has_comments();
        let comments = self.comments();
        if count == 0 {
            let edge = if has_comments { Doc::Line } else { Doc::NIL };
            return Doc::group(false, [open, Doc::indent([edge.clone(), comments]), edge, self.token()]);
        }
        if let (1, false, Some(first)) = (count, broken, parts.first_mut()) {
            *first = Doc::Line;
        }
        let last = if count == 1 && !broken { Doc::Line } else { Doc::HardLine };
        parts.push(comments);
        Doc::concat([open, Doc::indent(parts), last, self.token()])
    }

    fn stmt(&mut self) -> Doc<'s> {
        match self.peek() {
            Some(Token::Let) => self.binding(),
            Some(Token::Require) => {
                let keyword = self.word();
                let condition = self.expr();
                let reason = [self.token_if(Token::Comma, ""), Doc::Line, self.expr()];
                Doc::group(false, [keyword, condition, Doc::indent(reason), self.token_if(Token::Semicolon, "")])
            }
            Some(Token::Abort | Token::Sleep) => {
                let head = [self.word(), self.token(), self.token_if(Token::Comma, " ")];
                Doc::concat([Doc::concat(head), self.expr(), self.token_if(Token::Semicolon, "")])
            }
            Some(Token::Select) => {
                let from = [self.word(), self.token(), Doc::Text(" ")];
                let to = [self.token_if(Token::Send, " "), self.roles()];
                Doc::concat([Doc::concat(from), Doc::concat(to), self.token_if(Token::Semicolon, "")])
            }
            _ => {
                let (value, _) = self.leading();
                let assigned = match self.is(Token::Equal) {
                    true => Doc::concat([Doc::Text(" "), self.word(), self.lead(), self.expr()]),
                    false => Doc::NIL,
                };
                Doc::concat([value, assigned, self.token_if(Token::Semicolon, "")])
            }
        }
    }

    fn binding(&mut self) -> Doc<'s> {
        let head = Doc::concat([self.word(), self.token_if(Token::Mut, " "), self.pattern()]);
        let annotation = match self.is(Token::Colon) {
            true => Doc::concat([self.word(), self.written_type()]),
            false => Doc::NIL,
        };
        let equal = Doc::concat([Doc::Text(" "), self.token_if(Token::Equal, " "), self.lead()]);
        Doc::concat([head, annotation, equal, self.expr(), self.token_if(Token::Semicolon, "")])
    }

    /// A pattern.
    pub fn pattern(&mut self) -> Doc<'s> {
        match self.peek() {
            Some(Token::Minus) => Doc::concat([self.token(), self.token()]),
            Some(Token::LeftParen) => self.list(Doc::SoftLine, Comma::Tuple, false, Self::pattern),
            Some(Token::Ident) => {
                let path = self.path();
                match self.peek() {
                    Some(Token::LeftParen) => {
                        Doc::concat([path, self.list(Doc::SoftLine, Comma::Last, false, Self::pattern)])
                    }
                    Some(Token::LeftBrace) => {
                        let fields = self.list(Doc::Line, Comma::Last, false, Self::pattern_field);
                        Doc::concat([path, Doc::Text(" "), fields])
                    }
                    _ => path,
                }
            }
            _ => self.token(),
        }
    }

    /// `name`, `name: pattern` or `..`
    fn pattern_field(&mut self) -> Doc<'s> {
        let name = self.token();
        match self.is(Token::Colon) {
            true => Doc::concat([name, self.word(), self.pattern()]),
            false => name,
        }
    }

    /// `pattern => value,`; no comma behind a block.
    pub fn arm(&mut self) -> Doc<'s> {
        let pattern = self.pattern();
        let arrow = Doc::concat([Doc::Text(" "), self.token_if(Token::FatArrow, " "), self.lead()]);
        let (value, is_block) = self.leading();
        let mut parts = vec![pattern, arrow, value];
        if !is_block {
            parts.push(Doc::Text(","));
        }
        if self.is(Token::Comma) {
            parts.push(self.leave_out());
        }
        Doc::Concat(parts)
    }
}
