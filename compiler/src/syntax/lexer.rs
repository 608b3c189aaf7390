//! Text to tokens. Total: every text gives tokens, and what cannot be read is reported and becomes [`Token::Error`].

use super::literal;
use super::token::{Token, is_foreign_keyword};
use crate::diagnostic::problem::LiteralKind;
use crate::diagnostic::{Diagnostics, Problem};
use crate::span::{FileId, Span};

/// The tokens of a file, and what lies between them.
#[derive(Clone, Debug, Default)]
pub struct Lexed {
    /// The tokens with their places.
    pub tokens: Vec<(Token, Span)>,
    /// The comments that are not doc comments, `//!` among them, for the formatter.
    pub comments: Vec<Span>,
}

/// Reads the tokens of a file no longer than [`crate::source::FILE_LENGTH_BYTES_MAX`].
pub fn lex(file: FileId, text: &str, diagnostics: &mut Diagnostics) -> Lexed {
    let mut lexer = Lexer { file, text, at: 0, lexed: Lexed::default(), diagnostics };
    // A byte order mark says nothing in UTF-8.
    lexer.at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    while let Some(character) = lexer.peek() {
        lexer.token(character);
    }
    lexer.lexed
}

struct Lexer<'a> {
    file: FileId,
    text: &'a str,
    at: usize,
    lexed: Lexed,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn span_from(&self, start: usize) -> Span {
        Span::new(self.file, offset(start), offset(self.at))
    }

    fn push(&mut self, token: Token, start: usize) {
        let span = self.span_from(start);
        self.lexed.tokens.push((token, span));
    }

    /// Passes over the characters that `part` accepts.
    fn skip_while(&mut self, part: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|character| !part(character)).unwrap_or(rest.len());
    }

    fn token(&mut self, first: char) {
        let start = self.at;
        match first {
            _ if first.is_whitespace() => self.skip_while(char::is_whitespace),
            '/' if self.rest().starts_with("//") => self.line_comment(start),
            '/' if self.rest().starts_with("/*") => self.block_comment(start),
            '0'..='9' => self.number(start),
            '"' => self.string(start),
            '\'' => self.character(start),
            _ if first == '_' || unicode_ident::is_xid_start(first) => self.word(start),
            _ => self.mark(start, first),
        }
    }

    fn word(&mut self, start: usize) {
        self.skip_while(unicode_ident::is_xid_continue);
        let text = self.text.get(start..self.at).unwrap_or_default();
        let token = match Token::keyword(text) {
            Some(keyword) => keyword,
            None if text == "_" => Token::Underscore,
            None if text == "as" => Token::Foreign,
            None if is_foreign_keyword(text) => Token::ForeignWord,
            None => Token::Ident,
        };
        self.push(token, start);
    }

    fn line_comment(&mut self, start: usize) {
        let rest = self.rest();
        let line = rest.lines().next().unwrap_or_default();
        self.at += line.len();
        if line.starts_with("///") && !line.starts_with("////") {
            self.push(Token::Doc, start);
        } else {
            let span = self.span_from(start);
            self.lexed.comments.push(span);
        }
    }

    /// Block comments nest, as in Rust.
    fn block_comment(&mut self, start: usize) {
        let mut depth = 0_usize;
        loop {
            let rest = self.rest();
            let Some(next) = rest.find(['/', '*']) else {
                self.at = self.text.len();
                let span = Span::new(self.file, offset(start), offset(start + 2));
                self.diagnostics.push(Problem::UnterminatedLiteral { literal: LiteralKind::Comment, span });
                break;
            };
            self.at += next;
            if self.rest().starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if self.rest().starts_with("*/") {
                depth -= 1;
                self.at += 2;
            } else {
                self.at += 1;
            }
            if depth == 0 {
                break;
            }
        }
        let span = self.span_from(start);
        self.lexed.comments.push(span);
    }

    /// A number takes every letter and digit that touches it, so that `10k` is one mistake and not two tokens. After a
    /// dot it is the place in a tuple, and takes no dot itself: `pair.0.1`.
    fn number(&mut self, start: usize) {
        let after_dot = matches!(self.lexed.tokens.last(), Some((Token::Dot, span)) if span.end == offset(start));
        let is_part = |character: char| character == '_' || unicode_ident::is_xid_continue(character);
        self.skip_while(is_part);
        let digits = self.text.get(start..self.at).unwrap_or_default();
        let decimal = !digits.starts_with("0x") && !digits.starts_with("0b") && !digits.starts_with("0o");
        let mut after = self.rest().chars();
        if decimal && !after_dot && after.next() == Some('.') && after.next().is_some_and(|next| next.is_ascii_digit())
        {
            self.at += 1;
            self.skip_while(is_part);
        }
        let so_far = self.text.get(start..self.at).unwrap_or_default();
        if decimal && !after_dot && so_far.ends_with(['e', 'E']) && self.rest().starts_with(['-', '+']) {
            self.at += 1;
            self.skip_while(is_part);
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        match literal::number(text) {
            Ok(literal::Number::Int { .. }) => self.push(Token::Int, start),
            Ok(literal::Number::Float) => self.push(Token::Float, start),
            Ok(literal::Number::Duration { .. }) => self.push(Token::Duration, start),
            Err(fault) => {
                let span = self.span_from(start);
                self.diagnostics.push(Problem::MalformedNumber { text: text.to_owned(), fault, span });
                self.push(Token::Error, start);
            }
        }
    }

    /// Passes a quoted literal that began at `start`. It ends at its quote, or at the end of the line: a forgotten quote
    /// then spoils one line and not the file. Whether it had its quote.
    fn quoted(&mut self, start: usize, quote: char) -> bool {
        self.at = start + 1;
        loop {
            match self.peek() {
                None | Some('\n') => return false,
                Some('\\') => {
                    self.at += 1;
                    // An escaped end of line continues the string on the next.
                    if self.rest().starts_with("\r\n") {
                        self.at += 1;
                    }
                    self.at += self.peek().map_or(0, char::len_utf8);
                }
                Some(character) => {
                    self.at += character.len_utf8();
                    if character == quote {
                        return true;
                    }
                }
            }
        }
    }

    fn string(&mut self, start: usize) {
        if !self.quoted(start, '"') {
            let span = self.span_from(start);
            self.diagnostics.push(Problem::UnterminatedLiteral { literal: LiteralKind::Str, span });
            self.push(Token::Error, start);
            return;
        }
        self.escapes(start);
        self.push(Token::Str, start);
    }

    fn character(&mut self, start: usize) {
        if !self.quoted(start, '\'') {
            let span = self.span_from(start);
            self.diagnostics.push(Problem::UnterminatedLiteral { literal: LiteralKind::Char, span });
            self.push(Token::Error, start);
            return;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let faults = self.diagnostics.len();
        self.escapes(start);
        if self.diagnostics.len() == faults && literal::character(text).is_none() {
            let span = self.span_from(start);
            self.diagnostics.push(Problem::MalformedChar { span });
            self.push(Token::Error, start);
        } else {
            self.push(Token::Char, start);
        }
    }

    /// Reports the escapes of the quoted literal from `start` to here that are none.
    fn escapes(&mut self, start: usize) {
        let text = self.text.get(start + 1..self.at.saturating_sub(1)).unwrap_or_default();
        for range in literal::unescape(text).1 {
            let escape = text.get(range.clone()).unwrap_or_default().to_owned();
            let span = Span::new(self.file, offset(start + 1 + range.start), offset(start + 1 + range.end));
            self.diagnostics.push(Problem::UnknownEscape { escape, span });
        }
    }

    fn mark(&mut self, start: usize, first: char) {
        let rest = self.rest();
        let (token, length) = mark(rest);
        if let Some(token) = token {
            self.at += length;
            self.push(token, start);
            return;
        }
        self.at += first.len_utf8();
        let span = self.span_from(start);
        // A string in the quotes of a word processor is one mistake.
        if matches!(first, '“' | '”' | '„') {
            let line = self.rest().lines().next().unwrap_or_default();
            self.at += line
                .find(['“', '”', '"'])
                .map_or(0, |end| end + line.get(end..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8));
        }
        self.diagnostics.push(Problem::UnknownCharacter { character: first, span });
        self.push(Token::Error, start);
    }
}

/// The mark that `rest` begins with, and its length in bytes; the longest one.
fn mark(rest: &str) -> (Option<Token>, usize) {
    const FOREIGN: [&str; 5] = ["+=", "-=", "*=", "/=", "%="];
    let mut bytes = rest.bytes();
    let (first, second, third) = (bytes.next(), bytes.next(), bytes.next());
    let Some(first) = first else { return (None, 0) };
    if FOREIGN.iter().any(|text| rest.starts_with(text)) {
        return (Some(Token::Foreign), 2);
    }
    let long = match (first, second, third) {
        (b'.', Some(b'.'), Some(b'=')) => return (Some(Token::DotDotEqual), 3),
        (b'.', Some(b'.'), _) => Some(Token::DotDot),
        (b':', Some(b':'), _) => Some(Token::PathSeparator),
        (b'~', Some(b'>'), _) => Some(Token::Send),
        (b'-', Some(b'>'), _) => Some(Token::Arrow),
        (b'=', Some(b'>'), _) => Some(Token::FatArrow),
        (b'=', Some(b'='), _) => Some(Token::EqualEqual),
        (b'!', Some(b'='), _) => Some(Token::NotEqual),
        (b'<', Some(b'='), _) => Some(Token::LessEqual),
        (b'>', Some(b'='), _) => Some(Token::GreaterEqual),
        (b'&', Some(b'&'), _) => Some(Token::AndAnd),
        (b'|', Some(b'|'), _) => Some(Token::OrOr),
        (_, _, _) => None,
    };
    if long.is_some() {
        return (long, 2);
    }
    let short = match first {
        b'(' => Token::LeftParen,
        b')' => Token::RightParen,
        b'[' => Token::LeftBracket,
        b']' => Token::RightBracket,
        b'{' => Token::LeftBrace,
        b'}' => Token::RightBrace,
        b',' => Token::Comma,
        b';' => Token::Semicolon,
        b':' => Token::Colon,
        b'.' => Token::Dot,
        b'@' => Token::At,
        b'#' => Token::Pound,
        b'=' => Token::Equal,
        b'<' => Token::Less,
        b'>' => Token::Greater,
        b'+' => Token::Plus,
        b'-' => Token::Minus,
        b'*' => Token::Star,
        b'/' => Token::Slash,
        b'%' => Token::Percent,
        b'!' => Token::Not,
        b'&' | b'|' | b'?' => Token::Foreign,
        _ => return (None, 0),
    };
    (Some(short), 1)
}

fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    fn check(text: &str, expected: &str, codes: &[Code]) {
        let mut diagnostics = Diagnostics::new();
        let lexed = lex(FileId(0), text, &mut diagnostics);
        let shown: Vec<String> = lexed
            .tokens
            .iter()
            .map(|(token, span)| match token.text() {
                Some(text) => text.to_owned(),
                None => format!("{token:?}:{}", &text[span.start as usize..span.end as usize]),
            })
            .collect();
        assert_eq!(shown.join(" "), expected, "of {text}");
        let found: Vec<Code> = diagnostics.finish().iter().map(|diagnostic| diagnostic.code()).collect();
        assert_eq!(found, codes, "of {text}");
    }

    #[test]
    fn numbers_and_dots() {
        check("x.0.1", "Ident:x . Int:0 . Int:1", &[]);
        check("1.5 1..2 1..=2 1.max(2)", "Float:1.5 Int:1 .. Int:2 Int:1 ..= Int:2 Int:1 . Ident:max ( Int:2 )", &[]);
        check("0xff_u8 1_000u64 2e9 2.5e-3 1f32", "Int:0xff_u8 Int:1_000u64 Float:2e9 Float:2.5e-3 Float:1f32", &[]);
        check("30s 250ms 2m 1h 1d", "Duration:30s Duration:250ms Duration:2m Duration:1h Duration:1d", &[]);
        check("10k 0x 0b12 1.5s", "Error:10k Error:0x Error:0b12 Error:1.5s", &[Code::E0004; 4]);
    }

    #[test]
    fn strings_and_characters() {
        check(r#""a\"b" 'c' '\n' '\''"#, r#"Str:"a\"b" Char:'c' Char:'\n' Char:'\''"#, &[]);
        check("\"a \\\n  b\"", "Str:\"a \\\n  b\"", &[]);
        check("\"a\nb", "Error:\"a Ident:b", &[Code::E0002]);
        check("'ab' ''", "Error:'ab' Error:''", &[Code::E0003; 2]);
        check(r#""\q" '\u{110000}'"#, r#"Str:"\q" Char:'\u{110000}'"#, &[Code::E0003; 2]);
    }

    #[test]
    fn marks_words_and_comments() {
        check("a~>b->c=>d", "Ident:a ~> Ident:b -> Ident:c => Ident:d", &[]);
        check("Vec<Vec<u8>>", "Ident:Vec < Ident:Vec < Ident:u8 > >", &[]);
        check("return x += 1?", "ForeignWord:return Ident:x Foreign:+= Int:1 Foreign:?", &[]);
        check("a // b\n/// c\n//// d\n/* e /* f */ */ g", "Ident:a Doc:/// c Ident:g", &[]);
        check("/* a", "", &[Code::E0002]);
        check("“a b” c", "Error:“a b” Ident:c", &[Code::E0001]);
        check("_ _x größe € x", "_ Ident:_x Ident:größe Error:€ Ident:x", &[Code::E0001]);
    }
}
