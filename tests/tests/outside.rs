//! Operations on what is outside of the roles' databases, as generated code on both runtimes: what a rollback undoes, in which order, with which key, and
//! what it is told.
#![allow(missing_docs, clippy::panic, reason = "a test stops at what it does not expect")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use accompanist::plain::PlainSession;
use accompanist::store::{Memory, MemoryTx};
use accompanist::{BoxError, Error, Failure, IdempotencyKey, Node, Retry, RoleId};
use accompanist_tests::generated::outside::{All, Order, Payment, Post, Retry as Again, Sell, all, retry, sell};
use accompanist_tests::stage::RETRY;
use accompanist_tests::wait::{until, within};

/// What is outside: it notes what it is asked for.
#[derive(Clone, Default)]
struct Outside {
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    lines: Vec<String>,
    /// What was called with each key, and undone with it.
    keys: BTreeMap<IdempotencyKey, BTreeSet<&'static str>>,
    /// What `send` does instead of what it is for.
    send_fails: Option<fn() -> Failure>,
    sends: usize,
}

impl Outside {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, line: impl Display) {
        self.log().lines.push(line.to_string());
    }

    fn outside(&self, key: &IdempotencyKey, what: &'static str, line: impl Display) {
        self.log().keys.entry(*key).or_default().insert(what);
        self.note(format!("{what} {line}"));
    }

    /// What was noted since the last time, and the operations that shared a key, which were all there were.
    fn taken(&self) -> (Vec<String>, Vec<String>) {
        let log = std::mem::take(&mut *self.log());
        let mut pairs: Vec<String> =
            log.keys.values().map(|whats| whats.iter().copied().collect::<Vec<_>>().join("+")).collect();
        pairs.sort();
        (log.lines, pairs)
    }
}

impl Payment<Memory> for Outside {
    async fn charge(&self, key: &IdempotencyKey, customer: &String, amount: &u64) -> Result<String, Failure> {
        self.outside(key, "charge", format!("{customer} {amount}"));
        Ok(format!("R-{amount}"))
    }
    async fn deposit(&self, key: &IdempotencyKey, customer: &String, amount: &u64) -> Result<String, Failure> {
        self.outside(key, "deposit", format!("{customer} {amount}"));
        Ok(format!("D-{amount}"))
    }
    async fn refund(
        &self,
        key: &IdempotencyKey,
        customer: &String,
        amount: &u64,
        output: Option<&String>,
    ) -> Result<(), BoxError> {
        self.outside(key, "refund", format!("{customer} {amount} {output:?}"));
        Ok(())
    }
    async fn reserve(
        &self,
        key: &IdempotencyKey,
        tx: &u64,
        key_: &u64,
        output: &Option<u64>,
        operation: &String,
        _: &(),
    ) -> Result<(), Failure> {
        self.outside(key, "reserve", format!("{tx} {key_} {output:?} {operation}"));
        Ok(())
    }
    async fn release(
        &self,
        key: &IdempotencyKey,
        tx: &u64,
        _: &u64,
        _: &Option<u64>,
        _: &String,
        _: &(),
        output: Option<&()>,
    ) -> Result<(), BoxError> {
        self.outside(key, "release", format!("{tx} {output:?}"));
        Ok(())
    }
    async fn remind(&self, _: &IdempotencyKey, customer: &String) -> Result<(), Failure> {
        self.note(format!("remind {customer}"));
        Ok(())
    }
    fn fee(&self, amount: &u64) -> u64 {
        amount / 10
    }
    async fn enter(&self, _: &mut MemoryTx, line: &String) -> Result<u64, Failure> {
        self.note(format!("enter {line}"));
        Ok(1)
    }
    async fn strike(&self, _: &mut MemoryTx, line: &String, _: &u64) -> Result<(), BoxError> {
        self.note(format!("strike {line}"));
        Ok(())
    }
}

impl Post<Memory> for Outside {
    async fn send(&self, key: &IdempotencyKey, order: &Order) -> Result<(u64, Option<String>), Failure> {
        let failure = {
            let mut log = self.log();
            log.sends += 1;
            log.keys.entry(*key).or_default().insert("send");
            log.send_fails
        };
        if let Some(failure) = failure {
            return Err(failure());
        }
        self.note(format!("send {}", order.id));
        Ok((order.id, None))
    }
    async fn recall(
        &self,
        key: &IdempotencyKey,
        order: &Order,
        output: Option<&(u64, Option<String>)>,
    ) -> Result<(), BoxError> {
        self.outside(key, "recall", format!("{} {output:?}", order.id));
        Ok(())
    }
    async fn ask(&self, key: &IdempotencyKey) -> Result<(), Failure> {
        self.outside(key, "ask", "");
        Ok(())
    }
    async fn forget(&self, key: &IdempotencyKey, output: Option<&()>) -> Result<(), BoxError> {
        self.outside(key, "forget", format!("{output:?}"));
        Ok(())
    }
}

fn order(fails: bool) -> Sell {
    Sell { order: Order { id: 20, lines: vec!["tea".to_owned()] }, customer: "Ada".to_owned(), fails }
}

