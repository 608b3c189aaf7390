//! The stable codes. The letter says how grave: `E` an error, `W` a warning, `H` a hint. The first two digits say what
//! part of the language it is about: `00` text and syntax, `01` names, `02` types and places, `03` knowledge of choice,
//! `04` structure, `05` groups, calls, what runs side by side, and variables that change. A code keeps its meaning for ever; one that is no longer given is not used again.

use std::fmt;

use super::Problem;
use super::meaning::{Meaning, Thing};

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
    /// A file that is too long.
    E0013,
    /// A time without a unit.
    E0014,
    /// An unknown name.
    E0101,
    /// A name given twice.
    E0102,
    /// An unknown type, service or role.
    E0103,
    /// An unknown operation, method, field or variant.
    E0104,
    /// A role and a variable of one name.
    E0105,
    /// A name that stands for no value.
    E0106,
    /// A role named twice.
    E0107,
    /// A reserved name.
    E0108,
    /// Names that are one in Rust.
    E0109,
    /// A file that is used and cannot be read.
    E0110,
    /// A type other than expected.
    E0201,
    /// A wrong number of arguments.
    E0202,
    /// A value used where it does not live.
    E0203,
    /// A value used where the choice is not known.
    E0204,
    /// A message that several roles could send.
    E0205,
    /// A role that sends to itself.
    E0206,
    /// An operator that a type does not have.
    E0207,
    /// A type that nothing says.
    E0208,
    /// A number out of range.
    E0209,
    /// A struct without all its fields.
    E0210,
    /// A variant in another form than declared.
    E0211,
    /// An extern type made from nothing.
    E0212,
    /// A `let` that some values do not match.
    E0213,
    /// A `match` that leaves values out.
    E0214,
    /// An arm that no value reaches.
    E0215,
    /// A float in a pattern.
    E0216,
    /// A type that holds itself.
    E0217,
    /// A type that is no key of a `Map`.
    E0218,
    /// Fields of a variant taken from another value.
    E0219,
    /// More parts than a tuple may have.
    E0220,
    /// A type of which two values are one in JSON.
    E0221,
    /// A type of too many parts.
    E0222,
    /// A role that is not told which branch was taken.
    E0301,
    /// A teller that does not know the branch.
    E0302,
    /// A `select` that is not at the head of a branch.
    E0303,
    /// Arguments of a session at several roles.
    E0402,
    /// Something that is never reached.
    E0403,
    /// A compensation shared by operations of different kinds or types.
    E0404,
    /// What needs roles, in a function.
    E0407,
    /// A compensation where nothing is to be undone.
    E0411,
    /// One role where a group is needed.
    E0501,
    /// A group where one role is needed.
    E0502,
    /// A role that lacks a service of the role it is to play.
    E0503,
    /// Two roles of a call that may be one participant.
    E0504,
    /// Not a choreography of the signature that is asked for.
    E0505,
    /// A recursion without a choice.
    E0506,
    /// A type that grows in a recursion.
    E0507,
    /// A variable assigned in one arm and used in another.
    E0508,
    /// A member's own value where no member is.
    E0509,
    /// Values at different places used as one.
    E0510,
    /// A receive with a time limit at several roles.
    E0511,
    /// Something else than a name for a member.
    E0512,
    /// An assignment to what cannot be assigned to.
    E0513,
    /// A `let mut` without a place.
    E0514,
    /// A parameter of several places.
    E0515,
    /// Too many blocks for members, one within the other.
    E0516,
    /// Too many combinations of choreographies that are handed on.
    E0517,
    /// Too many roles in a choreography.
    E0518,
    /// A role that does the same in all branches.
    H0305,
    /// A doc comment that documents nothing.
    W0001,
    /// A `use` that does nothing.
    W0111,
    /// A selection to a role that decides itself.
    W0304,
    /// A role without a part.
    W0405,
    /// A file without anything in it.
    W0406,
    /// A value that is sent and never used.
    W0408,
    /// A transaction that nothing can undo, before one that may abort.
    W0409,
    /// A value that is sent to those who hold it.
    W0410,
    /// A string with the name of a variable in braces.
    W0412,
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
            Problem::KeywordNotInLanguage { .. } | Problem::ForeignForm { .. } | Problem::MacroCall { .. } => {
                Code::E0009
            }
            Problem::WrongOperator { .. } => Code::E0010,
            Problem::KeywordAsName { .. } => Code::E0011,
            Problem::ChainedComparison { .. } => Code::E0012,
            Problem::TimeWithoutUnit { .. } => Code::E0014,
            Problem::NothingToUndo { .. } => Code::E0411,
            Problem::DanglingDocs { .. } => Code::W0001,
            Problem::FileTooLong { .. } => Code::E0013,
            Problem::ImportUnreadable { .. } => Code::E0110,
            Problem::ImportTwice { .. } => Code::W0111,
            Problem::NotImported { unknown, .. } => unknown.code(),
            Problem::Meaning(meaning) => meaning.code(),
        }
    }
}

