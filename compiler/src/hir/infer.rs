//! Type inference by unification.

use super::Ty;

/// What is known of a type that is still open.
#[derive(Clone, Debug, PartialEq)]
enum Var {
    /// Nothing.
    Any,
    /// An integer literal has it.
    Int,
    /// A size has it: an integer, and a `usize` where nothing else is asked for.
    Size,
    /// A float literal has it.
    Float,
    /// Found.
    Is(Ty),
}

/// The most parts of a type, each part counted wherever it stands.
pub const TYPE_SIZE_MAX: usize = 1_000;

/// What is known of open types.
#[derive(Clone, Debug, Default)]
pub struct Infer {
    vars: Vec<Var>,
}

impl Infer {
    fn fresh(&mut self, var: Var) -> Ty {
        self.vars.push(var);
        Ty::Var(u32::try_from(self.vars.len() - 1).unwrap_or(u32::MAX))
    }

    /// An open type.
    pub fn any(&mut self) -> Ty {
        self.fresh(Var::Any)
    }

    /// The type of an integer literal.
    pub fn int(&mut self) -> Ty {
        self.fresh(Var::Int)
    }

    /// The type of a size: of the number of a member, or of how many there are of something.
    pub fn size(&mut self) -> Ty {
        self.fresh(Var::Size)
    }

    /// The type of a float literal.
    pub fn float(&mut self) -> Ty {
        self.fresh(Var::Float)
    }

    /// Whether it is the type of an integer literal or of a size and not known closer.
    pub fn is_open_int(&self, ty: &Ty) -> bool {
        let is_int = |var: u32| matches!(self.vars.get(var as usize), Some(Var::Int | Var::Size));
        matches!(self.shallow(ty), Ty::Var(var) if is_int(var))
    }

    /// Whether it is the type of a float literal and not known closer.
    pub fn is_open_float(&self, ty: &Ty) -> bool {
        matches!(self.shallow(ty), Ty::Var(var) if self.vars.get(var as usize) == Some(&Var::Float))
    }

    /// The type as far as its outermost form is known.
    pub fn shallow(&self, ty: &Ty) -> Ty {
        self.outermost(ty).clone()
    }

    fn outermost<'t>(&'t self, mut ty: &'t Ty) -> &'t Ty {
        while let Ty::Var(var) = ty {
            match self.vars.get(*var as usize) {
                Some(Var::Is(found)) => ty = found,
                Some(Var::Any | Var::Int | Var::Size | Var::Float) | None => break,
            }
        }
        ty
    }

    /// Whether a type has more than [`TYPE_SIZE_MAX`] parts. Each pair of a value doubles its type, so that a few lines make one that no
    /// memory holds.
    pub fn is_too_large(&self, ty: &Ty) -> bool {
        let (mut left, mut open) = (TYPE_SIZE_MAX, vec![ty]);
        while let Some(ty) = open.pop() {
            let Some(rest) = left.checked_sub(1) else { return true };
            left = rest;
            open.extend(self.outermost(ty).parts());
        }
        false
    }

    /// The type with all that is known put in.
    pub fn known(&self, ty: &Ty) -> Ty {
        match self.shallow(ty) {
            Ty::Tuple(items) => Ty::Tuple(items.iter().map(|item| self.known(item)).collect()),
            Ty::Option(item) => Ty::Option(Box::new(self.known(&item))),
            Ty::Vec(item) => Ty::Vec(Box::new(self.known(&item))),
            Ty::Result(item, error) => Ty::Result(Box::new(self.known(&item)), Box::new(self.known(&error))),
            Ty::Map(key, value) => Ty::Map(Box::new(self.known(&key)), Box::new(self.known(&value))),
            other => other,
        }
    }

