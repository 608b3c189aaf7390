//! Groups, loops, calls, arms and scopes as generated code, on the plain runtime.
#![allow(missing_docs, reason = "a test")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use accompanist::plain::PlainSession;
use accompanist::store::{Memory, MemoryTx};
use accompanist::{BoxError, Failure, IdempotencyKey};
use accompanist_tests::generated::constructs::{
    Calls, Counter, Deal, Highest, Loops, Pair, Scope, Side, Workers, calls, deal, highest, loops, pair, scope, shares,
    side, workers,
};
use serde::de::IgnoredAny;

/// A service that adds, and counts.
#[derive(Clone, Default)]
struct Adder {
    total: Arc<AtomicU64>,
}

impl Counter<Memory> for Adder {
    fn limit(&self) -> u64 {
        10
    }
    async fn ask(&self, _: &IdempotencyKey, question: &u64) -> Result<u64, Failure> {
        Ok(question + 100)
    }
    async fn add(&self, _: &mut MemoryTx, amount: &u64) -> Result<u64, Failure> {
        Ok(self.total.fetch_add(*amount, Ordering::SeqCst) + amount)
    }
    async fn subtract(&self, _: &mut MemoryTx, amount: &u64, _: &u64) -> Result<(), BoxError> {
        self.total.fetch_sub(*amount, Ordering::SeqCst);
        Ok(())
    }
}

/// A store for roles that keep nothing in it.
static STORE: LazyLock<Arc<Memory>> = LazyLock::new(|| Arc::new(Memory::new()));

#[tokio::test]
async fn loops_go_on_until_the_guard_says_no() {
    for (n, messages) in [(0, 2), (3, 12)] {
        let session = PlainSession::new();
        let (a, b, c) = tokio::join!(
            session.play(loops::A::new(), &STORE, Loops { n }),
            session.play(loops::B::new(), &STORE, ()),
            session.play(loops::C::new(), &STORE, ()),
        );
        assert_eq!(a.expect("it completes"), 0);
        assert_eq!(b.expect("it completes"), (1..=n).rev().collect::<Vec<u64>>());
        c.expect("it completes");
        // Each round of the first loop is told by its message, its end by a selection to B and by `A ~> C`. Of the second loop, C learns each
        // round by its message and the end by a selection.
        assert_eq!(session.messages_sent(), n + 2 + n + 1, "{messages}");
    }
}

#[tokio::test]
async fn a_loop_that_requires_too_much_aborts() {
    let session = PlainSession::new();
    let (a, b, c) = tokio::join!(
        session.play(loops::A::new(), &STORE, Loops { n: 150 }),
        session.play(loops::B::new(), &STORE, ()),
        session.play(loops::C::new(), &STORE, ()),
    );
    assert_eq!(a.expect_err("it aborts").to_string(), b.expect_err("it aborts").to_string());
    assert!(c.expect_err("it aborts").to_string().contains("too much"));
}

#[tokio::test]
async fn calls_swap_roles_and_take_types_and_choreographies() {
    let session = PlainSession::new();
    let (a, b, c) = tokio::join!(
        session.play(calls::A::new(), &STORE, Calls { n: 1 }),
        session.play(calls::B::new(), &STORE, ()),
        session.play(calls::C::new(), &STORE, ()),
    );
    b.expect("it completes");
    assert_eq!((a.expect("it completes"), c.expect("it completes")), (24, "hello".to_owned()));
}

#[tokio::test]
async fn workers_each_have_their_own() {
    for count in 0..4_usize {
        let session = PlainSession::new().members("Worker", count);
        let service = Adder::default();
        let mut members = Vec::new();
        for index in 0..count {
            let (session, service) = (session.clone(), service.clone());
            members.push(tokio::spawn(async move {
                session.play_member(workers::Worker::new(service), index, &STORE, ()).await
            }));
        }
        let all = session.play(workers::A::new(service.clone()), &STORE, Workers { n: 2 }).await;
        assert_eq!(all.expect("it completes"), vec![106; count]);
        for member in members {
            assert_eq!(member.await.expect("it ran").expect("it completes"), 3);
        }
        assert_eq!(service.total.load(Ordering::SeqCst), 3 * count as u64);
    }
}

