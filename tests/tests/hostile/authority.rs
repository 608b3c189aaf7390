//! What a peer may do that everybody believes to be the node that it is: TLS says no more than that. It is ordinary Rust against the public
//! interface, or it sends what it likes in its own name.

use std::sync::Arc;
use std::time::Duration;

use accompanist::store::Memory;
use accompanist::transport::LocalNetwork;
use accompanist::{Node, NodeBuilder};
use accompanist_core::{Body, Frame, Header, Outcome, RoleId, Vote};
use accompanist_tests::clerk::{Behaviour, Clerk};
use accompanist_tests::generated::trials::{Fork, fork};
use accompanist_tests::recorder::Recorder;
use accompanist_tests::stage::TIMING;
use accompanist_tests::wait::{until, within};

const A: RoleId = RoleId(0);
const B: RoleId = RoleId(1);
const C: RoleId = RoleId(2);

type Recorded = Recorder<accompanist::transport::LocalLink>;

/// A transport between some nodes, and what goes over it.
#[derive(Default)]
struct Between {
    network: LocalNetwork,
    recorder: Recorded,
}

impl Between {
    async fn start(&self, name: &str, of: impl FnOnce(NodeBuilder<Memory>) -> NodeBuilder<Memory>) -> Node<Memory> {
        let transport = self.recorder.around(self.network.transport());
        let builder = Node::builder(name, Memory::new()).timing(TIMING).transport(transport);
        of(builder).start().await.expect("the node starts")
    }

    /// The first header that was sent.
    async fn header(&self) -> Arc<Header> {
        let header = || self.recorder.frames().iter().find_map(|sent| Frame::decode(&sent.bytes)?.header);
        until("a session", header).await
    }

    /// `c` says something to another node.
    fn lies(&self, to: &str, header: &Arc<Header>, role: RoleId, body: Body) {
        let session = header.session_id();
        let frame = Frame { session, from: C, to: role, header: Some(Arc::clone(header)), body };
        self.recorder.inbound(to).frame("c", &frame.encode());
    }

    /// What `node` has sent that is like this.
    fn said(&self, node: &str, like: impl Fn(&Body) -> bool) -> usize {
        let sent = self.recorder.frames().into_iter().filter(|sent| sent.from == node);
        sent.filter_map(|sent| Frame::decode(&sent.bytes)).filter(|frame| like(&frame.body)).count()
    }
}

fn tea() -> Fork {
    Fork { line: "tea".to_owned() }
}

/// The attack: the node `c`, in the name of nobody but itself, starts a session at the role of another and has `b` do its part of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_plays_the_role_of_another_in_a_session_of_its_own_is_refused() {
    let (between, clerk) = (Between::default(), Clerk::default());
    let b = between.start("b", |node| node.role(fork::B::new(clerk.clone()))).await;
    let evil = Clerk::default();
    let c = between.start("c", |node| {
        let node = node.assign("A", "c").assign("B", "b").assign("C", "c");
        node.role(fork::A::new(evil.clone())).role(fork::C::new(evil.clone()))
    });
    let c = c.await;
    let session = within("the start", c.start(tea()).id("evil").accepted()).await.expect("it is its own");
    until("the refusal", || (b.counts().sessions_refused > 0).then_some(())).await;
    let refused =
        |body: &Body| matches!(body, Body::Refused { reason } if reason.contains("node `c` may not play `A`"));
    until("words for it", || (between.said("b", refused) > 0).then_some(())).await;
    assert_eq!((b.counts().sessions, clerk.calls("enter")), (0, 0), "nothing is done for it");
    let text = b.counts().to_prometheus("b");
    assert!(!text.contains("accompanist_sessions_refused_total{node=\"b\"} 0\n"), "{text}");
    drop(session);

    // Whoever is to be trusted with it is named on the node that trusts it.
    drop(b);
    let b = between.start("b", |node| node.allow("Fork.A", ["c"]).role(fork::B::new(clerk.clone()))).await;
    within("the session", c.start(tea()).id("evil").settled()).await.expect("it may");
    assert_eq!((b.counts().sessions_refused, clerk.calls("enter")), (0, 1));
}

