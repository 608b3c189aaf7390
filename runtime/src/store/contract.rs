//! What every store has to do, as tests that are run against each of them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it does not expect")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use accompanist_core::{
    CallRecord, Change, Deadline, Digest, Header, LoggedMessage, Position, RecordKinds, RoleId, Row, RowState, Said,
    ScopeVote, ScopeVoteRecord, Scopes, SessionKey, Stored, TransactionRecord, Urgency, Write, WriteId,
};

use super::{Audit, Finished, FinishedQuery, Job, Store, StoreError, Transact};
use crate::context::{BoxFuture, Database};

/// Longer than anything here takes; a test that waits for it has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn header(number: u32) -> Arc<Header> {
    Arc::new(Header {
        choreography: "Order".to_owned(),
        fingerprint: [9; 32],
        initiator: RoleId(0),
        client_id: format!("order-{number}"),
        nonce: [number as u8; 16],
        nodes: vec![vec!["shop".to_owned()], vec![], vec!["bank \"é\"".to_owned(), "club".to_owned()]],
        participants: vec![RoleId(0), RoleId(1), RoleId(2)],
    })
}

pub(super) fn key(number: u32) -> SessionKey {
    SessionKey { session: header(number).session_id(), role: RoleId(0) }
}

pub(super) fn row(number: u32, version: u64, state: RowState) -> Row {
    // Every other one has a deadline.
    let deadline = (number % 2 == 1).then_some(Deadline { unix_millis: 1_800_000_000_000, within_millis: 5_000 });
    Row { header: header(number), version, commits: version, state, arguments: Some(Arc::from("[1,\"ü\"]")), deadline }
}

pub(super) fn write(number: u32, version: u64, changes: Vec<Change>) -> Write {
    let (id, row) = (WriteId(version), row(number, version, RowState::Active));
    Write { id, replaces: version.saturating_sub(1), row, changes, urgency: Urgency::Prompt }
}

pub(super) fn transaction(position: u128) -> TransactionRecord {
    TransactionRecord {
        position: Position(position),
        scopes: [Position(8), Position(u128::MAX - 1)].into_iter().collect(),
        sequence: 1,
        operation: Arc::from("Stock.reserve"),
        arguments: Arc::from("[\"pan\"]"),
        result: Some(Arc::from("3")),
        received: Digest(77),
        undone: false,
    }
}

pub(super) fn call(position: u128) -> CallRecord {
    CallRecord {
        position: Position(position),
        scopes: [Position(8)].into_iter().collect(),
        operation: Arc::from("Clock.now"),
        arguments: Digest(5),
        result: Arc::from("\"noon\""),
        received: Digest(6),
    }
}

pub(super) fn scope_vote(position: u128, vote: ScopeVote) -> ScopeVoteRecord {
    ScopeVoteRecord { position: Position(position), scopes: [Position(8)].into_iter().collect(), vote }
}

pub(super) fn message(position: u128, said: Said) -> LoggedMessage {
    LoggedMessage { from: RoleId(1), position: Position(position), scopes: [Position(8)].into_iter().collect(), said }
}

/// Who is called back, and with what, in the order of the calls.
pub(super) struct Log(pub(super) Sender<(u32, Result<(), StoreError>)>, Receiver<(u32, Result<(), StoreError>)>);

impl Log {
    pub(super) fn new() -> Self {
        let (sender, receiver) = channel();
        Self(sender, receiver)
    }

    pub(super) fn next(&self) -> (u32, Result<(), StoreError>) {
        self.1.recv_timeout(PATIENCE).expect("a completion")
    }

    pub(super) fn write<S: Store>(&self, store: &S, name: u32, key: SessionKey, write: Write) {
        let sender = self.0.clone();
        store.submit(Job::Write { write, key, done: Box::new(move |result| sender.send((name, result)).unwrap()) });
    }

    /// Submits one write, and waits for it.
    pub(super) fn commit<S: Store>(&self, store: &S, key: SessionKey, write: Write) -> Result<(), StoreError> {
        self.write(store, 0, key, write);
        self.next().1
    }

    /// Submits one operation, and waits for it.
    pub(super) fn run<D: Store>(
        &self,
        store: &D,
        key: SessionKey,
        writes: Vec<Write>,
        run: impl FnMut(&mut D::Tx) -> bool + Send + 'static,
    ) -> Result<(), StoreError> {
        store.submit(Job::Transact(self.operation(1, key, writes, run)));
        self.next().1
    }

