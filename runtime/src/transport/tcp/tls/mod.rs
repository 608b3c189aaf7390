//! Mutual TLS: what a node shows to others, whom it believes, and that certificates are renewed while it runs.
//!
//! TLS 1.3 only, by rustls. Its connections are used without a stream around them, for whoever sends a frame encrypts it and writes it at once, on
//! whatever thread that is. There are no session tickets: every connection verifies the certificates that are there now.

mod material;
mod names;
mod secured;
#[cfg(test)]
mod tests;
mod verifier;
mod words;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{CertificateError, ClientConfig, ClientConnection, Error, RootCertStore, ServerConfig, ServerConnection};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

use self::material::{Source, Stamp};
use self::names::Names;
pub(super) use self::secured::Secured;
use self::secured::Unshaken;
use self::verifier::Verifier;
use super::peer;
use super::stream::{self, Stream};
use super::wire::{self, Reply, invalid};

/// The name that rustls asks for: it is neither sent nor verified, for a certificate names a node, and not where it is reached.
const SERVER_NAME: &str = "node.accompanist.invalid";

/// Mutual TLS, for [`Tcp::with_tls`](super::Tcp::with_tls) or [`NodeBuilder::tls`](crate::NodeBuilder::tls): a node's own certificate, its key, and the
/// authorities whose certificates it believes. All nodes have it, or none.
///
/// On each connection both sides present their certificates. A peer is refused, and told why, unless one of the authorities has issued its
/// certificate, it is valid at the time, its extended key usage is both `serverAuth` and `clientAuth` (or left out), and **it names the node** that the peer says it is,
/// letter by letter, among its subject alternative names: by a DNS name, `DNS:payment` for the node `payment`, or, where a node's name is no DNS
/// name, by a URI with the name percent-encoded, `URI:accompanist:lager%203` for the node `lager 3`. Names of hosts and addresses play no part, and a wildcard names nobody.
///
/// ```
/// use accompanist::Node;
/// use accompanist::store::Memory;
/// use accompanist::transport::Tls;
///
/// let node = Node::builder("payment", Memory::new())
///     .listen("0.0.0.0:7002")
///     .peers([("warehouse", "warehouse.internal:7001")])
///     .tls(Tls::files("payment.pem", "payment.key", "authorities.pem"));
/// ```
///
/// A certificate is renewed while the node runs by writing the files anew: before each new connection the node looks whether they have
/// changed. Where they do not fit together, it logs that and goes on with what it had. Connections that stand go on.
#[derive(Clone)]
pub struct Tls {
    certificate: Source,
    key: Source,
    authorities: Source,
}

impl Tls {
    /// From three PEM files: the node's certificate, followed by those between it and its authority, if there are any; its private key; and the
    /// certificates of the authorities that are trusted. They are read when the transport is started, which fails where they do not do, and again
    /// when they have changed.
    #[must_use]
    pub fn files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>, authorities: impl Into<PathBuf>) -> Self {
        Self {
            certificate: Source::File(certificate.into()),
            key: Source::File(key.into()),
            authorities: Source::File(authorities.into()),
        }
    }

    /// The same from what such files hold. It stays as it is while the node runs.
    #[must_use]
    pub fn pem(certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>, authorities: impl AsRef<[u8]>) -> Self {
        let source = |name, pem: &[u8]| Source::Bytes { name, pem: pem.into() };
        Self {
            certificate: source("the PEM of the certificate", certificate.as_ref()),
            key: source("the PEM of the key", key.as_ref()),
            authorities: source("the PEM of the authorities", authorities.as_ref()),
        }
    }

    fn stamps(&self) -> [Option<Stamp>; 3] {
        [&self.certificate, &self.key, &self.authorities].map(Source::stamp)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("certificate", &self.certificate.name())
            .field("key", &self.key.name())
            .field("authorities", &self.authorities.name())
            .finish()
    }
}

/// Who a node is to others, as long as it runs.
#[derive(Debug)]
pub(super) struct Identity {
    node: String,
    tls: Tls,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    loaded: Loaded,
    /// The state of the files that it was read from.
    stamps: [Option<Stamp>; 3],
    /// What was last said of files that do not do.
    complaint: Option<String>,
}

