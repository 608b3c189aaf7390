//! The tree as text again, in one canonical form: one statement a line, no more parentheses than are needed. Comments are
//! not in the tree, so this is no formatter; parsing the text gives the same tree.

mod expression;

use super::ast::{
    Block, Choreography, Field, File, Item, Operation, OperationKind, Param, ParamKind, Pattern, PatternKind, Place,
    Placed, RoleParam, Roles, Stmt, StmtKind, Time, Type, TypeKind, VariantFields,
};
use expression::{expr, is_control, literal};

/// The text of a file.
pub fn print(file: &File) -> String {
    let mut printer = Printer::default();
    if file.explicit.is_some() {
        printer.line("#![explicit]");
    }
    for import in &file.uses {
        printer.line(&format!("use {};", expression::string(&import.path)));
    }
    for item in &file.items {
        if !printer.text.is_empty() {
            printer.text.push('\n');
        }
        printer.item(item);
    }
    printer.text
}

/// The text so far, and how deep the next line is indented.
#[derive(Default)]
struct Printer {
    text: String,
    depth: usize,
}

impl Printer {
    fn line(&mut self, line: &str) {
        self.indent();
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn indent(&mut self) {
        self.text.push_str(&"    ".repeat(self.depth));
    }

    fn docs(&mut self, docs: &[String]) {
        for line in docs {
            self.line(format!("/// {line}").trim_end());
        }
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::ExternType(item) => {
                self.docs(&item.docs);
                let eq = if item.eq { ": Eq" } else { "" };
                let end = item.fields.as_ref().map_or(";".to_owned(), |fields| format!(" {}", braced(fields)));
                self.line(&format!("extern type {}{eq}{end}", path(&item.path)));
            }
            Item::ExternFn(item) => {
                self.docs(&item.docs);
                let result = result(item.result.as_ref().map(ty));
                self.line(&format!("extern fn {}({}){result};", path(&item.path), fields(&item.params)));
            }
            Item::Struct(item) => {
                self.docs(&item.docs);
                self.line(&format!("struct {} {}", item.name.name, braced(&item.fields)));
            }
            Item::Enum(item) => {
                self.docs(&item.docs);
                let variants = item.variants.iter().map(|variant| match &variant.fields {
                    VariantFields::Unit => variant.name.name.clone(),
                    VariantFields::Tuple(types) => format!("{}({})", variant.name.name, commas(types.iter().map(ty))),
                    VariantFields::Struct(fields) => format!("{} {}", variant.name.name, braced(fields)),
                });
                self.line(&format!("enum {} {{ {} }}", item.name.name, commas(variants)));
            }
            Item::Fn(item) => {
                self.docs(&item.docs);
                let result = result(item.result.as_ref().map(ty));
                self.with_block(&format!("fn {}({}){result} ", item.name.name, fields(&item.params)), &item.body, "");
            }
            Item::Service(item) => {
                self.docs(&item.docs);
                self.line(&format!("service {} {{", item.name.name));
                self.depth += 1;
                for operation in &item.operations {
                    self.operation(operation);
                }
                self.depth -= 1;
                self.line("}");
            }
            Item::Choreography(item) => self.choreography(item),
        }
    }

    fn operation(&mut self, operation: &Operation) {
        self.docs(&operation.docs);
        let result = result(operation.result.as_ref().map(ty));
        let signature = format!("{}({}){result}", operation.name.name, fields(&operation.params));
        self.line(&match &operation.kind {
            OperationKind::Recorded { compensate: None } => format!("fn {signature};"),
            OperationKind::Recorded { compensate: Some(name) } => format!("fn {signature} compensate {};", name.name),
            OperationKind::Pure => format!("pure fn {signature};"),
            OperationKind::Transaction { compensate } => {
                let name = compensate.as_ref().map_or("none", |name| &name.name);
                format!("transaction {signature} compensate {name};")
            }
        });
    }

    fn choreography(&mut self, item: &Choreography) {
        self.docs(&item.docs);
        let types = match item.types.is_empty() {
            true => String::new(),
            false => format!("; {}", commas(item.types.iter().map(|name| name.name.clone()))),
        };
        let roles = role_params(&item.roles);
        let params = commas(item.params.iter().map(param));
        let result = result(item.result.as_ref().map(placed));
        let header = format!("choreography {}<{roles}{types}>({params}){result} ", item.name.name);
        self.with_block(&header, &item.body, "");
    }

    /// A line that ends in a block, and what stands behind its brace.
    fn with_block(&mut self, header: &str, body: &Block, behind: &str) {
        self.indent();
        self.text.push_str(header);
        self.text.push_str(&block(body, self.depth));
        self.text.push_str(behind);
        self.text.push('\n');
    }

