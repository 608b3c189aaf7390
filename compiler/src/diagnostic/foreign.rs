//! What other languages call things, and what to write here instead.

/// A type of another language.
pub fn ty(name: &str) -> Option<&'static str> {
    Some(match name {
        "string" | "str" | "Text" | "text" => "write `String`",
        "number" | "int" | "Int" | "integer" | "uint" | "long" | "bigint" | "byte" => {
            "say how large it may be and whether it has a sign: `u64`, `i64`, `u32`, …"
        }
        "float" | "double" | "Float" | "Double" => "write `f64` or `f32`",
        "boolean" | "Bool" | "Boolean" => "write `bool`",
        "void" | "unit" | "Unit" => "leave the result out, or write `()`",
        "List" | "Array" | "Set" | "HashSet" | "BTreeSet" | "VecDeque" | "Slice" => "write `Vec<T>`",
        "HashMap" | "BTreeMap" | "Dict" | "Record" | "map" => "write `Map<K, V>`, which is ordered by its keys",
        "Box" | "Rc" | "Arc" | "Cow" | "Promise" | "Future" => "write the type inside it: values are values here",
        "Duration" | "Instant" | "SystemTime" | "DateTime" | "Date" => {
            "hand on milliseconds as a `u64`, or declare an `extern type` that Rust owns"
        }
        "any" | "Any" | "object" | "Object" | "Value" | "Json" => {
            "declare what it holds: `struct`, `enum`, or `extern type crate::…;` for one that Rust owns"
        }
        "Self" | "self" => "name the type",
        _ => return None,
    })
}

/// A method or a field of a value.
pub fn method(name: &str) -> Option<&'static str> {
    Some(match name {
        "expect" => "write `….unwrap()`, or `require` first what must hold, with the reason",
        "unwrap_or_else" | "unwrap_or_default" | "getOrElse" | "orElse" => "write `….unwrap_or(…)`",
        "length" | "size" | "count" => "write `….len()`",
        "clone" | "to_owned" | "as_str" | "as_ref" | "borrow" | "into" | "iter" | "into_iter" | "cloned" | "copied"
        | "to_vec" | "collect" => "leave it out: values are values here, and nothing is borrowed",
        "map" | "filter" | "for_each" | "forEach" | "fold" | "reduce" | "any" | "all" | "find" | "flat_map"
        | "flatMap" | "some" | "every" => "closures are not in the language: write a `for` over it, or a `match`",
        "and_then" | "or_else" | "map_err" | "then" | "catch" => "closures are not in the language: write a `match`",
        "toString" | "String" => "write `….to_string()`",
        "step_by" => "leave numbers out, `for i in 0..n { if i % 2 == 0 { … } }`, or write a `while`",
        "includes" | "has" => "write `….contains(…)`",
        "push_str" | "append" | "add" | "concat" => "join by `+`",
        "parse" => "let a role's operation read it, for what may fail there is that role's to say",
        "send" | "send_to" | "tell" => "write `value ~> Role`",
        "recv" | "receive" => "nothing to write: `~>` waits for the message",
        "await" => "nothing to write: `~>` waits for the message",
        _ => return None,
    })
}

/// A function.
pub fn function(name: &str) -> Option<&'static str> {
    Some(match name {
        "send" | "tell" | "emit" | "publish" => "write `value ~> Role`, or `A ~> B;` for a message without a value",
        "recv" | "receive" | "wait" => "nothing to write: `~>` waits for the message",
        "print" | "println" | "printf" | "log" => "declare an operation for it, and let the role's service write it",
        "panic" | "throw" | "fail" | "exit" => "write `abort Role, \"reason\";`",
        "assert" => "write `require condition, \"reason\";`",
        "len" => "write `….len()`",
        "append" => "write `….with(…)`, or `….push(…)` for a variable that changes",
        _ => return None,
    })
}

/// A name.
pub fn variable(name: &str) -> Option<&'static str> {
    Some(match name {
        "null" | "nil" | "undefined" | "NULL" => "write `None`",
        "this" | "self" => "name the role, or the variable",
        "True" => "write `true`",
        "False" => "write `false`",
        _ => return None,
    })
}

/// A word that begins an item.
pub fn item(word: &str) -> Option<&'static str> {
    Some(match word {
        "function" | "func" | "def" | "fun" | "sub" => "write `fn name(x: u64) -> u64 { … }`",
        "class" | "interface" | "record" | "data" => {
            "write `struct Name { field: u64 }` for data, or `service Name { … }` for operations"
        }
        "import" | "include" | "require" | "from" => "write `use \"other.chor\";`",
        "package" | "module" | "namespace" => "leave it out: all files of a program are one",
        "type" | "typedef" | "alias" => "write a `struct`, or the type itself",
        "choreo" | "protocol" | "session" | "workflow" | "process" | "saga" => {
            "write `choreography Name<A, B>(x: u64@A) -> u64@B { … }`"
        }
        "role" | "actor" | "participant" => "name the roles where they are used: `choreography Name<A, B>(…)`",
        "let" | "var" | "static" => "write a `fn` without parameters",
        _ => return None,
    })
}
