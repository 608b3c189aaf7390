//! Those who do not know of a branch yet, and for whom each of them waits: whoever learns of it wakes only those who wait for it.

use std::collections::{BTreeMap, BTreeSet};

/// Those who do not know of a branch, by their numbers among the players of its choice.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pending: BTreeSet<usize>,
    /// Those of them whom no message can tell.
    stuck: BTreeSet<usize>,
    /// For how many others each of the rest waits.
    missing: BTreeMap<usize, usize>,
    /// Who waits for each player.
    waiters: BTreeMap<usize, Vec<usize>>,
    /// Those who wait for nobody any more.
    learns: Vec<usize>,
}

impl Waiting {
    /// Those who are pending while others know. `senders` gives all who may send a player its first message; nothing where that message cannot
    /// tell it.
    pub(super) fn new(
        pending: BTreeSet<usize>,
        known: &BTreeSet<usize>,
        senders: impl Fn(usize) -> Option<BTreeSet<usize>>,
    ) -> Self {
        let mut waiting = Self::default();
        for player in &pending {
            let senders = senders(*player).filter(|senders| {
                // Who will never know of the branch tells nobody of it.
                senders.iter().all(|sender| known.contains(sender) || pending.contains(sender))
            });
            let Some(senders) = senders else {
                waiting.stuck.insert(*player);
                continue;
            };
            let unknowing: Vec<usize> = senders.difference(known).copied().collect();
            match unknowing.len() {
                0 => waiting.learns.push(*player),
                count => _ = waiting.missing.insert(*player, count),
            }
            unknowing.into_iter().for_each(|sender| waiting.waiters.entry(sender).or_default().push(*player));
        }
        Self { pending, ..waiting }
    }

    /// One whose first message tells it, for all who may send that know by now.
    pub(super) fn next_to_learn(&mut self) -> Option<usize> {
        let player = self.learns.pop()?;
        self.knows(player);
        Some(player)
    }

    /// One who has to be told, when nobody learns any more. Who waits for nobody that may yet learn is told first, and only a cycle is cut at its first
    /// role.
    pub(super) fn next_to_tell(&mut self) -> Option<usize> {
        let player = self.stuck.first().or(self.pending.first()).copied()?;
        self.knows(player);
        Some(player)
    }

    fn knows(&mut self, player: usize) {
        self.pending.remove(&player);
        self.stuck.remove(&player);
        self.missing.remove(&player);
        for waiter in self.waiters.remove(&player).unwrap_or_default() {
            if let Some(count) = self.missing.get_mut(&waiter) {
                *count -= 1;
                if *count == 0 {
                    self.missing.remove(&waiter);
                    self.learns.push(waiter);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who learns and who is told, in order, where each of `waits` may first hear from these; one that nothing can tell has none.
    fn check(waits: &[Option<&[usize]>], known: usize, expected: &str) {
        let pending = (0..waits.len()).filter(|player| *player != known).collect();
        let senders = |player: usize| Some(waits.get(player)?.as_ref()?.iter().copied().collect());
        let mut waiting = Waiting::new(pending, &BTreeSet::from([known]), senders);
        let mut order = Vec::new();
        loop {
            while let Some(player) = waiting.next_to_learn() {
                order.push(format!("{player} learns"));
            }
            let Some(player) = waiting.next_to_tell() else { break };
            order.push(format!("{player} is told"));
        }
        assert_eq!(order.join(", "), expected);
    }

    #[test]
    fn who_hears_from_one_that_knows_learns() {
        check(&[Some(&[1]), Some(&[2]), None], 2, "1 learns, 0 learns");
        check(&[None, Some(&[0, 2]), Some(&[0])], 0, "2 learns, 1 learns");
    }

    #[test]
    fn who_waits_for_nobody_is_told_before_a_cycle_is_cut() {
        check(&[None, Some(&[2]), Some(&[1]), None], 0, "3 is told, 1 is told, 2 learns");
        check(&[None, Some(&[3]), Some(&[7])], 0, "1 is told, 2 is told");
    }
}
