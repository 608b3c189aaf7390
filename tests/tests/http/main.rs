//! Services that are other programs: what is sent to them over HTTP, what is made of their answers, and that each call takes effect once, or not at all,
//! whatever becomes of requests, answers and the program itself.
#![allow(missing_docs, clippy::panic, reason = "a test stops at what it does not expect")]

mod provider;

use std::collections::BTreeSet;
use std::time::Duration;

use accompanist::http::Service;
use accompanist::store::Memory;
use accompanist::{Node, Retry};
use accompanist_tests::stage::RETRY;
use accompanist_tests::wait::{until, within};
use provider::{Asked, Does, Entry, Provider};
use serde_json::json;

accompanist::choreo! {
    struct Found { found: Vec<u64>, by: Option<String> }

    service Payment {
        /// Takes money.
        fn charge(customer: String, amount: u64) -> String compensate refund;
        fn ping();
        fn find(amount: u64, key: String) -> Option<Found>;
        /// Has an argument of the name that its result has.
        fn settle(result: u64, when: (u32, Option<bool>)) -> u64 compensate unsettle;
    }

    choreography Ask<Payment>(amount: u64@Payment) -> Option<Found>@Payment {
        Payment.ping();
        let found = Payment.find(amount, "by name");
        Payment.settle(7, (1, Some(true)));
        found
    }

    choreography Pay<Shop, Payment>(amount: u64@Shop, fails: bool@Shop) -> String@Shop {
        let told = amount ~> Payment;
        let receipt = Payment.charge("Ada", told) ~> Shop;
        require !fails, "changed my mind";
        receipt
    }
}

const NODE: &str = "all";

/// A node that plays everything, with the provider as the service.
async fn node(provider: &Provider, retry: Retry) -> Node<Memory> {
    let service = Service::new(&provider.base()).expect("it is a base").time_limit(Duration::from_millis(300));
    let service = service.answer_bytes_max(1_000).header("Authorization", "Bearer secret").expect("it is a header");
    let builder = Node::builder(NODE, Memory::new()).assign("Shop", NODE).assign("Payment", NODE);
    let builder = builder.role(pay::Shop::new()).role(pay::Payment::new(service.clone()));
    let builder = builder.role(ask::Payment::new(service)).retries(retry).retry_compensations(RETRY);
    builder.start().await.expect("the node starts")
}

async fn paid(node: &Node<Memory>, id: &str, amount: u64, fails: bool) -> Result<String, accompanist::Error> {
    within(("the session", id), node.start(Pay { amount, fails }).id(id).settled()).await
}

