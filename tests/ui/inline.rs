accompanist_macros::choreo! {
    // A comment before it.
    fn twice(amount: u32) -> u32 {
        let x = amount
        x * "ä" ++ 2
    }
}

fn main() {}