/// The attack: all three have a part, and `c` tells `b`, which has voted, that all is committed. `a` rolls back.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_has_voted_does_not_believe_another_than_the_initiator_of_the_outcome() {
    let (between, [of_a, of_b]) = (Between::default(), [Clerk::default(), Clerk::default()]);
    let a = between.start("a", |node| node.role(fork::A::new(of_a.clone()))).await;
    let b = between.start("b", |node| node.role(fork::B::new(of_b.clone()))).await;
    // It is hostile: whatever comes for it, it says what the test says.
    let silent = Clerk::default();
    silent.tell("enter tea", Behaviour::Waits);
    let _c = between.start("c", |node| node.role(fork::C::new(silent.clone()))).await;
    let session = within("the start", a.start(tea()).id("1").accepted()).await.expect("it starts");
    let header = between.header().await;
    let voted = |body: &Body| matches!(body, Body::Vote { vote: Vote::Completed { .. }, .. });
    until("the vote of b", || (between.said("b", voted) > 0).then_some(())).await;
    between.lies("b", &header, B, Body::Done { outcome: Outcome::Committed, answer: false });
    between.lies("b", &header, B, Body::Vote { voter: A, vote: Vote::Completed { parts: None } });
    between.lies("a", &header, A, Body::Vote { voter: B, vote: Vote::Completed { parts: None } });
    session.cancel("not today").await.expect("it is in time");
    // What c does for it has not been done.
    silent.tell("enter tea", Behaviour::Refuses("too late"));
    let reason = within("the end", session.settled()).await.expect_err("it is cancelled");
    assert_eq!(reason.reason(), Some("not today"));
    assert_eq!((of_b.calls("enter"), of_b.calls("strike")), (1, 1), "b has undone its part");
    assert_eq!(b.counts().sessions_committed, 0);
}

/// The attack: aborts of sessions that nobody has started, each with an id that a client may want.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_abort_takes_no_id_of_a_client() {
    let (between, clerk) = (Between::default(), Clerk::default());
    let a = between.start("a", |node| node.role(fork::A::new(clerk.clone()))).await;
    let _b = between.start("b", |node| node.role(fork::B::new(clerk.clone()))).await;
    let c = between.start("c", |node| node.role(fork::C::new(clerk.clone()))).await;
    within("a session", a.start(tea()).id("0").settled()).await.expect("it commits");
    let real = between.header().await;
    for number in 1..=50_u8 {
        let header = Arc::new(Header { client_id: number.to_string(), nonce: [number; 16], ..(*real).clone() });
        for voter in [A, B, C] {
            let vote = Vote::Aborted { reason: "forged".into() };
            between.lies("a", &header, A, Body::Vote { voter, vote });
        }
        between.lies("a", &header, A, Body::Cancel { reason: "forged".into() });
    }
    assert_eq!((a.counts().sessions, a.counts().sessions_joined), (0, 0));
    for number in [1, 50] {
        let start = a.start(Fork { line: format!("tea {number}") }).id(number.to_string()).settled();
        within(number, start).await.expect("the id is free");
    }
    drop(c);
}

/// The attack: the same while the session with that id is under way. Its client asks for it again and is answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_abort_hides_no_session_from_its_client() {
    let (between, clerk) = (Between::default(), Clerk::default());
    let a = between.start("a", |node| node.role(fork::A::new(clerk.clone()))).await;
    let of_b = Clerk::default();
    of_b.tell("enter tea", Behaviour::Waits);
    let _b = between.start("b", |node| node.role(fork::B::new(of_b.clone()))).await;
    let _c = between.start("c", |node| node.role(fork::C::new(clerk.clone()))).await;
    let session = within("the start", a.start(tea()).id("1").accepted()).await.expect("it starts");
    let header = between.header().await;
    let forged = Arc::new(Header { nonce: [7; 16], ..(*header).clone() });
    between.lies("a", &forged, A, Body::Vote { voter: C, vote: Vote::Aborted { reason: "forged".into() } });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let again = within("the start again", a.start(tea()).id("1").accepted()).await.expect("it is there");
    assert_eq!(again.session(), session.session());
    of_b.tell("enter tea", Behaviour::Works);
    within("the end", session.settled()).await.expect("it commits");
}
