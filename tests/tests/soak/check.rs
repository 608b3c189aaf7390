//! Holds the databases against what the clients were told: every session all or not at all, each of its operations once, and the sums.

use std::collections::{BTreeMap, BTreeSet};

use accompanist::rusqlite::{Connection, OpenFlags};
use accompanist_tests::soak::ROLES;
use accompanist_tests::soak::desk::Answer;
use accompanist_tests::soak::plan::Plan;
use accompanist_tests::soak::till::FULL_TILL;

use crate::cluster::Cluster;
use crate::load::Told;

/// Differences that are written out; the others are counted.
const SHOWN_MAX: usize = 20;

/// Operations, and what undoes them.
const OPERATIONS: [(&str, &str); 2] = [("take", "give_back"), ("mark", "unmark")];

fn open(cluster: &Cluster, role: &str) -> Connection {
    let database = Connection::open_with_flags(cluster.database(role), OpenFlags::SQLITE_OPEN_READ_ONLY);
    let database = database.expect("a role has a database");
    database.busy_timeout(std::time::Duration::from_secs(5)).expect("it can be set");
    database
}

/// How many rows of sessions there are, and how many of them are not finished.
pub fn rows(cluster: &Cluster) -> (u64, u64) {
    let mut all = (0, 0);
    for role in ROLES {
        let count = "SELECT count(*), count(*) FILTER (WHERE finished_at IS NULL) FROM accompanist_session";
        let (rows, open): (u64, u64) = open(cluster, role)
            .query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("a database can be read");
        all = (all.0 + rows, all.1 + open);
    }
    all
}

/// What is not over, for a person.
pub fn unfinished(cluster: &Cluster) -> String {
    let mut lines = Vec::new();
    for role in ROLES {
        let database = open(cluster, role);
        let mut select = database
            .prepare("SELECT choreography, client_id, role, state FROM accompanist_session WHERE finished_at IS NULL LIMIT 10")
            .expect("a database can be read");
        let rows = select.query_map([], |row| {
            let (choreography, id): (String, String) = (row.get(0)?, row.get(1)?);
            let (number, state): (u64, String) = (row.get(2)?, row.get(3)?);
            Ok(format!("{role}: {choreography} {id}, role {number}: {state}"))
        });
        lines.extend(rows.expect("a database can be read").flatten());
    }
    lines.join("\n")
}

/// How often each session did each thing at a role, and whether it was undone in the order that it should be.
fn history(cluster: &Cluster, role: &str) -> BTreeMap<String, Vec<String>> {
    let database = open(cluster, role);
    let mut select =
        database.prepare("SELECT session, operation FROM history ORDER BY number").expect("a database can be read");
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("a database can be read");
    let mut history: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        let (session, operation): (String, String) = row.expect("a row");
        history.entry(session).or_default().push(operation);
    }
    history
}

/// What does not fit; nothing, where all is well.
pub fn differences(cluster: &Cluster, seed: u64, told: &BTreeMap<u64, Told>) -> Vec<String> {
    let mut differences = Vec::new();
    let plans: BTreeMap<u64, Plan> = told.keys().map(|number| (*number, Plan::of(seed, *number))).collect();
    for (number, told) in told {
        differences.extend(told.contradiction.iter().map(|words| format!("s{number}: {words}")));
        let expected = plans[number].reason();
        match (&told.ended, expected) {
            (Some(Answer::Committed(_)), None) => {}
            (Some(Answer::RolledBack(said)), Some(reason)) if said.starts_with(&reason) => {}
            (ended, expected) => differences.push(format!("s{number}: told {ended:?}, expected {expected:?}")),
        }
    }
    for role in ROLES {
        let history = history(cluster, role);
        let known: BTreeSet<&String> = plans.values().map(|plan| &plan.job.id).collect();
        differences
            .extend(history.keys().filter(|id| !known.contains(id)).map(|id| format!("{role}: nobody asked for {id}")));
        for plan in plans.values() {
            let done = history.get(&plan.job.id).map(Vec::as_slice).unwrap_or_default();
            differences.extend(wrong(role, plan, done));
        }
        let taken: i64 = plans.values().filter_map(|plan| plan.taken().get(role).copied()).sum();
        let left: i64 =
            open(cluster, role).query_row("SELECT amount FROM till", [], |row| row.get(0)).expect("there is a till");
        if left != FULL_TILL - taken {
            differences.push(format!("{role}: {left} is left, where {taken} of {FULL_TILL} were taken"));
        }
    }
    if differences.len() > SHOWN_MAX {
        let count = differences.len();
        differences.truncate(SHOWN_MAX);
        differences.push(format!("… {count} in all"));
    }
    differences
}

/// What one session did at a role that it should not have.
fn wrong(role: &str, plan: &Plan, done: &[String]) -> Option<String> {
    let mut in_effect = Vec::new();
    let mut undone = false;
    for what in done {
        let undoes = OPERATIONS.iter().find(|(_, undoing)| undoing == what).map(|(operation, _)| *operation);
        match undoes {
            // The last that is in effect is undone first.
            Some(operation) if in_effect.last() == Some(&operation) => {
                in_effect.pop();
                undone = true;
            }
            Some(_) => return Some(format!("{role}, {}: {done:?} undoes what is not the last", plan.job.id)),
            None => in_effect.push(what),
        }
    }
    let expected: Vec<&str> = plan
        .effects()
        .iter()
        .filter_map(|operation| operation.split_once('.'))
        .filter(|(at, _)| *at == role)
        .map(|(_, operation)| operation)
        .collect();
    let twice = OPERATIONS.iter().any(|(operation, undoing)| {
        let count = |name: &str| done.iter().filter(|what| *what == name).count();
        count(operation) > 1 || count(undoing) > 1
    });
    let refused = !plan.job.refuser.is_empty();
    (in_effect != expected || twice || (undone && !refused))
        .then(|| format!("{role}, {:?} {:?}: {done:?}, expected {expected:?}", plan.kind, plan.job))
}
