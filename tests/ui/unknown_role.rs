accompanist_macros::choreo! {
    role = Nobody;
    fn twice(amount: u32) -> u32 { amount * 2 }
}

fn main() {}
