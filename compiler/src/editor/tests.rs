//! Over a text with a cursor, `$0`.

use super::*;
use crate::source::Sources;
use crate::{Options, compile};

const PROGRAM: &str = r#"/// What is sold.
struct Item { price: u64, name: String }
enum Answer { Yes, No(String), Later { days: u32 } }

service Shop {
    /// The price in cents.
    pure fn price(item: Item) -> u64;
    transaction reserve(item: Item) -> u64 compensate release;
}
service Bank {
    fn limit() -> u64;
}

fn double(amount: u64) -> u64 { amount * 2 }

/// Buys an item.
choreography Buy<Buyer, Shop, Teller: Bank>(item: Item@Shop) -> u64@Buyer {
    let wish = Teller.limit() ~> Buyer;
    let price = Shop.price(item) ~> Buyer;
    let twice = double(price);
    let Item { price: one, name } = item;
    if (twice < wish) {
        let number = Shop.reserve(Item { price: one, name }) ~> Buyer;
        number
    } else {
        0
    }
}
"#;

/// The offset of `$0`, or of the `number`th place where `at` begins.
fn place(text: &str, at: &str, number: usize) -> u32 {
    let (index, _) = text.match_indices(at).nth(number).unwrap_or_else(|| unreachable!("`{at}` is in the text"));
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn compiled(text: &str) -> Compilation {
    compile(&Sources::single("test.chor", text), &Options::default())
}

const FILE: FileId = FileId(0);

fn hovered(text: &str, at: &str, number: usize) -> String {
    let compilation = compiled(text);
    match hover(&compilation, FILE, place(text, at, number)) {
        Some(hover) => format!("{} — {}", hover.code.join(" / "), hover.docs),
        None => String::new(),
    }
}

#[test]
fn the_program_of_these_tests_is_fine() {
    let problems: Vec<String> =
        compiled(PROGRAM).diagnostics.iter().map(|diagnostic| diagnostic.prose().message).collect();
    assert_eq!(problems, [""; 0]);
}

#[test]
fn what_stands_where() {
    let check = |at: &str, number: usize, expected: &str| {
        let found = hovered(PROGRAM, at, number);
        assert!(found.contains(expected), "`{at}` {number}: {found}");
    };
    check("Item {", 0, "struct Item { price: u64, name: String } — What is sold.");
    check("Item)", 0, "struct Item");
    check("Answer", 0, "enum Answer { Yes");
    check("days", 0, "Answer::Later.days: u32");
    check("Later", 0, "Answer::Later { days: u32 }");
    check("price(item)", 0, "pure fn price(item: Item) -> u64 — The price in cents.");
    check("reserve(Item", 0, "transaction reserve(item: Item) -> u64 compensate release");
    check("release", 0, "Shop: release undoes reserve");
    check("Buy<", 0, "choreography Buy<Buyer, Shop, Teller: Bank>(item: Item@Shop) -> u64@Buyer — Buys an item.");
    check("Teller", 0, "role Teller: Bank");
    check("Shop, T", 0, "role Shop / service Shop {");
    check("price = ", 0, "price: u64 @ Buyer");
    check("twice <", 0, "twice: u64 @ Buyer");
    check("double(price", 0, "fn double(amount: u64) -> u64");
    check("amount * 2", 0, "amount: u64");
    check("* 2", 0, "u64");
    check("name })", 0, "Item.name: String / name: String @ Shop");
    check("< wish", 0, "bool @ Buyer");
    let shared = "service A { transaction one() compensate undo; transaction two() compensate undo; }";
    assert_eq!(hovered(shared, "undo", 1), "A: undo undoes one, two — ");
    // Nothing on braces, comments and words of the language.
    for at in ["// The", "else"] {
        assert_eq!(hovered(PROGRAM, at, 0), "", "{at}");
    }
}

#[test]
fn built_in_methods() {
    let text = "choreography A<P>(x: String@P) -> usize@P { x.trim().len() }";
    assert!(hovered(text, "trim", 0).contains("String.trim() -> String"));
    assert!(hovered(text, "len", 0).contains("String.len() -> usize"));
    let text = "choreography A<P>() { let mut x: Vec<u64>@P = []; x.push(1); }";
    let limit = "Aborts where it makes a value of more than 16777216 parts.";
    assert_eq!(hovered(text, "push", 0), format!("Vec<T>.push(T) — Changes what it is called on. {limit}"));
}

/// Every name of the language that is written in the text, and where it leads: a list of `used -> declared` as `line:column`.
#[test]
fn names_lead_to_their_declarations() {
    let compilation = compiled(PROGRAM);
    let declarations = Declarations::new(&compilation);
    let text = |span: Span| compilation.sources.text(span);
    for reference in &compilation.references {
        assert_eq!(text(reference.used), text(reference.declared));
        assert!(declarations.at(reference.declared).is_some(), "{}", text(reference.declared));
    }
    let words = crate::syntax::lexer::lex(FILE, PROGRAM, &mut crate::diagnostic::Diagnostics::new()).tokens;
    for (token, span) in words {
        let is_builtin = ["u64", "u32", "String"].contains(&text(span));
        if token == crate::syntax::token::Token::Ident && !is_builtin {
            let names = names_at(&compilation, &declarations, FILE, span.start);
            assert!(!names.is_empty(), "`{}` at {} means nothing", text(span), span.start);
            assert!(names.iter().all(|name| name.used == span));
        }
    }
}

fn completed(text: &str) -> Vec<String> {
    let offset = place(text, "$0", 0);
    let sources = Sources::single("test.chor", text.replace("$0", ""));
    complete(&sources, FILE, offset).1.into_iter().map(|completion| completion.name).collect()
}

#[test]
fn what_could_be_written() {
    let with = |line: &str| {
        PROGRAM.replace("    let twice = double(price);\n", &format!("    let twice = double(price);\n    {line}\n"))
    };
    let check = |line: &str, there: &[&str], not_there: &[&str]| {
        let found = completed(&with(line));
        for name in there {
            assert!(found.iter().any(|found| found == name), "{line}: no `{name}` in {found:?}");
        }
        for name in not_there {
            assert!(!found.iter().any(|found| found == name), "{line}: `{name}` in {found:?}");
        }
    };
    check("Shop.$0", &["price", "reserve"], &["item", "let", "limit"]);
    check("let a = Teller.$0;", &["limit"], &["reserve"]);
    check("let a = Shop.re$0(item);", &["reserve"], &["item"]);
    check("item.$0", &["price", "name"], &["Shop", "let"]);
    check("let a = item.name.$0;", &["len", "trim"], &["price"]);
    check("let a = double(item.price.$0);", &["min"], &["len"]);
    check("let a = (1, \"x\").$0;", &["0", "1"], &["2"]);
    check("let a = price ~> $0;", &["Buyer", "Shop", "Teller"], &["price", "let"]);
    check("let a = price ~> {Shop, $0};", &["Teller"], &["price"]);
    check("let a = price@$0", &["Buyer"], &["price"]);
    check("let a = Answer::$0;", &["Yes", "No", "Later"], &["item"]);
    check(
        "$0",
        &["item", "price", "twice", "double", "Buyer", "Item", "let", "if", "Buy"],
        &["number", "one", "amount", "struct", "release"],
    );
    check("let a = tw$0", &["twice"], &["number"]);
    check("abort $0", &["Buyer"], &["price"]);
    check("let a = Item { $0 };", &["price", "name"], &["item", "let"]);
    check("let a = Item { name: \"\", $0: 1 };", &["price"], &["item"]);
    check("let Item { $0 } = item;", &["name"], &["item"]);
    check("let a = Answer::Later { $0 };", &["days"], &["price"]);
    check("let a = Some(Shop.$0(item));", &["price"], &[]);
    check("let a = Some(item.$0 ~> Buyer);", &["name"], &[]);
    check("// about $0", &[], &["item"]);
    check("let a = \"in $0 text\";", &[], &["item"]);
    let nested = PROGRAM.replace("        number\n", "        $0\n");
    assert!(["number", "one"].iter().all(|name| completed(&nested).contains(&(*name).to_owned())));
    let outside = format!("{PROGRAM}\n$0");
    assert!(completed(&outside).contains(&"choreography".to_owned()));
    let head = PROGRAM.replace("(item: Item@Shop)", "(item: Item@Shop, wish: $0)");
    assert!(["Item", "u64", "Buyer"].iter().all(|name| completed(&head).contains(&(*name).to_owned())));
    assert!(completed("$0").contains(&"service".to_owned()));
    assert!(completed("service A { $0 }").contains(&"transaction".to_owned()));
    assert_eq!(completed("service A { transaction b() compensate $0; }"), ["none"]);
    let check = |text: &str, name: &str| assert!(completed(text).contains(&name.to_owned()), "{text}: no `{name}`");
    check("choreography A<B; T>(x: $0@B) {}", "T");
    check("choreography A<B; T>(x: T@B) { let y: $0 = x; }", "T");
    check("choreography A<B>(how: choreography<P, Q>(u64@$0) -> u64@P) {}", "Q");
    check("choreography A<B, C>(x: u64@$0) -> u64@{B, C} { x }", "C");
    check("struct Item { a: u64 }\nfn all(x: u64) -> Item { $0 { a: x } }", "Item");
}

#[test]
fn members_of_groups() {
    let text = "service Worker { fn work() -> u64; }\nchoreography A<Boss, Worker[]>() -> usize@Boss {\n    each w in Worker { w.work(); w.$0 }\n    Worker.len()\n}";
    let found = completed(text);
    assert!(found.contains(&"work".to_owned()) && found.contains(&"index".to_owned()), "{found:?}");
    let inside = text.replace("w.$0", "abort $0");
    assert!(completed(&inside).contains(&"w".to_owned()));
    let outside = text.replace("w.$0", "").replace("    Worker.len()", "    abort $0\n    Worker.len()");
    assert!(!completed(&outside).contains(&"w".to_owned()));
    assert!(completed(&text.replace("w.$0", "").replace("Worker.len()", "Worker.$0")).contains(&"len".to_owned()));
}

fn renamed(text: &str, at: &str, number: usize, to: &str) -> Result<String, Refusal> {
    let compilation = compiled(text);
    let declarations = Declarations::new(&compilation);
    let name = name_at(&compilation, &declarations, FILE, place(text, at, number)).ok_or(Refusal::NoName)?;
    let edits = rename(&compilation, name.declared, to)?;
    let changed = rename::edited(&compilation.sources, &edits);
    Ok(changed.get(FILE).map_or_else(String::new, |file| file.text().to_owned()))
}

#[test]
fn other_names() {
    let check = |at: &str, number: usize, to: &str, there: &[&str]| {
        let changed = renamed(PROGRAM, at, number, to);
        let changed = changed.unwrap_or_else(|refusal| unreachable!("`{at}` to `{to}`: {refusal}"));
        for text in there {
            assert!(changed.contains(text), "`{at}` to `{to}`: no `{text}` in {changed}");
        }
    };
    check("price = ", 0, "cost", &["let cost = Shop.price(item) ~> Buyer", "double(cost)"]);
    check("Buyer", 0, "Customer", &["Buy<Customer,", "(item: Item@Shop) -> u64@Customer", "~> Customer;"]);
    check("price(item)", 0, "cost", &["pure fn cost(item: Item)", "Shop.cost(item)", "Item { price: u64"]);
    check("release", 0, "undo", &["compensate undo;"]);
    // One word for two names is two words then.
    check("name }", 1, "title", &["let Item { price: one, name: title } = item", "Item { price: one, name: title }"]);
    check(
        "name: String",
        0,
        "title",
        &["Item { price: u64, title: String }", "price: one, title: name } = item", "Item { price: one, title: name }"],
    );
    check("price: u64", 0, "cost", &["Item { cost: u64", "let Item { cost: one, name }", "Item { cost: one, name }"]);
    check("Shop {", 0, "Store", &["service Store {", "Buy<Buyer, Shop: Store, Teller: Bank>", "item: Item@Shop"]);
    check(
        "Shop, T",
        0,
        "Seller",
        &["service Shop {", "Buy<Buyer, Seller: Shop, Teller: Bank>", "item: Item@Seller", "Seller.price(item)"],
    );
    check("Yes", 0, "Sure", &["enum Answer { Sure,"]);
    check("double", 0, "twofold", &["fn twofold(", "= twofold(price)"]);
    check("amount", 0, "cents", &["fn double(cents: u64) -> u64 { cents * 2 }"]);
    // Operations share a compensation.
    let shared = "service A { transaction one() compensate undo; transaction two() compensate undo; }";
    for number in 0..2 {
        let changed = renamed(shared, "undo", number, "back").unwrap_or_default();
        assert_eq!(changed, shared.replace("undo", "back"));
    }
    // The same name changes nothing, not even where one word stands for two names.
    assert_eq!(renamed(PROGRAM, "Shop, T", 0, "Shop").as_deref(), Ok(PROGRAM));
    let group = "service Worker { fn work(); }\nchoreography A<Boss, Worker[]>() { each w in Worker { w.work(); } }";
    let changed = renamed(group, "Worker {", 0, "Work").unwrap_or_default();
    assert!(changed.contains("A<Boss, Worker[]: Work>()"), "{changed}");
}

#[test]
fn names_that_are_refused() {
    let refused = |at: &str, to: &str| renamed(PROGRAM, at, 0, to).expect_err("it is refused");
    for name in ["", "let", "a b", "1a", "a-b", "Self::a", "async"] {
        assert_eq!(refused("price = ", name), Refusal::NotAName(name.to_owned()));
    }
    assert!(matches!(refused("Buyer", "Shop"), Refusal::Wrong(_)));
    assert!(matches!(refused("Item {", "Answer"), Refusal::Wrong(_)));
    // `twice` would be compared with itself, and nothing be wrong with that.
    let shadowed = PROGRAM.replace("    if (twice", "    let other = wish;\n    if (other + twice");
    let refusal = renamed(&shadowed, "other = ", 0, "twice").expect_err("it is refused");
    assert!(matches!(refusal, Refusal::OtherMeaning(_) | Refusal::Wrong(_)), "{refusal}");
    // What would declare nothing any more.
    let service = "service A { transaction do_it() compensate undo; }\nchoreography B<A>() { A.do_it(); }";
    assert_eq!(renamed(service, "undo", 0, "none"), Err(Refusal::OtherMeaning("none".to_owned())));
    let pattern = "fn first(a: Option<u64>, b: Option<u64>) -> u64 { match (a, b) { (other, None) => 1, _ => 0 } }";
    assert_eq!(renamed(pattern, "other", 0, "None"), Err(Refusal::OtherMeaning("None".to_owned())));
    assert_eq!(refused("let", "a"), Refusal::NoName);
    assert_eq!(refused("u64", "a"), Refusal::NoName);
}

#[test]
fn what_is_not_written() {
    let compilation = compiled(PROGRAM);
    let all = Span::new(FILE, 0, u32::MAX);
    let mut text = PROGRAM.to_owned();
    for hint in hints(&compilation, all).into_iter().rev() {
        text.insert_str(hint.offset as usize, &format!("⟨{}⟩", hint.text));
    }
    for line in [
        "let price⟨: u64 @ Buyer⟩ = Shop",
        "let twice⟨: u64 @ Buyer⟩ =",
        "let Item { price: one⟨: u64 @ Shop⟩, name⟨: String @ Shop⟩ } = item",
        "if (twice < wish) {⟨select Buyer ~> Shop;⟩",
        "} else {⟨select Buyer ~> Shop;⟩",
        "let number⟨: u64 @ Buyer⟩ =",
    ] {
        assert!(text.contains(line), "no `{line}` in {text}");
    }
    // What is written is not told again, and only what is asked for is.
    let typed = PROGRAM.replace("let twice =", "let twice: u64 =").replace("let price =", "let price: u64@Buyer =");
    let compilation = compiled(&typed);
    let lines: Vec<String> = hints(&compilation, all).into_iter().map(|hint| hint.text).collect();
    assert!(lines.contains(&" @ Buyer".to_owned()), "{lines:?}");
    let end = place(&typed, "let wish", 0);
    assert_eq!(hints(&compilation, Span::new(FILE, 0, end)), []);
}

#[test]
fn overview_and_colours() {
    let compilation = compiled(PROGRAM);
    let outline: Vec<String> =
        outline(&compilation, FILE).iter().map(|entry| format!("{} {}", entry.name, entry.children.len())).collect();
    assert_eq!(outline, ["Item 2", "Answer 3", "Shop 2", "Bank 1", "double 0", "Buy 3"]);
    let parts = highlights(&compilation, FILE);
    assert!(parts.windows(2).all(|pair| matches!(pair, [one, two] if one.span.end <= two.span.start)));
    let of = |at: &str| {
        parts.iter().find(|part| part.span.start == place(PROGRAM, at, 0)).map(|part| (part.part, part.is_declaration))
    };
    assert_eq!(of("Buyer"), Some((Part::Role, true)));
    assert_eq!(of("Buyer;"), Some((Part::Role, false)));
    assert_eq!(of("price(item) ~"), Some((Part::Operation, false)));
    assert_eq!(of("/// Buys"), Some((Part::Comment, false)));
    assert_eq!(of("item: Item@"), Some((Part::Parameter, true)));
    assert_eq!(of("twice <"), Some((Part::Variable, false)));
    assert_eq!(of("choreography"), Some((Part::Keyword, false)));
    assert!(foldings(&compilation, FILE).len() >= 5);
}

/// Whatever is half written, at any place of it.
#[test]
fn no_text_is_too_broken() {
    let texts = [PROGRAM, include_str!("../../tests/programs/surface.chor")];
    for text in texts {
        let ends: Vec<usize> = text.char_indices().map(|(index, _)| index).step_by(text.len() / 60).collect();
        for end in ends {
            let half = text.get(..end).unwrap_or_default();
            let compilation = compiled(half);
            let offset = u32::try_from(end).unwrap_or(u32::MAX);
            let declarations = Declarations::new(&compilation);
            for offset in [offset, offset / 2, offset.saturating_sub(1)] {
                hover(&compilation, FILE, offset);
                if let Some(name) = name_at(&compilation, &declarations, FILE, offset) {
                    let _ = rename(&compilation, name.declared, "another");
                }
                complete(&compilation.sources, FILE, offset);
            }
            hints(&compilation, Span::new(FILE, 0, u32::MAX));
            highlights(&compilation, FILE);
            outline(&compilation, FILE);
            foldings(&compilation, FILE);
        }
    }
}
