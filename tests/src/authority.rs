//! An authority that issues the certificates of nodes.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// See the module.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new one, of this name.
    ///
    /// # Panics
    /// Where there are no random numbers.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Its own certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Gives a node a certificate, and tells it what authorities to trust: `NODE.pem`, `NODE.key` and `NODE.authorities` in `directory`, anew
    /// where they are there.
    ///
    /// # Panics
    /// Where they cannot be written.
    pub fn issue(&self, node: &str, trusted: &str, directory: &Path) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([node.to_owned()]).expect("the name of a node");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        for (ending, text) in [("pem", &*certificate.pem()), ("key", &*key.serialize_pem()), ("authorities", trusted)] {
            std::fs::write(directory.join(format!("{node}.{ending}")), text).expect("it is written");
        }
    }

    /// The arguments by which a role's process is told of the files of [`Authority::issue`].
    pub fn arguments(node: &str, directory: &Path) -> [String; 3] {
        [("certificate", "pem"), ("key", "key"), ("authorities", "authorities")]
            .map(|(what, ending)| format!("--tls-{what}={}", directory.join(format!("{node}.{ending}")).display()))
    }
}
