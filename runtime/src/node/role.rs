//! Roles and operations with their types erased: what a node keeps many kinds of in one map.

use std::any::Any;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use accompanist_core::{Ran, TransactionRecord};

use super::context::NodeContext;
use crate::context::{
    BoxError, BoxFuture, Database, Definition, Failure, IdempotencyKey, Interrupted, Operation, Role, RoleId,
    ServiceOperation, Transaction, Value,
};
use crate::json::{Unwritable, read, record_owned};
use crate::store::Store;

/// A role's program under way; gives its result as JSON.
pub(super) type Program = Contained<BoxFuture<'static, Result<Arc<str>, Interrupted>>>;

/// A [`Role`] without its type.
pub(super) trait ErasedRole<S: Store>: Send + Sync {
    fn definition(&self) -> &'static Definition;
    fn id(&self) -> RoleId;
    fn operations(&self) -> &'static [ServiceOperation];
    /// Whether a session could start with these arguments, JSON.
    fn check_arguments(&self, arguments: &str) -> Result<(), serde_json::Error>;
    /// The program with its arguments, JSON.
    fn run(&self, ctx: NodeContext<S>, arguments: &str) -> Result<Program, serde_json::Error>;
    fn compensate<'a>(
        &'a self,
        tx: &'a mut S::Tx,
        operation: &'a str,
        arguments: &'a str,
        output: &'a str,
    ) -> BoxFuture<'a, Result<(), BoxError>>;
    fn compensate_call(
        self: Arc<Self>,
        key: IdempotencyKey,
        record: TransactionRecord,
    ) -> BoxFuture<'static, Result<(), BoxError>>;

    /// Whether the operation is one outside of the database, which shares no commit with its record.
    fn is_outside(&self, operation: &str) -> bool {
        let is_it =
            |declared: &ServiceOperation| matches!(declared, ServiceOperation::Recorded(name, _) if *name == operation);
        self.operations().iter().any(is_it)
    }
}

pub(super) struct Erased<R>(pub(super) Arc<R>);

impl<S: Store, R: Role<S>> ErasedRole<S> for Erased<R> {
    fn definition(&self) -> &'static Definition {
        self.0.definition()
    }

    fn id(&self) -> RoleId {
        self.0.role()
    }

    fn operations(&self) -> &'static [ServiceOperation] {
        self.0.operations()
    }

    fn check_arguments(&self, arguments: &str) -> Result<(), serde_json::Error> {
        read::<R::Arguments>(arguments).map(drop)
    }

    fn run(&self, ctx: NodeContext<S>, arguments: &str) -> Result<Program, serde_json::Error> {
        let (role, arguments) = (Arc::clone(&self.0), read(arguments)?);
        Ok(Contained::new(Box::pin(async move {
            // Made in here: a program that was moved in would be kept twice, before it runs and while it does.
            let output = role.run(ctx.clone(), arguments).await?;
            ctx.result(output)
        })))
    }

    fn compensate<'a>(
        &'a self,
        tx: &'a mut S::Tx,
        operation: &'a str,
        arguments: &'a str,
        output: &'a str,
    ) -> BoxFuture<'a, Result<(), BoxError>> {
        self.0.compensate(tx, operation, arguments, output)
    }

    fn compensate_call(
        self: Arc<Self>,
        key: IdempotencyKey,
        record: TransactionRecord,
    ) -> BoxFuture<'static, Result<(), BoxError>> {
        Box::pin(async move {
            let TransactionRecord { operation, arguments, result, .. } = &record;
            self.0.compensate_call(&key, operation, arguments, result.as_deref()).await
        })
    }
}

/// A transaction with its service and arguments.
pub(super) trait ErasedTransaction<D: Database>: Send + Sync {
    fn name(&self) -> &'static str;
    fn commit<'a>(&'a self, tx: &'a mut D::Tx) -> BoxFuture<'a, Ran>;
}

/// An operation with its service and arguments.
pub(super) trait ErasedCall: Send + Sync {
    fn name(&self) -> &'static str;
    fn call(self: Arc<Self>, key: IdempotencyKey) -> BoxFuture<'static, Ran>;
}

/// The service and the arguments of the operation `O`.
pub(super) struct Prepared<O, S, A> {
    service: Arc<S>,
    arguments: Contained<A>,
    /// How many bytes of JSON the result may have.
    bytes_max: usize,
    operation: PhantomData<fn() -> O>,
}

