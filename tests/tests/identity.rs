//! Databases that are not what they seem: a restored backup, a copy, a fresh one, a second process
//! of the same name.
#![cfg(unix)]
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test stops at what it does not expect")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use accompanist::rusqlite::{self, Connection};
use accompanist::store::{Sqlite, SqliteTx};
use accompanist::transport::{LocalNetwork, Tcp};
use accompanist::{BoxError, Failure, Node, NodeBuilder, Retry, Timing};
use accompanist_tests::wait::{until, within};

accompanist::choreo! {
    service Keeper { transaction keep(x: u64) -> u64 compensate drop_it; }
    choreography Keep<A: Keeper, B: Keeper>(x: u64@A) -> u64@A {
        A.keep(x);
        let y = x ~> B;
        B.keep(y);
        let z = B.keep(y + 1000) ~> A;
        z
    }
    /// B keeps one, and the second when A has had time to think.
    choreography Slowly<A: Keeper, B: Keeper>(x: u64@A) -> u64@A {
        A.keep(x);
        let y = x ~> B;
        let first = B.keep(y) ~> A;
        sleep A, 2s;
        let second = first ~> B;
        let z = B.keep(second + 1000) ~> A;
        require is_even(x), "odd";
        z
    }
    /// B votes, and A waits.
    choreography Waits<A: Keeper, B: Keeper>(x: u64@A) -> u64@A {
        A.keep(x);
        let y = x ~> B;
        let z = B.keep(y) ~> A;
        sleep A, 1h;
        z
    }
    fn is_even(x: u64) -> bool { x % 2 == 0 }
}

#[derive(Clone)]
struct Book;

impl Keeper<Sqlite> for Book {
    async fn keep(&self, tx: &mut SqliteTx, x: &u64) -> Result<u64, Failure> {
        tx.execute("INSERT INTO kept VALUES (?1)", [x])?;
        Ok(*x)
    }

    async fn drop_it(&self, tx: &mut SqliteTx, x: &u64, _: &u64) -> Result<(), BoxError> {
        match tx.execute("DELETE FROM kept WHERE x = ?1", [x])? {
            1 => Ok(()),
            _ => Err("it is not there".into()),
        }
    }
}

/// What nobody answers is sent again soon.
const TIMING: Timing = Timing {
    resend_millis_min: 50,
    resend_millis_max: 400,
    retry: Retry::new(),
    retry_compensations: Retry::of_compensations(),
};

/// The command line of `chor`, as a binary of this package.
const CHOR: &str = env!("CARGO_BIN_EXE_chor_of_tests");

/// Runs the command line, and looks at its exit code and at what it says.
fn chor(arguments: &[&str], code: i32, words: &[&str]) -> String {
    let run = Command::new(CHOR).args(arguments).stdin(Stdio::null()).output().expect("the binary starts");
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert_eq!(run.status.code(), Some(code), "of {arguments:?}: {said}");
    for words in words {
        assert!(said.contains(words), "of {arguments:?}: `{words}` is not in\n{said}");
    }
    said
}

/// What is between the nodes.
#[derive(Clone)]
enum Between {
    Local(LocalNetwork),
    /// The port of each, `a` and `b`.
    Tcp([u16; 2]),
}

impl Between {
    fn both() -> [Self; 2] {
        let free = || std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
        [Self::Local(LocalNetwork::new()), Self::Tcp([free().port(), free().port()])]
    }

    /// `listen` is the port of a second process of the name.
    async fn start(&self, name: &str, database: Sqlite, listen: Option<u16>) -> Node<Sqlite> {
        let builder = Node::builder(name, database).timing(TIMING);
        let builder: NodeBuilder<Sqlite> = match self {
            Self::Local(network) => builder.transport(network.transport()),
            Self::Tcp([a, b]) => {
                let port = listen.unwrap_or(if name == "a" { *a } else { *b });
                let peers = [("a", format!("127.0.0.1:{a}")), ("b", format!("127.0.0.1:{b}"))];
                let bind = until("the port", || {
                    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).ok()?;
                    drop(listener);
                    Some(())
                });
                bind.await;
                builder.transport(Tcp::new(format!("127.0.0.1:{port}"), peers))
            }
        };
        let builder = match name {
            "a" => builder.role(keep::A::new(Book)).role(slowly::A::new(Book)).role(waits::A::new(Book)),
            _ => builder.role(keep::B::new(Book)).role(slowly::B::new(Book)).role(waits::B::new(Book)),
        };
        builder.start().await.expect("the node starts")
    }
}

