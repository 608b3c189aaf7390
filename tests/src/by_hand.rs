//! The order choreography as the compiler generates it.
#![allow(missing_docs)]

/// Doc comment of the struct, from the `.chor` file.
#[derive(Clone, Debug, PartialEq, ::accompanist::serde::Serialize, ::accompanist::serde::Deserialize)]
#[serde(crate = "::accompanist::serde")]
pub struct Receipt {
    pub order: u64,
    pub tracking: ::std::string::String,
    pub points: u32,
}

/// The operations of the service `Warehouse`.
pub trait Warehouse<D: ::accompanist::Database>: Send + Sync + 'static {
    fn total(&self, order: &crate::model::Order) -> u64;
    fn reserve(
        &self,
        tx: &mut D::Tx,
        order: &crate::model::Order,
    ) -> impl Future<Output = ::core::result::Result<u64, ::accompanist::Failure>> + Send;
    /// Undoes `reserve`.
    fn release(
        &self,
        tx: &mut D::Tx,
        order: &crate::model::Order,
        reserved: &u64,
    ) -> impl Future<Output = ::core::result::Result<(), ::accompanist::BoxError>> + Send;
    fn ship(
        &self,
        tx: &mut D::Tx,
        order: &crate::model::Order,
    ) -> impl Future<Output = ::core::result::Result<String, ::accompanist::Failure>> + Send;
    fn recall(
        &self,
        tx: &mut D::Tx,
        order: &crate::model::Order,
        output: &String,
    ) -> impl Future<Output = ::core::result::Result<(), ::accompanist::BoxError>> + Send;
}

/// The operations of the service `Warehouse` as types.
#[doc(hidden)]
pub mod warehouse_operations {
    pub struct Reserve;
    impl<S, D> ::accompanist::Transaction<S, D> for Reserve
    where
        S: super::Warehouse<D>,
        D: ::accompanist::Database,
    {
        const NAME: &'static str = "Warehouse.reserve";
        type Arguments = (crate::model::Order,);
        type Output = u64;
        async fn commit(
            service: &S,
            tx: &mut D::Tx,
            arguments: &Self::Arguments,
        ) -> ::core::result::Result<Self::Output, ::accompanist::Failure> {
            service.reserve(tx, &arguments.0).await
        }
        async fn compensate(
            service: &S,
            tx: &mut D::Tx,
            arguments: &Self::Arguments,
            output: &Self::Output,
        ) -> ::core::result::Result<(), ::accompanist::BoxError> {
            service.release(tx, &arguments.0, output).await
        }
    }

    pub struct Ship;
    impl<S, D> ::accompanist::Transaction<S, D> for Ship
    where
        S: super::Warehouse<D>,
        D: ::accompanist::Database,
    {
        const NAME: &'static str = "Warehouse.ship";
        type Arguments = (crate::model::Order,);
        type Output = String;
        async fn commit(
            service: &S,
            tx: &mut D::Tx,
            arguments: &Self::Arguments,
        ) -> ::core::result::Result<Self::Output, ::accompanist::Failure> {
            service.ship(tx, &arguments.0).await
        }
        async fn compensate(
            service: &S,
            tx: &mut D::Tx,
            arguments: &Self::Arguments,
            output: &Self::Output,
        ) -> ::core::result::Result<(), ::accompanist::BoxError> {
            service.recall(tx, &arguments.0, output).await
        }
    }

    /// Undoes an operation of the service by its name.
    pub fn compensate<'a, S, D>(
        service: &'a S,
        tx: &'a mut D::Tx,
        operation: &'a str,
        arguments: &'a str,
        output: &'a str,
    ) -> ::accompanist::BoxFuture<'a, ::core::result::Result<(), ::accompanist::BoxError>>
    where
        S: super::Warehouse<D>,
        D: ::accompanist::Database,
    {
        match operation {
            "Warehouse.reserve" => ::accompanist::compensate::<Reserve, S, D>(service, tx, arguments, output),
            "Warehouse.ship" => ::accompanist::compensate::<Ship, S, D>(service, tx, arguments, output),
            _ => ::accompanist::unknown_operation(operation),
        }
    }
}

