//! Knowledge of choice: who learns which branch was taken, and from whom.
//!
//! A role that does the same in all branches is told nothing, unless it learns the branch anyway and that is of use (see
//! `learners`). Otherwise, in each branch by itself, the first message it receives tells it, if whoever may send that knows the
//! branch; else the compiler puts a selection at the head of the branch. Who knows is a least fixpoint from the guard.

use std::collections::{BTreeMap, BTreeSet};

use super::choice::diverges;
use super::learners::{Pairs, Undecided, begins_alike, learners};
use super::merge::merge;
use super::needless::{check_needless_selections, check_selections_to_decider};
use super::sites::{SiteKey, Sites};
use super::waiting::Waiting;
use super::{Block, Firsts, Label, Stmt, StmtKind, To};
use crate::diagnostic::Diagnostics;
use crate::diagnostic::grouping::Grouping;
use crate::diagnostic::meaning::{First, Meaning, Written};
use crate::hir::body::Local;
use crate::hir::check::places::recipient;
use crate::hir::{Choreography, ExprId, Hir, Place, Player, RoleId};
use crate::span::Span;

/// A choice whose branches are projected.
pub struct Choice<'a> {
    /// The program.
    pub hir: &'a Hir,
    /// The choreography.
    pub choreography: &'a Choreography,
    /// Its variables.
    pub locals: &'a [Local],
    /// The choice.
    pub expr: ExprId,
    /// Its guard.
    pub guard: Span,
    /// Where the guard lives.
    pub deciders: &'a Place,
    /// Whom there is to be told.
    pub players: &'a [Player],
    /// The numbers of those that may be each role.
    pub playing: BTreeMap<RoleId, Vec<usize>>,
    /// Who tells by rule.
    pub teller: Option<RoleId>,
    /// The members whose blocks stand around.
    pub members: &'a [RoleId],
    /// Each branch: where it stands, and whether it ends in `abort`.
    pub branches: Vec<(Span, bool)>,
    /// Whether it is a loop: the first branch is one more round, the second one leaves.
    pub repeats: bool,
}

/// A player's part in a choice.
#[derive(Clone, Debug)]
pub enum Part {
    /// It is at the guard.
    Decides,
    /// It does nothing in any branch.
    Idle,
    /// It does this in all branches.
    Same(Block),
    /// It is told of the branches where this is true; the others end without it.
    Told(Vec<bool>),
}

/// What has been found out about a choice.
pub struct Decided {
    /// Each player's part.
    pub parts: Vec<Part>,
    /// The selections that were put in: the branch, who tells, and whom.
    pub selections: Vec<(usize, RoleId, To)>,
    /// Of a loop: what is done when it stops belongs to the round that is not begun.
    pub stops_in_round: bool,
}

/// Finds out what each player has to know. `blocks` holds each one's projection of each branch; selections are put at their heads.
pub fn decide(
    choice: &Choice<'_>,
    blocks: &mut [Vec<Block>],
    sites: &mut Sites,
    diagnostics: &mut Diagnostics,
) -> Decided {
    let (mut parts, pairs) = parts(choice, blocks, sites, diagnostics);
    let (deciders, told) = (numbers(&parts, |part| matches!(part, Part::Decides)), numbers(&parts, is_told));
    for (one, two) in pairs {
        sites.unify(one, two);
    }
    for (player, branches) in choice.players.iter().zip(blocks.iter()).filter(|_| !told.is_empty()) {
        if !choice.deciders.is_held_by(player) {
            check_needless_selections(choice, player, branches, sites, diagnostics);
        }
    }
    let stops_in_round = stops_in_round(choice, blocks, &parts);
    let alike: BTreeSet<usize> = told
        .iter()
        .copied()
        .filter(|player| {
            let firsts: Vec<Firsts> = blocks.get(*player).into_iter().flatten().map(Firsts::of).collect();
            begins_alike(&firsts, &|site| sites.root(site))
        })
        .collect();
    let mut missing: Vec<(usize, First)> = Vec::new();
    let mut knowers: Vec<BTreeSet<usize>> = Vec::new();
    let mut selections = Vec::new();
    for index in 0..choice.branches.len() {
        let known = deciders.clone();
        let mut branch =
            Branch { choice, index, blocks, known, selections: &mut selections, stops_in_round, alike: &alike };
        let pending: BTreeSet<usize> = told.iter().copied().filter(|player| branch.matters_to(*player)).collect();
        branch.tell(pending, sites, &mut missing, diagnostics);
        knowers.push(branch.known);
    }
    for (index, part) in parts.iter_mut().enumerate() {
        if let Part::Told(branches) = part {
            *branches = knowers.iter().map(|known| known.contains(&index)).collect();
        }
    }
    report_missing(choice, missing, &knowers, diagnostics);
    Decided { parts, selections, stops_in_round }
}

