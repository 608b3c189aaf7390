//! A client that does not give up: it sends requests to a desk, so many at a time, and asks again until each is answered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::desk::{Answer, Outcome, Request};

/// How long the client waits before it tries the desk again.
const RECONNECT: Duration = Duration::from_millis(20);

/// See the module.
pub struct Client<R> {
    desk: SocketAddr,
    waiting: VecDeque<R>,
    in_flight: BTreeMap<u64, R>,
    in_flight_max: usize,
    answered: BTreeSet<u64>,
    connection: Option<(Lines<BufReader<OwnedReadHalf>>, OwnedWriteHalf)>,
}

impl<R: Request> Client<R> {
    /// A client with these requests.
    pub fn new(desk: SocketAddr, requests: Vec<R>, in_flight_max: usize) -> Self {
        Self {
            desk,
            waiting: requests.into(),
            in_flight: BTreeMap::new(),
            in_flight_max,
            answered: BTreeSet::new(),
            connection: None,
        }
    }

    /// The next answer; `None` when every request has one.
    pub async fn next(&mut self) -> Option<Answer<R::Done>> {
        while !(self.waiting.is_empty() && self.in_flight.is_empty()) {
            match self.exchange().await {
                Ok(answer) if matches!(answer.outcome, Outcome::NotNow(_)) => {
                    let request = self.in_flight.remove(&answer.number);
                    self.waiting.extend(request);
                    tokio::time::sleep(RECONNECT).await;
                }
                Ok(answer) => {
                    // The same question may be answered twice.
                    let known = self.in_flight.remove(&answer.number).is_some();
                    if known && self.answered.insert(answer.number) {
                        return Some(answer);
                    }
                }
                Err(_) => {
                    self.connection = None;
                    tokio::time::sleep(RECONNECT).await;
                }
            }
        }
        None
    }

    async fn exchange(&mut self) -> anyhow::Result<Answer<R::Done>> {
        if self.connection.is_none() {
            let (reader, writer) = TcpStream::connect(self.desk).await?.into_split();
            self.connection = Some((BufReader::new(reader).lines(), writer));
            for request in self.in_flight.values() {
                send(&mut self.connection, request).await?;
            }
        }
        while self.in_flight.len() < self.in_flight_max {
            let Some(request) = self.waiting.pop_front() else { break };
            self.in_flight.insert(request.number(), request.clone());
            send(&mut self.connection, &request).await?;
        }
        let (lines, _) = self.connection.as_mut().context("connected above")?;
        let line = lines.next_line().await?.context("the desk has hung up")?;
        Ok(serde_json::from_str(&line)?)
    }
}

async fn send<R: Request>(
    connection: &mut Option<(Lines<BufReader<OwnedReadHalf>>, OwnedWriteHalf)>,
    request: &R,
) -> anyhow::Result<()> {
    let (_, writer) = connection.as_mut().context("there is a connection")?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    Ok(writer.write_all(&line).await?)
}
