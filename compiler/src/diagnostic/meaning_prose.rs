//! The words for what is wrong with a program that reads well.

use super::foreign;
use super::meaning::{First, Meaning, OperandHint, Thing, Written};
use super::mend::Mend;
use super::pivot_path;
use super::place_prose::{ambiguous_sender, apart, not_here, sent_unused};
use super::prose::{Prose, did_you_mean, one_of};
use crate::codegen::names::pascal;
use crate::hir::VariantShape;
use crate::span::Span;

/// How many further places of a name that nothing has are named.
const PLACES_MAX: usize = 3;

impl Meaning {
    /// The problem in words.
    pub fn prose(&self) -> Prose {
        match self {
            Meaning::Grouping(grouping) => grouping.prose(),
            Meaning::Unknown { thing, name, span, candidates, others } => {
                let prose = unknown(thing, name, *span, candidates);
                let mend = prose.edits.iter().find(|edit| edit.span == *span).map(|edit| edit.replacement.clone());
                let named = others.iter().take(PLACES_MAX).fold(prose, |prose, other| prose.label(*other, "and here"));
                let mended = others.iter().filter_map(|other| Some((*other, mend.clone()?)));
                mended.fold(named, |prose, (other, mend)| prose.edit(other, mend))
            }
            Meaning::Duplicate { name, span, first } => {
                Prose::new(format!("the name `{name}` is given twice"), *span, "given again here")
                    .label(*first, "given here first")
                    .help("choose another name for one of them")
            }
            Meaning::DeclaredCompensation { name, operation, compensate } => Prose::new(
                format!("the compensation `{name}` is declared twice"),
                *operation,
                "an operation of the same name",
            )
            .label(*compensate, "this declares it")
            .help(format!(
                "remove the operation: `compensate {name}` is all of the declaration, and the service implements \
                 `{name}` with the arguments and the result of what it undoes"
            )),
            Meaning::TooLarge { max, span } => {
                Prose::new("the type of this is too large", *span, format!("a type has at most {max} parts"))
                    .help("declare a `struct` for a part of it: its name is one part")
            }
            Meaning::BracesInString { name, span } => Prose::new(
                format!("`{{{name}}}` is text here, not the value of `{name}`"),
                *span,
                "a string as it stands",
            )
            .help(format!("join it: `{name}.to_string() + \"…\"`")),
            Meaning::Reserved { name, span, is_type } => {
                let owner =
                    if *is_type { "the language has a type of this name" } else { "generated code has it for itself" };
                Prose::new(format!("the name `{name}` is reserved"), *span, owner).help(format!(
                    "choose another name, such as `{}`",
                    if *is_type { format!("My{}", pascal(name)) } else { format!("{name}1") }
                ))
            }
            Meaning::OneInRust { rust, name, what, span, first_name, first_what, first, instead } => {
                let instead = format!("choose another name for it, such as `{instead}`");
                if span == first {
                    let message = format!("`{name}` is two things of one name in Rust");
                    return Prose::new(message, *span, format!("{first_what} `{rust}` and {what} `{rust}`"))
                        .help(instead);
                }
                Prose::new(
                    format!("`{first_name}` and `{name}` are one name in Rust"),
                    *span,
                    format!("{what} `{rust}`"),
                )
                .label(*first, format!("{first_what} `{rust}`"))
                .help(instead)
            }
            Meaning::RoleAndVariable { name, span, role } => {
                Prose::new(format!("`{name}` is a role"), *span, "a variable of the same name")
                    .label(*role, "the role")
                    .help("choose another name for the variable: roles and variables share one name space")
            }
            Meaning::NotAValue { name, what, span, declared } => not_a_value(name, what, *span, *declared),
            Meaning::Mismatch { expected, found, span, because, mend, value } => {
                let prose =
                    Prose::new(format!("expected {expected}, found {found}"), *span, format!("this is {found}"));
                let prose = match because {
                    Some(because) => prose.label(*because, format!("{expected} because of this")),
                    None => prose,
                };
                match mend {
                    Some(mend) => mend.told(prose, *span, value.as_deref()),
                    None => prose,
                }
            }
            Meaning::Arity { what, unit, expected, found, span, declared } => {
                arity(what, unit, (*expected, *found), *span, *declared)
            }
            Meaning::NotHere { role, span, by, parts } => not_here(role, *span, *by, parts),
            Meaning::Apart { span, parts } => apart(*span, parts),
            Meaning::ChoiceUnknown { value, role, decider, span, guard, choice } => {
                let value = value.as_ref().map_or_else(|| "this value".to_owned(), |name| format!("`{name}`"));
                Prose::new(format!("`{role}` does not know which branch gave {value}"), *span, "used here")
                    .label(*guard, format!("decided here, at `{decider}`"))
                    .label(*choice, "the value of this choice")
                    .help(format!(
                        "write `select {decider} ~> {role};` at the head of each branch, or send the value: `… ~> {role}`"
                    ))
            }
            Meaning::AmbiguousSender { senders, group, is_whole, span, whole } => {
                ambiguous_sender(senders, group.as_ref(), *is_whole, *span, *whole)
            }
            Meaning::SelfCommunication { name, from, to } => {
                Prose::new(format!("`{name}` sends to itself"), *to, "the receiver")
                    .label(*from, "the sender")
                    .help("remove it: what a role holds, it keeps")
            }
            Meaning::RoleTwice { name, span, first } => {
                Prose::new(format!("the role `{name}` is named twice"), *span, "named again here")
                    .label(*first, "named here first")
                    .help("name each role once")
            }
            Meaning::BadOperand { operator, ty, span, extern_type, hint } => {
                bad_operand(operator, ty, *span, *extern_type).help_or(hint.map(instead_of_operator))
            }
            Meaning::UnknownType { ty, span } => {
                Prose::new("the type of this is not known", *span, format!("`{ty}` so far"))
                    .help("write it: `let name: Type = …`")
            }
            Meaning::VariantBase { ty, span } => Prose::new(
                "only a struct takes fields from another value",
                *span,
                format!("a `{ty}` may be of another variant"),
            )
            .help("take the value apart by a `match`, and name all fields"),
            Meaning::TooWide { what, count, max, span } => {
                Prose::new(format!("{what} of {count} parts"), *span, format!("at most {max} are possible"))
                    .help("declare a `struct` for them")
            }
            Meaning::NotAKey { ty, span } => Prose::new(
                format!("a `Map` has no keys of type `{ty}`"),
                *span,
                "keys are strings, integers, `bool` or `char`",
            )
            .help("make a key of it that is one of these, or use a `Vec` of pairs"),
            Meaning::LiteralRange { text, ty, span } => {
                Prose::new(format!("`{text}` does not fit in `{ty}`"), *span, "out of range")
            }
            Meaning::MissingFields { ty, missing, span } => {
                let quoted: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
                Prose::new(format!("`{ty}` is missing {}", quoted.join(", ")), *span, "not all fields are here")
                    .help(format!("add `{}: …`", missing.join(": …, ")))
            }
            Meaning::VariantShape { name, declared_as, fields, span, declared } => {
                variant_shape(name, *declared_as, fields, *span, *declared)
            }
            Meaning::ExternLiteral { name, span } => Prose::new(
                format!("only Rust makes a `{name}`"),
                *span,
                "an extern type may have more fields than are declared",
            )
            .help(format!("change a copy: `{name} {{ field: value, ..other }}`, or let an operation make it")),
            Meaning::RefutableLet { missing, span } => {
                Prose::new(format!("`{missing}` does not match this pattern"), *span, "leaves values out")
                    .help("write a `match`, with an arm for each case")
            }
            Meaning::NonExhaustive { missing, span, whole } => {
                Prose::new(format!("`{missing}` is not covered"), *span, "of this value")
                    .label(*whole, "this `match` has no arm for it")
                    .help(format!("add an arm: `{missing} => …`"))
            }
            Meaning::DuplicateArm { span } => {
                Prose::new("no value reaches this arm", *span, "the arms above take them all").help("remove it")
            }
            Meaning::FloatPattern { span } => {
                Prose::new("a float in a pattern", *span, "floats are not told apart by patterns")
                    .help("compare it in an `if`")
            }
            Meaning::SharedCompensation { name, is_of_two_kinds, span, first } => {
                let (differ, given) = match is_of_two_kinds {
                    true => ("a transaction and a `fn`", "runs in a transaction, or is given the key"),
                    false => {
                        ("operations of different types", "is given the arguments and the result of its operation")
                    }
                };
                Prose::new(format!("`{name}` compensates {differ}"), *span, "shared here")
                    .label(*first, "and here")
                    .help(format!("name a compensation for each: it {given}"))
            }
            Meaning::InfiniteType { name, span } => {
                Prose::new(format!("`{name}` holds itself"), *span, "has no finite size").help("put a `Vec` between")
            }
            Meaning::NotTold { role, decider, guard, firsts, knows } => not_told(role, decider, *guard, firsts, knows),
            Meaning::TellerDoesNotKnow { teller, span, guard, knows } => {
                let knower = knows.first().map_or("A", String::as_str);
                Prose::new(format!("`{teller}` does not know which branch was taken"), *span, "and cannot tell")
                    .label(*guard, format!("{} decides here", all_of(knows)))
                    .help(format!("let `{knower}` tell it, or write `select {knower} ~> {teller};` above"))
            }
            Meaning::MisplacedSelect { span } => Prose::new(
                "`select` stands at the head of a branch",
                *span,
                "not at the head of a branch of `if`, `match` or `while`",
            )
            .help("move it to the head of the branch it tells of, or write a message: `A ~> B;`"),
            Meaning::SelectionToDecider { role, span, guard } => {
                Prose::new(format!("`{role}` is told what it decides itself"), *span, "knows already")
                    .label(*guard, "decided here")
                    .help(format!("take `{role}` out of the `select`"))
            }
            Meaning::NeedlessSelection { role, span, guard } => Prose::new(
                format!("`{role}` learns of the branch anyway"),
                *span,
                "the next message that it gets tells it",
            )
            .label(*guard, "decided here")
            .help(format!("take `{role}` out of the `select`")),
            Meaning::SameInAllBranches { role, span, guard } => {
                Prose::new(format!("`{role}` does the same in all branches"), *span, "this, whichever branch is taken")
                    .label(*guard, "of this choice")
                    .help("move it out of the choice")
            }
            Meaning::NotInFn { construct, span, function } => not_in_fn(construct, *span, *function),
            Meaning::SeveralInitiators { initiator, span, others } => {
                let label =
                    if initiator.is_some() { "this is at another role" } else { "this is at each member of a group" };
                let prose = Prose::new("a session starts with data at one role", *span, label);
                let prose = others.iter().fold(prose, |prose, other| prose.label(*other, "and this"));
                match initiator {
                    Some(initiator) => prose.help(format!("take it at `{initiator}` and send it on with `~>`")),
                    None => prose.help("take it at a role that is no group, and send it on with `~>`"),
                }
            }
            Meaning::NeverReached { span, end } => {
                Prose::new("this is never reached", *span, "never reached").label(*end, "ends here").help("remove it")
            }
            Meaning::SentUnused { from, to, is_still, value, whole, stmt } => {
                sent_unused(from, to, *is_still, (*value, *whole, *stmt))
            }
            Meaning::Pivot { name, span, path } => pivot_path::prose(name, *span, path),
            Meaning::NothingSent { value, to, sending, span } => {
                let value = value.as_ref().map_or_else(|| "this".to_owned(), |name| format!("`{name}`"));
                let who = if to.len() == 1 { "holds" } else { "hold" };
                let prose = Prose::new(format!("{} {who} {value} already", all_of(to)), *span, "sends nothing");
                match sending {
                    Some(sending) => prose.help("leave the sending out").edit(*sending, ""),
                    None => prose.help("use the value itself"),
                }
            }
            Meaning::NothingDeclared { span } => {
                Prose::new("there is no choreography here", *span, "nothing is declared")
                    .help("write one: `choreography Name<A, B>(x: u64@A) -> u64@B { x ~> B }`")
            }
            Meaning::UnusedRole { name, span } => {
                Prose::new(format!("the role `{name}` has no part in it"), *span, "does nothing")
                    .help(format!("remove it, or call it `_{name}` where a signature asks for it"))
            }
        }
    }
}