/// What a session of `OrderFulfilment` starts with, at `Warehouse`.
#[derive(Clone, Debug, ::accompanist::serde::Serialize, ::accompanist::serde::Deserialize)]
#[serde(crate = "::accompanist::serde")]
pub struct OrderFulfilment {
    pub order: crate::model::Order,
}

impl ::accompanist::Choreography for OrderFulfilment {
    type Output = Receipt;
    const DEFINITION: &'static ::accompanist::Definition = &order_fulfilment::DEFINITION;
}

/// The roles of the choreography `OrderFulfilment`.
pub mod order_fulfilment {
    /// What the choreography is to a runtime.
    pub static DEFINITION: ::accompanist::Definition = ::accompanist::Definition {
        name: "OrderFulfilment",
        fingerprint: [7; 32],
        roles: &["Warehouse", "Payment", "Loyalty"],
        initiator: WAREHOUSE,
        participants: &[WAREHOUSE, PAYMENT, LOYALTY],
        begins: &[],
    };
    const WAREHOUSE: ::accompanist::RoleId = ::accompanist::RoleId(0);
    const PAYMENT: ::accompanist::RoleId = ::accompanist::RoleId(1);
    const LOYALTY: ::accompanist::RoleId = ::accompanist::RoleId(2);

    /// The role `Warehouse`, played with the service `S`.
    pub struct Warehouse<S> {
        service: ::std::sync::Arc<S>,
    }

    impl<S> Warehouse<S> {
        /// The role, played with `service`.
        pub fn new(service: S) -> Self {
            Self { service: ::std::sync::Arc::new(service) }
        }
    }

    impl<S, D> ::accompanist::Role<D> for Warehouse<S>
    where
        S: super::Warehouse<D>,
        D: ::accompanist::Database,
    {
        const DEFINITION: &'static ::accompanist::Definition = &DEFINITION;
        const ROLE: ::accompanist::RoleId = WAREHOUSE;
        type Arguments = super::OrderFulfilment;
        type Output = super::Receipt;

        async fn run<C: ::accompanist::SessionContext<Database = D>>(
            self: ::std::sync::Arc<Self>,
            ctx: C,
            arguments: Self::Arguments,
        ) -> ::core::result::Result<Self::Output, ::accompanist::Interrupted> {
            warehouse(&ctx, &self.service, arguments.order).await
        }

        fn compensate<'a>(
            &'a self,
            tx: &'a mut D::Tx,
            operation: &'a str,
            arguments: &'a str,
            output: &'a str,
        ) -> ::accompanist::BoxFuture<'a, ::core::result::Result<(), ::accompanist::BoxError>> {
            super::warehouse_operations::compensate(&*self.service, tx, operation, arguments, output)
        }
    }

    /// The program of the role `Warehouse`.
    async fn warehouse<C, S>(
        ctx: &C,
        service: &::std::sync::Arc<S>,
        order: crate::model::Order,
    ) -> ::core::result::Result<super::Receipt, ::accompanist::Interrupted>
    where
        C: ::accompanist::SessionContext,
        S: super::Warehouse<C::Database>,
    {
        ctx.transaction::<super::warehouse_operations::Reserve, S>(1, service, (order.clone(),)).await?;
        let bill = (order.customer.clone(), service.total(&order));
        ctx.send(2, PAYMENT, &bill)?;
        ctx.send(2, LOYALTY, &bill)?;
        let points = ctx.receive::<u32>(6, LOYALTY).await?;
        let tracking = ctx.transaction::<super::warehouse_operations::Ship, S>(7, service, (order.clone(),)).await?;
        ::core::result::Result::Ok(super::Receipt { order: order.id, tracking, points })
    }
}
