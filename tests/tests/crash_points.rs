//! Each role's process is ended at every durable write and every message of an order, and started again: the databases end up as if nothing had
//! happened. Once for an order that commits, and once for an order that is refused by each of its four transactions.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use accompanist::rusqlite::Connection;
use accompanist::rusqlite::types::Value;
use accompanist_tests::crash::{Moment, Point};
use anyhow::{Context as _, bail};
use example_support::client::Client;
use example_support::cluster::{Cluster, Launch};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use warehouse::desk::Outcome;
use warehouse::model::{Customer, Item, Order, World};
use warehouse::{DESK, ROLES};

/// How long one order may take, whatever happens to it.
const ORDER_MAX: Duration = Duration::from_secs(60);

fn world() -> World {
    let customer = |balance, barred| Customer { balance, barred };
    World {
        stock: [("tea".to_owned(), 100)].into(),
        customers: [
            ("Ada".to_owned(), customer(100_000, false)),
            ("Ben".to_owned(), customer(10, false)),
            ("Cleo".to_owned(), customer(100_000, true)),
        ]
        .into(),
    }
}

/// Who orders how much, and why it is refused.
const ORDERS: [(&str, &str, u64, Option<&str>); 5] = [
    ("commits", "Ada", 3, None),
    ("refused by reserve", "Ada", 101, Some("out of stock")),
    ("refused by charge", "Ben", 3, Some("card declined")),
    ("refused by award", "Cleo", 3, Some("customer barred")),
    ("refused by ship", "Ada", 20, Some("parcel too large")),
];

/// How many orders are carried out at a time, each by processes of its own: mostly they wait for the disk and for one another.
const AT_A_TIME: usize = 6;

#[test]
fn every_write_and_every_message_of_an_order_survives_a_crash() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let points = runtime.block_on(crash_everywhere()).expect("every order ends as it should");
    // Past the test runner's capture: the number is part of what the test shows.
    let shown = writeln!(
        std::io::stderr(),
        "{points} crash points, each with a process that was ended there and started again"
    );
    shown.expect("standard error takes a line");
    assert!(points >= 200, "an order has more moments than {points}");
}

async fn crash_everywhere() -> anyhow::Result<u64> {
    let permits = Arc::new(Semaphore::new(AT_A_TIME));
    let mut trials = JoinSet::new();
    for trial in ORDERS {
        let (name, customer, count, reason) = trial;
        let items = vec![Item { sku: "tea".into(), count, price: 250 }];
        let order = Order { id: 7, customer: customer.into(), items };
        let (expected, _) =
            run(&order, reason, None).await.with_context(|| format!("an order that {name}, undisturbed"))?;
        for role in ROLES {
            for moment in Moment::ALL {
                let (order, expected, permits) = (order.clone(), expected.clone(), Arc::clone(&permits));
                trials.spawn(async move {
                    let mut points = 0;
                    for number in 1.. {
                        let _permit = permits.acquire().await?;
                        let point = Point { moment, number };
                        let run = run(&order, reason, Some((role, point))).await;
                        let (found, crashed) =
                            run.with_context(|| format!("an order that {name}, {role} ended at {point}"))?;
                        if found != expected {
                            bail!("an order that {name}, {role} ended at {point}:\n{found}\ninstead of\n{expected}");
                        }
                        if !crashed {
                            break;
                        }
                        points += 1;
                    }
                    Ok((name, points))
                });
            }
        }
    }
    let mut points: BTreeMap<&str, u64> = BTreeMap::new();
    while let Some(trial) = trials.join_next().await {
        let (name, more) = trial??;
        *points.entry(name).or_default() += more;
    }
    points.iter().for_each(|(name, points)| println!("an order that {name}: {points} crash points"));
    Ok(points.values().sum())
}

/// Carries out one order with one crash; what the databases then hold, and whether the crash came.
async fn run(
    order: &Order,
    reason: Option<&str>,
    crash: Option<(&'static str, Point)>,
) -> anyhow::Result<(String, bool)> {
    let directory = tempfile::tempdir()?;
    let world_file = directory.path().join("world.json");
    std::fs::write(&world_file, serde_json::to_vec(&world())?)?;
    let healthy = launches(None);
    let mut cluster = Cluster::start(&launches(crash), DESK, directory.path(), &world_file)?;
    let mut client = Client::new(cluster.desk(), vec![order.clone()], 1);
    let deadline = Instant::now() + ORDER_MAX;
    let mut crashed = false;
    let mut outcome = None;
    loop {
        tokio::select! {
            answer = client.next(), if outcome.is_none() => outcome = answer.map(|answer| answer.outcome),
            () = tokio::time::sleep(Duration::from_millis(2)) => {
                crashed |= !cluster.restart_ended(&healthy)?.is_empty();
            }
        }
        if outcome.is_some() && cluster.open_sessions()? == Some(0) {
            break;
        }
        if Instant::now() > deadline {
            bail!("it is not over after {} s; answered: {outcome:?}", ORDER_MAX.as_secs());
        }
    }
    match (&outcome, reason) {
        (Some(Outcome::Fulfilled(_)), None) => {}
        (Some(Outcome::RolledBack(said)), Some(reason)) if said.starts_with(reason) => {}
        (outcome, reason) => bail!("the client was told {outcome:?} where the reason is {reason:?}"),
    }
    if crash.is_some() && !crashed {
        // Late frames may still be about, and a process that is to end at one does so now or never.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    crashed |= !cluster.stop().await?.is_empty();
    Ok((contents(directory.path())?, crashed))
}

fn launches(crash: Option<(&'static str, Point)>) -> BTreeMap<&'static str, Launch> {
    let launch = |role: &'static str| {
        let mut arguments = vec![role.to_owned()];
        if let Some((_, point)) = crash.filter(|(crashing, _)| *crashing == role) {
            arguments.push(format!("--crash-at={point}"));
        }
        Launch { program: PathBuf::from(env!("CARGO_BIN_EXE_crashing_role")), arguments }
    };
    ROLES.into_iter().map(|role| (role, launch(role))).collect()
}

/// Every row of the services' tables, and how their sessions ended.
fn contents(directory: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    for role in ROLES {
        let database = Connection::open(directory.join(format!("{role}.db")))?;
        let mut tables = database.prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'accompanist%' AND name NOT LIKE 'sqlite%' ORDER BY name",
        )?;
        let tables = tables.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
        let mut queries: Vec<_> =
            tables.iter().map(|table| (table.as_str(), format!("SELECT * FROM {table}"))).collect();
        queries.push(("sessions", "SELECT state, result, reason FROM accompanist_session".to_owned()));
        for (table, query) in queries {
            let mut select = database.prepare(&query)?;
            let columns = select.column_count();
            let rows = select.query_map([], |row| (0..columns).map(|column| row.get::<_, Value>(column)).collect())?;
            let mut rows = rows.collect::<Result<Vec<Vec<Value>>, _>>()?;
            rows.sort_by_key(|row| format!("{row:?}"));
            for row in rows {
                writeln!(text, "{role}.{table} {row:?}")?;
            }
        }
    }
    Ok(text)
}
