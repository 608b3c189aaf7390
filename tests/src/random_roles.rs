//! The Rust of random programs, which the build script chooses, and how their roles are played. What a service does is what the machine's does.

use std::collections::BTreeMap;
use std::sync::Arc;

use accompanist::plain::PlainSession;
use accompanist::{BoxError, Database, Failure, IdempotencyKey, Role, RoleId};
use chor::Compilation;
use chor::hir::IntTy;
use chor::interpret::{Called, Cast, Participant, Value};
use serde::de::DeserializeOwned;
use tokio::runtime::Builder;

use crate::machine::{Entry, World};
use crate::oracle::{Case, Desk, Future, Played, Stuck, json, reason, run_all};
use crate::random::Random;

/// A program: its seed, its text, and its roles.
pub type Program = (u64, &'static str, fn(&mut Scene<'_>));

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

impl Service {
    /// What an operation gives, and whether it is one that is written down.
    fn ask<T: DeserializeOwned>(&self, name: &str, arguments: Vec<Value>) -> Result<T, Failure> {
        let hir = &self.compilation.hir;
        let operations = hir.services.iter().flat_map(|service| &service.operations);
        let declared = operations.into_iter().find(|known| known.name.name == name).expect("the service has it");
        let called = Called {
            participant: self.participant,
            service: "S",
            operation: name,
            kind: &declared.kind,
            arguments: &arguments,
            result: &declared.result,
        };
        let result = self.world.result(hir, &called);
        if !declared.is_pure() {
            self.world.record(self.participant, Entry::Did(format!("S.{name}"), arguments, result.clone()));
        }
        let value = result.map_err(Failure::Abort)?;
        Ok(serde_json::from_value(json(&value)).expect("a value is of its type"))
    }

    fn undo(&self, name: &str, arguments: Vec<Value>, output: u32) -> Result<(), BoxError> {
        self.world.record(self.participant, Entry::Undid(format!("S.{name}"), arguments, number(&output)));
        Ok(())
    }
}

fn number(number: &u32) -> Value {
    Value::Int(i128::from(*number), IntTy { signed: false, bits: Some(32) })
}

fn text(text: &str) -> Value {
    Value::text(text)
}

/// Implements the service of a random program.
macro_rules! service {
    ($program:ident) => {
        impl<D: Database> $program::S<D> for Service {
            fn size(&self, x: &u32) -> u32 {
                self.ask("size", vec![number(x)]).expect("it never aborts")
            }
            fn is_even(&self, x: &u32) -> bool {
                self.ask("is_even", vec![number(x)]).expect("it never aborts")
            }
            async fn note(&self, _: &IdempotencyKey, tag: &String, x: &u32) -> Result<u32, Failure> {
                self.ask("note", vec![text(tag), number(x)])
            }
            async fn flip(&self, _: &IdempotencyKey, tag: &String) -> Result<bool, Failure> {
                self.ask("flip", vec![text(tag)])
            }
            async fn list(&self, _: &IdempotencyKey, tag: &String) -> Result<Vec<u32>, Failure> {
                self.ask("list", vec![text(tag)])
            }
            async fn mark(&self, _: &IdempotencyKey, tag: &String) -> Result<$program::Mark, Failure> {
                self.ask("mark", vec![text(tag)])
            }
            async fn item(&self, _: &IdempotencyKey, tag: &String, x: &u32) -> Result<$program::Item, Failure> {
                self.ask("item", vec![text(tag), number(x)])
            }
            async fn maybe(&self, _: &IdempotencyKey, tag: &String) -> Result<Option<u32>, Failure> {
                self.ask("maybe", vec![text(tag)])
            }
            async fn word(&self, _: &IdempotencyKey, tag: &String) -> Result<String, Failure> {
                self.ask("word", vec![text(tag)])
            }
            async fn risky_ask(&self, _: &IdempotencyKey, tag: &String) -> Result<bool, Failure> {
                self.ask("risky_ask", vec![text(tag)])
            }
            async fn take(&self, _: &mut D::Tx, tag: &String, x: &u32) -> Result<u32, Failure> {
                self.ask("take", vec![text(tag), number(x)])
            }
            async fn give(&self, _: &mut D::Tx, tag: &String, x: &u32, output: &u32) -> Result<(), BoxError> {
                self.undo("take", vec![text(tag), number(x)], *output)
            }
            async fn risky_take(&self, _: &mut D::Tx, tag: &String, x: &u32) -> Result<u32, Failure> {
                self.ask("risky_take", vec![text(tag), number(x)])
            }
            async fn give_back(&self, _: &mut D::Tx, tag: &String, x: &u32, output: &u32) -> Result<(), BoxError> {
                self.undo("risky_take", vec![text(tag), number(x)], *output)
            }
            async fn log(&self, _: &mut D::Tx, tag: &String) -> Result<(), Failure> {
                self.ask("log", vec![text(tag)])
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
    // Timers are made, and never go off.
    let clock = Builder::new_current_thread().enable_time().build().map_err(|error| error.to_string())?;
    let _entered = clock.enter();
    let (participants, futures): (Vec<Participant>, Vec<_>) = scene.playing.into_iter().unzip();
    let ended =
        run_all(futures, &desk, &mut Random::new(schedule)).map_err(|Stuck(stuck)| format!("{stuck:?} wait"))?;
    let ended: BTreeMap<Participant, Ended> = participants.into_iter().zip(ended).collect();
    Ok(Played { ended, messages: Some(session.messages_sent()), world })
}

include!(concat!(env!("OUT_DIR"), "/random_roles.rs"));