async fn open(path: &Path) -> Sqlite {
    let opened = until(("the database", path), || Sqlite::open(path).ok()).await;
    opened.with_schema("CREATE TABLE IF NOT EXISTS kept (x INTEGER)").expect("its table")
}

fn back_up(from: &Path, to: &Path) {
    let connection = Connection::open(from).expect("it opens");
    connection.execute("VACUUM INTO ?1", [to.to_str().expect("a text")]).expect("a backup");
}

fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        let _ = std::fs::remove_file(file);
    }
}

fn kept(database: &Sqlite) -> BTreeSet<u64> {
    let read = |connection: &Connection| -> Result<_, rusqlite::Error> {
        connection.prepare("SELECT x FROM kept")?.query_map([], |row| row.get(0))?.collect()
    };
    database.read(read).expect("it can be read")
}

/// What operators did, as the database records it: the request, what came of it, and the reason.
fn audited(path: &Path) -> Vec<[String; 3]> {
    let connection = Connection::open(path).expect("it opens");
    let sql = "SELECT action, outcome, reason FROM accompanist_audit ORDER BY id";
    let mut rows = connection.prepare(sql).expect("a query");
    let rows = rows.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?])).expect("rows");
    rows.collect::<Result<_, _>>().expect("they can be read")
}

async fn suspended(node: &Node<Sqlite>) {
    until("that the node is refused", || (node.counts().suspended == 1).then_some(())).await;
}

