//! What is written of a user's values can be read again, is the same, and is within limits: checked where it is made, on both
//! runtimes. What an operation outside of the database did by then is undone; a reason that is too long is cut, and says so.
#![allow(missing_docs, clippy::panic, reason = "a test stops at what it does not expect")]

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use accompanist::plain::PlainSession;
use accompanist::store::{Memory, MemoryTx};
use accompanist::transport::LocalNetwork;
use accompanist::{BoxError, Error, Failure, IdempotencyKey, Limits, Node, REASON_BYTES_MAX, Retry};
use accompanist_tests::generated::written::{
    AllRates, Answer, AnswerAll, Call, Comment, Double, Foreign, Hand, HandedOn, Keep, Provider, Rate, Recursive,
    Refuse, Report, Require, Tell, Thread, Within, Wrap, all_rates, answer, answer_all, call, double, foreign, hand,
    handed_on, keep, rate, recursive, refuse, report, require, tell, thread, within as scope, wrap,
};
use accompanist_tests::model::{Doubled, Rates};
use accompanist_tests::wait::{until, within};

/// Notes what it does, and what is undone.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, what: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what.to_owned());
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn undone(&self, what: &str, output: Option<impl Debug>) -> Result<(), BoxError> {
        self.note(&format!("{what} {}", if output.is_some() { "its result" } else { "without a result" }));
        Ok(())
    }
}

fn nested(depth: u64) -> Comment {
    let leaf = Comment { text: "leaf".to_owned(), answers: vec![] };
    (0..depth).fold(leaf, |inner, _| Comment { text: "c".to_owned(), answers: vec![inner] })
}

fn refused(how: &str, length: usize) -> Result<u64, Failure> {
    let reason = "é".repeat(length / 2);
    if how == "fails" { Err(std::io::Error::other(reason).into()) } else { Err(Failure::abort(reason)) }
}

impl Provider<Memory> for Notes {
    async fn rate(&self, _: &IdempotencyKey, how: &String) -> Result<f64, Failure> {
        self.note("rate");
        Ok(if how == "fine" { 1.5 } else { f64::NAN })
    }
    async fn forget_rate(&self, _: &IdempotencyKey, _: &String, output: Option<&f64>) -> Result<(), BoxError> {
        self.undone("forget", output)
    }
    async fn rates(&self, _: &IdempotencyKey, how: &String) -> Result<Rates, Failure> {
        self.note("rates");
        let mut rates = Rates::default();
        if how != "fine" {
            rates.by_pair.insert(("EUR".to_owned(), "USD".to_owned()), 108);
        }
        Ok(rates)
    }
    async fn forget_rates(&self, _: &IdempotencyKey, _: &String, output: Option<&Rates>) -> Result<(), BoxError> {
        self.undone("forget", output)
    }
    async fn doubled(&self, _: &IdempotencyKey, how: &String) -> Result<Doubled, Failure> {
        self.note("doubled");
        Ok(Doubled { cents: if how == "fine" { 0 } else { 7 } })
    }
    async fn forget_doubled(&self, _: &IdempotencyKey, _: &String, output: Option<&Doubled>) -> Result<(), BoxError> {
        self.undone("forget", output)
    }
    async fn report(&self, _: &IdempotencyKey, length: &usize) -> Result<String, Failure> {
        self.note("report");
        Ok("x".repeat(*length))
    }
    async fn scrap(&self, _: &IdempotencyKey, _: &usize, output: Option<&String>) -> Result<(), BoxError> {
        self.undone("forget", output)
    }
    async fn thread(&self, _: &IdempotencyKey, depth: &u64) -> Result<Comment, Failure> {
        self.note("thread");
        Ok(nested(*depth))
    }
    async fn unthread(&self, _: &IdempotencyKey, _: &u64, output: Option<&Comment>) -> Result<(), BoxError> {
        self.undone("forget", output)
    }
    async fn keep(&self, _: &mut MemoryTx, depth: &u64) -> Result<Comment, Failure> {
        self.note("keep");
        Ok(nested(*depth))
    }
    async fn drop_it(&self, _: &mut MemoryTx, _: &u64, output: &Comment) -> Result<(), BoxError> {
        self.undone("drop", Some(output))
    }
    async fn read(&self, _: &mut MemoryTx, comment: &Comment) -> Result<u64, Failure> {
        self.note("read");
        Ok(comment.answers.len() as u64)
    }
    async fn unread(&self, _: &mut MemoryTx, _: &Comment, output: &u64) -> Result<(), BoxError> {
        self.undone("unread", Some(output))
    }
    async fn refuse(&self, _: &mut MemoryTx, how: &String, length: &usize) -> Result<u64, Failure> {
        refused(how, *length)
    }
    async fn accept(&self, _: &mut MemoryTx, _: &String, _: &usize, output: &u64) -> Result<(), BoxError> {
        self.undone("accept", Some(output))
    }
    async fn call(&self, _: &IdempotencyKey, how: &String, length: &usize) -> Result<u64, Failure> {
        refused(how, *length)
    }
    async fn hang_up(&self, _: &IdempotencyKey, _: &String, _: &usize, output: Option<&u64>) -> Result<(), BoxError> {
        self.undone("hang up", output)
    }
}

