//! The virtual network: frames take their time, and not all of them arrive, in order, and once.

use std::io;
use std::sync::Arc;

use super::life::Life;
use super::world::World;
use crate::transport::{Inbound, Link, Transport};

/// The transport of one run of a node.
pub(super) struct SimTransport {
    pub(super) world: Arc<World>,
    pub(super) node: usize,
    pub(super) life: Arc<Life>,
}

impl Transport for SimTransport {
    type Link = SimLink;

    async fn start(self, _node: &str, inbound: Arc<dyn Inbound>) -> io::Result<SimLink> {
        self.world.listen(self.node, inbound);
        Ok(SimLink { world: self.world, node: self.node, life: self.life })
    }
}

/// A node's way into the network, dead with the run of the node that it belongs to.
pub(super) struct SimLink {
    world: Arc<World>,
    node: usize,
    life: Arc<Life>,
}

impl Link for SimLink {
    fn send(&self, node: &str, frame: &[u8]) {
        if !self.life.is_over() {
            self.world.send(self.node, node, frame);
        }
    }

    fn may_reach(&self, node: &str) -> bool {
        self.world.with(|state| state.node(node).is_some())
    }
}
