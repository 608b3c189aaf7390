//! The shop's desk: an order that comes in there becomes a session, with the order's number in its id.

use std::net::SocketAddr;

use accompanist::store::Store;
use accompanist::{Error, Node};

use crate::{Confirmation, Order, PlaceOrder};

/// What became of an order.
pub type Outcome = example_support::desk::Outcome<Confirmation>;

impl example_support::desk::Request for Order {
    type Done = Confirmation;

    fn number(&self) -> u64 {
        self.id
    }

    async fn fulfil<S: Store>(self, node: &Node<S>) -> Result<Confirmation, Error> {
        let id = format!("order-{}", self.id);
        node.start(PlaceOrder { order: self }).id(id).settled().await
    }
}

/// Takes orders at `address` until the process ends.
///
/// # Errors
/// Where the address is taken.
pub async fn serve<S: Store>(node: Node<S>, address: SocketAddr) -> anyhow::Result<()> {
    example_support::desk::serve::<Order, S>(node, address).await
}