fn unknown(thing: &Thing, name: &str, span: Span, candidates: &[String]) -> Prose {
    let (message, label) = match thing {
        Thing::Variable | Thing::Abort { .. } => {
            (format!("unknown name `{name}`"), "nothing of this name is in scope".to_owned())
        }
        Thing::Function => (format!("unknown function `{name}`"), "no function has this name".to_owned()),
        Thing::BareOperation { .. } => {
            (format!("`{name}` is called without a role"), "an operation of a service".to_owned())
        }
        Thing::BareVariant { .. } => (format!("`{name}` stands without its enum"), "a variant".to_owned()),
        Thing::Members { .. } => {
            (format!("`{name}` is a value, and `each` goes over roles"), "not a group of roles".to_owned())
        }
        Thing::Choreography => (format!("unknown choreography `{name}`"), "no choreography has this name".to_owned()),
        Thing::Type => (format!("unknown type `{name}`"), "no type has this name".to_owned()),
        Thing::Struct => (format!("unknown struct `{name}`"), "no struct has this name".to_owned()),
        Thing::Service => (format!("unknown service `{name}`"), "no service has this name".to_owned()),
        Thing::Role => (format!("unknown role `{name}`"), "not a role of this choreography".to_owned()),
        Thing::Operation { compensates: Some(operation), .. } => {
            (format!("`{name}` is not called by a choreography"), format!("compensates `{operation}`"))
        }
        Thing::Operation { role, service_known: true, .. } => {
            (format!("`{role}` has no operation `{name}`"), "not declared by its service".to_owned())
        }
        Thing::Operation { role, service_known: false, .. } => {
            (format!("`{role}` has no operation `{name}`"), "a role without a service".to_owned())
        }
        Thing::Method { ty, .. } => (format!("`{ty}` has no method `{name}`"), "unknown method".to_owned()),
        Thing::Field { ty, .. } => (format!("`{ty}` has no field `{name}`"), "unknown field".to_owned()),
        Thing::Variant { ty } => (format!("no variant of `{ty}` is written `{name}`"), "unknown variant".to_owned()),
    };
    let known = match thing {
        Thing::Variable => foreign::variable(name),
        Thing::Function => foreign::function(name),
        Thing::Type => foreign::ty(name),
        Thing::Method { .. } => foreign::method(name),
        Thing::Field { .. } | Thing::Operation { service_known: false, .. } => foreign::method(name),
        _ => None,
    };
    let known = known.map(str::to_owned);
    let meant = match candidates {
        [only] if known.is_none() => Some(only.as_str()),
        _ => None,
    };
    let mend = known.or_else(|| did_you_mean(candidates)).or_else(|| match thing {
        Thing::Type => {
            Some("declare it: `struct`, `enum`, or `extern type crate::…;` for one that Rust owns".to_owned())
        }
        Thing::Operation { role, service_known: false, any_service: true, .. } => {
            Some(format!("give it one: `<{role}: Service>`"))
        }
        Thing::Operation { role, service_known: false, any_service: false, .. } => {
            Some(format!("declare one: `service {role} {{ fn {name}(…); }}`"))
        }
        Thing::Field { is_extern: true, .. } => {
            Some("an `extern type` shows the fields that its declaration lists".to_owned())
        }
        Thing::Operation { compensates: Some(operation), .. } => Some(format!(
            "a rollback calls it: end the scope with `abort Role, \"reason\";`, or declare an operation of its own for what is \
             not the undoing of `{operation}`"
        )),
        Thing::BareOperation { roles } => Some(format!("say at which role: {}", written(roles, ".", name, "(…)"))),
        Thing::BareVariant { enums } => Some(format!("say of which enum: {}", written(enums, "::", name, ""))),
        Thing::Members { .. } => Some("write `for`, which goes over the items of a `Vec` one by one".to_owned()),
        Thing::Abort { .. } => Some(format!("give the abort this name: `else {name} {{ … }}`")),
        Thing::Variable
        | Thing::Function
        | Thing::Choreography
        | Thing::Struct
        | Thing::Service
        | Thing::Role
        | Thing::Operation { .. }
        | Thing::Method { .. }
        | Thing::Field { is_extern: false, .. }
        | Thing::Variant { .. } => None,
    });
    let prose = Prose::new(message, span, label).help_if(mend);
    match thing {
        Thing::BareOperation { roles: owners } | Thing::BareVariant { enums: owners } => {
            let sign = if matches!(thing, Thing::BareVariant { .. }) { "::" } else { "." };
            match owners.as_slice() {
                [only] => prose.edit(span, format!("{only}{sign}{name}")),
                _ => prose,
            }
        }
        Thing::Members { each } => prose.edit(*each, "for"),
        Thing::Abort { block } => prose
            .label(*block, "this `else` does not name the abort")
            .edit(Span { end: block.start, ..*block }, format!("{name} ")),
        Thing::Method { semicolon: Some(semicolon), .. } => Mend::WithoutSemicolon(*semicolon).told(prose, span, None),
        _ => meant.into_iter().fold(prose, |prose, meant| prose.edit(span, meant)),
    }
}

