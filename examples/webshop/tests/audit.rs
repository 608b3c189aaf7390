//! The audit finds what is wrong: orders are placed, and then the databases and the ledger are changed by hand, in one way after the other.

use std::collections::BTreeMap;
use std::path::Path;

use accompanist::rusqlite::Connection;
use example_support::cluster::{Launch, own_address};
use example_support::demo::{self, Outcomes};
use example_support::node::read_json;
use webshop::audit::{Cards, audit};
use webshop::desk::Outcome;
use webshop::world::World;
use webshop::{Confirmation, Order, processes};

/// The roles as `cargo test` has built them.
fn roles() -> BTreeMap<&'static str, Launch> {
    processes::roles_in(Path::new(env!("CARGO_BIN_EXE_webshop-client")).parent().expect("a file is in a directory"))
}

fn data(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(file)
}

/// Two orders that are confirmed, and three that are refused: the last one by the role that is asked last.
fn orders(world: &World) -> Vec<Order> {
    // Of cart 5 a product is not sold.
    let placed = [(1, "Agnes", 1), (2, "Bertil", 2), (3, "Cosima", 3), (4, "Tobias", 5), (5, "Gretel", 4)];
    let order = |(id, name, cart): (u64, &str, u64)| {
        let customer = world.customers.get(name).expect("a customer").clone();
        let (country, currency, card) = (customer.country, customer.currency, customer.card);
        Order { id, cart, customer: name.to_owned(), country, currency, card }
    };
    placed.into_iter().map(order).collect()
}

async fn play(directory: &Path, orders: &[Order]) -> Outcomes<Confirmation> {
    let address = own_address().expect("an address");
    let program = processes::program(directory, &data("cards.json"), address).await.expect("it is built");
    let cluster = processes::start(roles(), directory, &data("world.json"), program, address).expect("they start");
    demo::run(cluster, orders.to_vec(), 1, "orders", &[]).await.expect("all are answered").outcomes
}

/// Whose database is changed, how, and back; and what the audit says of it meanwhile.
const CHANGES: [(&str, &str, &str, &str); 13] = [
    (
        "payment-service",
        "INSERT INTO entry SELECT 100, kind, 'k', purpose, card, amount, currency FROM entry WHERE purpose = 1",
        "DELETE FROM entry WHERE id = 100",
        "the ledger's order 1: P-000001: charge of ",
    ),
    (
        "payment-service",
        "INSERT INTO entry VALUES (100, 'charge', 'k', 4, 'c', 1, 'EUR')",
        "DELETE FROM entry WHERE id = 100",
        "the ledger's order 4: nothing expected, P-000100: charge of 1 EUR, c found",
    ),
    (
        "payment-service",
        "UPDATE entry SET amount = amount + 1 WHERE kind = 'refund'",
        "UPDATE entry SET amount = amount - 1 WHERE kind = 'refund'",
        "the ledger's order ",
    ),
    (
        "payment-service",
        "INSERT INTO entry VALUES (100, 'charge', 'k', 77, 'c', 1, 'EUR')",
        "DELETE FROM entry WHERE id = 100",
        "nobody has placed the order 77 of payment-service",
    ),
    (
        "payment-service",
        "UPDATE card SET credit = credit - 1 WHERE currency = 'DKK'",
        "UPDATE card SET credit = credit + 1 WHERE currency = 'DKK'",
        "the credit of card 4",
    ),
    (
        "cart",
        "INSERT INTO line VALUES (1, 'Lantern', 1, NULL)",
        "DELETE FROM line WHERE cart = 1",
        "what is in cart 1 of Lantern: none expected",
    ),
    ("cart", "UPDATE line SET held_for = 9 WHERE cart = 4", "UPDATE line SET held_for = NULL", "found"),
    (
        "shipping",
        "UPDATE parcel SET number = number + 10",
        "UPDATE parcel SET number = number - 10",
        "the parcel of order 1: ",
    ),
    (
        "email",
        "INSERT INTO sent SELECT 100, receiver, purpose, text FROM sent WHERE purpose = 2",
        "DELETE FROM sent WHERE id = 100",
        "the mail of order 2: ",
    ),
    ("client", "UPDATE purchase SET id = id + 10", "UPDATE purchase SET id = id - 10", "the purchase 11: none"),
    (
        "shipping",
        "INSERT INTO history (operation, subject) VALUES ('dispatch', '5')",
        "DELETE FROM history WHERE id = (SELECT max(id) FROM history)",
        "order 5 is refused, but at shipping dispatch took effect 2 times",
    ),
    (
        "cart",
        "INSERT INTO history (operation, subject) VALUES ('empty', '1')",
        "DELETE FROM history WHERE id = (SELECT max(id) FROM history)",
        "order 1 is confirmed, but at cart empty took effect 2 times",
    ),
    (
        "catalogue",
        "UPDATE accompanist_session SET finished_at = NULL WHERE id = (SELECT min(id) FROM accompanist_session)",
        "UPDATE accompanist_session SET finished_at = 1 WHERE finished_at IS NULL",
        "1 sessions are not over at the catalogue",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_difference_is_found() {
    let (world, cards): (World, Cards) =
        (read_json(&data("world.json")).expect("the world"), read_json(&data("cards.json")).expect("the cards"));
    let directory = tempfile::tempdir().expect("a directory");
    let orders = orders(&world);
    let outcomes = play(directory.path(), &orders).await;
    let refused = ["parcel too large: 33700 g", "not sold any more: Typewriter", "mail address unknown: Gretel"];
    for (id, reason) in (3..).zip(refused) {
        assert_eq!(outcomes.get(&id), Some(&Outcome::RolledBack(reason.to_owned())));
    }
    let differences =
        |outcomes: &_| audit(directory.path(), &world, &cards, &orders, outcomes).expect("it can be read").differences;
    assert_eq!(differences(&outcomes), Vec::<String>::new());

    for (role, change, back, said) in CHANGES {
        let database = Connection::open(directory.path().join(format!("{role}.db"))).expect("it is there");
        database.execute(change, []).expect("it is changed");
        let found = differences(&outcomes);
        assert!(found.iter().any(|difference| difference.contains(said)), "{change}: {found:?}");
        database.execute(back, []).expect("it is changed back");
        assert_eq!(differences(&outcomes), Vec::<String>::new(), "{back}");
    }

    // What a customer was told is looked at, too.
    let mut other = outcomes.clone();
    let confirmed = other.remove(&2).expect("it is confirmed");
    other.insert(5, confirmed);
    let found = differences(&other);
    for said in ["is not what was ordered", "order 2 was answered None", "order 5 is confirmed, but at email send"] {
        assert!(found.iter().any(|difference| difference.contains(said)), "{said}: {found:?}");
    }
}