/// Each player's part before it is found out who is told of which branch, and the sites that merging makes one.
fn parts(
    choice: &Choice<'_>,
    blocks: &[Vec<Block>],
    sites: &Sites,
    diagnostics: &mut Diagnostics,
) -> (Vec<Part>, Pairs) {
    let mut parts = Vec::new();
    let mut same: BTreeMap<usize, Pairs> = BTreeMap::new();
    for (number, (player, branches)) in choice.players.iter().zip(blocks).enumerate() {
        let part = if choice.deciders.is_held_by(player) {
            check_selections_to_decider(choice, player, branches, diagnostics);
            Part::Decides
        } else {
            let (part, pairs) = without_telling(choice, branches);
            same.extend(pairs.map(|pairs| (number, pairs)));
            part
        };
        parts.push(part);
    }
    let (deciders, told) = (numbers(&parts, |part| matches!(part, Part::Decides)), numbers(&parts, is_told));
    let undecided = Undecided { choice, blocks, deciders: &deciders, told: &told, same: &same, sites };
    let learners = learners(&undecided);
    for (number, (player, part)) in choice.players.iter().zip(&mut parts).enumerate() {
        if learners.contains(&number) {
            *part = Part::Told(Vec::new());
        } else if let Part::Same(block) = part
            && let (Some(span), true) = (block.first_action(), same.contains_key(&number) && choice.branches.len() > 1)
        {
            let role = choice.name(player);
            diagnostics.push(Meaning::SameInAllBranches { role, span, guard: choice.guard }.into());
        }
    }
    let merged = same.into_iter().filter(|(player, _)| !learners.contains(player));
    (parts, merged.flat_map(|(_, pairs)| pairs).collect())
}

fn is_told(part: &Part) -> bool {
    matches!(part, Part::Told(_))
}

/// The numbers of the players with such a part.
fn numbers(parts: &[Part], is_such: impl Fn(&Part) -> bool) -> BTreeSet<usize> {
    (0..).zip(parts).filter(|(_, part)| is_such(part)).map(|(number, _)| number).collect()
}

/// Whether all who do something when a loop stops count its rounds: then that may belong to a round, and its messages tell that the loop stops.
fn stops_in_round(choice: &Choice<'_>, blocks: &[Vec<Block>], parts: &[Part]) -> bool {
    let counts = |part: &Part| matches!(part, Part::Decides | Part::Told(_));
    let mut stops = blocks.iter().filter_map(|branches| branches.get(1)).zip(parts);
    choice.repeats && stops.all(|(stop, part)| !diverges(stop) && (counts(part) || !stop.acts()))
}

/// The part of a player that need not be told, or `Told` where it must be; and of one that does the same in all branches, the sites
/// that thereby are one.
fn without_telling(choice: &Choice<'_>, branches: &[Block]) -> (Part, Option<Pairs>) {
    if !branches.iter().any(Block::acts) {
        return (Part::Idle, None);
    }
    if let (true, [again, stop]) = (choice.repeats, branches)
        && !again.acts()
    {
        // It has no part in the rounds: what it does when the loop is left it does once, whenever that is.
        return (Part::Same(stop.clone()), None);
    }
    match merge(choice.hir, choice.choreography, choice.locals, branches, choice.expr.0) {
        Some((block, pairs)) => (Part::Same(block), Some(pairs)),
        None => (Part::Told(Vec::new()), None),
    }
}

