//! Expressions and controls. Operators of one strength are one group, so that they break together or not at all.

use super::doc::Doc;
use super::{Comma, Layout};
use crate::syntax::token::Token;

/// The strength of an infix operator, as the parser has it; `..` is the only one without blanks.
fn strength(token: Token) -> Option<u8> {
    match token {
        Token::OrOr => Some(1),
        Token::AndAnd => Some(2),
        Token::EqualEqual | Token::NotEqual | Token::Less | Token::LessEqual | Token::Greater | Token::GreaterEqual => {
            Some(3)
        }
        Token::DotDot | Token::DotDotEqual => Some(RANGE),
        Token::Plus | Token::Minus => Some(5),
        Token::Star | Token::Slash | Token::Percent => Some(STRONGEST),
        _ => None,
    }
}

const RANGE: u8 = 4;
const STRONGEST: u8 = 6;

/// Whether a bare `Name { .. }` is a struct literal: not between a keyword and its block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Braces {
    Literal,
    Block,
}

impl<'s> Layout<'s> {
    /// An expression.
    pub fn expr(&mut self) -> Doc<'s> {
        self.chain(Braces::Literal)
    }

    /// What stands between a keyword and its block.
    fn head(&mut self) -> Doc<'s> {
        self.chain(Braces::Block)
    }

    /// An expression where a statement or an arm begins, and whether it is a block and nothing more. A control ends at its
    /// brace there.
    pub fn leading(&mut self) -> (Doc<'s>, bool) {
        if !self.at_control() {
            return (self.expr(), false);
        }
        let is_block = self.is(Token::LeftBrace);
        let control = self.control();
        let mut parts = Vec::new();
        while matches!(self.peek(), Some(Token::Dot | Token::At | Token::Send)) {
            parts.push(match self.is(Token::Send) {
                true => Doc::concat([Doc::Text(" "), self.send()]),
                false => self.suffix().0,
            });
        }
        let is_block = is_block && parts.is_empty();
        (Doc::concat([control, Doc::Concat(parts)]), is_block)
    }

    /// `value ~> roles ~> roles`
    fn chain(&mut self, braces: Braces) -> Doc<'s> {
        let value = self.infix(1, braces);
        if !self.is(Token::Send) {
            return value;
        }
        let mut sends = Vec::new();
        while self.is(Token::Send) {
            sends.extend([Doc::Line, self.send()]);
        }
        Doc::group(false, [value, Doc::indent(sends)])
    }

    /// `~> roles [within 2s]`
    fn send(&mut self) -> Doc<'s> {
        let to = Doc::concat([self.word(), self.roles()]);
        match self.is(Token::Within) {
            true => Doc::concat([to, Doc::Text(" "), self.word(), self.token()]),
            false => to,
        }
    }

    /// Operands joined by operators of this strength.
    fn infix(&mut self, level: u8, braces: Braces) -> Doc<'s> {
        if level > STRONGEST {
            return self.unary(braces);
        }
        let first = self.infix(level + 1, braces);
        let mut rest = Vec::new();
        while self.peek().and_then(strength) == Some(level) {
            // Behind a `..` without an end, as in `xs[1..]`, there is no operand.
            let ends = matches!(self.peek_at(1), None | Some(Token::RightBracket));
            match (level == RANGE, ends) {
                (true, true) => rest.push(self.token()),
                (true, false) => rest.extend([self.token(), self.infix(level + 1, braces)]),
                (false, _) => rest.extend([Doc::Line, self.word(), self.infix(level + 1, braces)]),
            }
        }
        match rest.is_empty() {
            true => first,
            false => Doc::group(false, [first, Doc::indent(rest)]),
        }
    }

    fn unary(&mut self, braces: Braces) -> Doc<'s> {
        let mut signs = Vec::new();
        while matches!(self.peek(), Some(Token::Minus | Token::Not)) {
            signs.push(self.token());
        }
        signs.push(self.postfix(braces));
        Doc::Concat(signs)
    }

    fn postfix(&mut self, braces: Braces) -> Doc<'s> {
        // In `1 .0` the blank keeps a number and a part of a tuple apart.
        let is_number = self.is(Token::Int) || self.is(Token::Float);
        let primary = self.primary(braces);
        let mut suffixes = Vec::new();
        while matches!(self.peek(), Some(Token::Dot | Token::At | Token::LeftBracket)) {
            let touches = is_number && suffixes.is_empty() && self.peek_at(1) == Some(Token::Int);
            let (suffix, is_call) = self.suffix();
            let suffix = if touches { Doc::concat([Doc::Text(" "), suffix]) } else { suffix };
            suffixes.push((suffix, is_call));
        }
        let chained = suffixes.iter().filter(|(_, is_call)| *is_call).count() > 1;
        let line = |is_call| if chained && is_call { Doc::SoftLine } else { Doc::NIL };
        let suffixes: Vec<Doc<'s>> =
            suffixes.into_iter().flat_map(|(suffix, is_call)| [line(is_call), suffix]).collect();
        match chained {
            true => Doc::group(false, [primary, Doc::indent(suffixes)]),
            false => Doc::concat([primary, Doc::Concat(suffixes)]),
        }
    }

    /// `.name`, `.name(args)`, `.0`, `[index]` or `@Role`; and whether it is a call.
    fn suffix(&mut self) -> (Doc<'s>, bool) {
        if self.is(Token::LeftBracket) {
            return (self.list(Doc::SoftLine, Comma::Never, false, Self::expr), false);
        }
        let name = Doc::concat([self.token(), self.token()]);
        match self.is(Token::LeftParen) {
            true => (Doc::concat([name, self.args()]), true),
            false => (name, false),
        }
    }

    fn args(&mut self) -> Doc<'s> {
        self.list(Doc::SoftLine, Comma::Last, false, Self::expr)
    }

    fn primary(&mut self, braces: Braces) -> Doc<'s> {
        match self.peek() {
            Some(Token::LeftParen) => self.list(Doc::SoftLine, Comma::Tuple, false, Self::expr),
            Some(Token::LeftBracket) => self.list(Doc::SoftLine, Comma::Last, false, Self::expr),
            Some(Token::Ident) => {
                let path = self.path();
                match self.peek() {
                    Some(Token::LeftParen) => Doc::concat([path, self.args()]),
                    Some(Token::LeftBrace) if braces == Braces::Literal => {
                        let broken = self.opens_lines();
                        let fields = self.list(Doc::Line, Comma::Last, broken, Self::init);
                        Doc::concat([path, Doc::Text(" "), fields])
                    }
                    Some(Token::Less) if self.at_choreography_call() => {
                        let roles = self.list(Doc::SoftLine, Comma::Never, false, Self::role_or_type);
                        Doc::concat([path, roles, self.args()])
                    }
                    _ => path,
                }
            }
            // The beginning of a range that has none.
            Some(Token::DotDot | Token::DotDotEqual | Token::RightBracket) => Doc::NIL,
            Some(_) if self.at_control() => self.control(),
            Some(_) | None => self.token(),
        }
    }

    /// `name: value`, `name` or `..base`
    fn init(&mut self) -> Doc<'s> {
        if self.is(Token::DotDot) {
            return Doc::concat([self.token(), self.expr()]);
        }
        let name = self.token();
        match self.is(Token::Colon) {
            true => Doc::concat([name, self.word(), self.expr()]),
            false => name,
        }
    }

    fn role_or_type(&mut self) -> Doc<'s> {
        match self.is(Token::LeftBrace) {
            true => self.roles(),
            false => self.written_type(),
        }
    }

    /// Whether `<` begins what a call of a choreography has: roles, types, `>` and `(`.
    fn at_choreography_call(&self) -> bool {
        let mut distance = 1;
        let mut roles = true;
        let mut depth = 1_u32;
        let mut in_group = false;
        loop {
            match self.peek_at(distance) {
                Some(Token::Ident | Token::Comma) => {}
                // A group stands where a role can: at the beginning or behind a comma.
                Some(Token::LeftBrace)
                    if roles && !in_group && matches!(self.peek_at(distance - 1), Some(Token::Less | Token::Comma)) =>
                {
                    in_group = true;
                }
                Some(Token::RightBrace) if in_group => in_group = false,
                Some(_) if in_group => return false,
                Some(Token::Semicolon) if roles => roles = false,
                Some(Token::PathSeparator | Token::LeftParen | Token::RightParen) if !roles => {}
                Some(Token::Less) if !roles => depth += 1,
                Some(Token::Greater) if depth > 1 => depth -= 1,
                Some(Token::Greater) => return self.peek_at(distance + 1) == Some(Token::LeftParen),
                Some(_) | None => return false,
            }
            distance += 1;
        }
    }

    fn at_control(&self) -> bool {
        let begins = |token| {
            matches!(token, Token::LeftBrace | Token::If | Token::Match | Token::While)
                || matches!(token, Token::For | Token::Each | Token::Par | Token::Saga)
        };
        self.peek().is_some_and(begins)
    }

    /// A control. Its blocks are one group: all on one line, or none.
    fn control(&mut self) -> Doc<'s> {
        let mut parts = Vec::new();
        self.control_parts(&mut parts);
        Doc::group(false, parts)
    }

    fn control_parts(&mut self, parts: &mut Vec<Doc<'s>>) {
        match self.peek() {
            Some(Token::If | Token::While) => parts.extend([self.word(), self.head(), Doc::Text(" "), self.block()]),
            Some(Token::Match) => {
                parts.extend([self.word(), self.head(), Doc::Text(" "), self.arms()]);
                return;
            }
            Some(Token::For) => {
                parts.extend([self.word(), self.pattern(), Doc::Text(" "), self.word(), self.head()]);
                parts.extend([Doc::Text(" "), self.block()]);
            }
            Some(Token::Each) => {
                parts.extend([self.word(), self.word(), self.word(), self.roles()]);
                parts.extend([Doc::Text(" "), self.block()]);
            }
            Some(Token::Par) => {
                parts.extend([self.word(), self.block()]);
                while self.is(Token::And) {
                    parts.extend([Doc::Text(" "), self.word(), self.block()]);
                }
            }
            Some(Token::Saga) => {
                parts.push(self.word());
                if self.is(Token::Within) {
                    parts.extend([self.word(), self.word()]);
                }
                parts.push(self.block());
            }
            _ => {
                parts.push(self.block());
                return;
            }
        }
        if self.is(Token::Else) {
            parts.extend([Doc::Text(" "), self.word(), self.token_if(Token::Ident, " ")]);
            self.control_parts(parts);
        }
    }

    /// `{ arms }`
    fn arms(&mut self) -> Doc<'s> {
        self.block_of(Self::arm, true)
    }
}
