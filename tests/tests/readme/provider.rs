//! What is outside of the database: a provider in Rust, and one that speaks HTTP.

use accompanist::store::Memory;
use accompanist::{BoxError, Database, Failure, IdempotencyKey, Node};

accompanist::choreo!("book.chor");

/// A provider that is asked over some network.
struct Provider;

enum Answer {
    Receipt(String),
    Declined,
}

impl Provider {
    async fn post<T>(&self, _: &str, key: &IdempotencyKey, _: T) -> Result<Answer, BoxError> {
        Ok(if key.to_string().is_empty() { Answer::Declined } else { Answer::Receipt("R-17".to_owned()) })
    }
}

impl<D: Database> Payment<D> for Provider {
    async fn charge(&self, key: &IdempotencyKey, customer: &String, cents: &u64) -> Result<String, Failure> {
        match self.post("charges", key, (customer, cents)).await? {
            Answer::Receipt(receipt) => Ok(receipt),
            Answer::Declined => Err(Failure::abort("card declined")),
        }
    }
    async fn refund(
        &self,
        key: &IdempotencyKey,
        _: &String,
        _: &u64,
        receipt: Option<&String>,
    ) -> Result<(), BoxError> {
        self.post("refunds", key, receipt).await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_role_is_played_by_a_provider_and_by_a_program_over_http() -> Result<(), BoxError> {
    let node = Node::builder("hotel", Memory::new()).assign("Payment", "hotel");
    let node = node.role(book::Hotel::new()).role(book::Payment::new(Provider)).start().await?;
    let booked = node.start(Book { customer: "Ada".to_owned(), cents: 1_200 }).settled().await?;
    assert_eq!(booked, "R-17");
    Node::builder("payment", Memory::new())
        .role(book::Payment::new(accompanist::http::Service::new("http://127.0.0.1:8080/payment")?))
        .start()
        .await?;
    Ok(())
}
