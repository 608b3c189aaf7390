//! Loops: a stream that its source or its sink ends, and a game of two players.

use std::sync::atomic::{AtomicUsize, Ordering};

use accompanist::{Database, Failure, IdempotencyKey};
use accompanist_tests::generated::streaming::{
    Filter, Filtered, Pulled, Pushed, Sink, Source, filtered, pulled, pushed,
};
use accompanist_tests::generated::tic_tac_toe::{Game, Mark, Play, Player, play};
use accompanist_tests::stage::Stage;
use accompanist_tests::troupe::{Troupe, all_ended};
use accompanist_tests::wait::within;

use super::messages;

/// Gives these, one after the other.
struct Items(Vec<u64>, AtomicUsize);

impl Items {
    fn up_to(count: u64) -> Self {
        Self((0..count).collect(), AtomicUsize::new(0))
    }
}

impl<D: Database> Source<D> for Items {
    async fn next(&self, _: &IdempotencyKey) -> Result<Option<u64>, Failure> {
        Ok(self.0.get(self.1.fetch_add(1, Ordering::Relaxed)).copied())
    }
}

struct Triples;

impl<D: Database> Filter<D> for Triples {
    fn map(&self, item: &u64) -> u64 {
        item * 3
    }
    fn keeps(&self, item: &u64) -> bool {
        item.is_multiple_of(3)
    }
}

/// Wants so many items.
struct Wants(usize);

impl<D: Database> Sink<D> for Wants {
    async fn wants(&self, _: &IdempotencyKey, seen: &usize) -> Result<bool, Failure> {
        Ok(*seen < self.0)
    }
}

/// Each item goes from the source to the filter and on to the sink, and so does the stop signal, which the program writes itself and which tells
/// each role that the loop stops: 2k + 2.
#[tokio::test]
async fn a_stream_ends_with_its_source() {
    for count in [0, 1, 10] {
        let troupe = Troupe::new();
        let source = troupe.play(pushed::Source::new(Items::up_to(count)), Pushed {});
        let filter = troupe.play(pushed::Filter::new(Triples), ());
        let seen = troupe.play(pushed::Sink::new(Wants(0)), ()).ended().await.unwrap();
        assert_eq!(seen, (0..count).map(|item| item * 3).collect::<Vec<_>>());
        all_ended(vec![source, filter]).await;
        assert_eq!(troupe.messages_sent(), 2 * count + 2);
    }
}

/// Each item goes to the filter, and on to the sink or is replaced by a selection; at the end both are told by a selection: 2k + 2.
#[tokio::test]
async fn a_sink_is_told_of_what_it_does_not_get() {
    for count in [0, 1, 10] {
        let troupe = Troupe::new();
        let source = troupe.play(filtered::Source::new(Items::up_to(count)), Filtered {});
        let filter = troupe.play(filtered::Filter::new(Triples), ());
        let seen = troupe.play(filtered::Sink::new(Wants(0)), ()).ended().await.unwrap();
        assert_eq!(seen, (0..count).filter(|item| item % 3 == 0).collect::<Vec<_>>());
        all_ended(vec![source, filter]).await;
        assert_eq!(troupe.messages_sent(), 2 * count + 2);
    }
}

/// Each item is asked for and given, 2 messages, the `None` at the end as well; the stop signal is one more.
#[tokio::test]
async fn a_stream_ends_when_its_sink_has_enough_or_nothing_is_left() {
    for (count, wanted) in [(0, 0), (0, 3), (1, 1), (5, 3), (3, 5)] {
        let troupe = Troupe::new();
        let source = troupe.play(pulled::Source::new(Items::up_to(count)), Pulled {});
        let seen = troupe.play(pulled::Sink::new(Wants(wanted as usize)), ()).ended().await.unwrap();
        assert_eq!(seen, (0..count.min(wanted)).collect::<Vec<_>>());
        source.ended().await.unwrap();
        let asked = wanted.min(count + 1);
        assert_eq!(troupe.messages_sent(), 2 * asked + 1, "{wanted} of {count}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_on_nodes() {
    let stage = Stage::casting(&["a", "b", "c"], |name, builder, _| {
        let builder = builder.assign("Source", "a").assign("Filter", "b").assign("Sink", "c");
        match name {
            "a" => builder.role(pushed::Source::new(Items::up_to(4))),
            "b" => builder.role(pushed::Filter::new(Triples)),
            _ => builder.role(pushed::Sink::new(Wants(0))),
        }
    })
    .await;
    within("the stream", stage.start(Pushed {}, "1").settled()).await.unwrap();
    stage.settle().await;
    assert_eq!(messages(&stage), 2 * 4 + 2);
}

/// Plays these cells, whatever the other does; then nothing that is on the board.
struct Script(Vec<usize>, AtomicUsize);

impl Script {
    fn new(cells: &[usize]) -> Self {
        Self(cells.to_vec(), AtomicUsize::new(0))
    }
}

impl<D: Database> Player<D> for Script {
    async fn choose(&self, _: &IdempotencyKey, board: &Vec<Mark>) -> Result<usize, Failure> {
        assert_eq!(board.len(), 9);
        Ok(self.0.get(self.1.fetch_add(1, Ordering::Relaxed)).copied().unwrap_or(9))
    }
}

/// Takes the first cell that is free.
struct First;

impl<D: Database> Player<D> for First {
    async fn choose(&self, _: &IdempotencyKey, board: &Vec<Mark>) -> Result<usize, Failure> {
        Ok(board.iter().position(|mark| *mark == Mark::Empty).unwrap_or(9))
    }
}

/// The cells of both, how the game ends, and after how many moves.
type Played = (&'static [usize], &'static [usize], Result<Game, &'static str>, u64);

/// Each move is a message, and nothing else is said: both know how the game stands.
#[tokio::test]
async fn a_game_takes_as_many_messages_as_moves() {
    let cases: [Played; 6] = [
        (&[0, 1, 2], &[3, 4], Ok(Game::Won(Mark::Cross)), 5),
        (&[0, 4, 8], &[3, 5], Ok(Game::Won(Mark::Cross)), 5),
        (&[0, 1, 8], &[2, 4, 6], Ok(Game::Won(Mark::Nought)), 6),
        (&[0, 2, 3, 7, 8], &[1, 4, 5, 6], Ok(Game::Drawn), 9),
        (&[0, 1], &[0], Err("no such move"), 2),
        (&[], &[], Err("no such move"), 1),
    ];
    for (crosses, noughts, expected, moves) in cases {
        let troupe = Troupe::new();
        let nought = troupe.play(play::Nought::new(Script::new(noughts)), ());
        let cross = troupe.play(play::Cross::new(Script::new(crosses)), Play {});
        let expected = expected.map_err(ToOwned::to_owned);
        assert_eq!(cross.ended().await, expected, "{crosses:?} {noughts:?}");
        assert_eq!(nought.ended().await, expected, "{crosses:?} {noughts:?}");
        assert_eq!(troupe.messages_sent(), moves, "{crosses:?} {noughts:?}");
    }
    let troupe = Troupe::new();
    let nought = troupe.play(play::Nought::new(First), ());
    let cross = troupe.play(play::Cross::new(First), Play {});
    let games = all_ended(vec![cross, nought]).await;
    assert_eq!((games, troupe.messages_sent()), (vec![Game::Won(Mark::Cross); 2], 7));
}
