//! Sessions over nodes that speak TLS: they go on while nodes are restarted and certificates renewed, and wait for a node that is refused until it
//! has a certificate that does.
#![allow(clippy::indexing_slicing, reason = "a test stops at what it does not expect")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use accompanist::store::Sqlite;
use accompanist::transport::Tls;
use accompanist::{Handle, Node};
use accompanist_tests::authority::Authority;
use accompanist_tests::clerk::Clerk;
use accompanist_tests::generated::trials::{Fork, fork};
use accompanist_tests::pages::{SCHEMA, Shelf as _};
use accompanist_tests::stage::TIMING;
use accompanist_tests::wait::{WAIT_MAX, until, within};
use example_support::cluster::own_address;

const NODES: [&str; 3] = ["a", "b", "c"];

/// Nodes `a`, `b` and `c`, each over a database and with certificates in files.
struct Company {
    directory: tempfile::TempDir,
    addresses: BTreeMap<&'static str, SocketAddr>,
    clerks: BTreeMap<&'static str, Clerk>,
    nodes: BTreeMap<&'static str, Node<Sqlite>>,
}

impl Company {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let addresses = NODES.map(|name| (name, own_address().expect("an address"))).into();
        let clerks = NODES.map(|name| (name, Clerk::default())).into();
        Self { directory, addresses, clerks, nodes: BTreeMap::new() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Gives a node a certificate, as an operator does, while it runs or not.
    fn issue(&self, node: &str, authority: &Authority, trusted: &str) {
        authority.issue(node, trusted, self.directory.path());
    }

    fn tls(&self, node: &str) -> Tls {
        let file = |ending: &str| self.file(&format!("{node}.{ending}"));
        Tls::files(file("pem"), file("key"), file("authorities"))
    }

    /// Starts a node over what it left, which may just be closing.
    async fn up(&mut self, name: &'static str, tls: Option<Tls>) {
        let deadline = tokio::time::Instant::now() + WAIT_MAX;
        loop {
            let clerk = || self.clerks[name].clone();
            let started = async {
                let database = Sqlite::open(self.file(&format!("{name}.db"))).map_err(|error| error.to_string())?;
                let database = database.with_schema(SCHEMA).map_err(|error| error.to_string())?;
                let builder = Node::builder(name, database).timing(TIMING);
                let builder = builder.listen(self.addresses[name]).peers(self.addresses.clone());
                let builder = match tls.clone() {
                    Some(tls) => builder.tls(tls),
                    None => builder,
                };
                let builder = match name {
                    "a" => builder.role(fork::A::new(clerk())),
                    "b" => builder.role(fork::B::new(clerk())),
                    _ => builder.role(fork::C::new(clerk())),
                };
                builder.start().await.map_err(|error| error.to_string())
            };
            match started.await {
                Ok(node) => break drop(self.nodes.insert(name, node)),
                Err(cause) => assert!(tokio::time::Instant::now() < deadline, "{name} does not start: {cause}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }

    async fn restart(&mut self, name: &'static str) {
        drop(self.nodes.remove(name).expect("it is up"));
        self.up(name, Some(self.tls(name))).await;
    }

    async fn accepted(&self, id: &str) -> Handle<u64> {
        let start = self.nodes["a"].start(Fork { line: format!("line {id}") }).id(id);
        within(("the start of", id), start.accepted()).await.expect("it is accepted")
    }

    /// That each of these sessions took effect once at every node.
    async fn settled(&self, ids: &[String]) {
        for id in ids {
            let session = self.nodes["a"].start(Fork { line: format!("line {id}") }).id(id.as_str());
            within(("the end of", id), session.settled()).await.expect("a result");
        }
        let lines: BTreeSet<String> = ids.iter().map(|id| format!("enter line {id}")).collect();
        for (name, node) in &self.nodes {
            until(("rest at", name), || (node.counts().sessions == 0).then_some(())).await;
            let history = node.store().pages(&self.clerks[name].book).expect("its tables").history;
            assert_eq!(history.len(), ids.len(), "{name}: nothing twice");
            assert_eq!(history.into_iter().collect::<BTreeSet<_>>(), lines, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_over_tls_go_on_while_nodes_are_restarted_and_certificates_renewed() {
    let mut company = Company::new();
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let both = old.pem() + &new.pem();
    for name in NODES {
        company.issue(name, &old, &old.pem());
        company.up(name, Some(company.tls(name))).await;
    }
    let mut ids = Vec::new();
    for round in 0..3 {
        for restarted in NODES {
            for number in 0..10 {
                let id = format!("{round} {restarted} {number}");
                let _under_way = company.accepted(&id).await;
                ids.push(id);
            }
            company.restart(restarted).await;
        }
        // One authority takes the place of another in the usual three steps, and no node is told of it.
        match round {
            0 => NODES.iter().for_each(|name| company.issue(name, &old, &both)),
            1 => NODES.iter().for_each(|name| company.issue(name, &new, &both)),
            _ => NODES.iter().for_each(|name| company.issue(name, &new, &new.pem())),
        }
    }
    company.restart("b").await;
    company.settled(&ids).await;
    for (name, node) in &company.nodes {
        assert_eq!(node.counts().connections_refused, 0, "{name}");
    }
    // The old authority's word is worth nothing any more.
    company.issue("b", &old, &both);
    company.restart("b").await;
    until("a refusal", || (company.nodes["c"].counts().connections_refused > 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_refused_is_waited_for_until_its_certificate_does() {
    let mut company = Company::new();
    let (ours, others) = (Authority::new("ours"), Authority::new("others'"));
    for name in NODES {
        company.issue(name, &ours, &ours.pem());
    }
    company.up("a", Some(company.tls("a"))).await;
    company.up("c", Some(company.tls("c"))).await;
    // Without TLS; it dials `c`, and is dialed by `a`.
    company.up("b", None).await;
    let _under_way = company.accepted("1").await;
    let refused = |company: &Company, name: &str| company.nodes[name].counts().connections_refused;
    until("refusals at both", || (refused(&company, "b") > 0 && refused(&company, "c") > 0).then_some(())).await;
    drop(company.nodes.remove("b"));
    // With the certificate of another installation.
    company.issue("b", &others, &others.pem());
    let before = refused(&company, "c");
    company.up("b", Some(company.tls("b"))).await;
    until("refusals", || (refused(&company, "b") > 0 && refused(&company, "c") > before).then_some(())).await;
    assert_eq!(company.clerks["b"].calls("enter"), 0, "it has heard of nothing");
    // Its own, while it runs: no restart.
    company.issue("b", &ours, &ours.pem());
    company.settled(&["1".to_owned()]).await;
}

/// The first block of the page that is for a shell.
fn commands_of_the_readme() -> String {
    let readme = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("README.md");
    let text = std::fs::read_to_string(readme).expect("it is there");
    let block = text.split("```bash\n").nth(1).and_then(|rest| rest.split("```").next()).expect("it has commands");
    assert!(block.contains("openssl x509 -req"), "{block}");
    block.to_owned()
}

/// Where there is no OpenSSL 3, only that the page has commands.
#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_readme_make_certificates_that_do() {
    let (commands, mut company) = (commands_of_the_readme(), Company::new());
    let version = std::process::Command::new("openssl").arg("version").output();
    if !version.is_ok_and(|version| version.stdout.starts_with(b"OpenSSL 3")) {
        return eprintln!("there is no OpenSSL 3 to make certificates with");
    }
    let commands = commands.replace("warehouse payment loyalty", &NODES.join(" "));
    let mut shell = std::process::Command::new("bash");
    let made = shell.args(["-euc", &commands]).current_dir(company.directory.path()).output().expect("a shell");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for name in NODES {
        let file = |ending: &str| company.file(&format!("{name}.{ending}"));
        let tls = Tls::files(file("pem"), file("key"), company.file("authorities.pem"));
        company.up(name, Some(tls)).await;
    }
    company.settled(&["1".to_owned()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_says_at_its_start_what_is_wrong_with_its_certificate() {
    let company = Company::new();
    let ours = Authority::new("ours");
    company.issue("a", &ours, &ours.pem());
    let node = || Node::builder("b", accompanist::store::Memory::new());
    let error = node().listen("127.0.0.1:0").tls(company.tls("a")).start().await.expect_err("another node's");
    assert!(error.is_configuration(), "{error}");
    let said = error.to_string();
    assert!(said.contains("names `a`, and not the node `b`: it needs the subject alternative name `DNS:b`"), "{said}");
    let error = node().tls(company.tls("a")).start().await.expect_err("nothing to speak TLS over");
    assert!(error.to_string().contains("no address to `listen` at"), "{error}");
}
