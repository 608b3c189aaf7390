//! The nodes that a certificate names.

use rustls::pki_types::{CertificateDer, DnsName};
use webpki::EndEntityCert;

use crate::quoted::quoted;

/// What a URI begins with that names a node.
const SCHEME: &str = "accompanist:";

/// The nodes that a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names(Vec<Vec<u8>>);

impl Names {
    /// Those in a certificate's subject alternative names: a DNS name is a node's as it stands, and a URI `accompanist:NAME` that of NAME. A DNS
    /// name with a `*` is nobody's.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, rustls::Error> {
        // Whoever verifies the certificate says what is wrong with it; this is what rustls says of one that cannot be read.
        let bad = |_| rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding);
        let certificate = EndEntityCert::try_from(certificate).map_err(bad)?;
        let dns = certificate.valid_dns_names().filter(|name| !name.contains('*')).map(|name| name.as_bytes().to_vec());
        let uris = certificate.valid_uri_names().filter_map(|uri| decode(uri.strip_prefix(SCHEME)?));
        Ok(Self(dns.chain(uris).collect()))
    }

    /// What is wrong with a certificate with these names as that of `node`.
    pub(super) fn objection_to(&self, node: &str) -> Option<String> {
        if self.0.iter().any(|name| name == node.as_bytes()) {
            return None;
        }
        let names: Vec<_> = self.0.iter().map(|name| format!("`{}`", quoted(&String::from_utf8_lossy(name)))).collect();
        let named = if names.is_empty() { "no node".to_owned() } else { names.join(", ") };
        Some(format!(
            "names {named}, and not the node `{node}`: it needs the subject alternative name `{}`",
            entry(node)
        ))
    }
}

/// What names a node in a certificate, as openssl writes it.
fn entry(node: &str) -> String {
    if DnsName::try_from(node).is_ok() { format!("DNS:{node}") } else { format!("URI:{SCHEME}{}", encode(node)) }
}

/// Percent-encoding (RFC 3986, section 2.1) of all but unreserved characters.
fn encode(name: &str) -> String {
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// `None` where a `%` is not followed by two hexadecimal digits.
fn decode(encoded: &str) -> Option<Vec<u8>> {
    let mut name = Vec::new();
    let mut rest = encoded.as_bytes();
    while let Some((first, mut after)) = rest.split_first() {
        let mut byte = *first;
        if byte == b'%' {
            let ([high, low], end) = after.split_first_chunk::<2>()?;
            let digit = |digit: &u8| char::from(*digit).to_digit(16);
            byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
            after = end;
        }
        name.push(byte);
        rest = after;
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_the_same_when_it_is_read_again() {
        for name in ["payment", "lager 3", "Zähler/№7", "50%", "a+b&c=d?", "1.2.3.4"] {
            assert_eq!(decode(&encode(name)).as_deref(), Some(name.as_bytes()), "{name}");
        }
        assert_eq!(decode("lager%203").as_deref(), Some(b"lager 3".as_slice()));
        assert_eq!(decode("lager%c3%A4").as_deref(), Some("lagerä".as_bytes()));
        for wrong in ["%", "%2", "%zz", "%+1", "a%4"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_node_is_named_by_dns_where_it_can_be() {
        assert_eq!(entry("order_desk.berlin"), "DNS:order_desk.berlin");
        assert_eq!(entry("lager 3"), "URI:accompanist:lager%203");
        // The last part of a DNS name is no number.
        assert_eq!(entry("worker.7"), "URI:accompanist:worker.7");
    }
}
