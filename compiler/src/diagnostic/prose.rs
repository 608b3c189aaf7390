//! The words of every diagnostic, and only here. A message states the fact in a few words, with quotes around syntax;
//! labels say what each place has to do with it; the help says what to write instead.

use super::Problem;
use super::problem::{ForeignForm, LiteralKind, NumberFault};
use crate::load::FILE_COUNT_MAX;
use crate::source::{FILE_LENGTH_BYTES_MAX, ImportFault};
use crate::span::Span;

/// A diagnostic in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prose {
    /// The fact, in a line.
    pub message: String,
    /// The place it is about.
    pub primary: Label,
    /// The other places involved.
    pub labels: Vec<Label>,
    /// What else is good to know.
    pub notes: Vec<String>,
    /// What to write instead.
    pub help: Option<String>,
    /// The help as edits that a machine can make, all of them at once.
    pub edits: Vec<Edit>,
}

/// A place and what it has to do with the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// A few words.
    pub text: String,
}

/// A change to the source that mends the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; empty for an insertion.
    pub span: Span,
    /// What is written there.
    pub replacement: String,
}

impl Prose {
    /// A message about one place.
    pub fn new(message: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            primary: Label { span, text: label.into() },
            labels: Vec::new(),
            notes: Vec::new(),
            help: None,
            edits: Vec::new(),
        }
    }

    /// Adds another place.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a note.
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Says what to write instead.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Says what to write instead, where there is something to say.
    pub fn help_if(mut self, text: Option<String>) -> Self {
        self.help = text;
        self
    }

    /// Says what to write instead, where that is not said yet and there is something to say.
    pub fn help_or(mut self, text: Option<&str>) -> Self {
        self.help = self.help.or_else(|| text.map(str::to_owned));
        self
    }

    /// Gives the help as an edit, or a further part of it.
    pub fn edit(mut self, span: Span, replacement: impl Into<String>) -> Self {
        self.edits.push(Edit { span, replacement: replacement.into() });
        self
    }
}

