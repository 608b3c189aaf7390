//! The bytes of one connection: as they are on the socket, or encrypted. Any thread may write, and never waits for it.

use std::io::{self, IoSlice};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::tls::Secured;

/// How long whoever is refused may take to hear it, and how many bytes of what it says meanwhile are passed over.
const LINGER_DURATION_MAX: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 64 * 1024;

/// A connection.
#[derive(Debug)]
pub(super) struct Stream {
    socket: TcpStream,
    secured: Option<Secured>,
}

impl Stream {
    pub(super) fn plain(socket: TcpStream) -> Self {
        Self { socket, secured: None }
    }

    #[cfg(feature = "tls")]
    pub(super) fn secured(socket: TcpStream, secured: Secured) -> Self {
        Self { socket, secured: Some(secured) }
    }

    #[cfg(test)]
    pub(super) fn into_socket(self) -> TcpStream {
        self.socket
    }

    /// Encrypted, and by whom; `None` for a plain one.
    pub(super) fn security(&self) -> Option<&Secured> {
        self.secured.as_ref()
    }

    /// Until [`Stream::try_read`] may have something, or the connection is over.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Reads what is there; 0 at the end of the connection.
    pub(super) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.secured {
            None => self.socket.try_read(buffer),
            Some(secured) => secured.try_read(&self.socket, buffer),
        }
    }

    /// Until the socket takes something.
    pub(super) async fn writable(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// Writes as much as there is room for, and says how many bytes it has taken. They are under way unless [`Stream::is_behind`].
    pub(super) fn try_write_vectored(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.secured {
            None => self.socket.try_write_vectored(bytes),
            Some(secured) => secured.try_write_vectored(&self.socket, bytes),
        }
    }

    /// See [`Stream::try_write_vectored`].
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.secured {
            None => self.socket.try_write(bytes),
            Some(secured) => secured.try_write_vectored(&self.socket, &[IoSlice::new(bytes)]),
        }
    }

    /// Some of what was taken is encrypted and not on the socket: [`Stream::flush`] goes on with it.
    pub(super) fn is_behind(&self) -> bool {
        self.secured.as_ref().is_some_and(Secured::is_behind)
    }

    /// Writes what was taken; `WouldBlock` when the socket has no room for all of it.
    pub(super) fn flush(&self) -> io::Result<()> {
        self.secured.as_ref().map_or(Ok(()), |secured| secured.flush(&self.socket))
    }

    /// Reads so many bytes, and not one more.
    pub(super) async fn read_exact(&self, buffer: &mut [u8]) -> io::Result<()> {
        let mut rest = buffer;
        while !rest.is_empty() {
            self.readable().await?;
            match self.try_read(rest) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => rest = rest.get_mut(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes all of them.
    pub(super) async fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        loop {
            let result = if rest.is_empty() { self.flush().map(|()| 0) } else { self.try_write(rest) };
            match result {
                Ok(_) if rest.is_empty() => return Ok(()),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable().await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends a connection so that what was said last arrives: closing a socket with unread bytes would take it back.
    pub(super) async fn end(self) {
        end(self.socket).await;
    }
}

/// See [`Stream::end`].
pub(super) async fn end(mut socket: TcpStream) {
    // A connection that is over already has nobody to tell.
    let _ = socket.shutdown().await;
    let pass_over = async {
        let mut bytes = vec![0; 4096];
        let mut passed = 0;
        while passed < LINGER_BYTES_MAX {
            match socket.read(&mut bytes).await {
                Ok(0) | Err(_) => return,
                Ok(count) => passed += count,
            }
        }
    };
    let _ = timeout(LINGER_DURATION_MAX, pass_over).await;
}
