//! One generated file, compiled once, on every runtime: the plain one and the resilient one, over memory and SQLite, in one process and over TCP.
//! The same results, the same refusals, the same tables; and not a word in it of what can go wrong.
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test stops at what it does not expect")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use accompanist::plain::PlainSession;
use accompanist::rusqlite::types::Value;
use accompanist::store::{Memory, Sqlite, Store};
use accompanist::transport::{LocalNetwork, Tcp};
use accompanist::{Error, Node, NodeBuilder};
use accompanist_tests::generated::choices::{
    Both, Merged, Refused, Relay, Selected, Told, both, merged, refused, relay, selected, told,
};
use accompanist_tests::market::Market;
use accompanist_tests::pages::{Shelf, Writes};
use accompanist_tests::stage::TIMING;
use accompanist_tests::wait::{until, within};
use warehouse::model::{Customer, Item, Order, World};
use warehouse::{Bank, Club, OrderFulfilment, Shop, order_fulfilment};

/// What a session gave, as text: the initiator's result or the reason why there is none.
type Answer = Result<String, String>;

fn answer<T: Debug>(result: Result<T, Error>) -> Answer {
    result.map(|output| format!("{output:?}")).map_err(|error| error.to_string())
}

/// A choreography of `choices.chor` with its arguments: how it is run on either runtime.
trait Piece<S: Store<Tx: Writes>>: Clone + Debug {
    async fn plainly(self, stage: &BTreeMap<&'static str, (Arc<S>, Market)>) -> Answer;
    async fn on(self, node: &Node<S>) -> Answer;
}

/// For each choreography its roles, the initiator first, and whether they have a service.
macro_rules! pieces {
    ($market:ident: $($name:ident / $module:ident {
        $first_node:literal $first:ident, $($node:literal $role:ident ($($service:expr)?)),+
    })+) => {
        $(impl<S: Store<Tx: Writes>> Piece<S> for $name {
            async fn plainly(self, stage: &BTreeMap<&'static str, (Arc<S>, Market)>) -> Answer {
                let session = PlainSession::new();
                $({
                    let session = session.clone();
                    let (store, $market) = stage[$node].clone();
                    let _ = &$market;
                    tokio::spawn(async move { session.play($module::$role::new($($service)?), &store, ()).await.map(drop) });
                })+
                let (store, _) = &stage[$first_node];
                answer(within(&self, session.play($module::$first::new(), store, self.clone())).await)
            }

            async fn on(self, node: &Node<S>) -> Answer {
                answer(within(&self, node.start(self.clone()).settled()).await)
            }
        })+

        /// Has the node of that name play its roles in all of them.
        fn cast<S: Store<Tx: Writes>>(name: &str, mut builder: NodeBuilder<S>, market: &Market) -> NodeBuilder<S> {
            $(
                if name == $first_node {
                    builder = builder.role($module::$first::new());
                }
                $(if name == $node {
                    let $market = market.clone();
                    let _ = &$market;
                    builder = builder.role($module::$role::new($($service)?));
                })+
            )+
            builder
        }
    };
}

pieces! { market:
    Selected / selected { "buyer" Buyer, "bank" Bank(market) }
    Told / told { "buyer" Buyer, "seller" Seller(market) }
    Merged / merged { "buyer" Buyer, "seller" Seller(market), "log" Log(market) }
    Refused / refused { "buyer" Buyer, "bank" Bank(market) }
    Both / both { "buyer" Buyer, "bank" Bank(market) }
    Relay / relay { "a" A, "b" B(), "c" C(), "log" Log(market) }
}

const NODES: [&str; 7] = ["buyer", "seller", "bank", "log", "a", "b", "c"];

/// Performs them all, by `$how` (which is handed a piece and the name of the node where it starts), and gathers what they say.
macro_rules! perform_all {
    ($how:expr) => {{
        let mut said = Vec::new();
        for (rich, amount) in [(true, 40), (false, 40), (true, 1_001)] {
            said.push($how(Selected { rich, amount }, "buyer").await);
        }
        for (item, wanted) in [("tea", true), ("tea", false), ("the last one", true)] {
            said.push($how(Told { item: item.into(), wanted }, "buyer").await);
        }
        for item in ["tea", "coffee", "gold", "myrrh"] {
            said.push($how(Merged { item: item.into() }, "buyer").await);
        }
        for (age, limits) in [(17, (1, 2)), (18, (3, 2)), (18, (2, 5)), (21, (0, 2_000))] {
            said.push($how(Refused { age, limits }, "buyer").await);
        }
        for (ok, text) in [(true, "pay"), (true, "later"), (false, "pay"), (false, "")] {
            said.push($how(Both { ok, text: text.into() }, "buyer").await);
        }
        for text in ["", "something"] {
            said.push($how(Relay { x: text.into() }, "a").await);
        }
        said
    }};
}

/// What is to come of them.
fn expected() -> Vec<Answer> {
    let ok = |text: &str| Ok(text.to_owned());
    let aborted = |reason: &str| Err(format!("aborted: {reason}"));
    vec![
        ok("40"),
        ok("0"),
        aborted("1001 is too much"),
        ok("Some(1)"),
        ok("None"),
        aborted("sold out"),
        ok("7"),
        ok("10"),
        aborted("not for sale"),
        ok("0"),
        aborted("too young"),
        aborted("limits are crossed"),
        ok("true"),
        aborted("2000 is too much"),
        ok("7"),
        ok("1"),
        ok("2"),
        ok("2"),
        ok("()"),
        ok("()"),
    ]
}

/// What is in the services' tables afterwards.
const TABLES: [(&str, &[&str]); 2] = [("bank", &["40", "3", "7"]), ("seller", &["tea", "tea"])];

fn check_tables<S: Shelf>(of: &str, stage: &BTreeMap<&'static str, (Arc<S>, Market)>) {
    let tables = stage
        .iter()
        .map(|(name, (store, market))| (*name, store.pages(&market.book).expect("the tables are there").entries));
    let written: Vec<_> = tables.filter(|(_, entries)| !entries.is_empty()).collect();
    let expected: Vec<_> = TABLES
        .iter()
        .map(|(name, entries)| (*name, entries.iter().map(|entry| (*entry).to_owned()).collect()))
        .collect();
    assert_eq!(written, expected, "{of}");
}

fn stores<S: Shelf>(directory: &Path) -> BTreeMap<&'static str, (Arc<S>, Market)> {
    let store = |name| (name, (Arc::new(S::fresh(directory, name).expect("a new store")), Market::default()));
    NODES.into_iter().map(store).collect()
}

