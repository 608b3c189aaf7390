//! The types that programs compute with, and literals of them.

use super::Generator;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Type {
    Unit,
    Bool,
    U32,
    /// `i8`
    Small,
    /// `f64`
    Float,
    Char,
    Text,
    /// `Vec<u32>`
    List,
    /// `Map<String, u32>`
    Ledger,
    Maybe(Box<Type>),
    /// `Result<u32, String>`
    Verdict,
    Pair(Box<Type>, Box<Type>),
    Mark,
    Item,
    /// A type of Rust's that may be compared.
    Coin,
    /// A type of Rust's of which nothing is known.
    Seal,
    /// A type parameter.
    Param,
}

impl Type {
    pub(super) fn text(&self) -> String {
        let name = match self {
            Type::Unit => "()",
            Type::Bool => "bool",
            Type::U32 => "u32",
            Type::Small => "i8",
            Type::Float => "f64",
            Type::Char => "char",
            Type::Text => "String",
            Type::List => "Vec<u32>",
            Type::Ledger => "Map<String, u32>",
            Type::Maybe(item) => return format!("Option<{}>", item.text()),
            Type::Verdict => "Result<u32, String>",
            Type::Pair(one, two) => return format!("({}, {})", one.text(), two.text()),
            Type::Mark => "Mark",
            Type::Item => "Item",
            Type::Coin => "Coin",
            Type::Seal => "Seal",
            Type::Param => "T",
        };
        name.to_owned()
    }

    pub(super) fn maybe(item: Type) -> Self {
        Type::Maybe(Box::new(item))
    }

    pub(super) fn pair(one: Type, two: Type) -> Self {
        Type::Pair(Box::new(one), Box::new(two))
    }
}

impl Generator {
    /// Some type.
    pub(super) fn any_type(&mut self) -> Type {
        match self.below(36) {
            0..=10 => Type::U32,
            11..=16 => Type::Bool,
            17..=18 => Type::Text,
            19..=20 => Type::List,
            21..=22 => Type::Mark,
            23..=24 => Type::Item,
            25 => Type::Small,
            26 => Type::Float,
            27 => Type::Char,
            28 => Type::Ledger,
            29 => Type::Verdict,
            30 => Type::Coin,
            31 => [Type::Seal, Type::Unit][self.below(2)].clone(),
            32..=33 => {
                let item = [Type::U32, Type::U32, Type::Text, Type::Item][self.below(4)].clone();
                Type::maybe(item)
            }
            34 => Type::pair(Type::U32, Type::Bool),
            _ => {
                let part = [Type::Char, Type::Small, Type::Text, Type::pair(Type::Bool, Type::U32)];
                Type::pair(part[self.below(4)].clone(), Type::U32)
            }
        }
    }

    pub(super) fn one_of(&mut self, of: &[&str]) -> String {
        of[self.below(of.len())].to_owned()
    }

    /// What needs no variable, and so lives everywhere.
    pub(super) fn literal_text(&mut self, ty: &Type) -> Option<String> {
        Some(match ty {
            Type::Unit => "()".to_owned(),
            Type::Bool => self.one_of(&["true", "false"]),
            Type::U32 => match self.below(10) {
                0 => self.one_of(&["0x05", "0b11", "0o4", "1_0", "7u32"]),
                _ => self.below(6).to_string(),
            },
            Type::Small => self.one_of(&["3i8", "0i8", "-2i8", "-1i8"]),
            Type::Float => self.one_of(&["0.5", "1.5", "2e0", "3.25f64", "1.5f32.to_f64()"]),
            Type::Char => self.one_of(&["'a'", "'Q'", "'\\''", "'\\u{e9}'"]),
            Type::Text => self.one_of(&["\"\"", "\"x\"", "\"why\"", "\"a\\\"\\n\"", "\"abcd\"[1..3]"]),
            Type::List => self.one_of(&["[1, 2, 3]", "[7]", "[4, 0]", "(2_u32..5)", "(1_u32..=2)"]),
            Type::Ledger => {
                self.one_of(&["Map::from([(\"x\", 1_u32)])", "Map::from([(\"a\", 2_u32), (\"b\", 3_u32)])"])
            }
            Type::Maybe(item) => format!("Some({})", self.literal_text(item)?),
            Type::Verdict => self.one_of(&["fits(3)", "fits(70)"]),
            Type::Pair(one, two) => format!("({}, {})", self.literal_text(one)?, self.literal_text(two)?),
            Type::Mark => self.one_of(&["Mark::Plain", "Mark::Scored(3)", "Mark::Tagged { flag: true, text: \"t\" }"]),
            Type::Item => "Item { count: 2, name: \"i\" }".to_owned(),
            Type::Coin => "mint(2)".to_owned(),
            Type::Seal => "stamp(\"s\", [1])".to_owned(),
            Type::Param => return None,
        })
    }
}
