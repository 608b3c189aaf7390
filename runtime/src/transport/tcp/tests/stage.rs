//! Nodes that are listened to, and peers that are played by hand, with TLS and without.

use super::*;
use crate::transport::tcp::outgoing::Outgoing;
use crate::transport::tcp::pieces::{Announced, Assembly};
use crate::transport::tcp::stream::Stream;

/// Longer than anything here takes; a test that waits for it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Connected(String),
    Frame(String, Vec<u8>),
    Room(String),
    Refused(String),
}

/// Tells a test what happens to a node.
pub(crate) struct Ear(pub(crate) UnboundedSender<Event>);

impl Inbound for Ear {
    fn frame(&self, from: &str, frame: &[u8]) {
        let _ = self.0.send(Event::Frame(from.to_owned(), frame.to_vec()));
    }

    fn connected(&self, node: &str) {
        let _ = self.0.send(Event::Connected(node.to_owned()));
    }

    fn room(&self, node: &str) {
        let _ = self.0.send(Event::Room(node.to_owned()));
    }

    fn refused(&self, reason: &str) {
        let _ = self.0.send(Event::Refused(reason.to_owned()));
    }
}

/// How nodes speak to each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Over {
    Plain,
    #[cfg(feature = "tls")]
    Tls,
}

/// What holds without TLS holds with it.
pub(crate) fn everyhow() -> Vec<Over> {
    vec![
        Over::Plain,
        #[cfg(feature = "tls")]
        Over::Tls,
    ]
}

impl Over {
    pub(crate) fn tcp(self, tcp: Tcp, _node: &str) -> Tcp {
        match self {
            Self::Plain => tcp,
            #[cfg(feature = "tls")]
            Self::Tls => tcp.with_tls(super::authority::everybodys().tls(_node)),
        }
    }

    /// The stream of `node`, which has dialed `peer`.
    pub(crate) async fn dialed(self, socket: TcpStream, _node: &str, _peer: &str) -> Stream {
        match self {
            Self::Plain => Stream::plain(socket),
            #[cfg(feature = "tls")]
            Self::Tls => {
                // A name that no node can have is not in a certificate either.
                let node = if _node.len() > 255 { "a" } else { _node };
                let identity = Identity::open(super::authority::everybodys().tls(node), node).await.unwrap();
                identity.connect(socket, _peer).await.unwrap()
            }
        }
    }

    /// The stream of `node`, which was dialed.
    pub(crate) async fn answered(self, socket: TcpStream, _node: &str) -> Stream {
        match self {
            Self::Plain => Stream::plain(socket),
            #[cfg(feature = "tls")]
            Self::Tls => {
                let identity = Identity::open(super::authority::everybodys().tls(_node), _node).await.unwrap();
                identity.accept(socket).await.unwrap()
            }
        }
    }
}

/// Two ends of a connection: one that is read by hand, and one with what goes out over it, of which at most so many bytes wait.
pub(crate) async fn ends(over: Over, bytes_max: usize) -> (Stream, Arc<Stream>, Arc<Outgoing>) {
    let listener = TcpListener::bind(anywhere()).await.unwrap();
    let dialing = over.dialed(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap(), "a", "b");
    let answering = over.answered(listener.accept().await.unwrap().0, "b");
    let (reader, writer) = tokio::join!(dialing, answering);
    let (outgoing, writer) = (Arc::new(Outgoing::new(bytes_max)), Arc::new(writer));
    outgoing.open(Arc::clone(&writer));
    (reader, writer, outgoing)
}

pub(crate) struct Node {
    pub(crate) link: TcpLink,
    pub(crate) address: SocketAddr,
    pub(crate) events: UnboundedReceiver<Event>,
}

impl Node {
    /// Starts `name` at `address`, which another one may just be leaving.
    pub(crate) async fn start(over: Over, name: &str, address: SocketAddr, peers: &[(&str, SocketAddr)]) -> Self {
        Self::start_by(name, address, peers, |tcp| over.tcp(tcp, name)).await
    }

