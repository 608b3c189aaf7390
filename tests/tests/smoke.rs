//! A node plays hand-written roles over SQLite.
#![allow(missing_docs)]
use accompanist::store::{Sqlite, SqliteTx};
use accompanist::*;
use std::sync::Arc;

struct Shop;
struct Bump;
impl Transaction<Shop, Sqlite> for Bump {
    const NAME: &'static str = "Shop.bump";
    type Arguments = (i64,);
    type Output = i64;
    async fn commit(_: &Shop, tx: &mut SqliteTx, arguments: &(i64,)) -> Result<i64, Failure> {
        if arguments.0 > 100 {
            return Err(Failure::abort("too much"));
        }
        tx.execute("UPDATE t SET n = n + ?1", [arguments.0])?;
        Ok(tx.query_row("SELECT n FROM t", [], |r| r.get(0))?)
    }
    async fn compensate(_: &Shop, tx: &mut SqliteTx, a: &(i64,), _: &i64) -> Result<(), BoxError> {
        tx.execute("UPDATE t SET n = n - ?1", [a.0])?;
        Ok(())
    }
}
static DEF: Definition = Definition {
    name: "Chain",
    fingerprint: [1; 32],
    roles: &["A", "B", "C"],
    initiator: RoleId(0),
    participants: &[RoleId(0), RoleId(1), RoleId(2)],
    begins: &[],
};
struct Chain(Arc<Shop>, u16);
#[derive(serde::Serialize, serde::Deserialize)]
struct Args {
    n: i64,
}
impl Choreography for Args {
    type Output = i64;
    const DEFINITION: &'static Definition = &DEF;
}
macro_rules! role {
    ($name:ident, $id:expr, $args:ty, |$ctx:ident, $s:ident, $a:ident| $body:block) => {
        struct $name(Arc<Shop>);
        impl Role<Sqlite> for $name {
            const DEFINITION: &'static Definition = &DEF;
            const ROLE: RoleId = RoleId($id);
            type Arguments = $args;
            type Output = i64;
            async fn run<C: SessionContext<Database = Sqlite>>(
                self: Arc<Self>,
                $ctx: C,
                $a: $args,
            ) -> Result<i64, Interrupted> {
                let $s = &self.0;
                $body
            }
            fn compensate<'a>(
                &'a self,
                tx: &'a mut SqliteTx,
                op: &'a str,
                a: &'a str,
                o: &'a str,
            ) -> BoxFuture<'a, Result<(), BoxError>> {
                match op {
                    "Shop.bump" => compensate::<Bump, Shop, Sqlite>(&self.0, tx, a, o),
                    _ => unknown_operation(op),
                }
            }
        }
    };
}
role!(A, 0, Args, |ctx, s, a| {
    let n = ctx.transaction::<Bump, _>(1, s, (a.n,)).await?;
    ctx.send(2, RoleId(1), &n)?;
    ctx.receive::<i64>(5, RoleId(2)).await
});
role!(B, 1, (), |ctx, s, _a| {
    let n = ctx.receive::<i64>(2, RoleId(0)).await?;
    let n = ctx.transaction::<Bump, _>(3, s, (n,)).await?;
    ctx.send(4, RoleId(2), &n)?;
    Ok(n)
});
role!(C, 2, (), |ctx, s, _a| {
    let n = ctx.receive::<i64>(4, RoleId(1)).await?;
    let n = ctx.transaction::<Bump, _>(6, s, (n,)).await?;
    ctx.send(5, RoleId(0), &n)?;
    Ok(n)
});

#[tokio::test(flavor = "multi_thread")]
async fn runs() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path().join("x.db"))
        .unwrap()
        .with_schema("CREATE TABLE IF NOT EXISTS t(n); INSERT INTO t VALUES (0)")
        .unwrap();
    let s = Arc::new(Shop);
    let _ = Chain(s.clone(), 1);
    let mut b = Node::builder("a", store.clone()).role(A(s.clone())).role(B(s.clone())).role(C(s.clone()));
    for r in ["A", "B", "C"] {
        b = b.assign(r, "a");
    }
    let node = b.start().await.unwrap();
    let t = std::time::Instant::now();
    let out = node.start(Args { n: 5 }).id("x").settled().await;
    println!("{:?} {:?} {:?}", out, t.elapsed(), node.counts());
    let out = node.start(Args { n: 5 }).id("x").settled().await;
    println!("{:?}", out);
    let out = node.start(Args { n: 6 }).id("x").settled().await;
    println!("{:?}", out);
    let out = node.start(Args { n: 50 }).id("y").settled().await;
    println!("{:?}", out);
    println!("n {}", store.read(|c| c.query_row("SELECT n FROM t", [], |r| r.get::<_, i64>(0))).unwrap());
    for i in 0..20 {
        let t = std::time::Instant::now();
        let out = node.start(Args { n: 0 }).settled().await;
        println!("{i} {:?} {:?}", out, t.elapsed());
    }
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    println!("{:?}", node.counts());
}
