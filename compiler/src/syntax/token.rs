//! The tokens. A token is its kind alone; its text is read from the source by its span.

/// Makes the enum of tokens, with the text of those that have only one.
macro_rules! tokens {
    (keywords { $($keyword:ident $keyword_text:literal,)* } marks { $($mark:ident $mark_text:literal,)* } classes { $($(#[$doc:meta])* $class:ident $class_name:literal,)* }) => {
        /// The kind of a token.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Token {
            $(#[doc = concat!("`", $keyword_text, "`")] $keyword,)*
            $(#[doc = concat!("`", $mark_text, "`")] $mark,)*
            $($(#[$doc])* $class,)*
        }

        impl Token {
            /// Every kind.
            pub const ALL: &[Token] = &[$(Token::$keyword,)* $(Token::$mark,)* $(Token::$class,)*];

            /// The keyword of that text.
            pub fn keyword(text: &str) -> Option<Token> {
                match text {
                    $($keyword_text => Some(Token::$keyword),)*
                    _ => None,
                }
            }

            /// The text of a keyword or a mark; `None` for tokens of many texts.
            pub fn text(self) -> Option<&'static str> {
                match self {
                    $(Token::$keyword => Some($keyword_text),)*
                    $(Token::$mark => Some($mark_text),)*
                    $(Token::$class => None,)*
                }
            }

            /// The token as a message names it: its text in quotes, or the name of its class.
            pub fn name(self) -> &'static str {
                match self {
                    $(Token::$keyword => concat!("`", $keyword_text, "`"),)*
                    $(Token::$mark => concat!("`", $mark_text, "`"),)*
                    $(Token::$class => $class_name,)*
                }
            }

            /// Whether it is a keyword, so that no name can be spelled like it.
            pub fn is_keyword(self) -> bool {
                matches!(self, $(Token::$keyword)|*)
            }
        }
    };
}

tokens! {
    keywords {
        Abort "abort",
        And "and",
        Choreography "choreography",
        Compensate "compensate",
        Each "each",
        Else "else",
        Enum "enum",
        Extern "extern",
        False "false",
        Fn "fn",
        For "for",
        If "if",
        In "in",
        Let "let",
        Match "match",
        Mut "mut",
        Par "par",
        Pure "pure",
        Require "require",
        Saga "saga",
        Select "select",
        Service "service",
        Sleep "sleep",
        Struct "struct",
        Transaction "transaction",
        True "true",
        Type "type",
        Use "use",
        While "while",
        Within "within",
    }
    marks {
        LeftParen "(",
        RightParen ")",
        LeftBracket "[",
        RightBracket "]",
        LeftBrace "{",
        RightBrace "}",
        Comma ",",
        Semicolon ";",
        Colon ":",
        PathSeparator "::",
        Dot ".",
        DotDot "..",
        DotDotEqual "..=",
        At "@",
        Pound "#",
        Send "~>",
        Arrow "->",
        FatArrow "=>",
        Equal "=",
        EqualEqual "==",
        NotEqual "!=",
        Less "<",
        LessEqual "<=",
        Greater ">",
        GreaterEqual ">=",
        Plus "+",
        Minus "-",
        Star "*",
        Slash "/",
        Percent "%",
        Not "!",
        AndAnd "&&",
        OrOr "||",
        Underscore "_",
    }
    classes {
        /// A name.
        Ident "a name",
        /// `12`, `0xffu8`
        Int "an integer",
        /// `1.5`, `2e9`, `1f32`
        Float "a number",
        /// `"text"`
        Str "a string",
        /// `'c'`
        Char "a character",
        /// `30s`
        Duration "a duration",
        /// `/// text`
        Doc "a doc comment",
        /// A keyword of Rust that this language does not have, and that begins something.
        ForeignWord "a word of Rust",
        /// An operator of Rust that this language does not have, `as` among them.
        Foreign "an operator of Rust",
        /// What the lexer could not read; it has said so.
        Error "something unreadable",
    }
}

/// The keywords of Rust that this language does not have; the lexer gives [`Token::ForeignWord`] for them.
pub fn is_foreign_keyword(text: &str) -> bool {
    matches!(
        text,
        "async"
            | "await"
            | "break"
            | "const"
            | "continue"
            | "dyn"
            | "impl"
            | "loop"
            | "mod"
            | "move"
            | "pub"
            | "ref"
            | "return"
            | "static"
            | "trait"
            | "try"
            | "unsafe"
            | "where"
            | "yield"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_fit_in_a_set_of_bits_with_room_for_labels() {
        assert!(Token::ALL.len() <= 96, "{} kinds; see `parser::error::Expected`", Token::ALL.len());
    }
}
