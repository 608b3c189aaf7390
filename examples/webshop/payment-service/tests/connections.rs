//! More connections than the program may have: it goes on, and takes others when there is room again.
#![cfg(unix)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// So many files and connections may the program have open.
const FILES_MAX: usize = 40;
const PATIENCE: Duration = Duration::from_secs(60);

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended by itself where this fails, and a test has said so.
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Asks for what is not there, over a connection of its own: 404, where the program runs.
fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(Duration::from_secs(1)))?;
    connection.write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

fn until_it_answers(address: SocketAddr) {
    let began = Instant::now();
    while !ask(address).is_ok_and(|answer| answer.starts_with("HTTP/1.1 404")) {
        assert!(began.elapsed() < PATIENCE, "the program does not answer");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn too_many_connections_do_not_end_the_program() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("connections-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("cards.json"), "{}").expect("a file");
    // Free now; nobody else asks for it before the program does.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let limited =
        format!("ulimit -n {FILES_MAX}; exec \"$0\" --listen {address} --ledger ledger.db --cards cards.json");
    let mut command = Command::new("sh");
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_payment-service")]);
    let program = command.current_dir(&folder).stdin(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut program = Program(program.expect("there is a shell"));
    until_it_answers(address);

    let crowd: Vec<_> = (0..2 * FILES_MAX).filter_map(|_| TcpStream::connect(address).ok()).collect();
    assert!(ask(address).is_err(), "there is no room for another one");
    assert!(program.0.try_wait().expect("it is a child").is_none(), "the program has ended");
    drop(crowd);
    until_it_answers(address);
    drop(program);
    std::fs::remove_dir_all(&folder).expect("it is there");
}
