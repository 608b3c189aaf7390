//! An order of the warehouse survives every fault that the simulator has.

use std::collections::BTreeMap;

use warehouse::model::{Customer, Item, Order, World};
use warehouse::{Bank, Club, OrderFulfilment, Shop, order_fulfilment};

fn world() -> World {
    let customer = Customer { balance: 5_000, barred: false };
    World { stock: BTreeMap::from([("pan".to_owned(), 3)]), customers: BTreeMap::from([("Ada".to_owned(), customer)]) }
}

fn order() -> Order {
    Order { id: 1, customer: "Ada".to_owned(), items: vec![Item { sku: "pan".to_owned(), count: 2, price: 2_000 }] }
}

use accompanist::sim::{self, Faults};

#[test]
fn an_order_survives_anything() {
    sim::seeds(0..200).faults(Faults::all()).run(|sim| async move {
        let [stock, cards, points] = [Shop::prepare, Bank::prepare, Club::prepare]
            .map(|prepare| sim::sqlite(|database| prepare(database, &world())).unwrap());
        let shop = sim.node("warehouse", stock, |node| node.role(order_fulfilment::Warehouse::new(Shop)));
        sim.node("payment", cards, |node| node.role(order_fulfilment::Payment::new(Bank)));
        sim.node("loyalty", points, |node| node.role(order_fulfilment::Loyalty::new(Club)));
        let receipt = shop.start(OrderFulfilment { order: order() }).id("1").settled().await.unwrap();
        sim.quiet().await; // nothing goes wrong any more, and every session settles
        let pieces = "SELECT pieces FROM stock WHERE sku = 'pan'";
        let left: u64 = shop.store().read(|database| database.query_row(pieces, [], |row| row.get(0))).unwrap();
        assert_eq!((receipt.order, left), (1, 1));
    });
}
