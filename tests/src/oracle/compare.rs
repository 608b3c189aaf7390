//! What the roles did, held against what the choreography says.

use std::collections::{BTreeMap, BTreeSet};

use chor::interpret::{Event, Outcome, Participant, Run, ScopeId, Value};
use chor::syntax::ast::OperationKind;

use super::{Case, Played, json};
use crate::machine::Entry;

/// Whether the roles did what the choreography says; otherwise, what differs.
pub fn compare(case: &Case, said: &Run, played: &Played) -> Result<(), String> {
    ended(said, played)?;
    let is_ambiguous = said.is_ambiguous;
    if let (Some(said), Some(sent), Outcome::Completed(_)) = (said.messages, played.messages, &said.outcome)
        && said != sent
        && !is_ambiguous
    {
        return Err(format!("{sent} messages, where the choreography says {said}"));
    }
    if is_ambiguous {
        return Ok(());
    }
    if let (Some(lost), Some(_), Outcome::Completed(_)) = (&played.lost, said.messages, &said.outcome) {
        return Err(lost.clone());
    }
    let log = &played.log;
    let logged = log.keys().chain(played.called.iter().flat_map(BTreeMap::keys)).copied();
    let participants: BTreeSet<Participant> = said.events.iter().map(|event| event.participant).chain(logged).collect();
    let in_order = !has_arms(case);
    for participant in participants {
        let mut expected: Vec<&Event> = said.events.iter().filter(|event| event.participant == participant).collect();
        if let Some(called) = &played.called {
            let called = called.get(&participant).map(Vec::as_slice).unwrap_or_default();
            at_least_once(said, &expected, called).map_err(|what| format!("{participant:?}: {what}"))?;
            expected.retain(|event| leaves_something(case, event));
        }
        let done = log.get(&participant).map(Vec::as_slice).unwrap_or_default();
        let difference =
            || format!("{participant:?} did\n{}\nwhere the choreography says\n{}", show(done), say(&expected));
        counts(said, &expected, done).map_err(|what| format!("{what}: {}", difference()))?;
        if in_order {
            order(said, &expected, done).map_err(|what| format!("{what}: {}", difference()))?;
        }
    }
    Ok(())
}

fn show(done: &[Entry]) -> String {
    done.iter().map(|entry| format!("  {entry:?}\n")).collect()
}

fn say(expected: &[&Event]) -> String {
    let line = |event: &&Event| {
        format!(
            "  {} {:?} = {:?} {:?} {}\n",
            event.operation, event.arguments, event.result, event.scopes, event.undone
        )
    };
    expected.iter().map(line).collect()
}

/// Whether something runs side by side, whose operations have no order.
fn has_arms(case: &Case) -> bool {
    use chor::hir::{ExprKind, MemberOrder};
    case.compilation.hir.choreographies.iter().flat_map(|choreography| &choreography.body.exprs).any(|expr| match &expr
        .kind
    {
        ExprKind::Par(_) => true,
        ExprKind::Members(members) => members.order == MemberOrder::SideBySide,
        _ => false,
    })
}

fn ended(said: &Run, played: &Played) -> Result<(), String> {
    for (participant, ended) in &played.ended {
        match (&said.outcome, ended) {
            (Outcome::Completed(results), Ok(value)) => {
                let result = json(results.get(participant).unwrap_or(&Value::UNIT));
                if !said.is_ambiguous && result != *value {
                    let said = result;
                    return Err(format!("{participant:?} has {value}, where the choreography says {said}"));
                }
            }
            (Outcome::Aborted(reasons), Err(reason)) => {
                if !said.is_ambiguous && !reasons.iter().any(|(_, known)| known == reason) {
                    return Err(format!("aborted for `{reason}`, where the choreography says {reasons:?}"));
                }
            }
            (Outcome::Endless, _) => {}
            (Outcome::Completed(_) | Outcome::Aborted(_), _) if said.is_ambiguous => {}
            (outcome, ended) => {
                return Err(format!("{participant:?} ended with {ended:?}, where the choreography says {outcome:?}"));
            }
        }
    }
    Ok(())
}

type Key = (String, String);

fn key(operation: &str, arguments: &[Value], result: &Result<Value, String>) -> Key {
    (operation.to_owned(), format!("{arguments:?} {result:?}"))
}

/// Whether it leaves something, in a store or outside: it is a transaction or has a compensation, and did not abort.
fn leaves_something(case: &Case, event: &Event) -> bool {
    let services = &case.compilation.hir.services;
    let operations = services.iter().flat_map(|service| {
        service.operations.iter().map(|operation| (format!("{}.{}", service.name.name, operation.name.name), operation))
    });
    let mut operations = operations;
    let declared = operations.find(|(name, _)| *name == event.operation);
    let leaves = declared.is_some_and(|(_, declared)| match &declared.kind {
        OperationKind::Transaction { .. } => true,
        OperationKind::Recorded { compensate } => compensate.is_some(),
        OperationKind::Pure => false,
    });
    leaves && event.result.is_ok()
}

