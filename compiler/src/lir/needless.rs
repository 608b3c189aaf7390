//! Selections that tell nobody anything.

use super::knowledge::Choice;
use super::learners::begins_alike;
use super::sites::Sites;
use super::{Block, Firsts, Stmt, StmtKind};
use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::hir::{Player, RoleId};
use crate::span::Span;

/// Reports selections to one at the guard.
pub(super) fn check_selections_to_decider(
    choice: &Choice<'_>,
    player: &Player,
    branches: &[Block],
    diagnostics: &mut Diagnostics,
) {
    let own = |stmt: &&Stmt| matches!(&stmt.kind, StmtKind::Told(label, _) if label.choice == choice.expr.0);
    for stmt in branches.iter().flat_map(|block| block.stmts.iter().filter(own)) {
        let role = choice.name(player);
        diagnostics.push(Meaning::SelectionToDecider { role, span: stmt.span, guard: choice.guard }.into());
    }
}

/// Reports selections to one whom the next message tells as well, for it comes from one at the guard and is not that of another
/// branch. What stands in the `else` of a loop is left out: whether its messages tell depends on all who act there.
pub(super) fn check_needless_selections(
    choice: &Choice<'_>,
    player: &Player,
    branches: &[Block],
    sites: &Sites,
    diagnostics: &mut Diagnostics,
) {
    let count = if choice.repeats { 1 } else { branches.len() };
    let branches = branches.iter().take(count).map(|block| match block.stmts.as_slice() {
        [Stmt { kind: StmtKind::Told(label, _), span }, rest @ ..]
            if label.choice == choice.expr.0 && !label.inferred =>
        {
            (Some(*span), Firsts::of(&Block { stmts: rest.to_vec(), value: None }))
        }
        _ => (None, Firsts::of(block)),
    });
    let (selections, firsts): (Vec<Option<Span>>, Vec<Firsts>) = branches.unzip();
    if selections.iter().all(Option::is_none) || begins_alike(&firsts, &|site| sites.root(site)) {
        return;
    }
    let is_decider = |from: RoleId| {
        choice.playing(from).all(|index| choice.players.get(index).is_some_and(|it| choice.deciders.is_held_by(it)))
    };
    for (selection, firsts) in selections.into_iter().zip(firsts) {
        if let Some(span) = selection
            && firsts.tell()
            && firsts.messages.iter().all(|key| is_decider(key.from))
        {
            let role = choice.name(player);
            diagnostics.push(Meaning::NeedlessSelection { role, span, guard: choice.guard }.into());
        }
    }
}