impl Meaning {
    /// The problem's code.
    pub fn code(&self) -> Code {
        match self {
            Meaning::Unknown { thing, .. } => match thing {
                Thing::Variable
                | Thing::Abort { .. }
                | Thing::Function
                | Thing::BareOperation { .. }
                | Thing::BareVariant { .. }
                | Thing::Choreography => Code::E0101,
                Thing::Type | Thing::Struct | Thing::Service | Thing::Role | Thing::Members { .. } => Code::E0103,
                Thing::Operation { .. } | Thing::Method { .. } | Thing::Field { .. } | Thing::Variant { .. } => {
                    Code::E0104
                }
            },
            Meaning::NotHere { .. } | Meaning::Apart { .. } => Code::E0203,
            Meaning::Duplicate { .. } | Meaning::DeclaredCompensation { .. } => Code::E0102,
            Meaning::Reserved { .. } => Code::E0108,
            Meaning::OneInRust { .. } => Code::E0109,
            Meaning::RoleAndVariable { .. } => Code::E0105,
            Meaning::NotAValue { .. } => Code::E0106,
            Meaning::RoleTwice { .. } => Code::E0107,
            Meaning::Mismatch { .. } => Code::E0201,
            Meaning::Arity { .. } => Code::E0202,
            Meaning::ChoiceUnknown { .. } => Code::E0204,
            Meaning::AmbiguousSender { .. } => Code::E0205,
            Meaning::SelfCommunication { .. } => Code::E0206,
            Meaning::BadOperand { .. } => Code::E0207,
            Meaning::UnknownType { .. } => Code::E0208,
            Meaning::LiteralRange { .. } => Code::E0209,
            Meaning::MissingFields { .. } => Code::E0210,
            Meaning::VariantShape { .. } => Code::E0211,
            Meaning::ExternLiteral { .. } => Code::E0212,
            Meaning::RefutableLet { .. } => Code::E0213,
            Meaning::NonExhaustive { .. } => Code::E0214,
            Meaning::DuplicateArm { .. } => Code::E0215,
            Meaning::FloatPattern { .. } => Code::E0216,
            Meaning::InfiniteType { .. } => Code::E0217,
            Meaning::VariantBase { .. } => Code::E0219,
            Meaning::TooWide { .. } => Code::E0220,
            Meaning::NotAKey { .. } => Code::E0218,
            Meaning::NotTold { .. } => Code::E0301,
            Meaning::TellerDoesNotKnow { .. } => Code::E0302,
            Meaning::MisplacedSelect { .. } => Code::E0303,
            Meaning::NotInFn { .. } => Code::E0407,
            Meaning::SeveralInitiators { .. } => Code::E0402,
            Meaning::NeverReached { .. } => Code::E0403,
            Meaning::SharedCompensation { .. } => Code::E0404,
            Meaning::Grouping(grouping) => grouping.code(),
            Meaning::SameInAllBranches { .. } => Code::H0305,
            Meaning::SelectionToDecider { .. } | Meaning::NeedlessSelection { .. } => Code::W0304,
            Meaning::UnusedRole { .. } => Code::W0405,
            Meaning::NothingDeclared { .. } => Code::W0406,
            Meaning::SentUnused { .. } => Code::W0408,
            Meaning::Pivot { .. } => Code::W0409,
            Meaning::NothingSent { .. } => Code::W0410,
            Meaning::TooLarge { .. } => Code::E0222,
            Meaning::BracesInString { .. } => Code::W0412,
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
