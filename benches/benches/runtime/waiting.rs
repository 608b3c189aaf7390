//! Many sessions that wait, for a node that is away or for the clock: what each takes of memory, and how a node that starts again goes on with them.
//! Each part runs in a process of its own, so that what it takes is its own.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use accompanist::rusqlite::Connection;
use accompanist::store::Sqlite;
use accompanist::transport::Tcp;
use accompanist::{Choreography, Node};
use accompanist_benches::chains::{Asleep, Counter, One, Three, cast, limits, open};
use anyhow::{Context as _, bail};
use tokio::task::JoinSet;

use super::load::IN_FLIGHT;
use super::process::{child as run_child, resident_bytes};
use super::table::{Aim, Row, Unit};

/// How many wait.
const SESSIONS: u64 = 100_000;

/// The node that starts them, with the other one away for ever.
async fn node(directory: &Path) -> anyhow::Result<Node<Sqlite>> {
    let transport = Tcp::bind("127.0.0.1:0").await?;
    // Nobody listens at this port of this machine.
    let transport = transport.with_peers(["b", "c"].map(|name| (name, "127.0.0.1:1")));
    let builder = Node::builder("a", open(directory, "a")?).transport(transport);
    Ok(cast(builder, "a", &Counter::default()).limits(limits()).start().await?)
}

/// Starts sessions of the choreography that `waits` makes, and prints what they take.
async fn wait<C: Choreography + Send + 'static>(
    directory: &Path,
    sessions: u64,
    waits: fn(u64) -> C,
) -> anyhow::Result<()> {
    let node = node(directory).await?;
    node.start(One { order: 0 }).settled().await?;
    println!("idle {}", resident_bytes());
    let before = resident_bytes();
    let mut starting = JoinSet::new();
    for order in 0..sessions {
        if starting.len() >= IN_FLIGHT {
            starting.join_next().await.transpose()?.transpose()?;
        }
        let start = node.start(waits(order));
        starting.spawn(async move { start.accepted().await.map(drop) });
    }
    while let Some(started) = starting.join_next().await {
        started??;
    }
    println!("each {}", resident_bytes().saturating_sub(before) as f64 / sessions as f64);
    Ok(())
}

/// Starts the node again and prints how long that takes.
async fn go_on(directory: &Path, sessions: u64) -> anyhow::Result<()> {
    let (started, before) = (Instant::now(), resident_bytes());
    let node = node(directory).await?;
    node.start(One { order: 0 }).settled().await?;
    println!("first {}", started.elapsed().as_secs_f64());
    while node.counts().replays < sessions {
        // Each look goes through all sessions.
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    println!("all {}", started.elapsed().as_secs_f64());
    println!("each {}", resident_bytes().saturating_sub(before) as f64 / sessions as f64);
    Ok(())
}

/// What the bare loop keeps of an order that waits: whom to answer. And its start again: all orders that its table holds.
async fn bare(directory: &Path, sessions: u64) -> anyhow::Result<()> {
    let before = resident_bytes();
    let mut waiting = HashMap::new();
    for order in 0..sessions {
        waiting.insert(order, tokio::sync::oneshot::channel::<u64>());
    }
    println!("each {}", resident_bytes().saturating_sub(before) as f64 / waiting.len() as f64);
    let path = directory.join("bare-waiting.db");
    let mut database = Connection::open(&path)?;
    database.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE waiting (id INTEGER PRIMARY KEY, text TEXT)")?;
    let transaction = database.transaction()?;
    for order in 0..sessions {
        transaction.prepare_cached("INSERT INTO waiting VALUES (?1, ?2)")?.execute((order, "{\"amount\":5}"))?;
    }
    transaction.commit()?;
    drop(database);
    let started = Instant::now();
    let database = Connection::open(&path)?;
    let mut select = database.prepare("SELECT id, text FROM waiting")?;
    let orders = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let orders: HashMap<u64, String> = orders.collect::<Result<_, _>>()?;
    anyhow::ensure!(orders.len() as u64 == sessions, "all orders are read");
    println!("all {}", started.elapsed().as_secs_f64());
    Ok(())
}

/// A part that runs in a process of its own.
pub async fn child(arguments: &[String]) -> anyhow::Result<()> {
    let [what, directory, sessions] = arguments else {
        bail!("a child is told what to do, where, and with how many sessions")
    };
    let (directory, sessions) = (Path::new(directory), sessions.parse()?);
    match what.as_str() {
        "wait" => wait(directory, sessions, |order| Three { order }).await,
        "sleep" => wait(directory, sessions, |order| Asleep { order }).await,
        "go-on" => go_on(directory, sessions).await,
        "bare" => bare(directory, sessions).await,
        other => bail!("`{other}` is nothing to do"),
    }
}

pub async fn measure(directory: &Path) -> anyhow::Result<Vec<Row>> {
    let run = |what| run_child(what, directory, SESSIONS);
    let (waiting, again, bare) = (run("wait")?, run("go-on")?, run("bare")?);
    let directory = directory.join("asleep");
    std::fs::create_dir(&directory)?;
    let run = |what| run_child(what, &directory, SESSIONS);
    let (sleeping, woken) = (run("sleep")?, run("go-on")?);
    let of = |figures: &std::collections::BTreeMap<String, f64>, name: &str| {
        figures.get(name).copied().with_context(|| format!("the figure `{name}`"))
    };
    let megabytes = of(&waiting, "idle")? / 1e6;
    Ok(vec![
        Row::new("a role that is idle, resident", megabytes, Unit::Megabytes).aim(Aim::AtMost(64.0)),
        Row::new("memory of a session that waits", of(&waiting, "each")?, Unit::Bytes)
            .beside(of(&bare, "each")?, "bare loop")
            .aim(Aim::AtMost(4096.0)),
        Row::new("the same after the node started again", of(&again, "each")?, Unit::Bytes)
            .beside(of(&bare, "each")?, "bare loop")
            .aim(Aim::AtMost(4096.0)),
        Row::new("memory of a session that sleeps", of(&sleeping, "each")?, Unit::Bytes)
            .beside(of(&bare, "each")?, "bare loop")
            .aim(Aim::AtMost(4096.0)),
        Row::new("the same after the node started again", of(&woken, "each")?, Unit::Bytes)
            .beside(of(&bare, "each")?, "bare loop")
            .aim(Aim::AtMost(4096.0)),
        Row::new("start again with 100,000: first new session", of(&again, "first")?, Unit::Seconds)
            .aim(Aim::AtMost(1.0)),
        Row::new("start again with 100,000: all go on", of(&again, "all")?, Unit::Seconds)
            .beside(of(&bare, "all")?, "reading a table")
            .aim(Aim::AtMost(10.0)),
        Row::new("the same where they sleep", of(&woken, "all")?, Unit::Seconds)
            .beside(of(&bare, "all")?, "reading a table")
            .aim(Aim::AtMost(10.0)),
    ])
}