fn said<T: Debug>(result: Result<T, Error>) -> Result<String, String> {
    result.map(|value| format!("{value:?}")).map_err(|error| match error.reason() {
        Some(reason) => reason.to_owned(),
        None => format!("not aborted: {error}"),
    })
}

/// How a session of `Shop` and `Provider` ends, and what its services noted: the same on the plain runtime and on a node.
macro_rules! ends {
    ($module:ident, $arguments:expr) => {{
        let notes = Notes::default();
        let (session, store) = (PlainSession::new(), Arc::new(Memory::new()));
        let (plain, _) = within("the plain session", async {
            tokio::join!(
                session.play($module::Shop::new(), &store, $arguments),
                session.play($module::Provider::new(notes.clone()), &store, ()),
            )
        })
        .await;
        let plainly = (said(plain), notes.taken());
        let builder = Node::builder("all", Memory::new()).assign("Shop", "all").assign("Provider", "all");
        let builder = builder.role($module::Shop::new()).role($module::Provider::new(notes.clone()));
        let node = builder.start().await.expect("the node starts");
        let settled = within("the session", node.start($arguments).settled()).await;
        let resilient = (said(settled), notes.taken());
        until("the end", || (node.counts().sessions == 0).then_some(())).await;
        assert_eq!(plainly, resilient, "the plain runtime and a node do the same");
        resilient
    }};
}

fn how(how: &str) -> String {
    how.to_owned()
}

/// Sees that it worked, and only noted that.
#[track_caller]
fn works((result, notes): (Result<String, String>, Vec<String>), expected: &str, noted: &str) {
    assert_eq!((result, notes), (Ok(expected.to_owned()), vec![noted.to_owned()]));
}

