//! Connections: lines in, lines out, and none of them can hold up the node.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::socket::Listener;
use super::{Fault, Kind, Line, answer_line};
use crate::node::Shared;
use crate::store::Store;

/// The longest line of a request, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 64 * 1024;

/// How many connections there are at a time; a further one is told so, and closed.
const CONNECTIONS_MAX: usize = 16;

/// How long a connection may say nothing, or not take its answer.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// How long nobody is let in after that has failed, for want of file handles, say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Lets operators in until the node is gone.
pub(in crate::node) async fn run<S: Store>(shared: Weak<Shared<S>>, listener: Listener) {
    let Listener { socket, mut ended } = listener;
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            biased;
            _ = &mut ended => return,
            accepted = socket.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "an operator cannot be let in");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(node) = shared.upgrade() else { return };
        let (shared, permit) = (Weak::clone(&shared), Arc::clone(&connections).try_acquire_owned());
        node.process.spawn(async move {
            let served = match permit {
                Ok(_permit) => serve(&shared, stream).await,
                Err(_) => refuse(&shared, stream).await,
            };
            if let Err(error) = served {
                tracing::debug!(%error, "the connection with an operator has ended");
            }
        });
    }
}

async fn serve<S: Store>(shared: &Weak<Shared<S>>, stream: UnixStream) -> io::Result<()> {
    // Who asks, for the record of what operators did.
    let uid = stream.peer_cred().ok().map(|peer| peer.uid());
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let limit = LINE_BYTES_MAX as u64 + 1;
        timeout(IDLE_MAX, (&mut stream).take(limit).read_until(b'\n', &mut line)).await??;
        let is_long = line.len() > LINE_BYTES_MAX;
        if line.is_empty() {
            return Ok(());
        }
        let Some(shared) = shared.upgrade() else { return Ok(()) };
        let answer = match is_long {
            true => answer_line(&shared.name, Err(too_long())),
            false => shared.answer_admin(&line, uid).await,
        };
        drop(shared);
        write(&mut stream, &answer).await?;
        if is_long {
            return Ok(());
        }
    }
}

async fn refuse<S: Store>(shared: &Weak<Shared<S>>, stream: UnixStream) -> io::Result<()> {
    let Some(node) = shared.upgrade().map(|shared| shared.name.clone()) else { return Ok(()) };
    let message = format!("there are {CONNECTIONS_MAX} connections already; end one of them");
    write(&mut BufReader::new(stream), &answer_line(&node, Err(Fault::new(Kind::Busy, message)))).await
}

async fn write(stream: &mut BufReader<UnixStream>, answer: &Line) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    timeout(IDLE_MAX, stream.write_all(&line)).await?
}

fn too_long() -> Fault {
    Fault::new(Kind::BadRequest, format!("the line is longer than {LINE_BYTES_MAX} bytes"))
}
