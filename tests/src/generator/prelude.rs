//! What all programs declare besides their choreographies.

/// The types, functions and services.
pub const PRELUDE: &str = "\
extern type crate::foreign::Coin: Eq { cents: u32 }
extern type crate::foreign::Seal;
extern fn crate::foreign::mint(cents: u32) -> Coin;
extern fn crate::foreign::stamp(text: String, xs: Vec<u32>) -> Seal;
extern fn crate::foreign::weight(coin: Coin, scale: f64) -> f64;
struct Item { count: u32, name: String }
enum Mark { Plain, Scored(u32), Tagged { flag: bool, text: String } }
service S {
    pure fn size(x: u32) -> u32;
    pure fn is_even(x: u32) -> bool;
    fn note(tag: String, x: u32) -> u32;
    fn flip(tag: String) -> bool;
    fn list(tag: String) -> Vec<u32>;
    fn mark(tag: String) -> Mark;
    fn item(tag: String, x: u32) -> Item;
    fn maybe(tag: String) -> Option<u32>;
    fn word(tag: String) -> String;
    fn real(tag: String) -> f64;
    fn small(tag: String) -> i8;
    fn letter(tag: String) -> char;
    fn ledger(tag: String) -> Map<String, u32>;
    fn verdict(tag: String) -> Result<u32, String>;
    fn coin(tag: String) -> Coin;
    fn risky_ask(tag: String) -> bool;
    fn hire(tag: String, x: u32) -> u32 compensate dismiss;
    fn risky_hire(tag: String, x: u32) -> u32 compensate dismiss;
    fn rent(tag: String) -> bool compensate give_up;
    transaction take(tag: String, x: u32) -> u32 compensate give;
    transaction risky_take(tag: String, x: u32) -> u32 compensate give_back;
    transaction close(tag: String, xs: Vec<u32>) -> Seal compensate open;
    transaction log(tag: String) compensate none;
}
service R {
    pure fn spin(x: u32) -> u32;
    fn toss(tag: String) -> bool;
    transaction lock(tag: String, item: Item) -> u32 compensate unlock;
}
fn total(xs: Vec<u32>) -> u32 {
    let mut sum = 0_u32;
    for x in xs { sum = sum + x % 50; }
    sum
}
fn worth(mark: Mark) -> u32 {
    match mark { Mark::Scored(n) => n, Mark::Tagged { flag, .. } => if flag { 1 } else { 2 }, Mark::Plain => 0 }
}
fn share(a: u32, b: u32) -> u32 { a / b }
fn ready(x: u32) -> bool { let mut n = x % 50; while n > 3 { n = n - 2; } n == 3 }
fn fits(x: u32) -> Result<u32, String> { if x > 20 { Err(\"too much\") } else { Ok(x) } }
fn steps(n: u32) -> u32 { if n < 2 { n } else { 1 + halved(n) } }
fn halved(n: u32) -> u32 { steps(n / 2) }
";
