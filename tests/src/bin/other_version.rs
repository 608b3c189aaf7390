//! The role `Loyalty` of a later version of the order choreography, in which a customer is told the points of the last order too:
//! `other_version ARGUMENTS…`, as the example's `loyalty`.

use accompanist::store::{Sqlite, SqliteTx};
use accompanist::{BoxError, Database, Failure};
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use warehouse::Club;

accompanist::choreo! {
    role = Loyalty;

    extern type crate::model::Order { id: u64, customer: String }
    struct Receipt { order: u64, tracking: String, points: u32, points_before: u32 }

    service Warehouse {
        pure fn total(order: Order) -> u64;
        transaction reserve(order: Order) -> u64 compensate release;
        transaction ship(order: Order) -> String compensate recall;
    }
    service Payment { transaction charge(customer: String, amount: u64) -> String compensate refund; }
    service Loyalty { transaction award(customer: String, amount: u64) -> u32 compensate revoke; }

    choreography OrderFulfilment<Warehouse, Payment, Loyalty>(order: Order@Warehouse) -> Receipt@Warehouse {
        Warehouse.reserve(order);
        let bill = (order.customer, Warehouse.total(order)) ~> {Payment, Loyalty};
        Payment.charge(bill.0, bill.1);
        Payment ~> Loyalty;
        let points = Loyalty.award(bill.0, bill.1);
        let all = (points, points) ~> Warehouse;
        let tracking = Warehouse.ship(order);
        Receipt { order: order.id, tracking, points: all.0, points_before: all.1 }
    }
}

struct Newer;

impl<D: Database<Tx = SqliteTx>> Loyalty<D> for Newer {
    async fn award(&self, tx: &mut SqliteTx, customer: &String, amount: &u64) -> Result<u32, Failure> {
        <Club as warehouse::Loyalty<D>>::award(&Club, tx, customer, amount).await
    }

    async fn revoke(&self, tx: &mut SqliteTx, customer: &String, amount: &u64, points: &u32) -> Result<(), BoxError> {
        <Club as warehouse::Loyalty<D>>::revoke(&Club, tx, customer, amount, points).await
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Club::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments.node("loyalty", database).role(order_fulfilment::Loyalty::new(Newer)).start().await?;
    until_told(&node).await
}