/// What new connections are made with.
#[derive(Clone, Debug)]
struct Loaded {
    server: Arc<ServerConfig>,
    own: Arc<SingleCertAndKey>,
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl Identity {
    /// Reads what `tls` says, as that of `node`.
    pub(super) async fn open(tls: Tls, node: &str) -> io::Result<Arc<Self>> {
        let node = node.to_owned();
        let open = move || {
            let stamps = tls.stamps();
            let loaded = Loaded::read(&tls, &node).map_err(|reason| {
                io::Error::new(io::ErrorKind::InvalidInput, format!("TLS of the node `{node}`: {reason}"))
            })?;
            Ok(Arc::new(Self { node, tls, current: Mutex::new(Current { loaded, stamps, complaint: None }) }))
        };
        spawn_blocking(open).await.map_err(io::Error::other)?
    }

    /// What there is now.
    async fn loaded(self: &Arc<Self>) -> io::Result<Loaded> {
        let this = Arc::clone(self);
        spawn_blocking(move || this.look_again()).await.map_err(io::Error::other)
    }

    /// Reads the files again where they have changed, or did not do the last time.
    fn look_again(&self) -> Loaded {
        let stamps = self.tls.stamps();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.stamps == stamps {
            return current.loaded.clone();
        }
        match Loaded::read(&self.tls, &self.node) {
            Ok(loaded) => {
                tracing::info!(node = self.node, tls = ?self.tls, "the certificates were read again, for new connections");
                *current = Current { loaded, stamps, complaint: None };
            }
            Err(reason) => {
                if current.complaint.as_ref() != Some(&reason) {
                    tracing::error!(
                        node = self.node,
                        reason,
                        "the certificates have changed and do not do: the node goes on with those before"
                    );
                    current.complaint = Some(reason);
                }
            }
        }
        current.loaded.clone()
    }

    /// Takes a connection that another node has made.
    pub(super) async fn accept(self: &Arc<Self>, socket: TcpStream) -> io::Result<Stream> {
        let loaded = self.loaded().await?;
        let connection = ServerConnection::new(loaded.server).map_err(io::Error::other)?;
        match Secured::shake_hands(&socket, connection.into()).await {
            Ok(secured) => Ok(Stream::secured(socket, secured)),
            Err(unshaken) => {
                stream::end(socket).await;
                Err(match unshaken {
                    Unshaken::Failed(error) => error,
                    Unshaken::Plain => invalid("what it says is not TLS".to_owned()),
                })
            }
        }
    }

    /// Takes a connection that was made to what should be the node `peer`.
    pub(super) async fn connect(self: &Arc<Self>, socket: TcpStream, peer: &str) -> io::Result<Stream> {
        let config = self.loaded().await?.client(peer).map_err(io::Error::other)?;
        let name = ServerName::try_from(SERVER_NAME).map_err(io::Error::other)?;
        let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        match Secured::shake_hands(&socket, connection.into()).await {
            Ok(secured) => Ok(Stream::secured(socket, secured)),
            Err(Unshaken::Failed(error)) => Err(error),
            // A node without TLS says why it refuses this one.
            Err(Unshaken::Plain) => {
                Err(match wire::greeting::<Reply>(&Stream::plain(socket), wire::ANSWER_BYTES_MAX).await {
                    Ok(Reply::Refused { reason, .. }) => peer::refused(&reason),
                    Ok(Reply::Welcome { .. }) | Err(_) => {
                        invalid("it does not speak TLS, and this node does".to_owned())
                    }
                })
            }
        }
    }
}

impl Loaded {
    /// Reads it all, and looks whether it does as that of `node`; else says what is wrong.
    fn read(tls: &Tls, node: &str) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        let roots = Arc::new(material::authorities(&tls.authorities)?);
        let own = material::certified_key(&tls.certificate, &tls.key, &provider)?;
        check_own(&own, tls, node, &roots, &provider)?;
        let own = Arc::new(SingleCertAndKey::from(own));
        let wrong = |error: Error| format!("this cannot be used: {error}");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
            // Who dials is not told by whom it should be trusted: it has one certificate to show.
            .clear_root_hint_subjects()
            .build()
            .map_err(|error| format!("{} cannot be used: {error}", tls.authorities.name()))?;
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(wrong)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(&own) as _);
        server.send_tls13_tickets = 0;
        Ok(Self { server: Arc::new(server), own, roots, provider })
    }

    /// For a connection with `peer`, which this node dials.
    fn client(self, peer: &str) -> Result<Arc<ClientConfig>, Error> {
        let algorithms = self.provider.signature_verification_algorithms;
        let verifier = Verifier { roots: self.roots, algorithms, node: Some(peer.to_owned()) };
        let mut client = ClientConfig::builder_with_provider(self.provider)
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(self.own);
        client.resumption = Resumption::disabled();
        client.enable_sni = false;
        Ok(Arc::new(client))
    }
}

/// Whether others can believe this node: its certificate names it, and is valid now on both ends of a connection.
fn check_own(
    own: &CertifiedKey,
    tls: &Tls,
    node: &str,
    roots: &Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<(), String> {
    let source = tls.certificate.name();
    let Some((certificate, intermediates)) = own.cert.split_first() else { return Ok(()) };
    let names =
        Names::of(certificate).map_err(|error| format!("the certificate in {source} cannot be read: {error}"))?;
    if let Some(objection) = names.objection_to(node) {
        return Err(format!("the certificate in {source} {objection}"));
    }
    let algorithms = provider.signature_verification_algorithms;
    let verifier = Verifier { roots: Arc::clone(roots), algorithms, node: None };
    let name = ServerName::try_from(SERVER_NAME).map_err(|error| error.to_string())?;
    let as_server = verifier.verify_server_cert(certificate, intermediates, &name, &[], UnixTime::now());
    let as_client = WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider))
        .build()
        .map_err(|error| format!("{} cannot be used: {error}", tls.authorities.name()))?
        .verify_client_cert(certificate, intermediates, UnixTime::now());
    for result in [as_server.map(|_| ()), as_client.map(|_| ())] {
        match result {
            Ok(()) => {}
            // Others may trust other authorities, as while one authority takes the place of another.
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                let authorities = tls.authorities.name();
                tracing::warn!(
                    node,
                    certificate = source,
                    authorities,
                    "this node would not believe its own certificate"
                );
            }
            Err(Error::InvalidCertificate(error)) => {
                return Err(format!("the certificate in {source} {}", words::of_certificate(&error)));
            }
            Err(error) => return Err(format!("the certificate in {source} cannot be used: {error}")),
        }
    }
    Ok(())
}
