//! The audit finds what is wrong: trips are booked on six nodes in this process, and then the databases are changed by hand, in one way after the other.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use accompanist::rusqlite::Connection;
use accompanist::store::Sqlite;
use accompanist::transport::LocalNetwork;
use accompanist::{Node, NodeBuilder};
use example_support::audit::{open, open_sessions};
use example_support::demo::Outcomes;
use example_support::desk::Request as _;
use example_support::node::read_json;
use travel::audit::audit;
use travel::desk::{Outcome, Request};
use travel::world::World;
use travel::{Airline, Atlas, Calendar, Finder, Guide, ROLES, Rooms, Trip, Wish, book_travel, search_hotels};

/// Sessions mark that they are over within this time.
const QUIET_MAX: Duration = Duration::from_secs(60);

fn role(name: &str, directory: &Path, world: &World, network: &LocalNetwork) -> NodeBuilder<Sqlite> {
    let database = Sqlite::open(directory.join(format!("{name}.db"))).expect("a database");
    let database = match name {
        "client" => Calendar::prepare(database),
        "flight" => Airline::prepare(database, world),
        "geo" => Atlas::prepare(database, world),
        "profile" => Guide::prepare(database, world),
        "reservation" => Rooms::prepare(database, world),
        _ => Finder::prepare(database, world),
    }
    .expect("tables");
    let node = Node::builder(name, database.clone()).transport(network.transport());
    match name {
        "client" => node.role(search_hotels::Client::new(Calendar)).role(book_travel::Client::new(Calendar)),
        "flight" => node.role(book_travel::Flight::new(Airline)),
        "geo" => node.role(book_travel::Geo::new(Atlas::new(&database))),
        "profile" => node.role(search_hotels::Profile::new(Guide::new(&database))),
        "reservation" => node
            .role(search_hotels::Reservation::new(Rooms::new(&database)))
            .role(book_travel::Reservation::new(Rooms::new(&database))),
        _ => node.role(search_hotels::Search::new(Finder::new(&database))),
    }
}

/// One search, two trips that are booked, the second between places with one airport, and two that are refused after something was booked.
fn requests() -> Vec<Request> {
    let trip = |id, home: &str, place: &str, budget| {
        let (home, place) = (home.to_owned(), place.to_owned());
        Request::Book(Trip { id, home, place, day: 3, nights: 2, budget })
    };
    let wish = Wish { place: "Blackfen".to_owned(), day: 3, nights: 2, price_max: 100 };
    vec![
        Request::Search { number: 1, wish },
        trip(2, "Merrow", "Quill", 2000),
        trip(3, "Saltgate", "Merrow", 2000),
        trip(4, "Merrow", "Quill", 10),
        trip(5, "Merrow", "Far Skerry", 2000),
    ]
}

async fn play(directory: &Path, world: &World) -> Outcomes<travel::desk::Done> {
    let network = LocalNetwork::new();
    let mut nodes = BTreeMap::new();
    for name in ROLES {
        let node = role(name, directory, world, &network).start().await.expect("the node starts");
        nodes.insert(name, node);
    }
    let client = nodes.get("client").expect("it is one of the roles");
    let mut outcomes = Outcomes::new();
    for request in requests() {
        let number = request.number();
        let outcome = match request.fulfil(client).await {
            Ok(done) => Outcome::Fulfilled(done),
            Err(error) => Outcome::RolledBack(error.reason().expect("a reason of business").to_owned()),
        };
        outcomes.insert(number, outcome);
    }
    let started = Instant::now();
    let quiet = |role: &str| open_sessions(&open(directory, role).expect("it is there")).expect("its sessions") == 0;
    while !ROLES.iter().all(|role| quiet(role)) {
        assert!(started.elapsed() < QUIET_MAX, "sessions do not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_difference_is_found() {
    let world: World = read_json(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/world.json")).expect("the world");
    let directory = tempfile::tempdir().expect("a directory");
    let outcomes = play(directory.path(), &world).await;
    let fulfilled: Vec<u64> = outcomes
        .iter()
        .filter_map(|(number, outcome)| matches!(outcome, Outcome::Fulfilled(_)).then_some(*number))
        .collect();
    assert_eq!(fulfilled, [1, 2, 3], "{outcomes:?}");
    let differences =
        |outcomes: &_| audit(directory.path(), &world, &requests(), outcomes).expect("it can be read").differences;
    assert_eq!(differences(&outcomes), Vec::<String>::new());

    for (role, change, back, said) in [
        ("flight", "UPDATE seat SET trip = trip + 2", "UPDATE seat SET trip = trip - 2", "seat 1: 2 expected, 4 found"),
        ("flight", "UPDATE seat SET number = 2", "UPDATE seat SET number = 1", "seat 1: 2 expected, none found"),
        (
            "reservation",
            "INSERT INTO stay VALUES ('dune', 1, 9, 4)",
            "DELETE FROM stay WHERE hotel = 'dune'",
            "dune, night 9, room 1: none expected, 4 found",
        ),
        (
            "flight",
            "INSERT INTO history (operation, subject) VALUES ('book', '4')",
            "DELETE FROM history WHERE id = (SELECT max(id) FROM history)",
            "trip 4 is refused, but at flight",
        ),
        (
            "reservation",
            "INSERT INTO history (operation, subject) VALUES ('book', '3')",
            "DELETE FROM history WHERE id = (SELECT max(id) FROM history)",
            "trip 3 is confirmed, but at reservation",
        ),
        (
            "reservation",
            "INSERT INTO history (operation, subject) VALUES ('book', '77')",
            "DELETE FROM history WHERE subject = '77'",
            "nobody asked for the trip 77",
        ),
        ("client", "UPDATE trip SET id = id + 10", "UPDATE trip SET id = id - 10", "the calendar's trip 13: none"),
        (
            "geo",
            "UPDATE accompanist_session SET finished_at = NULL WHERE id = (SELECT min(id) FROM accompanist_session)",
            "UPDATE accompanist_session SET finished_at = 1 WHERE finished_at IS NULL",
            "1 sessions are not over at the geo",
        ),
    ] {
        let database = Connection::open(directory.path().join(format!("{role}.db"))).expect("it is there");
        database.execute(change, []).expect("it is changed");
        let found = differences(&outcomes);
        assert!(found.iter().any(|difference| difference.contains(said)), "{change}: {found:?}");
        database.execute(back, []).expect("it is changed back");
        assert_eq!(differences(&outcomes), Vec::<String>::new(), "{back}");
    }

    // What a traveller was told is looked at, too.
    let mut other = outcomes.clone();
    let booked = other.remove(&2).expect("it is booked");
    other.insert(4, booked);
    let found = differences(&other);
    assert!(found.iter().any(|difference| difference.contains("is not what was ordered")), "{found:?}");
    assert!(found.iter().any(|difference| difference.contains("was answered None")), "{found:?}");
}
