//! A choreography has no more roles than a program for each can be made of in seconds.

use crate::diagnostic::Diagnostics;
use crate::diagnostic::grouping::Grouping;
use crate::span::Span;
use crate::syntax::ast::{self, Item, ParamKind};

/// The most roles of a choreography: those that it declares, a group as one, and one for each block for the members of a group.
pub const ROLES_MAX: usize = 4096;

/// Reports choreographies that declare more roles, also those that stand for parameters. Nothing else is said of a program with one: it is
/// taken for empty.
pub fn check<'f>(files: &'f [ast::File], diagnostics: &mut Diagnostics) -> &'f [ast::File] {
    let mut crowded = false;
    for item in files.iter().flat_map(|file| &file.items) {
        let Item::Choreography(item) = item else { continue };
        let handed = item.params.iter().filter_map(|param| match &param.kind {
            ParamKind::Choreography { roles, .. } => Some(roles),
            ParamKind::Value(_) => None,
        });
        for roles in std::iter::once(&item.roles).chain(handed) {
            if let Some(role) = roles.get(ROLES_MAX) {
                report(role.name.span, diagnostics);
                crowded = true;
            }
        }
    }
    if crowded { &[] } else { files }
}

/// Reports the first role that is too many.
pub fn report(span: Span, diagnostics: &mut Diagnostics) {
    diagnostics.push(Grouping::TooManyRoles { span, max: ROLES_MAX }.into());
}