impl Choice<'_> {
    /// What a player is called: as the innermost member that it is.
    pub(super) fn name(&self, player: &Player) -> String {
        let role = player.members.last().copied().unwrap_or(player.base);
        self.choreography.role_name(role).to_owned()
    }

    /// Those that may be `role`.
    pub(super) fn playing(&self, role: RoleId) -> impl Iterator<Item = usize> {
        self.playing.get(&role).into_iter().flatten().copied()
    }
}

/// The numbers of the players that may be each role.
pub fn playing(players: &[Player]) -> BTreeMap<RoleId, Vec<usize>> {
    let mut playing: BTreeMap<RoleId, Vec<usize>> = BTreeMap::new();
    for (number, player) in players.iter().enumerate() {
        for role in player.members.iter().chain([&player.base]) {
            playing.entry(*role).or_default().push(number);
        }
    }
    playing
}

/// The role that tells by rule: the first one at the guard that is one participant.
pub fn teller(choreography: &Choreography, deciders: &Place, members: &[RoleId]) -> Option<RoleId> {
    let single = |role: &RoleId| !choreography.is_group(*role);
    let held = |role: &RoleId| single(role) && choreography.holds(deciders, *role);
    choreography.role_ids().chain(members.iter().copied()).find(held)
}

/// One branch, while it is found out who learns of it.
struct Branch<'a, 'c> {
    choice: &'a Choice<'c>,
    index: usize,
    blocks: &'a mut [Vec<Block>],
    known: BTreeSet<usize>,
    selections: &'a mut Vec<(usize, RoleId, To)>,
    stops_in_round: bool,
    /// Those whom the first message cannot tell.
    alike: &'a BTreeSet<usize>,
}

impl Branch<'_, '_> {
    fn block(&self, player: usize) -> Option<&Block> {
        self.blocks.get(player).and_then(|branches| branches.get(self.index))
    }

    fn span(&self) -> Span {
        self.choice.branches.get(self.index).map_or(self.choice.guard, |(span, _)| *span)
    }

    /// How the branch is written.
    fn written(&self) -> Written {
        let span = self.span();
        let first = self.choice.branches.first().map(|(span, _)| *span);
        match (self.choice.repeats, self.index) {
            (true, 1) if first == Some(span) => Written::EndOfFor,
            _ if span.start == span.end => Written::WithoutElse,
            _ => Written::Out,
        }
    }

    /// A branch that ends in `abort` tells nobody but those that act in it.
    fn matters_to(&self, player: usize) -> bool {
        let diverges = self.choice.branches.get(self.index).is_some_and(|(_, diverges)| *diverges);
        !diverges || self.block(player).is_some_and(Block::acts)
    }

    fn tell(
        &mut self,
        pending: BTreeSet<usize>,
        sites: &mut Sites,
        missing: &mut Vec<(usize, First)>,
        diagnostics: &mut Diagnostics,
    ) {
        let mut waiting = Waiting::new(pending, &self.known, |player| self.senders(player));
        let mut told = Vec::new();
        loop {
            while let Some(player) = waiting.next_to_learn() {
                self.known.insert(player);
            }
            let Some(player) = waiting.next_to_tell() else {
                break;
            };
            self.check_teller(player, diagnostics);
            let action = self.block(player).and_then(Block::first_action);
            missing.push((player, First { branch: self.span(), action, written: self.written() }));
            told.extend(self.select(player, sites, diagnostics));
            self.known.insert(player);
        }
        for teller in self.choice.teller.iter().flat_map(|teller| self.choice.playing(*teller)) {
            self.insert(teller, &told);
        }
    }

    /// All who may send a player its first message, if that tells it of the branch.
    fn senders(&self, player: usize) -> Option<BTreeSet<usize>> {
        let firsts = self.block(player).map(Firsts::of).unwrap_or_default();
        let tells = !self.must_be_selected(player) && firsts.tell();
        tells.then(|| firsts.messages.iter().flat_map(|key| self.choice.playing(key.from)).collect())
    }

