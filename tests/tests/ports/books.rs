//! The bookseller (with two buyers, and with a decider passed in) and distributed authentication.

use accompanist::{BoxError, Database, Failure, IdempotencyKey};
use accompanist_tests::generated::authentication::{Authenticate, Identity, Login, Watch, authenticate};
use accompanist_tests::generated::bookseller::{
    BothBuyers, Catalogue, OneBuyer, Purse, TwoBuyers, both_buyers, one_buyer, two_buyers,
};
use accompanist_tests::stage::Stage;
use accompanist_tests::troupe::{Troupe, all_ended};
use accompanist_tests::wait::within;

use super::messages;

#[derive(Clone)]
struct Shop;

impl<D: Database> Catalogue<D> for Shop {
    fn price(&self, title: &String) -> u64 {
        title.len() as u64 * 10
    }
    async fn deliver(&self, _: &mut D::Tx, title: &String, address: &String) -> Result<String, Failure> {
        if title == "SICP" { Err(Failure::abort("out of print")) } else { Ok(format!("{title} goes to {address}")) }
    }
    async fn call_back(&self, _: &mut D::Tx, _: &String, _: &String, _: &String) -> Result<(), BoxError> {
        Ok(())
    }
}

/// A friend that gives at most so much.
struct Friend(u64);

impl<D: Database> Purse<D> for Friend {
    async fn share(&self, _: &IdempotencyKey, price: &u64) -> Result<u64, Failure> {
        Ok(self.0.min(price / 2))
    }
}

fn two(title: &str, budget: u64) -> TwoBuyers {
    TwoBuyers { title: title.to_owned(), budget, address: "Odense".to_owned() }
}

