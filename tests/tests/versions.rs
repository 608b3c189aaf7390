//! Two versions of a choreography side by side: sessions finish on the version that they started on, through deployments and their being rolled
//! back; and one whose version is not there waits, untouched, and whoever asks is told so.

#![allow(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use accompanist::store::{Memory, Sqlite};
use accompanist::{BoxError, Database, Failure, IdempotencyKey, Node, NodeBuilder, rusqlite};
use accompanist_tests::clerk::{Behaviour, Clerk};
use accompanist_tests::generated::trials::Ledger;
use accompanist_tests::pages::Writes;
use accompanist_tests::stage::Stage;
use accompanist_tests::tap::Kind;
use accompanist_tests::wait::{until, within};

/// The old version: what `enter` did is undone by `strike`.
mod old {
    accompanist::choreo! {
        service Shop {
            transaction enter(line: String) -> u64 compensate strike;
            transaction note(line: String) -> u64 compensate erase;
        }
        choreography Deal<A: Shop, B: Shop, C>(line: String@A) -> u64@A {
            A.enter(line);
            let at_b = line ~> B;
            B.note(at_b);
            B.enter(at_b) ~> A
        }
    }
}

/// The new version: it is undone by `erase`, and `C` has a part in it.
mod new {
    accompanist::choreo! {
        service Shop { transaction enter(line: String) -> u64 compensate erase; }
        choreography Deal<A: Shop, B: Shop, C: Shop>(line: String@A) -> u64@A {
            A.enter(line);
            let at_b = line ~> B;
            B.enter(at_b);
            let at_c = at_b ~> C;
            C.enter(at_c) ~> A
        }
    }
}

impl<D: Database<Tx: Writes>> old::Shop<D> for Clerk {
    async fn enter(&self, tx: &mut D::Tx, line: &String) -> Result<u64, Failure> {
        <Self as Ledger<D>>::enter(self, tx, line).await
    }

    async fn strike(&self, tx: &mut D::Tx, line: &String, count: &u64) -> Result<(), BoxError> {
        <Self as Ledger<D>>::strike(self, tx, line, count).await
    }

    async fn note(&self, tx: &mut D::Tx, line: &String) -> Result<u64, Failure> {
        <Self as Ledger<D>>::note(self, tx, line).await
    }

    async fn erase(&self, tx: &mut D::Tx, line: &String, count: &u64) -> Result<(), BoxError> {
        <Self as Ledger<D>>::erase(self, tx, line, count).await
    }
}

impl<D: Database<Tx: Writes>> new::Shop<D> for Clerk {
    async fn enter(&self, tx: &mut D::Tx, line: &String) -> Result<u64, Failure> {
        <Self as Ledger<D>>::enter(self, tx, line).await
    }

    async fn erase(&self, tx: &mut D::Tx, line: &String, count: &u64) -> Result<(), BoxError> {
        <Self as Ledger<D>>::erase(self, tx, line, count).await
    }
}

const OLD: u8 = 0;
const NEW: u8 = 1;
const NEW_BESIDE_OLD: u8 = 2;
const OLD_BESIDE_NEW: u8 = 3;

fn with_old(name: &str, builder: NodeBuilder<Sqlite>, clerk: &Clerk) -> NodeBuilder<Sqlite> {
    match name {
        "a" => builder.role(old::deal::A::new(clerk.clone())),
        "b" => builder.role(old::deal::B::new(clerk.clone())),
        _ => builder,
    }
}

fn with_new(name: &str, builder: NodeBuilder<Sqlite>, clerk: &Clerk) -> NodeBuilder<Sqlite> {
    match name {
        "a" => builder.role(new::deal::A::new(clerk.clone())),
        "b" => builder.role(new::deal::B::new(clerk.clone())),
        _ => builder.role(new::deal::C::new(clerk.clone())),
    }
}

/// A stage of which every node that is started has what is deployed then.
struct Deployed {
    stage: Stage,
    what: Arc<AtomicU8>,
}

impl Deployed {
    async fn with(what: u8) -> Self {
        let deployed = Arc::new(AtomicU8::new(what));
        let what = Arc::clone(&deployed);
        let stage = Stage::casting(&["a", "b", "c"], move |name, builder, clerk| match what.load(Ordering::SeqCst) {
            OLD => with_old(name, builder, clerk),
            NEW => with_new(name, builder, clerk),
            NEW_BESIDE_OLD => with_old(name, with_new(name, builder, clerk), clerk),
            _ => with_new(name, with_old(name, builder, clerk), clerk),
        });
        Self { stage: stage.await, what: deployed }
    }

    async fn deploy(&mut self, what: u8, names: &[&str]) {
        self.what.store(what, Ordering::SeqCst);
        self.stage.restart(names).await;
    }

    /// What tells one state of a node's sessions from another.
    fn rows(&self, name: &str) -> Vec<(String, String, u64)> {
        // Of a row's version the lower half counts its writes.
        let rows = self.stage.node(name).store().read(|connection| -> Result<Vec<_>, rusqlite::Error> {
            let mut select = connection
                .prepare("SELECT client_id, state, version & 0xffffffff FROM accompanist_session ORDER BY id")?;
            select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        });
        rows.expect("the table of sessions is there")
    }
}

