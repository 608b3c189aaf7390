//! A payment provider: plain HTTP and JSON, a ledger in SQLite, and keys by which a request that is sent again is the same request. It stands for a
//! program that was there before, in whatever language: it has no part of Accompanist in it, and nothing in it is about choreographies.

mod http;
mod ledger;

use std::io::BufReader;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use serde_json::{Value, json};

use crate::http::Request;
use crate::ledger::{Answer, Charge, Ledger};

/// Charges cards, and refunds what it has charged
///
/// `POST /charge` charges a card, and `POST /refund` undoes that. Both need a header `Idempotency-Key`; what has been done for a key is done once.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where requests are taken
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7090")]
    listen: SocketAddr,
    /// The SQLite file with the cards and what was charged; made where there is none
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,
    /// The cards that a new ledger begins with (JSON)
    #[arg(long, value_name = "FILE")]
    cards: PathBuf,
    /// Ends when standard input does, and so with whoever started it
    #[arg(long)]
    end_with_stdin: bool,
}

/// A connection on which nothing comes for so long is closed.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// How long to wait before another connection is taken, after one that cannot be.
const PAUSE: Duration = Duration::from_millis(100);

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.end_with_stdin {
        std::thread::spawn(|| {
            // Nothing is read but the end; an error is one, too.
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            std::process::exit(0);
        });
    }
    let cards = std::fs::read(&arguments.cards)
        .with_context(|| format!("cannot read {}", arguments.cards.display()))
        .and_then(|text| Ok(serde_json::from_slice(&text)?))?;
    let ledger = Ledger::open(&arguments.ledger, &cards)
        .with_context(|| format!("cannot open {}", arguments.ledger.display()))?;
    let ledger = Arc::new(Mutex::new(ledger));
    let listener =
        TcpListener::bind(arguments.listen).with_context(|| format!("nothing can be taken at {}", arguments.listen))?;
    for connection in listener.incoming() {
        let ledger = Arc::clone(&ledger);
        let taken = connection.and_then(|connection| {
            // Whoever has hung up asks again with the same key.
            std::thread::Builder::new().spawn(move || drop(serve(&connection, &ledger)))
        });
        if let Err(error) = taken {
            // The one who asked has hung up, or there are too many connections. Others still end.
            eprintln!("a connection cannot be taken: {error}");
            std::thread::sleep(PAUSE);
        }
    }
    Ok(())
}

/// Answers the requests of one connection, one after the other.
fn serve(connection: &TcpStream, ledger: &Mutex<Ledger>) -> std::io::Result<()> {
    connection.set_read_timeout(Some(IDLE_MAX))?;
    connection.set_write_timeout(Some(IDLE_MAX))?;
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection);
    loop {
        let (status, body, goes_on) = match http::read(&mut reader)? {
            Some(Ok(request)) => {
                let (status, body) = answer(&request, ledger);
                (status, body, request.goes_on)
            }
            // What follows a request that cannot be read has no beginning.
            Some(Err(refused)) => (refused.status, json!({ "error": refused.why }), false),
            None => return Ok(()),
        };
        http::write(connection, status, &body, goes_on)?;
        if !goes_on {
            return Ok(());
        }
    }
}

fn answer(request: &Request, ledger: &Mutex<Ledger>) -> (u16, Value) {
    let wrong = |status, error: String| (status, json!({ "error": error }));
    if !matches!(request.path.as_str(), "/charge" | "/refund") {
        return wrong(404, format!("there is no {}; there are /charge and /refund", request.path));
    }
    if request.method != "POST" {
        return wrong(405, format!("{} takes POST", request.path));
    }
    let Some(key) = request.key.as_deref().filter(|key| !key.is_empty()) else {
        return wrong(400, "a header Idempotency-Key is needed: it says which requests are the same one".to_owned());
    };
    // A request that panicked has left the ledger as its last commit did.
    let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = if request.path == "/refund" {
        ledger.refund(key)
    } else {
        match serde_json::from_slice::<Charge>(&request.body) {
            Ok(charge) => ledger.charge(key, &charge),
            Err(error) => return wrong(400, format!("this is no charge: {error}")),
        }
    };
    match answer {
        Ok(Answer::Charged(payment)) => (200, json!(payment)),
        Ok(Answer::Refunded) => (200, Value::Null),
        Ok(Answer::Declined(reason)) => (409, json!({ "abort": reason })),
        Ok(Answer::CalledOff) => wrong(410, "this payment has been called off".to_owned()),
        Ok(Answer::OtherRequest) => wrong(400, "another request had this key".to_owned()),
        Err(error) => wrong(503, format!("the ledger fails: {error}")),
    }
}
