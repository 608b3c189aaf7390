//! What stands between each pair of nodes: it passes bytes on, late, in one direction only, not at all, or hangs up.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// How much is passed on at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// What a connection is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// How long each chunk is held.
    pub delay: Duration,
    /// Nothing passes from the one that dials.
    pub forth_blocked: bool,
    /// Nothing passes to it.
    pub back_blocked: bool,
    /// Connections that were there at an earlier cut are gone.
    pub cuts: u64,
    /// Nobody is let through.
    pub refuses: bool,
}

/// The way from the node that dials to the one that listens.
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
}

impl Proxy {
    /// A proxy on a port of `host`, to whoever listens at `to`.
    pub async fn start(host: Ipv4Addr, to: SocketAddr) -> Self {
        let listener = TcpListener::bind((host, 0)).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let weather = watch::Sender::new(Weather::default());
        let seen = weather.subscribe();
        tokio::spawn(async move {
            while let Ok((dialed, _)) = listener.accept().await {
                tokio::spawn(join(dialed, to, seen.clone()));
            }
        });
        Self { address, weather }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it is so.
    pub fn change(&self, change: impl FnOnce(&mut Weather)) {
        self.weather.send_modify(change);
    }

    /// Everything passes at once.
    pub fn heal(&self) {
        self.change(|weather| *weather = Weather { cuts: weather.cuts, ..Weather::default() });
    }
}

async fn join(dialed: TcpStream, to: SocketAddr, mut weather: watch::Receiver<Weather>) {
    let first = *weather.borrow_and_update();
    if first.refuses {
        return;
    }
    // Whoever is down cannot be reached by way of the proxy either.
    let Ok(reached) = TcpStream::connect(to).await else { return };
    let (from_dialer, to_dialer) = dialed.into_split();
    let (from_listener, to_listener) = reached.into_split();
    let forth = pass(from_dialer, to_listener, weather.clone(), |weather| weather.forth_blocked);
    let back = pass(from_listener, to_dialer, weather.clone(), |weather| weather.back_blocked);
    tokio::select! {
        () = forth => {}
        () = back => {}
        _ = weather.wait_for(|now| now.cuts != first.cuts || now.refuses) => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
    is_blocked: impl Fn(&Weather) -> bool,
) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        let delay = weather.borrow().delay;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        if weather.wait_for(|weather| !is_blocked(weather)).await.is_err() {
            return;
        }
        if to.write_all(&chunk[..count]).await.is_err() {
            return;
        }
    }
}
