//! Honest nodes and their sessions, which go on while somebody is hostile, and must end as if nobody were.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use accompanist::store::Sqlite;
use accompanist::transport::{Link, Transport};
use accompanist::{Limits, Node, Timing};
use accompanist_tests::clerk::{Behaviour, Clerk};
use accompanist_tests::generated::trials::{Alone, Chain, Fork, alone, chain, fork, turns};
use accompanist_tests::pages::{SCHEMA, Shelf as _};
use accompanist_tests::recorder::{RecordedTransport, Recorder};
use accompanist_tests::stage::RETRY;
use accompanist_tests::wait::{until, within};
use tokio::task::JoinSet;

/// The honest nodes.
pub const HONEST: [&str; 3] = ["a", "b", "c"];

/// Sessions that are under way at a time.
const AT_A_TIME: u64 = 4;

/// One of so many is refused at `c`.
const REFUSED_ONE_OF: u64 = 4;

/// Parts in sessions that another node may have here, so that a run sees what is over the limit.
pub const SESSIONS_OF_PEER_MAX: usize = 40;

/// What is dropped comes again soon.
const TIMING: Timing =
    Timing { resend_millis_min: 50, resend_millis_max: 500, retry: RETRY, retry_compensations: RETRY };

/// The nodes `a`, `b` and `c`.
pub struct Honest<L> {
    directory: tempfile::TempDir,
    /// What they say to each other.
    pub recorder: Recorder<L>,
    nodes: BTreeMap<&'static str, Node<Sqlite>>,
    clerks: BTreeMap<&'static str, Clerk>,
    next: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl<L: Link> Honest<L> {
    /// The three of them, over `transport`.
    pub async fn start<T: Transport<Link = L>>(transport: impl AsyncFn(&str) -> T) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let recorder = Recorder::default();
        let (mut nodes, mut clerks) = (BTreeMap::new(), BTreeMap::new());
        for name in HONEST {
            let clerk = Clerk::default();
            let node = node(&directory, name, recorder.around(transport(name).await), &clerk).await;
            nodes.insert(name, node);
            clerks.insert(name, clerk);
        }
        Self { directory, recorder, nodes, clerks, next: Arc::default(), over: Arc::default() }
    }

    /// A node.
    pub fn node(&self, name: &str) -> &Node<Sqlite> {
        &self.nodes[name]
    }

    /// How many sessions have been started.
    pub fn started(&self) -> u64 {
        self.next.load(Ordering::SeqCst)
    }

    /// Starts sessions one after the other, several at a time, until they are [ended](Self::end).
    pub fn work(&self) -> JoinSet<()> {
        let mut work = JoinSet::new();
        for _ in 0..AT_A_TIME {
            let (node, clerk) = (self.nodes["a"].clone(), self.clerks["c"].clone());
            let (next, over) = (Arc::clone(&self.next), Arc::clone(&self.over));
            work.spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    session(&node, &clerk, next.fetch_add(1, Ordering::SeqCst)).await;
                }
            });
        }
        work
    }

    /// Sees that each node still does what it can do by itself.
    pub async fn are_there(&self) {
        for name in HONEST {
            let start = self.nodes[name].start(Alone { line: "alone".to_owned() }).settled();
            within(("a session of", name), start).await.expect("a result");
        }
    }

    /// Starts no more sessions, waits for those that there are, and sees that each was done once or undone.
    pub async fn end(&self, mut work: JoinSet<()>) {
        self.over.store(true, Ordering::SeqCst);
        while let Some(ended) = work.join_next().await {
            ended.expect("a session ends as it should");
        }
        let count = self.started();
        for name in HONEST {
            let mut done: BTreeMap<String, u64> = BTreeMap::new();
            for line in self.nodes[name].store().pages(&self.clerks[name].book).expect("there are tables").history {
                *done.entry(line).or_default() += 1;
            }
            let times = |what: &str, number: u64| done.get(&format!("{what} h{number}")).copied().unwrap_or_default();
            // What is undone is so when its session is settled, at all roles.
            for number in 0..count {
                let (entered, struck) = (times("enter", number), times("strike", number));
                let fits =
                    if is_refused(number) { entered == struck && entered <= 1 } else { (entered, struck) == (1, 0) };
                assert!(fits, "{name}: session {number} was entered {entered} times and struck {struck} times");
            }
        }
        until("rows that are all finished", || {
            // Not of those in which somebody else has a part, who may have copied an id.
            let open = "SELECT count(*) FROM accompanist_session WHERE finished_at IS NULL
                AND NOT nodes GLOB '*\"m\"*' AND NOT nodes GLOB '*\"0evil\"*'";
            let open = |name: &&str| -> u64 {
                let count = self.nodes[*name].store().read(|database| database.query_row(open, [], |row| row.get(0)));
                count.expect("the table is there")
            };
            HONEST.iter().all(|name| open(name) == 0).then_some(())
        })
        .await;
        assert!(self.directory.path().exists());
    }
}

fn is_refused(number: u64) -> bool {
    number.is_multiple_of(REFUSED_ONE_OF)
}

async fn node<T: Transport>(
    directory: &tempfile::TempDir,
    name: &str,
    transport: RecordedTransport<T>,
    clerk: &Clerk,
) -> Node<Sqlite> {
    let database = Sqlite::open(directory.path().join(format!("{name}.db"))).and_then(|it| it.with_schema(SCHEMA));
    let limits = Limits { sessions_of_peer_max: SESSIONS_OF_PEER_MAX, ..Limits::default() };
    let builder = Node::builder(name, database.expect("a new database"));
    let builder = builder.timing(TIMING).limits(limits).transport(transport).without_admin();
    // It may play a role, so that its sessions begin.
    let builder = builder.allow("C", [crate::HOSTILE]);
    let builder = builder.assign("Alone.A", name).role(alone::A::new(clerk.clone()));
    let builder = match name {
        "a" => builder
            .role(chain::A::new(clerk.clone()))
            .role(fork::A::new(clerk.clone()))
            .role(turns::A::new(clerk.clone())),
        "b" => builder
            .role(chain::B::new(clerk.clone()))
            .role(fork::B::new(clerk.clone()))
            .role(turns::B::new(clerk.clone())),
        _ => builder
            .role(chain::C::new(clerk.clone()))
            .role(fork::C::new(clerk.clone()))
            .role(turns::C::new(clerk.clone())),
    };
    builder.start().await.expect("it starts")
}

async fn session(node: &Node<Sqlite>, clerk: &Clerk, number: u64) {
    let (line, id) = (format!("h{number}"), format!("honest-{number}"));
    if is_refused(number) {
        clerk.tell(&format!("enter {line}"), Behaviour::Refuses("as it was told"));
    }
    let settled = async {
        if number.is_multiple_of(2) {
            node.start(Chain { line }).id(&id).settled().await
        } else {
            node.start(Fork { line }).id(&id).settled().await
        }
    };
    match within(("the end of", &id), settled).await {
        Ok(_) => assert!(!is_refused(number), "{id} is refused"),
        Err(error) => assert!(is_refused(number) && error.reason() == Some("as it was told"), "{id}: {error}"),
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
}
