//! The order desk: orders come in as lines of JSON over TCP, answers go out the same way, in any order. Whoever gets no answer asks again, with
//! any connection: the order's number is the session's id, so it is carried out once.

use std::net::SocketAddr;

use accompanist::Node;
use accompanist::store::Store;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::model::Order;
use crate::{OrderFulfilment, Receipt};

/// How many answers wait for a client that does not read them; then no more of its orders are read.
const ANSWERS_WAITING_MAX: usize = 64;

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is fulfilled.
    Fulfilled(Receipt),
    /// It has been rolled back, and why.
    RolledBack(String),
    /// It cannot be carried out now, and why; ask again.
    NotNow(String),
}

/// The answer to an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The order's number.
    pub order: u64,
    /// What became of it.
    pub outcome: Outcome,
}

/// Takes orders at `address` until the process ends.
///
/// # Errors
/// Where the address is taken.
pub async fn serve<S: Store>(node: Node<S>, address: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await?;
    loop {
        let (connection, _) = listener.accept().await?;
        tokio::spawn(take_orders(node.clone(), connection));
    }
}

async fn take_orders<S: Store>(node: Node<S>, connection: TcpStream) {
    let (reader, writer) = connection.into_split();
    let (answers, waiting) = mpsc::channel(ANSWERS_WAITING_MAX);
    tokio::spawn(write_answers(writer, waiting));
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let order: Order = match serde_json::from_str(&line) {
            Ok(order) => order,
            Err(error) => {
                tracing::warn!(%error, "a line is no order");
                return;
            }
        };
        let Ok(answers) = answers.clone().reserve_owned().await else { return };
        let node = node.clone();
        tokio::spawn(async move { answers.send(fulfil(&node, order).await) });
    }
}

async fn fulfil<S: Store>(node: &Node<S>, order: Order) -> Answer {
    let id = order.id;
    let outcome = match node.start(OrderFulfilment { order }).id(format!("order-{id}")).settled().await {
        Ok(receipt) => Outcome::Fulfilled(receipt),
        Err(error) => match error.reason() {
            Some(reason) => Outcome::RolledBack(reason.to_owned()),
            None => Outcome::NotNow(error.to_string()),
        },
    };
    Answer { order: id, outcome }
}

async fn write_answers(mut writer: OwnedWriteHalf, mut answers: mpsc::Receiver<Answer>) {
    while let Some(answer) = answers.recv().await {
        let Ok(mut line) = serde_json::to_vec(&answer) else { return };
        line.push(b'\n');
        if writer.write_all(&line).await.is_err() {
            return;
        }
    }
}
