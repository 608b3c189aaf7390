//! The sessions that had something to say to a node when there was no room for it on the way there, in the order in which they get their turn again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use accompanist_core::{RoleId, SessionKey};

/// Whose turn it is: a session of this node, and the role that it speaks to.
pub(super) type Turns = VecDeque<(SessionKey, RoleId)>;

/// By the node that they speak to. None stands there twice: they are as many as the sessions in memory, times their roles.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    nodes: BTreeMap<String, Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    turns: Turns,
    known: BTreeSet<(SessionKey, RoleId)>,
}

impl Unsent {
    /// A session waits for its turn, behind the others.
    pub(super) fn add(&mut self, node: &str, key: SessionKey, to: RoleId) {
        if !self.nodes.contains_key(node) {
            self.nodes.insert(node.to_owned(), Waiting::default());
        }
        if let Some(waiting) = self.nodes.get_mut(node)
            && waiting.known.insert((key, to))
        {
            waiting.turns.push_back((key, to));
        }
    }

    /// Whether one waits.
    pub(super) fn has(&self, node: &str) -> bool {
        self.nodes.contains_key(node)
    }

    /// All that wait, who then wait no more.
    pub(super) fn take(&mut self, node: &str) -> Turns {
        self.nodes.remove(node).unwrap_or_default().turns
    }

    /// Nobody waits any more.
    pub(super) fn forget(&mut self, node: &str) {
        self.nodes.remove(node);
    }

    /// These wait on, before those that came meanwhile.
    pub(super) fn put_back(&mut self, node: &str, turns: Turns) {
        let later = self.take(node);
        for (key, to) in turns.into_iter().chain(later) {
            self.add(node, key, to);
        }
    }
}

#[cfg(test)]
mod tests {
    use accompanist_core::SessionId;

    use super::*;

    #[test]
    fn each_waits_once_and_those_whose_turn_did_not_come_are_the_first_again() {
        let turn = |number| (SessionKey { session: SessionId([number; 32]), role: RoleId(0) }, RoleId(1));
        let mut unsent = Unsent::default();
        for number in [3, 1, 3, 2] {
            unsent.add("b", turn(number).0, turn(number).1);
        }
        assert!(unsent.has("b") && !unsent.has("a"));
        let mut turns = unsent.take("b");
        assert_eq!(turns, [turn(3), turn(1), turn(2)]);
        assert_eq!((turns.pop_front(), unsent.has("b")), (Some(turn(3)), false));
        unsent.add("b", turn(3).0, turn(3).1);
        unsent.put_back("b", turns);
        assert_eq!(unsent.take("b"), [turn(1), turn(2), turn(3)]);
        unsent.add("b", turn(1).0, turn(1).1);
        unsent.forget("b");
        assert!(!unsent.has("b"));
    }
}
