//! Names of roles as names of nodes.

/// `OrderDesk` as `order_desk`.
pub(crate) fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for (index, c) in name.chars().enumerate() {
        if c.is_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    #[test]
    fn roles_become_node_names() {
        let check = |role: &str, node: &str| assert_eq!(super::snake_case(role), node);
        check("Warehouse", "warehouse");
        check("OrderDesk", "order_desk");
        check("a", "a");
        check("", "");
    }
}