/// The title, two quotes and the share are 4 messages; then the address, which tells the seller, and the date, or one selection.
#[tokio::test]
async fn two_buyers_buy_what_they_can_pay_together() {
    for (title, budget, gives, expected, sent) in [
        ("TAPL", 40, 0, Ok(Some("TAPL goes to Odense")), 6),
        ("TAPL", 20, 20, Ok(Some("TAPL goes to Odense")), 6),
        ("TAPL", 19, 100, Ok(None), 5),
        ("", 0, 0, Ok(Some(" goes to Odense")), 6),
        ("SICP", 100, 0, Err("out of print"), 5),
    ] {
        let troupe = Troupe::new();
        let friend = troupe.play(two_buyers::Friend::new(Friend(gives)), ());
        let seller = troupe.play(two_buyers::Seller::new(Shop), ());
        let buyer = troupe.play(two_buyers::Buyer::new(), two(title, budget));
        let bought = buyer.ended().await;
        let expected = expected.map(|book| book.map(ToOwned::to_owned)).map_err(ToOwned::to_owned);
        assert_eq!((bought, troupe.messages_sent()), (expected.clone(), sent), "{title} for {budget} and {gives}");
        assert_eq!(friend.ended().await, expected.clone().map(|_| ()));
        assert_eq!(seller.ended().await, expected.map(|_| ()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_buyers_buy_on_nodes() {
    let stage = Stage::casting(&["a", "b", "c"], |name, builder, _| {
        let builder = builder.assign("Buyer", "a").assign("Friend", "b").assign("Seller", "c");
        match name {
            "a" => builder.role(two_buyers::Buyer::new()),
            "b" => builder.role(two_buyers::Friend::new(Friend(20))),
            _ => builder.role(two_buyers::Seller::new(Shop)),
        }
    })
    .await;
    for (id, budget, expected, sent) in [("1", 20, Some("TAPL goes to Odense"), 6), ("2", 19, None, 6 + 5)] {
        let bought = within(id, stage.start(two("TAPL", budget), id).settled()).await.unwrap();
        stage.settle().await;
        assert_eq!((bought.as_deref(), messages(&stage)), (expected, sent));
    }
}

/// The title and the quote are 2 messages, what the decider sends comes to it, then there are 2 or 1 as above.
#[tokio::test]
async fn a_bookseller_is_told_what_a_decider_that_was_passed_in_decides() {
    for (budget, alone, together) in [(40, true, true), (20, false, true), (19, false, false)] {
        let bought = |is_bought: bool| is_bought.then(|| "TAPL goes to at TAPL".to_owned());
        let troupe = Troupe::new();
        let others =
            vec![troupe.play(one_buyer::Friend::new(Friend(100)), ()), troupe.play(one_buyer::Seller::new(Shop), ())];
        let buyer = troupe.play(one_buyer::Buyer::new(), OneBuyer { title: "TAPL".to_owned(), budget });
        assert_eq!(buyer.ended().await.unwrap(), bought(alone), "{budget}");
        all_ended(others).await;
        assert_eq!(troupe.messages_sent(), if alone { 4 } else { 3 }, "{budget}");

        let troupe = Troupe::new();
        let others = vec![
            troupe.play(both_buyers::Friend::new(Friend(100)), ()),
            troupe.play(both_buyers::Seller::new(Shop), ()),
        ];
        let buyer = troupe.play(both_buyers::Buyer::new(), BothBuyers { title: "TAPL".to_owned(), budget });
        assert_eq!(buyer.ended().await.unwrap(), bought(together), "{budget}");
        all_ended(others).await;
        assert_eq!(troupe.messages_sent(), 2 + if together { 4 } else { 3 }, "{budget}");
    }
}

struct Password(&'static str);

impl<D: Database> Login<D> for Password {
    async fn hash(&self, _: &IdempotencyKey, salt: &String) -> Result<String, Failure> {
        Ok(format!("{}{salt}", self.0))
    }
}

struct Register;

impl<D: Database> Identity<D> for Register {
    fn salt(&self, user: &String) -> String {
        format!("+{user}")
    }
    fn is_valid(&self, user: &String, hash: &String) -> bool {
        *hash == format!("secret+{user}")
    }
    async fn token(&self, _: &IdempotencyKey, user: &String) -> Result<String, Failure> {
        Ok(format!("token of {user}"))
    }
}

struct Watcher(u64);

impl<D: Database> Watch<D> for Watcher {
    async fn came(&self, _: &IdempotencyKey, user: &String) -> Result<u64, Failure> {
        Ok(self.0 + user.len() as u64)
    }
}

fn ada() -> Authenticate {
    Authenticate { user: "Ada".to_owned() }
}

/// The name, the salt and the hash are 3 messages; each of the n observers hears the name or a selection; the client and the service get the
/// token or a selection: 5 + n, whatever comes of it.
#[tokio::test]
async fn a_client_is_let_in_and_all_observers_hear_of_it() {
    for (password, count) in
        [("secret", 0), ("secret", 1), ("secret", 4), ("guessed", 0), ("guessed", 1), ("guessed", 4)]
    {
        let is_valid = password == "secret";
        let troupe = Troupe::with_members(3, count);
        let provider = troupe.play(authenticate::Provider::new(Register), ());
        let service = troupe.play(authenticate::Service::new(), ());
        let observers =
            (0..count).map(|index| troupe.play_member(index, authenticate::Observer::new(Watcher(index as u64)), ()));
        let observers = observers.collect();
        let client = troupe.play(authenticate::Client::new(Password(password)), ada());
        let token = is_valid.then(|| "token of Ada".to_owned());
        assert_eq!(client.ended().await.unwrap(), token);
        assert_eq!(service.ended().await.unwrap(), token);
        provider.ended().await.unwrap();
        let seen: Vec<u64> = (0..count as u64).map(|index| if is_valid { index + 3 } else { 0 }).collect();
        assert_eq!(all_ended(observers).await, seen);
        assert_eq!(troupe.messages_sent(), 5 + count as u64, "{password} before {count}");
    }
}

/// As above: what an observer does first stands in an `each`, and is a receive, so that nothing else begins its part.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_let_in_on_nodes() {
    let stage = Stage::casting(&["a", "b", "c", "d"], |name, builder, _| {
        let builder = builder.assign("Client", "a").assign("Provider", "b").assign("Service", "c");
        let builder = builder.allow("Observer", ["c", "d"]);
        match name {
            "a" => builder.role(authenticate::Client::new(Password("secret"))),
            "b" => builder.role(authenticate::Provider::new(Register)),
            "c" => builder.role(authenticate::Service::new()).role(authenticate::Observer::new(Watcher(0))),
            _ => builder.role(authenticate::Observer::new(Watcher(0))),
        }
    })
    .await;
    let mut sent = 0;
    for (id, observers) in [("0", vec![]), ("1", vec!["d"]), ("3", vec!["d", "c", "d"])] {
        sent += 5 + observers.len() as u64;
        let start = stage.start(ada(), id).members("Observer", observers);
        let token = within(id, start.settled()).await.unwrap();
        stage.settle().await;
        assert_eq!((token.as_deref(), messages(&stage)), (Some("token of Ada"), sent), "with {id} observers");
    }
}
