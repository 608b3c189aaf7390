//! How a session can be rolled back after a transaction that nothing undoes has committed.

use super::prose::Prose;
use crate::span::Span;

/// What keeps a transaction that nothing undoes from deciding its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PivotPath {
    /// Something behind it may abort.
    MayAbort {
        /// What.
        name: String,
        /// Where that is.
        by: Span,
    },
    /// Something in the next round of a loop may abort.
    NextRound {
        /// What.
        name: String,
        /// Where that is.
        by: Span,
    },
    /// Another role waits for what is sent behind it.
    Awaited {
        /// Which.
        role: String,
        /// Where it is sent.
        by: Span,
    },
    /// Its role waits behind it.
    Waits {
        /// Where.
        by: Span,
    },
    /// Its role does something else in another arm of this `par`.
    Beside {
        /// The `par`.
        span: Span,
    },
    /// It is run again and again, or by each of several roles.
    Repeats {
        /// The loop, or the call that leads back.
        span: Span,
    },
    /// It ends with its scope, and the session goes on.
    Scope {
        /// The scope.
        span: Span,
    },
    /// Each member of a group runs it.
    Group {
        /// The group.
        role: String,
    },
    /// There are too many like it.
    TooMany,
}

/// What is said of a transaction, or of the choreography `name` that runs it.
pub(super) fn prose(name: &str, span: Span, path: &PivotPath) -> Prose {
    let prose = |what: String| Prose::new(format!("nothing undoes `{name}`, and {what}"), span, "stays committed then");
    let last = format!("run `{name}` last in its role, so that it waits for all votes, or declare what undoes it");
    match path {
        PivotPath::MayAbort { name: next, by } => prose(format!("`{next}` behind it may abort"))
            .label(*by, "may still abort")
            .help(format!("run `{name}` last, or declare what undoes it")),
        PivotPath::NextRound { name: next, by } => prose(format!("`{next}` in the next round may abort"))
            .label(*by, "may still abort")
            .help(format!("run `{name}` once, behind the loop, or declare what undoes it")),
        PivotPath::Awaited { role, by } => prose(format!("the session may be rolled back before `{role}` has voted"))
            .label(*by, format!("`{role}` waits for this, and votes later"))
            .help(last),
        PivotPath::Waits { by } => prose("the session may be rolled back while its role waits behind it".to_owned())
            .label(*by, "waits here")
            .help(last),
        PivotPath::Beside { span } => prose("its role does something else beside it that may come later".to_owned())
            .label(*span, "runs side by side")
            .help(last),
        PivotPath::Repeats { span } => prose("it runs more than once: a later run may abort".to_owned())
            .label(*span, "repeats")
            .help(format!("run `{name}` once, behind the repetition, or declare what undoes it")),
        PivotPath::Scope { span } => prose(
            "the session may be rolled back after its scope has ended: by an abort, a cancel or a deadline".to_owned(),
        )
        .label(*span, "ends before the session does")
        .help(format!("run `{name}` behind the scope, last in its role, or declare what undoes it")),
        PivotPath::Group { role } => {
            prose(format!("each member of `{role}` runs it: one may abort when another has committed"))
                .help("let one role run it, or declare what undoes it")
        }
        PivotPath::TooMany => prose("a session has too many like it to wait for all votes".to_owned())
            .help("declare what undoes it, or run it in fewer places"),
    }
}