    pub(super) fn operation<D: Database>(
        &self,
        name: u32,
        key: SessionKey,
        writes: Vec<Write>,
        run: impl FnMut(&mut D::Tx) -> bool + Send + 'static,
    ) -> Box<dyn Transact<D>> {
        Box::new(Operation { name, key, writes, run, log: self.0.clone() })
    }
}

struct Operation<F> {
    name: u32,
    key: SessionKey,
    writes: Vec<Write>,
    run: F,
    log: Sender<(u32, Result<(), StoreError>)>,
}

impl<D: Database, F: FnMut(&mut D::Tx) -> bool + Send> Transact<D> for Operation<F> {
    fn key(&self) -> SessionKey {
        self.key
    }

    fn run<'a>(&'a mut self, tx: &'a mut D::Tx) -> BoxFuture<'a, bool> {
        let keep = (self.run)(tx);
        Box::pin(async move { keep })
    }

    fn record(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.writes)
    }

    fn done(self: Box<Self>, result: Result<(), StoreError>) {
        self.log.send((self.name, result)).unwrap();
    }
}

/// The value of a future that is ready at once, as those of a store's reads are.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    super::block_on::block_on(None, future)
}

pub(super) fn stored<S: Store>(store: &S, number: u32) -> Option<Stored> {
    now(store.find(key(number))).unwrap()
}

/// Runs every test below against stores that `new` makes.
pub(super) fn check<S: Store>(new: impl Fn() -> S) {
    completions_come_in_order(&new());
    versions_exclude_each_other(&new());
    a_run_that_was_given_up_excludes_all_of_the_next_one(&new());
    a_client_id_starts_one_session(&new());
    an_operation_taken_back_leaves_only_what_it_records(&new());
    a_refused_record_leaves_nothing(&new());
    records_are_kept_marked_and_dropped(&new());
    an_intent_gets_its_result(&new());
    messages_are_added_and_dropped(&new());
    unfinished_sessions_come_in_the_order_of_their_start(&new());
    finished_sessions_are_forgotten_after_their_retention(&new());
    finished_sessions_are_listed_the_newest_first(&new());
    what_operators_did_is_kept_for_each_session(&new());
    a_panic_is_an_error(&new());
    every_state_comes_back(&new());
}

fn completions_come_in_order<S: Store>(store: &S) {
    let log = Log::new();
    for name in 0..1000 {
        let lazy = name % 3 == 0;
        let urgency = if lazy { Urgency::Lazy } else { Urgency::Prompt };
        log.write(store, name, key(name / 2), Write { urgency, ..write(name / 2, u64::from(name % 2) + 1, vec![]) });
    }
    let mut told: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for _ in 0..1000 {
        let (name, outcome) = log.next();
        outcome.expect("it is durable");
        told.entry(name / 2).or_default().push(name);
    }
    assert!(told.iter().all(|(session, told)| *told == [2 * session, 2 * session + 1]), "in order, in each session");
    assert_eq!(stored(store, 499).unwrap().row.version, 2);
}

fn versions_exclude_each_other<S: Store>(store: &S) {
    let log = Log::new();
    assert!(matches!(log.commit(store, key(1), write(1, 2, vec![])), Err(StoreError::Conflict)), "there is no row");
    log.commit(store, key(1), write(1, 1, vec![])).unwrap();
    for version in [1, 3] {
        let changes = vec![Change::Transaction(transaction(1))];
        let refused = log.commit(store, key(1), write(1, version, changes));
        assert!(matches!(refused, Err(StoreError::Conflict)), "version {version}: {refused:?}");
    }
    assert!(stored(store, 1).unwrap().transactions.is_empty());
    log.commit(store, key(1), write(1, 2, vec![])).unwrap();
}

/// The write that a run left in the queue replaces what the next run has read: that is no row that the next run knows.
fn a_run_that_was_given_up_excludes_all_of_the_next_one<S: Store>(store: &S) {
    let log = Log::new();
    let of_run = |run: u32, replaces: u64, changes: Vec<Change>| {
        let mut write = write(1, 1, changes);
        (write.replaces, write.row.version) = (replaces, Row::version_after(replaces, run));
        write
    };
    let first = of_run(7, 0, vec![]);
    let left_behind = of_run(7, first.row.version, vec![]);
    let lost = of_run(8, first.row.version, vec![Change::Call(call(1))]);
    let after_it = of_run(8, lost.row.version, vec![Change::Call(call(2))]);
    assert_eq!(left_behind.row.writes(), lost.row.writes());
    for write in [first, left_behind.clone(), lost, after_it] {
        log.write(store, 1, key(1), write);
    }
    let told: Vec<_> = (0..4).map(|_| log.next().1).collect();
    assert!(matches!(*told, [Ok(()), Ok(()), Err(StoreError::Conflict), Err(StoreError::Conflict)]), "{told:?}");
    assert_eq!(stored(store, 1).unwrap().row, left_behind.row);
    assert!(stored(store, 1).unwrap().calls.is_empty());
    // Read again, the next run goes on.
    log.commit(store, key(1), of_run(9, left_behind.row.version, vec![Change::Call(call(3))])).unwrap();
}