#[tokio::test]
async fn members_send_to_each_other() {
    let count = 3;
    let session = PlainSession::new().members("Party", count);
    let play = |index| {
        let session = session.clone();
        async move {
            let role = shares::Party::new(Adder::default());
            session.play_member(role, index, &STORE, serde_json::from_str::<IgnoredAny>("null").expect("JSON")).await
        }
    };
    let (one, two, three) = tokio::join!(play(0), play(1), play(2));
    for part in [one, two, three] {
        assert_eq!(part.expect("it completes"), vec![101; 3]);
    }
    // Each to each other one, twice.
    assert_eq!(session.messages_sent(), 2 * 3 * 2);
}

#[tokio::test]
async fn a_group_of_named_roles() {
    let session = PlainSession::new();
    let (a, b, c) = tokio::join!(
        session.play(pair::A::new(), &STORE, Pair { n: 7 }),
        session.play(pair::B::new(), &STORE, ()),
        session.play(pair::C::new(), &STORE, ()),
    );
    a.expect("it completes");
    assert_eq!((b.expect("it completes"), c.expect("it completes")), (7, 7));
}

#[tokio::test]
async fn arms_run_side_by_side() {
    let session = PlainSession::new();
    let (a, b, c) = tokio::join!(
        session.play(side::A::new(Adder::default()), &STORE, Side { n: 5 }),
        session.play(side::B::new(Adder::default()), &STORE, ()),
        session.play(side::C::new(), &STORE, ()),
    );
    a.expect("it completes");
    b.expect("it completes");
    assert_eq!(c.expect("it completes"), 105 + 5);
}

#[tokio::test]
async fn a_scope_completes_or_is_undone() {
    for (n, result, total) in [(5, "done1", 5 + 5), (20, "too large0", 20)] {
        let session = PlainSession::new();
        let (one, two) = (Adder::default(), Adder::default());
        let (a, b) = tokio::join!(
            session.play(scope::A::new(one.clone()), &STORE, Scope { n }),
            session.play(scope::B::new(two.clone()), &STORE, ()),
        );
        assert_eq!((a.expect("it completes").as_str(), b.expect("it completes")), (result, total));
        let committed = if n < 10 { n } else { 0 };
        assert_eq!([&one, &two].map(|it| it.total.load(Ordering::SeqCst)), [committed, committed]);
    }
}

#[tokio::test]
async fn tuples_whose_parts_live_apart_come_out_of_choices_and_scopes() {
    for (n, expected) in [(1, (3, 101, 1)), (5, (106, 5, 5))] {
        let session = PlainSession::new();
        let (a, b, c) = tokio::join!(
            session.play(deal::A::new(Adder::default()), &STORE, Deal { n }),
            session.play(deal::B::new(Adder::default()), &STORE, ()),
            session.play(deal::C::new(), &STORE, ()),
        );
        let parts = (a.expect("it completes"), b.expect("it completes"), c.expect("it completes"));
        assert_eq!(parts, expected);
    }
}

#[tokio::test]
async fn each_member_changes_what_is_its_own() {
    let session = PlainSession::new().members("Party", 2);
    let play = |index| {
        let session = session.clone();
        async move {
            let role = highest::Party::new(Adder::default());
            session.play_member(role, index, &STORE, ()).await
        }
    };
    let offers = Highest { offers: vec![3, 7, 5] };
    let (a, one, two) = tokio::join!(session.play(highest::A::new(), &STORE, offers), play(0), play(1));
    assert_eq!(a.expect("it completes"), [107, 108]);
    assert_eq!(one.expect("it completes"), [3, 7, 5, 107]);
    assert_eq!(two.expect("it completes"), [4, 8, 6, 108]);
}
