//! Brackets, before the parser sees them: each gets its counterpart, and nesting has an end. So the parser meets only
//! balanced brackets, need not be clever about the rest of a file behind a forgotten one, and cannot run out of stack.

use super::token::Token;
use crate::diagnostic::{Diagnostics, Problem};
use crate::source::SourceFile;
use crate::span::Span;

/// How deep a program may nest: an operator, a postfix or a `<` counts one, a bracket or an `else` counts
/// [`BRACKET_DEPTH`]. So the tree is at most that deep, and whatever recurses through it needs little stack.
pub const DEPTH_MAX: u32 = 128;

/// What a bracket adds to the depth; the parser goes through all its rules to get to what is within.
const BRACKET_DEPTH: u32 = 2;

/// The tokens with all brackets balanced: those missing are added, as tokens of no width, and those too many are left
/// out, each with a diagnostic. Behind them, how deep they nest; nothing where that is deeper than [`DEPTH_MAX`].
pub fn balance(
    tokens: Vec<(Token, Span)>,
    source: &SourceFile,
    end: Span,
    diagnostics: &mut Diagnostics,
) -> (Vec<(Token, Span)>, u32) {
    let depth = match self::depth(&tokens) {
        Ok(depth) => depth,
        Err(span) => {
            diagnostics.push(Problem::NestingTooDeep { depth_max: DEPTH_MAX, span });
            return (Vec::new(), 0);
        }
    };
    if is_balanced(&tokens) {
        return (tokens, depth);
    }
    let mut repair = Repair {
        source,
        open: Vec::new(),
        balanced: Vec::with_capacity(tokens.len() + 8),
        diagnostics: &mut *diagnostics,
    };
    for (index, (token, span)) in tokens.iter().enumerate() {
        let next = tokens.get(index + 1).map(|(token, _)| *token);
        repair.token(*token, *span, next);
    }
    repair.close_down_to(0, end);
    let balanced = repair.balanced;
    match self::depth(&balanced) {
        Ok(depth) => (balanced, depth),
        Err(span) => {
            diagnostics.push(Problem::NestingTooDeep { depth_max: DEPTH_MAX, span });
            (Vec::new(), 0)
        }
    }
}

/// The bracket that closes this one.
pub fn closing(token: Token) -> Option<Token> {
    match token {
        Token::LeftParen => Some(Token::RightParen),
        Token::LeftBracket => Some(Token::RightBracket),
        Token::LeftBrace => Some(Token::RightBrace),
        _ => None,
    }
}

/// Whether this is a closing bracket.
pub fn is_closing(token: Token) -> bool {
    matches!(token, Token::RightParen | Token::RightBracket | Token::RightBrace)
}

fn is_balanced(tokens: &[(Token, Span)]) -> bool {
    let mut expected = Vec::new();
    for (token, _) in tokens {
        if let Some(close) = closing(*token) {
            expected.push(close);
        } else if is_closing(*token) && expected.pop() != Some(*token) {
            return false;
        }
    }
    expected.is_empty()
}

/// What deepens the tree within one pair of brackets.
#[derive(Clone, Copy, Default)]
struct Chain {
    /// The depth of operators, postfixes and `else` since the last `;`, `,` or `=>`.
    links: u32,
    /// `<` not followed by their `>`, since the last `;` or `=>`: arguments of types nest through commas.
    angles: u32,
    /// Controls whose block has not begun, so that what comes now is in their head.
    heads: u32,
}

impl Chain {
    fn depth(self) -> u32 {
        self.links + self.angles + self.heads * BRACKET_DEPTH
    }
}

