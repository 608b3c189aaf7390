//! What a choreography as a whole comes to: the oracle that runs of its roles are held against.

use std::collections::{BTreeMap, BTreeSet};

use super::choreography::{A, Choreography, Placed, PlacedScope, mix};
use crate::{Path, Position, RoleId, ScopeEnd};

/// What the outside decided, as it was seen: what each call returned, and, where it is not the program's to say, how scopes ended.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    pub calls: BTreeMap<Position, u64>,
    pub ends: BTreeMap<Position, ScopeEnd>,
}

/// What must come out.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Each role's result.
    pub values: BTreeMap<RoleId, u64>,
    /// The transactions and operations outside that are not undone.
    pub standing: BTreeMap<RoleId, BTreeSet<Position>>,
}

/// The number of an abort's reason.
pub fn reason(why: &crate::ScopeAbort) -> u64 {
    u64::from(why.role.0) * 1_000 + why.reason.bytes().map(u64::from).sum::<u64>()
}

impl Choreography {
    /// `None` if the saga must be rolled back.
    pub fn reference(&self, argument: u64, observed: &Observed) -> Option<Expected> {
        let values = self.participants().into_iter().map(|role| (role, if role == A { argument } else { 0 })).collect();
        let mut expected = Expected { values, standing: BTreeMap::new() };
        self.refer(0, Path::ROOT, observed, &mut expected)?;
        Some(expected)
    }

    fn refer(&self, block: usize, path: Path, observed: &Observed, to: &mut Expected) -> Option<()> {
        for (site, step) in &self.blocks[block] {
            match step {
                Placed::Send(from, receiver) => {
                    let value = mix(to.values[receiver], to.values[from]);
                    to.values.insert(*receiver, value);
                }
                Placed::Transaction(role, behaviour) | Placed::Intent(role, behaviour) => {
                    if behaviour.ends_the_saga(to.values[role]) {
                        return None;
                    }
                    to.standing.entry(*role).or_default().insert(path.position(*site));
                    to.values.insert(*role, mix(to.values[role], u64::from(*site)));
                }
                Placed::Call(role) => {
                    let returned = observed.calls.get(&path.position(*site)).copied().unwrap_or_default();
                    to.values.insert(*role, mix(to.values[role], returned));
                }
                Placed::Require(role, behaviour) => {
                    if behaviour.ends_the_saga(to.values[role]) {
                        return None;
                    }
                }
                Placed::Choice(role, odd, even) => {
                    let branch = if to.values[role] % 2 == 1 { *odd } else { *even };
                    self.refer(branch, path, observed, to)?;
                }
                Placed::Repeat(rounds, body) => {
                    for round in 0..*rounds {
                        self.refer(*body, path.child(*site, round), observed, to)?;
                    }
                }
                Placed::Scope(scope) => self.refer_scope(*site, scope, path, observed, to)?,
            }
        }
        Some(())
    }

    fn refer_scope(
        &self,
        site: u32,
        scope: &PlacedScope,
        path: Path,
        observed: &Observed,
        to: &mut Expected,
    ) -> Option<()> {
        let end = observed.ends.get(&path.position(site));
        let mut body = to.clone();
        let completes = self.refer(scope.body, path.child(site, 0), observed, &mut body).is_some();
        let too_late = |end: &ScopeEnd| match end {
            ScopeEnd::Aborted(Some(why)) => why.reason.starts_with("not completed within"),
            ScopeEnd::Aborted(None) => true,
            ScopeEnd::Completed => false,
        };
        match end {
            Some(ScopeEnd::Completed) => assert!(completes, "a scope is completed that must be aborted"),
            // What this would have come to, nobody knows.
            Some(end @ ScopeEnd::Aborted(_)) => {
                let limited = scope.limit_millis.is_some() && too_late(end);
                let inner = self.has_limit(scope.body);
                assert!(
                    !completes || limited || inner || self.may_abort(),
                    "a scope is aborted for no reason: {end:?}"
                );
            }
            None => {}
        }
        match end {
            Some(ScopeEnd::Completed) => *to = body,
            None if completes => *to = body,
            Some(ScopeEnd::Aborted(_)) | None => {
                if let (true, Some(ScopeEnd::Aborted(Some(why)))) = (scope.why, end) {
                    for role in &scope.roles {
                        to.values.insert(*role, mix(to.values[role], reason(why)));
                    }
                }
                self.refer(scope.otherwise, path.child(site, 1), observed, to)?;
            }
        }
        Some(())
    }

    fn has_limit(&self, block: usize) -> bool {
        self.blocks[block].iter().any(|(_, step)| match step {
            Placed::Scope(scope) => {
                scope.limit_millis.is_some() || self.has_limit(scope.body) || self.has_limit(scope.otherwise)
            }
            Placed::Choice(_, odd, even) => self.has_limit(*odd) || self.has_limit(*even),
            Placed::Repeat(_, body) => self.has_limit(*body),
            Placed::Send(..) | Placed::Transaction(..) | Placed::Call(_) | Placed::Intent(..) | Placed::Require(..) => {
                false
            }
        })
    }
}
