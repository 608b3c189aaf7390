//! A desk: requests come in as lines of JSON over TCP, answers go out the same way, in any order. Whoever gets no answer asks again, with any
//! connection: a request's number is in its session's id, so it is carried out once.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Duration;

use accompanist::store::Store;
use accompanist::{Error, Node};
use anyhow::Context as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::node::until_told;

/// How many answers wait for a client that does not read them; then no more of its requests are read.
const ANSWERS_WAITING_MAX: usize = 64;

/// How long a desk that cannot take a connection waits before it takes another one.
const PAUSE: Duration = Duration::from_millis(100);

/// What is asked of a desk.
pub trait Request: Clone + Serialize + DeserializeOwned + Send + 'static {
    /// What whoever asks gets when it is fulfilled.
    type Done: Clone + Debug + Serialize + DeserializeOwned + Send;

    /// Its number, which no other request has.
    fn number(&self) -> u64;

    /// Carries it out, as a session with an id of its own: asked again, it is the same session.
    fn fulfil<S: Store>(self, node: &Node<S>) -> impl Future<Output = Result<Self::Done, Error>> + Send;
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome<T> {
    /// It is fulfilled.
    Fulfilled(T),
    /// It has been rolled back, and why.
    RolledBack(String),
    /// It cannot be carried out now, and why; ask again.
    NotNow(String),
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer<T> {
    /// The request's number.
    pub number: u64,
    /// What became of it.
    pub outcome: Outcome<T>,
}

/// Takes requests at `address` until the process is told to end, and lets sessions in flight end first.
///
/// # Errors
/// Where the address is taken, or as [`until_told`] says.
pub async fn serve<R: Request, S: Store>(node: Node<S>, address: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("nothing can be taken at {address}"))?;
    tokio::select! {
        () = take_connections::<R, S>(&node, listener) => Ok(()),
        told = until_told(&node) => told,
    }
}

async fn take_connections<R: Request, S: Store>(node: &Node<S>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((connection, _)) => drop(tokio::spawn(take_requests::<R, S>(node.clone(), connection))),
            // The one who asked has hung up, or there are too many connections. Others still end.
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn take_requests<R: Request, S: Store>(node: Node<S>, connection: TcpStream) {
    let (reader, writer) = connection.into_split();
    let (answers, waiting) = mpsc::channel(ANSWERS_WAITING_MAX);
    tokio::spawn(write_answers::<R::Done>(writer, waiting));
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let request: R = match serde_json::from_str(&line) {
            Ok(request) => request,
            Err(error) => {
                tracing::warn!(%error, "a line is no request");
                return;
            }
        };
        let Ok(answers) = answers.clone().reserve_owned().await else { return };
        let node = node.clone();
        tokio::spawn(async move { answers.send(answer(&node, request).await) });
    }
}

async fn answer<R: Request, S: Store>(node: &Node<S>, request: R) -> Answer<R::Done> {
    let number = request.number();
    let outcome = match request.fulfil(node).await {
        Ok(done) => Outcome::Fulfilled(done),
        Err(error) => match error.reason() {
            Some(reason) => Outcome::RolledBack(reason.to_owned()),
            None => Outcome::NotNow(error.to_string()),
        },
    };
    Answer { number, outcome }
}

async fn write_answers<T: Serialize>(mut writer: OwnedWriteHalf, mut answers: mpsc::Receiver<Answer<T>>) {
    while let Some(answer) = answers.recv().await {
        let Ok(mut line) = serde_json::to_vec(&answer) else { return };
        line.push(b'\n');
        if writer.write_all(&line).await.is_err() {
            return;
        }
    }
}