/// How deep the tree can become, or where that is deeper than allowed. An upper bound: the brackets around a token, and
/// the longest chain of operators that each of them can be in.
fn depth(tokens: &[(Token, Span)]) -> Result<u32, Span> {
    let mut depth_seen = 0_u32;
    let mut outer: Vec<Chain> = Vec::new();
    let mut outer_depth = 0_u32;
    let mut chain = Chain::default();
    for (index, (token, span)) in tokens.iter().enumerate() {
        match token {
            Token::LeftParen | Token::LeftBracket | Token::LeftBrace => {
                // An index goes on with the value before it, as a `.` does.
                let before = index.checked_sub(1).and_then(|before| tokens.get(before)).map(|(before, _)| *before);
                chain.links += u32::from(*token == Token::LeftBracket && before.is_some_and(ends_value));
                if *token == Token::LeftBrace && before != Some(Token::Else) {
                    chain.heads = chain.heads.saturating_sub(1);
                }
                outer_depth += chain.depth() + BRACKET_DEPTH;
                outer.push(std::mem::take(&mut chain));
            }
            Token::RightParen | Token::RightBracket | Token::RightBrace => {
                if let Some(around) = outer.pop() {
                    chain = around;
                    outer_depth = outer_depth.saturating_sub(chain.depth() + BRACKET_DEPTH);
                }
                let next = tokens.get(index + 1).map(|(next, _)| *next);
                if *token == Token::RightBrace && !next.is_some_and(continues_expression) {
                    chain = Chain::default();
                }
            }
            Token::Semicolon | Token::FatArrow => chain = Chain::default(),
            Token::Comma => chain.links = 0,
            Token::Less => chain.angles += 1,
            Token::Greater => chain.angles = chain.angles.saturating_sub(1),
            Token::If | Token::Match | Token::While | Token::For => chain.heads += 1,
            Token::Else => chain.links += BRACKET_DEPTH,
            _ if is_link(*token) => chain.links += 1,
            _ => {}
        }
        depth_seen = depth_seen.max(outer_depth + chain.depth());
        if depth_seen > DEPTH_MAX {
            return Err(*span);
        }
    }
    Ok(depth_seen)
}

fn ends_value(token: Token) -> bool {
    let is_name = matches!(token, Token::Ident | Token::Int | Token::Str);
    is_name || is_closing(token)
}

fn is_link(token: Token) -> bool {
    matches!(
        token,
        Token::Plus
            | Token::Minus
            | Token::Star
            | Token::Slash
            | Token::Percent
            | Token::Not
            | Token::AndAnd
            | Token::OrOr
            | Token::EqualEqual
            | Token::NotEqual
            | Token::LessEqual
            | Token::GreaterEqual
            | Token::Equal
            | Token::Dot
            | Token::DotDot
            | Token::DotDotEqual
            | Token::At
            | Token::Send
            | Token::Arrow
            | Token::Else
            | Token::Foreign
    )
}

/// Whether a token behind `}` goes on with the expression that the brace belongs to.
pub fn continues_expression(token: Token) -> bool {
    let opens = matches!(token, Token::LeftParen | Token::LeftBracket);
    opens || is_link(token) || matches!(token, Token::Less | Token::Greater | Token::And)
}

struct Open {
    token: Token,
    span: Span,
    /// The column of the first character on the bracket's line.
    indent: u32,
    of_service: bool,
}

/// Balances by what people mean: braces are stronger than the other brackets, an item begins on a line of its own, and
/// a closing brace stands below the line that opened it.
struct Repair<'a> {
    source: &'a SourceFile,
    open: Vec<Open>,
    balanced: Vec<(Token, Span)>,
    diagnostics: &'a mut Diagnostics,
}

impl Repair<'_> {
    fn token(&mut self, token: Token, span: Span, next: Option<Token>) {
        if self.begins_item(token, span, next) {
            let in_service = self.open.first().is_some_and(|open| open.of_service);
            let operation = matches!(token, Token::Fn | Token::Pure | Token::Transaction);
            self.close_down_to(usize::from(in_service && operation), span);
        }
        if closing(token).is_some() {
            let before = self.balanced.len().checked_sub(2).and_then(|index| self.balanced.get(index));
            let of_service = token == Token::LeftBrace && matches!(before, Some((Token::Service, _)));
            self.open.push(Open { token, span, indent: self.indent(span), of_service });
        } else if is_closing(token) && !self.close(token, span) {
            self.diagnostics.push(Problem::UnopenedBracket { close: bracket(token), span });
            return;
        }
        self.balanced.push((token, span));
    }

    /// Makes ready for a closing bracket; whether there is one that it closes.
    fn close(&mut self, token: Token, span: Span) -> bool {
        if token != Token::RightBrace {
            let found =
                self.open.iter().rposition(|open| open.token == Token::LeftBrace || closing(open.token) == Some(token));
            return match found.and_then(|index| self.open.get(index).map(|open| (index, open.token))) {
                Some((_, Token::LeftBrace)) | None => false,
                Some((index, _)) => {
                    self.close_down_to(index + 1, span);
                    self.open.pop();
                    true
                }
            };
        }
        let Some(nearest) = self.open.iter().rposition(|open| open.token == Token::LeftBrace) else { return false };
        let nearest_indent = self.open.get(nearest).map_or(0, |open| open.indent);
        let indent = self.indent(span);
        let mut matching = nearest;
        if self.begins_line(span) && indent != nearest_indent {
            let below = self.open.iter().rposition(|open| open.token == Token::LeftBrace && open.indent == indent);
            match below {
                Some(below) if indent < nearest_indent => matching = below,
                Some(_) | None if indent > nearest_indent => return false,
                Some(_) | None => {}
            }
        }
        self.close_down_to(matching + 1, span);
        self.open.pop();
        true
    }

    /// Closes what is open beyond the first `keep`, and reports each.
    fn close_down_to(&mut self, keep: usize, missed_at: Span) {
        while self.open.len() > keep {
            let Some(open) = self.open.pop() else { return };
            let Some(close) = closing(open.token) else { return };
            let end = self.balanced.last().map_or(open.span, |(_, span)| *span).end;
            self.balanced.push((close, Span::new(open.span.file, end, end)));
            self.diagnostics.push(Problem::UnclosedBracket { open: bracket(open.token), span: open.span, missed_at });
        }
    }

    /// Whether an item, or an operation of a service, begins here although brackets are open.
    fn begins_item(&self, token: Token, span: Span, next: Option<Token>) -> bool {
        let inner = match token {
            Token::Struct | Token::Enum | Token::Service | Token::Extern => true,
            Token::Choreography => next == Some(Token::Ident),
            Token::Fn | Token::Pure | Token::Transaction => {
                let expected = self.open.len() == 1 && self.open.iter().all(|open| open.of_service);
                let after_pure = matches!(self.balanced.last(), Some((Token::Pure, _)));
                !expected && !after_pure && matches!(next, Some(Token::Ident | Token::Fn))
            }
            _ => false,
        };
        inner && !self.open.is_empty() && self.begins_line(span)
    }

    fn begins_line(&self, span: Span) -> bool {
        self.source.begins_line(span.start)
    }

    fn indent(&self, span: Span) -> u32 {
        let line = self.source.line_text(self.source.line_index(span.start));
        let blanks = line.chars().take_while(|character| character.is_whitespace()).count();
        u32::try_from(blanks).unwrap_or(u32::MAX).saturating_add(1)
    }
}

