//! Groups: a second-price auction, and a lottery by shares that every member gives every other.

use accompanist::store::Sqlite;
use accompanist::{Database, Failure, IdempotencyKey, NodeBuilder};
use accompanist_tests::generated::auction::{Auction, Bidding, Sale, auction};
use accompanist_tests::generated::lottery::{Lottery, Secret, lottery};
use accompanist_tests::stage::Stage;
use accompanist_tests::troupe::{Troupe, all_ended};
use accompanist_tests::wait::within;

use super::messages;

/// Bids so much for whatever there is.
struct Purse(u64);

impl<D: Database> Bidding<D> for Purse {
    async fn bid(&self, _: &IdempotencyKey, lot: &String) -> Result<u64, Failure> {
        if lot.is_empty() { Err(Failure::abort("there is nothing to bid for")) } else { Ok(self.0) }
    }
}

/// The bids, the reserve, and who gets it for how much.
type Held = (&'static [u64], u64, Option<(usize, u64)>);

fn viola(reserve: u64) -> Auction {
    Auction { lot: "a viola".to_owned(), reserve }
}

/// Each of the n bidders hears of the lot, bids, and gets the price or a selection: 3n.
#[tokio::test]
async fn the_highest_bidder_pays_what_the_next_one_bid() {
    let cases: [Held; 7] = [
        (&[], 5, None),
        (&[7], 5, Some((0, 5))),
        (&[4], 5, None),
        (&[7, 9, 8], 5, Some((1, 8))),
        (&[7, 9, 8], 9, Some((1, 9))),
        (&[9, 9], 5, Some((0, 9))),
        (&[1, 2, 3, 4], 5, None),
    ];
    for (bids, reserve, expected) in cases {
        let troupe = Troupe::with_members(1, bids.len());
        let bidders = bids.iter().enumerate();
        let bidders =
            bidders.map(|(index, bid)| troupe.play_member(index, auction::Bidder::new(Purse(*bid)), ())).collect();
        let sale = troupe.play(auction::Seller::new(), viola(reserve)).ended().await.unwrap();
        assert_eq!(sale, expected.map(|(winner, price)| Sale { winner, price }), "{bids:?} from {reserve}");
        let paid: Vec<Option<u64>> = (0..bids.len())
            .map(|index| expected.and_then(|(winner, price)| (winner == index).then_some(price)))
            .collect();
        assert_eq!(all_ended(bidders).await, paid, "{bids:?} from {reserve}");
        assert_eq!(troupe.messages_sent(), 3 * bids.len() as u64, "{bids:?} from {reserve}");
    }
}

#[tokio::test]
async fn an_auction_that_one_bidder_ends_is_ended_for_all() {
    let troupe = Troupe::with_members(1, 3);
    let bidders = [0, 1, 2].map(|index| troupe.play_member(index, auction::Bidder::new(Purse(1)), ()));
    let nothing = Auction { lot: String::new(), reserve: 0 };
    let reason = troupe.play(auction::Seller::new(), nothing).ended().await.unwrap_err();
    assert_eq!(reason, "there is nothing to bid for");
    for bidder in bidders {
        assert_eq!(bidder.ended().await.unwrap_err(), reason);
    }
}

/// A bidder knows who sells, and who else may bid.
fn bidding(builder: NodeBuilder<Sqlite>) -> NodeBuilder<Sqlite> {
    builder.assign("Seller", "a").allow("Bidder", ["b", "c"])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auction_is_held_between_nodes_of_which_one_bids_twice() {
    let stage = Stage::casting(&["a", "b", "c"], |name, builder, _| match name {
        "a" => builder.assign("Seller", "a").role(auction::Seller::new()),
        "b" => bidding(builder).role(auction::Bidder::new(Purse(7))),
        _ => bidding(builder).role(auction::Bidder::new(Purse(9))),
    })
    .await;
    let mut sent = 0;
    for (id, bidders, expected) in
        [("0", vec![], None), ("1", vec!["b"], Some((0, 5))), ("3", vec!["b", "c", "b"], Some((1, 7)))]
    {
        sent += 3 * bidders.len() as u64;
        let sale = within(id, stage.start(viola(5), id).members("Bidder", bidders).settled()).await.unwrap();
        assert_eq!(sale, expected.map(|(winner, price)| Sale { winner, price }));
        stage.settle().await;
        assert_eq!(messages(&stage), sent, "{id} bidders");
    }
}

/// A number below 1000, which its owner tells nobody.
#[derive(Clone, Copy)]
struct Number(u64);

impl<D: Database> Secret<D> for Number {
    async fn split(&self, _: &IdempotencyKey, parts: &usize) -> Result<Vec<u64>, Failure> {
        let mut shares: Vec<u64> = (1..*parts as u64).map(|part| (self.0 + part) * 7919 % 1000).collect();
        let rest = shares.iter().sum::<u64>() % 1000;
        shares.push((self.0 + 1000 - rest) % 1000);
        Ok(shares)
    }
}

const NUMBERS: [u64; 6] = [999, 17, 402, 0, 640, 311];

fn winner(count: usize) -> Option<u64> {
    (count > 0).then(|| NUMBERS[..count].iter().sum::<u64>() % 1000 % count as u64)
}

/// Each of the n parties gives a share to each other, and its sum to each other and to the host: n(n - 1) + n·n.
#[tokio::test]
async fn a_lottery_has_the_winner_that_all_secrets_name() {
    for count in [0, 1, 2, 3, 6] {
        let troupe = Troupe::with_members(1, count);
        let parties = (0..count)
            .map(|index| troupe.play_member(index, lottery::Party::new(Number(NUMBERS[index])), ()))
            .collect();
        let host = troupe.play(lottery::Host::new(), Lottery {}).ended().await.unwrap();
        assert_eq!(host, winner(count), "of {count}");
        assert_eq!(all_ended(parties).await, vec![host; count]);
        assert_eq!(troupe.messages_sent(), (count * count.saturating_sub(1) + count * count) as u64, "{count}");
    }
}

/// A party knows who holds the lottery, and who else may take part.
fn drawing(builder: NodeBuilder<Sqlite>) -> NodeBuilder<Sqlite> {
    builder.assign("Host", "a").allow("Party", ["b", "c", "d"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lottery_is_held_between_nodes_that_are_restarted() {
    let names = ["a", "b", "c", "d"];
    let mut stage = Stage::casting(&names, |name, builder, _| match name {
        "a" => builder.assign("Host", "a").role(lottery::Host::new()),
        "b" => drawing(builder).role(lottery::Party::new(Number(NUMBERS[0]))),
        "c" => drawing(builder).role(lottery::Party::new(Number(NUMBERS[1]))),
        _ => drawing(builder).role(lottery::Party::new(Number(NUMBERS[2]))),
    })
    .await;
    let start = |stage: &Stage| stage.start(Lottery {}, "1").members("Party", ["b", "c", "d"]);
    // Nothing reaches C, so that nobody has all shares but everybody has done its own part.
    stage.tap.hold(|_, to, _| to == "c");
    drop(within("the start", start(&stage).accepted()).await.unwrap());
    accompanist_tests::wait::until("the shares for c", || (stage.tap.held() >= 2).then_some(())).await;
    stage.restart(&["d", "b", "a"]).await;
    stage.tap.lose_held();
    stage.restart(&["c"]).await;
    assert_eq!(within("the lottery", start(&stage).settled()).await.unwrap(), winner(3));
}
