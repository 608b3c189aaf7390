//! The functions that only generated code calls.

use accompanist_core::RoleId;
use serde::de::DeserializeOwned;

use super::{BoxError, BoxFuture, Compensated, Database, IdempotencyKey, Transaction};
use crate::json::read;

/// Undoes the transaction `T`, given its arguments and result as JSON. Called by generated code.
pub fn compensate<'a, T, S, D>(
    service: &'a S,
    tx: &'a mut D::Tx,
    arguments: &'a str,
    output: &'a str,
) -> BoxFuture<'a, Result<(), BoxError>>
where
    T: Transaction<S, D>,
    D: Database,
    S: Sync,
{
    Box::pin(async move {
        let arguments = recorded("arguments", arguments)?;
        let output = recorded("result", output)?;
        T::compensate(service, tx, &arguments, &output).await
    })
}

/// Undoes the operation `O`, given its arguments and result as JSON. Called by generated code.
pub fn compensate_call<'a, O, S, D>(
    service: &'a S,
    key: &'a IdempotencyKey,
    arguments: &'a str,
    output: Option<&'a str>,
) -> BoxFuture<'a, Result<(), BoxError>>
where
    O: Compensated<S, D>,
    D: Database,
    S: Sync,
{
    Box::pin(async move {
        let arguments = recorded("arguments", arguments)?;
        let output = output.map(|output| recorded("result", output)).transpose()?;
        O::compensate(service, key, &arguments, output.as_ref()).await
    })
}

/// What is recorded of an operation that is undone. Where the code that is deployed cannot read it, nothing has been touched, and the
/// compensation is tried again until there is code that can.
fn recorded<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, BoxError> {
    read(json).map_err(|error| {
        format!("its recorded {what} cannot be read: {error}; deploy the code that wrote them, or code that reads them")
            .into()
    })
}

/// The answer to a compensation that a role does not have. Called by generated code.
pub fn unknown_operation(operation: &str) -> BoxFuture<'_, Result<(), BoxError>> {
    Box::pin(async move {
        Err(format!("this version of the role has no compensation for `{operation}`; deploy one that has").into())
    })
}

/// The one participant that plays a role that is no group. Called by generated code.
pub fn only_member(members: &[RoleId]) -> RoleId {
    members.first().copied().unwrap_or(RoleId(u16::MAX))
}
