//! Certificates for tests, by authorities of their own.

use std::sync::OnceLock;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType,
};

use crate::transport::tcp::Tls;

/// Who issues certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub(crate) struct Papers {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// The one that all nodes trust which have no reason for another.
pub(crate) fn everybodys() -> &'static Authority {
    static EVERYBODYS: OnceLock<Authority> = OnceLock::new();
    EVERYBODYS.get_or_init(|| Authority::new("everybody's"))
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// One that this one answers for.
    pub(crate) fn below(&self, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &self.0).unwrap())
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate with these names, as it is made usually but for what `change` says.
    pub(crate) fn papers(&self, names: &[SanType], change: impl FnOnce(&mut CertificateParams)) -> Papers {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.to_vec();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        Papers { certificate: params.signed_by(&key, &self.0).unwrap().pem(), key: key.serialize_pem() }
    }

    /// What the node of this name is given.
    pub(crate) fn tls(&self, node: &str) -> Tls {
        self.tls_of(&self.papers(&[dns(node)], |_| {}))
    }

    /// The same with other papers.
    pub(crate) fn tls_of(&self, papers: &Papers) -> Tls {
        Tls::pem(&papers.certificate, &papers.key, self.pem())
    }
}

pub(crate) fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

pub(crate) fn uri(uri: &str) -> SanType {
    SanType::URI(uri.try_into().unwrap())
}

/// For [`Authority::papers`]: valid for the hour that was over a minute ago.
pub(crate) fn expired(params: &mut CertificateParams) {
    let now = std::time::SystemTime::now();
    params.not_before = (now - Duration::from_secs(3_660)).into();
    params.not_after = (now - Duration::from_secs(60)).into();
}
