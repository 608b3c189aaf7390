//! The three roles as processes of their own: several killed at once, paused, shouted at, misconfigured, with a damaged database or another version of
//! the choreography. Orders may wait; none is lost, none is done by halves, and what is wrong is said.
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test stops at what it does not expect")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use accompanist::rusqlite::Connection;
use accompanist_tests::authority::Authority;
use accompanist_tests::wait::{WAIT_MAX, until, within};
use example_support::client::Client;
use example_support::cluster::{Cluster, Launch};
use example_support::node::read_json;
use tokio::process::{Child, Command};
use warehouse::audit::audit;
use warehouse::desk::{Answer, Outcome};
use warehouse::model::{Order, read_orders};
use warehouse::{DESK, ROLES};

const ROLE: &str = env!("CARGO_BIN_EXE_crashing_role");
const OTHER_VERSION: &str = env!("CARGO_BIN_EXE_other_version");

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/warehouse/data").join(file)
}

fn orders(count: usize) -> Vec<Order> {
    let mut orders = read_orders(&data("orders.jsonl")).expect("the example's orders");
    orders.truncate(count);
    orders
}

fn launch(role: &str) -> Launch {
    Launch { program: ROLE.into(), arguments: vec![role.to_owned()] }
}

/// What a launch writes to standard error goes to `log`.
fn logged(launch: &Launch, log: &Path) -> Launch {
    let script = format!("exec \"$0\" \"$@\" 2>>'{}'", log.display());
    let mut arguments = vec!["-c".to_owned(), script, launch.program.display().to_string()];
    arguments.extend(launch.arguments.iter().cloned());
    Launch { program: "sh".into(), arguments }
}

/// A cluster, its client, and what that was told.
struct Run {
    directory: tempfile::TempDir,
    cluster: Cluster,
    client: Client<Order>,
    orders: Vec<Order>,
    outcomes: BTreeMap<u64, Outcome>,
}

