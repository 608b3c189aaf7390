//! Programs as somebody writes them who is new to the language: no conversion between integer types, no
//! `select`, and each pair of a group's members calls one choreography.

use accompanist::{Database, Failure, IdempotencyKey};
use accompanist_tests::generated::cards::{Cards, Deck, Hand, cards};
use accompanist_tests::generated::gmw::{Gmw, Party, gmw};
use accompanist_tests::generated::merge_sort::{MergeSort, merge_sort};
use accompanist_tests::generated::quicksort::{Sort, sort};
use accompanist_tests::generated::vote::{Outcome, Vote, Voter, vote};
use accompanist_tests::stage::Stage;
use accompanist_tests::troupe::{Troupe, all_ended};
use accompanist_tests::wait::within;

use super::messages;

/// Numbers without an order.
fn mixed(count: u64) -> Vec<u64> {
    (0..count).map(|x| x * 7919 % 65_537 % 1_000).collect()
}

fn sorted(xs: &[u64]) -> Vec<u64> {
    let mut xs = xs.to_vec();
    xs.sort_unstable();
    xs
}

#[tokio::test]
async fn five_hundred_numbers_are_sorted_by_turns() {
    let xs = mixed(500);
    let troupe = Troupe::new();
    let others = vec![troupe.play(merge_sort::B::new(), ()), troupe.play(merge_sort::C::new(), ())];
    let ended = troupe.play(merge_sort::A::new(), MergeSort { xs: xs.clone() }).ended().await.unwrap();
    // Each of the 499 divisions sends both halves there and back; where nothing is divided, two are told.
    assert_eq!((ended, troupe.messages_sent()), (sorted(&xs), 4 * 499 + 2 * 500));
    all_ended(others).await;
    let signed: Vec<i64> = xs.iter().map(|x| *x as i64).collect();
    let troupe = Troupe::new();
    let others = vec![troupe.play(sort::B::new(), ()), troupe.play(sort::C::new(), ())];
    let ended = troupe.play(sort::A::new(), Sort { xs: signed }).ended().await.unwrap();
    assert!(ended.iter().map(|x| *x as u64).eq(sorted(&xs)));
    all_ended(others).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_numbers_are_sorted_on_nodes() {
    let xs = mixed(500);
    let stage = Stage::casting(&["a", "b", "c"], |name, builder, _| match name {
        "a" => builder.role(merge_sort::A::new()).role(sort::A::new()),
        "b" => builder.role(merge_sort::B::new()).role(sort::B::new()),
        _ => builder.role(merge_sort::C::new()).role(sort::C::new()),
    })
    .await;
    let start = stage.start(MergeSort { xs: xs.clone() }, "merge");
    assert_eq!(within("merge sort", start.settled()).await.unwrap(), sorted(&xs));
    let signed: Vec<i64> = xs.iter().map(|x| *x as i64).collect();
    let ended = within("quicksort", stage.start(Sort { xs: signed }, "quick").settled()).await.unwrap();
    assert!(ended.iter().map(|x| *x as u64).eq(sorted(&xs)));
}

/// Has a secret, and tosses a coin that only depends on when it is asked.
struct Secret(bool);

impl<D: Database> Party<D> for Secret {
    async fn secret(&self, _: &IdempotencyKey) -> Result<bool, Failure> {
        Ok(self.0)
    }

    async fn coin(&self, key: &IdempotencyKey) -> Result<bool, Failure> {
        Ok(key.to_string().bytes().fold(0, |sum: u8, byte| sum.wrapping_mul(31).wrapping_add(byte)) % 2 == 1)
    }
}

/// Shares of each secret go to each other party; each of the n - 1 conjunctions is a transfer between each
/// two of them; the result's shares go to all others and the host.
fn gmw_messages(n: u64) -> u64 {
    let pairs = n * n.saturating_sub(1);
    pairs + n.saturating_sub(1) * pairs + pairs + n
}

#[tokio::test]
async fn parties_compute_whether_all_secrets_are_true() {
    for secrets in [&[][..], &[true], &[false], &[true, true], &[true, false], &[true; 4], &[true, true, false, true]] {
        let troupe = Troupe::with_members(1, secrets.len());
        let parties = secrets.iter().enumerate();
        let parties = parties.map(|(index, own)| troupe.play_member(index, gmw::P::new(Secret(*own)), ())).collect();
        let all = troupe.play(gmw::Host::new(), Gmw {}).ended().await.unwrap();
        assert_eq!(all, secrets.iter().all(|own| *own), "{secrets:?}");
        assert_eq!(all_ended(parties).await, vec![all; secrets.len()]);
        assert_eq!(troupe.messages_sent(), gmw_messages(secrets.len() as u64), "{secrets:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parties_compute_on_nodes() {
    let stage = Stage::casting(&["a", "b", "c", "d"], |name, builder, _| {
        let builder = builder.assign("Host", "a").allow("P", ["b", "c", "d"]);
        match name {
            "a" => builder.role(gmw::Host::new()),
            "d" => builder.role(gmw::P::new(Secret(false))),
            _ => builder.role(gmw::P::new(Secret(true))),
        }
    })
    .await;
    for (id, parties, expected) in [("1", vec!["b", "c"], true), ("2", vec!["b", "c", "d"], false)] {
        let start = stage.start(Gmw {}, id).members("P", parties);
        assert_eq!(within(id, start.settled()).await.unwrap(), expected);
    }
    stage.settle().await;
    // A party acts before it receives anything, so that the host tells each to begin.
    let begins = 2 + 3;
    assert_eq!(messages(&stage), gmw_messages(2) + gmw_messages(3) + begins);
}

/// Draws the same cards in each game.
struct Cards24;

impl<D: Database> Deck<D> for Cards24 {
    async fn draw(&self, key: &IdempotencyKey) -> Result<u64, Failure> {
        Ok(key.to_string().bytes().map(u64::from).sum::<u64>() % 10 + 1)
    }
}

/// Wants another card where it has less than this.
struct Careful(u64);

impl<D: Database> Hand<D> for Careful {
    async fn wants_more(&self, _: &IdempotencyKey, own: &u64, seen: &Vec<u64>) -> Result<bool, Failure> {
        if seen.contains(own) { Ok(*own < self.0) } else { Err(Failure::abort("its card is not among them")) }
    }

    async fn paid(&self, _: &IdempotencyKey, _: &bool) -> Result<(), Failure> {
        Ok(())
    }
}

#[tokio::test]
async fn players_win_at_cards_by_one_message_for_each_card_and_answer() {
    for careful in [0, 11] {
        let troupe = Troupe::with_members(1, 3);
        let players = (0..3).map(|index| troupe.play_member(index, cards::Player::new(Careful(careful)), ()));
        let players = players.collect();
        let winners = troupe.play(cards::Dealer::new(Cards24), Cards {}).ended().await.unwrap();
        all_ended(players).await;
        assert!(winners <= 3);
        // A card, what the others have, an answer, perhaps another card, the one on the table, and who has won.
        let more = if careful > 10 { 3 } else { 0 };
        assert_eq!(troupe.messages_sent(), 3 + 3 * 2 + 3 + more + 3 + 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_of_cards_is_played_between_nodes() {
    let stage = Stage::casting(&["a", "b", "c"], |name, builder, _| {
        let builder = builder.assign("Dealer", "a").allow("Player", ["b", "c"]);
        match name {
            "a" => builder.role(cards::Dealer::new(Cards24)),
            "b" => builder.role(cards::Player::new(Careful(0))),
            _ => builder.role(cards::Player::new(Careful(11))),
        }
    })
    .await;
    let winners = within("a game", stage.start(Cards {}, "1").members("Player", ["b", "c"]).settled()).await.unwrap();
    assert!(winners <= 2);
    stage.settle().await;
    assert_eq!(messages(&stage), 2 + 2 + 2 + 1 + 2 + 2);
}

/// Votes always alike.
struct Ballot(bool);

impl<D: Database> Voter<D> for Ballot {
    async fn ballot(&self, _: &IdempotencyKey, _: &String) -> Result<bool, Failure> {
        Ok(self.0)
    }
}

fn question() -> Vote {
    Vote { question: "shall we?".to_owned() }
}

#[tokio::test]
async fn a_majority_decides_and_all_hear_of_it() {
    for (ballots, passed) in
        [(vec![], false), (vec![true], true), (vec![true, false], false), (vec![true, false, true], true)]
    {
        let troupe = Troupe::with_members(1, ballots.len());
        let members = ballots.iter().enumerate();
        let members = members.map(|(index, own)| troupe.play_member(index, vote::Member::new(Ballot(*own)), ()));
        let members = members.collect();
        let outcome = troupe.play(vote::Chair::new(), question()).ended().await.unwrap();
        let (yes, of) = (ballots.iter().filter(|own| **own).count() as u64, ballots.len() as u64);
        assert_eq!((outcome.yes, outcome.of, outcome.passed), (yes, of, passed), "{ballots:?}");
        let heard: Vec<Outcome> = all_ended(members).await;
        assert!(heard.iter().all(|heard| *heard == outcome), "{ballots:?}");
        assert_eq!(troupe.messages_sent(), 3 * of);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_is_taken_between_nodes() {
    let stage = Stage::casting(&["a", "b", "c"], |name, builder, _| {
        let builder = builder.assign("Chair", "a").allow("Member", ["b", "c"]);
        match name {
            "a" => builder.role(vote::Chair::new()),
            _ => builder.role(vote::Member::new(Ballot(name == "b"))),
        }
    })
    .await;
    let start = stage.start(question(), "1").members("Member", ["b", "c", "b"]);
    let outcome = within("a vote", start.settled()).await.unwrap();
    assert_eq!((outcome.yes, outcome.of, outcome.passed), (2, 3, true));
    stage.settle().await;
    assert_eq!(messages(&stage), 9);
}