async fn committed(node: &Node<Sqlite>, numbers: impl IntoIterator<Item = u64>) {
    for x in numbers {
        let settled = within("a session", node.start(Keep { x }).id(x.to_string()).settled()).await;
        assert_eq!(settled.expect("it commits"), x + 1000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_started_again_is_the_same_and_a_backup_without_the_end_is_not() {
    for between in Between::both() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path_a, path_b) = (directory.path().join("a.db"), directory.path().join("b.db"));
        let a = between.start("a", open(&path_a).await, None).await;
        let mut b = between.start("b", open(&path_b).await, None).await;
        for x in 0..3 {
            committed(&a, [x]).await;
            drop(b);
            b = between.start("b", open(&path_b).await, None).await;
        }
        assert_eq!((a.counts().databases_refused, b.counts().suspended), (0, 0));
        // The backup is of the opening in which b goes on, so that its number is what a restart
        // would have.
        let backup = directory.path().join("backup.db");
        committed(&a, [3]).await;
        back_up(&path_b, &backup);
        committed(&a, [4]).await;
        drop(b);
        remove(&path_b);
        std::fs::copy(&backup, &path_b).expect("it is restored");
        for _ in 0..3 {
            // However often it is started.
            let b = between.start("b", open(&path_b).await, None).await;
            suspended(&b).await;
            let refused = b.start(Keep { x: 9 }).id("x").settled().await;
            assert!(refused.as_ref().is_err_and(|error| !error.is_aborted()), "{refused:?}");
            drop(b);
        }
        assert!(a.counts().databases_refused > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_of_a_name_is_refused_and_the_first_goes_on() {
    for between in Between::both() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        let b = between.start("b", open(&path("b.db")).await, None).await;
        let a = between.start("a", open(&path("a.db")).await, None).await;
        committed(&a, 0..3).await;
        back_up(&path("a.db"), &path("copy.db"));
        committed(&a, 3..6).await;
        // `a` dials: a second one reaches b as the first does.
        for (second, next) in [("fresh.db", 6), ("copy.db", 7)] {
            let second = between.start("a", open(&path(second)).await, Some(0)).await;
            suspended(&second).await;
            let refused = second.start(Keep { x: 100 }).id("again").settled().await;
            assert!(refused.is_err_and(|error| error.is_not_accepted()));
            committed(&a, [next]).await;
        }
        assert_eq!(a.counts().suspended, 0);
        assert!(!kept(b.store()).contains(&100));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_lacks_nothing_takes_over_and_fences_the_first() {
    let [_, between] = Between::both();
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    let b = between.start("b", open(&path("b.db")).await, None).await;
    let a = between.start("a", open(&path("a.db")).await, None).await;
    committed(&a, 0..3).await;
    until("the end of all", || (a.counts().sessions + b.counts().sessions == 0).then_some(())).await;
    back_up(&path("a.db"), &path("copy.db"));
    let second = between.start("a", open(&path("copy.db")).await, Some(0)).await;
    // The first finds out when it connects again, and does nothing any more.
    suspended(&a).await;
    assert_eq!(second.counts().suspended, 0);
    committed(&second, 3..5).await;
    assert!(a.start(Keep { x: 9 }).id("9").settled().await.is_err_and(|error| error.is_not_accepted()));
}

/// Case 25: B is restored from a backup while A has gone on.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_role_is_adopted_undoes_what_was_aborted_and_leaves_what_was_committed_to_a_person() {
    let between = Between::Local(LocalNetwork::new());
    let directory = tempfile::tempdir().expect("a directory");
    let (path_a, path_b) = (directory.path().join("a.db"), directory.path().join("b.db"));
    let backup = directory.path().join("backup.db");
    let (a, b) =
        (between.start("a", open(&path_a).await, None).await, between.start("b", open(&path_b).await, None).await);
    let begun = |x: u64| {
        let a = a.clone();
        tokio::spawn(async move { a.start(Slowly { x }).id(format!("s{x}")).settled().await.is_ok() })
    };
    let first: Vec<_> = (0..6).map(begun).collect();
    // Each of them has its first transaction at b, and not its second.
    until("the first transactions", || (kept(b.store()).len() == 6).then_some(())).await;
    back_up(&path_b, &backup);
    committed(&a, [20, 21]).await;
    let mut commits = Vec::new();
    for session in first {
        commits.push(within("a session", session).await.expect("it ends"));
    }
    assert_eq!(commits, [true, false, true, false, true, false]);
    until("the end of all", || (a.counts().sessions + b.counts().sessions == 0).then_some(())).await;
    drop(b);
    remove(&path_b);
    std::fs::copy(&backup, &path_b).expect("it is restored");
    let b = between.start("b", open(&path_b).await, None).await;
    suspended(&b).await;
    let at_b = path_b.display().to_string();
    let said = chor(
        &["adopt", "--node", &at_b],
        0,
        &[
            "a refuses this database",
            "older state",
            "2 sessions that others know",
            "3 sessions that all others have committed",
        ],
    );
    assert!(said.contains("3 sessions that are not finished here"), "{said}");
    assert!(said.contains("nothing has been changed"), "{said}");
    // What is in doubt is not aborted, and not undone, before it is accepted either.
    chor(&["adopt", "--yes", "--node", &at_b], 0, &["accepted: end the process and start it again"]);
    drop(b);
    let b = between.start("b", open(&path_b).await, None).await;
    // The three that were aborted are undone by themselves.
    until("the rollback", || (b.counts().sessions == 3).then_some(())).await;
    assert_eq!(kept(b.store()), BTreeSet::from([0, 2, 4]));
    assert_eq!((b.counts().suspended, a.counts().memory_lost), (0, 0));
    assert_eq!(b.counts().memory_lost, 3);
    for x in ["s0", "s2", "s4"] {
        chor(&["abort", x, "--node", &at_b, "--reason", "restored"], 1, &["all roles have committed", "chor resolve"]);
        chor(&["inspect", x, "--node", &at_b], 0, &["in doubt", "all roles have committed"]);
    }
    chor(&["resolve", "s0", "--commit", "--node", &at_b, "--reason", "ticket 78"], 0, &["what B did here stands"]);
    chor(&["resolve", "s2", "--commit", "--node", &at_b, "--reason", "ticket 78"], 0, &["stands"]);
    chor(&["resolve", "s4", "--abort", "--node", &at_b, "--reason", "ticket 79"], 0, &["is undone"]);
    until("the end of all", || (b.counts().sessions == 0).then_some(())).await;
    assert_eq!(kept(b.store()), BTreeSet::from([0, 2]));
    let session = session_of(&b, "s4");
    chor(&["inspect", &session, "--node", &at_b], 0, &["by hand", "abort: ticket 79"]);
    let audited = audited(&path_b);
    let adopted = [("adopt", "asked", ""), ("adopt", "accepted: 2 sessions lost, 3 behind", "")];
    let resolved = |decision, ticket| [(decision, "asked", ticket), (decision, "decided", ticket)];
    let resolutions = [
        resolved("resolve --commit", "ticket 78"),
        resolved("resolve --commit", "ticket 78"),
        resolved("resolve --abort", "ticket 79"),
    ];
    let expected = adopted.into_iter().chain(resolutions.into_iter().flatten());
    let expected = expected.map(|(action, outcome, reason)| [action, outcome, reason].map(str::to_owned));
    let recorded = audited.into_iter().filter(|[action, ..]| action != "abort");
    assert_eq!(recorded.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "the dry run changed nothing");
    // New ones are as they were before, and an old one is answered from its record.
    committed(&a, [100, 20]).await;
    assert_eq!(kept(b.store()), BTreeSet::from([0, 2, 100, 1100]));
}

/// The identity of the session with that client's id.
fn session_of(node: &Node<Sqlite>, id: &str) -> String {
    let sql = "SELECT lower(hex(session)) FROM accompanist_session WHERE client_id = ?1";
    let read = |connection: &Connection| connection.query_row(sql, [id], |row| row.get(0));
    node.store().read(read).expect("it is there")
}

/// The role where sessions start is restored: what its clients ask again is not done a second time.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_initiator_does_not_start_again_what_others_know() {
    let between = Between::Local(LocalNetwork::new());
    let directory = tempfile::tempdir().expect("a directory");
    let (path_a, path_b) = (directory.path().join("a.db"), directory.path().join("b.db"));
    let backup = directory.path().join("backup.db");
    let (a, b) =
        (between.start("a", open(&path_a).await, None).await, between.start("b", open(&path_b).await, None).await);
    committed(&a, [1]).await;
    // The client is told before all of it is durable.
    until("the end of all", || (a.counts().sessions + b.counts().sessions == 0).then_some(())).await;
    back_up(&path_a, &backup);
    committed(&a, [2, 3]).await;
    until("the end of all", || (a.counts().sessions + b.counts().sessions == 0).then_some(())).await;
    drop(a);
    remove(&path_a);
    std::fs::copy(&backup, &path_a).expect("it is restored");
    let a = between.start("a", open(&path_a).await, None).await;
    suspended(&a).await;
    let at_a = path_a.display().to_string();
    chor(&["adopt", "--yes", "--node", &at_a], 0, &["2 sessions that others know", "accepted"]);
    drop(a);
    let a = between.start("a", open(&path_a).await, None).await;
    committed(&a, [1, 4]).await;
    for x in [2, 3] {
        let again = a.start(Keep { x }).id(x.to_string()).settled().await.expect_err("its record is lost");
        assert!(again.is_lost() && again.to_string().contains("it committed"), "{again}");
    }
    assert_eq!(kept(b.store()), (1..=4).chain(1001..=1004).collect());
}

/// The initiator's memory is gone for good: what waits for its decision is decided by hand.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_initiator_forgot_it_is_decided_by_hand() {
    let between = Between::Local(LocalNetwork::new());
    let directory = tempfile::tempdir().expect("a directory");
    let (path_a, path_b) = (directory.path().join("a.db"), directory.path().join("b.db"));
    let a = between.start("a", open(&path_a).await, None).await;
    let b = between.start("b", open(&path_b).await, None).await;
    committed(&a, [1]).await;
    // B does not vote in the first, and does in the others.
    drop(within("the start", a.start(Slowly { x: 2 }).id("active").accepted()).await.expect("it is accepted"));
    for x in [3, 4] {
        let started = a.start(Waits { x }).id(format!("voted-{x}")).accepted();
        drop(within("the start", started).await.expect("it is accepted"));
    }
    let at_work = BTreeSet::from([1, 2, 3, 4, 1001]);
    until("the first transactions", || (kept(b.store()) == at_work).then_some(())).await;
    drop(a);
    remove(&path_a);
    let a = between.start("a", open(&path_a).await, None).await;
    suspended(&a).await;
    let (at_a, at_b) = (path_a.display().to_string(), path_b.display().to_string());
    let words = ["another database", "4 sessions that others know", "accepted"];
    chor(&["adopt", "--yes", "--node", &at_a], 0, &words);
    drop(a);
    let a = between.start("a", open(&path_a).await, None).await;
    // It asks, and is told that nobody knows the session: that is said, and not waited for in
    // silence.
    until("that it is noticed", || (b.counts().memory_lost >= 3).then_some(())).await;
    for (id, decision, says) in [("voted-3", "--commit", "stands"), ("voted-4", "--abort", "is undone")] {
        chor(&["abort", id, "--node", &at_b, "--reason", "x"], 1, &["nobody is left to ask", "chor resolve"]);
        chor(&["inspect", id, "--node", &at_b], 0, &["in doubt", "voted"]);
        chor(&["resolve", id, decision, "--node", &at_b, "--reason", "ticket 7"], 0, &[says]);
        chor(&["inspect", &session_of(&b, id), "--node", &at_b], 0, &["by hand", "ticket 7"]);
    }
    // An abort ends what has no vote; nobody needs the initiator for that.
    chor(&["abort", "active", "--node", &at_b, "--reason", "its initiator is gone"], 0, &["aborted"]);
    until("the end of all", || (b.counts().sessions == 0).then_some(())).await;
    assert_eq!(kept(b.store()), BTreeSet::from([1, 3, 1001]));
    let again = a.start(Slowly { x: 2 }).id("active").settled().await.expect_err("its record is lost");
    assert!(again.is_lost(), "{again}");
}
