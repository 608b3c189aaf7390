//! What can be wrong with a program, as data: one variant for each fact, named after it, with every span and candidate
//! that a message needs. No words here; they are in `prose.rs`.

use super::meaning::Meaning;
use crate::source::ImportFault;
use crate::span::Span;

/// One fact about the program that its author should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A character that begins no token.
    UnknownCharacter {
        /// The character.
        character: char,
        /// Where it stands.
        span: Span,
    },
    /// A literal or comment that reaches the end of the file (a character: of the line) without ending.
    UnterminatedLiteral {
        /// What it is.
        literal: LiteralKind,
        /// From its start to where reading stopped.
        span: Span,
    },
    /// An escape that strings do not have.
    UnknownEscape {
        /// The escape, with its backslash.
        escape: String,
        /// Where it stands.
        span: Span,
    },
    /// A character literal that holds none, or several.
    MalformedChar {
        /// The literal.
        span: Span,
    },
    /// A number that cannot be read.
    MalformedNumber {
        /// As written.
        text: String,
        /// What is wrong with it.
        fault: NumberFault,
        /// Where it stands.
        span: Span,
    },
    /// A bracket that is not closed.
    UnclosedBracket {
        /// The bracket.
        open: char,
        /// Where it stands.
        span: Span,
        /// Where the closing one was missed: at another closing bracket, or at the end of the file.
        missed_at: Span,
    },
    /// A closing bracket without an opening one.
    UnopenedBracket {
        /// The bracket.
        close: char,
        /// Where it stands.
        span: Span,
    },
    /// Nesting deeper than the compiler follows.
    NestingTooDeep {
        /// The deepest nesting that is read.
        depth_max: u32,
        /// Where it is passed.
        span: Span,
    },
    /// A token that does not belong where it stands.
    UnexpectedToken {
        /// The token; `None` at the end of the file.
        found: Option<String>,
        /// What could stand here, as the reader names it.
        expected: Vec<String>,
        /// The construct that was being read and where it begins, if any.
        within: Option<(&'static str, Span)>,
        /// Where it stands.
        span: Span,
    },
    /// A statement that ends without `;`.
    MissingSemicolon {
        /// The empty place behind the statement.
        span: Span,
        /// What follows.
        next: Span,
    },
    /// A keyword of Rust that this language does not have.
    KeywordNotInLanguage {
        /// The keyword.
        keyword: String,
        /// Where it stands.
        span: Span,
        /// What may simply be left out.
        removed: Option<Span>,
    },
    /// A form of another language.
    ForeignForm {
        /// What it is.
        form: ForeignForm,
        /// Where it stands.
        span: Span,
        /// What to write in the place of what, where that is known.
        edits: Vec<(Span, String)>,
    },
    /// A macro of Rust.
    MacroCall {
        /// Its name.
        name: String,
        /// The name and the sign behind it.
        span: Span,
    },
    /// An operator written where another is meant.
    WrongOperator {
        /// What is written.
        written: &'static str,
        /// What is meant.
        meant: &'static str,
        /// Where it stands.
        span: Span,
    },
    /// A keyword where a name belongs.
    KeywordAsName {
        /// The keyword.
        keyword: &'static str,
        /// Where it stands.
        span: Span,
    },
    /// `a < b < c`.
    ChainedComparison {
        /// The first operator.
        first: Span,
        /// The second operator.
        second: Span,
    },
    /// A number that says a time, and not of what unit.
    TimeWithoutUnit {
        /// The number, as written.
        number: String,
        /// Where it stands.
        span: Span,
    },
    /// A `fn` that says that nothing undoes it, or a `pure fn` that says what does.
    NothingToUndo {
        /// Whether it is a `pure fn`.
        is_pure: bool,
        /// What it says.
        span: Span,
        /// What to leave out, with the blanks before it.
        removed: Span,
    },
    /// A `///` comment with nothing behind it to document.
    DanglingDocs {
        /// The comment.
        span: Span,
    },
    /// A file longer than [`FILE_LENGTH_BYTES_MAX`](crate::source::FILE_LENGTH_BYTES_MAX).
    FileTooLong {
        /// Its length.
        length_bytes: u64,
        /// The start of the file.
        span: Span,
    },
    /// A file that another one uses and that is not there.
    ImportUnreadable {
        /// The path, as it is written.
        path: String,
        /// Why it is not there.
        fault: ImportFault,
        /// The path in the `use`.
        span: Span,
    },
    /// A `use` that does nothing.
    ImportTwice {
        /// The path, as it is written.
        path: String,
        /// The path in the `use`.
        span: Span,
        /// The first `use` of the file; `None` where a file uses itself.
        first: Option<Span>,
    },
    /// An unknown name that is declared in a file that this one does not use.
    NotImported {
        /// The name.
        unknown: Box<Problem>,
        /// What to write in the `use`.
        path: String,
        /// Where to write it.
        place: Span,
        /// The declaration.
        declared: Span,
    },
    /// A program that reads well and means nothing sound.
    Meaning(Meaning),
}

/// What a [`Problem::ForeignForm`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignForm {
    /// `… ~> Worker[0]`
    IndexedMember,
    /// `Role.operation(…) within 5s`
    LimitedOperation,
    /// `struct Pair<T>`
    Generics {
        /// What it is written on.
        of: &'static str,
    },
    /// `0..n step 2`
    Step,
    /// `#[derive(Debug)]`
    Attribute,
    /// `choreography Name(A, B)`
    RolesInParentheses {
        /// Whether only names stand there.
        are_names: bool,
    },
}

/// What an [`Problem::UnterminatedLiteral`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiteralKind {
    /// `"…`
    Str,
    /// `'…`
    Char,
    /// `/* …`
    Comment,
}

/// What is wrong with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberFault {
    /// It does not fit in 128 bits.
    TooLarge,
    /// What is written behind its digits is neither a type nor a unit of time.
    UnknownSuffix,
    /// There are no digits behind `0x`, `0o`, `0b` or the exponent.
    NoDigits,
    /// A digit that its base does not have.
    DigitNotInBase,
}
