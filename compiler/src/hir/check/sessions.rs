//! A session is started with data at one role.

use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::hir::{Choreography, RoleId};
use crate::span::Span;

/// The role where a session starts: the one that holds the arguments, or the first where there are none.
pub fn initiator(choreography: &Choreography) -> RoleId {
    choreography.params.iter().find_map(|param| param.at.roles.first()).map_or(RoleId(0), |(role, _)| *role)
}

/// Where arguments live that are not the initiator's alone.
fn elsewhere(choreography: &Choreography) -> Vec<Span> {
    let initiator = initiator(choreography);
    let is_group = choreography.is_group(initiator);
    let roles = choreography.params.iter().flat_map(|param| &param.at.roles);
    roles.filter(|(role, _)| *role != initiator || is_group).map(|(_, span)| *span).collect()
}

/// Whether sessions of it can be started.
pub fn starts(choreography: &Choreography) -> bool {
    choreography.is_startable() && elsewhere(choreography).is_empty()
}

/// Reports arguments that live at several roles, of a choreography that nobody calls.
pub fn check(choreography: &Choreography, is_called: bool, diagnostics: &mut Diagnostics) {
    if is_called || !choreography.is_startable() {
        return;
    }
    let mut elsewhere = elsewhere(choreography).into_iter();
    if let Some(span) = elsewhere.next() {
        let initiator = Some(initiator(choreography)).filter(|role| !choreography.is_group(*role));
        let initiator = initiator.map(|role| choreography.role_name(role).to_owned());
        let others = elsewhere.collect();
        diagnostics.push(Meaning::SeveralInitiators { initiator, span, others }.into());
    }
}