/// A name behind each of its owners, in words.
fn written(owners: &[String], sign: &str, name: &str, args: &str) -> String {
    let ways: Vec<String> = owners.iter().map(|owner| format!("`{owner}{sign}{name}{args}`")).collect();
    one_of(&ways)
}

fn not_in_fn(construct: &str, span: Span, function: Span) -> Prose {
    let what = if construct.starts_with("a ") { construct.to_owned() } else { format!("`{construct}`") };
    let mend = match construct {
        "require" | "abort" => {
            "give an `Option` or a `Result` back, and let the choreography decide: `require f(x).is_ok(), \"…\";`"
        }
        _ => "take what is needed as a parameter, and do this in a choreography",
    };
    Prose::new(format!("{what} in a `fn`, which has no roles"), span, "not in a `fn`")
        .label(function, "a function is pure, and computed wherever its arguments live")
        .help(mend)
}

fn not_a_value(name: &str, what: &str, span: Span, declared: Option<Span>) -> Prose {
    let prose = Prose::new(format!("`{name}` is not a value"), span, format!("{what}, not a value"));
    let prose = match declared {
        Some(declared) => prose.label(declared, "declared here"),
        None => prose,
    };
    match what {
        "a choreography" => prose.help(format!("call it with the roles that play its roles: `{name}<A, B>(…)`")),
        _ => prose
            .help("write a variable, a literal or a call here; an operation is called at a role: `Role.operation(…)`"),
    }
}

