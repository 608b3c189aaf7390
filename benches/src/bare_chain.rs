//! The baseline of the services in a row: as many threads, each of which commits to SQLite and passes the order on over TCP.

use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use accompanist::rusqlite::Connection;
use anyhow::Context as _;
use tokio::sync::oneshot;

use crate::bare::{self, Message};

enum Input {
    Start { order: u64, reply: oneshot::Sender<()> },
    Back(Vec<Message>),
}

/// The threads.
pub struct BareChain {
    first: Sender<Input>,
}

impl BareChain {
    /// Starts `count` of them, with their databases in `directory`; `delay` is added to each sync.
    ///
    /// # Errors
    /// Those of opening databases and sockets.
    pub fn start(directory: &Path, count: usize, delay: Duration) -> anyhow::Result<Self> {
        let label = delay.as_micros();
        let open = |number: usize| bare::open(&directory.join(format!("bare-{count}-{number}-{label}.db")));
        let (first, receiver) = channel();
        let database = open(0)?;
        if count == 1 {
            thread::spawn(move || run_first(&database, &receiver, None, delay));
            return Ok(Self { first });
        }
        let (to_second, mut from_before) = bare::pair()?;
        for number in 1..count {
            let (to_next, from_this) = bare::pair()?;
            let (database, from) = (open(number)?, std::mem::replace(&mut from_before, from_this));
            thread::spawn(move || bare::pass_on(&database, from, to_next, delay));
        }
        let back = first.clone();
        thread::spawn(move || {
            let mut reader = BufReader::new(from_before);
            while let Ok(messages) = bare::read(&mut reader) {
                if back.send(Input::Back(messages)).is_err() {
                    return;
                }
            }
        });
        thread::spawn(move || run_first(&database, &receiver, Some(to_second), delay));
        Ok(Self { first })
    }

    /// Carries out one order.
    ///
    /// # Errors
    /// Where a thread has ended.
    pub async fn run(&self, order: u64) -> anyhow::Result<()> {
        let (reply, answer) = oneshot::channel();
        self.first.send(Input::Start { order, reply }).ok().context("the first one has ended")?;
        Ok(answer.await?)
    }
}

/// What starts is committed and goes to the second one, if there is one; what comes back is answered.
fn run_first(
    database: &Connection,
    receiver: &Receiver<Input>,
    mut to_second: Option<TcpStream>,
    delay: Duration,
) -> anyhow::Result<()> {
    let mut waiting = std::collections::HashMap::new();
    while let Ok(input) = receiver.recv() {
        let mut started = Vec::new();
        for input in std::iter::once(input).chain(receiver.try_iter()) {
            match input {
                Input::Start { order, reply } => {
                    waiting.insert(order, reply);
                    started.push(order);
                }
                Input::Back(messages) => {
                    for message in messages {
                        // The benchmark may be over.
                        let _ = waiting.remove(&message.order).map(|reply| reply.send(()));
                    }
                }
            }
        }
        if started.is_empty() {
            continue;
        }
        bare::commit(database, started.iter().map(|order| (*order, 1)), delay)?;
        let mut out = Vec::new();
        for order in started {
            match to_second {
                Some(_) => bare::write(&mut out, &Message { order, amount: 1, points: None })?,
                None => _ = waiting.remove(&order).map(|reply| reply.send(())),
            }
        }
        if let Some(to_second) = &mut to_second {
            to_second.write_all(&out)?;
        }
    }
    Ok(())
}
