//! Operations of the roles' services.

use super::Generator;
use super::expr::Made;
use super::place::Place;
use super::types::Type;

impl Generator {
    /// An operation at a role that is one participant.
    pub(super) fn operation(&mut self, ty: &Type, role: usize, depth: usize) -> Option<Made> {
        let (name, tag) = (self.roles[role].name.clone(), self.fresh("t"));
        let both = self.has_two_services(role);
        let text = match ty {
            Type::U32 => {
                if both && self.percent(30) {
                    let (item, _) = self.expr(&Type::Item, &[role], depth)?;
                    return Some((format!("{name}.lock(\"{tag}\", {item})"), Place::at(role)));
                }
                let (x, _) = self.expr(&Type::U32, &[role], depth)?;
                // What may abort belongs into a scope, mostly.
                let risky = if self.scopes > 0 { 30 } else { 2 };
                if self.percent(risky) {
                    let risky = if self.percent(50) { "risky_take" } else { "risky_hire" };
                    format!("{name}.{risky}(\"{tag}\", {x})")
                } else {
                    match self.below(if both { 7 } else { 6 }) {
                        0 => format!("{name}.size({x})"),
                        1 | 2 => format!("{name}.take(\"{tag}\", {x})"),
                        3 => format!("{name}.note(\"{tag}\", {x})"),
                        4 | 5 => format!("{name}.hire(\"{tag}\", {x})"),
                        _ => format!("{name}.spin({x})"),
                    }
                }
            }
            Type::Bool => {
                let risky = if self.scopes > 0 { 25 } else { 2 };
                if self.percent(risky) {
                    format!("{name}.risky_ask(\"{tag}\")")
                } else if both && self.percent(40) {
                    format!("{name}.toss(\"{tag}\")")
                } else if self.percent(30) {
                    let (x, _) = self.expr(&Type::U32, &[role], depth)?;
                    format!("{name}.is_even({x})")
                } else if self.percent(25) {
                    format!("{name}.rent(\"{tag}\")")
                } else {
                    format!("{name}.flip(\"{tag}\")")
                }
            }
            Type::Unit => format!("{name}.log(\"{tag}\")"),
            Type::List => format!("{name}.list(\"{tag}\")"),
            Type::Mark => format!("{name}.mark(\"{tag}\")"),
            Type::Text => format!("{name}.word(\"{tag}\")"),
            Type::Float => format!("{name}.real(\"{tag}\")"),
            Type::Small => format!("{name}.small(\"{tag}\")"),
            Type::Char => format!("{name}.letter(\"{tag}\")"),
            Type::Ledger => format!("{name}.ledger(\"{tag}\")"),
            Type::Verdict => format!("{name}.verdict(\"{tag}\")"),
            Type::Coin => format!("{name}.coin(\"{tag}\")"),
            Type::Seal => {
                let (xs, _) = self.expr(&Type::List, &[role], depth)?;
                format!("{name}.close(\"{tag}\", {xs})")
            }
            Type::Item => {
                let (x, _) = self.expr(&Type::U32, &[role], depth)?;
                format!("{name}.item(\"{tag}\", {x})")
            }
            Type::Maybe(item) if **item == Type::U32 => format!("{name}.maybe(\"{tag}\")"),
            Type::Maybe(_) | Type::Pair(..) | Type::Param => return None,
        };
        Some((text, Place::at(role)))
    }
}
