//! Which nodes may play which role: what a session that another node starts is held to.
//!
//! A session starts at the node of its initiator's role, so this says as well which nodes may start one. What counts is what this node has been
//! told itself, never what a session's header says. It is looked at when a session begins here: those that have begun go on as they are.

use std::collections::{BTreeMap, BTreeSet};

use accompanist_core::{Header, RoleId};

use crate::context::Definition;
use crate::names::snake_case;

/// What the node's builder says of roles and nodes, by `Choreography.Role` or `Role`.
#[derive(Debug, Default)]
pub(super) struct Authority {
    assigned: BTreeMap<String, Vec<String>>,
    allowed: BTreeMap<String, BTreeSet<String>>,
}

impl Authority {
    /// These nodes play `role`, in sessions that start here and in others.
    pub(super) fn assign(&mut self, role: String, nodes: Vec<String>) {
        self.assigned.insert(role, nodes);
    }

    /// These nodes may play `role`, too, in sessions that start elsewhere.
    pub(super) fn allow(&mut self, role: String, nodes: impl IntoIterator<Item = String>) {
        self.allowed.entry(role).or_default().extend(nodes);
    }

    /// Each role that something was said of, with the nodes that were named for it.
    pub(super) fn said(&self) -> Vec<(&str, Vec<&str>)> {
        let assigned = self.assigned.iter().map(|(role, nodes)| (role, nodes.iter().collect::<Vec<_>>()));
        let allowed = self.allowed.iter().map(|(role, nodes)| (role, nodes.iter().collect()));
        let all = assigned.chain(allowed);
        all.map(|(role, nodes)| (role.as_str(), nodes.into_iter().map(String::as_str).collect())).collect()
    }

    /// The nodes that play `role` of `choreography`, where that has been said.
    pub(super) fn assigned(&self, choreography: &str, role: &str) -> Option<&[String]> {
        let qualified = self.assigned.get(&format!("{choreography}.{role}"));
        qualified.or_else(|| self.assigned.get(role)).map(Vec::as_slice)
    }

    /// Whether `node` may play `role` of `choreography`: it is assigned to it, or has the role's name where no node is, or it is allowed.
    fn may_play(&self, choreography: &str, role: &str, node: &str) -> bool {
        let is_allowed = |role: &str| self.allowed.get(role).is_some_and(|nodes| nodes.contains(node));
        let plays = match self.assigned(choreography, role) {
            Some(nodes) => nodes.iter().any(|assigned| assigned == node),
            None => snake_case(role) == node,
        };
        plays || is_allowed(role) || is_allowed(&format!("{choreography}.{role}"))
    }

    /// Whether the nodes that `header` names may play their roles, as far as the node `me` has been told; `plays_here` are the roles that it
    /// plays itself. If not, why, and what to do.
    pub(super) fn objection(
        &self,
        header: &Header,
        definition: &Definition,
        me: &str,
        plays_here: impl Fn(RoleId) -> bool,
    ) -> Option<String> {
        let cast = (0..=u16::MAX).map(RoleId).zip(&header.nodes);
        for (role, nodes) in cast.filter(|(role, _)| definition.participants.contains(role)) {
            let (choreography, name) = (definition.name, definition.role_name(role));
            let may = |node: &String| (node == me && plays_here(role)) || self.may_play(choreography, name, node);
            // One node often plays many members.
            let mut runs = nodes.chunk_by(|one, next| one == next).filter_map(|run| run.first());
            let Some(node) = runs.find(|node| !may(node)) else { continue };
            let starts = if role == definition.initiator { ", and so may not start it" } else { "" };
            return Some(format!(
                "node `{node}` may not play `{name}` of `{choreography}`{starts}, as far as node `{me}` has been told; if it may, say so \
                 there: `.allow(\"{choreography}.{name}\", [\"{node}\"])`"
            ));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition() -> Definition {
        Definition {
            name: "Order",
            fingerprint: [0; 32],
            roles: &["FrontDesk", "Bank", "Courier", "Idle"],
            groups: &[RoleId(2)],
            initiator: RoleId(0),
            participants: &[RoleId(0), RoleId(1), RoleId(2)],
            begins: &[],
            pivots: &[],
            optional: &[],
            givers: &[],
        }
    }

    /// What `bank`, which plays `Bank`, says of a session that these nodes play.
    fn objection(authority: &Authority, nodes: [&[&str]; 4]) -> Option<String> {
        let header = Header {
            choreography: "Order".to_owned(),
            fingerprint: [0; 32],
            initiator: RoleId(0),
            client_id: "1".to_owned(),
            nonce: [0; 16],
            nodes: nodes.map(|nodes| nodes.iter().map(ToString::to_string).collect()).to_vec(),
            participants: vec![RoleId(0), RoleId(1)],
        };
        authority.objection(&header, &definition(), "bank", |role| role == RoleId(1))
    }

    #[test]
    fn a_role_is_played_by_the_node_of_its_name_unless_another_is_named_here() {
        let mut authority = Authority::default();
        assert_eq!(objection(&authority, [&["front_desk"], &["bank"], &[], &[]]), None);
        let words = objection(&authority, [&["evil"], &["bank"], &[], &[]]).expect("it is nobody's name");
        assert!(words.contains("node `evil` may not play `FrontDesk` of `Order`, and so may not start it"), "{words}");
        assert!(words.contains("`.allow(\"Order.FrontDesk\", [\"evil\"])`"), "{words}");
        authority.assign("FrontDesk".to_owned(), vec!["berlin".to_owned()]);
        assert_eq!(objection(&authority, [&["berlin"], &["bank"], &[], &[]]), None);
        assert!(objection(&authority, [&["front_desk"], &["bank"], &[], &[]]).is_some(), "another node is assigned");
        authority.assign("Order.FrontDesk".to_owned(), vec!["paris".to_owned()]);
        assert!(
            objection(&authority, [&["berlin"], &["bank"], &[], &[]]).is_some(),
            "of this choreography, yet another"
        );
    }

    #[test]
    fn more_nodes_may_be_allowed_by_either_name_of_a_role() {
        for role in ["Courier", "Order.Courier"] {
            let mut authority = Authority::default();
            let session: [&[&str]; 4] = [&["front_desk"], &["bank"], &["rail", "road"], &[]];
            assert!(
                objection(&authority, session).is_some_and(|words| words.contains("`rail` may not play `Courier`"))
            );
            authority.allow(role.to_owned(), ["rail".to_owned()]);
            assert!(objection(&authority, session).is_some_and(|words| words.contains("`road`")));
            authority.allow(role.to_owned(), ["road".to_owned()]);
            assert_eq!(objection(&authority, session), None);
        }
    }

    #[test]
    fn a_node_plays_what_it_was_given_and_nobody_plays_a_role_without_a_part() {
        let mut authority = Authority::default();
        authority.assign("Bank".to_owned(), vec!["elsewhere".to_owned()]);
        assert_eq!(objection(&authority, [&["front_desk"], &["bank"], &[], &["anybody"]]), None);
        assert!(objection(&authority, [&["bank"], &["bank"], &[], &[]]).is_some(), "it was not given `FrontDesk`");
    }
}
