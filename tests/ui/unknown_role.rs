accompanist_macros::choreo! {
    role = Nobody;
    choreography Tell<A, B>(x: u32@A) -> u32@B { x ~> B }
}

fn main() {}
