//! Where sessions of the soak are asked for: lines of JSON over TCP, and lines back. Whoever gets no answer asks again.

use std::net::SocketAddr;
use std::sync::Mutex;

use accompanist::store::{Sqlite, StoreError};
use accompanist::{Choreography, Error, Node};
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::plan::Kind;
use crate::generated::soak::{Job, Payout, Purchase, Voyage};

/// How many answers wait for a client that does not read them.
const ANSWERS_WAITING_MAX: usize = 256;

/// What is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// A session.
    Start(Kind, Job),
    /// That the database has no room left: it is written into until nothing more goes in.
    Fill,
    /// That it has room again.
    Clear,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The session is durable.
    Accepted,
    /// It committed, with this result.
    Committed(String),
    /// It has been rolled back, and why.
    RolledBack(String),
    /// It cannot be done now, and why; ask again.
    NotNow(String),
    /// The database is as was asked for.
    Done,
}

/// Takes requests at `address` until the process ends.
///
/// # Errors
/// Where the address is taken.
pub async fn serve(node: Node<Sqlite>, address: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("the desk cannot be at {address}"))?;
    loop {
        let (connection, _) = listener.accept().await?;
        tokio::spawn(take(node.clone(), connection));
    }
}

async fn take(node: Node<Sqlite>, connection: TcpStream) {
    let (reader, mut writer) = connection.into_split();
    let (answers, mut waiting) = mpsc::channel::<Answer>(ANSWERS_WAITING_MAX);
    tokio::spawn(async move {
        while let Some(answer) = waiting.recv().await {
            let mut line = serde_json::to_vec(&answer).expect("an answer is JSON");
            line.push(b'\n');
            if writer.write_all(&line).await.is_err() {
                return;
            }
        }
    });
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let request = serde_json::from_str(&line).expect("a line is a request");
        tokio::spawn(answer(node.clone(), request, answers.clone()));
    }
}

async fn answer(node: Node<Sqlite>, request: Request, answers: mpsc::Sender<Answer>) {
    let last = match request {
        Request::Start(kind, job) => {
            let id = job.id.clone();
            match kind {
                Kind::Purchase => play(&node, Purchase { job }, id, &answers).await,
                Kind::Payout => play(&node, Payout { job }, id, &answers).await,
                Kind::Voyage => play(&node, Voyage { job }, id, &answers).await,
            }
        }
        Request::Fill => change(&node, fill).await,
        Request::Clear => change(&node, clear).await,
    };
    // Nobody listens any more: they ask again.
    let _ = answers.send(last).await;
}

async fn play<A>(node: &Node<Sqlite>, arguments: A, id: String, answers: &mpsc::Sender<Answer>) -> Answer
where
    A: Choreography<Output: std::fmt::Display>,
{
    let ended = async {
        let handle = node.start(arguments).id(id).accepted().await?;
        let _ = answers.send(Answer::Accepted).await;
        handle.settled().await
    };
    match ended.await {
        Ok(output) => Answer::Committed(output.to_string()),
        Err(error) => why(&error),
    }
}

fn why(error: &Error) -> Answer {
    match error.reason() {
        Some(reason) => Answer::RolledBack(reason.to_owned()),
        None => Answer::NotNow(error.to_string()),
    }
}

/// How often the ballast has been taken out: who fills the database stops at the next time.
static CLEARED: Mutex<u64> = Mutex::new(0);

/// Until nothing more goes in, or the ballast is taken out.
fn fill(database: Sqlite) -> Result<(), StoreError> {
    let cleared = || CLEARED.lock().expect("nobody panics with it");
    let before = *cleared();
    for bytes in [1_000_000, 100_000, 10_000, 1_000, 100] {
        let insert = format!("INSERT INTO ballast VALUES (zeroblob({bytes}))");
        loop {
            // Held over the insertion: none comes behind the deletion.
            let now = cleared();
            if *now != before {
                return Ok(());
            }
            if database.clone().with_schema(insert.as_str()).is_err() {
                break;
            }
        }
    }
    Ok(())
}

fn clear(database: Sqlite) -> Result<(), StoreError> {
    let mut cleared = CLEARED.lock().expect("nobody panics with it");
    *cleared += 1;
    database.with_schema("DELETE FROM ballast").map(drop)
}

async fn change(node: &Node<Sqlite>, change: impl FnOnce(Sqlite) -> Result<(), StoreError> + Send + 'static) -> Answer {
    let database = node.store().clone();
    match tokio::task::spawn_blocking(move || change(database)).await {
        Ok(Ok(())) => Answer::Done,
        Ok(Err(error)) => Answer::NotNow(error.to_string()),
        Err(error) => Answer::NotNow(error.to_string()),
    }
}
