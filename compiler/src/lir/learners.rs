//! Roles that do the same in all branches and yet learn which branch was taken, at no message more: in each branch the
//! first thing they do is to receive, and whoever sends that knows the branch. They are not merged where that is of use:
//! where they hold the value of the choice, or where others learn of the branch by way of them.

use std::collections::{BTreeMap, BTreeSet};

use super::choice::{diverges, ends};
use super::knowledge::Choice;
use super::sites::Sites;
use super::waiting::Waiting;
use super::{Block, Firsts, Site};
use crate::hir::RoleId;

/// The sites that merging a player makes one.
pub(super) type Pairs = Vec<(Site, Site)>;

/// A choice, before it is known who learns of it.
pub(super) struct Undecided<'a, 'c> {
    /// The choice.
    pub(super) choice: &'a Choice<'c>,
    /// Each player's projection of each branch.
    pub(super) blocks: &'a [Vec<Block>],
    /// Those at the guard.
    pub(super) deciders: &'a BTreeSet<usize>,
    /// Those that act differently in the branches.
    pub(super) told: &'a BTreeSet<usize>,
    /// Those that do the same in all branches.
    pub(super) same: &'a BTreeMap<usize, Pairs>,
    /// The sites so far.
    pub(super) sites: &'a Sites,
}

/// Of the players that do the same in all branches, those that are not to be merged.
pub(super) fn learners(undecided: &Undecided<'_, '_>) -> BTreeSet<usize> {
    let wants = |player: &usize| undecided.blocks.get(*player).is_some_and(|blocks| has_value(blocks));
    if undecided.choice.repeats || (undecided.told.is_empty() && !undecided.same.keys().any(wants)) {
        return BTreeSet::new();
    }
    let concerned = undecided.told.iter().chain(undecided.same.keys());
    let firsts = concerned.map(|player| (*player, undecided.firsts_of(*player))).collect();
    let able = undecided.able(&firsts);
    let wanting = able.iter().copied().filter(wants).collect();
    undecided.of_use(&firsts, &able, wanting)
}

/// Whether the same message may come first in several branches, where `root` says which sites are one.
pub(super) fn begins_alike(branches: &[Firsts], root: &dyn Fn(Site) -> Site) -> bool {
    let mut seen: BTreeSet<(Vec<Site>, &[Site], RoleId)> = BTreeSet::new();
    branches.iter().any(|firsts| {
        let keys = firsts.messages.iter();
        let keys = keys.map(|key| (key.own.iter().map(|site| root(*site)).collect(), key.inner.as_slice(), key.from));
        let keys: BTreeSet<_> = keys.collect();
        let is_alike = !seen.is_disjoint(&keys);
        seen.extend(keys);
        is_alike
    })
}

/// Whether somebody holds the value of a choice, if it knows the branch.
fn has_value(branches: &[Block]) -> bool {
    branches.iter().all(|block| block.value.is_some() || ends(block) || diverges(block))
        && branches.iter().any(|block| block.value.as_ref().is_some_and(|value| !value.ty.is_unit()))
}

impl Undecided<'_, '_> {
    fn firsts_of(&self, player: usize) -> Vec<Firsts> {
        self.blocks.get(player).into_iter().flatten().map(Firsts::of).collect()
    }

    /// All who learn of every branch by their first message, if all others that do the same in the branches are merged. One that
    /// is merged makes one site of two, so that a message within a call may no longer tell anybody else.
    fn able(&self, firsts: &BTreeMap<usize, Vec<Firsts>>) -> BTreeSet<usize> {
        let tells = |player: &usize| firsts.get(player).is_some_and(|firsts| firsts.iter().all(Firsts::tell));
        let mut able: BTreeSet<usize> = self.same.keys().copied().filter(tells).collect();
        loop {
            let mut merged = Merged::default();
            for (_, pairs) in self.same.iter().filter(|(player, _)| !able.contains(player)) {
                pairs.iter().for_each(|(one, two)| merged.unify(self.sites.root(*one), self.sites.root(*two)));
            }
            let root = |site: Site| merged.root(self.sites.root(site));
            let is_distinct = |player: &usize| firsts.get(player).is_some_and(|firsts| !begins_alike(firsts, &root));
            let mut learned: BTreeSet<usize> = able.iter().copied().filter(is_distinct).collect();
            for branch in 0..self.choice.branches.len() {
                learned = self.learn(firsts, branch, learned);
            }
            if learned.len() == able.len() {
                return able;
            }
            able = learned;
        }
    }

    /// Which of these learn of a branch by their first message.
    fn learn(&self, firsts: &BTreeMap<usize, Vec<Firsts>>, branch: usize, pending: BTreeSet<usize>) -> BTreeSet<usize> {
        let known: BTreeSet<usize> = self.deciders.union(self.told).copied().collect();
        let senders = |player: usize| firsts.get(&player)?.get(branch).map(|firsts| self.senders(firsts));
        let mut waiting = Waiting::new(pending, &known, senders);
        let mut learned = BTreeSet::new();
        while let Some(player) = waiting.next_to_learn() {
            learned.insert(player);
        }
        learned
    }

    fn senders(&self, firsts: &Firsts) -> BTreeSet<usize> {
        firsts.messages.iter().flat_map(|key| self.choice.playing(key.from)).collect()
    }

    /// Those that want to know, and those by way of whom they or others learn.
    fn of_use(
        &self,
        firsts: &BTreeMap<usize, Vec<Firsts>>,
        able: &BTreeSet<usize>,
        wanting: BTreeSet<usize>,
    ) -> BTreeSet<usize> {
        let mut at_site: BTreeMap<Site, Vec<usize>> = BTreeMap::new();
        for (player, pairs) in self.same.iter().filter(|(player, _)| able.contains(player)) {
            for site in pairs.iter().flat_map(|(one, two)| [*one, *two]) {
                at_site.entry(self.sites.root(site)).or_default().push(*player);
            }
        }
        let mut of_use = wanting;
        let mut next: Vec<usize> = self.told.iter().chain(&of_use).copied().collect();
        while let Some(player) = next.pop() {
            for firsts in firsts.get(&player).into_iter().flatten().filter(|firsts| firsts.tell()) {
                let sites = firsts.messages.iter().flat_map(|key| &key.own);
                // Each site once: whoever is of use for it is so by now.
                let alike = sites.filter_map(|site| at_site.remove(&self.sites.root(*site))).flatten();
                let others = self.senders(firsts).into_iter().filter(|sender| able.contains(sender)).chain(alike);
                let new: Vec<usize> = others.filter(|player| of_use.insert(*player)).collect();
                next.extend(new);
            }
        }
        of_use
    }
}

/// Sites that would be one if some players were merged.
#[derive(Debug, Default)]
struct Merged(BTreeMap<Site, Site>);

impl Merged {
    fn root(&self, mut site: Site) -> Site {
        while let Some(parent) = self.0.get(&site) {
            site = *parent;
        }
        site
    }

    fn unify(&mut self, one: Site, two: Site) {
        let (one, two) = (self.root(one), self.root(two));
        if one != two {
            self.0.insert(one.max(two), one.min(two));
        }
    }
}