/// What was called is what is to be called, and nothing of it was left out that no scope undoes.
fn at_least_once(said: &Run, expected: &[&Event], called: &[Entry]) -> Result<(), String> {
    let key_of = |event: &Event| key(&event.operation, &event.arguments, &event.result);
    let mut wanted: BTreeSet<Key> = BTreeSet::new();
    let known: BTreeSet<Key> = expected.iter().map(|event| key_of(event)).collect();
    let certain = expected.iter().filter(|event| !event.scopes.iter().any(|scope| said.failed.contains(scope)));
    wanted.extend(certain.map(|event| key_of(event)));
    for entry in called {
        let Entry::Did(operation, arguments, result) = entry else { continue };
        let key = key(operation, arguments, result);
        if !known.contains(&key) {
            return Err(format!("`{operation}` {arguments:?} was called, and is not to be"));
        }
        wanted.remove(&key);
    }
    wanted.first().map_or(Ok(()), |key| Err(format!("`{}` {} was never called", key.0, key.1)))
}

/// Each operation was done as often as it may be, what is certain has happened, and what had to be undone is.
fn counts(said: &Run, expected: &[&Event], done: &[Entry]) -> Result<(), String> {
    let is_in_failed = |event: &Event| event.scopes.iter().any(|scope| said.failed.contains(scope));
    if let Some(event) = expected
        .iter()
        .find(|event| event.undone != (event.can_be_undone && event.result.is_ok() && is_in_failed(event)))
    {
        return Err(format!("the interpreter is wrong about whether `{}` is undone", event.operation));
    }
    let mut tallies: BTreeMap<Key, [i64; 5]> = BTreeMap::new();
    for event in expected {
        let tally = tallies.entry(key(&event.operation, &event.arguments, &event.result)).or_default();
        tally[0] += 1;
        if !is_in_failed(event) {
            tally[1] += 1;
        }
        tally[4] |= i64::from(event.can_be_undone && event.result.is_ok());
    }
    for entry in done {
        match entry {
            Entry::Did(operation, arguments, result) => {
                tallies.entry(key(operation, arguments, result)).or_default()[2] += 1;
            }
            Entry::Undid(operation, arguments, result) => {
                tallies.entry(key(operation, arguments, &Ok(result.clone()))).or_default()[3] += 1;
            }
        }
    }
    for ((operation, arguments), [may, must, did, undid, undoable]) in tallies {
        if did > may || did < must {
            return Err(format!("`{operation}` {arguments} was done {did} times, not {must} to {may}"));
        }
        let wanted = (did - must) * undoable;
        if undid != wanted {
            return Err(format!("`{operation}` {arguments} was undone {undid} times, not {wanted}"));
        }
    }
    Ok(())
}

/// The operations came in the order of the text, but for the ends of what failed, and were undone in reverse.
fn order(said: &Run, expected: &[&Event], done: &[Entry]) -> Result<(), String> {
    let mut open: Vec<Key> = Vec::new();
    let mut did: Vec<Key> = Vec::new();
    let is_undoable: BTreeSet<Key> = expected
        .iter()
        .filter(|event| event.can_be_undone && event.result.is_ok())
        .map(|event| key(&event.operation, &event.arguments, &event.result))
        .collect();
    for entry in done {
        match entry {
            Entry::Did(operation, arguments, result) => {
                let key = key(operation, arguments, result);
                if is_undoable.contains(&key) {
                    open.push(key.clone());
                }
                did.push(key);
            }
            Entry::Undid(operation, arguments, result) => {
                let key = key(operation, arguments, &Ok(result.clone()));
                if open.pop().as_ref() != Some(&key) {
                    return Err(format!("`{operation}` is undone out of order"));
                }
            }
        }
    }
    if follows(said, expected, &did) { Ok(()) } else { Err("the operations are out of order".to_owned()) }
}

/// Whether `did` is `expected`, with the ends of scopes that failed left out.
fn follows(said: &Run, expected: &[&Event], did: &[Key]) -> bool {
    // What can be matched up to here: how many of `did`.
    let mut reach: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); expected.len() + 1];
    reach[0].insert(0);
    for at in 0..expected.len() {
        let event = expected[at];
        let wanted = key(&event.operation, &event.arguments, &event.result);
        for matched in reach[at].clone() {
            if did.get(matched) == Some(&wanted) {
                reach[at + 1].insert(matched + 1);
            }
            for scope in event.scopes.iter().filter(|scope| said.failed.contains(scope)) {
                reach[end_of(expected, at, *scope)].insert(matched);
            }
        }
    }
    reach[expected.len()].contains(&did.len())
}

/// Where the part of a scope that begins at `at` ends.
fn end_of(expected: &[&Event], at: usize, scope: ScopeId) -> usize {
    let inside = expected[at..].iter().take_while(|event| event.scopes.contains(&scope)).count();
    at + inside
}
