//! The payment program, and the role's process beside it: whatever arrives twice or late, and whichever of the two is killed, a key has one
//! effect.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use accompanist::rusqlite::Connection;
use example_support::cluster::{Launch, own_address};
use example_support::demo::{self, Kill};
use example_support::node::read_json;
use example_support::random::Random;
use webshop::audit::{Cards, audit};
use webshop::world::World;
use webshop::{PROGRAM, processes, requests};

/// What waits for an answer gives up after this time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The roles as `cargo test` has built them.
fn roles() -> BTreeMap<&'static str, Launch> {
    processes::roles_in(Path::new(env!("CARGO_BIN_EXE_webshop-client")).parent().expect("a file is in a directory"))
}

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(file)
}

/// Reads a message of HTTP, as it is; `None` where the connection ends.
fn message(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        bytes.extend_from_slice(line.as_bytes());
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    bytes.extend(body);
    Some(bytes)
}

/// Sends a request by a connection of its own; the answer, if there is one.
fn exchange(program: SocketAddr, request: &[u8]) -> Option<Vec<u8>> {
    let mut connection = TcpStream::connect(program).ok()?;
    connection.set_read_timeout(Some(PATIENCE)).ok()?;
    connection.write_all(request).ok()?;
    message(&mut BufReader::new(connection))
}

