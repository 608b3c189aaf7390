//! The order desk: an order's number is its session's id, so it is carried out once, however often it is asked for.

use std::net::SocketAddr;

use accompanist::store::Store;
use accompanist::{Error, Node};
use example_support::desk::Request;

use crate::model::Order;
use crate::{OrderFulfilment, Receipt};

/// What became of an order.
pub type Outcome = example_support::desk::Outcome<Receipt>;

/// The answer to an order.
pub type Answer = example_support::desk::Answer<Receipt>;

impl Request for Order {
    type Done = Receipt;

    fn number(&self) -> u64 {
        self.id
    }

    async fn fulfil<S: Store>(self, node: &Node<S>) -> Result<Receipt, Error> {
        let id = format!("order-{}", self.id);
        node.start(OrderFulfilment { order: self }).id(id).settled().await
    }
}

/// Takes orders at `address` until the process ends.
///
/// # Errors
/// Where the address is taken.
pub async fn serve<S: Store>(node: Node<S>, address: SocketAddr) -> anyhow::Result<()> {
    example_support::desk::serve::<Order, S>(node, address).await
}
