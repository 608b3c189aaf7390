//! Files: what is wrong with them at start, and that they are read again.

use std::path::Path;

use rcgen::CertificateParams;

use super::*;

fn written(directory: &Path, name: &str, bytes: impl AsRef<[u8]>) -> std::path::PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Why a node of this name does not start.
async fn refuses_to_start(node: &str, tls: Tls) -> String {
    let error = Identity::open(tls, node).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    let said = error.to_string();
    assert_says(&said, &format!("TLS of the node `{node}`: "));
    said
}

#[tokio::test]
async fn a_node_that_nobody_could_believe_does_not_start_and_says_what_to_do() {
    type Change = fn(&mut CertificateParams);
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &str| written(directory.path(), name, bytes);
    let right = everybodys().papers(&[dns("a")], |_| {});
    let certificate = write("a.pem", &right.certificate);
    let key = write("a.key", &right.key);
    let authorities = write("authorities.pem", &everybodys().pem());
    let other_key = write("other.key", &everybodys().papers(&[dns("a")], |_| {}).key);
    let empty = write("empty.pem", "");
    let half = write("half.pem", &right.certificate[..right.certificate.len() / 2]);
    let text = write("text.pem", "certificate: see the other file");
    let locked =
        write("locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let nowhere = directory.path().join("nowhere.pem");
    let cases = [
        ((&nowhere, &key, &authorities), "nowhere.pem` cannot be read: "),
        ((&certificate, &nowhere, &authorities), "nowhere.pem` cannot be read: "),
        ((&certificate, &key, &nowhere), "nowhere.pem` cannot be read: "),
        ((&certificate, &other_key, &authorities), "a.pem`: the node's own certificate comes first there"),
        ((&certificate, &key, &empty), "empty.pem` has no certificate (`-----BEGIN CERTIFICATE-----`); it is empty"),
        (
            (&key, &certificate, &authorities),
            "a.key` has no certificate (`-----BEGIN CERTIFICATE-----`); what it has is a private key",
        ),
        (
            (&certificate, &certificate, &authorities),
            "a.pem` has no private key (`-----BEGIN PRIVATE KEY-----`); what it has is a certificate",
        ),
        ((&half, &key, &authorities), "half.pem` is not whole: "),
        ((&text, &key, &authorities), "text.pem` has no certificate (`-----BEGIN CERTIFICATE-----`); it is not PEM"),
        (
            (&certificate, &locked, &authorities),
            "what it has is encrypted by a passphrase: `openssl pkey` writes it without",
        ),
    ];
    for ((certificate, key, authorities), expected) in cases {
        assert_says(&refuses_to_start("a", Tls::files(certificate, key, authorities)).await, expected);
    }
    let one_way: Change = |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let usual: Change = |_| {};
    let cases: [(&str, _, Change, &str); 6] = [
        ("b", dns("a"), usual, "names `a`, and not the node `b`: it needs the subject alternative name `DNS:b`"),
        ("A", dns("a"), usual, "names `a`, and not the node `A`"),
        ("a.example", dns("*.example"), usual, "names no node, and not the node `a.example`"),
        ("lager 3", dns("lager"), usual, "it needs the subject alternative name `URI:accompanist:lager%203`"),
        ("a", dns("a"), expired, "the PEM of the certificate expired on 2"),
        ("a", dns("a"), one_way, "may not be used for server authentication"),
    ];
    for (node, name, change, expected) in cases {
        let papers = everybodys().papers(&[name], change);
        assert_says(&refuses_to_start(node, everybodys().tls_of(&papers)).await, expected);
    }
    let tls = Tls::files(&certificate, &key, &authorities);
    assert_says(&format!("{tls:?}"), "a.key");
    Identity::open(tls, "a").await.unwrap();
    // Whoever prints what a node is started with does not print its key.
    let said = format!("{:?}", everybodys().tls_of(&right));
    assert!(!said.contains("BEGIN") && said.contains("the PEM of the key"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_renewed_while_a_node_runs() {
    let directory = tempfile::tempdir().unwrap();
    let old = Authority::new("old");
    let new = Authority::new("new");
    let write = |papers: &Papers, authorities: &str| {
        written(directory.path(), "b.pem", &papers.certificate);
        written(directory.path(), "b.key", &papers.key);
        written(directory.path(), "authorities.pem", authorities);
    };
    let file = |name: &str| directory.path().join(name);
    write(&old.papers(&[dns("b")], |_| {}), &old.pem());
    let mut b = b_with(Tls::files(file("b.pem"), file("b.key"), file("authorities.pem"))).await;
    // They are `a`, before and after it has changed its authority too; each believes both.
    let both = old.pem() + &new.pem();
    let a = async |authority: &Authority| {
        let papers = authority.papers(&[dns("a")], |_| {});
        identity(Tls::pem(&papers.certificate, &papers.key, &both), "a").await
    };
    let (old_a, new_a) = (a(&old).await, a(&new).await);
    let standing = dials(b.address, &old_a, "a").await.unwrap();
    b.connected("a").await;
    assert_says(&dials(b.address, &new_a, "a").await.unwrap_err(), "does not trust the authority");
    assert_says(&b.refuses().await, "not issued by an authority");

    // What is half written does not do, and what was there before goes on.
    written(directory.path(), "authorities.pem", &both.as_bytes()[..both.len() - 40]);
    written(directory.path(), "b.key", "");
    assert_says(&dials(b.address, &new_a, "a").await.unwrap_err(), "does not trust the authority");
    assert_says(&b.refuses().await, "not issued by an authority");

    write(&new.papers(&[dns("b")], |_| {}), &both);
    // The connection that was made by the old certificates goes on, until there is a newer one.
    standing.write_all(b"\x04\0\0\0here").await.unwrap();
    b.hears("a", b"here").await;
    let stream = dials(b.address, &new_a, "a").await.unwrap();
    b.connected("a").await;
    stream.write_all(b"\x03\0\0\0new").await.unwrap();
    b.hears("a", b"new").await;

    // The old authority is dropped, here by a file that takes the place of another one; `a` is renewed just the same, where it dials.
    let moved = written(directory.path(), "moved.pem", new.pem());
    std::fs::rename(moved, file("authorities.pem")).unwrap();
    assert_says(&dials(b.address, &old_a, "a").await.unwrap_err(), "does not trust the authority");
    assert_says(&b.refuses().await, "not issued by an authority");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialer_presents_its_renewed_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let write = |authority: &Authority| {
        let papers = authority.papers(&[dns("a")], |_| {});
        written(directory.path(), "a.pem", &papers.certificate);
        written(directory.path(), "a.key", &papers.key);
    };
    written(directory.path(), "authorities.pem", everybodys().pem());
    write(&Authority::new("others'"));
    let mut b = b().await;
    let tls = Tls::files(file("a.pem"), file("a.key"), file("authorities.pem"));
    let mut a = Node::start_by("a", anywhere(), &[("b", b.address)], |tcp| tcp.with_tls(tls)).await;
    assert_says(&b.refuses().await, "not issued by an authority");
    write(everybodys());
    a.connected("b").await;
    loop {
        match b.next().await {
            Event::Refused(_) => {}
            event => {
                assert_eq!(event, Event::Connected("a".to_owned()));
                break;
            }
        }
    }
    b.link.send("a", b"renewed");
    a.hears("b", b"renewed").await;
}
