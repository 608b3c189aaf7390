//! The services of `fixtures/choices.chor`.

use accompanist::{BoxError, Database, Failure, IdempotencyKey};

use crate::generated::choices::{Answer, Bank, Log, Seller};
use crate::pages::{Book, Writes};

/// All of them: what they are asked decides what they answer.
#[derive(Clone, Debug, Default)]
pub struct Market {
    /// Where it writes, when its store has no tables.
    pub book: Book,
}

/// What the bank has.
const FUNDS: u64 = 1_000;

impl<D: Database<Tx: Writes>> Seller<D> for Market {
    async fn quote(&self, _: &IdempotencyKey, item: &String) -> Result<Answer, Failure> {
        match item.as_str() {
            "tea" => Ok(Answer::Yes { price: 7 }),
            "coffee" => Ok(Answer::Maybe(9, "by Monday".to_owned())),
            "gold" => Err(Failure::abort("not for sale")),
            _ => Ok(Answer::No),
        }
    }

    async fn sell(&self, tx: &mut D::Tx, item: &String) -> Result<u32, Failure> {
        // Asked first: a memory store takes back nothing of what is written elsewhere.
        if item == "the last one" {
            return Err(Failure::abort("sold out"));
        }
        Ok(u32::try_from(tx.add(&self.book, "sell", item)?)?)
    }

    async fn take_back(&self, tx: &mut D::Tx, item: &String, _: &u32) -> Result<(), BoxError> {
        tx.take_back(&self.book, "take_back", item)
    }
}

impl<D: Database<Tx: Writes>> Bank<D> for Market {
    async fn pay(&self, tx: &mut D::Tx, amount: &u64) -> Result<u64, Failure> {
        if *amount > FUNDS {
            return Err(Failure::abort(format!("{amount} is too much")));
        }
        tx.add(&self.book, "pay", &amount.to_string())?;
        Ok(*amount)
    }

    async fn refund(&self, tx: &mut D::Tx, amount: &u64, _: &u64) -> Result<(), BoxError> {
        tx.take_back(&self.book, "refund", &amount.to_string())
    }

    async fn note(&self, _: &IdempotencyKey, _: &String) -> Result<(), Failure> {
        Ok(())
    }
}

impl<D: Database<Tx: Writes>> Log<D> for Market {
    async fn write(&self, _: &IdempotencyKey, _: &String) -> Result<(), Failure> {
        Ok(())
    }
}
