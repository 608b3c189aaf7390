//! What goes wrong with TLS, in words: what it is, and what to do.

use std::error::Error as _;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use super::verifier::Misnamed;

/// Why a connection with a peer comes to nothing.
pub(super) fn of_peer(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => {
            let certificate = format!("its certificate {}", of_certificate(error));
            if *error == CertificateError::UnknownIssuer {
                return format!("{certificate} (is it from another installation, or is a new authority missing?)");
            }
            certificate
        }
        Error::NoCertificatesPresented => "it presents no certificate: every node needs one of its own".to_owned(),
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => "what it says is not TLS".to_owned(),
        Error::PeerIncompatible(_) => {
            format!("it has no version or algorithm of TLS in common with this node, which speaks TLS 1.3: {error}")
        }
        other => format!("its TLS cannot be understood: {other}"),
    }
}

/// What a certificate is or has, that it does not do.
pub(super) fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::ExpiredContext { not_after, .. } => format!("expired on {}: renew it", date(*not_after)),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("is not valid before {}: is one of the clocks wrong?", date(*not_before))
        }
        CertificateError::UnknownIssuer => "is not issued by an authority that this node trusts".to_owned(),
        CertificateError::InvalidPurposeContext { required, .. } => format!(
            "may not be used for {required}: a node's extended key usage is both serverAuth and clientAuth, or left out"
        ),
        CertificateError::Other(other) => match other.source().and_then(|source| source.downcast_ref::<Misnamed>()) {
            Some(misnamed) => misnamed.to_string(),
            None => format!("does not do: {other}"),
        },
        other => format!("does not do: {other}"),
    }
}

/// What a peer says last that hangs up. It has logged more.
fn of_alert(alert: AlertDescription) -> String {
    let reason = match alert {
        AlertDescription::UnknownCA => "it does not trust the authority that has issued the certificate of this node",
        AlertDescription::CertificateExpired => {
            "the certificate of this node has expired, or is not valid yet by its clock"
        }
        AlertDescription::UnsupportedCertificate => {
            "the certificate of this node may not be used for this: its extended key usage is both serverAuth and clientAuth, or left out"
        }
        AlertDescription::BadCertificate | AlertDescription::CertificateUnknown | AlertDescription::DecryptError => {
            "it does not accept the certificate of this node"
        }
        AlertDescription::CertificateRequired => "it got no certificate of this node",
        AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion => {
            "it has no version or algorithm of TLS in common with this node, which speaks TLS 1.3"
        }
        other => return format!("refused by TLS: {other:?}; its log says why"),
    };
    format!("refused by TLS: {reason}; its log says more")
}

/// As RFC 3339 writes it.
fn date(time: UnixTime) -> String {
    let (days, seconds) = (time.as_secs() / 86_400, time.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The year, month and day so many days after the first of January, 1970. Years begin in March here, so that a leap day is the last one of its
/// year, and four hundred of them have 146,097 days.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (68_169_599, "1972-02-28T23:59:59Z"),
            (68_169_600, "1972-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(date(UnixTime::since_unix_epoch(Duration::from_secs(seconds))), expected);
        }
    }
}
