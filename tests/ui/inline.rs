accompanist_macros::choreo! {
    // A comment before it.
    choreography Tell<A, B>(x: u32@A) -> u32@B {
        let y = "ä" + x
        y ~> B
    }
}

fn main() {}
