//! Generated roles, played on the plain runtime.
#![allow(missing_docs, reason = "a test")]

use std::sync::Arc;

use accompanist::plain::PlainSession;
use accompanist::store::{Sqlite, SqliteTx};
use accompanist::{BoxError, Failure};
use accompanist_tests::generated::order_fulfilment::{
    Loyalty, OrderFulfilment, Payment, Receipt, Warehouse, order_fulfilment,
};
use accompanist_tests::model::{Item, Order};

struct Shop;

impl Warehouse<Sqlite> for Shop {
    fn total(&self, order: &Order) -> u64 {
        order.items.iter().map(|item| item.price).sum()
    }
    async fn reserve(&self, _: &mut SqliteTx, order: &Order) -> Result<u64, Failure> {
        Ok(order.id)
    }
    async fn release(&self, _: &mut SqliteTx, _: &Order, _: &u64) -> Result<(), BoxError> {
        Ok(())
    }
    async fn ship(&self, _: &mut SqliteTx, order: &Order) -> Result<String, Failure> {
        Ok(format!("T-{}", order.id))
    }
    async fn recall(&self, _: &mut SqliteTx, _: &Order, _: &String) -> Result<(), BoxError> {
        Ok(())
    }
}

impl Payment<Sqlite> for Shop {
    async fn charge(&self, _: &mut SqliteTx, _: &String, amount: &u64) -> Result<String, Failure> {
        if *amount > 100 { Err(Failure::abort("card declined")) } else { Ok("paid".to_owned()) }
    }
    async fn refund(&self, _: &mut SqliteTx, _: &String, _: &u64, _: &String) -> Result<(), BoxError> {
        Ok(())
    }
}

impl Loyalty<Sqlite> for Shop {
    async fn award(&self, _: &mut SqliteTx, _: &String, amount: &u64) -> Result<u32, Failure> {
        Ok(u32::try_from(*amount / 10)?)
    }
    async fn revoke(&self, _: &mut SqliteTx, _: &String, _: &u64, _: &u32) -> Result<(), BoxError> {
        Ok(())
    }
}

async fn play(price: u64) -> Option<Receipt> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let open = |name: &str| Arc::new(Sqlite::open(directory.path().join(name)).expect("a new database"));
    let (warehouse, payment, loyalty) = (open("warehouse"), open("payment"), open("loyalty"));
    let items = vec![Item { sku: "viola".to_owned(), price }];
    let order = Order { id: 7, items, customer: "Clara".to_owned() };
    let session = PlainSession::new();
    let (receipt, _, _) = tokio::join!(
        session.play(order_fulfilment::Warehouse::new(Shop), &warehouse, OrderFulfilment { order }),
        session.play(order_fulfilment::Payment::new(Shop), &payment, ()),
        session.play(order_fulfilment::Loyalty::new(Shop), &loyalty, ()),
    );
    receipt.ok()
}

#[tokio::test]
async fn an_order_commits() {
    let receipt = play(50).await.expect("the order commits");
    assert_eq!((receipt.order, receipt.tracking.as_str(), receipt.points), (7, "T-7", 5));
}

#[tokio::test]
async fn an_order_that_is_refused_has_no_receipt() {
    assert!(play(500).await.is_none());
}