impl Problem {
    /// The problem in words.
    pub fn prose(&self) -> Prose {
        match self {
            Problem::UnknownCharacter { character, span } => unknown_character(*character, *span),
            Problem::UnterminatedLiteral { literal, span } => unterminated(*literal, *span),
            Problem::UnknownEscape { escape, span } => {
                Prose::new(format!("unknown escape `{escape}`"), *span, "not an escape")
                    .help(r#"the escapes are `\n`, `\r`, `\t`, `\0`, `\\`, `\"`, `\'` and `\u{1F3B5}`"#)
            }
            Problem::MalformedChar { span } => {
                Prose::new("a character literal holds exactly one character", *span, "not one character")
                    .help("write a string in double quotes: `\"text\"`")
            }
            Problem::MalformedNumber { text, fault, span } => malformed_number(text, *fault, *span),
            Problem::UnclosedBracket { open, span, missed_at } => {
                let close = closing(*open);
                Prose::new(format!("`{open}` is never closed"), *span, "opened here")
                    .label(*missed_at, format!("`{close}` is missing before this"))
                    .help(format!("write the `{close}` that belongs to it"))
            }
            Problem::UnopenedBracket { close, span } => {
                Prose::new(format!("`{close}` closes nothing"), *span, "nothing is open here")
                    .help(format!("remove the `{close}`"))
                    .edit(*span, "")
            }
            Problem::NestingTooDeep { depth_max, span } => {
                Prose::new("nested too deeply", *span, format!("deeper than {depth_max} levels"))
                    .help("give a part of it a name, by `let`, a `fn` or a choreography of its own")
            }
            Problem::UnexpectedToken { found, expected, within, span } => {
                unexpected_token(found.as_deref(), expected, *within, *span)
            }
            Problem::MissingSemicolon { span, next } => Prose::new("missing `;`", *span, "this should end here")
                .label(*next, "something new begins here")
                .help("write `;` between them")
                .edit(*span, ";"),
            Problem::KeywordNotInLanguage { keyword, span, removed } => {
                let prose = keyword_not_in_language(keyword, *span);
                match removed {
                    Some(removed) => prose.edit(*removed, ""),
                    None => prose,
                }
            }
            Problem::ForeignForm { form, span, edits } => {
                let prose = foreign_form(*form, *span);
                edits.iter().fold(prose, |prose, (span, text)| prose.edit(*span, text.as_str()))
            }
            Problem::MacroCall { name, span } => macro_call(name, *span),
            Problem::WrongOperator { written, meant, span } => wrong_operator(written, meant, *span),
            Problem::KeywordAsName { keyword, span } => {
                Prose::new(format!("`{keyword}` is a keyword"), *span, "a name belongs here")
                    .help(format!("choose another name, such as `{keyword}_`"))
            }
            Problem::ChainedComparison { first, second } => {
                Prose::new("comparisons cannot be chained", *second, "this one compares a `bool`")
                    .label(*first, "the first comparison")
                    .help("join two comparisons by `&&`: `a < b && b < c`")
            }
            Problem::TimeWithoutUnit { number, span } => {
                Prose::new(format!("`{number}` is a time without a unit"), *span, "of what?")
                    .help(format!("write the unit: `{number}ms`, `{number}s`, `{number}m`, `{number}h` or `{number}d`"))
            }
            Problem::NothingToUndo { is_pure, span, removed } => {
                let (message, label) = match is_pure {
                    true => ("a `pure fn` has no effects", "there is nothing to undo"),
                    false => ("a `fn` without a compensation does not say so", "this goes without saying"),
                };
                Prose::new(message, *span, label)
                    .help(match is_pure {
                        true => "leave it out, or write `fn` for what acts on something outside",
                        false => "leave it out, or name what undoes it: `compensate name;`",
                    })
                    .edit(*removed, "")
            }
            Problem::DanglingDocs { span } => Prose::new("this comment documents nothing", *span, "no item follows")
                .help("write `//` for a comment, or `//!` at the top of a file for one about the file"),
            Problem::FileTooLong { length_bytes, span } => Prose::new(
                format!("the file is {length_bytes} bytes long, and at most {FILE_LENGTH_BYTES_MAX} are read"),
                *span,
                "in this file",
            )
            .help("split it, and name the parts with `use \"part.chor\";`"),
            Problem::ImportUnreadable { path, fault, span } => import_unreadable(path, fault, *span),
            Problem::ImportTwice { path, span, first: None } => {
                Prose::new(format!("`{path}` is this file itself"), *span, "this does nothing").help("remove it")
            }
            Problem::ImportTwice { path, span, first: Some(first) } => {
                Prose::new(format!("`{path}` is used twice"), *span, "this does nothing")
                    .label(*first, "used here first")
                    .help("remove one of them")
            }
            // What it may be a misspelling of is not written besides.
            Problem::NotImported { unknown, path, place, declared } => Prose { edits: Vec::new(), ..unknown.prose() }
                .label(*declared, "declared here, in a file that this one does not use")
                .help(format!("write `use \"{path}\";` at the top of the file"))
                .edit(*place, format!("use \"{path}\";\n")),
            Problem::Meaning(meaning) => meaning.prose(),
        }
    }
}

fn unknown_character(character: char, span: Span) -> Prose {
    let prose =
        Prose::new(format!("unknown character `{}`", character.escape_debug()), span, "not part of the language");
    let meant = match character {
        '“' | '”' | '„' | '«' | '»' => Some("\""),
        '‘' | '’' => Some("'"),
        '→' | '⇝' | '⟿' => Some("~>"),
        '≤' => Some("<="),
        '≥' => Some(">="),
        '≠' => Some("!="),
        '−' | '–' | '—' => Some("-"),
        '\u{a0}' => Some(" "),
        _ => None,
    };
    match meant {
        Some(meant) => prose.help(format!("write `{meant}`")).edit(span, meant),
        None => prose.help("remove it"),
    }
}

fn unterminated(literal: LiteralKind, span: Span) -> Prose {
    let (what, end) = match literal {
        LiteralKind::Str => ("string", "\""),
        LiteralKind::Char => ("character literal", "'"),
        LiteralKind::Comment => ("comment", "*/"),
    };
    Prose::new(format!("this {what} has no end"), span, "begins here").help(format!("end it with `{end}`"))
}

fn malformed_number(text: &str, fault: NumberFault, span: Span) -> Prose {
    let message = format!("`{text}` is not a number");
    match fault {
        NumberFault::TooLarge => Prose::new(format!("`{text}` is too large"), span, "does not fit in 128 bits"),
        NumberFault::UnknownSuffix => Prose::new(message, span, "unknown suffix").help(
            "the suffixes are `u8` to `u128`, `i8` to `i128`, `usize`, `isize`, `f32`, `f64`, \
             and for durations `ms`, `s`, `m`, `h`, `d`",
        ),
        NumberFault::NoDigits => Prose::new(message, span, "digits are missing"),
        NumberFault::DigitNotInBase => Prose::new(message, span, "a digit that this base does not have"),
    }
}

fn import_unreadable(path: &str, fault: &ImportFault, span: Span) -> Prose {
    match fault {
        ImportFault::NotLoaded => {
            Prose::new(format!("`{path}` has not been loaded"), span, "no other file is read from here")
                .help("put the choreography into a file, and name that")
        }
        ImportFault::NotRelative => Prose::new(format!("`{path}` begins at the root"), span, "not a path from here")
            .help("write the path from this file's directory"),
        ImportFault::TooMany => Prose::new(
            format!("the program has more than {FILE_COUNT_MAX} files"),
            span,
            "this one is not read any more",
        ),
        ImportFault::Unreadable(fault) => {
            let fault = fault.strip_prefix("cannot be read: ").unwrap_or(fault);
            Prose::new(format!("`{path}` cannot be read"), span, fault).help("a path counts from this file's directory")
        }
    }
}

fn unexpected_token(
    found: Option<&str>,
    expected: &[String],
    within: Option<(&'static str, Span)>,
    span: Span,
) -> Prose {
    let word = found;
    let found =
        found.map_or_else(|| "the file ends too early".to_owned(), |token| format!("`{token}` does not belong here"));
    let label = match expected {
        [] => "unexpected".to_owned(),
        _ => format!("expected {}", one_of(expected)),
    };
    let begins_item = expected.iter().any(|expected| expected == "an item");
    let known = word.filter(|_| begins_item).and_then(super::foreign::item);
    let form = known.or_else(|| whole_form(expected, within));
    let prose = Prose::new(found, span, label).help_if(form.map(str::to_owned));
    match within {
        Some((construct, start)) if start != span => prose.label(start, format!("in this {construct}")),
        Some(_) | None => prose,
    }
}

/// The whole of a construct of which a part is missing, where that part is not seen from what is expected.
fn whole_form(expected: &[String], within: Option<(&'static str, Span)>) -> Option<&'static str> {
    let (construct, _) = within?;
    match (construct, expected) {
        ("`abort`", [only]) if only == "a name" || only == "`,`" => Some("write `abort Role, \"reason\";`"),
        ("`sleep`", _) => Some("write `sleep Role, 30s;`, or `sleep Role, millis;` with a `u64` of milliseconds"),
        ("`require`", [only]) if only == "`,`" => Some("write `require condition, \"reason\";`"),
        ("`select`", [first, ..]) if first == "`~>`" => Some("write `select Role ~> Other;`"),
        // A `fn` may end without one.
        ("operation", [first, ..]) if first == "`compensate`" && !expected.iter().any(|other| other == "`;`") => {
            Some("say what undoes it: `compensate name;`, or `compensate none;` where nothing can")
        }
        _ => None,
    }
}

fn keyword_not_in_language(keyword: &str, span: Span) -> Prose {
    let instead = match keyword {
        "return" => "a block's value is its last expression, without `;`; to end early, branch with `if` and `else`",
        "break" => "let the condition of `while` say when the loop ends: keep a flag in a `mut` variable",
        "continue" => "put the rest of the loop's body in an `if`",
        "loop" => "write `while true { … }`, or a choreography that calls itself",
        "async" | "await" => "nothing to write: `~>` waits for the message",
        "try" | "catch" | "throw" => "write `saga { … } else why { … }`, and `require` or `abort` within it",
        "?" => "write a `match`, or `require` what must hold: what one role knows of a failure, the others must learn",
        "impl" | "trait" => "operations are declared in a `service` and written in Rust",
        "mod" | "pub" => {
            "nothing to write: all items of a file are public, and `use \"other.chor\";` brings in another file's"
        }
        "const" | "static" => "write `let` in a block, and a `fn` without parameters for what all of them know",
        "+=" | "-=" | "*=" | "/=" | "%=" => "write the assignment out: `x = x + 1;`",
        "as" => "convert numbers by a method: `x.to_u32()`",
        "++" | "--" => "write the assignment out: `x = x + 1;`",
        "? :" => "write `if c { a } else { b }`",
        "??" => "write `a.unwrap_or(b)`",
        "if let" | "while let" | "let else" => "write a `match`, with an arm for each case",
        "if in a pattern" => "write the `if` in the arm: `n => if n > 1 { … } else { … }`",
        "| in a pattern" => "write an arm for each of them",
        ".. in a pattern" => "write the comparison in an arm: `n => if n < 3 { … } else { … }`",
        "& between values" => "write `&&` for both; there is no arithmetic on bits",
        "| between values" => "write `||` for either; there is no arithmetic on bits",
        "===" => "write `==`",
        "!==" => "write `!=`",
        "var" | "val" | "auto" => "write `let`, or `let mut` and the place where it changes",
        "=>" => "closures are not in the language: write a `for`, a `fn` or a choreography of its own",
        "&" => "nothing to write: values are values here, and nothing is borrowed",
        "|" => "closures are not in the language: write a `fn` or a choreography of its own",
        _ => "choose another name",
    };
    Prose::new(format!("`{keyword}` is not in the language"), span, "other languages have it, choreographies do not")
        .help(instead)
}

fn foreign_form(form: ForeignForm, span: Span) -> Prose {
    match form {
        ForeignForm::IndexedMember => Prose::new("a member of a group has no index here", span, "not one receiver")
            .help("send to all members, `… ~> Worker`, or to each in turn: `for w in Worker { … ~> w; }`"),
        ForeignForm::LimitedOperation => Prose::new(
            "only messages and scopes have a time limit",
            span,
            "an operation runs until its result is recorded",
        )
        .help(
            "limit the scope around it, `saga within 5s { … } else { … }`, or how long its result is waited for: \
             `… ~> Role within 5s`",
        ),
        ForeignForm::Generics { of } => {
            Prose::new(format!("{of} has no type parameters"), span, "begins a list of them")
                .help("name the types; only a choreography has type parameters: `choreography Name<A, B; T>(x: T@A)`")
        }
        ForeignForm::Step => Prose::new("a range has no step", span, "a range goes on by one")
            .help("leave numbers out, `for i in 0..n { if i % 2 == 0 { … } }`, or write a `while`"),
        ForeignForm::Attribute => Prose::new("attributes of Rust are not in the language", span, "an attribute")
            .help("leave it out: every type here can be cloned, compared, written as JSON and shown"),
        ForeignForm::RolesInParentheses { are_names } => {
            let prose = Prose::new("roles stand in `<` and `>`", span, "these are the parameters");
            match are_names {
                true => prose.help("write the roles in `<…>`, and the parameters behind them in `(…)`"),
                false => prose.help("write the roles before the parameters: `choreography Name<A, B>(x: u64@A)`"),
            }
        }
    }
}

fn macro_call(name: &str, span: Span) -> Prose {
    let instead = match name {
        "vec" => "write a list: `[1, 2, 3]`",
        "format" | "concat" => "join strings by `+`: `\"item \" + name + \": \" + count.to_string()`",
        "print" | "println" | "eprint" | "eprintln" | "dbg" | "info" | "debug" | "warn" | "error" | "trace" => {
            "nothing is printed from here: declare an operation for it, and let the role's service write it"
        }
        "assert" | "debug_assert" | "ensure" => "write `require condition, \"reason\";`",
        "assert_eq" | "assert_ne" | "debug_assert_eq" | "debug_assert_ne" => "write `require a == b, \"reason\";`",
        "panic" | "todo" | "unimplemented" | "unreachable" | "bail" => "write `abort Role, \"reason\";`",
        "matches" => "write a `match` whose arms give `true` and `false`",
        "join" | "select" | "try_join" => "write `par { … } and { … }`",
        _ => "write a `fn`, or an operation of a `service` that does it in Rust",
    };
    Prose::new(format!("`{name}!` is not in the language"), span, "Rust has macros, choreographies do not")
        .help(instead)
}

fn wrong_operator(written: &str, meant: &str, span: Span) -> Prose {
    let label = match (written, meant) {
        (_, "~>") => "a message is sent by `~>`",
        (_, "==") => "this assigns, where a condition compares",
        (_, "->") => "a result is declared with `->`",
        (_, "=>") => "an arm is written with `=>`",
        (_, _) => "not an operator here",
    };
    Prose::new(format!("`{written}` where `{meant}` is meant"), span, label)
        .help(format!("write `{meant}`"))
        .edit(span, meant)
}

/// The bracket that closes `open`.
fn closing(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        '<' => '>',
        _ => '}',
    }
}

/// `a`, `a or b`, `a, b or c`.
pub fn one_of(choices: &[String]) -> String {
    match choices {
        [] => String::new(),
        [only] => only.clone(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    }
}

/// "did you mean", for the nearest names.
pub fn did_you_mean(candidates: &[String]) -> Option<String> {
    if candidates.is_empty() {
        return None;
    }
    let quoted: Vec<String> = candidates.iter().map(|candidate| format!("`{candidate}`")).collect();
    Some(format!("did you mean {}?", one_of(&quoted)))
}
