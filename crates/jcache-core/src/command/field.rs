//! How a field of a command is read from arguments, written back, and whether it names keys.

use crate::arg::{Arg, ArgSink, Args, Key};
use crate::error::Result;

/// A part of a command's arguments.
///
/// The option types of single commands implement this next to the command.
pub trait Field<'a>: Sized {
    /// Reads the field from the front of `args`.
    ///
    /// # Errors
    /// Redis's error for a wrong argument.
    fn parse(args: &mut Args<'a>) -> Result<Self>;

    /// Writes what [`parse`](Field::parse) reads.
    fn write<S: ArgSink + ?Sized>(&self, out: &mut S);

    /// Visits the keys in the field.
    fn visit_keys<'s>(&'s self, visit: &mut impl FnMut(&'s Key<'s>)) {
        let _ = visit;
    }
}

impl<'a> Field<'a> for Key<'a> {
    #[inline]
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        args.take().map(Key)
    }
    #[inline]
    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        out.shared(&self.0);
    }
    #[inline]
    fn visit_keys<'s>(&'s self, visit: &mut impl FnMut(&'s Key<'s>)) {
        visit(self);
    }
}

impl<'a> Field<'a> for Arg<'a> {
    #[inline]
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        args.take()
    }
    #[inline]
    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        out.shared(self);
    }
}

impl<'a> Field<'a> for i64 {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        args.take_i64()
    }
    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        out.int(*self);
    }
}

impl<'a> Field<'a> for f64 {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        args.take_f64()
    }
    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        out.float(*self);
    }
}

/// One or more of the same, up to the end of the arguments.
impl<'a, T: Field<'a>> Field<'a> for Vec<T> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut items = Vec::with_capacity(args.len());
        loop {
            items.push(T::parse(args)?);
            if args.is_empty() {
                return Ok(items);
            }
        }
    }
    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        for item in self {
            item.write(out);
        }
    }
    fn visit_keys<'s>(&'s self, visit: &mut impl FnMut(&'s Key<'s>)) {
        for item in self {
            item.visit_keys(visit);
        }
    }
}

/// Two fields in a row: a field and its value, a key and its value.
impl<'a, A: Field<'a>, B: Field<'a>> Field<'a> for (A, B) {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok((A::parse(args)?, B::parse(args)?))
    }
    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        self.0.write(out);
        self.1.write(out);
    }
    fn visit_keys<'s>(&'s self, visit: &mut impl FnMut(&'s Key<'s>)) {
        self.0.visit_keys(visit);
        self.1.visit_keys(visit);
    }
}

/// Pairs up to the end of the arguments (`HSET`, `MSET`); an odd one out is a wrong number of arguments.
pub type Pairs<A, B> = Vec<(A, B)>;