fn arity(what: &str, unit: &str, (expected, found): (usize, usize), span: Span, declared: Option<Span>) -> Prose {
    let plural = |count: usize| if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") };
    let prose =
        Prose::new(format!("{what} takes {}, not {found}", plural(expected)), span, format!("{} given", plural(found)));
    match declared {
        Some(declared) => prose.label(declared, "declared here"),
        None => prose,
    }
}

fn bad_operand(operator: &str, ty: &str, span: Span, extern_type: Option<Span>) -> Prose {
    let prose = Prose::new(format!("`{ty}` has no `{operator}`"), span, format!("of type `{ty}`"));
    match extern_type {
        Some(declared) if operator == "==" => prose
            .label(declared, "declared here")
            .help(format!("if its Rust type has `PartialEq`, declare it so: `extern type …{ty}: Eq`")),
        Some(_) | None => prose,
    }
}

fn instead_of_operator(hint: OperandHint) -> &'static str {
    match hint {
        OperandHint::Inside => {
            "take the value out first: by a `match`, `….unwrap_or(…)`, or `….unwrap()`, which aborts where there is none"
        }
        OperandHint::Signed => "make it a number with a sign: `-….to_i64()`",
    }
}

fn variant_shape(name: &str, declared_as: VariantShape, fields: &[String], span: Span, declared: Span) -> Prose {
    let right = match declared_as {
        VariantShape::Unit => name.to_owned(),
        VariantShape::Tuple => format!("{name}({})", vec!["…"; fields.len()].join(", ")),
        VariantShape::Struct => format!("{name} {{ {} }}", fields.join(", ")),
    };
    Prose::new(format!("`{name}` is not declared in this form"), span, "used in another form")
        .label(declared, "declared here")
        .help(format!("write `{right}`"))
}