/// Sees that it was refused for that reason, and undone without its result.
#[track_caller]
fn is_undone((result, notes): (Result<String, String>, Vec<String>), why: &str, noted: &str) {
    let reason = result.expect_err("it cannot be recorded");
    assert!(reason.starts_with("the operation's result ") && reason.contains(why), "{reason}");
    assert_eq!(notes, [noted.to_owned(), "forget without a result".to_owned()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_outside_is_undone_though_its_result_cannot_be_recorded() {
    works(ends!(rate, Rate { how: how("fine") }), "1.5", "rate");
    is_undone(ends!(rate, Rate { how: how("nan") }), "NaN is not finite", "rate");
    works(ends!(all_rates, AllRates { how: how("fine") }), r#""done""#, "rates");
    is_undone(ends!(all_rates, AllRates { how: how("pairs") }), "key must be a string", "rates");
    works(ends!(double, Double { how: how("fine") }), r#""done""#, "doubled");
    is_undone(
        ends!(double, Double { how: how("seven") }),
        r#"is not read as what was written: `{"cents":14}` became `{"cents":28}`"#,
        "doubled",
    );
    works(ends!(report, Report { length: 1_000_000 }), "1000000", "report");
    is_undone(ends!(report, Report { length: 20 << 20 }), "has 20971522 bytes of JSON, more than 15728640", "report");
    works(ends!(thread, Thread { depth: 60 }), r#""c""#, "thread");
    for depth in [63, 64, 100_000] {
        is_undone(ends!(thread, Thread { depth }), "is nested more than 127 levels deep", "thread");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_nested_too_deeply_are_refused_where_they_are_made() {
    let deep = "is nested more than 127 levels deep";
    let made = format!("`Comment {{ text: \"c\", answers: [comment] }}` {deep}");
    works(ends!(keep, Keep { depth: 62 }), r#""c""#, "keep");
    for depth in [63, 100_000] {
        let (result, notes) = ends!(keep, Keep { depth });
        assert_eq!((result, notes), (Err(format!("the operation's result {deep}")), vec!["keep".to_owned()]));
    }
    works(ends!(tell, Tell { depth: 62 }), "1", "read");
    for depth in [63, 100_000] {
        let (result, notes) = ends!(tell, Tell { depth });
        assert!(result.is_err_and(|reason| reason.ends_with(&made)), "{depth}");
        assert!(notes.is_empty(), "{notes:?}");
    }
    // A list of arguments is a level of its own.
    let (result, notes) = ends!(hand, Hand { comment: nested(61) });
    assert_eq!((result, notes), (Ok("1".to_owned()), vec!["read".to_owned()]));
    let (result, _) = ends!(answer, Answer { depth: 62 });
    assert!(result.is_ok(), "{result:?}");
    let (result, notes) = ends!(answer, Answer { depth: 100_000 });
    assert!(result.is_err_and(|reason| reason.ends_with(&made)));
    assert_eq!(notes, ["keep", "drop its result"]);
    // What holds a deep value has more levels than it.
    works(ends!(wrap, Wrap { depth: 60 }), "1", "read");
    let (result, notes) = ends!(wrap, Wrap { depth: 62 });
    assert_eq!((result, notes), (Err(format!("a message {deep}")), vec![]));
    let (result, _) = ends!(answer_all, AnswerAll { depth: 62 });
    assert_eq!(result, Err(format!("the session's result {deep}")));
    for depth in [100, 400] {
        let (result, _) = ends!(recursive, Recursive { depth });
        assert!(result.is_err_and(|reason| reason.ends_with(deep)), "{depth}");
        let (result, _) = ends!(handed_on, HandedOn { depth });
        assert!(result.is_err_and(|reason| reason.ends_with(deep)), "{depth}");
        let (result, _) = ends!(foreign, Foreign { depth });
        assert!(result.is_err_and(|reason| reason.ends_with(deep)), "{depth}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_could_not_be_read_start_nothing() {
    let notes = Notes::default();
    let builder = Node::builder("all", Memory::new()).assign("Shop", "all").assign("Provider", "all");
    let node = builder.role(hand::Shop::new()).role(hand::Provider::new(notes.clone())).start().await;
    let node = node.expect("the node starts");
    for depth in [63, 100_000] {
        let error = node.start(Hand { comment: nested(depth) }).id("1").settled().await.expect_err("it is too deep");
        assert!(error.is_too_large(), "{error}");
        assert_eq!(error.to_string(), "the list of arguments is nested more than 127 levels deep");
    }
    assert_eq!((node.counts().sessions_started, notes.taken()), (0, vec![]));
    // And so the id is free.
    let read = within("the session", node.start(Hand { comment: nested(1) }).id("1").settled()).await;
    assert_eq!(read.expect("it is not too deep"), 1);
}

/// A session of two nodes that take no message of more than 1,000 bytes ends for a long reason: both learn of it, and undo.
macro_rules! ends_for {
    ($module:ident, $arguments:expr, $undone:expr) => {{
        let network = LocalNetwork::new();
        let limits = Limits { payload_bytes_max: 1_000, ..Limits::default() };
        let (notes, theirs) = (Notes::default(), Notes::default());
        let retry = Retry::new().attempts(2).pauses(Duration::from_millis(1), Duration::from_millis(2));
        let builder = |name: &str| {
            let builder = Node::builder(name, Memory::new()).transport(network.transport()).retries(retry);
            builder.limits(limits).assign("Shop", "shop").assign("Other", "other")
        };
        let shop = builder("shop").role($module::Shop::new(notes.clone())).start().await.expect("the node starts");
        let other = builder("other").role($module::Other::new(theirs.clone())).start().await.expect("it starts");
        let settled = said(within("the session", shop.start($arguments).settled()).await);
        until("the end", || (shop.counts().sessions + other.counts().sessions == 0).then_some(())).await;
        assert_eq!((notes.taken(), theirs.taken()), $undone);
        settled
    }};
}

fn notes<const N: usize, const M: usize>(one: [&str; N], two: [&str; M]) -> (Vec<String>, Vec<String>) {
    (one.map(str::to_owned).into(), two.map(str::to_owned).into())
}

/// Sees that a reason was cut.
#[track_caller]
fn is_cut(reason: &str, begins: &str, bytes: usize) {
    assert!(reason.starts_with(begins), "{}", reason.chars().take(60).collect::<String>());
    assert!(reason.len() <= REASON_BYTES_MAX && reason.len() > REASON_BYTES_MAX - 4, "{}", reason.len());
    assert!(reason.ends_with(&format!("… (cut: the reason has {bytes} bytes, more than 16384)")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_reason_is_cut_and_every_role_learns_of_it() {
    let both = || notes(["keep", "drop its result"], ["keep", "drop its result"]);
    for length in [20_000, 20_000_000] {
        let reason = ends_for!(refuse, Refuse { how: how("refuses"), length }, both()).expect_err("it is refused");
        is_cut(&reason, "ééé", length);
        let reason = ends_for!(refuse, Refuse { how: how("fails"), length }, both()).expect_err("it fails");
        assert!(
            reason.starts_with("Provider.refuse failed 2 times, at last with: ééé") && reason.len() <= REASON_BYTES_MAX
        );
        let reason = ends_for!(call, Call { how: how("refuses"), length }, both()).expect_err("it is refused");
        is_cut(&reason, "ééé", length);
        let undone = notes(["keep", "drop its result"], ["keep", "hang up without a result", "drop its result"]);
        let reason = ends_for!(call, Call { how: how("fails"), length }, undone).expect_err("it fails");
        assert!(
            reason.starts_with("Provider.call failed 2 times, at last with: ééé") && reason.len() <= REASON_BYTES_MAX
        );
    }
    let short = ends_for!(refuse, Refuse { how: how("refuses"), length: 16_384 }, both()).expect_err("it is refused");
    assert_eq!(short.len(), 16_384, "a reason may be longer than a message");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_reason_of_the_program_is_the_same_on_both_runtimes() {
    let notes = Notes::default();
    let (session, store) = (PlainSession::new(), Arc::new(Memory::new()));
    let node = Node::builder("all", Memory::new()).assign("Shop", "all").assign("Other", "all");
    let node = node.role(require::Shop::new(notes.clone())).role(require::Other::new(notes.clone()));
    let node = node.role(scope::Shop::new(notes.clone())).role(scope::Other::new(notes.clone()));
    let node = node.start().await.expect("the node starts");
    let length = 100_000;
    let (plain, _) = within("the plain session", async {
        tokio::join!(
            session.play(require::Shop::new(notes.clone()), &store, Require { how: how("é"), length }),
            session.play(require::Other::new(notes.clone()), &store, ()),
        )
    })
    .await;
    let plain = said(plain).expect_err("it is refused");
    is_cut(&plain, "ééé", 200_000);
    let settled = within("the session", node.start(Require { how: how("é"), length }).settled()).await;
    assert_eq!(said(settled), Err(plain));
    let session = PlainSession::new();
    let (plain, _) = within("the plain session", async {
        tokio::join!(
            session.play(scope::Shop::new(notes.clone()), &store, Within { how: how("é"), length }),
            session.play(scope::Other::new(notes.clone()), &store, ()),
        )
    })
    .await;
    let plain = plain.expect("it goes on");
    is_cut(&plain, "ééé", 200_000);
    let settled = within("the session", node.start(Within { how: how("é"), length }).settled()).await;
    assert_eq!(settled.expect("it goes on"), plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_reason_of_an_operator_is_cut() {
    let notes = Notes::default();
    let node = Node::builder("shop", Memory::new()).transport(LocalNetwork::new().transport());
    let node = node.assign("Shop", "shop").assign("Other", "away").role(require::Shop::new(notes.clone()));
    let node = node.start().await.expect("the node starts");
    let start = node.start(Require { how: how("é"), length: 1 }).id("1").accepted();
    let handle = within("the start", start).await.expect("it is accepted");
    let cancelled = within("the cancel", handle.cancel("x".repeat(1_000_000))).await.expect("it is cancelled");
    let accompanist::Cancelled::Aborted { reason } = cancelled else { panic!("{cancelled:?}") };
    is_cut(&reason, "xxx", 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_no_other_node_would_take_are_refused_where_they_are_said() {
    let long = "n".repeat(513);
    let error = Node::builder(&long, Memory::new()).start().await.expect_err("its name is too long");
    assert!(error.is_configuration() && error.to_string().contains("513 bytes"), "{error}");
    let node = Node::builder("all", Memory::new()).assign("Shop", "all").assign("Provider", &long);
    let error = node.role(rate::Shop::new()).start().await.expect_err("a name is too long");
    assert!(error.is_configuration() && error.to_string().contains("513 bytes"), "{error}");
    let node = Node::builder("all", Memory::new()).assign("Shop", "all").assign("Provider", "all");
    let node = node.role(rate::Shop::new()).role(rate::Provider::new(Notes::default())).start().await;
    let node = node.expect("the node starts");
    let error = node.start(Rate { how: how("fine") }).id(long).settled().await.expect_err("its id is too long");
    assert!(error.is_configuration() && error.to_string().contains("longer than 512 bytes"), "{error}");
}
