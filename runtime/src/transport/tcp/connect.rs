//! From an address to a socket: the host's name is resolved, and each of its addresses is tried in turn.
//!
//! The system buffers little of what goes out. What it has taken, nothing overtakes: over a slow link a short frame would wait for megabytes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;

/// How long the name of a host may take to be resolved.
const RESOLVE_DURATION_MAX: Duration = Duration::from_secs(3);

/// How long a connection to one of its addresses may take to be made, before the greetings.
const CONNECT_DURATION_MAX: Duration = Duration::from_secs(3);

/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 16;

/// Bytes that the system may hold of what goes out; Linux doubles them for its own use.
const SEND_BUFFER_BYTES: u32 = 256 * 1024;

/// Connections that the system may hold until they are accepted.
const BACKLOG: u32 = 1024;

/// A connection to `address`, `host:port`.
pub(super) async fn connect(address: &str) -> io::Result<TcpStream> {
    let resolving = timeout(RESOLVE_DURATION_MAX, lookup_host(address));
    let addresses = resolving.await.map_err(|_| timed_out("resolving its name"))??;
    in_turn(addresses.take(ADDRESSES_MAX), async |to| socket(to)?.connect(to).await).await
}

/// Listens at `address`, `host:port`.
pub(super) async fn listen(address: &str) -> io::Result<TcpListener> {
    let addresses = lookup_host(address).await?;
    in_turn(addresses.take(ADDRESSES_MAX), async |at| {
        let socket = socket(at)?;
        // So that a node that was restarted may listen where it did; elsewhere than on Unix that would let others listen there, too.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(at)?;
        // What is accepted has the socket's options.
        socket.listen(BACKLOG)
    })
    .await
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    Ok(socket)
}

/// What `connect` makes of the first of `addresses` at which it comes to something, each in its own time.
async fn in_turn<T>(
    addresses: impl Iterator<Item = SocketAddr>,
    connect: impl AsyncFn(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "its host has no address");
    for address in addresses {
        match timeout(CONNECT_DURATION_MAX, connect(address)).await {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = timed_out("connecting"),
        }
    }
    Err(failure)
}

pub(super) fn timed_out(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("{what} took too long"))
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    /// One that leads nowhere takes no time from the next.
    #[tokio::test(start_paused = true)]
    async fn each_address_of_a_host_has_its_own_time() {
        let begun = Instant::now();
        let connected = in_turn([1, 2, 3].map(address).into_iter(), async |to: SocketAddr| match to.port() {
            1 => std::future::pending().await,
            2 => Err(io::ErrorKind::ConnectionRefused.into()),
            port => Ok(port),
        });
        assert_eq!(connected.await.expect("the third answers"), 3);
        assert_eq!(begun.elapsed(), CONNECT_DURATION_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_of_which_no_address_answers_is_given_up_in_the_end() {
        let silent = async |_| -> io::Result<()> { std::future::pending().await };
        let failure = in_turn([1, 2].map(address).into_iter(), silent).await.expect_err("none answers");
        assert_eq!(failure.kind(), io::ErrorKind::TimedOut);
        let failure = in_turn(std::iter::empty(), silent).await.expect_err("there is none");
        assert!(failure.to_string().contains("no address"));
    }
}