async fn plain<S: Shelf>(of: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let stage = stores::<S>(directory.path());
    let said = perform_all!(|piece, _| Piece::<S>::plainly(piece, &stage));
    assert_eq!(said, expected(), "{of}");
    // The other roles' parts of a refusal may still be being undone.
    until(of, || {
        let tidy = |(name, entries): &(&str, &[&str])| {
            let (store, market) = &stage[name];
            store.pages(&market.book).is_ok_and(|pages| pages.entries == *entries)
        };
        TABLES.iter().all(tidy).then_some(())
    })
    .await;
    check_tables(of, &stage);
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Between {
    /// One node plays all roles.
    Nothing,
    Queues,
    Tcp,
}

async fn resilient<S: Shelf + Clone>(of: &str, between: Between) {
    let directory = tempfile::tempdir().expect("a directory");
    let stage = stores::<S>(directory.path());
    let network = LocalNetwork::new();
    let mut sockets = BTreeMap::new();
    for name in NODES {
        sockets.insert(name, Tcp::bind("127.0.0.1:0").await.expect("a port"));
    }
    let peers: Vec<(&str, String)> =
        sockets.iter().map(|(name, tcp)| (*name, tcp.local_address().expect("it is bound").to_string())).collect();
    let mut nodes = BTreeMap::new();
    for (name, (store, market)) in &stage {
        let mut builder = cast(name, Node::builder(*name, S::clone(store)).timing(TIMING), market);
        match between {
            Between::Nothing => continue,
            Between::Queues => builder = builder.transport(network.transport()),
            Between::Tcp => {
                let tcp = sockets.remove(name).expect("one each").with_peers(peers.clone());
                builder = builder.transport(tcp);
            }
        }
        nodes.insert(*name, builder.start().await.expect("the node starts"));
    }
    if between == Between::Nothing {
        let (store, market) = &stage["bank"];
        let mut builder = Node::builder("all", S::clone(store)).timing(TIMING);
        for name in NODES {
            builder = cast(name, builder, market);
        }
        for role in ["Buyer", "Seller", "Bank", "Log", "A", "B", "C"] {
            builder = builder.assign(role, "all");
        }
        let node = builder.start().await.expect("the node starts");
        // The first six have in them how many entries a service's own table holds, and here all share one.
        assert_eq!(perform_all!(|piece, _| Piece::on(piece, &node))[6..], expected()[6..], "{of}");
        return;
    }
    let said = perform_all!(|piece, name| Piece::on(piece, &nodes[name]));
    assert_eq!(said, expected(), "{of}");
    for (name, node) in &nodes {
        until((of, name), || (node.counts().sessions == 0).then_some(())).await;
    }
    check_tables(of, &stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_gives_the_same_on_every_runtime() {
    plain::<Memory>("plain, memory").await;
    plain::<Sqlite>("plain, SQLite").await;
    for between in [Between::Nothing, Between::Queues, Between::Tcp] {
        resilient::<Memory>("resilient, memory", between).await;
        resilient::<Sqlite>("resilient, SQLite", between).await;
    }
}

/// Orders: who, how many pieces.
const ORDERS: [(&str, u64); 6] = [("Ada", 3), ("Ada", 101), ("Ben", 3), ("Cleo", 3), ("Ada", 20), ("Ada", 2)];

fn orders() -> impl Iterator<Item = OrderFulfilment> {
    (1..).zip(ORDERS).map(|(id, (customer, count))| {
        let items = vec![Item { sku: "tea".into(), count, price: 250 }];
        OrderFulfilment { order: Order { id, customer: customer.into(), items } }
    })
}

/// The three services' databases.
struct Stores {
    warehouse: Arc<Sqlite>,
    payment: Arc<Sqlite>,
    loyalty: Arc<Sqlite>,
}

impl Stores {
    fn new(directory: &Path) -> Self {
        let customer = |balance, barred| Customer { balance, barred };
        let customers =
            [("Ada", customer(9_000, false)), ("Ben", customer(10, false)), ("Cleo", customer(9_000, true))];
        let world = World {
            stock: [("tea".to_owned(), 100)].into(),
            customers: customers.map(|(name, customer)| (name.to_owned(), customer)).into(),
        };
        let open = |name: &str| Sqlite::open(directory.join(name)).expect("a new database");
        Self {
            warehouse: Arc::new(Shop::prepare(open("warehouse.db"), &world).expect("tables")),
            payment: Arc::new(Bank::prepare(open("payment.db"), &world).expect("tables")),
            loyalty: Arc::new(Club::prepare(open("loyalty.db"), &world).expect("tables")),
        }
    }

    /// Every row of the services' own tables, with the histories of all that was done and undone.
    fn rows(&self) -> Vec<String> {
        let queries = [
            (&self.warehouse, "SELECT * FROM stock"),
            (&self.warehouse, "SELECT * FROM shipment"),
            (&self.warehouse, "SELECT operation, subject FROM history"),
            (&self.payment, "SELECT * FROM card"),
            (&self.payment, "SELECT * FROM payment"),
            (&self.payment, "SELECT operation, subject FROM history"),
            (&self.loyalty, "SELECT * FROM member"),
            (&self.loyalty, "SELECT operation, subject FROM history"),
        ];
        let rows = queries.iter().flat_map(|(store, query)| {
            let rows = store.read(|connection| {
                let mut select = connection.prepare(query)?;
                let columns = select.column_count();
                let rows =
                    select.query_map([], |row| (0..columns).map(|column| row.get::<_, Value>(column)).collect())?;
                rows.collect::<Result<Vec<Vec<Value>>, accompanist::rusqlite::Error>>()
            });
            rows.expect("the tables are there").into_iter().map(move |row| format!("{query}: {row:?}"))
        });
        rows.collect()
    }
}

async fn orders_plainly() -> (Vec<Answer>, Vec<String>) {
    let directory = tempfile::tempdir().expect("a directory");
    let stores = Stores::new(directory.path());
    let mut said = Vec::new();
    for order in orders() {
        let session = PlainSession::new();
        let (warehouse, payment, loyalty) = within("an order", async {
            tokio::join!(
                session.play(order_fulfilment::Warehouse::new(Shop), &stores.warehouse, order.clone()),
                session.play(order_fulfilment::Payment::new(Bank), &stores.payment, ()),
                session.play(order_fulfilment::Loyalty::new(Club), &stores.loyalty, ()),
            )
        })
        .await;
        assert_eq!(
            (payment.is_ok(), loyalty.is_ok()),
            (warehouse.is_ok(), warehouse.is_ok()),
            "one outcome at all roles"
        );
        said.push(answer(warehouse));
    }
    (said, stores.rows())
}

async fn orders_resiliently(tcp: bool) -> (Vec<Answer>, Vec<String>) {
    let directory = tempfile::tempdir().expect("a directory");
    let stores = Stores::new(directory.path());
    let network = LocalNetwork::new();
    let mut sockets = Vec::new();
    for name in ["warehouse", "payment", "loyalty"] {
        sockets.push((name, Tcp::bind("127.0.0.1:0").await.expect("a port")));
    }
    let address = |tcp: &Tcp| tcp.local_address().expect("it is bound");
    let peers: Vec<_> = sockets.iter().map(|(name, tcp)| (*name, address(tcp))).collect();
    let mut nodes = Vec::new();
    for (name, socket) in sockets {
        let builder = match name {
            "warehouse" => {
                Node::builder(name, (*stores.warehouse).clone()).role(order_fulfilment::Warehouse::new(Shop))
            }
            "payment" => Node::builder(name, (*stores.payment).clone()).role(order_fulfilment::Payment::new(Bank)),
            _ => Node::builder(name, (*stores.loyalty).clone()).role(order_fulfilment::Loyalty::new(Club)),
        };
        let builder = if tcp {
            builder.transport(socket.with_peers(peers.clone()))
        } else {
            builder.transport(network.transport())
        };
        nodes.push(builder.start().await.expect("the node starts"));
    }
    let mut said = Vec::new();
    for order in orders() {
        said.push(answer(within("an order", nodes[0].start(order.clone()).settled()).await));
    }
    for node in &nodes {
        until(node, || (node.counts().sessions == 0).then_some(())).await;
    }
    (said, stores.rows())
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_come_out_the_same_on_every_runtime() {
    let plain = orders_plainly().await;
    let reasons: Vec<_> = plain.0.iter().map(|answer| answer.as_ref().err().map(String::as_str)).collect();
    let expected =
        [None, Some("out of stock"), Some("card declined"), Some("customer barred"), Some("parcel too large"), None];
    for (reason, expected) in reasons.iter().zip(expected) {
        match (reason, expected) {
            (None, None) => {}
            (Some(reason), Some(expected)) if reason.contains(expected) => {}
            _ => panic!("{reason:?} instead of {expected:?}"),
        }
    }
    assert_eq!(orders_resiliently(false).await, plain, "in one process");
    assert_eq!(orders_resiliently(true).await, plain, "over TCP");
}

/// What a program in a language without faults does not speak of.
const UNSPOKEN: [&str; 16] = [
    "fault",
    "faults",
    "retry",
    "retries",
    "retried",
    "journal",
    "abort",
    "aborts",
    "aborted",
    "crash",
    "crashed",
    "replay",
    "replayed",
    "acknowledge",
    "acknowledged",
    "ack",
];

#[test]
fn no_line_of_generated_rust_speaks_of_what_can_go_wrong() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    for path in ["examples/warehouse/warehouse.chor", "tests/fixtures/choices.chor", "tests/fixtures/trials.chor"] {
        let text = std::fs::read_to_string(root.join(path)).expect("it is there");
        // The words of the choreography's own documentation are its author's.
        let text: String = text.split_inclusive('\n').filter(|line| !line.trim_start().starts_with("//")).collect();
        let compilation = chor::compile(&chor::source::Sources::single(path, text), &chor::Options::default());
        assert!(!compilation.has_errors(), "{path}");
        let rust = chor::codegen::generate(&compilation, None).to_string().to_lowercase();
        assert!(rust.contains("ctx . transaction") && rust.contains("ctx . receive"), "it is the real thing");
        let mut words = rust.split(|c: char| !c.is_ascii_alphabetic());
        assert_eq!(words.find(|word| UNSPOKEN.contains(word)), None, "{path}");
    }
}