impl<O, S, A> Prepared<O, S, A> {
    pub(super) fn new(service: Arc<S>, arguments: A, bytes_max: usize) -> Self {
        Self { service, arguments: Contained::new(arguments), bytes_max, operation: PhantomData }
    }
}

impl<D, T, S> ErasedTransaction<D> for Prepared<T, S, T::Arguments>
where
    D: Database,
    T: Transaction<S, D>,
    S: Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn commit<'a>(&'a self, tx: &'a mut D::Tx) -> BoxFuture<'a, Ran> {
        Box::pin(async move {
            match self.arguments.get() {
                Some(arguments) => ran(T::commit(&self.service, tx, arguments).await, self.bytes_max),
                None => Ran::Failed("its arguments are gone".into()),
            }
        })
    }
}

/// [`Prepared`] for an operation of a service over the database `D`.
pub(super) struct PreparedCall<O, S, A, D>(pub(super) Prepared<O, S, A>, pub(super) PhantomData<fn() -> D>);

impl<D, O, S> ErasedCall for PreparedCall<O, S, O::Arguments, D>
where
    D: Database,
    O: Operation<S, D>,
    S: Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn call(self: Arc<Self>, key: IdempotencyKey) -> BoxFuture<'static, Ran> {
        Box::pin(async move {
            match self.0.arguments.get() {
                Some(arguments) => ran(O::call(&self.0.service, &key, arguments).await, self.0.bytes_max),
                None => Ran::Failed("its arguments are gone".into()),
            }
        })
    }
}

/// What the core is told of an operation's end. A result that cannot be recorded ends the saga, though the operation has taken
/// effect: no one else would see it, and it would be lost at the first restart.
fn ran<T: Value>(result: Result<T, Failure>, bytes_max: usize) -> Ran {
    match result {
        Ok(value) => match record_owned(value, bytes_max) {
            Ok(json) => Ran::Done(json.into()),
            Err(error) => Ran::Unrecordable(unrecordable(&error).into()),
        },
        Err(Failure::Abort(reason)) => Ran::Refused(reason.into()),
        Err(Failure::Infrastructure(error)) => Ran::Failed(error.to_string().into()),
    }
}

/// Why the result of an operation ends its saga.
pub(crate) fn unrecordable(error: &Unwritable) -> String {
    format!("the operation's result {error}")
}

/// A value of the user's, whose destructor may panic: that ends nothing but itself.
pub(super) struct Contained<T>(Option<T>);

impl<T> Contained<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Some(value))
    }

    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }

    pub(super) fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_mut()
    }
}

impl<T> Drop for Contained<T> {
    fn drop(&mut self) {
        let value = self.0.take();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
            tracing::error!(panic = panic_message(&*panic), "a value could not be dropped");
        }
    }
}

/// The future's output, or the message of its panic. It may panic when it is dropped, too.
pub(super) async fn catch_panic<T>(future: BoxFuture<'_, T>) -> Result<T, String> {
    let mut future = Contained::new(future);
    poll_fn(move |cx| match catch_unwind(AssertUnwindSafe(|| poll(&mut future, cx))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(panic_message(&*panic))),
    })
    .await
}

pub(super) fn poll<T>(future: &mut Contained<BoxFuture<'_, T>>, cx: &mut Context<'_>) -> Poll<T> {
    match future.get_mut() {
        Some(future) => future.as_mut().poll(cx),
        None => Poll::Pending,
    }
}

/// What a panic says.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a message"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use accompanist_core::Ran;

    use super::ran;
    use crate::context::Failure;

    #[test]
    fn a_result_that_cannot_be_recorded_is_no_refusal_of_the_service() {
        let pairs = BTreeMap::from([(("EUR".to_owned(), "USD".to_owned()), 108_u64)]);
        for (ran, why) in [
            (ran(Ok(f64::NAN), 100), "NaN is not finite"),
            (ran(Ok(pairs), 100), "key must be a string"),
            (ran(Ok("x".repeat(99)), 100), "has 101 bytes of JSON, more than 100"),
        ] {
            assert!(matches!(&ran, Ran::Unrecordable(reason) if reason.contains(why)), "{ran:?}");
        }
        assert_eq!(ran::<u64>(Err(Failure::abort("declined")), 100), Ran::Refused("declined".into()));
    }
}
