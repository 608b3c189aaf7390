//! The Rust of random programs, which the build script chooses, and how their roles are played. What a service does is what the machine's does.

use std::collections::BTreeMap;
use std::sync::Arc;

use accompanist::plain::PlainSession;
use accompanist::{BoxError, Database, Failure, IdempotencyKey, Role, RoleId};
use chor::Compilation;
use chor::hir::IntTy;
use chor::interpret::{Called, Cast, Participant, Value};
use serde::de::DeserializeOwned;

use crate::machine::{Entry, World};
use crate::oracle::{Case, Desk, Future, Played, Stuck, json, reason, run_all};
use crate::random::Random;

/// A program: its seed and its roles.
pub type Program = (u64, fn(&mut Scene<'_>));

type Ended = Result<serde_json::Value, String>;

/// A session of a random program.
pub struct Scene<'s> {
    case: &'s Case,
    cast: Cast,
    session: &'s PlainSession,
    desk: Desk,
    world: Arc<World>,
    playing: Vec<(Participant, Future<'s, Ended>)>,
}

/// The service of a participant.
pub struct Service {
    world: Arc<World>,
    compilation: Arc<Compilation>,
    participant: Participant,
}

/// An operation of a service.
struct Declared {
    /// `Service.operation`
    name: String,
    is_pure: bool,
}

impl Service {
    /// What an operation gives.
    fn result(&self, name: &str, arguments: &[Value]) -> (Declared, Result<Value, String>) {
        let hir = &self.compilation.hir;
        let has = |service: &&chor::hir::Service| service.operations.iter().any(|known| known.name.name == name);
        let service = hir.services.iter().find(has).expect("a service has it");
        let declared = service.operations.iter().find(|known| known.name.name == name).expect("the service has it");
        let called = Called {
            participant: self.participant,
            service: &service.name.name,
            operation: name,
            kind: &declared.kind,
            arguments,
            result: &declared.result,
        };
        let known = Declared { name: format!("{}.{name}", service.name.name), is_pure: declared.is_pure() };
        (known, self.world.result(hir, &called))
    }

    /// What an operation gives, which is written down unless it is pure.
    fn ask<T: DeserializeOwned>(&self, name: &str, arguments: Vec<Value>) -> Result<T, Failure> {
        let (declared, result) = self.result(name, &arguments);
        if !declared.is_pure {
            self.world.record(self.participant, Entry::Did(declared.name, arguments, result.clone()));
        }
        given(result)
    }

    /// What an operation outside gives.
    fn ask_outside<T: DeserializeOwned>(
        &self,
        key: &IdempotencyKey,
        name: &str,
        arguments: Vec<Value>,
    ) -> Result<T, Failure> {
        let (declared, result) = self.result(name, &arguments);
        let entry = Entry::Did(declared.name, arguments, result.clone());
        if result.is_err() {
            self.world.record(self.participant, entry);
        } else if !self.world.books().call(*key, self.participant, entry) {
            return Err(std::io::Error::other("it is compensated").into());
        }
        given(result)
    }

    fn undo(&self, name: &str, arguments: Vec<Value>, output: Value) -> Result<(), BoxError> {
        self.world.record(self.participant, Entry::Undid(name.to_owned(), arguments, output));
        Ok(())
    }
}

/// What was given, as the operation's type.
fn given<T: DeserializeOwned>(result: Result<Value, String>) -> Result<T, Failure> {
    let value = result.map_err(Failure::Abort)?;
    Ok(serde_json::from_value(json(&value)).expect("a value is of its type"))
}

fn number(number: &u32) -> Value {
    Value::Int(i128::from(*number), IntTy { signed: false, bits: Some(32) })
}

fn numbers(all: &[u32]) -> Value {
    Value::Vec(all.iter().map(number).collect())
}

fn text(text: &str) -> Value {
    Value::text(text)
}

/// A struct `Item`.
fn item(count: u32, name: &str) -> Value {
    Value::Struct(vec![("count".to_owned(), number(&count)), ("name".to_owned(), text(name))])
}

/// The operations of random programs that give a value of a tag.
macro_rules! by_tag {
    ($($name:ident: $ty:ty),*) => {$(
        async fn $name(&self, _: &IdempotencyKey, tag: &String) -> Result<$ty, Failure> {
            self.ask(stringify!($name), vec![text(tag)])
        }
    )*};
}

/// Implements the services of a random program.
macro_rules! service {
    ($program:ident) => {
        impl<D: Database> $program::S<D> for Service {
            by_tag!(
                flip: bool, list: Vec<u32>, mark: $program::Mark, maybe: Option<u32>, word: String, real: f64, small: i8,
                letter: char, ledger: BTreeMap<String, u32>, verdict: Result<u32, String>, coin: crate::foreign::Coin,
                risky_ask: bool
            );
            fn size(&self, x: &u32) -> u32 {
                self.ask("size", vec![number(x)]).expect("it never aborts")
            }
            fn is_even(&self, x: &u32) -> bool {
                self.ask("is_even", vec![number(x)]).expect("it never aborts")
            }
            async fn note(&self, _: &IdempotencyKey, tag: &String, x: &u32) -> Result<u32, Failure> {
                self.ask("note", vec![text(tag), number(x)])
            }
            async fn item(&self, _: &IdempotencyKey, tag: &String, x: &u32) -> Result<$program::Item, Failure> {
                self.ask("item", vec![text(tag), number(x)])
            }
            async fn hire(&self, key: &IdempotencyKey, tag: &String, x: &u32) -> Result<u32, Failure> {
                self.ask_outside(key, "hire", vec![text(tag), number(x)])
            }
            async fn risky_hire(&self, key: &IdempotencyKey, tag: &String, x: &u32) -> Result<u32, Failure> {
                self.ask_outside(key, "risky_hire", vec![text(tag), number(x)])
            }
            async fn dismiss(
                &self,
                key: &IdempotencyKey,
                _: &String,
                _: &u32,
                output: Option<&u32>,
            ) -> Result<(), BoxError> {
                self.world.books().undo(*key, output.map(number).as_ref());
                Ok(())
            }
            async fn rent(&self, key: &IdempotencyKey, tag: &String) -> Result<bool, Failure> {
                self.ask_outside(key, "rent", vec![text(tag)])
            }
            async fn give_up(&self, key: &IdempotencyKey, _: &String, output: Option<&bool>) -> Result<(), BoxError> {
                self.world.books().undo(*key, output.copied().map(Value::Bool).as_ref());
                Ok(())
            }
            async fn take(&self, _: &mut D::Tx, tag: &String, x: &u32) -> Result<u32, Failure> {
                self.ask("take", vec![text(tag), number(x)])
            }
            async fn give(&self, _: &mut D::Tx, tag: &String, x: &u32, output: &u32) -> Result<(), BoxError> {
                self.undo("S.take", vec![text(tag), number(x)], number(output))
            }
            async fn risky_take(&self, _: &mut D::Tx, tag: &String, x: &u32) -> Result<u32, Failure> {
                self.ask("risky_take", vec![text(tag), number(x)])
            }
            async fn give_back(&self, _: &mut D::Tx, tag: &String, x: &u32, output: &u32) -> Result<(), BoxError> {
                self.undo("S.risky_take", vec![text(tag), number(x)], number(output))
            }
            async fn close(&self, _: &mut D::Tx, tag: &String, xs: &Vec<u32>) -> Result<crate::foreign::Seal, Failure> {
                self.ask("close", vec![text(tag), numbers(xs)])
            }
            async fn open(
                &self,
                _: &mut D::Tx,
                tag: &String,
                xs: &Vec<u32>,
                _: &crate::foreign::Seal,
            ) -> Result<(), BoxError> {
                self.undo("S.close", vec![text(tag), numbers(xs)], Value::Struct(Vec::new()))
            }
            async fn log(&self, _: &mut D::Tx, tag: &String) -> Result<(), Failure> {
                self.ask("log", vec![text(tag)])
            }
        }

        impl<D: Database> $program::R<D> for Service {
            by_tag!(toss: bool);
            fn spin(&self, x: &u32) -> u32 {
                self.ask("spin", vec![number(x)]).expect("it never aborts")
            }
            async fn lock(&self, _: &mut D::Tx, tag: &String, of: &$program::Item) -> Result<u32, Failure> {
                self.ask("lock", vec![text(tag), item(of.count, &of.name)])
            }
            async fn unlock(
                &self,
                _: &mut D::Tx,
                tag: &String,
                of: &$program::Item,
                output: &u32,
            ) -> Result<(), BoxError> {
                self.undo("R.lock", vec![text(tag), item(of.count, &of.name)], number(output))
            }
        }
    };
}

impl Scene<'_> {
    /// All who play a declared role.
    pub fn role<R: Role<Desk>>(&mut self, role: u16, make: impl Fn(Service) -> R) {
        for (participant, declared, index) in self.cast.all().filter(|(_, declared, _)| declared.0 == role) {
            let service = Service {
                world: Arc::clone(&self.world),
                compilation: Arc::clone(&self.case.compilation),
                participant,
            };
            let player = make(service);
            let arguments = if player.definition().initiator == RoleId(declared.0) {
                let params = &self.case.compilation.hir.choreography(self.case.choreography).params;
                let named = params.iter().zip(self.case.arguments());
                named.map(|(param, value)| (param.name.name.clone(), json(&value))).collect()
            } else {
                serde_json::Value::Null
            };
            let arguments = serde_json::from_value(arguments).expect("the arguments are of their types");
            let (session, store) = (self.session, Arc::new(self.desk.clone()));
            let play = async move {
                let ended = session.play_member(player, index.unwrap_or(0), &store, arguments).await;
                ended.map(|value| serde_json::to_value(value).expect("a result is JSON")).map_err(|e| reason(&e))
            };
            self.playing.push((participant, Box::pin(play)));
        }
    }
}

/// Plays the roles of a program on the plain runtime, in the order of that schedule.
pub fn play(case: &Case, roles: fn(&mut Scene<'_>), schedule: u64) -> Result<Played, String> {
    let mut session = PlainSession::new();
    for (group, count) in &case.groups {
        session = session.members_of(RoleId(group.0), *count);
    }
    let (desk, world) = (Desk::default(), Arc::new(World::new(case.seed, schedule, case.is_punctual)));
    let cast = Cast::of(&case.compilation.hir, case.choreography, &case.groups);
    let mut scene =
        Scene { case, cast, session: &session, desk: desk.clone(), world: Arc::clone(&world), playing: Vec::new() };
    roles(&mut scene);
    let (participants, futures): (Vec<Participant>, Vec<_>) = scene.playing.into_iter().unzip();
    let ended =
        run_all(futures, &desk, &mut Random::new(schedule)).map_err(|Stuck(stuck)| format!("{stuck:?} wait"))?;
    let ended: BTreeMap<Participant, Ended> = participants.into_iter().zip(ended).collect();
    Ok(Played { ended, messages: Some(session.messages_sent()), lost: None, log: world.log(), called: None })
}

include!(concat!(env!("OUT_DIR"), "/random_roles.rs"));