/// Sends a request until there is an answer: its status and its body.
fn ask(program: SocketAddr, operation: &str, key: &str, body: &str) -> (u16, String) {
    let request =
        format!("POST /{operation} HTTP/1.1\r\nIdempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let started = Instant::now();
    loop {
        if let Some(answer) = exchange(program, request.as_bytes()) {
            let answer = String::from_utf8(answer).expect("it is text");
            let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
            return (status, answer.split_once("\r\n\r\n").expect("a body").1.to_owned());
        }
        assert!(started.elapsed() < PATIENCE, "the program does not answer");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The program as a process, which ends with this value.
struct Program(Child);

impl Program {
    fn start(launch: &Launch) -> Self {
        let mut command = Command::new(&launch.program);
        Self(command.args(&launch.arguments).stdin(Stdio::piped()).spawn().expect("it starts"))
    }

    fn kill(&mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_key_has_one_effect_however_often_it_is_sent_and_the_program_killed() {
    let directory = tempfile::tempdir().expect("a directory");
    let cards = directory.path().join("cards.json");
    std::fs::write(&cards, r#"{"4000": {"currency": "EUR", "credit": 1000}}"#).expect("it is written");
    let address = own_address().expect("an address");
    let launch = processes::program(directory.path(), &cards, address).await.expect("it is built");
    let body = |order: usize| format!(r#"{{"order":{order},"card":"4000","amount":10,"currency":"EUR"}}"#);

    let keys = 1..=8;
    let mut program = Program::start(&launch);
    let asking = keys.clone().flat_map(|order| {
        (0..3).map(move |_| {
            std::thread::spawn(move || {
                (0..10).map(|_| ask(address, "charge", &format!("k{order}"), &body(order))).collect::<Vec<_>>()
            })
        })
    });
    let asking: Vec<_> = asking.collect();
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(40));
        program.kill();
        program = Program::start(&launch);
    }
    let answers: Vec<Vec<_>> = asking.into_iter().map(|asks| asks.join().expect("it is answered")).collect();
    for of_key in answers.chunks(3) {
        let first = of_key.iter().flatten().next().expect("there are some");
        assert!(first.0 == 200 && of_key.iter().flatten().all(|answer| answer == first), "{of_key:?}");
    }
    let state = || -> (u64, u64) {
        let ledger = Connection::open(directory.path().join(format!("{PROGRAM}.db"))).expect("the ledger");
        let sql = "SELECT credit, (SELECT count(*) FROM entry) FROM card";
        ledger.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("it can be read")
    };
    assert_eq!(state(), (1000 - 8 * 10, 8));

    // What is undone stays undone, and a key that is called off first is never charged: a request may be late, and the program killed in between.
    for key in ["k1", "k2", "late"] {
        for _ in 0..2 {
            assert_eq!(ask(address, "refund", key, r#"{"result":null}"#), (200, "null".to_owned()));
            program.kill();
            program = Program::start(&launch);
            assert_eq!(ask(address, "charge", key, &body(if key == "k2" { 2 } else { 1 })).0, 410);
        }
    }
    assert_eq!(state(), (1000 - 6 * 10, 10));
    assert_eq!(
        ask(address, "charge", "k9", &body(9).replace("4000", "4001")),
        (409, r#"{"abort":"card declined"}"#.to_owned())
    );
    assert_eq!(ask(address, "charge", "k3", &body(4)).0, 400, "the key of another request");
    assert_eq!(ask(address, "charge", "", &body(1)).0, 400, "no key");
    assert_eq!(ask(address, "capture", "k", "{}").0, 404);
    assert_eq!(state(), (1000 - 6 * 10, 10));
}

/// Stands between the role and the program: every request arrives twice, and every third one long after its connection was closed.
struct Meddler {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// How late a late request is: the role has sent it again meanwhile, or what undoes it.
const LATE: Duration = Duration::from_millis(300);

impl Meddler {
    fn start(program: SocketAddr) -> Self {
        let listener = TcpListener::bind((program.ip(), 0)).expect("a port");
        let (address, requests) = (listener.local_addr().expect("its address"), Arc::new(Mutex::new(Vec::new())));
        let (kept, count) = (Arc::clone(&requests), Arc::new(AtomicUsize::new(0)));
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (kept, count) = (Arc::clone(&kept), Arc::clone(&count));
                std::thread::spawn(move || pass_on(connection, program, &kept, &count));
            }
        });
        Self { address, requests }
    }
}

fn pass_on(connection: TcpStream, program: SocketAddr, kept: &Mutex<Vec<Vec<u8>>>, count: &AtomicUsize) {
    let mut writer = connection.try_clone().expect("it is open");
    let mut reader = BufReader::new(connection);
    while let Some(request) = message(&mut reader) {
        kept.lock().expect("nobody panics").push(request.clone());
        let twice = move || [exchange(program, &request), exchange(program, &request)];
        if count.fetch_add(1, Ordering::Relaxed) % 3 == 2 {
            std::thread::spawn(move || {
                std::thread::sleep(LATE);
                twice()
            });
            return;
        }
        // Either answer will do, and where there is none the program was killed meanwhile.
        let Some(answer) = twice().into_iter().flatten().next_back() else { return };
        if writer.write_all(&answer).is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_arrive_twice_and_late_charge_each_order_once() {
    let (mut world, cards): (World, Cards) =
        (read_json(&data("world.json")).expect("the world"), read_json(&data("cards.json")).expect("the cards"));
    let directory = tempfile::tempdir().expect("a directory");
    let (orders, carts) = requests::orders(&world, 120, &mut Random::new(5));
    world.carts = carts;
    // Many a parcel is refused, with its charge on the way.
    world.countries.values_mut().for_each(|country| country.grams_max = 3000);
    let world_file = directory.path().join("world.json");
    std::fs::write(&world_file, serde_json::to_vec(&world).expect("it is JSON")).expect("it is written");

    let address = own_address().expect("an address");
    let program = processes::program(directory.path(), &data("cards.json"), address).await.expect("it is built");
    let meddler = Meddler::start(address);
    let cluster =
        processes::start(roles(), directory.path(), &world_file, program.clone(), meddler.address).expect("they start");
    let kills = [(10, PROGRAM), (20, "payment"), (35, PROGRAM), (40, "payment"), (50, PROGRAM), (60, "payment")]
        .map(|(answers, role)| Kill { answers, role });
    let run = demo::run(cluster, orders.clone(), 8, "orders", &kills).await.expect("all are answered");

    let found = audit(directory.path(), &world, &cards, &orders, &run.outcomes).expect("it can be read");
    assert_eq!(found.differences, Vec::<String>::new());
    let work = found.work.get(PROGRAM).expect("it has worked").clone();
    assert!(work.transactions > 20 && work.compensations > 3, "{work:?}");

    // All of it once more, long after the end: it is known, and nothing moves.
    let _program = Program::start(&program);
    let requests = meddler.requests.lock().expect("nobody panics").clone();
    assert!(requests.len() as u64 > work.transactions + work.compensations, "{}", requests.len());
    for request in requests {
        let started = Instant::now();
        while exchange(address, &request).is_none() {
            assert!(started.elapsed() < PATIENCE, "the program does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let found = audit(directory.path(), &world, &cards, &orders, &run.outcomes).expect("it can be read");
    assert_eq!(found.differences, Vec::<String>::new());
    assert_eq!(found.work.get(PROGRAM), Some(&work));
}
