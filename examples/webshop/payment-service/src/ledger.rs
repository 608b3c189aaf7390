//! The ledger: cards, and what became of each key. A request is one commit, durable before it is answered, so that whatever is killed and whatever is sent
//! again, a key has one outcome:
//!
//! - the first charge with a key takes effect or is declined, and every later one with that key gets the same answer and changes nothing;
//! - a refund undoes what was charged with its key, and whether or not something was, no charge with that key takes effect from then on.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, Error, OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

/// A card.
#[derive(Clone, Debug, Deserialize)]
pub struct Card {
    /// What it is issued in.
    pub currency: String,
    /// What may still be charged, in cents of that.
    pub credit: u64,
}

/// What is to be charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// What it is for.
    pub order: u64,
    /// The card's number.
    pub card: String,
    /// In cents.
    pub amount: u64,
    /// In which currency.
    pub currency: String,
}

/// What a request comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is charged, and this is the payment's number.
    Charged(String),
    /// It is undone, or has never been and never will be.
    Refunded,
    /// It is not charged, and why.
    Declined(String),
    /// It has been called off by a refund, and is not charged.
    CalledOff,
    /// Another charge had this key.
    OtherRequest,
}

/// See the module.
#[derive(Debug)]
pub struct Ledger(Connection);

/// `entry` is what has moved money, line by line: nothing is ever changed in it.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS card (number TEXT PRIMARY KEY, currency TEXT NOT NULL, credit INTEGER NOT NULL CHECK (credit >= 0)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS request (
        key TEXT PRIMARY KEY,
        charge TEXT,
        state TEXT NOT NULL CHECK (state IN ('charged', 'declined', 'refunded', 'barred')),
        answer TEXT
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS entry (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('charge', 'refund')),
        key TEXT NOT NULL,
        purpose INTEGER NOT NULL,
        card TEXT NOT NULL,
        amount INTEGER NOT NULL,
        currency TEXT NOT NULL
    );";

/// What is known of a key: its charge as it was sent, its state, and the payment's number or why there is none.
type Known = (Option<String>, String, Option<String>);

impl Ledger {
    /// The ledger in a file, which begins with `cards` where it is new.
    ///
    /// # Errors
    /// Those of the database.
    pub fn open(file: &Path, cards: &BTreeMap<String, Card>) -> Result<Self, Error> {
        Self::prepare(Connection::open(file)?, cards)
    }

    fn prepare(mut database: Connection, cards: &BTreeMap<String, Card>) -> Result<Self, Error> {
        // What is committed is on the disk before it is answered.
        database.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;")?;
        let tx = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(TABLES)?;
        for (number, card) in cards {
            tx.execute(
                "INSERT OR IGNORE INTO card (number, currency, credit) VALUES (?1, ?2, ?3)",
                params![number, card.currency, card.credit],
            )?;
        }
        tx.commit()?;
        Ok(Self(database))
    }

    /// Charges a card.
    ///
    /// # Errors
    /// Those of the database; then nothing has happened.
    pub fn charge(&mut self, key: &str, charge: &Charge) -> Result<Answer, Error> {
        let text = serde_json::to_string(charge).map_err(|error| Error::ToSqlConversionFailure(error.into()))?;
        let tx = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        match known(&tx, key)? {
            Some((Some(before), _, _)) if before != text => return Ok(Answer::OtherRequest),
            Some((_, state, Some(answer))) if state == "charged" => return Ok(Answer::Charged(answer)),
            Some((_, state, Some(answer))) if state == "declined" => return Ok(Answer::Declined(answer)),
            Some(_) => return Ok(Answer::CalledOff),
            None => {}
        }
        let card = tx
            .query_row("SELECT currency, credit FROM card WHERE number = ?1", [&charge.card], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?))
            })
            .optional()?;
        let accepted = card.is_some_and(|(currency, credit)| currency == charge.currency && charge.amount <= credit);
        let (state, answer) = if accepted {
            tx.execute("UPDATE card SET credit = credit - ?2 WHERE number = ?1", params![charge.card, charge.amount])?;
            ("charged", format!("P-{:06}", enter(&tx, "charge", key, charge)?))
        } else {
            ("declined", "card declined".to_owned())
        };
        tx.execute(
            "INSERT INTO request (key, charge, state, answer) VALUES (?1, ?2, ?3, ?4)",
            params![key, text, state, answer],
        )?;
        tx.commit()?;
        Ok(if accepted { Answer::Charged(answer) } else { Answer::Declined(answer) })
    }

    /// Undoes what was charged with a key, and sees to it that nothing is charged with it from now on.
    ///
    /// # Errors
    /// Those of the database; then nothing has happened.
    pub fn refund(&mut self, key: &str) -> Result<Answer, Error> {
        let tx = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        match known(&tx, key)? {
            Some((Some(text), state, _)) if state == "charged" => {
                let charge: Charge = serde_json::from_str(&text)
                    .map_err(|error| Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, error.into()))?;
                tx.execute(
                    "UPDATE card SET credit = credit + ?2 WHERE number = ?1",
                    params![charge.card, charge.amount],
                )?;
                enter(&tx, "refund", key, &charge)?;
                tx.execute("UPDATE request SET state = 'refunded' WHERE key = ?1", [key])?;
            }
            Some(_) => return Ok(Answer::Refunded),
            None => {
                tx.execute("INSERT INTO request (key, state) VALUES (?1, 'barred')", [key])?;
            }
        }
        tx.commit()?;
        Ok(Answer::Refunded)
    }
}