impl Run {
    fn start(orders: Vec<Order>, in_flight_max: usize, launch: impl Fn(&'static str, &Path) -> Launch) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let launches = ROLES.into_iter().map(|role| (role, launch(role, directory.path()))).collect();
        let cluster = Cluster::start(&launches, DESK, directory.path(), &data("world.json")).expect("the roles start");
        let client = Client::new(cluster.desk(), orders.clone(), in_flight_max);
        Self { directory, cluster, client, orders, outcomes: BTreeMap::new() }
    }

    fn note(&mut self, answer: Answer) {
        self.outcomes.insert(answer.number, answer.outcome);
    }

    /// Waits for one more answer; whether there was one to come.
    async fn answered(&mut self) -> bool {
        let answer = within("an answer", self.client.next()).await;
        let more = answer.is_some();
        answer.into_iter().for_each(|answer| self.note(answer));
        more
    }

    /// Waits for the rest, and compares the databases with what was told.
    async fn finish(mut self) {
        while self.answered().await {}
        assert_eq!(self.outcomes.len(), self.orders.len());
        self.cluster.wait_until_quiet(WAIT_MAX).await.expect("all sessions end");
        assert_eq!(self.cluster.stop().await.expect("the roles stop"), Vec::<&str>::new(), "some ended by themselves");
        let world = read_json(&data("world.json")).expect("the example's world");
        let findings =
            audit(self.directory.path(), &world, &self.orders, &self.outcomes).expect("the databases can be read");
        assert_eq!(findings.differences, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_speak_tls_are_killed_in_the_middle_of_orders() {
    let authority = Authority::new("ours");
    let mut run = Run::start(orders(80), 12, |role, directory| {
        authority.issue(role, &authority.pem(), directory);
        let mut launch = launch(role);
        launch.arguments.extend(Authority::arguments(role, directory));
        launch
    });
    assert!(run.answered().await);
    let mut stranger = TcpStream::connect(run.cluster.addresses()["payment"]).expect("it listens");
    // A handshake that begins with its end.
    stranger.write_all(b"\x16\x03\x01\0\x04\x14\0\0\0").expect("it takes it");
    let mut alert = [0];
    stranger.read_exact(&mut alert).expect("an answer");
    assert_eq!(alert, [0x15], "it speaks TLS");
    let mut kills = ROLES.into_iter().cycle().take(9);
    while run.answered().await {
        if run.outcomes.len().is_multiple_of(8)
            && let Some(role) = kills.next()
        {
            // Each comes back with another certificate.
            authority.issue(role, &authority.pem(), run.directory.path());
            run.cluster.kill_together(&[role]).await.expect("it is killed and started again");
        }
    }
    assert!(kills.next().is_none(), "all kills came while there were orders");
    run.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_and_three_roles_killed_at_once_in_the_middle_of_orders() {
    const TOGETHER: [&[&str]; 4] = [
        &["warehouse", "payment"],
        &["payment", "loyalty"],
        &["warehouse", "loyalty"],
        &["warehouse", "payment", "loyalty"],
    ];
    let mut run = Run::start(orders(120), 12, |role, _| launch(role));
    let mut kills = TOGETHER.into_iter().cycle().take(12);
    while run.answered().await {
        if run.outcomes.len().is_multiple_of(9)
            && let Some(roles) = kills.next()
        {
            run.cluster.kill_together(roles).await.expect("they are killed and started again");
        }
    }
    assert!(kills.next().is_none(), "all kills came while there were orders");
    run.finish().await;
}

fn signal(process: u32, name: &str) {
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status();
    assert!(sent.is_ok_and(|status| status.success()), "SIG{name} to {process}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_paused_in_the_middle_of_orders_goes_on() {
    /// Long enough for the others to fill all orders in flight up to the paused one.
    const PAUSE: Duration = Duration::from_millis(100);
    let mut run = Run::start(orders(60), 8, |role, _| launch(role));
    let mut pauses = ROLES.into_iter().cycle().take(9);
    while run.answered().await {
        if run.outcomes.len().is_multiple_of(6)
            && let Some(role) = pauses.next()
        {
            let process = run.cluster.process(role).expect("it runs");
            signal(process, "STOP");
            tokio::time::sleep(PAUSE).await;
            signal(process, "CONT");
        }
    }
    assert!(pauses.next().is_none(), "all pauses came while there were orders");
    run.finish().await;
}

/// What someone might send to a node's port who is not a node.
fn garbage() -> Vec<Vec<u8>> {
    let noise: Vec<u8> = (0..70_000u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    vec![
        Vec::new(),
        b"GET / HTTP/1.1\r\nHost: payment\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        vec![0xff; 64],
        vec![0; 4_096],
        noise,
        b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_ports_of_nodes_disturbs_no_order() {
    let mut run = Run::start(orders(60), 8, |role, _| launch(role));
    assert!(run.answered().await);
    let mut open = Vec::new();
    while run.answered().await {
        for address in run.cluster.addresses().values() {
            for bytes in garbage() {
                let mut stream = TcpStream::connect(address).expect("the node listens");
                // It may hang up on us before all is said.
                let _ = stream.write_all(&bytes);
                // Some stay, and say no more.
                if open.len() < 40 {
                    open.push(stream);
                }
            }
        }
    }
    run.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_wait_for_a_role_with_another_version_and_go_on_when_it_has_the_right_one() {
    let mut run = Run::start(orders(12), 12, |role, directory| {
        let launch = if role == "loyalty" {
            Launch { program: OTHER_VERSION.into(), arguments: Vec::new() }
        } else {
            launch(role)
        };
        logged(&launch, &directory.join(format!("{role}.log")))
    });
    // The first order is refused by the payment or waits: none is fulfilled.
    let log = run.directory.path().join("warehouse.log");
    let complaint = "node `loyalty` has another version of the choreography `OrderFulfilment`, ";
    let complained = until("the complaint", || {
        std::fs::read_to_string(&log).is_ok_and(|text| text.contains(complaint)).then_some(())
    });
    tokio::select! {
        () = complained => {}
        () = async { while run.answered().await {} } => {}
    }
    assert!(
        std::fs::read_to_string(&log).is_ok_and(|text| text.contains(complaint)),
        "the warehouse says who is wrong"
    );
    let fulfilled = run.outcomes.values().filter(|outcome| matches!(outcome, Outcome::Fulfilled(_))).count();
    assert_eq!(fulfilled, 0, "an order is fulfilled by all or not at all");
    run.cluster.redeploy("loyalty", launch("loyalty")).await.expect("the right version starts");
    run.finish().await;
}

/// One role's process by itself.
struct Alone {
    child: Child,
    log: PathBuf,
}

impl Alone {
    fn start(role: &str, directory: &Path, listen: SocketAddr, more: &[String]) -> Self {
        let log = directory.join(format!("{role}.log"));
        let file = std::fs::File::options().create(true).append(true).open(&log).expect("a log");
        let child = Command::new(ROLE)
            .arg(role)
            .arg(format!("--database={}", directory.join(format!("{role}.db")).display()))
            .arg(format!("--world={}", data("world.json").display()))
            .arg(format!("--listen={listen}"))
            .args(more)
            .env("RUST_LOG", "warn")
            .stderr(Stdio::from(file))
            .kill_on_drop(true)
            .spawn();
        Self { child: child.expect("the role starts"), log }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a log")
    }

    /// Waits for its end, which must be a failure; what it said.
    async fn failed(mut self) -> String {
        let status = within("its end", self.child.wait()).await.expect("it can be waited for");
        assert_eq!(status.code(), Some(1), "{}", self.said());
        self.said()
    }
}

/// A port that was free a moment ago, on an address that no other test of this process uses.
fn address(host: u8) -> SocketAddr {
    let host = if cfg!(target_os = "linux") { [127, 99, std::process::id() as u8, host] } else { [127, 0, 0, 1] };
    let listener = TcpListener::bind(SocketAddr::from((host, 0))).expect("a port");
    listener.local_addr().expect("its address")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_refused_with_its_address() {
    let directory = tempfile::tempdir().expect("a directory");
    let taken = TcpListener::bind(address(1)).expect("a port");
    let listen = taken.local_addr().expect("its address");
    let said = Alone::start("payment", directory.path(), listen, &[]).failed().await;
    assert!(said.contains(&listen.to_string()) && said.contains("in use"), "{said}");
    let desk = format!("--desk={listen}");
    let peers = ["payment", "loyalty"].map(|peer| format!("--peer={peer}={}", address(1)));
    let said = Alone::start("warehouse", directory.path(), address(1), &[&[desk], &peers[..]].concat()).failed().await;
    assert!(said.contains(&listen.to_string()) && said.contains("in use"), "{said}");
}

/// Whether a process does something of its own when it is told to end.
#[cfg(target_os = "linux")]
fn heeds_termination(process: u32) -> bool {
    const TERMINATION: u32 = 15;
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> (TERMINATION - 1) & 1 == 1)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_told_to_end_ends_well() {
    let directory = tempfile::tempdir().expect("a directory");
    let [desk, warehouse, payment, loyalty] = [20, 21, 22, 23].map(address);
    let peer = |name: &str, address: SocketAddr| format!("--peer={name}={address}");
    let of_warehouse = [peer("payment", payment), peer("loyalty", loyalty), format!("--desk={desk}")];
    let of_payment = [peer("warehouse", warehouse), peer("loyalty", loyalty)];
    for (role, listen, more) in [("warehouse", warehouse, &of_warehouse[..]), ("payment", payment, &of_payment[..])] {
        let mut alone = Alone::start(role, directory.path(), listen, more);
        let process = alone.child.id().expect("it runs");
        until("it heeds signals", || heeds_termination(process).then_some(())).await;
        signal(process, "TERM");
        let status = within("its end", alone.child.wait()).await.expect("it can be waited for");
        assert_eq!(status.code(), Some(0), "{}", alone.said());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_address_of_a_peer_is_named_and_orders_wait_until_it_is_right() {
    let directory = tempfile::tempdir().expect("a directory");
    let [desk, warehouse, payment, loyalty] = [10, 11, 12, 13].map(address);
    let peer = |name: &str, address: SocketAddr| format!("--peer={name}={address}");
    let _warehouse = Alone::start(
        "warehouse",
        directory.path(),
        warehouse,
        &[peer("payment", payment), peer("loyalty", loyalty), format!("--desk={desk}")],
    );
    let _payment =
        Alone::start("payment", directory.path(), payment, &[peer("warehouse", warehouse), peer("loyalty", loyalty)]);
    // Where it takes the warehouse to be, the payment is.
    let mut wrong =
        Alone::start("loyalty", directory.path(), loyalty, &[peer("warehouse", payment), peer("payment", payment)]);
    let mut orders = orders(30);
    orders.retain(|order| order.customer == "Zoe");
    let mut client = Client::new(desk, orders.clone(), orders.len());
    let complained = until("the complaint", || {
        let said = wrong.said();
        (said.contains("warehouse") && said.contains(&payment.to_string()) && said.contains("`payment`")).then_some(())
    });
    tokio::select! {
        () = complained => {}
        answer = client.next() => panic!("{answer:?} without the loyalty programme"),
    }
    wrong.child.kill().await.expect("it ends");
    let _loyalty =
        Alone::start("loyalty", directory.path(), loyalty, &[peer("warehouse", warehouse), peer("payment", payment)]);
    let mut answers = 0;
    while within("an answer", client.next()).await.is_some() {
        answers += 1;
    }
    assert_eq!(answers, orders.len());
}

/// How a database is damaged, and what is then said.
type Damage = (&'static str, fn(&Path), &'static str);

fn overwrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).expect("it is there");
    change(&mut bytes);
    std::fs::write(path, bytes).expect("it can be written");
}

const DAMAGES: [Damage; 4] = [
    (
        "another file",
        |path| std::fs::write(path, "these are my notes\n".repeat(500)).expect("it can be written"),
        "not a database",
    ),
    ("cut off", |path| overwrite(path, |bytes| bytes.truncate(bytes.len() / 2)), "malformed"),
    (
        "a page of sessions overwritten",
        |path| {
            let page = page_of(path, "accompanist_session");
            overwrite(path, |bytes| bytes[page..page + 512].fill(0xa5));
        },
        "malformed",
    ),
    (
        "of a later version",
        |path| {
            let database = Connection::open(path).expect("it opens");
            database.execute("UPDATE accompanist_meta SET value = 99", []).expect("it can be written");
        },
        "has format 99",
    ),
];

/// Where the first page of a table begins.
fn page_of(path: &Path, table: &str) -> usize {
    let database = Connection::open(path).expect("it opens");
    let page: usize = database
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = ?1", [table], |row| row.get(0))
        .expect("the table is there");
    let bytes: usize = database.query_row("PRAGMA page_size", [], |row| row.get(0)).expect("it has one");
    (page - 1) * bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_refused_and_named() {
    let mut run = Run::start(orders(20), 8, |role, _| launch(role));
    while run.answered().await {}
    run.cluster.wait_until_quiet(WAIT_MAX).await.expect("all sessions end");
    run.cluster.stop().await.expect("the roles stop");
    let sound = run.directory.path().join("payment.db");
    // All of it in one file.
    let database = Connection::open(&sound).expect("it opens");
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("it is written back");
    drop(database);
    for (what, damage, expected) in DAMAGES {
        let directory = tempfile::tempdir().expect("a directory");
        let damaged = directory.path().join("payment.db");
        std::fs::copy(&sound, &damaged).expect("a copy");
        damage(&damaged);
        let said = Alone::start("payment", directory.path(), address(20), &[]).failed().await;
        assert!(said.contains(&damaged.display().to_string()) && said.contains(expected), "{what}: {said}");
    }
}