fn a_client_id_starts_one_session<S: Store>(store: &S) {
    let log = Log::new();
    log.commit(store, key(1), write(1, 1, vec![])).unwrap();
    let mut other = (*header(1)).clone();
    other.nonce = [200; 16];
    let other_key = SessionKey { session: other.session_id(), role: RoleId(0) };
    let mut again = write(1, 1, vec![]);
    again.row.header = Arc::new(other);
    assert!(matches!(log.commit(store, other_key, again.clone()), Err(StoreError::Conflict)));
    // At a role that is not the initiator, the id is nobody's.
    log.commit(store, SessionKey { role: RoleId(1), ..other_key }, again).unwrap();
    assert_eq!(now(store.find_client("Order", "order-1")).unwrap(), stored(store, 1));
    assert_eq!(now(store.find_client("Order", "order-2")).unwrap(), None);
    assert_eq!(now(store.find_client("Other", "order-1")).unwrap(), None);
}

fn an_operation_taken_back_leaves_only_what_it_records<S: Store>(store: &S) {
    let log = Log::new();
    log.run(store, key(1), vec![], |_| false).unwrap();
    assert_eq!(stored(store, 1), None);
    log.run(store, key(1), vec![write(1, 1, vec![])], |_| false).unwrap();
    assert_eq!(stored(store, 1).unwrap().row.version, 1);
}

fn a_refused_record_leaves_nothing<S: Store>(store: &S) {
    let log = Log::new();
    let writes = vec![write(1, 1, vec![Change::Call(call(1))]), write(1, 3, vec![])];
    assert!(matches!(log.run(store, key(1), writes, |_| true), Err(StoreError::Conflict)));
    assert_eq!(stored(store, 1), None);
}

fn records_are_kept_marked_and_dropped<S: Store>(store: &S) {
    let log = Log::new();
    let changes = vec![
        Change::Transaction(transaction(1)),
        Change::Transaction(transaction(u128::MAX)),
        Change::Call(call(2)),
        Change::Undone(Position(1)),
    ];
    let votes = [
        scope_vote(3, ScopeVote::Done),
        scope_vote(4, ScopeVote::Aborted { reason: Arc::from("ß") }),
        ScopeVoteRecord { scopes: Scopes::default(), ..scope_vote(5, ScopeVote::Stopped) },
    ];
    let changes = changes.into_iter().chain(votes.clone().map(Change::ScopeVote)).collect();
    log.commit(store, key(1), write(1, 1, changes)).unwrap();
    let mut found = stored(store, 1).unwrap();
    found.transactions.sort_by_key(|record| record.position);
    assert_eq!(found.transactions, [TransactionRecord { undone: true, ..transaction(1) }, transaction(u128::MAX)]);
    assert_eq!(found.calls, [call(2)]);
    found.scope_votes.sort_by_key(|record| record.position);
    assert_eq!(found.scope_votes, votes);
    let unknown =
        log.commit(store, key(1), write(1, 2, vec![Change::Drop(RecordKinds::ALL), Change::Undone(Position(3))]));
    assert!(matches!(unknown, Err(StoreError::Failed(_))));
    assert_eq!(stored(store, 1).unwrap().transactions.len(), 2, "a refused write changes nothing");
    log.commit(store, key(1), write(1, 2, vec![Change::Drop(RecordKinds::ALL)])).unwrap();
    assert_eq!(stored(store, 1).unwrap().kinds(), RecordKinds::NONE);
    let one_of_each = [
        Change::Transaction(transaction(1)),
        Change::Call(call(2)),
        Change::ScopeVote(scope_vote(3, ScopeVote::Done)),
        Change::Message(message(4, Said::Vote(ScopeVote::Done))),
    ];
    for (number, change) in (2..).zip(one_of_each) {
        let kinds = RecordKinds::NONE.after(std::slice::from_ref(&change));
        log.commit(store, key(number), write(number, 1, vec![change])).unwrap();
        assert_eq!(stored(store, number).unwrap().kinds(), kinds);
        log.commit(store, key(number), write(number, 2, vec![Change::Drop(kinds)])).unwrap();
        assert_eq!(stored(store, number).unwrap().kinds(), RecordKinds::NONE, "{kinds:?}");
    }
}

