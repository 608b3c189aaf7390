mod model {
    #[derive(Clone)]
    pub struct Order {
        pub id: u64,
    }
    #[derive(Clone)]
    pub struct Item;
}

accompanist_macros::choreo! {
    extern type crate::model::Order { id: u64 }
    extern type crate::model::Item;

    struct Line { order: Order, items: Vec<Item> }
    enum Answer { Taken(Line), Refused { order: Order } }

    service Shop {
        transaction reserve(line: Line) -> Item compensate release;
        fn look(order: Order) -> Answer;
    }

    fn id(order: Order) -> u64 { order.id }

    choreography Buy<Client, Shop>(order: Order@Client, items: Vec<Item>@Client) -> Option<Answer>@Client {
        let (order, items) = (order, items)@Client ~> {Client, Shop};
        require id(order) > 0, "no order";
        let item = Shop.reserve(Line { order, items });
        let items = [item ~> Client];
        Some(Shop.look(order) ~> Client)
    }
}

fn main() {}