    fn stmt(&mut self, stmt: &Stmt, is_last: bool) {
        let depth = self.depth;
        let value = |value| expr(value, depth);
        let line = match &stmt.kind {
            StmtKind::Let { mutable, pattern, ty: written, place: at, value: bound } => {
                let mutable = if *mutable { "mut " } else { "" };
                let at = at.as_ref().map_or(String::new(), |at| format!("@{}", place(at)));
                let written = written.as_ref().map_or(String::new(), |written| format!(": {}{at}", ty(written)));
                format!("let {mutable}{}{written} = {};", self::pattern(pattern), value(bound))
            }
            StmtKind::Assign { target, value: assigned } => {
                format!("{} = {};", expression::operand(target, expression::POSTFIX, depth), value(assigned))
            }
            StmtKind::Require { condition, reason } => format!("require {}, {};", value(condition), value(reason)),
            StmtKind::Abort { role, reason } => format!("abort {}, {};", role.name, value(reason)),
            StmtKind::Sleep { role, time } => {
                let time = match time {
                    Time::Literal(time) => expression::duration(time),
                    Time::Millis(millis) => value(millis),
                };
                format!("sleep {}, {time};", role.name)
            }
            StmtKind::Select { from, to } => format!("select {} ~> {};", from.name, roles(to)),
            // A control needs no `;`, except where it would become the value of the block.
            StmtKind::Expr(expr) if is_control(expr) && !is_last => value(expr),
            StmtKind::Expr(expr) => format!("{};", value(expr)),
        };
        self.line(&line);
    }
}

/// A block whose brace closes at that depth.
fn block(block: &Block, depth: usize) -> String {
    if block.stmts.is_empty() && block.tail.is_none() {
        return "{}".to_owned();
    }
    let mut printer = Printer { text: "{\n".to_owned(), depth: depth + 1 };
    for (index, stmt) in block.stmts.iter().enumerate() {
        printer.stmt(stmt, block.tail.is_none() && index + 1 == block.stmts.len());
    }
    if let Some(tail) = &block.tail {
        let tail = expr(tail, depth + 1);
        printer.line(&tail);
    }
    printer.depth = depth;
    printer.indent();
    printer.text.push('}');
    printer.text
}

fn commas(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// A tuple; one part alone keeps its comma.
fn tuple(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    match parts.as_slice() {
        [only] => format!("({only},)"),
        _ => format!("({})", parts.join(", ")),
    }
}

fn result(written: Option<String>) -> String {
    written.map_or(String::new(), |written| format!(" -> {written}"))
}

fn fields(fields: &[Field]) -> String {
    commas(fields.iter().map(|field| format!("{}: {}", field.name.name, ty(&field.ty))))
}

fn braced(fields: &[Field]) -> String {
    match fields.is_empty() {
        true => "{}".to_owned(),
        false => format!("{{ {} }}", self::fields(fields)),
    }
}

fn path(path: &super::ast::Path) -> String {
    path.segments.iter().map(|segment| segment.name.as_str()).collect::<Vec<_>>().join("::")
}

fn ty(written: &Type) -> String {
    match &written.kind {
        TypeKind::Path(name, arguments) if arguments.is_empty() => path(name),
        TypeKind::Path(name, arguments) => format!("{}<{}>", path(name), commas(arguments.iter().map(ty))),
        TypeKind::Tuple(parts) => tuple(parts.iter().map(ty)),
    }
}

fn roles(roles: &Roles) -> String {
    match roles.names.as_slice() {
        [only] => only.name.clone(),
        names => format!("{{{}}}", commas(names.iter().map(|name| name.name.clone()))),
    }
}

fn role_params(roles: &[RoleParam]) -> String {
    commas(roles.iter().map(|role| {
        let group = if role.group { "[]" } else { "" };
        let services = role.services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>().join(" + ");
        let services = if services.is_empty() { services } else { format!(": {services}") };
        format!("{}{group}{services}", role.name.name)
    }))
}

fn place(place: &Place) -> String {
    let each = if place.each { "each " } else { "" };
    format!("{each}{}", roles(&place.roles))
}

fn placed(written: &Placed) -> String {
    match written {
        Placed::At { ty: written, place: at } => format!("{}@{}", ty(written), place(at)),
        Placed::Tuple(parts, _) => format!("({})", commas(parts.iter().map(placed))),
    }
}

fn param(param: &Param) -> String {
    let kind = match &param.kind {
        ParamKind::Value(written) => placed(written),
        ParamKind::Choreography { roles, params, result: written, span: _ } => {
            let result = result(written.as_ref().map(placed));
            format!("choreography<{}>({}){result}", role_params(roles), commas(params.iter().map(placed)))
        }
    };
    format!("{}: {kind}", param.name.name)
}

fn pattern(written: &Pattern) -> String {
    match &written.kind {
        PatternKind::Wildcard => "_".to_owned(),
        PatternKind::Literal(value) => literal(value),
        PatternKind::Tuple(parts) => tuple(parts.iter().map(pattern)),
        PatternKind::Path(name) => path(name),
        PatternKind::TupleVariant(name, parts) => format!("{}({})", path(name), commas(parts.iter().map(pattern))),
        PatternKind::Struct(name, fields, open) => {
            let fields = fields.iter().map(|(name, inner)| format!("{}: {}", name.name, pattern(inner)));
            let rest = open.then(|| "..".to_owned());
            format!("{} {{ {} }}", path(name), commas(fields.chain(rest)))
        }
    }
}