fn bracket(token: Token) -> char {
    token.text().and_then(|text| text.chars().next()).unwrap_or('?')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::FileId;
    use crate::syntax::lexer;

    fn check(text: &str, expected: &[&str]) {
        let source = SourceFile::new("a.chor", text);
        let mut diagnostics = Diagnostics::new();
        let tokens = lexer::lex(FileId(0), text, &mut diagnostics).tokens;
        let end = Span::new(FileId(0), text.len() as u32, text.len() as u32);
        let (balanced, _) = balance(tokens, &source, end, &mut diagnostics);
        assert!(is_balanced(&balanced), "of {text:.80}");
        let found: Vec<String> = diagnostics
            .finish()
            .iter()
            .map(|diagnostic| {
                let position = source.line_column(diagnostic.span().start);
                format!("{}:{} {}", position.line, position.column, diagnostic.prose().message)
            })
            .collect();
        assert_eq!(found, expected, "of {text:.80}");
    }

    #[test]
    fn the_brace_that_is_missing_is_found_by_indentation_and_items() {
        check("fn f() {\n    if a {\n        b;\n    c;\n}\n\nstruct S { }", &["2:10 `{` is never closed"]);
        check("fn f() {\n    a;\n\nstruct S { }", &["1:8 `{` is never closed"]);
        check("service S {\n    fn f(a: B;\n    pure fn g();\n}", &["2:9 `(` is never closed"]);
        check("fn f() { g(a; }", &["1:11 `(` is never closed"]);
        check("fn f() {\n    a;\n    }\n    b;\n}", &["3:5 `}` closes nothing"]);
        check("fn f() { a) }", &["1:11 `)` closes nothing"]);
        check("}", &["1:1 `}` closes nothing"]);
        check("fn f() {", &["1:8 `{` is never closed"]);
    }

    #[test]
    fn nesting_has_an_end() {
        check(&"(".repeat(100_000), &["1:65 nested too deeply"]);
        check(&"!".repeat(100_000), &["1:129 nested too deeply"]);
        check(&"a+".repeat(100_000), &["1:258 nested too deeply"]);
        check(&"x{}else ".repeat(100_000), &["1:514 nested too deeply"]);
        check(&"a[b]".repeat(100_000), &["1:506 nested too deeply"]);
        check(&"if ".repeat(100_000), &["1:193 nested too deeply"]);
        check(&"if match a { b ".repeat(100_000), &["1:481 nested too deeply"]);
        check(&"a~>".repeat(100_000), &["1:386 nested too deeply"]);
        check(&"M<a,".repeat(100_000), &["1:514 nested too deeply"]);
        check(&"if a { b + c } ".repeat(1_000), &[]);
        check(&"a => b + c, d => { e } ".repeat(1_000), &[]);
        check(&"f(a < b); ".repeat(1_000), &[]);
    }
}
