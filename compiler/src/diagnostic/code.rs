//! The stable codes. The letter says how grave: `E` an error, `W` a warning, `H` a hint. The first two digits say what
//! part of the language it is about: `00` text and syntax, `01` names, `02` types and places, `03` knowledge of choice,
//! `04` structure. A code keeps its meaning for ever; one that is no longer given is not used again.

use std::fmt;

use super::Problem;

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The program is refused.
    Error,
    /// The program is accepted, and most likely not what was meant.
    Warning,
    /// The program could be better.
    Hint,
}

impl Severity {
    /// The word that stands before the code.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Hint => "hint",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Makes the enum of all codes from one list, each with the page that `chor explain` prints: `explain/<code>.md`.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident,)*) => {
        /// The code of a diagnostic.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Code] = &[$(Code::$code,)*];

            /// The code as it is printed.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$code => stringify!($code),)*
                }
            }

            /// What it means, with a failing and a mended example, as Markdown.
            pub fn explanation(self) -> &'static str {
                match self {
                    $(Code::$code => include_str!(concat!("explain/", stringify!($code), ".md")),)*
                }
            }
        }
    };
}

codes! {
    /// A character that begins no token.
    E0001,
    /// A string, character or comment without an end.
    E0002,
    /// An unknown escape in a string or character.
    E0003,
    /// A number that cannot be read.
    E0004,
    /// A bracket without its counterpart.
    E0005,
    /// Nesting too deep.
    E0006,
    /// A token that does not belong here.
    E0007,
    /// A missing semicolon.
    E0008,
    /// `return`, `break` and the like.
    E0009,
    /// One operator written for another.
    E0010,
    /// A keyword used as a name.
    E0011,
    /// Comparisons in a chain.
    E0012,
    /// A doc comment that documents nothing.
    E0013,
    /// A file that is too long.
    E0014,
    /// An unknown name.
    E0101,
}

impl Code {
    /// How grave it is, which its letter says.
    pub fn severity(self) -> Severity {
        match self.as_str().as_bytes().first() {
            Some(b'W') => Severity::Warning,
            Some(b'H') => Severity::Hint,
            Some(_) | None => Severity::Error,
        }
    }

    /// The code of that name; upper and lower case are one.
    pub fn parse(text: &str) -> Option<Code> {
        Self::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Problem {
    /// The problem's code.
    pub fn code(&self) -> Code {
        match self {
            Problem::UnknownCharacter { .. } => Code::E0001,
            Problem::UnterminatedLiteral { .. } => Code::E0002,
            Problem::UnknownEscape { .. } | Problem::MalformedChar { .. } => Code::E0003,
            Problem::MalformedNumber { .. } => Code::E0004,
            Problem::UnclosedBracket { .. } | Problem::UnopenedBracket { .. } => Code::E0005,
            Problem::NestingTooDeep { .. } => Code::E0006,
            Problem::UnexpectedToken { .. } => Code::E0007,
            Problem::MissingSemicolon { .. } => Code::E0008,
            Problem::KeywordNotInLanguage { .. } => Code::E0009,
            Problem::WrongOperator { .. } => Code::E0010,
            Problem::KeywordAsName { .. } => Code::E0011,
            Problem::ChainedComparison { .. } => Code::E0012,
            Problem::DanglingDocs { .. } => Code::E0013,
            Problem::FileTooLong { .. } => Code::E0014,
            Problem::UnknownName { .. } => Code::E0101,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_have_a_page() {
        assert!(Code::ALL.is_sorted());
        for code in Code::ALL {
            assert_eq!(Code::parse(&code.as_str().to_lowercase()), Some(*code));
            let page = code.explanation();
            assert!(page.starts_with(&format!("# {code}: ")), "the page of {code} begins with its title");
            let examples = page.matches("```chor").count();
            assert!(examples >= 2, "the page of {code} has a failing and a mended example, not {examples}");
        }
    }
}
