//! A session is started with data at one role, and every role has a part in it.

use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::hir::{Choreography, RoleId};
use crate::span::Span;

/// The role where a session starts: the one that holds the arguments, or the first where there are none.
pub fn initiator(choreography: &Choreography) -> RoleId {
    choreography.params.iter().find_map(|param| param.roles.first()).map_or(RoleId(0), |(role, _)| *role)
}

/// Reports arguments that live at several roles.
pub fn check(choreography: &Choreography, diagnostics: &mut Diagnostics) {
    let initiator = initiator(choreography);
    let mut elsewhere: Vec<Span> = Vec::new();
    for param in &choreography.params {
        elsewhere.extend(param.roles.iter().filter(|(role, _)| *role != initiator).map(|(_, span)| *span));
    }
    let mut elsewhere = elsewhere.into_iter();
    if let Some(span) = elsewhere.next() {
        let initiator = choreography.role_name(initiator).to_owned();
        let others = elsewhere.collect();
        diagnostics.push(Meaning::SeveralInitiators { initiator, span, others }.into());
    }
}