    /// The type with literals at their defaults; `None` where a part of it is still open.
    pub fn finish(&self, ty: &Ty) -> Option<Ty> {
        Some(match self.shallow(ty) {
            Ty::Var(var) => match self.vars.get(var as usize) {
                Some(Var::Int) => Ty::Int(super::IntTy::I32),
                Some(Var::Size) => Ty::Int(super::IntTy::USIZE),
                Some(Var::Float) => Ty::Float(super::FloatTy::F64),
                Some(Var::Any | Var::Is(_)) | None => return None,
            },
            Ty::Tuple(items) => Ty::Tuple(items.iter().map(|item| self.finish(item)).collect::<Option<_>>()?),
            Ty::Option(item) => Ty::Option(Box::new(self.finish(&item)?)),
            Ty::Vec(item) => Ty::Vec(Box::new(self.finish(&item)?)),
            Ty::Result(item, error) => Ty::Result(Box::new(self.finish(&item)?), Box::new(self.finish(&error)?)),
            Ty::Map(key, value) => Ty::Map(Box::new(self.finish(&key)?), Box::new(self.finish(&value)?)),
            other => other,
        })
    }

    /// Makes two types one. False where they are not.
    pub fn unify(&mut self, one: &Ty, two: &Ty) -> bool {
        let (one, two) = (self.shallow(one), self.shallow(two));
        match (&one, &two) {
            (Ty::Error, other) | (other, Ty::Error) => {
                self.spoil(other);
                true
            }
            (Ty::Never, _) | (_, Ty::Never) => true,
            (Ty::Var(a), Ty::Var(b)) if a == b => true,
            (Ty::Var(a), Ty::Var(b)) => self.join(*a, *b),
            (Ty::Var(a), _) if self.admits(*a, &two) => self.set(*a, two),
            (_, Ty::Var(b)) if self.admits(*b, &one) => self.set(*b, one),
            (Ty::Tuple(a), Ty::Tuple(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.unify(a, b)),
            (Ty::Option(a), Ty::Option(b)) | (Ty::Vec(a), Ty::Vec(b)) => self.unify(a, b),
            (Ty::Result(a, c), Ty::Result(b, d)) | (Ty::Map(a, c), Ty::Map(b, d)) => {
                self.unify(a, b) && self.unify(c, d)
            }
            (one, two) => one == two,
        }
    }

    /// Makes two open types one. The later one refers to the earlier one, so that of many that are made one by one each finds the first
    /// at once.
    fn join(&mut self, a: u32, b: u32) -> bool {
        let known = match (self.vars.get(a as usize), self.vars.get(b as usize)) {
            (Some(Var::Any), Some(other)) | (Some(other), Some(Var::Any)) => other.clone(),
            (Some(one), Some(two)) if one == two => one.clone(),
            // A size that meets a literal is still one.
            (Some(Var::Size), Some(Var::Int)) | (Some(Var::Int), Some(Var::Size)) => Var::Size,
            _ => return false,
        };
        if let Some(slot) = self.vars.get_mut(a.min(b) as usize) {
            *slot = known;
        }
        self.set(a.max(b), Ty::Var(a.min(b)))
    }

    /// Whether two types could be one. Nothing is made so.
    pub fn could_be(&self, one: &Ty, two: &Ty) -> bool {
        let (one, two) = (self.shallow(one), self.shallow(two));
        match (&one, &two) {
            (Ty::Error | Ty::Never, _) | (_, Ty::Error | Ty::Never) => false,
            (Ty::Var(var), other) | (other, Ty::Var(var)) => one == two || self.admits(*var, other),
            (Ty::Tuple(a), Ty::Tuple(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.could_be(a, b)),
            (Ty::Option(a), Ty::Option(b)) | (Ty::Vec(a), Ty::Vec(b)) => self.could_be(a, b),
            (Ty::Result(a, c), Ty::Result(b, d)) | (Ty::Map(a, c), Ty::Map(b, d)) => {
                self.could_be(a, b) && self.could_be(c, d)
            }
            (one, two) => one == two,
        }
    }

    /// What is open in a type that meets a mistake is part of the mistake.
    fn spoil(&mut self, ty: &Ty) {
        match self.shallow(ty) {
            Ty::Var(var) => {
                self.set(var, Ty::Error);
            }
            Ty::Tuple(items) => items.iter().for_each(|item| self.spoil(item)),
            Ty::Option(item) | Ty::Vec(item) => self.spoil(&item),
            Ty::Result(one, two) | Ty::Map(one, two) => {
                self.spoil(&one);
                self.spoil(&two);
            }
            _ => {}
        }
    }

    /// Whether what is known of an open type lets it be `ty`.
    fn admits(&self, var: u32, ty: &Ty) -> bool {
        match self.vars.get(var as usize) {
            Some(Var::Any) => !self.mentions(ty, var),
            Some(Var::Int | Var::Size) => matches!(ty, Ty::Int(_)) || self.is_open_int(ty),
            Some(Var::Float) => matches!(ty, Ty::Float(_)) || self.is_open_float(ty),
            Some(Var::Is(_)) | None => false,
        }
    }

    fn mentions(&self, ty: &Ty, var: u32) -> bool {
        match self.shallow(ty) {
            Ty::Var(other) => other == var,
            Ty::Tuple(items) => items.iter().any(|item| self.mentions(item, var)),
            Ty::Option(item) | Ty::Vec(item) => self.mentions(&item, var),
            Ty::Result(one, two) | Ty::Map(one, two) => self.mentions(&one, var) || self.mentions(&two, var),
            _ => false,
        }
    }

    fn set(&mut self, var: u32, ty: Ty) -> bool {
        if let Some(slot) = self.vars.get_mut(var as usize) {
            *slot = Var::Is(ty);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hir::IntTy;

    #[test]
    fn literals_take_the_type_asked_for_or_the_default() {
        let mut infer = Infer::default();
        let (a, b, c) = (infer.int(), infer.int(), infer.any());
        assert!(infer.unify(&a, &b) && infer.unify(&c, &a));
        assert_eq!(infer.finish(&c), Some(Ty::Int(IntTy::I32)));
        assert!(infer.unify(&Ty::Int(IntTy::USIZE), &b));
        assert_eq!(infer.finish(&c), Some(Ty::Int(IntTy::USIZE)));
        assert!(!infer.unify(&c, &Ty::Bool));
    }

    #[test]
    fn a_type_may_have_so_many_parts() {
        let mut infer = Infer::default();
        let mut ty = infer.any();
        for _ in 0..9 {
            let next = infer.any();
            assert!(!infer.is_too_large(&ty));
            infer.unify(&next, &Ty::Tuple(vec![ty.clone(), ty]));
            ty = next;
        }
        assert!(infer.is_too_large(&ty), "it has 2^10 - 1 parts, of which each variable shows three");
    }

    #[test]
    fn an_open_integer_and_an_open_type_are_an_open_integer() {
        let mut infer = Infer::default();
        let (any, int, float) = (infer.any(), infer.int(), infer.float());
        assert!(infer.unify(&any, &int) && infer.is_open_int(&any));
        assert!(!infer.unify(&any, &float) && !infer.unify(&float, &int));
        assert!(infer.unify(&int, &Ty::Int(IntTy::USIZE)));
        assert_eq!(infer.finish(&any), Some(Ty::Int(IntTy::USIZE)));
    }

    #[test]
    fn sizes_take_the_type_asked_for_or_are_usize() {
        let mut infer = Infer::default();
        let (size, literal, other) = (infer.size(), infer.int(), infer.size());
        assert!(infer.unify(&size, &literal));
        assert_eq!(infer.finish(&literal), Some(Ty::Int(IntTy::USIZE)));
        let literal = infer.int();
        assert!(infer.unify(&literal, &other));
        assert_eq!(infer.finish(&literal), Some(Ty::Int(IntTy::USIZE)));
        assert!(infer.unify(&other, &Ty::Int(IntTy::U64)));
        assert_eq!(infer.finish(&literal), Some(Ty::Int(IntTy::U64)));
        assert!(!infer.unify(&size, &Ty::Bool));
    }

    #[test]
    fn no_type_holds_itself() {
        let mut infer = Infer::default();
        let a = infer.any();
        assert!(!infer.unify(&a, &Ty::Vec(Box::new(a.clone()))));
        assert_eq!(infer.finish(&a), None);
    }
}
