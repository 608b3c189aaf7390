mod prices {
    pub fn double(amount: u64) -> u64 {
        amount * 2
    }
    pub fn length(text: &str) -> usize {
        text.len()
    }
}

accompanist_macros::choreo! {
    extern fn crate::prices::double(amount: u64) -> u64;
    extern fn crate::prices::length(text: String) -> usize;
    choreography Twice<A>(amount: u64@A, text: String@A) -> (u64@A, usize@A) { (double(amount), length(text)) }
}

fn main() {}
