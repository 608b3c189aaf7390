//! How long a frame takes there and back over TCP on this machine, beside a bare blocking loop over a socket; with the feature `tls`, also encrypted.
//!
//! `cargo bench -p accompanist --bench transport [--features tls] [-- <round trips>]`

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark stops at what it does not expect")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use accompanist::transport::{Inbound, Link as _, Tcp, TcpLink, Transport as _};

const FRAME: [u8; 200] = [42; 200];

fn main() {
    let count = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(20_000);
    for _ in 0..2 {
        bare(count);
        transport("transport", count, |tcp, _| tcp);
        #[cfg(feature = "tls")]
        {
            let authority = Authority::new();
            transport("TLS", count, |tcp, node| tcp.with_tls(authority.tls(node)));
        }
    }
}

/// Issues the nodes' certificates.
#[cfg(feature = "tls")]
struct Authority(rcgen::CertifiedIssuer<'static, rcgen::KeyPair>);

#[cfg(feature = "tls")]
impl Authority {
    fn new() -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap())
    }

    fn tls(&self, node: &str) -> accompanist::transport::Tls {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new([node.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        accompanist::transport::Tls::pem(certificate.pem(), key.serialize_pem(), self.0.pem())
    }
}

fn bare(count: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let echo = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut frame = FRAME;
        while stream.read_exact(&mut frame).is_ok() {
            stream.write_all(&frame).unwrap();
        }
    });
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut frame = FRAME;
    let times = (0..count).map(|_| {
        let begin = Instant::now();
        stream.write_all(&frame).unwrap();
        stream.read_exact(&mut frame).unwrap();
        begin.elapsed()
    });
    report("bare blocking loop: there and back", times.collect());
    drop(stream);
    echo.join().unwrap();
}

/// Sends each frame back from the task that reads it, as a node whose answer needs no commit does.
struct Echo(Arc<OnceLock<TcpLink>>);

impl Inbound for Echo {
    fn frame(&self, from: &str, frame: &[u8]) {
        self.0.get().unwrap().send(from, frame);
    }

    fn connected(&self, _: &str) {}
}

struct Collect(Sender<()>);

impl Inbound for Collect {
    fn frame(&self, _: &str, _: &[u8]) {
        self.0.send(()).unwrap();
    }

    fn connected(&self, _: &str) {
        self.0.send(()).unwrap();
    }
}

/// The sender is a thread outside of the runtime, as the one that commits is.
fn transport(what: &str, count: usize, over: impl Fn(Tcp, &str) -> Tcp) {
    let runtimes =
        [(); 2].map(|()| tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());
    let a = runtimes[0].block_on(Tcp::bind("127.0.0.1:0")).unwrap();
    let b = runtimes[1].block_on(Tcp::bind("127.0.0.1:0")).unwrap();
    let (a_address, b_address) = (a.local_address().unwrap(), b.local_address().unwrap());
    let (sender, receiver) = channel();
    let (a, b) = (over(a, "a"), over(b, "b"));
    let link = Arc::new(OnceLock::new());
    let echo = Echo(Arc::clone(&link));
    let b = runtimes[1].block_on(b.with_peers([("a", a_address)]).start("b", Arc::new(echo))).unwrap();
    assert!(link.set(b).is_ok());
    let a = runtimes[0].block_on(a.with_peers([("b", b_address)]).start("a", Arc::new(Collect(sender)))).unwrap();
    receiver.recv().unwrap();
    let times = (0..count).map(|_| {
        let begin = Instant::now();
        a.send("b", &FRAME);
        receiver.recv().unwrap();
        begin.elapsed()
    });
    report(&format!("{what}: there and back"), times.collect());
    let begin = Instant::now();
    let mut sends = Vec::new();
    for _ in 0..count {
        let begin = Instant::now();
        a.send("b", &FRAME);
        sends.push(begin.elapsed());
    }
    let dropped = a.dropped_frames("b") as usize;
    (0..count - dropped).for_each(|_| receiver.recv_timeout(Duration::from_secs(10)).unwrap());
    let per_second = (count - dropped) as f64 / begin.elapsed().as_secs_f64();
    report(&format!("{what}: one call of send, many in a row"), sends);
    println!("{:<42} {per_second:>8.0} frames per second there and back", format!("{what}: as many as go"));
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6;
    println!("{what:<42} p50 {:>7.1} us   p99 {:>7.1} us", at(50), at(99));
}
