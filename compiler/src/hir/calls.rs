//! Who calls whom: the order in which choreographies are projected, and which calls are recursive.

use std::collections::BTreeSet;

use super::{Callee, Choreography, ChoreographyId, ExprKind, Hir};

/// The calls of a program.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    callees: Vec<BTreeSet<usize>>,
    /// For each choreography, the number of its cycle of calls; those of one number call each other. Callees have smaller numbers.
    components: Vec<usize>,
    called: BTreeSet<usize>,
    handed: BTreeSet<usize>,
}

impl Calls {
    /// The calls of a program. A choreography that is handed on counts as called there.
    pub fn of(hir: &Hir) -> Self {
        let callees: Vec<BTreeSet<usize>> = hir.choreographies.iter().map(callees).collect();
        let components = components(&callees);
        let mut called = BTreeSet::new();
        for (caller, callees) in callees.iter().enumerate() {
            called.extend(callees.iter().copied().filter(|callee| *callee != caller));
        }
        Self { callees, components, called, handed: hir.choreographies.iter().flat_map(handed).collect() }
    }

    /// The choreographies, each behind those that it calls, as far as calls are not recursive.
    pub fn order(&self) -> Vec<ChoreographyId> {
        let mut order: Vec<usize> = (0..self.components.len()).collect();
        order.sort_by_key(|index| (self.components.get(*index).copied(), *index));
        order.into_iter().map(id).collect()
    }

    /// Whether a call is one of a cycle of calls.
    pub fn is_recursive(&self, caller: ChoreographyId, callee: ChoreographyId) -> bool {
        let component = |id: ChoreographyId| self.components.get(id.0 as usize);
        component(caller) == component(callee)
    }

    /// Whether it calls itself, be it by way of others.
    pub fn calls_back(&self, choreography: ChoreographyId) -> bool {
        self.callees(choreography).any(|callee| self.is_recursive(choreography, callee))
    }

    /// Whether another choreography calls it.
    pub fn is_called(&self, choreography: ChoreographyId) -> bool {
        self.called.contains(&(choreography.0 as usize))
    }

    /// Whether it is handed to another choreography, which asks for a signature.
    pub fn is_handed(&self, choreography: ChoreographyId) -> bool {
        self.handed.contains(&(choreography.0 as usize))
    }

    /// Whether any choreography calls it, be it itself.
    pub fn is_callee(&self, choreography: ChoreographyId) -> bool {
        let index = choreography.0 as usize;
        self.called.contains(&index) || self.callees.get(index).is_some_and(|callees| callees.contains(&index))
    }

    /// The choreographies of each cycle of calls, a cycle behind those that it calls; one that is in none is a cycle of its own.
    pub fn cycles(&self) -> Vec<Vec<ChoreographyId>> {
        let mut cycles: Vec<Vec<ChoreographyId>> = Vec::new();
        for (index, component) in self.components.iter().enumerate() {
            if cycles.len() <= *component {
                cycles.resize(component + 1, Vec::new());
            }
            if let Some(cycle) = cycles.get_mut(*component) {
                cycle.push(id(index));
            }
        }
        cycles
    }

    /// Where the cycle of a choreography stands among the [cycles](Calls::cycles).
    pub fn cycle(&self, choreography: ChoreographyId) -> Option<usize> {
        self.components.get(choreography.0 as usize).copied()
    }

    /// What a choreography calls itself.
    pub fn callees(&self, choreography: ChoreographyId) -> impl Iterator<Item = ChoreographyId> {
        self.callees.get(choreography.0 as usize).into_iter().flatten().copied().map(id)
    }
}

fn id(index: usize) -> ChoreographyId {
    ChoreographyId(u32::try_from(index).unwrap_or(u32::MAX))
}

fn callees(choreography: &Choreography) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for expr in &choreography.body.exprs {
        if let ExprKind::Call(call) = &expr.kind {
            for callee in call.choreographies.iter().chain([&call.callee]) {
                if let Callee::Choreography(id) = callee {
                    found.insert(id.0 as usize);
                }
            }
        }
    }
    found
}

/// The choreographies that one hands on.
fn handed(choreography: &Choreography) -> impl Iterator<Item = usize> {
    let calls = choreography.body.exprs.iter().filter_map(|expr| match &expr.kind {
        ExprKind::Call(call) => Some(&call.choreographies),
        _ => None,
    });
    calls.flatten().filter_map(|callee| match callee {
        Callee::Choreography(id) => Some(id.0 as usize),
        Callee::Param(_) => None,
    })
}

/// Tarjan's strongly connected components, without recursion: a component's number is greater than those it calls.
fn components(callees: &[BTreeSet<usize>]) -> Vec<usize> {
    let count = callees.len();
    let (mut index, mut low) = (vec![usize::MAX; count], vec![0; count]);
    let (mut component, mut next_component) = (vec![usize::MAX; count], 0);
    let (mut stack, mut next) = (Vec::new(), 0);
    for root in 0..count {
        if index.get(root) != Some(&usize::MAX) {
            continue;
        }
        let mut work: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut enter = Some(root);
        loop {
            if let Some(node) = enter.take() {
                set(&mut index, node, next);
                set(&mut low, node, next);
                next += 1;
                stack.push(node);
                work.push((node, callees.get(node).into_iter().flatten().copied().collect()));
            }
            let Some((node, rest)) = work.last_mut() else { break };
            let node = *node;
            match rest.pop() {
                Some(callee) if get(&index, callee) == usize::MAX => enter = Some(callee),
                Some(callee) if get(&component, callee) == usize::MAX => {
                    let lower = get(&low, node).min(get(&index, callee));
                    set(&mut low, node, lower);
                }
                Some(_) => {}
                None => {
                    work.pop();
                    if get(&low, node) == get(&index, node) {
                        while let Some(member) = stack.pop() {
                            set(&mut component, member, next_component);
                            if member == node {
                                break;
                            }
                        }
                        next_component += 1;
                    }
                    if let Some((caller, _)) = work.last() {
                        let lower = get(&low, *caller).min(get(&low, node));
                        set(&mut low, *caller, lower);
                    }
                }
            }
        }
    }
    component
}

fn get(list: &[usize], index: usize) -> usize {
    list.get(index).copied().unwrap_or(usize::MAX)
}

fn set(list: &mut [usize], index: usize, value: usize) {
    if let Some(slot) = list.get_mut(index) {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use super::components;

    #[test]
    fn callees_come_first_and_cycles_are_one() {
        let calls = [vec![1], vec![2, 3], vec![1], vec![], vec![0, 4]].map(|callees| callees.into_iter().collect());
        let found = components(&calls);
        let [top, one, two, leaf, own] = found.as_slice() else { unreachable!("there are five") };
        assert_eq!(one, two, "1 and 2 call each other");
        assert!(leaf < one && one < top && top < own);
    }
}