fn an_intent_gets_its_result<S: Store>(store: &S) {
    let log = Log::new();
    let intent = TransactionRecord { result: None, ..transaction(1) };
    log.commit(store, key(1), write(1, 1, vec![Change::Transaction(intent.clone())])).unwrap();
    assert_eq!(stored(store, 1).unwrap().transactions, [intent]);
    let returned = |position| Change::Returned { position: Position(position), result: Arc::from("\"ß\"") };
    let unknown = log.commit(store, key(1), write(1, 2, vec![returned(2)]));
    assert!(matches!(unknown, Err(StoreError::Failed(_))));
    log.commit(store, key(1), write(1, 2, vec![returned(1)])).unwrap();
    let record = TransactionRecord { result: Some(Arc::from("\"ß\"")), ..transaction(1) };
    assert_eq!(stored(store, 1).unwrap().transactions, std::slice::from_ref(&record));
    log.commit(store, key(1), write(1, 3, vec![Change::Undone(Position(1))])).unwrap();
    assert_eq!(stored(store, 1).unwrap().transactions, [TransactionRecord { undone: true, ..record }]);
}

fn messages_are_added_and_dropped<S: Store>(store: &S) {
    let log = Log::new();
    let said = [
        Said::Value(Arc::from("{\"a\":\"ß\"}")),
        Said::Value(Arc::from("")),
        Said::Vote(ScopeVote::Done),
        Said::Vote(ScopeVote::Stopped),
        Said::Vote(ScopeVote::Aborted { reason: Arc::from("ß") }),
    ];
    let mut all: Vec<_> = (0..).zip(said).map(|(position, said)| message(position, said)).collect();
    all.push(LoggedMessage {
        from: RoleId(2),
        scopes: Scopes::default(),
        ..message(u128::MAX, Said::Value("7".into()))
    });
    let (first, second) = all.split_at(4);
    for (version, some) in [(1, first), (2, second)] {
        let changes = some.iter().cloned().map(Change::Message).collect();
        log.commit(store, key(1), write(1, version, changes)).unwrap();
    }
    log.commit(store, key(2), write(2, 1, vec![Change::Message(message(0, Said::Vote(ScopeVote::Done)))])).unwrap();
    log.commit(store, key(2), write(2, 2, vec![Change::Call(call(1))])).unwrap();
    let sorted = |number| {
        let mut messages = stored(store, number).unwrap().messages;
        messages.sort_by_key(|message| message.position);
        messages
    };
    assert_eq!((sorted(1), sorted(2).len()), (all.clone(), 1));
    let refused = log.commit(store, key(1), write(1, 2, vec![Change::Drop(RecordKinds::ALL)]));
    assert!(matches!(refused, Err(StoreError::Conflict)));
    assert_eq!(sorted(1), all, "a refused write changes nothing");
    log.commit(store, key(1), write(1, 3, vec![Change::Drop(RecordKinds::ALL)])).unwrap();
    assert_eq!((sorted(1).len(), sorted(2).len()), (0, 1));
}

fn finish(number: u32, version: u64) -> Write {
    let state = RowState::Finished { outcome: Ok(Arc::from("1")) };
    Write { row: row(number, version, state), ..write(number, version, vec![Change::Drop(RecordKinds::ALL)]) }
}

fn unfinished_sessions_come_in_the_order_of_their_start<S: Store>(store: &S) {
    let log = Log::new();
    for number in [5, 3, 9, 1] {
        log.commit(store, key(number), write(number, 1, vec![])).unwrap();
    }
    log.commit(store, key(3), finish(3, 2)).unwrap();
    log.commit(store, key(5), write(5, 2, vec![])).unwrap();
    let sessions = now(store.unfinished()).unwrap();
    let ids: Vec<_> = sessions.iter().map(|(_, stored)| stored.row.header.client_id.as_str()).collect();
    assert_eq!(ids, ["order-5", "order-9", "order-1"]);
}

