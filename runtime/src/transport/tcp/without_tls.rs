//! What stands for TLS where the feature `tls` is off: types without a value, so that everything else is written once.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::sync::Arc;

use tokio::net::TcpStream;

use super::stream::Stream;

/// What a node shows to others, and whom it believes: there is no such thing.
#[derive(Clone, Debug)]
pub(super) struct Tls(Infallible);

#[derive(Debug)]
pub(super) struct Identity(Infallible);

#[derive(Debug)]
pub(super) struct Secured(Infallible);

impl Identity {
    pub(super) async fn open(tls: Tls, _node: &str) -> io::Result<Arc<Self>> {
        match tls.0 {}
    }

    pub(super) async fn accept(self: &Arc<Self>, _socket: TcpStream) -> io::Result<Stream> {
        match self.0 {}
    }

    pub(super) async fn connect(self: &Arc<Self>, _socket: TcpStream, _peer: &str) -> io::Result<Stream> {
        match self.0 {}
    }
}

impl Secured {
    pub(super) fn objection_to(&self, _node: &str) -> Option<String> {
        match self.0 {}
    }

    pub(super) fn is_behind(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn try_read(&self, _socket: &TcpStream, _buffer: &mut [u8]) -> io::Result<usize> {
        match self.0 {}
    }

    pub(super) fn try_write_vectored(&self, _socket: &TcpStream, _bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.0 {}
    }

    pub(super) fn flush(&self, _socket: &TcpStream) -> io::Result<()> {
        match self.0 {}
    }
}
