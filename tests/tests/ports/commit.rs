//! A two-phase commit as a saga, on both runtimes: all participants enter the line, or none has it in the end.

use std::sync::Arc;

use accompanist::store::Sqlite;
use accompanist::{BoxError, Database, Failure, IdempotencyKey};
use accompanist_tests::clerk::{Behaviour, Clerk};
use accompanist_tests::generated::commit::{Commit, Ledger, commit};
use accompanist_tests::generated::trials;
use accompanist_tests::pages::{Shelf as _, Writes};
use accompanist_tests::stage::Stage;
use accompanist_tests::troupe::Troupe;
use accompanist_tests::wait::{until, within};

use super::messages;

/// The clerk of `trials.chor`, in this service.
struct Keeper(Clerk);

impl<D: Database<Tx: Writes>> Ledger<D> for Keeper {
    async fn enter(&self, tx: &mut D::Tx, line: &String) -> Result<u64, Failure> {
        trials::Ledger::<D>::enter(&self.0, tx, line).await
    }
    async fn strike(&self, tx: &mut D::Tx, line: &String, count: &u64) -> Result<(), BoxError> {
        trials::Ledger::<D>::strike(&self.0, tx, line, count).await
    }
    async fn look(&self, key: &IdempotencyKey, line: &String) -> Result<u64, Failure> {
        trials::Ledger::<D>::look(&self.0, key, line).await
    }
}

fn tea() -> Commit {
    Commit { line: "tea".to_owned() }
}

/// What a participant that could enter the line has done, and one that could not: the refused write is not in its database.
fn history(entered: bool, committed: bool) -> Vec<&'static str> {
    match (entered, committed) {
        (true, true) => vec!["enter tea"],
        (true, false) => vec!["enter tea", "strike tea"],
        (false, _) => vec![],
    }
}

/// The line goes to each of the n participants, and each says that it is entered: 2n, and at most 2n - 1 where one refuses. Votes are no
/// messages of the choreography.
#[tokio::test]
async fn all_participants_enter_the_line_or_none_does() {
    for (count, refuses) in [(0, None), (1, None), (1, Some(0)), (4, None), (4, Some(0)), (4, Some(3))] {
        let directory = tempfile::tempdir().unwrap();
        let troupe = Troupe::with_members(1, count);
        let participants: Vec<_> = (0..count)
            .map(|index| {
                let clerk = Clerk::default();
                if refuses == Some(index) {
                    clerk.tell("enter", Behaviour::Refuses("the page is full"));
                }
                let store = Arc::new(Sqlite::fresh(directory.path(), &index.to_string()).unwrap());
                let role = commit::Participant::new(Keeper(clerk.clone()));
                (troupe.play_member_with(&store, index, role, ()), store, clerk)
            })
            .collect();
        let outcome = troupe.play(commit::Coordinator::new(), tea()).ended().await.unwrap();
        let expected = match refuses {
            None => Ok(vec![1; count]),
            Some(index) => Err(format!("Participant[{index}]: the page is full")),
        };
        assert_eq!(outcome, expected);
        for (index, (part, store, clerk)) in participants.into_iter().enumerate() {
            assert_eq!(part.ended().await.unwrap(), refuses.is_none(), "{index} of {count}");
            let pages = store.pages(&clerk.book).unwrap();
            // One that hears of the failure before its own turn enters nothing.
            let entered = refuses != Some(index) && (refuses.is_none() || !pages.history.is_empty());
            assert_eq!(pages.history, history(entered, refuses.is_none()), "{index} of {count}");
            assert_eq!(pages.entries.len(), usize::from(refuses.is_none()), "{index} of {count}");
            assert_eq!(clerk.calls("look"), 1, "the session goes on");
        }
        let (sent, n) = (troupe.messages_sent(), count as u64);
        match refuses {
            None => assert_eq!(sent, 2 * n),
            Some(_) => assert!((n..2 * n).contains(&sent), "{sent}"),
        }
    }
}

async fn committing(names: &[&str]) -> Stage {
    Stage::casting(names, |name, builder, clerk| {
        let builder = builder.assign("Coordinator", "a").allow("Participant", ["b", "c", "d"]);
        match name {
            "a" => builder.role(commit::Coordinator::new()),
            _ => builder.role(commit::Participant::new(Keeper(clerk.clone()))),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn participants_on_nodes_that_are_restarted_in_the_middle_agree() {
    for refuses in [false, true] {
        let mut stage = committing(&["a", "b", "c", "d"]).await;
        let start = |stage: &Stage| stage.start(tea(), "1").members("Participant", ["b", "c", "d"]);
        stage.clerk("d").tell("enter", Behaviour::Waits);
        drop(within("the start", start(&stage).accepted()).await.unwrap());
        let entered = |name: &str| !stage.pages(name).entries.is_empty();
        until("what two have entered", || (entered("b") && entered("c")).then_some(())).await;
        until("the third", || (stage.clerk("d").calls("enter") > 0).then_some(())).await;
        // The database of the third waits for its transaction: that node cannot go.
        stage.restart(&["b", "a", "c"]).await;
        let told = if refuses { Behaviour::Refuses("the page is full") } else { Behaviour::Works };
        stage.clerk("d").tell("enter", told);
        let outcome = within("the outcome", start(&stage).settled()).await.unwrap();
        let expected = if refuses { Err("Participant[2]: the page is full".to_owned()) } else { Ok(vec![1; 3]) };
        assert_eq!(outcome, expected);
        stage.settle().await;
        for (name, could) in [("b", true), ("c", true), ("d", !refuses)] {
            assert_eq!(stage.pages(name).history, history(could, !refuses), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_between_nodes_sends_nothing_but_the_line_and_the_answers() {
    let stage = committing(&["a", "b", "c"]).await;
    let mut sent = 0;
    for (id, nodes) in [("0", vec![]), ("1", vec!["b"]), ("2", vec!["c", "b"])] {
        sent += 2 * nodes.len() as u64;
        let start = stage.start(tea(), id).members("Participant", nodes.clone());
        assert_eq!(within(id, start.settled()).await.unwrap().map(|counts| counts.len()), Ok(nodes.len()));
        stage.settle().await;
        assert_eq!(messages(&stage), sent, "with {id} participants");
    }
}