fn finished_sessions_are_forgotten_after_their_retention<S: Store>(store: &S) {
    let log = Log::new();
    for number in 0..600 {
        log.write(store, number, key(number), write(number, 1, vec![Change::Call(call(1))]));
        if number > 0 {
            log.write(store, number, key(number), finish(number, 2));
        }
    }
    (0..1199).for_each(|_| log.next().1.unwrap());
    assert_eq!(now(store.forget(Duration::from_secs(3600))).unwrap(), 0);
    assert_eq!(now(store.forget(Duration::ZERO)).unwrap(), 599);
    assert_eq!(stored(store, 1), None);
    assert!(stored(store, 0).is_some());
}

fn finished_sessions_are_listed_the_newest_first<S: Store>(store: &S) {
    let log = Log::new();
    for number in 0..5 {
        log.commit(store, key(number), write(number, 1, vec![])).unwrap();
    }
    for number in [0, 3, 4] {
        log.commit(store, key(number), finish(number, 2)).unwrap();
        // Ends within one millisecond are in the order of their starts.
        std::thread::sleep(Duration::from_millis(2));
    }
    let ask = |query: FinishedQuery, limit| now_in_a_runtime(store.finished(query, limit)).unwrap();
    let ids = |found: &[Finished]| -> Vec<String> {
        found.iter().map(|finished| finished.row.header.client_id.clone()).collect()
    };
    let newest = |choreography: Option<&str>, before, limit| {
        ask(FinishedQuery::Newest { choreography: choreography.map(ToOwned::to_owned), before }, limit)
    };
    let all = newest(None, None, 10);
    assert_eq!(ids(&all), ["order-4", "order-3", "order-0"]);
    assert!(all.iter().all(|finished| matches!(finished.row.state, RowState::Finished { outcome: Ok(_) })));
    let first = newest(Some("Order"), None, 2);
    assert_eq!(ids(&first), ["order-4", "order-3"]);
    assert_eq!(ids(&newest(Some("Order"), first.last().map(|last| last.cursor), 2)), ["order-0"]);
    assert_eq!(ids(&newest(Some("Other"), None, 2)), [""; 0]);
    let session = key(0).session;
    assert_eq!(ids(&ask(FinishedQuery::Identity(session, session), 9)), ["order-0"]);
    assert_eq!(ids(&ask(FinishedQuery::ClientId("order-4".to_owned()), 9)), ["order-4"]);
    assert_eq!(ids(&ask(FinishedQuery::ClientId("order-1".to_owned()), 9)), [""; 0], "it is not finished");
}

fn what_operators_did_is_kept_for_each_session<S: Store>(store: &S) {
    let audit = |number: u32, outcome: &str| Audit {
        unix_millis: 1_800_000_000_000,
        session: Some(key(number).session),
        action: "abort".to_owned(),
        outcome: outcome.to_owned(),
        reason: "the \"customer\"\ncalled".to_owned(),
        uid: Some(1000),
    };
    for (number, outcome) in [(1, "asked"), (2, "asked"), (1, "aborted")] {
        now_in_a_runtime(store.record_audit(audit(number, outcome))).unwrap();
    }
    let of = |number| now_in_a_runtime(store.audits(key(number).session)).unwrap();
    assert_eq!(of(1), [audit(1, "asked"), audit(1, "aborted")]);
    assert_eq!(of(2), [audit(2, "asked")]);
    assert_eq!(of(3), []);
}

/// The output of a future that may wait for another thread.
fn now_in_a_runtime<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn a_panic_is_an_error<S: Store>(store: &S) {
    let log = Log::new();
    let panicked = log.run(store, key(1), vec![], |_| panic!("out of cheese"));
    assert!(matches!(panicked, Err(StoreError::Failed(text)) if text.contains("out of cheese")));
    log.commit(store, key(1), write(1, 1, vec![])).unwrap();
}

fn every_state_comes_back<S: Store>(store: &S) {
    let log = Log::new();
    let text = || Arc::from("{\"a\":\"ß\"}");
    let states = [
        RowState::Active,
        RowState::Voted { result: text() },
        RowState::Aborting { via: RoleId(u16::MAX), reason: text(), local: true },
        RowState::Aborting { via: RoleId(0), reason: Arc::from(""), local: false },
        RowState::Committed { result: text() },
        RowState::Finished { outcome: Ok(text()) },
        RowState::Finished { outcome: Err(text()) },
    ];
    for (number, state) in (0..).zip(states) {
        let row = Row { arguments: None, ..row(number, 1, state) };
        log.commit(store, key(number), Write { row: row.clone(), ..write(number, 1, vec![]) }).unwrap();
        assert_eq!(stored(store, number).unwrap().row, row);
    }
}

#[test]
fn memory() {
    check(super::Memory::new);
}