fn known(tx: &Transaction<'_>, key: &str) -> Result<Option<Known>, Error> {
    tx.query_row("SELECT charge, state, answer FROM request WHERE key = ?1", [key], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })
    .optional()
}

/// Writes a line of the ledger; its number.
fn enter(tx: &Transaction<'_>, kind: &str, key: &str, charge: &Charge) -> Result<i64, Error> {
    tx.execute(
        "INSERT INTO entry (kind, key, purpose, card, amount, currency) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![kind, key, charge.order, charge.card, charge.amount, charge.currency],
    )?;
    Ok(tx.last_insert_rowid())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        let card = Card { currency: "EUR".to_owned(), credit: 100 };
        let memory = Connection::open_in_memory().expect("it is memory");
        Ledger::prepare(memory, &BTreeMap::from([("1".to_owned(), card)])).expect("tables")
    }

    fn charge(card: &str, amount: u64, currency: &str) -> Charge {
        Charge { order: 7, card: card.to_owned(), amount, currency: currency.to_owned() }
    }

    /// What may still be charged to card 1, and how many lines there are.
    fn state(ledger: &Ledger) -> (u64, u64) {
        let sql = "SELECT (SELECT credit FROM card WHERE number = '1'), (SELECT count(*) FROM entry)";
        ledger.0.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("it can be read")
    }

    #[test]
    fn a_key_is_charged_once_and_refunded_once() {
        let mut ledger = ledger();
        let sixty = charge("1", 60, "EUR");
        let first = ledger.charge("k", &sixty).expect("it is written");
        assert_eq!(first, Answer::Charged("P-000001".to_owned()));
        assert_eq!(ledger.charge("k", &sixty).expect("it is read"), first);
        assert_eq!(state(&ledger), (40, 1));
        assert_eq!(ledger.charge("k", &charge("1", 61, "EUR")).expect("it is read"), Answer::OtherRequest);
        for _ in 0..2 {
            assert_eq!(ledger.refund("k").expect("it is written"), Answer::Refunded);
            assert_eq!(state(&ledger), (100, 2));
            assert_eq!(ledger.charge("k", &sixty).expect("it is read"), Answer::CalledOff);
        }
        assert_eq!(state(&ledger), (100, 2));
    }

    #[test]
    fn a_refund_bars_a_charge_that_comes_later() {
        let mut ledger = ledger();
        assert_eq!(ledger.refund("k").expect("it is written"), Answer::Refunded);
        assert_eq!(ledger.charge("k", &charge("1", 60, "EUR")).expect("it is read"), Answer::CalledOff);
        assert_eq!(ledger.refund("k").expect("it is read"), Answer::Refunded);
        assert_eq!(state(&ledger), (100, 0));
    }

    #[test]
    fn what_is_declined_stays_declined() {
        let mut ledger = ledger();
        let declined = Answer::Declined("card declined".to_owned());
        for (key, wrong) in [("a", charge("1", 101, "EUR")), ("b", charge("1", 1, "USD")), ("c", charge("2", 1, "EUR"))]
        {
            assert_eq!(ledger.charge(key, &wrong).expect("it is written"), declined);
        }
        assert!(matches!(ledger.charge("d", &charge("1", 100, "EUR")).expect("it is written"), Answer::Charged(_)));
        assert_eq!(ledger.charge("e", &charge("1", 50, "EUR")).expect("it is written"), declined);
        ledger.refund("d").expect("it is written");
        assert_eq!(ledger.charge("e", &charge("1", 50, "EUR")).expect("it is read"), declined, "there is credit again");
        assert_eq!(ledger.refund("e").expect("it is read"), Answer::Refunded);
        assert_eq!(state(&ledger), (100, 2));
    }
}
