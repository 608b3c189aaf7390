//! A node that starts over many sessions works at once, and takes the rest of them up meanwhile.

use accompanist_tests::generated::trials::{Alone, Chain};
use accompanist_tests::stage::Stage;
use accompanist_tests::wait::{until, within};

/// More than are taken up before the start returns.
const SESSIONS: usize = 1_500;

fn chain(number: usize) -> Chain {
    Chain { line: format!("tea {number}") }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_over_many_sessions_goes_on_with_each_of_them_once() {
    let mut stage = Stage::with(&["a"]).await;
    let starts = (0..SESSIONS).map(|number| tokio::spawn(stage.start(chain(number), &number.to_string()).accepted()));
    let mut sessions = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        sessions.push(within("a start", start).await.expect("no panic").expect("it is accepted").session());
    }
    stage.restart(&["a"]).await;
    // Whoever asks for one that has not been taken up waits until it has.
    let last = SESSIONS - 1;
    let again = stage.accepted(chain(last), &last.to_string()).await;
    assert_eq!(Some(&again.session()), sessions.last());
    let other = within("other arguments", stage.start(chain(0), &last.to_string()).accepted()).await;
    assert!(other.is_err_and(|error| error.is_id_in_use()));
    // And what is new does not wait.
    let new = Alone { line: "coffee".to_owned() };
    assert_eq!(
        within("a new session", stage.start(new, "new").settled()).await.expect("a result"),
        SESSIONS as u64 + 1
    );
    until("all of them", || (stage.node("a").counts().replays == SESSIONS as u64).then_some(())).await;
    stage.up("b").await;
    stage.up("c").await;
    let starts = (0..SESSIONS).map(|number| tokio::spawn(stage.start(chain(number), &number.to_string()).settled()));
    for start in starts.collect::<Vec<_>>() {
        within("the end", start).await.expect("no panic").expect("a result");
    }
    for name in ["b", "c"] {
        let mut history = stage.pages(name).history;
        history.sort();
        history.dedup();
        assert_eq!((history.len(), stage.pages(name).history.len()), (SESSIONS, SESSIONS), "{name}");
    }
}
