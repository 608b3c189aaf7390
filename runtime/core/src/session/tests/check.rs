//! What must hold when nothing is left to do.

use std::collections::BTreeSet;

use super::choreography::A;
use super::reference::Observed;
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
            let ends = self.ends.iter().filter(|((session, _), _)| session == id);
            let ends = ends.map(|((_, scope), end)| (*scope, end.clone())).collect();
            let reference = self.choreography.reference(self.argument, &Observed { calls: calls.collect(), ends });
            match (&reference, at_initiator) {
                (Some(_), Err(_)) => assert!(self.choreography.may_abort(), "aborted for no reason"),
                (None, Ok(_)) => panic!("committed what refuses"),
                (Some(_), Ok(_)) | (None, Err(_)) => {}
            }
            if let (Some(Some(told)), Ok(result)) = (self.decided.get(&(*id, A)), at_initiator) {
                assert_eq!(**told, **result, "the client was told something else");
            }
            for role in self.choreography.participants() {
                let store = &self.node(role).store;
                match (store.outcomes.get(id), at_initiator, &reference) {
                    // A role without a part may not have been waited for.
                    (None, Ok(_), Some(expected)) if self.choreography.optional.roles.contains(&role) => {
                        assert!(store.standing(*id).is_empty() && !expected.standing.contains_key(&role));
                    }
                    (Some(Ok(result)), Ok(_), Some(expected))
                        if **result == *"null" && self.choreography.optional.roles.contains(&role) =>
                    {
                        assert!(store.standing(*id).is_empty() && !expected.standing.contains_key(&role));
                    }
                    (Some(Ok(result)), Ok(_), Some(expected)) => {
                        assert_eq!(*result, expected.values[&role].to_string(), "the result of {role:?}");
                        let mut standing: BTreeSet<_> = store.standing(*id).into_iter().collect();
                        standing.extend(store.standing_outside(*id));
                        let expected = expected.standing.get(&role).cloned().unwrap_or_default();
                        assert_eq!(standing, expected, "what stands at {role:?}");
                    }
                    (Some(Err(_)), Err(_), _) => {
                        assert!(store.standing(*id).is_empty(), "all of it is undone");
                        let late = store.outside.values().any(|outside| outside.late && !outside.barred);
                        assert!(!late && store.standing_outside(*id).next().is_none(), "all of it is undone outside");
                    }
                    // Nobody was told of an abort before anything left the initiator.
                    (None, Err(_), _) => assert!(!store.known.contains(id)),
                    (other, ..) => panic!("{role:?} ended with {other:?}, the initiator with {at_initiator:?}"),
                }
            }
        }
    }
}
