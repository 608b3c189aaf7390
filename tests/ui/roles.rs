use accompanist::store::Memory;
use accompanist::{Failure, Node};

accompanist_macros::choreo! {
    service Shop { fn price(x: u32) -> u32; }
    choreography Tell<Client, Shop>(x: u32@Client) -> u32@Client {
        Shop.prise(x ~> Shop) ~> Client
    }
}

struct Mine;

impl<D: accompanist::Database> Shop<D> for Mine {
    async fn price(&self, _key: &accompanist::IdempotencyKey, x: &u32) -> Result<u32, Failure> {
        Ok(*x)
    }
}

/// The one error is that of the choreography.
async fn node() -> Result<u32, accompanist::Error> {
    let builder = Node::builder("shop", Memory::new()).assign("Client", "shop").assign("Shop", "shop");
    let node = builder.role(tell::Client::new()).role(tell::Shop::new(Mine)).start().await?;
    node.start(Tell { x: 1 }).id("1").settled().await
}

fn main() {
    let _ = node();
}
