//! The words for what is wrong with groups, calls, arms that run side by side, and variables that change.

use super::grouping::Grouping;
use super::prose::{Prose, one_of};
use crate::span::Span;

impl Grouping {
    /// The problem in words.
    pub fn prose(&self) -> Prose {
        match self {
            Grouping::NotAGroup { name, span, declared } => {
                Prose::new(format!("`{name}` is one role, not a group"), *span, "a group is needed here")
                    .label(*declared, "declared here")
                    .help(format!("declare it as a group: `{name}[]`, or name several roles: `{{{name}, …}}`"))
            }
            Grouping::GroupAsRole { name, member, span } => {
                let prose = Prose::new(format!("`{name}` is a group"), *span, "one role is needed here");
                match member {
                    Some(member) => prose
                        .help(format!("write `{member}`, which is the member of `{name}` in this block"))
                        .edit(*span, member.as_str()),
                    None => prose.help(format!(
                        "let each member do it: `each w in {name} {{ … }}`, or one after the other: `for w in {name} {{ … }}`"
                    )),
                }
            }
            Grouping::GroupForRole { role, span, declared } => {
                Prose::new(format!("several participants cannot play `{role}`"), *span, "this is a group")
                    .label(*declared, "one participant plays this role")
                    .help(format!("name one role, or declare `{role}[]`"))
            }
            Grouping::LacksService { role, service, formal, instead, span, declared } => {
                let instead: Vec<String> = instead.iter().map(|one| format!("`{one}`")).collect();
                Prose::new(format!("`{role}` cannot play `{formal}`"), *span, format!("has no service `{service}`"))
                    .label(*declared, format!("needs `{service}`"))
                    .help(format!("declare the role with it: {}", one_of(&instead).replace(" or ", " and ")))
            }
            Grouping::MayBeOne { one, two, span, first } => {
                Prose::new(format!("`{one}` and `{two}` may be the same participant"), *span, "plays this role")
                    .label(*first, "and perhaps this one")
                    .help("nobody plays two roles of one call; name roles that differ whoever plays them, or call it where the numbers of two members differ: `if v.index != w.index { … }`")
            }
            Grouping::MemberPattern { span } => {
                Prose::new("a member of a group is a role", *span, "a name is needed here").help("write a name: `for w in …`")
            }
            Grouping::OwnOutside { value, span, group, to } => {
                let (name, group) = (name_of(value), group_text(group));
                let (value, to) = (value.as_deref().unwrap_or("…"), to.as_deref().unwrap_or("Role"));
                Prose::new(format!("each member of `{group}` has its own {name}"), *span, "which member's is meant?").help(format!(
                    "use it inside `each w in {group} {{ … }}`, where it is that of `w`; `each w in {group} {{ {value} ~> {to} }}` gives \
                     those of all, as a `Vec` at `{to}`"
                ))
            }
            Grouping::OtherSignature { name, expected, found, span, declared } => {
                Prose::new(format!("`{name}` has another signature than is asked for"), *span, format!("`{found}`"))
                    .label(*declared, format!("asks for `{expected}`"))
                    .help("hand on a choreography of the same roles, services, types and places")
            }
            Grouping::NotAChoreography { expected, span, declared } => {
                Prose::new("the name of a choreography is needed here", *span, "this is something else")
                    .label(*declared, format!("asks for `{expected}`"))
                    .help("a choreography is handed on by its name alone")
            }
            Grouping::EndlessRecursion { name, calls } => {
                let mut calls = calls.iter();
                let first = calls.next();
                let (span, callee) = first.map_or((Span::default(), name.as_str()), |(span, callee)| (*span, callee));
                let mut prose =
                    Prose::new(format!("`{name}` calls itself and never ends"), span, format!("calls `{callee}` every time"));
                for (span, callee) in calls {
                    prose = prose.label(*span, format!("which calls `{callee}` every time"));
                }
                prose.help("put the call in a branch of a choice, so that it can end")
            }
            Grouping::GrowingType { name, ty, span } => {
                Prose::new(format!("each call of `{name}` needs one more type"), *span, format!("`{ty}` grows"))
                    .help("hand type parameters on unchanged in a recursion")
            }
            Grouping::SeveralPlaces { span } => {
                Prose::new("a parameter lives at one place", *span, "several places").help("declare a parameter for each part")
            }
            Grouping::WithinSeveral { span } => {
                Prose::new("a time limit is that of one receiver", *span, "with several receivers")
                    .help("write one communication for each receiver, each with a time limit of its own")
            }
            Grouping::NotAssignable { span } => {
                Prose::new("this cannot be assigned to", *span, "not a variable, nor a part of one")
                    .help("assign to a variable that is declared with `let mut`, or to a field or an element of it")
            }
            Grouping::NotMutable { name, span, declared, by_let } => {
                let insert = Span { end: declared.start, ..*declared };
                let prose = Prose::new(format!("`{name}` is not declared with `mut`"), *span, "assigned here")
                    .label(*declared, "declared here");
                if *by_let {
                    prose
                        .help(format!("declare it with `mut` and its place: `let mut {name}: …@… = …;`"))
                        .edit(insert, "mut ".to_owned())
                } else {
                    prose.help(format!("assign to a variable of your own: `let mut other: …@… = {name};`"))
                }
            }
            Grouping::MutWithoutPlace { name, ty, span } => {
                let ty = if ty.contains('_') { "…" } else { ty.as_str() };
                Prose::new(format!("`{name}` changes, so its place must be written"), *span, "where does it live?")
                    .help(format!("write the roles that assign it: `let mut {name}: {ty}@… = …;`"))
            }
            Grouping::Race { name, assigned, used } if assigned == used => {
                Prose::new(format!("`{name}` is assigned by all copies of this block"), *assigned, "assigned here").help(
                    "give the value as the value of the block and assign it behind, let the members take turns with `for`, or give each of them its own: `@each`",
                )
            }
            Grouping::Race { name, assigned, used } => {
                Prose::new(format!("`{name}` is assigned in one arm and used in another"), *used, "used here")
                    .label(*assigned, "assigned here, at the same time")
                    .help("give the value as the value of the arm and assign it behind the `par` or `each`")
            }
            Grouping::ScopeUnknown { value, role, span, scope } => {
                let value = value.as_ref().map_or_else(|| "this value".to_owned(), |name| format!("`{name}`"));
                Prose::new(format!("`{role}` takes no part in the scope that gives {value}"), *span, "used here")
                    .label(*scope, "whether this completed or was aborted is known to its roles only")
                    .help(format!("send it the value: `… ~> {role}`"))
            }
            Grouping::GroupDecides { group, role, guard } => Prose::new(
                format!("only the members of `{group}` know which branch is taken, and none of them can tell `{role}`"),
                *guard,
                format!("decided by `{group}`"),
            )
            .help(format!("decide it at one role, and send it what it needs: `… ~> {role}`")),
            Grouping::LostInJson { whole, inner, span } => {
                Prose::new(format!("JSON cannot tell the values of `{inner}` apart"), *span, format!("has the type `{whole}`"))
                    .help("what is sent or recorded goes as JSON, where `None` and what is nothing are both `null`; use a `bool` or an enum of your own")
            }
            Grouping::TooManyInstances { name, span, max } => Prose::new(
                format!("`{name}` is called with too many combinations of choreographies"),
                *span,
                format!("more than {max}, of which each is Rust of its own"),
            )
            .help("hand on fewer choreographies, or always in the same order"),
            Grouping::TooManyRoles { span, max } => Prose::new(
                "this choreography has too many roles",
                *span,
                format!("more than {max}, where a group counts once, and each block for members, too"),
            )
            .help("make those that do the same members of a group, or put a part into a choreography of its own"),
            Grouping::TooManyMembers { span, max } => {
                Prose::new(format!("more than {max} blocks for members stand around each other"), *span, "one too many")
                    .help("put the inner ones into a choreography of their own, and call it")
            }
            Grouping::PartsApart { span } => {
                Prose::new("no role holds all of this", *span, "its parts live at different places")
                    .help("take it apart: `let (a, b) = …;`")
            }
        }
    }
}

fn name_of(value: &Option<String>) -> String {
    value.as_ref().map_or_else(|| "value here".to_owned(), |name| format!("`{name}`"))
}

fn group_text(group: &[String]) -> String {
    match group {
        [only] => only.clone(),
        several => format!("{{{}}}", several.join(", ")),
    }
}
