//! Files, items and types.

use super::doc::Doc;
use super::{Comma, Layout};
use crate::syntax::token::Token;

impl<'s> Layout<'s> {
    /// The whole file.
    pub fn file(mut self) -> Doc<'s> {
        let mut parts = Vec::new();
        while self.peek().is_some() {
            parts.extend([Doc::HardLine, self.lead(), self.progress(Self::item)]);
        }
        parts.push(self.comments());
        Doc::Concat(parts)
    }

    fn item(&mut self) -> Doc<'s> {
        match self.peek() {
            Some(Token::Pound) => Doc::concat((0..5).map(|_| self.token())),
            Some(Token::Use) => Doc::concat([self.word(), self.token(), self.token_if(Token::Semicolon, "")]),
            Some(Token::Extern) => self.foreign(),
            Some(Token::Struct) => Doc::concat([self.word(), self.token(), Doc::Text(" "), self.fields()]),
            Some(Token::Enum) => {
                let head = Doc::concat([self.word(), self.token(), Doc::Text(" ")]);
                let broken = self.opens_lines();
                Doc::concat([head, self.list(Doc::Line, Comma::Last, broken, Self::variant)])
            }
            Some(Token::Fn) => {
                let head = Doc::concat([self.word(), self.token(), self.signature(), Doc::Text(" ")]);
                Doc::concat([head, self.block_alone()])
            }
            Some(Token::Service) => {
                let head = Doc::concat([self.word(), self.token(), Doc::Text(" ")]);
                let body = self.block_of(Self::operation, false);
                Doc::group(false, [head, body])
            }
            Some(Token::Choreography) => {
                let head = Doc::concat([self.word(), self.token(), self.roles_declared(), self.signature()]);
                Doc::concat([head, Doc::Text(" "), self.block_alone()])
            }
            _ => self.token(),
        }
    }

    fn foreign(&mut self) -> Doc<'s> {
        let head = Doc::concat([self.word(), self.word(), self.path()]);
        if self.is(Token::LeftParen) {
            return Doc::concat([head, self.signature(), self.token_if(Token::Semicolon, "")]);
        }
        let eq = match self.is(Token::Colon) {
            true => Doc::concat([self.word(), self.token()]),
            false => Doc::NIL,
        };
        match self.is(Token::LeftBrace) {
            true => Doc::concat([head, eq, Doc::Text(" "), self.fields()]),
            false => Doc::concat([head, eq, self.token_if(Token::Semicolon, "")]),
        }
    }

    /// `{ name: type, .. }`
    fn fields(&mut self) -> Doc<'s> {
        let broken = self.opens_lines();
        self.list(Doc::Line, Comma::Last, broken, Self::param)
    }

    fn variant(&mut self) -> Doc<'s> {
        let name = self.token();
        match self.peek() {
            Some(Token::LeftParen) => {
                Doc::concat([name, self.list(Doc::SoftLine, Comma::Last, false, Self::written_type)])
            }
            Some(Token::LeftBrace) => Doc::concat([name, Doc::Text(" "), self.fields()]),
            _ => name,
        }
    }

    /// `(params) [-> type]`
    fn signature(&mut self) -> Doc<'s> {
        let params = self.list(Doc::SoftLine, Comma::Last, false, Self::param);
        self.with_result(params)
    }

    /// Parameters, and the result if there is one: where both do not fit on a line, the parameters break first.
    fn with_result(&mut self, params: Doc<'s>) -> Doc<'s> {
        if !self.is(Token::Arrow) {
            return params;
        }
        let result = Doc::concat([Doc::Text(" "), self.word(), self.written_type()]);
        match params {
            Doc::Group(inner, broken) => Doc::group(broken, [*inner, result]),
            params => Doc::concat([params, result]),
        }
    }

    /// `name: type`, with a place behind it where there is one.
    fn param(&mut self) -> Doc<'s> {
        let name = self.token();
        if !self.is(Token::Colon) {
            return name;
        }
        let colon = self.word();
        if !self.is(Token::Choreography) {
            return Doc::concat([name, colon, self.written_type()]);
        }
        let keyword = self.token();
        let roles = self.roles_declared();
        let params = self.list(Doc::SoftLine, Comma::Last, false, Self::written_type);
        Doc::concat([name, colon, keyword, roles, self.with_result(params)])
    }

    /// `<Role: Service, ..; T>`
    fn roles_declared(&mut self) -> Doc<'s> {
        self.list(Doc::SoftLine, Comma::Never, false, |layout| {
            let mut parts = vec![layout.token()];
            if layout.is(Token::LeftBracket) {
                parts.extend([layout.token(), layout.token_if(Token::RightBracket, "")]);
            }
            if layout.is(Token::Colon) {
                parts.extend([layout.word(), layout.token()]);
                while layout.is(Token::Plus) {
                    parts.extend([Doc::Text(" "), layout.word(), layout.token()]);
                }
            }
            Doc::Concat(parts)
        })
    }

    fn operation(&mut self) -> Doc<'s> {
        let pure = self.token_if(Token::Pure, " ");
        let head = Doc::concat([pure, self.word(), self.token(), self.signature()]);
        let compensation = match self.is(Token::Compensate) {
            true => Doc::concat([Doc::Text(" "), self.word(), self.token()]),
            false => Doc::NIL,
        };
        Doc::concat([head, compensation, self.token_if(Token::Semicolon, "")])
    }

    /// `a::b::C`
    pub fn path(&mut self) -> Doc<'s> {
        let mut parts = vec![self.token()];
        while self.is(Token::PathSeparator) {
            parts.extend([self.token(), self.token()]);
        }
        Doc::Concat(parts)
    }

    /// A type, with its place where it has one.
    pub fn written_type(&mut self) -> Doc<'s> {
        let mut parts = Vec::new();
        if self.is(Token::LeftParen) {
            parts.push(self.list(Doc::SoftLine, Comma::Tuple, false, Self::written_type));
        } else {
            parts.push(self.path());
            if self.is(Token::Less) {
                parts.push(self.list(Doc::SoftLine, Comma::Never, false, Self::written_type));
            }
        }
        if self.is(Token::At) {
            parts.extend([self.token(), self.token_if(Token::Each, " "), self.roles()]);
        }
        Doc::Concat(parts)
    }

    /// `Name` or `{Name, Name}`
    pub fn roles(&mut self) -> Doc<'s> {
        match self.is(Token::LeftBrace) {
            true => self.list(Doc::SoftLine, Comma::Last, false, Self::token),
            false => self.token(),
        }
    }
}