/// Plays `Sell` on both runtimes: how it ends, and what was done outside, are the same.
async fn sold(
    arguments: fn() -> Sell,
    send_fails: Option<fn() -> Failure>,
) -> (Result<String, String>, Vec<String>, Vec<String>) {
    let outside = Outside::default();
    let reason = |error: Error| error.reason().map_or_else(|| error.to_string(), str::to_owned);
    outside.log().send_fails = send_fails;
    let (session, store) = (PlainSession::new(), Arc::new(Memory::new()));
    let (plain, _) = within("the plain session", async {
        tokio::join!(
            session.play(sell::Shop::new(), &store, arguments()),
            session.play(sell::Till::new(outside.clone()), &store, ()),
        )
    })
    .await;
    let plain = (plain.map_err(reason), outside.taken());
    outside.log().send_fails = send_fails;
    let node = node(&outside).await;
    let settled = within("the session", node.start(arguments()).id("1").settled()).await;
    let settled = (settled.map_err(reason), outside.taken());
    assert_eq!(plain, settled, "the plain runtime and a node do the same");
    (settled.0, settled.1.0, settled.1.1)
}

async fn node(outside: &Outside) -> Node<Memory> {
    let builder = Node::builder("all", Memory::new()).assign("Shop", "all").assign("Till", "all");
    let builder = builder.retries(Retry::new().attempts(3)).retry_compensations(RETRY);
    let builder = builder.role(sell::Shop::new()).role(sell::Till::new(outside.clone()));
    builder.role(retry::Till::new(outside.clone())).start().await.expect("the node starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_outside_stays_when_all_goes_well() {
    let (result, lines, pairs) = sold(|| order(false), None).await;
    assert_eq!(result, Ok("R-22".to_owned()));
    let expected =
        ["enter first", "charge Ada 22", "remind Ada", "enter second", "send 20", "reserve 1 2 None s", "ask "];
    assert_eq!(lines, expected);
    assert_eq!(pairs, ["ask", "charge", "reserve", "send"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_undoes_it_in_reverse_order_with_the_same_keys() {
    let (result, lines, pairs) = sold(|| order(true), None).await;
    assert_eq!(result, Err("changed my mind".to_owned()));
    let done = lines.len() - 6;
    let expected = [
        "forget Some(())",
        "release 1 Some(())",
        "recall 20 Some((20, None))",
        "strike second",
        "refund Ada 22 Some(\"R-22\")",
        "strike first",
    ];
    assert_eq!(lines.get(done..), Some(&expected.map(str::to_owned)[..]), "{lines:?}");
    assert_eq!(pairs, ["ask+forget", "charge+refund", "recall+send", "release+reserve"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_not_compensated() {
    let (result, lines, pairs) = sold(|| order(false), Some(|| Failure::abort("too heavy"))).await;
    assert_eq!(result, Err("too heavy".to_owned()));
    let expected = [
        "enter first",
        "charge Ada 22",
        "remind Ada",
        "enter second",
        "strike second",
        "refund Ada 22 Some(\"R-22\")",
        "strike first",
    ];
    assert_eq!(lines, expected);
    assert_eq!(pairs, ["charge+refund", "send"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_happened_is_compensated_without_a_result() {
    let outside = Outside::default();
    outside.log().send_fails = Some(|| std::io::Error::other("the line is down").into());
    let node = node(&outside).await;
    let settled = within("the session", node.start(order(false)).id("1").settled()).await;
    let error = settled.expect_err("it is given up").to_string();
    assert!(error.contains("Post.send failed 3 times, at last with: the line is down"), "{error}");
    assert_eq!(outside.log().sends, 3, "it is tried as often as its rule says");
    let (lines, pairs) = outside.taken();
    let undone: Vec<&str> = lines.iter().skip(4).map(String::as_str).collect();
    assert_eq!(undone, ["recall 20 None", "strike second", "refund Ada 22 Some(\"R-22\")", "strike first"]);
    assert_eq!(pairs, ["charge+refund", "recall+send"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_undoes_what_was_called_in_it_and_nothing_before() {
    let outside = Outside::default();
    let amount = 7;
    let (session, store) = (PlainSession::new(), Arc::new(Memory::new()));
    let plain = session.play(retry::Till::new(outside.clone()), &store, Again { amount }).await;
    assert_eq!(plain.expect("it goes on"), "R-7");
    let plainly = outside.taken();
    let node = node(&outside).await;
    let settled = within("the session", node.start(Again { amount }).id("1").settled()).await;
    assert_eq!(settled.expect("it goes on"), "R-7");
    until("the end", || (node.counts().sessions == 0).then_some(())).await;
    let (lines, pairs) = outside.taken();
    let expected = [
        "charge before 7",
        "deposit within 7",
        "enter within",
        "charge within, too 7",
        "refund within, too 7 Some(\"R-7\")",
        "strike within",
        "refund within 7 Some(\"D-7\")",
        "charge after 7",
    ];
    assert_eq!(lines, expected);
    assert_eq!(pairs, ["charge", "charge", "charge+refund", "deposit+refund"]);
    assert_eq!(plainly, (lines, pairs));
}

#[tokio::test]
async fn each_member_undoes_its_own() {
    let outside = Outside::default();
    let session = PlainSession::new().members_of(RoleId(1), 3);
    let store = Arc::new(Memory::new());
    let till = |index| session.play_member(all::Till::new(outside.clone()), index, &store, ());
    let (shop, ..) = tokio::join!(session.play(all::Shop::new(), &store, All { amount: 5 }), till(0), till(1), till(2));
    assert_eq!(shop.expect_err("there are too many").reason(), Some("too many"));
    let (lines, pairs) = outside.taken();
    assert_eq!(pairs, ["charge+refund"; 3]);
    assert_eq!(lines.iter().filter(|line| *line == "refund member 5 Some(\"R-5\")").count(), 3, "{lines:?}");
}
