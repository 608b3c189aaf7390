//! Tests of TLS over real sockets: who is refused, why, and that everybody else goes on.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at what it does not expect")]

mod files;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

use super::super::outgoing::Outgoing;
use super::super::peer::{Caller, Peer};
use super::super::tests::authority::{Authority, Papers, dns, everybodys, expired, uri};
use super::super::tests::stage::{Ear, Event, Node, Over, PATIENCE, anywhere, closes, hello, pair};
use super::super::wire::HANDSHAKE_DURATION_MAX;
use super::*;
use crate::transport::Link as _;

/// Each connection takes the place of those before.
static DIALED: AtomicU64 = AtomicU64::new(1);

const B: [(&str, &str); 1] = [("a", "127.0.0.1:9")];

/// Node `b`, which `a` dials.
async fn b() -> Node {
    b_with(everybodys().tls("b")).await
}

async fn b_with(tls: Tls) -> Node {
    let peers: Vec<_> = B.iter().map(|(name, address)| (*name, address.parse().unwrap())).collect();
    Node::start_by("b", anywhere(), &peers, |tcp| tcp.with_tls(tls)).await
}

/// A dialer that is played by hand: `Ok` when `b` at this address welcomes it.
async fn dials(to: SocketAddr, identity: &Arc<Identity>, as_node: &str) -> Result<Stream, String> {
    let dial = async {
        let stream = identity.connect(TcpStream::connect(to).await?, "b").await?;
        let _ = wire::greet(&stream, &hello(as_node, "b", DIALED.fetch_add(1, Ordering::Relaxed))).await;
        match wire::greeting(&stream, wire::ANSWER_BYTES_MAX).await? {
            Reply::Welcome { .. } => {
                wire::greet(&stream, &wire::Verdict::Admitted).await?;
                Ok(stream)
            }
            Reply::Refused { reason, .. } => Err(peer::refused(&reason)),
        }
    };
    timeout(PATIENCE, dial).await.unwrap().map_err(|error| error.to_string())
}

async fn identity(tls: Tls, node: &str) -> Arc<Identity> {
    Identity::open(tls, node).await.unwrap()
}

/// Dials as `a` with whatever papers, or none: for what a node would not start with.
async fn dials_by_hand(to: SocketAddr, papers: Option<&Papers>) -> Result<(), String> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let roots = material::authorities(&Source::Bytes { name: "", pem: everybodys().pem().as_bytes().into() }).unwrap();
    let verifier = Arc::new(Verifier { roots: Arc::new(roots), algorithms, node: None });
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]).unwrap();
    let config = config.dangerous().with_custom_certificate_verifier(verifier);
    let config = match papers {
        None => config.with_no_client_auth(),
        Some(papers) => config.with_client_auth_cert(chain(papers), key(papers)).unwrap(),
    };
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(SERVER_NAME).unwrap()).unwrap();
    let socket = TcpStream::connect(to).await.unwrap();
    let talk = async {
        let secured = Secured::shake_hands(&socket, connection.into()).await;
        let stream = Stream::secured(socket, secured.unwrap_or_else(|_| unreachable!("it is not refused so early")));
        let _ = wire::greet(&stream, &hello("a", "b", DIALED.fetch_add(1, Ordering::Relaxed))).await;
        wire::greeting::<Reply>(&stream, wire::ANSWER_BYTES_MAX).await
    };
    timeout(PATIENCE, talk).await.unwrap().map(|_| ()).map_err(|error| error.to_string())
}

fn chain(papers: &Papers) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(papers.certificate.as_bytes()).map(Result::unwrap).collect()
}

fn key(papers: &Papers) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(papers.key.as_bytes()).unwrap()
}

/// What becomes of a call of node `a`, which has `tls` or none, to what should be node `b`.
async fn calls(to: SocketAddr, tls: Option<Tls>) -> io::Error {
    let identity = match tls {
        Some(tls) => Some(identity(tls, "a").await),
        None => None,
    };
    let caller = Caller { node: "a".to_owned(), process: 1, identity };
    let peer = Peer { name: "b".to_owned(), address: to.to_string(), outgoing: Outgoing::new(1) };
    timeout(PATIENCE, caller.call(&peer, 1, &Ear(unbounded_channel().0))).await.unwrap().unwrap_err()
}

