//! The baseline: three threads that commit to SQLite and pass the order on over TCP, as one would write it by hand if nothing ever crashed. All
//! that is ready shares one commit, as it does in the runtime.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use accompanist::rusqlite::Connection;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::{SCHEMA, UPDATE, row};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) order: u64,
    pub(crate) amount: u64,
    pub(crate) points: Option<u64>,
}

enum ToDesk {
    Start { order: u64, reply: tokio::sync::oneshot::Sender<u64> },
    Points(Message),
}

/// The three threads.
pub struct Bare {
    desk: Sender<ToDesk>,
}

impl Bare {
    /// Starts them, with their databases in `directory`.
    ///
    /// # Errors
    /// Those of opening databases and sockets.
    pub fn start(directory: &Path) -> anyhow::Result<Self> {
        let (desk_to_bank, bank_from_desk) = pair()?;
        let (bank_to_club, club_from_bank) = pair()?;
        let (club_to_desk, desk_from_club) = pair()?;
        let [desk, bank, club] = ["desk", "bank", "club"].map(|name| open(&directory.join(format!("bare-{name}.db"))));
        let (desk, bank, club) = (desk?, bank?, club?);
        let (sender, receiver) = channel();
        let points = sender.clone();
        thread::spawn(move || {
            let mut reader = BufReader::new(desk_from_club);
            while let Ok(messages) = read(&mut reader) {
                for message in messages {
                    if points.send(ToDesk::Points(message)).is_err() {
                        return;
                    }
                }
            }
        });
        thread::spawn(move || run_desk(&desk, &receiver, desk_to_bank));
        thread::spawn(move || pass_on(&bank, bank_from_desk, bank_to_club, Duration::ZERO));
        thread::spawn(move || pass_on(&club, club_from_bank, club_to_desk, Duration::ZERO));
        Ok(Self { desk: sender })
    }

    /// Carries out one order.
    ///
    /// # Errors
    /// Where a thread has ended.
    pub async fn order(&self, order: u64) -> anyhow::Result<u64> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.desk.send(ToDesk::Start { order, reply }).ok().context("the desk has ended")?;
        Ok(answer.await?)
    }
}

fn run_desk(database: &Connection, receiver: &Receiver<ToDesk>, mut to_bank: TcpStream) -> anyhow::Result<()> {
    let mut waiting = std::collections::HashMap::new();
    while let Ok(first) = receiver.recv() {
        let batch: Vec<_> = std::iter::once(first).chain(receiver.try_iter()).collect();
        let orders = batch.iter().map(|input| {
            let (ToDesk::Start { order, .. } | ToDesk::Points(Message { order, .. })) = input;
            (*order, 1)
        });
        commit(database, orders, Duration::ZERO)?;
        let mut out = Vec::new();
        for input in batch {
            match input {
                ToDesk::Start { order, reply } => {
                    waiting.insert(order, reply);
                    write(&mut out, &Message { order, amount: 5, points: None })?;
                }
                ToDesk::Points(message) => {
                    if let Some(reply) = waiting.remove(&message.order) {
                        // The benchmark may be over.
                        let _ = reply.send(message.points.unwrap_or_default());
                    }
                }
            }
        }
        to_bank.write_all(&out)?;
    }
    Ok(())
}

/// Commits for each message and passes it on. `delay` is added to each sync.
pub(crate) fn pass_on(
    database: &Connection,
    from: TcpStream,
    mut to: TcpStream,
    delay: Duration,
) -> anyhow::Result<()> {
    let mut reader = BufReader::new(from);
    loop {
        let messages = read(&mut reader)?;
        commit(database, messages.iter().map(|message| (message.order, message.amount)), delay)?;
        let mut out = Vec::new();
        for message in messages {
            write(&mut out, &Message { points: Some(message.amount), ..message })?;
        }
        to.write_all(&out)?;
    }
}

/// One commit for all of these orders, each with its amount.
pub(crate) fn commit(
    database: &Connection,
    orders: impl Iterator<Item = (u64, u64)>,
    delay: Duration,
) -> anyhow::Result<()> {
    database.execute_batch("BEGIN IMMEDIATE")?;
    for (order, amount) in orders {
        database.prepare_cached(UPDATE)?.execute((row(order), amount))?;
    }
    database.execute_batch("COMMIT")?;
    if delay > Duration::ZERO {
        thread::sleep(delay);
    }
    Ok(())
}

/// All messages that are there, and at least one.
pub(crate) fn read(reader: &mut BufReader<TcpStream>) -> anyhow::Result<Vec<Message>> {
    let mut messages = Vec::new();
    loop {
        let mut line = String::new();
        anyhow::ensure!(reader.read_line(&mut line)? > 0, "the other side has ended");
        messages.push(serde_json::from_str(&line)?);
        if !reader.buffer().contains(&b'\n') {
            return Ok(messages);
        }
    }
}

pub(crate) fn write(out: &mut Vec<u8>, message: &Message) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, message)?;
    out.push(b'\n');
    Ok(())
}

pub(crate) fn pair() -> anyhow::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let one = TcpStream::connect(listener.local_addr()?)?;
    let (other, _) = listener.accept()?;
    one.set_nodelay(true)?;
    other.set_nodelay(true)?;
    Ok((one, other))
}

pub(crate) fn open(path: &Path) -> anyhow::Result<Connection> {
    let database = Connection::open(path)?;
    database.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
    database.execute_batch(SCHEMA)?;
    Ok(database)
}
