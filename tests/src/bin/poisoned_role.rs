//! A node, one of two, whose service ends the process where it is asked to:
//! `poisoned_role NAME DATABASE OWN_PORT OTHER_PORT [HOW…]`. It starts a session for each HOW, whose
//! id that is.
#![allow(missing_docs, reason = "a test")]

use accompanist::store::{Sqlite, SqliteTx};
use accompanist::{BoxError, Failure, IdempotencyKey, Node, Retry, Timing};

accompanist::choreo! {
    struct Comment { text: String, answers: Vec<Comment> }
    service Bomb {
        transaction keep(x: u64) -> u64 compensate drop_it;
        transaction burst(how: String) -> u64 compensate clear;
        fn call(how: String) -> u64 compensate hang_up;
        pure fn look(how: String) -> u64;
        fn thread(depth: u64) -> Comment compensate unthread;
    }
    choreography Explode<A: Bomb, B: Bomb>(how: String@A) -> u64@A {
        A.keep(1);
        let at_b = how ~> B;
        let looked = B.look(at_b);
        let called = B.call(at_b);
        // Last, so that it is undone first: which compensation ends the process is then certain.
        let burst = B.burst(at_b);
        if at_b == "nested" {
            let comment = B.thread(5000);
        }
        let sum = burst + looked + called ~> A;
        require how != "compensation", "it is rolled back";
        sum
    }
}

#[derive(Clone)]
struct Charge;

fn burst(how: &str, here: &str) -> u64 {
    if how == here {
        std::process::abort();
    }
    1
}

impl Bomb<Sqlite> for Charge {
    async fn keep(&self, tx: &mut SqliteTx, x: &u64) -> Result<u64, Failure> {
        tx.execute("INSERT INTO kept VALUES ('keep')", [])?;
        Ok(*x)
    }

    async fn drop_it(&self, tx: &mut SqliteTx, _: &u64, _: &u64) -> Result<(), BoxError> {
        tx.execute("DELETE FROM kept WHERE rowid = (SELECT min(rowid) FROM kept WHERE what = 'keep')", [])?;
        Ok(())
    }

    async fn burst(&self, tx: &mut SqliteTx, how: &String) -> Result<u64, Failure> {
        tx.execute("INSERT INTO kept VALUES (?1)", [how])?;
        Ok(burst(how, "transaction"))
    }

    async fn clear(&self, tx: &mut SqliteTx, how: &String, _: &u64) -> Result<(), BoxError> {
        burst(how, "compensation");
        tx.execute("DELETE FROM kept WHERE what = ?1", [how])?;
        Ok(())
    }

    async fn call(&self, _: &IdempotencyKey, how: &String) -> Result<u64, Failure> {
        tokio::task::yield_now().await;
        Ok(burst(how, "call"))
    }

    async fn hang_up(&self, _: &IdempotencyKey, _: &String, _: Option<&u64>) -> Result<(), BoxError> {
        Ok(())
    }

    fn look(&self, how: &String) -> u64 {
        burst(how, "pure")
    }

    async fn thread(&self, _: &IdempotencyKey, depth: &u64) -> Result<Comment, Failure> {
        let leaf = Comment { text: "leaf".to_owned(), answers: Vec::new() };
        Ok((0..*depth).fold(leaf, |inner, _| Comment { text: "c".to_owned(), answers: vec![inner] }))
    }

    async fn unthread(&self, _: &IdempotencyKey, _: &u64, _: Option<&Comment>) -> Result<(), BoxError> {
        Ok(())
    }
}

const TIMING: Timing = Timing {
    resend_millis_min: 50,
    resend_millis_max: 400,
    retry: Retry::new(),
    retry_compensations: Retry::of_compensations(),
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    example_support::node::log();
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, database, own, other, hows @ ..] = arguments.as_slice() else {
        anyhow::bail!("NAME DATABASE OWN_PORT OTHER_PORT [HOW…]");
    };
    let database = Sqlite::open(database)?.with_schema("CREATE TABLE IF NOT EXISTS kept (what TEXT)")?;
    let other_name = if name == "a" { "b" } else { "a" };
    let builder = Node::builder(name, database)
        .timing(TIMING)
        .listen(format!("127.0.0.1:{own}"))
        .peers([(other_name, format!("127.0.0.1:{other}"))]);
    let node = match name.as_str() {
        "a" => builder.role(explode::A::new(Charge)).start().await?,
        _ => builder.role(explode::B::new(Charge)).start().await?,
    };
    for how in hows {
        let kind = how.split('-').next().unwrap_or_default();
        node.start(Explode { how: kind.to_owned() }).id(how.clone()).accepted().await?;
    }
    // Until the parent closes it.
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    node.drain(std::time::Duration::from_secs(1)).await?;
    Ok(())
}
