use accompanist::http::Service;
use accompanist::store::Memory;

accompanist::choreo! {
    service Till {
        fn open();
        transaction charge(amount: u64) -> u64 compensate refund;
    }
    choreography Pay<Till>(amount: u64@Till) -> u64@Till { Till.charge(amount) }
}

fn plays(_: impl accompanist::Role<Memory>) {}

fn main() {
    plays(pay::Till::new(Service::new("http://localhost").unwrap()));
}