    pub(crate) async fn start_by(
        name: &str,
        address: SocketAddr,
        peers: &[(&str, SocketAddr)],
        by: impl FnOnce(Tcp) -> Tcp,
    ) -> Self {
        let bind = async {
            loop {
                match Tcp::bind(address).await {
                    Ok(tcp) => break tcp,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        let tcp = by(timeout(PATIENCE, bind).await.unwrap().with_peers(peers.iter().copied()));
        let address = tcp.local_address().unwrap();
        let (sender, events) = unbounded_channel();
        let link = tcp.start(name, Arc::new(Ear(sender))).await.unwrap();
        Self { link, address, events }
    }

    pub(crate) async fn next(&mut self) -> Event {
        timeout(PATIENCE, self.events.recv()).await.expect("an event").unwrap()
    }

    pub(crate) async fn connected(&mut self, peer: &str) {
        assert_eq!(self.next().await, Event::Connected(peer.to_owned()));
    }

    pub(crate) async fn hears(&mut self, peer: &str, frame: &[u8]) {
        assert_eq!(self.next().await, Event::Frame(peer.to_owned(), frame.to_vec()));
    }

    /// Why the next connection is refused.
    pub(crate) async fn refuses(&mut self) -> String {
        match self.next().await {
            Event::Refused(reason) => reason,
            other => unreachable!("{other:?} instead of a refusal"),
        }
    }
}

pub(crate) fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// Nodes `a` and `b` that are connected; `a` dials.
pub(crate) async fn pair(over: Over) -> (Node, Node) {
    // `b` accepts and needs no address of `a`'s.
    let mut b = Node::start(over, "b", anywhere(), &[("a", anywhere())]).await;
    let mut a = Node::start(over, "a", anywhere(), &[("b", b.address)]).await;
    a.connected("b").await;
    b.connected("a").await;
    (a, b)
}

pub(crate) fn hello(node: &str, peer: &str, connection: u64) -> Hello {
    let epoch = Epoch { process: 1, connection };
    Hello { node: node.to_owned(), peer: peer.to_owned(), epoch, clock_ms: clock_ms(), greeting: Vec::new() }
}

/// Dials by hand, and says what the answer is. What answers has its certificate, whomever it is taken for.
pub(crate) async fn dial(over: Over, to: (&str, SocketAddr), hello: &Hello) -> (Stream, Reply) {
    let socket = TcpStream::connect(to.1).await.unwrap();
    let stream = over.dialed(socket, &hello.node, to.0).await;
    wire::greet(&stream, hello).await.unwrap();
    let reply = timeout(PATIENCE, wire::greeting(&stream, wire::ANSWER_BYTES_MAX)).await.unwrap().unwrap();
    if let Reply::Welcome { .. } = reply {
        wire::greet(&stream, &Verdict::Admitted).await.unwrap();
    }
    (stream, reply)
}

/// Answers by hand.
pub(crate) async fn welcome(stream: &Stream, node: &str) {
    let welcome = Reply::Welcome { node: node.to_owned(), clock_ms: clock_ms(), greeting: Vec::new() };
    wire::greet(stream, &welcome).await.unwrap();
}

pub(crate) async fn closes(stream: Stream) {
    let end = async {
        let mut rest = [0; 4096];
        // An end or a reset: both close.
        while stream.read_exact(&mut rest).await.is_ok() {}
    };
    timeout(PATIENCE, end).await.expect("the end of the connection");
}

pub(crate) fn framed(frame: &[u8]) -> Vec<u8> {
    [&(frame.len() as u32).to_le_bytes()[..], frame].concat()
}

/// The next frame on a connection, past heartbeats. Of a long one that is sent while others are: see [`Reader`].
pub(crate) async fn next_frame(stream: &Stream) -> Vec<u8> {
    Reader::default().next_frame(stream).await
}

/// Reads frames, of which long ones come in pieces.
#[derive(Default)]
pub(crate) struct Reader(Assembly);

impl Reader {
    pub(crate) async fn next_frame(&mut self, stream: &Stream) -> Vec<u8> {
        loop {
            let mut length = [0; 4];
            stream.read_exact(&mut length).await.unwrap();
            let announced = Announced::read(length).unwrap();
            let length = match announced {
                Announced::Heartbeat => 8,
                Announced::Frame(length) | Announced::Piece { length, .. } => length,
            };
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            let frame = match announced {
                Announced::Heartbeat => None,
                Announced::Frame(_) => Some(body),
                Announced::Piece { is_last, .. } => self.0.add(&body, is_last, clock_ms(), 0).unwrap(),
            };
            if let Some(frame) = frame {
                return frame;
            }
        }
    }
}