fn assert_says(said: &str, expected: &str) {
    assert!(said.contains(expected), "{said:?} instead of {expected:?}");
}

/// That a node has not noticed any of it: another one is welcome.
async fn still_welcomes(b: &mut Node) {
    let a = identity(everybodys().tls("a"), "a").await;
    let stream = dials(b.address, &a, "a").await.unwrap();
    b.connected("a").await;
    stream.write_all(b"\x05\0\0\0hello").await.unwrap();
    b.hears("a", b"hello").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_on_the_way_reads_what_nodes_say() {
    let mut b = b().await;
    let between = TcpListener::bind(anywhere()).await.unwrap();
    let between_address = between.local_addr().unwrap();
    let to = b.address;
    let listening = tokio::spawn(async move {
        let (mut one, mut other) = (between.accept().await.unwrap().0, TcpStream::connect(to).await.unwrap());
        let mut heard = Vec::new();
        let (mut forth, mut back) = ([0; 4096], [0; 4096]);
        loop {
            tokio::select! {
                count = one.read(&mut forth) => match count {
                    Ok(0) | Err(_) => return heard,
                    Ok(count) => {
                        heard.extend_from_slice(&forth[..count]);
                        other.write_all(&forth[..count]).await.unwrap();
                    }
                },
                count = other.read(&mut back) => match count {
                    Ok(0) | Err(_) => return heard,
                    Ok(count) => {
                        heard.extend_from_slice(&back[..count]);
                        one.write_all(&back[..count]).await.unwrap();
                    }
                },
            }
        }
    });
    let peers = [("b", between_address)];
    let mut a = Node::start_by("a", anywhere(), &peers, |tcp| tcp.with_tls(everybodys().tls("a"))).await;
    a.connected("b").await;
    b.connected("a").await;
    a.link.send("b", b"a secret word");
    b.hears("a", b"a secret word").await;
    b.link.send("a", b"another secret word");
    a.hears("b", b"another secret word").await;
    drop(a);
    let heard = timeout(PATIENCE, listening).await.unwrap().unwrap();
    assert!(heard.len() > 1_000 && wire::is_tls([heard[0]]), "the handshake at least");
    for word in [b"secret".as_slice(), b"ACCOMPAN", b"127.0.0.1"] {
        assert!(!heard.windows(word.len()).any(|window| window == word), "{}", String::from_utf8_lossy(word));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_an_authority_that_is_not_trusted_is_refused() {
    let mut b = b().await;
    let others = Authority::new("others'");
    let papers = others.papers(&[dns("a")], |_| {});
    let stranger = Tls::pem(&papers.certificate, &papers.key, everybodys().pem());
    let said = dials(b.address, &identity(stranger.clone(), "a").await, "a").await.unwrap_err();
    assert_says(&said, "refused by TLS: it does not trust the authority that has issued the certificate of this node");
    assert_says(&b.refuses().await, "its certificate is not issued by an authority that this node trusts");
    still_welcomes(&mut b).await;
    // The same where the node that is dialed is the stranger: it is refused before it hears a word.
    let papers = others.papers(&[dns("b")], |_| {});
    let mut b = b_with(Tls::pem(&papers.certificate, &papers.key, everybodys().pem())).await;
    let error = calls(b.address, Some(everybodys().tls("a"))).await;
    assert_says(&error.to_string(), "its certificate is not issued by an authority that this node trusts");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_says(&b.refuses().await, "refused by TLS: it does not trust the authority");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_certificate_of_another_node_is_refused_and_told_why() {
    let mut b = b().await;
    let c = identity(everybodys().tls("c"), "c").await;
    let said = dials(b.address, &c, "a").await.unwrap_err();
    let expected = "its certificate names `c`, and not the node `a`: it needs the subject alternative name `DNS:a`";
    assert_says(&said, expected);
    assert_says(&b.refuses().await, expected);
    // It is not a peer in its own name either.
    assert_says(&dials(b.address, &c, "c").await.unwrap_err(), "node `c` is not among the peers");
    assert_says(&b.refuses().await, "node `c` is not among the peers");
    still_welcomes(&mut b).await;
    // And where it is dialed.
    let listener = TcpListener::bind(anywhere()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let answering = tokio::spawn(async move { c.accept(listener.accept().await.unwrap().0).await.map(|_| ()) });
    let error = calls(address, Some(everybodys().tls("a"))).await;
    assert_says(&error.to_string(), "its certificate names `c`, and not the node `b`");
    let said = timeout(PATIENCE, answering).await.unwrap().unwrap().unwrap_err().to_string();
    assert_says(&said, "refused by TLS: it does not accept the certificate of this node");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_certificate_or_one_that_is_not_valid_is_refused() {
    let mut b = b().await;
    let said = dials_by_hand(b.address, None).await.unwrap_err();
    assert_says(&said, "it got no certificate of this node");
    assert_says(&b.refuses().await, "it presents no certificate: every node needs one of its own");

    type Change = fn(&mut CertificateParams);
    let early: Change = |params| params.not_before = rcgen::date_time_ymd(2400, 1, 1);
    let one_way: Change = |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let cases: [(Change, &str, &str); 3] = [
        (expired, "has expired, or is not valid yet", "its certificate expired on 2"),
        (early, "has expired, or is not valid yet", "its certificate is not valid before 2400-01-01T00:00:00Z"),
        (one_way, "may not be used for this", "its certificate may not be used for client authentication"),
    ];
    for (change, to_dialer, to_node) in cases {
        let papers = everybodys().papers(&[dns("a")], change);
        assert_says(&dials_by_hand(b.address, Some(&papers)).await.unwrap_err(), to_dialer);
        assert_says(&b.refuses().await, to_node);
    }
    still_welcomes(&mut b).await;

    // The same where a node that is dialed presents it.
    let listener = TcpListener::bind(anywhere()).await.unwrap();
    let papers = everybodys().papers(&[dns("b")], expired);
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain(&papers), key(&papers))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let answering = tokio::spawn(async move {
        let connection = ServerConnection::new(Arc::new(server)).unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        Secured::shake_hands(&socket, connection.into()).await.is_ok()
    });
    let error = calls(address, Some(everybodys().tls("a"))).await;
    assert_says(&error.to_string(), "its certificate expired on 2");
    assert!(!timeout(PATIENCE, answering).await.unwrap().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_tls_and_one_with_it_tell_each_other_so() {
    let mut b = b().await;
    let error = calls(b.address, None).await;
    assert_says(&error.to_string(), "refused: node `b` speaks TLS, and `a` does not");
    assert_says(&b.refuses().await, "node `b` speaks TLS, and `a` does not");
    still_welcomes(&mut b).await;

    let (_a, mut plain) = pair(Over::Plain).await;
    let error = calls(plain.address, Some(everybodys().tls("a"))).await;
    assert_says(&error.to_string(), "refused: it speaks TLS, and this node does not");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert_says(&plain.refuses().await, "it speaks TLS, and this node does not");

    // Programs that know nothing of accompanist: what they say first is all there is to tell by.
    let cases: [(&[u8], Option<Tls>, &str); 3] = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Some(everybodys().tls("a")), "it does not speak TLS, and this node does"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", None, "it does not speak the protocol of accompanist"),
        (&[0x15, 3, 3, 0, 2, 2, 10], None, "it speaks TLS, and this node does not"),
    ];
    for (answer, tls, expected) in cases {
        let listener = TcpListener::bind(anywhere()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let answering = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(answer).await.unwrap();
            stream::end(socket).await;
        });
        let error = calls(address, tls).await;
        assert_says(&error.to_string(), expected);
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "which counts as a refusal");
        timeout(PATIENCE, answering).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_half_handshakes_come_to_nothing_and_disturb_nobody() {
    let mut b = b().await;
    // As a real dialer begins.
    let hello = {
        let listener = TcpListener::bind(anywhere()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let calling = tokio::spawn(calls(address, Some(everybodys().tls("a"))));
        let mut hello = vec![0; 4096];
        let mut socket = listener.accept().await.unwrap().0;
        let count = socket.read(&mut hello).await.unwrap();
        hello.truncate(count);
        // Killed in the middle of the handshake.
        drop(socket);
        let error = timeout(PATIENCE, calling).await.unwrap().unwrap();
        assert!(
            error.to_string().contains("in the middle of the TLS handshake")
                || error.kind() == io::ErrorKind::ConnectionReset,
            "{error}"
        );
        hello
    };
    let record = |body: &[u8]| [&[0x16, 3, 1][..], &(body.len() as u16).to_be_bytes(), body].concat();
    for bytes in [record(&[0xff; 64]), vec![0x16; 64], [&hello[..], &record(&[7; 64])].concat()] {
        let mut socket = TcpStream::connect(b.address).await.unwrap();
        socket.write_all(&bytes).await.unwrap();
        socket.shutdown().await.unwrap();
        assert_says(&b.refuses().await, "its TLS cannot be understood");
        closes(Stream::plain(socket)).await;
    }
    // Killed in the middle: nobody is refused.
    for bytes in [&hello[..1], &hello[..hello.len() / 2], &hello[..]] {
        let mut socket = TcpStream::connect(b.address).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        socket.shutdown().await.unwrap();
        closes(Stream::plain(socket)).await;
    }
    // More of them than there are handshakes at a time, which never end: those that come then wait, and not for long.
    let begun = tokio::time::Instant::now();
    let mut stuck = Vec::new();
    for _ in 0..70 {
        let mut socket = TcpStream::connect(b.address).await.unwrap();
        socket.write_all(&hello[..20]).await.unwrap();
        stuck.push(socket);
    }
    still_welcomes_after(&mut b, 64).await;
    assert!(begun.elapsed() < HANDSHAKE_DURATION_MAX * 3, "{:?}", begun.elapsed());
    // And a node that answers nothing.
    let silent = TcpListener::bind(anywhere()).await.unwrap();
    let error = calls(silent.local_addr().unwrap(), Some(everybodys().tls("a"))).await;
    assert_says(&error.to_string(), "the TLS handshake took too long");
}

/// As [`still_welcomes`], when at least so many connections have taken too long.
async fn still_welcomes_after(b: &mut Node, refusals: usize) {
    for _ in 0..refusals {
        assert_says(&b.refuses().await, "its greeting did not come");
    }
    let a = identity(everybodys().tls("a"), "a").await;
    let _stream = dials(b.address, &a, "a").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_dns_does_not_know_are_given_by_uris() {
    let names = ["Zähler 7", "lager/3"];
    let papers = [uri("accompanist:Z%C3%A4hler%207"), uri("accompanist:lager%2F3")];
    let [zähler, lager] =
        papers.map(|name| everybodys().tls_of(&everybodys().papers(&[dns("elsewhere"), name], |_| {})));
    let mut one = Node::start_by(names[1], anywhere(), &[(names[0], anywhere())], |tcp| tcp.with_tls(lager)).await;
    let peers = [(names[1], one.address)];
    let mut other = Node::start_by(names[0], anywhere(), &peers, |tcp| tcp.with_tls(zähler)).await;
    one.connected(names[0]).await;
    other.connected(names[1]).await;
    one.link.send(names[0], b"three");
    other.hears(names[1], b"three").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_comes_with_those_between_it_and_its_authority() {
    let between = everybodys().below("between");
    let papers = between.papers(&[dns("a")], |_| {});
    let mut b = b().await;
    let alone = Tls::pem(&papers.certificate, &papers.key, everybodys().pem());
    let said = dials(b.address, &identity(alone, "a").await, "a").await.unwrap_err();
    assert_says(&said, "does not trust the authority");
    assert_says(&b.refuses().await, "its certificate is not issued by an authority");
    let whole = Tls::pem(papers.certificate + &between.pem(), &papers.key, everybodys().pem());
    dials(b.address, &identity(whole, "a").await, "a").await.unwrap();
    b.connected("a").await;
}