    /// That a loop stops, only what belongs to a round tells, as what follows the loop does not: it cannot come before a message of an earlier round.
    fn must_be_selected(&self, player: usize) -> bool {
        let first = self.block(player).and_then(|block| block.stmts.first()).map(|stmt| &stmt.kind);
        let is_told = matches!(first, Some(StmtKind::Told(label, _)) if label.choice == self.choice.expr.0);
        let stops = self.choice.repeats && self.index > 0 && !self.stops_in_round;
        (stops || self.alike.contains(&player)) && !is_told
    }

    /// A role that would have to be told by the compiler before it tells others is a teller that does not know.
    fn check_teller(&self, player: usize, diagnostics: &mut Diagnostics) {
        let own = |stmt: &&Stmt| match &stmt.kind {
            StmtKind::Select(label, _) => label.choice == self.choice.expr.0 && !label.inferred,
            _ => false,
        };
        let Some(stmt) = self.block(player).and_then(|block| block.stmts.iter().find(own)) else {
            return;
        };
        let choice = self.choice;
        let knows = choice.players.iter().filter(|player| choice.deciders.is_held_by(player));
        let knows = knows.map(|player| choice.name(player)).collect();
        let teller = choice.players.get(player).map(|player| choice.name(player)).unwrap_or_default();
        let (span, guard) = (stmt.span, choice.guard);
        diagnostics.push(Meaning::TellerDoesNotKnow { teller, span, guard, knows }.into());
    }

    /// Has a player told at the head of the branch; gives what the teller does for it.
    fn select(&mut self, player: usize, sites: &mut Sites, diagnostics: &mut Diagnostics) -> Option<Stmt> {
        let choice = self.choice;
        let to_player = choice.players.get(player)?;
        let Some(from) = choice.teller else {
            let group = match choice.deciders {
                Place::Roles(roles) | Place::Each(roles) => {
                    roles.first().map(|role| choice.choreography.role_name(*role))
                }
                Place::Everywhere | Place::Error => None,
            };
            if let Some(group) = group {
                let (group, role, guard) = (group.to_owned(), choice.name(to_player), choice.guard);
                diagnostics.push(Grouping::GroupDecides { group, role, guard }.into());
            }
            return None;
        };
        let to = recipient(choice.choreography, to_player, choice.members);
        let site = sites.site(SiteKey::Inferred(choice.expr, self.index, to_player.clone()));
        let (span, label) = (self.span(), Label { site, choice: choice.expr.0, inferred: true });
        self.insert(player, &[Stmt { kind: StmtKind::Told(label, from), span }]);
        self.selections.push((self.index, from, to.clone()));
        Some(Stmt { kind: StmtKind::Select(label, to), span })
    }

    /// Puts what tells of the branch at its head, behind what tells others.
    fn insert(&mut self, player: usize, stmts: &[Stmt]) {
        let inferred = |stmt: &Stmt| matches!(&stmt.kind, StmtKind::Select(label, _) if label.inferred);
        let block = self.blocks.get_mut(player).and_then(|branches| branches.get_mut(self.index));
        if let Some(block) = block {
            let behind = block.stmts.iter().take_while(|stmt| inferred(stmt)).count();
            block.stmts.splice(behind..behind, stmts.iter().cloned());
        }
    }
}

/// Under `#![explicit]`, every selection that the compiler put in is an error with the line to write.
fn report_missing(
    choice: &Choice<'_>,
    missing: Vec<(usize, First)>,
    knowers: &[BTreeSet<usize>],
    diagnostics: &mut Diagnostics,
) {
    if !choice.choreography.explicit {
        return;
    }
    let name = |player: usize| choice.players.get(player).map(|player| choice.name(player)).unwrap_or_default();
    let told: BTreeSet<usize> = missing.iter().map(|(player, _)| *player).collect();
    let everywhere = |player: &usize| knowers.iter().all(|known| known.contains(player)) && !told.contains(player);
    let knows: Vec<String> = (0..choice.players.len()).filter(everywhere).map(name).collect();
    for player in told {
        let firsts = missing.iter().filter(|(of, _)| *of == player).map(|(_, first)| first.clone()).collect();
        let decider = choice.teller.map(|role| choice.choreography.role_name(role).to_owned()).unwrap_or_default();
        let (role, knows) = (name(player), knows.clone());
        diagnostics.push(Meaning::NotTold { role, decider, guard: choice.guard, firsts, knows }.into());
    }
}
