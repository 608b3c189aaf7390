//! The three roles as processes of their own, and a second process of one of them, or an old state
//! of its database. Nobody is charged twice, nothing of it is silent, and what is lost is named to
//! the last unit.
#![cfg(unix)]
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test stops at what it does not expect")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use accompanist::rusqlite::Connection;
use accompanist_tests::wait::{WAIT_MAX, until, within};
use example_support::client::Client;
use example_support::cluster::{Cluster, Launch};
use example_support::node::read_json;
use warehouse::audit::audit;
use warehouse::desk::Outcome;
use warehouse::model::{Order, read_orders};
use warehouse::{DESK, ROLES};

const ROLE: &str = env!("CARGO_BIN_EXE_crashing_role");

/// The command line of `chor`, as a binary of this package.
const CHOR: &str = env!("CARGO_BIN_EXE_chor_of_tests");

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/warehouse/data").join(file)
}

/// A cluster, and what its client was told.
struct Run {
    directory: tempfile::TempDir,
    cluster: Cluster,
    orders: Vec<Order>,
    outcomes: BTreeMap<u64, Outcome>,
}

impl Run {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let launches = ROLES.into_iter().map(|role| (role, launch(role, &log(directory.path(), role)))).collect();
        let cluster = Cluster::start(&launches, DESK, directory.path(), &data("world.json")).expect("the roles start");
        let orders = read_orders(&data("orders.jsonl")).expect("the example's orders");
        Self { directory, cluster, orders, outcomes: BTreeMap::new() }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    /// Asks for these orders, and waits for all answers.
    async fn order(&mut self, orders: std::ops::Range<usize>) {
        let mut client = Client::new(self.cluster.desk(), self.orders[orders].to_vec(), 8);
        while let Some(answer) = within("an answer", client.next()).await {
            self.outcomes.insert(answer.number, answer.outcome);
        }
    }

    async fn quiet(&self) {
        self.cluster.wait_until_quiet(WAIT_MAX).await.expect("all sessions end");
    }

    /// What is fulfilled, and what it costs.
    fn due(&self) -> BTreeMap<u64, u64> {
        let fulfilled = |order: &&Order| matches!(self.outcomes.get(&order.id), Some(Outcome::Fulfilled(_)));
        self.orders.iter().filter(fulfilled).map(|order| (order.id, order.total())).collect()
    }

    fn sum(&self, role: &str, sql: &str) -> u64 {
        let database = Connection::open(self.path(&format!("{role}.db"))).expect("it opens");
        database.busy_timeout(WAIT_MAX).expect("it can be set");
        database.query_row(sql, [], |row| row.get(0)).expect("it can be read")
    }
}

fn log(directory: &Path, of: &str) -> PathBuf {
    directory.join(format!("{of}.log"))
}

