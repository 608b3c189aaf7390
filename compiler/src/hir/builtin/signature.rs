//! Reads the signatures of the table, which are written as in `grammar.md`.

use super::table::Method;

/// A type as the table writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A type without arguments, or a letter that stands for one.
    Name(&'static str),
    /// `Vec<T>`
    Apply(&'static str, Vec<Shape>),
    /// `(T, U)`
    Tuple(Vec<Shape>),
}

/// A signature, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// What it is called by.
    pub name: &'static str,
    /// Whether it changes its receiver.
    pub mutates: bool,
    /// The arguments behind the receiver.
    pub params: Vec<Shape>,
    /// The result.
    pub result: Shape,
}

/// What a letter of a receiver must be able to do: `T: Ord`.
pub type Bound = (&'static str, &'static str);

/// A receiver: its type and what its letters must be able to do.
pub fn receiver(text: &'static str) -> (Shape, Vec<Bound>) {
    let mut reader = Reader { rest: text, bounds: Vec::new() };
    (reader.shape(), reader.bounds)
}

impl Method {
    /// What it is called by.
    pub fn name(&self) -> &'static str {
        let head = self.head().0;
        head.strip_prefix("mut ").unwrap_or(head)
    }

    /// Whether it changes its receiver.
    pub fn mutates(&self) -> bool {
        self.signature.starts_with("mut ")
    }

    /// What stands before the parameters, and these with what follows.
    fn head(&self) -> (&'static str, &'static str) {
        self.signature.split_once('(').unwrap_or((self.signature, ")"))
    }

    /// The signature.
    pub fn read(&self) -> Signature {
        let (name, mutates, (_, rest)) = (self.name(), self.mutates(), self.head());
        let mut reader = Reader { rest, bounds: Vec::new() };
        let params = reader.list(')');
        let result = if reader.eat("->") { reader.shape() } else { Shape::Tuple(Vec::new()) };
        Signature { name, mutates, params, result }
    }
}

struct Reader {
    rest: &'static str,
    bounds: Vec<Bound>,
}

impl Reader {
    fn eat(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> &'static str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|character: char| !character.is_alphanumeric()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn shape(&mut self) -> Shape {
        if self.eat("(") {
            return Shape::Tuple(self.list(')'));
        }
        let name = self.word();
        if self.eat(":") {
            let bound = self.word();
            self.bounds.push((name, bound));
        }
        if self.eat("<") { Shape::Apply(name, self.list('>')) } else { Shape::Name(name) }
    }

    /// Types up to a closing bracket, which is taken too.
    fn list(&mut self, close: char) -> Vec<Shape> {
        let mut items = Vec::new();
        let close = close.to_string();
        while !self.eat(&close) && !self.rest.is_empty() {
            items.push(self.shape());
            if !self.eat(",") && !self.rest.starts_with(&close) {
                break;
            }
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::TABLE;
    use super::*;

    fn write(shape: &Shape) -> String {
        let join = |items: &[Shape]| items.iter().map(write).collect::<Vec<_>>().join(", ");
        match shape {
            Shape::Name(name) => (*name).to_owned(),
            Shape::Apply(name, items) => format!("{name}<{}>", join(items)),
            Shape::Tuple(items) => format!("({})", join(items)),
        }
    }

    #[test]
    fn every_signature_is_read_as_it_is_written() {
        for method in TABLE.iter().flat_map(|group| group.methods) {
            let signature = method.read();
            let params: Vec<String> = signature.params.iter().map(write).collect();
            let result = match write(&signature.result) {
                unit if unit == "()" => String::new(),
                result => format!(" -> {result}"),
            };
            let prefix = if signature.mutates { "mut " } else { "" };
            assert_eq!(format!("{prefix}{}({}){result}", signature.name, params.join(", ")), method.signature);
        }
    }

    #[test]
    fn every_receiver_is_read_as_it_is_written() {
        for group in TABLE {
            let (shape, bounds) = receiver(group.receiver);
            let text = bounds.iter().fold(group.receiver.to_owned(), |text, (letter, bound)| {
                text.replace(&format!("{letter}: {bound}"), letter)
            });
            assert_eq!(write(&shape), text);
        }
    }
}
