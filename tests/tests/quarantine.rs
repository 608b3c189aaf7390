//! No session keeps a node from starting: real processes that end each time they run one.
#![cfg(unix)]
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test stops at what it does not expect")]

use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use accompanist::rusqlite::Connection;
use accompanist::store::DEATHS_MAX;
use accompanist_tests::wait::until;
use serde_json::Value;

const ROLE: &str = env!("CARGO_BIN_EXE_poisoned_role");

/// The command line of `chor`, as a binary of this package.
const CHOR: &str = env!("CARGO_BIN_EXE_chor_of_tests");

/// Two nodes over their databases.
struct Pair {
    directory: tempfile::TempDir,
    ports: [u16; 2],
}

/// A process, which ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Waits until it has died.
    async fn dies(mut self) -> ExitStatus {
        until("the end of the process", || self.0.try_wait().expect("it can be asked")).await
    }

    /// Tells it to end, and waits until it has.
    async fn ends(mut self) {
        drop(self.0.stdin.take());
        let status = until("the end of the process", || self.0.try_wait().expect("it can be asked")).await;
        assert!(status.success(), "{status}");
    }
}

impl Pair {
    fn new() -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
        Self { directory: tempfile::tempdir().expect("a directory"), ports: [free(), free()] }
    }

    fn database(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}.db"))
    }

    fn start(&self, name: &str, hows: &[&str]) -> Running {
        let [a, b] = self.ports;
        let (own, other) = if name == "a" { (a, b) } else { (b, a) };
        let log = self.directory.path().join(format!("{name}.log"));
        let log = std::fs::File::options().create(true).append(true).open(log).expect("a log");
        let mut command = Command::new(ROLE);
        command.arg(name).arg(self.database(name)).args([own.to_string(), other.to_string()]).args(hows);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        Running(command.spawn().expect("the process starts"))
    }

    /// Starts `b` as often as it dies, until `is_held`, and then it goes on. What the session makes
    /// durable on the way begins the count anew, once at most in these programs.
    async fn dies_until(&self, at_least: u32, is_held: impl Fn() -> bool) -> Running {
        let mut deaths = 0;
        let mut b = until("the quarantine", || {
            let mut b = self.start("b", &[]);
            loop {
                if let Some(status) = b.0.try_wait().expect("it can be asked") {
                    assert_eq!(status.signal(), Some(6), "it calls `abort`: {status}");
                    deaths += 1;
                    assert!(deaths <= 2 * DEATHS_MAX, "it is not put in quarantine");
                    return None;
                }
                if is_held() {
                    return Some(b);
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        })
        .await;
        assert!(deaths >= at_least, "it is put in quarantine after {deaths} deaths");
        assert!(b.0.try_wait().expect("it can be asked").is_none(), "it goes on");
        b
    }

    /// Starts `b` as often as it dies, until this session is parked.
    async fn dies_until_parked(&self, at_least: u32, id: &str) -> Running {
        let database = self.database("b");
        self.dies_until(at_least, || is_parked(&database, id)).await
    }

    fn count(&self, name: &str, sql: &str) -> u64 {
        let connection = Connection::open(self.database(name)).expect("it opens");
        connection.busy_timeout(accompanist_tests::wait::WAIT_MAX).expect("it can be set");
        connection.query_row(sql, [], |row| row.get(0)).expect("it can be read")
    }

    /// The states of all sessions; none before the node has made its tables.
    fn states(&self, name: &str) -> Vec<(String, String)> {
        let connection = Connection::open(self.database(name)).expect("it opens");
        connection.busy_timeout(accompanist_tests::wait::WAIT_MAX).expect("it can be set");
        let sql = "SELECT client_id, state FROM accompanist_session ORDER BY client_id";
        let Ok(mut rows) = connection.prepare(sql) else { return Vec::new() };
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.collect::<Result<_, _>>().expect("they can be read")
    }

    async fn all_finished(&self, name: &str, sessions: usize) {
        until(("all sessions to end at", name), || {
            let states = self.states(name);
            (states.len() == sessions && states.iter().all(|(_, state)| state == "finished")).then_some(())
        })
        .await;
    }
}

/// What the command line answers, once the node listens.
async fn chor(database: &Path, arguments: &[&str]) -> Value {
    until(("an answer to", arguments), || {
        let run = Command::new(CHOR)
            .args(arguments)
            .args(["--message-format", "json", "--node"])
            .arg(database)
            .stdin(Stdio::null())
            .output()
            .expect("the binary starts");
        let line: Value = serde_json::from_slice(&run.stdout).ok()?;
        line.get("answer").cloned()
    })
    .await
}

/// Whether the node lists the session as parked.
fn is_parked(database: &Path, id: &str) -> bool {
    let run = Command::new(CHOR)
        .args(["sessions", "--parked", "--message-format", "json", "--node"])
        .arg(database)
        .output()
        .expect("the binary starts");
    let line: Value = serde_json::from_slice(&run.stdout).unwrap_or_default();
    line["answer"]["sessions"].as_array().is_some_and(|listed| listed.iter().any(|session| session["id"] == id))
}

/// Waits until the session is listed as parked, and what `inspect` says of it.
async fn parked(database: &Path, id: &str) -> Value {
    until(("the session in quarantine", id), || is_parked(database, id).then_some(())).await;
    chor(database, &["inspect", id]).await["parts"][0].clone()
}

const FINE: [&str; 4] = ["fine-1", "fine-2", "fine-3", "fine-4"];

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_the_process_each_time_is_put_in_quarantine_and_aborted() {
    for how in ["transaction", "pure", "call"] {
        let pair = Pair::new();
        let a = pair.start("a", &[&[how], FINE.as_slice()].concat());
        let b = pair.dies_until_parked(DEATHS_MAX, how).await;
        let database = pair.database("b");
        let part = parked(&database, how).await;
        let recorded = part["parked"]["recorded"].as_str().expect("a text");
        assert!(recorded.contains("the process died 3 times in a row"), "{how}: {part}");
        // The others are not held up by it.
        until("the other sessions", || (pair.count("a", "SELECT count(*) FROM kept") == 5).then_some(())).await;
        until("the other sessions", || {
            let finished = |name| pair.states(name).iter().filter(|(_, state)| state == "finished").count();
            (finished("a") == 4 && finished("b") == 4).then_some(())
        })
        .await;
        // It stays so, also after a clean end.
        b.ends().await;
        let _b = pair.start("b", &[]);
        parked(&database, how).await;
        let aborted = chor(&database, &["abort", how, "--reason", "it is poison"]).await;
        assert_eq!(aborted["outcome"], "aborted", "{how}: {aborted}");
        pair.all_finished("a", 5).await;
        pair.all_finished("b", 5).await;
        assert_eq!(pair.count("a", "SELECT count(*) FROM kept"), 4, "what it did at A is undone");
        let left = format!("SELECT count(*) FROM kept WHERE what = '{how}'");
        assert_eq!(pair.count("b", &left), 0, "and at B");
        drop(a);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compensation_that_ends_the_process_each_time_is_settled_by_hand() {
    let pair = Pair::new();
    let _a = pair.start("a", &["compensation"]);
    let database = pair.database("b");
    let is_held = || {
        let run = Command::new(CHOR).args(["inspect", "compensation", "--node"]).arg(&database).output();
        String::from_utf8_lossy(&run.expect("it starts").stdout).contains("in quarantine")
    };
    let _b = pair.dies_until(DEATHS_MAX, is_held).await;
    let settled = chor(&database, &["settle", "compensation", "--reason", "by hand"]).await;
    assert_eq!(settled["operation"], "Bomb.burst", "{settled}");
    // What else is to be undone is held until an operator says so.
    let retried = chor(&database, &["retry", "compensation"]).await;
    assert_eq!(retried["tried"], 1, "{retried}");
    pair.all_finished("a", 1).await;
    pair.all_finished("b", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_quarantine_runs_again_when_an_operator_says_so() {
    let pair = Pair::new();
    let _a = pair.start("a", &["pure"]);
    let b = pair.dies_until_parked(DEATHS_MAX, "pure").await;
    parked(&pair.database("b"), "pure").await;
    let retried = chor(&pair.database("b"), &["retry", "pure"]).await;
    assert_eq!(retried["tried"], 1, "{retried}");
    assert_eq!(b.dies().await.signal(), Some(6), "it runs, and ends the process once more");
    // The count begins anew.
    let _b = pair.dies_until_parked(DEATHS_MAX - 2, "pure").await;
    parked(&pair.database("b"), "pure").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_put_nothing_in_quarantine_that_was_not_running() {
    let pair = Pair::new();
    // A waits for B.
    for _ in 0..6 {
        let mut a = pair.start("a", &["fine-1"]);
        until("its start", || pair.database("a").exists().then_some(())).await;
        chor(&pair.database("a"), &["inspect", "fine-1"]).await;
        a.0.kill().expect("it can be killed");
    }
    let _a = pair.start("a", &[]);
    let listed = chor(&pair.database("a"), &["sessions", "--parked"]).await;
    assert_eq!(listed["total"], 0, "{listed}");
    let _b = pair.start("b", &[]);
    pair.all_finished("a", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_nested_5_000_deep_ends_its_session_and_not_its_process() {
    let pair = Pair::new();
    let mut b = pair.start("b", &[]);
    let _a = pair.start("a", &["nested"]);
    pair.all_finished("a", 1).await;
    pair.all_finished("b", 1).await;
    assert_eq!(pair.count("a", "SELECT count(*) FROM accompanist_session WHERE reason LIKE '%127 levels deep%'"), 1);
    assert!(b.0.try_wait().expect("it can be asked").is_none(), "the process goes on");
}

/// What `chor abort` says: its exit code, and all that it prints.
fn abort(database: &Path, id: &str) -> (Option<i32>, String) {
    let run = Command::new(CHOR).args(["abort", id, "--reason", "a person said so", "--node"]).arg(database).output();
    let run = run.expect("the binary starts");
    (run.status.code(), String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned())
}

const RECORDED: &str = "recorded: the node does not run, and aborts the session when it starts\n";

const AUDITED: &str = "SELECT count(*) FROM accompanist_audit
                       WHERE action = 'abort' AND reason = 'a person said so' AND outcome LIKE '";

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_quarantine_is_aborted_while_its_node_does_not_run() {
    for how in ["transaction", "pure", "call"] {
        let pair = Pair::new();
        let _a = pair.start("a", &[how, "fine-1"]);
        let b = pair.dies_until_parked(DEATHS_MAX, how).await;
        let database = pair.database("b");
        let session = parked(&database, how).await;
        let identity = session["session"].as_str().expect("it has one").to_owned();
        b.ends().await;
        // One that was in quarantine before its first row is known by its identity.
        let (code, said) = abort(&database, &identity);
        assert_eq!((code, said.as_str()), (Some(0), RECORDED), "{how}");
        let b = pair.start("b", &[]);
        pair.all_finished("a", 2).await;
        pair.all_finished("b", 2).await;
        assert_eq!(pair.count("a", "SELECT count(*) FROM kept"), 1, "{how}: what it did at A is undone");
        let why = "SELECT count(*) FROM accompanist_session WHERE reason LIKE '%a person said so%'";
        assert_eq!((pair.count("a", why), pair.count("b", why)), (1, 1), "{how}");
        assert_eq!(pair.count("b", &format!("{AUDITED}asked while%'")), 1, "{how}");
        assert_eq!(pair.count("b", &format!("{AUDITED}the node has started%'")), 1, "{how}");
        // What has been done is not asked for once more.
        b.ends().await;
        let (code, said) = abort(&database, &identity);
        assert!(code == Some(0) && said.contains("has been rolled back already"), "{how}: {said}");
        let _b = pair.start("b", &[]);
        chor(&database, &["sessions"]).await;
        assert_eq!(pair.count("b", "SELECT count(*) FROM accompanist_request"), 0, "{how}");
        assert_eq!(pair.count("b", &format!("{AUDITED}the node has started%'")), 1, "{how}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_is_recorded_only_where_no_node_uses_the_database() {
    let pair = Pair::new();
    let database = pair.database("a");
    assert_eq!(abort(&database, "fine-1").0, Some(2), "there is no database");
    let mut a = pair.start("a", &["fine-1"]);
    chor(&database, &["inspect", "fine-1"]).await;
    until("its row", || (pair.states("a").len() == 1).then_some(())).await;
    // Killed, it leaves its socket.
    a.0.kill().expect("it can be killed");
    drop(a);
    let lock = std::fs::File::options().write(true).open(pair.directory.path().join("a.db.lock")).expect("a lock");
    lock.lock().expect("it is free");
    let (code, said) = abort(&database, "fine-1");
    assert!(code == Some(2) && said.contains("runs, and does not listen beside its database"), "{said}");
    lock.unlock().expect("it is held");
    let (code, said) = abort(&database, "fine-9");
    assert!(code == Some(1) && said.contains("has no session `fine-9`"), "{said}");
    assert_eq!(pair.count("a", "SELECT count(*) FROM accompanist_request"), 0);
    for _ in 0..2 {
        assert_eq!(abort(&database, "fine-1"), (Some(0), RECORDED.to_owned()));
    }
    assert_eq!(pair.count("a", "SELECT count(*) FROM accompanist_request"), 1);
    // A may have told its client, and so asks B, which decides.
    let _a = pair.start("a", &[]);
    let _b = pair.start("b", &[]);
    pair.all_finished("a", 1).await;
    let is_undone = pair.count("a", "SELECT count(*) FROM accompanist_session WHERE reason LIKE '%a person said so%'");
    assert_eq!(pair.count("a", "SELECT count(*) FROM kept"), 1 - is_undone);
    assert_eq!(pair.count("a", &format!("{AUDITED}the node has started%'")), 1);
}