/// A role whose standard error goes to `log`.
fn launch(role: &str, log: &Path) -> Launch {
    let script = format!("exec \"$0\" \"$@\" 2>>'{}'", log.display());
    Launch { program: "sh".into(), arguments: ["-c", &script, ROLE, role].map(ToOwned::to_owned).to_vec() }
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

fn back_up(from: &Path, to: &Path) {
    let connection = Connection::open(from).expect("it opens");
    connection.busy_timeout(WAIT_MAX).expect("it can be set");
    connection.execute("VACUUM INTO ?1", [to.to_str().expect("a text")]).expect("a backup");
}

/// The client's ids of the sessions in a database.
fn ids(database: &Path) -> BTreeSet<String> {
    let connection = Connection::open(database).expect("it opens");
    let sql = "SELECT client_id FROM accompanist_session";
    let mut select = connection.prepare(sql).expect("there are sessions");
    let ids = select.query_map([], |row| row.get(0)).expect("it can be read");
    ids.collect::<Result<_, _>>().expect("it can be read")
}

/// Runs the command line, and gives back its answer.
fn chor(arguments: &[&str]) -> serde_json::Value {
    let mut command = Command::new(CHOR);
    command.args(arguments).args(["--message-format", "json"]).stdin(Stdio::null());
    let said = command.output().expect("the binary starts");
    serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {said:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_of_each_role_charges_nobody() {
    for role in ROLES {
        let mut run = Run::start();
        run.order(0..10).await;
        let second = ["fresh", "copy"].map(|kind| (kind, run.path(&format!("{kind}.db"))));
        back_up(&run.path(&format!("{role}.db")), &second[1].1);
        run.order(10..20).await;
        let before = ids(&second[1].1);
        let mut orders = 20;
        for (kind, database) in second {
            let log = log(run.directory.path(), kind);
            let mut process = Command::new(ROLE);
            process.arg(role).arg(format!("--database={}", database.display()));
            process.arg(format!("--world={}", data("world.json").display())).arg("--listen=127.0.0.1:0");
            for (peer, address) in run.cluster.addresses() {
                if *peer != role {
                    process.arg(format!("--peer={peer}={address}"));
                }
            }
            let file = std::fs::File::create(&log).expect("a log");
            let process = process.env("RUST_LOG", "error").stdin(Stdio::null()).stderr(file).spawn();
            let mut process = process.expect("it starts");
            // The one that dials nobody is dialed by nobody, either: it does nothing.
            if role != "warehouse" {
                until(("the refusal of", role, kind), || {
                    read(&log).contains("a peer refuses the database of this node").then_some(())
                })
                .await;
                let others = ROLES.into_iter().filter(|other| *other != role);
                let told =
                    |other| read(&self::log(run.directory.path(), other)).contains("a peer's database is refused");
                assert!(others.into_iter().any(told), "nobody says that {role} is there twice");
            }
            run.order(orders..orders + 10).await;
            orders += 10;
            process.kill().expect("it can be ended");
            process.wait().expect("it ends");
            let known = if kind == "copy" { before.clone() } else { BTreeSet::new() };
            let new: Vec<_> = ids(&database).difference(&known).cloned().collect();
            assert!(new.is_empty(), "the second {role} ({kind}) took part in {new:?}");
        }
        run.quiet().await;
        assert_eq!(run.cluster.stop().await.expect("the roles stop"), Vec::<&str>::new());
        let world = read_json(&data("world.json")).expect("the example's world");
        let audited = audit(run.directory.path(), &world, &run.orders[..orders], &run.outcomes);
        assert_eq!(audited.expect("the databases can be read").differences, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_is_restored_and_adopted_and_the_sums_are_right() {
    for role in ROLES {
        let mut run = Run::start();
        run.order(0..10).await;
        let (database, backup) = (run.path(&format!("{role}.db")), run.path("backup.db"));
        back_up(&database, &backup);
        run.order(10..25).await;
        run.quiet().await;
        let restore = || {
            for suffix in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{suffix}", database.display()));
            }
            std::fs::copy(&backup, &database).expect("it is restored");
        };
        run.cluster.replace(role, restore).await.expect("it is started again");
        let log = log(run.directory.path(), role);
        until(("the refusal of", role), || {
            read(&log).contains("a peer refuses the database of this node").then_some(())
        })
        .await;
        let node = database.display().to_string();
        let answer = chor(&["adopt", "--yes", "--node", &node]);
        let report = answer.get("answer").unwrap_or_else(|| panic!("{role}: {answer}"));
        assert_eq!(report.get("accepted"), Some(&serde_json::json!(true)));
        let named = |kind: &str, outcome: &str| -> BTreeSet<u64> {
            let sessions = report[kind]["sessions"].as_array().expect("a list");
            let named = sessions.iter().filter(|session| session["outcome"] == outcome);
            let id = |session: &serde_json::Value| session["id"].as_str()?.strip_prefix("order-")?.parse().ok();
            named.filter_map(id).collect()
        };
        let missing: BTreeSet<u64> = named("lost", "committed").union(&named("behind", "committed")).copied().collect();
        let lost_here: BTreeSet<u64> = named("lost", "aborted").union(&missing).copied().collect();
        run.cluster.replace(role, || {}).await.expect("it is started again");
        // Clients that ask again, and new orders.
        if role == DESK {
            let told = std::mem::take(&mut run.outcomes);
            let again: Vec<_> =
                run.orders[..25].iter().filter(|order| !lost_here.contains(&order.id)).cloned().collect();
            let mut client = Client::new(run.cluster.desk(), again, 8);
            while let Some(answer) = within("an answer", client.next()).await {
                assert_eq!(told.get(&answer.number), Some(&answer.outcome), "the answer is another one than before");
            }
            run.outcomes = told;
        }
        run.order(25..35).await;
        run.quiet().await;
        let due = run.due();
        let lost = |of: &dyn Fn(u64) -> u64| -> u64 {
            missing.iter().map(|id| of(*due.get(id).expect("what is lost and committed was fulfilled"))).sum()
        };
        let all = |of: &dyn Fn(u64) -> u64| -> u64 { due.values().map(|total| of(*total)).sum() };
        let lost_at = |at: &str, of: &dyn Fn(u64) -> u64| if at == role { lost(of) } else { 0 };
        let (cents, one) = (|total: u64| total, |_: u64| 1);
        let paid = run.sum("payment", "SELECT coalesce(sum(amount), 0) FROM payment");
        assert_eq!(paid + lost_at("payment", &cents), all(&cents), "payments, {role} restored");
        let shipped = run.sum("warehouse", "SELECT count(*) FROM shipment");
        assert_eq!(shipped + lost_at("warehouse", &one), all(&one), "shipments, {role} restored");
        let points = run.sum("loyalty", "SELECT sum(points) FROM member");
        let of_points = |total: u64| total / 100;
        assert_eq!(points + lost_at("loyalty", &of_points), all(&of_points), "points, {role} restored");
        assert!(!missing.is_empty(), "the backup of {role} lacks something");
        assert_eq!(run.cluster.stop().await.expect("the roles stop"), Vec::<&str>::new());
    }
}