fn old_deal(line: &str) -> old::Deal {
    old::Deal { line: line.to_owned() }
}

fn new_deal(line: &str) -> new::Deal {
    new::Deal { line: line.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_is_deployed_beside_the_old_one_whose_sessions_finish_on_it() {
    let mut deployed = Deployed::with(OLD).await;
    deployed.stage.clerk("b").tell("enter tea", Behaviour::Fails("not yet"));
    let before = deployed.stage.accepted(old_deal("tea"), "1").await.session();
    deployed.deploy(NEW_BESIDE_OLD, &["a", "b", "c"]).await;
    let stage = &deployed.stage;
    // A session of the new version overtakes the one of the old.
    let coffee = within("the new one", stage.start(new_deal("coffee"), "2").settled()).await;
    assert_eq!(coffee.expect("a result"), 1);
    let tea_at_b = ["note tea", "enter coffee"];
    assert_eq!(stage.pages("b").history, tea_at_b);
    stage.clerk("b").tell("enter tea", Behaviour::Works);
    // Asked for by its id, in the words of either version, it is the same session; nothing else starts on the old version.
    let again = stage.accepted(new_deal("tea"), "1").await;
    assert_eq!(again.session(), before);
    assert_eq!(within("the old one", again.settled()).await.expect("a result"), 3);
    assert_eq!(within("again", stage.start(old_deal("tea"), "1").settled()).await.expect("the same result"), 3);
    let refused = within("a start", stage.start(old_deal("milk"), "3").settled()).await.expect_err("it is the old one");
    assert!(refused.is_configuration() && refused.to_string().contains("start on the version"), "{refused}");
    stage.settle().await;
    for (name, history) in
        [("a", vec!["enter tea", "enter coffee"]), ("b", vec!["note tea", "enter coffee", "enter tea"])]
    {
        assert_eq!(stage.pages(name).history, history, "{name}");
    }
    assert_eq!(stage.pages("c").history, ["enter coffee"], "C has no part in the old version");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_rolled_back_by_the_version_that_it_started_on() {
    let mut deployed = Deployed::with(OLD).await;
    deployed.stage.clerk("b").tell("enter tea", Behaviour::Fails("not yet"));
    let before = deployed.stage.accepted(old_deal("tea"), "1").await.session();
    deployed.deploy(NEW_BESIDE_OLD, &["a", "b", "c"]).await;
    let stage = &deployed.stage;
    stage.clerk("b").tell("enter", Behaviour::Refuses("no more"));
    let coffee = within("the new one", stage.start(new_deal("coffee"), "2").settled()).await;
    assert_eq!(coffee.expect_err("refused").reason(), Some("no more"));
    stage.clerk("b").tell("enter tea", Behaviour::Refuses("no tea"));
    let tea = stage.accepted(new_deal("tea"), "1").await;
    assert_eq!(tea.session(), before);
    assert_eq!(within("the old one", tea.settled()).await.expect_err("refused").reason(), Some("no tea"));
    assert_eq!(stage.pages("a").history, ["enter tea", "enter coffee", "erase coffee", "strike tea"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_rolled_back_while_sessions_of_the_new_version_are_in_flight() {
    let mut deployed = Deployed::with(OLD).await;
    deployed.deploy(NEW_BESIDE_OLD, &["a", "b", "c"]).await;
    deployed.stage.clerk("c").tell("enter coffee", Behaviour::Fails("not yet"));
    let coffee = deployed.stage.accepted(new_deal("coffee"), "1").await.session();
    deployed.deploy(OLD_BESIDE_NEW, &["a", "b", "c"]).await;
    let stage = &deployed.stage;
    assert_eq!(within("the old one", stage.start(old_deal("tea"), "2").settled()).await.expect("a result"), 3);
    let refused = within("a start", stage.start(new_deal("milk"), "3").settled()).await.expect_err("it is rolled back");
    assert!(refused.is_configuration(), "{refused}");
    stage.clerk("c").tell("enter coffee", Behaviour::Works);
    let again = stage.accepted(new_deal("coffee"), "1").await;
    assert_eq!(again.session(), coffee);
    assert_eq!(within("the new one", again.settled()).await.expect("a result"), 1);
    stage.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_version_is_not_deployed_is_left_untouched_and_answered_so() {
    let mut deployed = Deployed::with(OLD).await;
    deployed.stage.clerk("b").tell("enter tea", Behaviour::Fails("not yet"));
    let before = deployed.stage.accepted(old_deal("tea"), "1").await.session();
    let part = [("1".to_owned(), "active".to_owned(), 1)];
    until("b's part", || (deployed.rows("b") == part).then_some(())).await;
    deployed.deploy(NEW, &["b"]).await;
    let told = deployed.stage.tap.sent(|from, _, kind| from == "b" && kind == Kind::Refused);
    // The old version's A says again what it has to say, and is told.
    deployed.deploy(OLD, &["a"]).await;
    let refused = || deployed.stage.tap.sent(|from, to, kind| (from, to, kind) == ("b", "a", Kind::Refused));
    until("the answer", || (refused() > told).then_some(())).await;
    assert_eq!(deployed.rows("b"), part);
    // Who asks where only the new version is, is told which one is missing.
    deployed.deploy(NEW, &["a", "b", "c"]).await;
    let rows = deployed.rows("a");
    let asked = within("a start", deployed.stage.start(new_deal("tea"), "1").settled()).await.expect_err("it waits");
    assert!(asked.is_parked() && asked.to_string().contains("another version of the choreography `Deal`"), "{asked}");
    assert_eq!(within("another", deployed.stage.start(new_deal("coffee"), "2").settled()).await.expect("a result"), 1);
    deployed.stage.settle().await;
    assert_eq!(deployed.rows("a").first(), rows.first());
    deployed.deploy(NEW_BESIDE_OLD, &["a", "b", "c"]).await;
    deployed.stage.clerk("b").tell("enter tea", Behaviour::Works);
    let again = deployed.stage.accepted(new_deal("tea"), "1").await;
    assert_eq!(again.session(), before);
    assert_eq!(within("the old one", again.settled()).await.expect("a result"), 3);
}

/// A file and the version before it, which takes from it what is the same in both.
mod sale {
    pub mod now {
        accompanist::choreo!("versions/sale.chor");
    }
    pub mod before {
        accompanist::choreo!("versions/sale_v1.chor", shares = "versions/sale.chor" in super::now);
    }
    /// The file once more: it has not been edited yet.
    pub mod copy {
        accompanist::choreo!("versions/sale.chor", shares = "versions/sale.chor" in super::now);
    }
}

struct Seller;

impl<D: Database> sale::now::Till<D> for Seller {
    fn receipt(&self, line: &String, count: &u64) -> sale::now::Receipt {
        // The type is one: the version before names the same.
        sale::before::Receipt { line: line.clone(), count: *count }
    }

    async fn look(&self, _: &IdempotencyKey, _: &String) -> Result<u64, Failure> {
        Ok(6)
    }
}

impl<D: Database> sale::now::Printer<D> for Seller {
    fn label(&self, text: &String) -> sale::now::Label {
        sale::now::Label { text: text.to_uppercase(), colour: String::new() }
    }
}

impl<D: Database> sale::before::Printer<D> for Seller {
    fn label(&self, text: &String) -> sale::before::Label {
        sale::before::Label { text: text.clone() }
    }
}

/// A node that plays both roles of a sale, given by `cast`.
async fn shop(
    cast: impl FnOnce(NodeBuilder<Memory>) -> NodeBuilder<Memory>,
) -> Result<Node<Memory>, accompanist::Error> {
    cast(Node::builder("shop", Memory::new()).assign("A", "shop").assign("B", "shop")).start().await
}

#[tokio::test]
async fn an_old_version_shares_the_services_and_types_that_did_not_change() {
    let cast_now =
        |node: NodeBuilder<_>| node.role(sale::now::sale::A::new(Seller)).role(sale::now::sale::B::new(Seller));
    let cast_before =
        |node: NodeBuilder<_>| node.role(sale::before::sale::A::new(Seller)).role(sale::before::sale::B::new(Seller));
    let line = || "pan".to_owned();
    let (now, before) = (shop(cast_now).await.unwrap(), shop(cast_before).await.unwrap());
    let receipt = now.start(sale::now::Sale { line: line() }).settled().await.unwrap();
    assert_eq!((receipt.line.as_str(), receipt.count), ("PAN", 7));
    let receipt = before.start(sale::before::Sale { line: line() }).settled().await.unwrap();
    assert_eq!((receipt.line.as_str(), receipt.count), ("pan", 6));
}

#[tokio::test]
async fn one_version_that_is_given_twice_is_one() {
    let (now, copy) = (&sale::now::sale::DEFINITION, &sale::copy::sale::DEFINITION);
    assert_eq!(now.version(), copy.version());
    assert_ne!(now.version(), sale::before::sale::DEFINITION.version());
    let both = |node: NodeBuilder<_>| {
        node.role(sale::now::sale::A::new(Seller))
            .role(sale::now::sale::B::new(Seller))
            .role(sale::copy::sale::A::new(Seller))
            .role(sale::copy::sale::B::new(Seller))
    };
    let (node, line) = (shop(both).await.unwrap(), || "pan".to_owned());
    assert_eq!(node.start(sale::now::Sale { line: line() }).id("1").settled().await.unwrap().count, 7);
    assert_eq!(node.start(sale::copy::Sale { line: line() }).id("2").settled().await.unwrap().count, 7);
    let twice = |node: NodeBuilder<_>| node.role(sale::now::sale::A::new(Seller)).role(sale::now::sale::A::new(Seller));
    let error = shop(twice).await.map(drop).unwrap_err().to_string();
    assert!(error.contains("the role `Sale.A` is given twice"), "{error}");
}
