//! What must hold when nothing is left to do.

use super::choreography::A;
use super::world::World;
use crate::RowState;

impl World {
    /// Invariants 2 to 5 and 7 of every session that was durably begun.
    pub fn check(&self) {
        assert!(self.parked.is_empty(), "parked: {:?}", self.parked);
        for node in &self.nodes {
            assert!(node.live.is_empty() && node.store.queue.is_empty(), "something is left in memory");
            for kept in node.store.sessions.values() {
                assert!(
                    matches!(kept.stored.row.state, RowState::Finished { .. }),
                    "not finished: {}",
                    self.describe()
                );
            }
        }
        for id in &self.accepted {
            assert!(self.node(A).store.known.contains(id), "accepted and lost");
        }
        for id in &self.node(A).store.known {
            let at_initiator = self.node(A).store.outcomes.get(id).unwrap_or_else(|| panic!("never settled"));
            let calls = self.nodes.iter().flat_map(|node| &node.store.calls);
            let calls =
                calls.filter(|((session, _), _)| session == id).map(|((_, position), value)| (*position, *value));
            let reference = self.choreography.reference(self.argument, &calls.collect());
            match (&reference, at_initiator) {
                (Some(_), Err(_)) => assert!(!self.choreography.cancels.is_empty(), "aborted for no reason"),
                (None, Ok(_)) => panic!("committed what refuses"),
                (Some(_), Ok(_)) | (None, Err(_)) => {}
            }
            for role in self.choreography.participants() {
                let store = &self.node(role).store;
                match (store.outcomes.get(id), at_initiator, &reference) {
                    (Some(Ok(result)), Ok(_), Some(values)) => {
                        assert_eq!(*result, values[&role].to_string(), "the result of {role:?}");
                        assert_eq!(store.standing(*id).len(), self.transactions_of(role, *id), "all of it stands");
                    }
                    (Some(Err(_)), Err(_), _) => assert!(store.standing(*id).is_empty(), "all of it is undone"),
                    // Nobody was told of an abort before anything left the initiator.
                    (None, Err(_), _) => assert!(!store.known.contains(id)),
                    (other, ..) => panic!("{role:?} ended with {other:?}, the initiator with {at_initiator:?}"),
                }
            }
        }
    }

    fn transactions_of(&self, role: crate::RoleId, id: crate::SessionId) -> usize {
        let effects = &self.node(role).store.effects;
        effects.iter().filter(|effect| effect.session == id && !effect.undoes).count()
    }
}
