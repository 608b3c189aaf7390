//! A key-value store with replicas.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use accompanist::{BoxError, Database, Failure, IdempotencyKey};
use accompanist_tests::generated::replicas::{Request, Serve, ServeAll, Table, serve, serve_all};
use accompanist_tests::stage::Stage;
use accompanist_tests::troupe::{Troupe, all_ended};
use accompanist_tests::wait::within;

use super::messages;

/// The rows of one replica. Clones share them.
#[derive(Clone, Debug, Default)]
struct Rows(Arc<Mutex<BTreeMap<String, String>>>);

impl Rows {
    fn with(rows: &[(&str, &str)]) -> Self {
        let rows = rows.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Self(Arc::new(Mutex::new(rows.collect())))
    }

    fn seen(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap().clone().into_iter().collect()
    }
}

impl<D: Database> Table<D> for Rows {
    async fn put(&self, _: &mut D::Tx, key: &String, value: &String) -> Result<Option<String>, Failure> {
        Ok(self.0.lock().unwrap().insert(key.clone(), value.clone()))
    }
    async fn restore(&self, _: &mut D::Tx, key: &String, _: &String, old: &Option<String>) -> Result<(), BoxError> {
        let mut rows = self.0.lock().unwrap();
        match old {
            Some(old) => rows.insert(key.clone(), old.clone()),
            None => rows.remove(key),
        };
        Ok(())
    }
    async fn get(&self, _: &IdempotencyKey, key: &String) -> Result<Option<String>, Failure> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }
}

fn put(key: &str, value: &str) -> Request {
    Request::Put(key.to_owned(), value.to_owned())
}

fn get(key: &str) -> Request {
    Request::Get(key.to_owned())
}

/// One request to these replicas, the primary first.
async fn ask(request: Request, replicas: &[Rows]) -> (Result<Option<String>, String>, u64) {
    let troupe = Troupe::with_members(2, replicas.len() - 1);
    let primary = troupe.play(serve::Primary::new(replicas[0].clone()), ());
    let backups = replicas[1..].iter().enumerate();
    let backups: Vec<_> =
        backups.map(|(index, rows)| troupe.play_member(index, serve::Backup::new(rows.clone()), ())).collect();
    let answer = troupe.play(serve::Client::new(), Serve { request }).ended().await;
    assert_eq!(primary.ended().await, answer.clone().map(|_| ()));
    for backup in backups {
        assert_eq!(backup.ended().await, answer.clone().map(|_| ()));
    }
    (answer, troupe.messages_sent())
}

/// The request and the answer, and for each of the n backups what is put or looked up, which tells it which it is, and its own answer: 2n + 2.
#[tokio::test]
async fn what_is_put_into_all_replicas_is_got() {
    for backups in [0, 1, 2, 5] {
        let sent = 2 * backups as u64 + 2;
        let replicas: Vec<Rows> = (0..=backups).map(|_| Rows::default()).collect();
        let some = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(ask(get("a"), &replicas).await, (Ok(None), sent));
        assert_eq!(ask(put("a", "1"), &replicas).await, (Ok(None), sent));
        assert_eq!(ask(put("a", "2"), &replicas).await, (some("1"), sent));
        assert_eq!(ask(get("a"), &replicas).await, (some("2"), sent));
        assert!(replicas.iter().all(|rows| rows.seen() == [("a".to_owned(), "2".to_owned())]));
    }
}

#[tokio::test]
async fn the_majority_is_believed_and_without_one_nobody_is() {
    let rows = |value| Rows::with(&[("a", value)]);
    let (answer, _) = ask(get("a"), &[rows("wrong"), rows("right"), rows("right")]).await;
    assert_eq!(answer, Ok(Some("right".to_owned())));
    let (answer, _) = ask(get("a"), &[rows("wrong"), rows("right")]).await;
    assert_eq!(answer, Err("no majority".to_owned()));
}

#[tokio::test]
async fn replicas_that_differ_are_left_as_they_were() {
    let replicas = [Rows::with(&[("a", "1"), ("b", "7")]), Rows::with(&[("a", "1")]), Rows::default()];
    let before: Vec<_> = replicas.iter().map(Rows::seen).collect();
    let (answer, _) = ask(put("a", "2"), &replicas).await;
    assert_eq!(answer, Err("the replicas differ".to_owned()));
    assert_eq!(replicas.iter().map(Rows::seen).collect::<Vec<_>>(), before);
}

fn requests() -> Vec<Request> {
    vec![get("a"), put("a", "1"), put("b", "2"), put("a", "3"), get("a"), get("b")]
}

fn answers() -> Vec<Option<String>> {
    [None, None, None, Some("1"), Some("3"), Some("2")].map(|text| text.map(ToOwned::to_owned)).into()
}

/// Each request tells that there is another one; at the end the client tells all 1 + n: r(2n + 2) + 1 + n for r requests.
#[tokio::test]
async fn a_session_serves_any_number_of_requests() {
    for (backups, count) in [(0, 0), (0, 6), (1, 1), (3, 0), (3, 6)] {
        let troupe = Troupe::with_members(2, backups);
        let primary = troupe.play(serve_all::Primary::new(Rows::default()), ());
        let others = (0..backups).map(|index| troupe.play_member(index, serve_all::Backup::new(Rows::default()), ()));
        let others = others.chain([primary]).collect();
        let requests = requests()[..count].to_vec();
        let client = troupe.play(serve_all::Client::new(), ServeAll { requests });
        assert_eq!(client.ended().await.unwrap(), answers()[..count]);
        all_ended(others).await;
        let (n, r) = (backups as u64, count as u64);
        assert_eq!(troupe.messages_sent(), r * (2 * n + 2) + 1 + n, "{r} requests, {n} backups");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_serves_requests_on_nodes() {
    let tables: BTreeMap<&str, Rows> = ["b", "c", "d"].map(|name| (name, Rows::default())).into();
    let served = tables.clone();
    let stage = Stage::casting(&["a", "b", "c", "d"], move |name, builder, _| {
        let builder = builder.assign("Client", "a").assign("Primary", "b");
        let builder = if name == "a" { builder } else { builder.allow("Backup", ["c", "d"]) };
        match served.get(name).cloned() {
            Some(rows) => builder.role(serve_all::Primary::new(rows.clone())).role(serve_all::Backup::new(rows)),
            None => builder.role(serve_all::Client::new()),
        }
    })
    .await;
    let start = stage.start(ServeAll { requests: requests() }, "1").members("Backup", ["c", "d"]);
    assert_eq!(within("the answers", start.settled()).await.unwrap(), answers());
    stage.settle().await;
    assert_eq!(messages(&stage), 6 * (2 * 2 + 2) + 1 + 2);
    assert!(tables.values().all(|rows| rows.seen() == tables["b"].seen() && rows.seen().len() == 2));
}