/// The keys of the requests for an operation.
fn keys(asked: &[Asked], operation: &str) -> BTreeSet<String> {
    asked.iter().filter(|asked| asked.operation() == operation).map(Asked::key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_a_request_with_its_key_and_its_arguments_by_name() {
    let provider = Provider::start().await;
    let node = node(&provider, RETRY).await;
    assert_eq!(paid(&node, "1", 12, false).await.expect("it is paid"), "R-12");
    let asked = provider.asked();
    let [charge] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(charge.line, "POST /payment/charge HTTP/1.1");
    assert_eq!(charge.body, json!({"customer": "Ada", "amount": 12}));
    let header = |name: &str| charge.headers.get(name).map(String::as_str);
    assert_eq!(header("content-type"), Some("application/json"));
    assert_eq!(header("authorization"), Some("Bearer secret"));
    assert!(charge.key().len() == 32 && charge.key().chars().all(|c| c.is_ascii_hexdigit()), "{charge:?}");
    assert_eq!(provider.entries(), [Entry::Charged(12)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_values_of_their_types() {
    let provider = Provider::start().await;
    let node =
        node(&provider, Retry::new().attempts(2).pauses(Duration::from_millis(1), Duration::from_millis(1))).await;
    provider.next([Does::Works, Does::Works, Does::Answers("201 Created", " 3 ")]);
    let found = within("the answer", node.start(Ask { amount: 5 }).settled()).await.expect("it is found");
    let found = found.expect("it is found");
    assert_eq!((found.found, found.by), (vec![5, 2], None));
    provider.next([Does::Works, Does::Works, Does::Answers("200 OK", "3")]);
    let found = within("the answer", node.start(Ask { amount: 0 }).settled()).await.expect("it is answered");
    assert!(found.is_none(), "an empty body is nothing");
    let bodies: Vec<_> =
        provider.asked().into_iter().map(|asked| (asked.operation().to_owned(), asked.body)).take(3).collect();
    let expected = [
        ("ping".to_owned(), json!({})),
        ("find".to_owned(), json!({"amount": 5, "key": "by name"})),
        ("settle".to_owned(), json!({"result": 7, "when": [1, true]})),
    ];
    assert_eq!(bodies, expected);
    // Of this nobody knows whether it was done, so it is undone.
    provider.next([
        Does::Works,
        Does::Works,
        Does::Answers("404 Not Found", "there is no settle"),
        Does::Works,
        Does::Answers("204 No Content", ""),
    ]);
    let error =
        within("the end", node.start(Ask { amount: 5 }).settled()).await.expect_err("there is no such operation");
    let url = format!("{}/settle", provider.base());
    let told = format!("POST {url} answered 404 Not Found: there is no settle");
    assert_eq!(error.reason(), Some(format!("Payment.settle failed 2 times, at last with: {told}").as_str()));
    let last = provider.asked().pop().expect("it is undone");
    assert_eq!(
        (last.operation(), last.body.clone()),
        ("unsettle", json!({"result": 7, "when": [1, true], "result_": null}))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_a_request_with_the_same_key_and_the_result() {
    let provider = Provider::start().await;
    let node = node(&provider, RETRY).await;
    // A compensation is asked for until it is done, also where it is refused.
    provider.next([
        Does::Works,
        Does::Answers("409 Conflict", "{\"abort\": \"never\"}"),
        Does::Answers("500 Oh", ""),
        Does::Closes,
    ]);
    let error = paid(&node, "1", 12, true).await.expect_err("it is rolled back");
    assert_eq!(error.reason(), Some("changed my mind"));
    let asked = provider.asked();
    assert_eq!(asked.len(), 5, "{asked:?}");
    for refund in asked.iter().skip(1) {
        assert_eq!(refund.line, "POST /payment/refund HTTP/1.1");
        assert_eq!(refund.body, json!({"customer": "Ada", "amount": 12, "result": "R-12"}));
    }
    assert_eq!(keys(&asked, "charge"), keys(&asked, "refund"));
    assert_eq!(provider.entries(), [Entry::Refunded(12)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_with_a_reason_is_a_business_refusal() {
    let provider = Provider::start().await;
    let node = node(&provider, RETRY).await;
    let error = paid(&node, "1", 5_000, false).await.expect_err("it is refused");
    assert_eq!(error.reason(), Some("card declined"));
    provider.next([Does::Answers("422 Unprocessable Content", "{\"abort\": \"no such card\", \"code\": 7}")]);
    let error = paid(&node, "2", 12, false).await.expect_err("it is refused");
    assert_eq!(error.reason(), Some("no such card"));
    let asked = provider.asked();
    assert_eq!(asked.len(), 2, "it is neither tried again nor compensated: {asked:?}");
    assert_eq!(provider.entries(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_else_is_answered_is_tried_again_with_the_same_key_and_takes_effect_once() {
    let provider = Provider::start().await;
    let node = node(&provider, RETRY).await;
    let long: &'static str = Box::leak(format!("\"{}\"", "x".repeat(2_000)).into_boxed_str());
    let ways = [
        Does::Answers("500 Internal Server Error", "out of paper"),
        Does::Answers("409 Conflict", "no reason"),
        Does::Answers("422 Unprocessable Content", "{\"abort\": 7}"),
        Does::Answers("404 Not Found", ""),
        Does::Answers("302 Found", ""),
        Does::Answers("200 OK", "<html>"),
        Does::WorksAndAnswers("200 OK", "17"),
        Does::WorksAndAnswers("200 OK", ""),
        Does::WorksAndAnswers("200 OK", long),
        Does::WorksAndAnswers("503 Service Unavailable", "{}"),
        Does::Closes,
        Does::WorksAndCloses,
        Does::WorksAndHangs,
        Does::WorksAndBreaksOff,
        Does::WorksLate(Duration::from_millis(400)),
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let before = (provider.asked().len(), provider.charges());
        provider.next([way]);
        let paid = paid(&node, &number.to_string(), 12, false).await;
        assert_eq!(paid.expect("it is paid after all"), "R-12", "{way:?}");
        let asked = provider.asked().split_off(before.0);
        assert!(asked.len() >= 2, "{way:?}: it is asked again: {asked:?}");
        assert_eq!(keys(&asked, "charge").len(), 1, "{way:?}: with the same key");
        assert_eq!(provider.charges(), before.1 + 1, "{way:?}: it takes effect once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_wrong_is_told_with_the_request_and_the_answer() {
    let mut provider = Provider::start().await;
    let node = node(&provider, Retry::new().attempts(1)).await;
    let url = format!("POST {}/charge", provider.base());
    for (number, (does, told)) in [
        (
            Does::Answers("500 Internal Server Error", "out\nof paper"),
            "answered 500 Internal Server Error: out of paper",
        ),
        (
            Does::Answers("200 OK", "17"),
            "answered 200 OK, which cannot be read: invalid type: integer `17`, expected a string",
        ),
        // What looks like a refusal and lacks its reason is told what it lacks.
        (
            Does::Answers("409 Conflict", "no reason"),
            "answered 409 Conflict, whose body is not `{\"abort\": \"reason\"}`: so it is tried again, and is no refusal: no reason",
        ),
        (
            Does::Answers("422 Unprocessable Content", "{\"abort\": 7}"),
            "answered 422 Unprocessable Entity, whose body is not `{\"abort\": \"reason\"}`",
        ),
        (Does::WorksAndHangs, "was not answered within 300 ms"),
        (Does::Closes, "failed: "),
        (Does::WorksAndBreaksOff, "answered 200 OK, and its body cannot be read: "),
    ]
    .into_iter()
    .enumerate()
    {
        provider.next([does]);
        let error = paid(&node, &number.to_string(), 12, false).await.expect_err("it is tried once");
        let told = format!("{url} {told}");
        assert!(error.reason().is_some_and(|reason| reason.contains(&told)), "{error:?} says `{told}`");
    }
    // Nobody is there to undo anything either, until it is back.
    until("the compensations", || (node.counts().sessions == 0).then_some(())).await;
    provider.kill().await;
    let session = node.start(Pay { amount: 1, fails: false }).id("away");
    let (ended, ()) = tokio::join!(within("the end", session.settled()), async {
        until("a failing compensation", || (node.counts().compensations_failed > 0).then_some(())).await;
        provider.start_again().await;
    });
    let reason = ended.expect_err("nobody is there").reason().map(str::to_owned).unwrap_or_default();
    assert!(reason.contains(&format!("{url} failed: ")) && reason.contains("refused"), "{reason}");
    assert_eq!(provider.entries().iter().filter(|entry| matches!(entry, Entry::Charged(_))).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_arrives_after_its_compensation_takes_no_effect() {
    let provider = Provider::start().await;
    let node = node(&provider, Retry::new().attempts(1)).await;
    provider.next([Does::WorksLate(Duration::from_secs(2))]);
    let error = paid(&node, "1", 12, false).await.expect_err("it is given up");
    assert!(error.to_string().contains("was not answered within"), "{error}");
    let asked = provider.asked();
    assert_eq!(keys(&asked, "charge"), keys(&asked, "refund"));
    let refund = asked.last().expect("it is compensated");
    assert_eq!(refund.body, json!({"customer": "Ada", "amount": 12, "result": null}), "nobody knows what it gave");
    assert_eq!(provider.entries(), [Entry::Barred]);
    // It arrives, and nothing comes of it.
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    assert_eq!((provider.entries(), provider.charges()), (vec![Entry::Barred], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_killed_again_and_again_takes_each_payment_once_or_not_at_all() {
    const SESSIONS: u64 = 120;
    let mut provider = Provider::start().await;
    provider.double_all();
    let node = node(&provider, RETRY).await;
    let session = |number: u64| {
        let (amount, fails) = (if number % 10 == 3 { 5_000 } else { number }, number.is_multiple_of(3));
        let start = node.start(Pay { amount, fails }).id(number.to_string());
        async move { (number, start.settled().await) }
    };
    let mut sessions = tokio::task::JoinSet::new();
    for number in 0..SESSIONS {
        sessions.spawn(session(number));
    }
    let ended = async {
        let mut ended = Vec::new();
        while let Some(one) = sessions.join_next().await {
            ended.push(one.expect("it does not panic"));
        }
        ended
    };
    let trouble = async {
        let bad = [Does::WorksAndCloses, Does::Closes, Does::WorksAndHangs, Does::WorksAndBreaksOff];
        for round in 0..6 {
            provider.next(bad.into_iter().cycle().skip(round).take(8));
            tokio::time::sleep(Duration::from_millis(25)).await;
            provider.kill().await;
            tokio::time::sleep(Duration::from_millis(25)).await;
            provider.start_again().await;
        }
    };
    let (ended, ()) = within("the end of all sessions", async { tokio::join!(ended, trouble) }).await;
    let expected = |number: u64| match (number % 10 == 3, number.is_multiple_of(3)) {
        (true, _) => Err("card declined".to_owned()),
        (false, true) => Err("changed my mind".to_owned()),
        (false, false) => Ok(format!("R-{number}")),
    };
    for (number, result) in ended {
        let result = result.map_err(|error| error.reason().map_or_else(|| error.to_string(), str::to_owned));
        assert_eq!(result, expected(number), "session {number}");
    }
    let mut charged: Vec<u64> = Vec::new();
    for entry in provider.entries() {
        match entry {
            Entry::Charged(amount) => charged.push(amount),
            Entry::Refunded(amount) => assert!(expected(amount).is_err(), "{amount} is given back"),
            Entry::Barred => {}
        }
    }
    charged.sort_unstable();
    let paid: Vec<u64> = (0..SESSIONS).filter(|number| expected(*number).is_ok()).collect();
    assert_eq!(charged, paid, "what the clients were told is what was taken, once each");
    assert!(provider.asked().len() > SESSIONS as usize, "some requests were made again");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_used_again() {
    let provider = Provider::start().await;
    let node = node(&provider, RETRY).await;
    for number in 0..20_u32 {
        paid(&node, &number.to_string(), 1, number.is_multiple_of(2)).await.ok();
    }
    let (requests, connections) = (provider.asked().len(), provider.connections());
    assert!(requests == 30 && connections < 10, "{requests} requests over {connections} connections");
}
