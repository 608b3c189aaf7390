//! A small program in the network that takes money, by HTTP: it keeps its books by idempotency key, and can be told to go wrong, killed and started again.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the provider does with a request.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    /// What it is for.
    Works,
    /// Works when so much time has passed.
    WorksLate(Duration),
    /// Answers this, and does nothing.
    Answers(&'static str, &'static str),
    /// Works, and answers this.
    WorksAndAnswers(&'static str, &'static str),
    /// Does nothing, and closes the connection.
    Closes,
    /// Works, and closes the connection.
    WorksAndCloses,
    /// Works, and never answers.
    WorksAndHangs,
    /// Works, and answers in half a sentence.
    WorksAndBreaksOff,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its first line.
    pub line: String,
    /// Its headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: Value,
}

impl Asked {
    /// What it is about.
    pub fn key(&self) -> String {
        self.headers.get("idempotency-key").cloned().unwrap_or_default()
    }

    /// The end of its path.
    pub fn operation(&self) -> &str {
        self.line.split(' ').nth(1).and_then(|path| path.rsplit('/').next()).unwrap_or_default()
    }
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The money is taken.
    Charged(u64),
    /// It was, and is given back.
    Refunded(u64),
    /// It never was, and never will be.
    Barred,
}

#[derive(Default)]
struct Books {
    entries: BTreeMap<String, Entry>,
    /// How often money was taken.
    charges: usize,
    asked: Vec<Asked>,
    connections: usize,
    does: VecDeque<Does>,
    /// Whether every request arrives twice.
    doubles: bool,
}

/// The provider. What it has in its books outlives it.
pub struct Provider {
    books: Arc<Mutex<Books>>,
    address: SocketAddr,
    task: Option<JoinHandle<()>>,
}

fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Provider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it has an address");
        let books: Arc<Mutex<Books>> = Arc::default();
        let task = tokio::spawn(serve(listener, Arc::clone(&books)));
        Self { books, address, task: Some(task) }
    }

    pub fn base(&self) -> String {
        format!("http://{}/payment", self.address)
    }

    /// Ends it, with all connections, in the middle of whatever it does.
    pub async fn kill(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            _ = task.await;
        }
    }

    pub async fn start_again(&mut self) {
        self.kill().await;
        let socket = tokio::net::TcpSocket::new_v4().expect("there are sockets");
        socket.set_reuseaddr(true).expect("it is a socket");
        socket.bind(self.address).expect("the port is free again");
        let listener = socket.listen(64).expect("it is bound");
        self.task = Some(tokio::spawn(serve(listener, Arc::clone(&self.books))));
    }

    /// What it does with the next requests; with those behind them it works.
    pub fn next(&self, does: impl IntoIterator<Item = Does>) {
        lock(&self.books).does.extend(does);
    }

    pub fn double_all(&self) {
        lock(&self.books).doubles = true;
    }

    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.books).entries.values().cloned().collect()
    }

    pub fn charges(&self) -> usize {
        lock(&self.books).charges
    }

    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.books).asked.clone()
    }

    pub fn connections(&self) -> usize {
        lock(&self.books).connections
    }
}

async fn serve(listener: TcpListener, books: Arc<Mutex<Books>>) {
    // Dropped with it, and so ended, when the provider is killed.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        lock(&books).connections += 1;
        connections.spawn(connection(stream, Arc::clone(&books)));
    }
}

async fn connection(stream: TcpStream, books: Arc<Mutex<Books>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let asked = read(&mut stream).await?;
        let does = {
            let mut books = lock(&books);
            books.asked.push(asked.clone());
            books.does.pop_front().unwrap_or(Does::Works)
        };
        match does {
            Does::Works => {
                let (status, body) = work(&books, &asked);
                write(&mut stream, status, &body).await?;
            }
            Does::WorksLate(pause) => {
                // Also where nobody waits for it any more.
                let (books, asked) = (Arc::clone(&books), asked.clone());
                let late = tokio::spawn(async move {
                    tokio::time::sleep(pause).await;
                    work(&books, &asked)
                });
                let (status, body) = late.await.ok()?;
                write(&mut stream, status, &body).await?;
            }
            Does::Answers(status, body) => write(&mut stream, status, body).await?,
            Does::WorksAndAnswers(status, body) => {
                work(&books, &asked);
                write(&mut stream, status, body).await?;
            }
            Does::Closes => return None,
            Does::WorksAndCloses => {
                work(&books, &asked);
                return None;
            }
            Does::WorksAndHangs => {
                work(&books, &asked);
                std::future::pending::<()>().await;
            }
            Does::WorksAndBreaksOff => {
                work(&books, &asked);
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n\"R-").await.ok()?;
                return None;
            }
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok().filter(|length| *length > 0)?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let body = serde_json::from_slice(&body).expect("what is sent is JSON");
    Some(Asked { line: line.trim_end().to_owned(), headers, body })
}

async fn write(stream: &mut BufReader<TcpStream>, status: &str, body: &str) -> Option<()> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    // No body is to be where there can be none.
    let answer = if status.starts_with("204") { format!("HTTP/1.1 {status}\r\n\r\n") } else { head + body };
    stream.write_all(answer.as_bytes()).await.ok()
}

/// Does what is asked for, once for its key; twice, where requests arrive twice.
fn work(books: &Mutex<Books>, asked: &Asked) -> (&'static str, String) {
    let mut books = lock(books);
    let answer = books.work(asked);
    if books.doubles {
        assert_eq!(books.work(asked), answer, "a request that arrives twice is answered the same");
    }
    answer
}

impl Books {
    fn work(&mut self, asked: &Asked) -> (&'static str, String) {
        let key = asked.key();
        let amount = asked.body.get("amount").and_then(Value::as_u64).unwrap_or_default();
        match (asked.operation(), self.entries.get(&key)) {
            ("charge", Some(Entry::Refunded(_) | Entry::Barred)) => ("410 Gone", json!({"gone": key}).to_string()),
            ("charge", None) if amount > 1_000 => ("409 Conflict", json!({"abort": "card declined"}).to_string()),
            ("charge", known) => {
                if known.is_none() {
                    self.charges += 1;
                    self.entries.insert(key, Entry::Charged(amount));
                }
                ("200 OK", json!(format!("R-{amount}")).to_string())
            }
            ("refund", known) => {
                let entry = match known {
                    Some(Entry::Charged(amount) | Entry::Refunded(amount)) => Entry::Refunded(*amount),
                    Some(Entry::Barred) | None => Entry::Barred,
                };
                self.entries.insert(key, entry);
                ("200 OK", "\"whatever\"".to_owned())
            }
            ("ping", _) => ("204 No Content", String::new()),
            ("find", _) if amount == 0 => ("200 OK", String::new()),
            ("find", _) => ("200 OK", json!({"found": [amount, 2], "by": null}).to_string()),
            (other, _) => ("404 Not Found", format!("there is no {other}")),
        }
    }
}
