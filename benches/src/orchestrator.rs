//! The other way to join services: an orchestrator that asks one after the other, and keeps a durable record of each step. All of it is plain
//! requests and answers over TCP, an order's number a line, and a commit to SQLite wherever something must not be forgotten.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use accompanist::rusqlite::Connection;
use anyhow::Context as _;

use crate::{UPDATE, bare, row};

/// How long whoever is asked may take to listen.
const START_MAX: Duration = Duration::from_secs(30);

/// What a service has done, and what the orchestrator knows of each step, by order.
const RECORDS: &str =
    "CREATE TABLE IF NOT EXISTS record (request INTEGER, step INTEGER, PRIMARY KEY (request, step)) WITHOUT ROWID;";
const INSERT: &str = "INSERT OR IGNORE INTO record (request, step) VALUES (?1, ?2)";

/// A connection on which one side asks and the other answers.
pub struct Asked {
    reader: BufReader<TcpStream>,
}

impl Asked {
    /// Connects, as soon as somebody listens.
    ///
    /// # Errors
    /// Where nobody does for a long time.
    pub fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let started = Instant::now();
        loop {
            // By way of a proxy, a connection to nobody is made and hung up: only an answer shows that somebody is there.
            let asked = TcpStream::connect(address).map_err(anyhow::Error::from).and_then(Self::over);
            let there = asked.and_then(|mut asked| asked.ask(0).map(|_| asked));
            match there {
                Ok(asked) => return Ok(asked),
                Err(error) if started.elapsed() > START_MAX => return Err(error.context(format!("{address}"))),
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    fn over(stream: TcpStream) -> anyhow::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// Where the other side is gone.
    pub fn ask(&mut self, order: u64) -> anyhow::Result<u64> {
        self.say(order)?;
        self.hear()?.context("the other side has hung up")
    }

    fn say(&mut self, order: u64) -> anyhow::Result<()> {
        Ok(self.reader.get_mut().write_all(format!("{order}\n").as_bytes())?)
    }

    fn hear(&mut self) -> anyhow::Result<Option<u64>> {
        let mut line = String::new();
        Ok(if self.reader.read_line(&mut line)? > 0 { Some(line.trim().parse()?) } else { None })
    }
}

/// Answers with what `answer` says, one connection after the other. Order 0 asks whether somebody is there.
fn serve(listen: SocketAddr, mut answer: impl FnMut(u64) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen)?;
    loop {
        let mut asked = Asked::over(listener.accept()?.0)?;
        while let Ok(Some(order)) = asked.hear() {
            if order > 0 {
                answer(order)?;
            }
            asked.say(order)?;
        }
    }
}

fn open(database: &Path) -> anyhow::Result<Connection> {
    let database = bare::open(database)?;
    database.execute_batch(RECORDS)?;
    Ok(database)
}

/// A service: the same transaction as in a choreography, and in the same commit that it is done, for whoever asks twice.
///
/// # Errors
/// Those of sockets and the database.
pub fn run_service(database: &Path, listen: SocketAddr) -> anyhow::Result<()> {
    let database = open(database)?;
    serve(listen, |order| {
        database.execute_batch("BEGIN IMMEDIATE")?;
        if database.prepare_cached(INSERT)?.execute((order, 0))? > 0 {
            database.prepare_cached(UPDATE)?.execute((row(order), 1))?;
        }
        Ok(database.execute_batch("COMMIT")?)
    })
}

/// The orchestrator: that an order has come in is durable before the first service is asked, and each step before the next one.
///
/// # Errors
/// Those of sockets and the database.
pub fn run_orchestrator(database: &Path, listen: SocketAddr, services: &[SocketAddr]) -> anyhow::Result<()> {
    let database = open(database)?;
    let mut services = services.iter().copied().map(Asked::connect).collect::<anyhow::Result<Vec<_>>>()?;
    serve(listen, |order| {
        database.prepare_cached(INSERT)?.execute((order, 0))?;
        for (step, service) in (1..).zip(&mut services) {
            service.ask(order)?;
            database.prepare_cached(INSERT)?.execute((order, step))?;
        }
        Ok(())
    })
}
