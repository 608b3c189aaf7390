//! Certificates and keys: read, and looked at before they are used. What is wrong with one is told with where it is from and what to do.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, RootCertStore};

/// What a node's certificate, its key and the authorities are each read from.
#[derive(Clone)]
pub(super) enum Source {
    File(PathBuf),
    Bytes { name: &'static str, pem: Arc<[u8]> },
}

impl Source {
    /// How it is called in what is said of it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => format!("`{}`", path.display()),
            Self::Bytes { name, .. } => (*name).to_owned(),
        }
    }

    fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::File(path) => fs::read(path).map_err(|error| format!("{} cannot be read: {error}", self.name())),
            Self::Bytes { pem, .. } => Ok(pem.to_vec()),
        }
    }

    /// Which state of a file it is, as far as the file system tells; `None` where that never changes.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        match self {
            Self::File(path) => Some(Stamp::of(fs::metadata(path))),
            Self::Bytes { .. } => None,
        }
    }
}

/// Which state of a file it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<std::time::SystemTime>,
    bytes: u64,
    /// A file that is moved to the place of another one has another number.
    number: u64,
}

impl Stamp {
    fn of(metadata: io::Result<fs::Metadata>) -> Self {
        let metadata = metadata.ok();
        #[cfg(unix)]
        let number = metadata.as_ref().map_or(0, std::os::unix::fs::MetadataExt::ino);
        #[cfg(not(unix))]
        let number = 0;
        let bytes = metadata.as_ref().map_or(0, fs::Metadata::len);
        Self { modified: metadata.and_then(|metadata| metadata.modified().ok()), bytes, number }
    }
}

/// The certificate of a node with those between it and its authority, and its key.
pub(super) fn certified_key(
    certificate: &Source,
    key: &Source,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    let certificates = certificates(certificate)?;
    let private = private_key(key)?;
    CertifiedKey::from_der(certificates, private, provider).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => format!(
            "the key in {} is not that of the certificate in {}: the node's own certificate comes first there, then those between it and its authority",
            key.name(),
            certificate.name()
        ),
        Error::InvalidCertificate(error) => {
            format!("the first certificate in {} cannot be used: {error}", certificate.name())
        }
        error => format!(
            "the key in {} cannot be used ({error}): take an ECDSA key (P-256 or P-384), Ed25519, or RSA of 2048 bits or more",
            key.name()
        ),
    })
}

/// The authorities that are trusted.
pub(super) fn authorities(source: &Source) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(source)? {
        roots.add(authority).map_err(|error| format!("a certificate in {} cannot be used: {error}", source.name()))?;
    }
    Ok(roots)
}

/// One certificate or more.
fn certificates(source: &Source) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = source.read()?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|error| format!("{} is not whole: {error}", source.name()))?;
    if !certificates.is_empty() {
        return Ok(certificates);
    }
    let instead =
        if PrivateKeyDer::from_pem_slice(&pem).is_ok() { "; what it has is a private key" } else { not_pem(&pem) };
    Err(format!("{} has no certificate (`-----BEGIN CERTIFICATE-----`){instead}", source.name()))
}

fn private_key(source: &Source) -> Result<PrivateKeyDer<'static>, String> {
    let pem = source.read()?;
    let wrong = match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(key) => return Ok(key),
        Err(rustls::pki_types::pem::Error::NoItemsFound) => {
            "has no private key (`-----BEGIN PRIVATE KEY-----`)".to_owned()
        }
        Err(error) => format!("is not whole: {error}"),
    };
    let is_encrypted = pem.windows(21).any(|window| window == b"ENCRYPTED PRIVATE KEY");
    let instead = if is_encrypted {
        "; what it has is encrypted by a passphrase: `openssl pkey` writes it without"
    } else if CertificateDer::from_pem_slice(&pem).is_ok() {
        "; what it has is a certificate"
    } else {
        not_pem(&pem)
    };
    Err(format!("{} {wrong}{instead}", source.name()))
}

fn not_pem(pem: &[u8]) -> &'static str {
    if pem.is_empty() {
        "; it is empty"
    } else if pem.windows(11).any(|window| window == b"-----BEGIN ") {
        ""
    } else {
        "; it is not PEM: `openssl x509` and `openssl pkey` with `-inform DER` write it as PEM"
    }
}
