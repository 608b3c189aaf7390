//! A connection that is encrypted. Whoever reads and whoever writes share its state, each for a moment and never while waiting.

use std::io::{self, IoSlice, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::Connection;
use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;

use super::names::Names;
use super::words;
use crate::transport::tcp::wire::{self, invalid};

/// Bytes that are read from the socket at once.
const RECEIVED_BYTES: usize = 64 * 1024;

/// See the module.
#[derive(Debug)]
pub(in crate::transport::tcp) struct Secured {
    state: Mutex<State>,
    /// The nodes that the peer's certificate names.
    names: Names,
}

#[derive(Debug)]
struct State {
    connection: Connection,
    received: Received,
}

/// How a handshake ended that did not succeed.
pub(super) enum Unshaken {
    /// The other side does not speak TLS. Nothing of what it says has been taken from the socket.
    Plain,
    Failed(io::Error),
}

impl From<io::Error> for Unshaken {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Secured {
    /// Does the handshake of a new connection, by which both sides present and verify their certificates.
    pub(super) async fn shake_hands(socket: &TcpStream, mut connection: Connection) -> Result<Self, Unshaken> {
        let mut received = Received::default();
        let mut has_heard = false;
        loop {
            while connection.wants_write() {
                match connection.write_tls(&mut Socket(socket)) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.writable().await?,
                    Err(error) => return Err(error.into()),
                }
            }
            if !connection.is_handshaking() {
                break;
            }
            socket.readable().await?;
            if !has_heard {
                let mut first = [0];
                match socket.peek(&mut first).await? {
                    0 => return Err(ended().into()),
                    _ if wire::is_tls(first) => has_heard = true,
                    _ => return Err(Unshaken::Plain),
                }
            }
            match received.fill(socket) {
                Ok(0) => return Err(ended().into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            }
            while connection.is_handshaking() && !received.is_empty() {
                connection.read_tls(&mut received)?;
                process(&mut connection, socket)?;
            }
        }
        let names = match connection.peer_certificates().and_then(<[CertificateDer<'_>]>::first) {
            Some(certificate) => Names::of(certificate).map_err(|error| invalid(words::of_peer(&error)))?,
            None => return Err(invalid(words::of_peer(&rustls::Error::NoCertificatesPresented)).into()),
        };
        Ok(Self { state: Mutex::new(State { connection, received }), names })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong with the peer's certificate as that of `node`.
    pub(in crate::transport::tcp) fn objection_to(&self, node: &str) -> Option<String> {
        self.names.objection_to(node).map(|objection| format!("its certificate {objection}"))
    }

    /// Reads what is there; 0 at the end of the connection. It asks the socket only when it has nothing left of what it has read before, so the
    /// socket counts as readable until there is nothing more to read here either.
    pub(in crate::transport::tcp) fn try_read(&self, socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        let State { connection, received } = &mut *state;
        loop {
            match connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            // The end of the socket is that of the connection, as it is without TLS: no frame is taken before it is whole.
            if received.is_empty() && received.fill(socket)? == 0 {
                return Ok(0);
            }
            connection.read_tls(received)?;
            process(connection, socket)?;
        }
    }

    /// Encrypts as much as there is room for, writes what the socket takes of it, and says how many bytes were taken.
    pub(in crate::transport::tcp) fn try_write_vectored(
        &self,
        socket: &TcpStream,
        bytes: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        let mut state = self.state();
        flush(&mut state.connection, socket)?;
        let count = state.connection.writer().write_vectored(bytes)?;
        match flush(&mut state.connection, socket) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(count),
        }
    }

    /// Whether something is encrypted and not on the socket.
    pub(in crate::transport::tcp) fn is_behind(&self) -> bool {
        self.state().connection.wants_write()
    }

    /// Writes what is encrypted; `WouldBlock` when the socket has no room for all of it.
    pub(in crate::transport::tcp) fn flush(&self, socket: &TcpStream) -> io::Result<()> {
        flush(&mut self.state().connection, socket)
    }
}

fn flush(connection: &mut Connection, socket: &TcpStream) -> io::Result<()> {
    while connection.wants_write() {
        connection.write_tls(&mut Socket(socket))?;
    }
    Ok(())
}

/// Takes what was read. An error has been told to the peer, as far as TLS has a word for it.
fn process(connection: &mut Connection, socket: &TcpStream) -> io::Result<()> {
    match connection.process_new_packets() {
        Ok(_) => Ok(()),
        Err(error) => {
            // Where the socket does not take that at once, the peer is told by the end of the connection.
            let _ = flush(connection, socket);
            Err(match error {
                rustls::Error::AlertReceived(_) => {
                    io::Error::new(io::ErrorKind::ConnectionRefused, words::of_peer(&error))
                }
                other => invalid(words::of_peer(&other)),
            })
        }
    }
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it ended the connection in the middle of the TLS handshake")
}

/// A socket that does not wait.
struct Socket<'a>(&'a TcpStream);

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes that were read from the socket, and not decrypted.
#[derive(Debug, Default)]
struct Received {
    bytes: Vec<u8>,
    begin: usize,
    end: usize,
}

impl Received {
    fn is_empty(&self) -> bool {
        self.begin == self.end
    }

    /// Reads what the socket has; 0 at its end. All that was there before must have been taken.
    fn fill(&mut self, socket: &TcpStream) -> io::Result<usize> {
        (self.begin, self.end) = (0, 0);
        self.bytes.resize(RECEIVED_BYTES, 0);
        self.end = socket.try_read(&mut self.bytes)?;
        Ok(self.end)
    }
}

impl Read for Received {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.get(self.begin..self.end).unwrap_or_default().read(buffer)?;
        self.begin += count;
        Ok(count)
    }
}
