//! A transport around another one that remembers what was sent through it, and hands whatever a test makes up to a node, in anybody's name.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use accompanist::transport::{Inbound, Link, Transport};

/// How many frames are remembered; later ones take the place of earlier ones.
const FRAMES_MAX: usize = 4_000;

/// What was sent, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The node that sent it.
    pub from: String,
    /// The node that it is for.
    pub to: String,
    /// The frame.
    pub bytes: Vec<u8>,
}

struct State<L> {
    frames: Vec<Recorded>,
    count: usize,
    nodes: BTreeMap<String, Arc<dyn Inbound>>,
    links: BTreeMap<String, Arc<L>>,
}

/// What goes through some transports of one kind. Clones are the same one.
pub struct Recorder<L> {
    state: Arc<Mutex<State<L>>>,
}

impl<L> Clone for Recorder<L> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state) }
    }
}

impl<L> Default for Recorder<L> {
    fn default() -> Self {
        let state = State { frames: Vec::new(), count: 0, nodes: BTreeMap::new(), links: BTreeMap::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }
}

impl<L> Recorder<L> {
    fn state(&self) -> MutexGuard<'_, State<L>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `transport`, listened to.
    pub fn around<T: Transport<Link = L>>(&self, transport: T) -> RecordedTransport<T> {
        RecordedTransport { transport, recorder: self.clone() }
    }

    /// What was sent of late.
    pub fn frames(&self) -> Vec<Recorded> {
        self.state().frames.clone()
    }

    /// How a node is spoken to.
    ///
    /// # Panics
    /// Where there is no such node.
    pub fn inbound(&self, node: &str) -> Arc<dyn Inbound> {
        Arc::clone(self.state().nodes.get(node).expect("the node is there"))
    }

    /// A node's link.
    ///
    /// # Panics
    /// Where there is no such node.
    pub fn link(&self, node: &str) -> Arc<L> {
        Arc::clone(self.state().links.get(node).expect("the node is there"))
    }
}

/// See [`Recorder`].
pub struct RecordedTransport<T: Transport> {
    transport: T,
    recorder: Recorder<T::Link>,
}

impl<T: Transport> Transport for RecordedTransport<T> {
    type Link = RecordedLink<T::Link>;

    async fn start(self, node: &str, inbound: Arc<dyn Inbound>) -> io::Result<Self::Link> {
        self.recorder.state().nodes.insert(node.to_owned(), Arc::clone(&inbound));
        let link = Arc::new(self.transport.start(node, inbound).await?);
        self.recorder.state().links.insert(node.to_owned(), Arc::clone(&link));
        Ok(RecordedLink { link, node: node.to_owned(), recorder: self.recorder })
    }
}

/// See [`Recorder`].
pub struct RecordedLink<L> {
    link: Arc<L>,
    node: String,
    recorder: Recorder<L>,
}

impl<L: Link> Link for RecordedLink<L> {
    fn send(&self, node: &str, frame: &[u8]) -> bool {
        let recorded = Recorded { from: self.node.clone(), to: node.to_owned(), bytes: frame.to_vec() };
        {
            let mut state = self.recorder.state();
            let at = state.count % FRAMES_MAX;
            state.count += 1;
            match state.frames.get_mut(at) {
                Some(place) => *place = recorded,
                None => state.frames.push(recorded),
            }
        }
        self.link.send(node, frame)
    }

    fn may_reach(&self, node: &str) -> bool {
        self.link.may_reach(node)
    }
}
