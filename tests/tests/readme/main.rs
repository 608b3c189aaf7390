//! The Rust of README.md, as a reader would put it together: `tests/tidy.rs` holds every block of
//! the page against this file, which compiles and runs.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use accompanist::rusqlite::OptionalExtension as _;
use accompanist::sim::{self, Faults};
use accompanist::store::{Sqlite, SqliteTx};
use accompanist::transport::Tls;
use accompanist::{BoxError, Failure, Node};

mod provider;

accompanist::choreo!("order.chor");

mod v1 {
    accompanist::choreo!("order_v1.chor", shares = "order.chor" in super);
}

const STOCK: &str =
    "CREATE TABLE IF NOT EXISTS stock (sku TEXT PRIMARY KEY, pieces INTEGER NOT NULL CHECK (pieces >= 0))";

struct Shop;

impl Warehouse<Sqlite> for Shop {
    async fn reserve(&self, tx: &mut SqliteTx, order: &Order) -> Result<(), Failure> {
        match tx.execute("UPDATE stock SET pieces = pieces - 1 WHERE sku = ?1 AND pieces > 0", [&order.sku])? {
            0 => Err(Failure::abort("out of stock")),
            _ => Ok(()),
        }
    }
    async fn release(&self, tx: &mut SqliteTx, order: &Order, _: &()) -> Result<(), BoxError> {
        tx.execute("UPDATE stock SET pieces = pieces + 1 WHERE sku = ?1", [&order.sku])?;
        Ok(())
    }
    async fn ship(&self, _: &mut SqliteTx, order: &Order) -> Result<String, Failure> {
        Ok(format!("ACC-{}", order.id))
    }
    async fn recall(&self, _: &mut SqliteTx, _: &Order, _: &String) -> Result<(), BoxError> {
        Ok(())
    }
}

struct Bank;

#[rustfmt::skip]
impl Payment<Sqlite> for Bank {
    async fn charge(&self, tx: &mut SqliteTx, customer: &String, cents: &u64) -> Result<String, Failure> {
        if tx.execute("UPDATE card SET balance = balance - ?2 WHERE customer = ?1 AND balance >= ?2", (customer, cents))? == 0 {
            return Err(Failure::abort("card declined"));
        }
        Ok("P1".to_owned())
    }
    async fn refund(&self, tx: &mut SqliteTx, customer: &String, cents: &u64, _payment: &String) -> Result<(), BoxError> {
        tx.execute("UPDATE card SET balance = balance + ?2 WHERE customer = ?1", (customer, cents))?;
        Ok(())
    }
}

struct Club;

impl Loyalty<Sqlite> for Club {
    async fn award(&self, tx: &mut SqliteTx, customer: &String, cents: &u64) -> Result<u32, Failure> {
        let points = u32::try_from(cents / 100)?;
        let before: Option<u32> =
            tx.query_row("SELECT points FROM points WHERE customer = ?1", [customer], |row| row.get(0)).optional()?;
        tx.execute("INSERT OR REPLACE INTO points VALUES (?1, ?2)", (customer, before.unwrap_or(0) + points))?;
        Ok(points)
    }
    async fn revoke(&self, tx: &mut SqliteTx, customer: &String, _: &u64, points: &u32) -> Result<(), BoxError> {
        tx.execute("UPDATE points SET points = points - ?2 WHERE customer = ?1", (customer, points))?;
        Ok(())
    }
}

/// The role's binary: it compiles, and is not run, for it would wait for other machines.
#[tokio::main]
async fn binary() -> Result<(), BoxError> {
    let database = Sqlite::open("warehouse.db")?.with_schema(STOCK)?;
    let node = Node::builder("warehouse", database)
        .listen("0.0.0.0:7001")
        .peers([("payment", "payment.internal:7001"), ("loyalty", "loyalty.internal:7001")])
        .role(order_fulfilment::Warehouse::new(Shop))
        .start()
        .await?;

    let order = Order { id: 1042, customer: "Ada".to_owned(), sku: "pan".to_owned(), cents: 1_200 };
    let receipt = node.start(OrderFulfilment { order }).id("order-1042").settled().await?;
    println!("{}", receipt.tracking);

    accompanist::stop_signal().await?;
    let left = node.drain(Duration::from_secs(10)).await?;
    println!("{left:?}");
    Ok(())
}

/// Beside TLS, and with two versions: it compiles.
async fn others(database: Sqlite) -> Result<(), BoxError> {
    let node = Node::builder("payment", database)
        .role(order_fulfilment::Payment::new(Bank))
        .role(v1::order_fulfilment::Payment::new(Bank));
    let node = node
        .listen("0.0.0.0:7001")
        .peers([("payment", "payment.internal:7001"), ("loyalty", "loyalty.internal:7001")])
        .tls(Tls::files("warehouse.pem", "warehouse.key", "authorities.pem"));
    drop(node.start().await?);
    Ok(())
}

#[test]
fn the_rest_of_the_page_compiles() {
    let _: (fn() -> Result<(), BoxError>, _) = (binary, others);
}

#[test]
fn an_order_survives_anything() {
    sim::seeds(0..200).faults(Faults::all()).run(|sim| async move {
        let database = |schema: &str| sim::sqlite(|database| database.with_schema(schema)).unwrap();
        let stock = database(&format!("{STOCK}; INSERT INTO stock VALUES ('pan', 2)"));
        let cards = database("CREATE TABLE card (customer TEXT PRIMARY KEY, balance INTEGER NOT NULL); INSERT INTO card VALUES ('Ada', 5000)");
        let points = database("CREATE TABLE points (customer TEXT PRIMARY KEY, points INTEGER NOT NULL)");
        let shop = sim.node("warehouse", stock, |node| node.role(order_fulfilment::Warehouse::new(Shop)));
        sim.node("payment", cards, |node| node.role(order_fulfilment::Payment::new(Bank)));
        sim.node("loyalty", points, |node| node.role(order_fulfilment::Loyalty::new(Club)));
        let order = Order { id: 1, customer: "Ada".to_owned(), sku: "pan".to_owned(), cents: 1_200 };
        let receipt = shop.start(OrderFulfilment { order }).id("1").settled().await.unwrap();
        sim.quiet().await; // nothing goes wrong any more, and every session settles
        let pieces = "SELECT pieces FROM stock WHERE sku = 'pan'";
        let left: u64 = shop.store().read(|database| database.query_row(pieces, [], |row| row.get(0))).unwrap();
        assert_eq!((receipt.order, left), (1, 1));
    });
}