fn not_told(role: &str, decider: &str, guard: Span, firsts: &[First], knows: &[String]) -> Prose {
    let prose =
        Prose::new(format!("`{role}` is not told which branch was taken"), guard, format!("`{decider}` decides here"));
    let prose = firsts.iter().fold(prose, |prose, first| match (first.action, first.written) {
        (_, Written::EndOfFor) => {
            prose.label(first.branch, format!("`{role}` is not told when the last round is over"))
        }
        (Some(action), _) => prose.label(action, format!("what `{role}` does first in one branch")),
        (None, Written::Out) => prose.label(first.branch, format!("`{role}` does nothing in this branch")),
        (None, Written::WithoutElse) => {
            prose.label(first.branch, format!("without an `else`, where `{role}` does nothing"))
        }
    });
    let is_written = |written: Written| firsts.iter().any(|first| first.written == written);
    let select = format!("`select {decider} ~> {role};` at the head of");
    let help = if is_written(Written::EndOfFor) {
        format!(
            "send `{role}` what the loop goes over, before it; or write a `while` with an \
             `else {{ select {decider} ~> {role}; }}`, which is the branch that leaves it"
        )
    } else if is_written(Written::WithoutElse) && firsts.len() == 1 {
        format!("add `else {{ select {decider} ~> {role}; }}`")
    } else if is_written(Written::WithoutElse) {
        format!("write {select} the branch, and add `else {{ select {decider} ~> {role}; }}`")
    } else {
        format!("write {select} {} branch", if firsts.len() == 1 { "this" } else { "each such" })
    };
    prose.note(format!("the branch is known at {}", all_of(knows))).help(help)
}

/// `` `A` ``, `` `A` and `B` ``.
pub(super) fn all_of(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    all_quoted(&quoted)
}

pub(super) fn all_quoted(quoted: &[String]) -> String {
    one_of(quoted).replace(" or ", " and ")
}
