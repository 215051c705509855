//! The fields of a hash: from and to pairs, maps and serde structs.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::hash::{BuildHasher, Hash};

use jcache_core::{Arg, Error, ErrorKind, Result, Value};
use serde::Serialize;
use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};

use super::codec::refused;
use super::{ConversionError, FromValue, ToArg};

/// Something that can be stored as fields and values of a hash: one pair, a list of pairs, a map, or a
/// [`Struct`].
pub trait IntoFields<'a> {
    /// The fields and their values.
    ///
    /// # Errors
    /// Conversion, when a value cannot be stored.
    fn into_fields(self) -> Result<Vec<(Arg<'a>, Arg<'a>)>>;
}

/// Something that the fields and values of a hash convert to: a list of pairs, a map, or a [`Struct`].
pub trait FromFields: Sized {
    /// Converts the fields of the hash at `key`.
    ///
    /// # Errors
    /// Conversion, naming the key and the field.
    fn from_fields(key: &[u8], fields: Vec<(Value, Value)>) -> Result<Self>;
}

fn pairs<'a, F: ToArg<'a>, V: ToArg<'a>>(pairs: impl IntoIterator<Item = (F, V)>) -> Result<Vec<(Arg<'a>, Arg<'a>)>> {
    pairs.into_iter().map(|(field, value)| Ok((field.to_arg()?, value.to_arg()?))).collect()
}

impl<'a, F: ToArg<'a>, V: ToArg<'a>> IntoFields<'a> for (F, V) {
    fn into_fields(self) -> Result<Vec<(Arg<'a>, Arg<'a>)>> {
        pairs([self])
    }
}

impl<'a, F: ToArg<'a>, V: ToArg<'a>, const N: usize> IntoFields<'a> for [(F, V); N] {
    fn into_fields(self) -> Result<Vec<(Arg<'a>, Arg<'a>)>> {
        pairs(self)
    }
}

impl<'a, F: ToArg<'a>, V: ToArg<'a>> IntoFields<'a> for Vec<(F, V)> {
    fn into_fields(self) -> Result<Vec<(Arg<'a>, Arg<'a>)>> {
        pairs(self)
    }
}

impl<'a, F: ToArg<'a>, V: ToArg<'a>, S> IntoFields<'a> for HashMap<F, V, S> {
    fn into_fields(self) -> Result<Vec<(Arg<'a>, Arg<'a>)>> {
        pairs(self)
    }
}

impl<'a, F, V, S> IntoFields<'a> for &'a HashMap<F, V, S>
where
    &'a F: ToArg<'a>,
    &'a V: ToArg<'a>,
{
    fn into_fields(self) -> Result<Vec<(Arg<'a>, Arg<'a>)>> {
        pairs(self)
    }
}

impl<'a, F: ToArg<'a>, V: ToArg<'a>> IntoFields<'a> for BTreeMap<F, V> {
    fn into_fields(self) -> Result<Vec<(Arg<'a>, Arg<'a>)>> {
        pairs(self)
    }
}

impl<'a, F, V> IntoFields<'a> for &'a BTreeMap<F, V>
where
    &'a F: ToArg<'a>,
    &'a V: ToArg<'a>,
{
    fn into_fields(self) -> Result<Vec<(Arg<'a>, Arg<'a>)>> {
        pairs(self)
    }
}

/// One field and its value, converted.
fn pair<F: FromValue, V: FromValue>(key: &[u8], field: Value, value: Value) -> Result<(F, V)> {
    let value = V::from_value(value).map_err(|error| error.at(key, Some(&field)))?;
    let name = field.clone();
    Ok((F::from_value(field).map_err(|error| error.at(key, Some(&name)))?, value))
}

impl<F: FromValue, V: FromValue> FromFields for Vec<(F, V)> {
    fn from_fields(key: &[u8], fields: Vec<(Value, Value)>) -> Result<Self> {
        fields.into_iter().map(|(field, value)| pair(key, field, value)).collect()
    }
}

impl<F: FromValue + Eq + Hash, V: FromValue, S: BuildHasher + Default> FromFields for HashMap<F, V, S> {
    fn from_fields(key: &[u8], fields: Vec<(Value, Value)>) -> Result<Self> {
        fields.into_iter().map(|(field, value)| pair(key, field, value)).collect()
    }
}

impl<F: FromValue + Ord, V: FromValue> FromFields for BTreeMap<F, V> {
    fn from_fields(key: &[u8], fields: Vec<(Value, Value)>) -> Result<Self> {
        fields.into_iter().map(|(field, value)| pair(key, field, value)).collect()
    }
}

/// A serde struct (or map) as the fields of a hash, one field each.
///
/// Text is stored as it is, numbers in decimal, booleans as `1` and `0`; `None` is left out; anything nested is stored
/// as JSON.
///
/// ```
/// use jcache::prelude::*;
/// # #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
/// struct User { name: String, born: u16, admin: bool, tags: Vec<String> }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
/// let cache = Cache::new();
/// let ada = User { name: "Ada".into(), born: 1815, admin: true, tags: vec!["maths".into()] };
/// cache.hset("user:1", Struct(&ada)).await?;
/// cache.hincrby("user:1", "born", 1).await?;
/// let found: Option<Struct<User>> = cache.hgetall("user:1").await?;
/// assert_eq!(found.map(|it| it.0), Some(User { born: 1816, ..ada }));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Struct<T>(pub T);

impl<'a, T: Serialize> IntoFields<'a> for Struct<T> {
    fn into_fields(self) -> Result<Vec<(Arg<'a>, Arg<'a>)>> {
        let fields = match serde_json::to_value(&self.0).map_err(|error| refused("fields", error))? {
            serde_json::Value::Object(fields) => fields,
            other => {
                let text = format!("only a struct or a map has fields, not {other}");
                return Err(Error::new(ErrorKind::Conversion, text));
            }
        };
        let stored = |value: serde_json::Value| match value {
            serde_json::Value::Null => None,
            serde_json::Value::Bool(it) => Some(if it { "1".to_owned() } else { "0".to_owned() }),
            serde_json::Value::String(text) => Some(text),
            other => Some(other.to_string()),
        };
        let fields = fields.into_iter().filter_map(|(name, value)| Some((Arg::from(name), Arg::from(stored(value)?))));
        Ok(fields.collect())
    }
}

impl<T: DeserializeOwned> FromFields for Struct<T> {
    fn from_fields(key: &[u8], fields: Vec<(Value, Value)>) -> Result<Self> {
        let fields = fields.into_iter().map(|(field, value)| {
            let name = String::from_utf8_lossy(&field).into_owned();
            (name.clone(), Stored { field: name, value })
        });
        let converted = T::deserialize(MapDeserializer::new(fields));
        converted.map(Struct).map_err(|error: FieldError| ConversionError::new(error.0).at(key, None))
    }
}

/// Why a field does not convert; serde wants its own error type.
#[derive(Debug)]
struct FieldError(String);

impl Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FieldError {}

impl de::Error for FieldError {
    fn custom<T: Display>(text: T) -> Self {
        FieldError(text.to_string())
    }
}

/// The stored text of one field, read as the type that the struct asks for.
struct Stored {
    field: String,
    value: Value,
}

impl Stored {
    fn text(&self) -> Result<&str, FieldError> {
        std::str::from_utf8(&self.value).map_err(|error| FieldError(format!("field '{}': {error}", self.field)))
    }

    fn json(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::from_slice(&self.value)
    }

    fn not_json(&self, error: &serde_json::Error) -> FieldError {
        FieldError(format!("field '{}': not the JSON expected: {error}", self.field))
    }

    fn parse<T: std::str::FromStr>(&self, expected: &str) -> Result<T, FieldError> {
        let text = self.text()?;
        text.parse().map_err(|_| FieldError(format!("field '{}': expected {expected}, found '{text}'", self.field)))
    }
}

impl IntoDeserializer<'_, FieldError> for Stored {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! read_numbers {
    ($($deserialize:ident $visit:ident $expected:literal),* $(,)?) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
            visitor.$visit(self.parse($expected)?)
        }
    )*};
}

macro_rules! read_json {
    ($($deserialize:ident ( $($arg:ident : $Type:ty),* ) ),* $(,)?) => {$(
        fn $deserialize<V: Visitor<'de>>(self, $($arg: $Type,)* visitor: V) -> Result<V::Value, FieldError> {
            let read = self.json().and_then(|json| de::Deserializer::$deserialize(json, $($arg,)* visitor));
            read.map_err(|error| self.not_json(&error))
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Stored {
    type Error = FieldError;

    read_numbers! {
        deserialize_i8 visit_i8 "an i8", deserialize_i16 visit_i16 "an i16", deserialize_i32 visit_i32 "an i32",
        deserialize_i64 visit_i64 "an i64", deserialize_i128 visit_i128 "an i128",
        deserialize_u8 visit_u8 "a u8", deserialize_u16 visit_u16 "a u16", deserialize_u32 visit_u32 "a u32",
        deserialize_u64 visit_u64 "a u64", deserialize_u128 visit_u128 "a u128",
        deserialize_f32 visit_f32 "an f32", deserialize_f64 visit_f64 "an f64", deserialize_char visit_char "a char",
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.value.as_bytes() {
            b"1" => visitor.visit_bool(true),
            b"0" => visitor.visit_bool(false),
            _ => visitor.visit_bool(self.parse("a bool")?),
        }
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match std::str::from_utf8(&self.value) {
            Ok(text) => visitor.visit_str(text),
            Err(_) => visitor.visit_bytes(&self.value),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_bytes(&self.value)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_bytes(&self.value)
    }

    // A field that is there is something: `None` is not stored.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    // A unit variant is stored as its name, any other as JSON.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        if self.value.starts_with(b"{") {
            let read = self.json().and_then(|json| de::Deserializer::deserialize_enum(json, name, variants, visitor));
            return read.map_err(|error| self.not_json(&error));
        }
        let text = self.text()?;
        visitor.visit_enum(de::value::StrDeserializer::<FieldError>::new(text))
    }

    read_json! {
        deserialize_seq(), deserialize_map(), deserialize_tuple(len: usize),
        deserialize_tuple_struct(name: &'static str, len: usize),
        deserialize_struct(name: &'static str, fields: &'static [&'static str]),
        deserialize_unit(), deserialize_unit_struct(name: &'static str),
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_unit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
    enum Plan {
        Free,
        Paid { cents: u32 },
    }

    #[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
    struct Account {
        name: String,
        age: u8,
        balance: f64,
        admin: bool,
        nick: Option<String>,
        tags: Vec<String>,
        limits: BTreeMap<String, u64>,
        plan: Plan,
        digits_only: String,
    }

    fn account() -> Account {
        Account {
            name: "Ada \"the\" first\n".into(),
            age: 36,
            balance: -0.5,
            admin: true,
            nick: None,
            tags: vec!["x".into(), "y".into()],
            limits: BTreeMap::from([("day".into(), 7)]),
            plan: Plan::Paid { cents: 5 },
            digits_only: "123".into(),
        }
    }

    fn stored<'a>(fields: impl IntoFields<'a>) -> Vec<(Value, Value)> {
        let fields = fields.into_fields().expect("it can be stored");
        fields.iter().map(|(field, value)| (field.to_value(), value.to_value())).collect()
    }

    #[test]
    fn a_struct_comes_back_field_by_field() {
        for plan in [Plan::Free, Plan::Paid { cents: 1 }] {
            for nick in [None, Some("ace".to_owned())] {
                let account = Account { nick, plan: plan.clone(), ..account() };
                let fields = stored(Struct(&account));
                assert_eq!(Struct::from_fields(b"k", fields), Ok(Struct(account)));
            }
        }
    }

    #[test]
    fn scalars_are_stored_as_redis_programs_write_them() {
        let fields: BTreeMap<Value, Value> = stored(Struct(account())).into_iter().collect();
        let field = |name: &str| fields.get(&Value::from(name)).cloned();
        assert_eq!(field("age"), Some("36".into()));
        assert_eq!(field("admin"), Some("1".into()));
        assert_eq!(field("name"), Some("Ada \"the\" first\n".into()));
        assert_eq!(field("nick"), None);
        assert_eq!(field("tags"), Some(r#"["x","y"]"#.into()));
    }

    #[test]
    fn a_field_that_does_not_convert_is_named() {
        let mut fields = stored(Struct(account()));
        let age = fields.iter_mut().find(|(field, _)| field.as_bytes() == b"age").expect("it has an age");
        age.1 = "old".into();
        let error = Struct::<Account>::from_fields(b"user:1", fields.clone()).expect_err("no number");
        assert!(error.message().contains("'user:1'") && error.message().contains("field 'age'"), "{error}");
        fields.retain(|(field, _)| field.as_bytes() != b"age");
        let error = Struct::<Account>::from_fields(b"user:1", fields).expect_err("no age");
        assert!(error.message().contains("missing field `age`"), "{error}");
        assert!(Struct(7).into_fields().is_err());
    }

    #[test]
    fn maps_and_pairs_convert_both_ways() {
        let map = HashMap::from([("a".to_owned(), 1i64), ("b".to_owned(), -2)]);
        assert_eq!(HashMap::<String, i64>::from_fields(b"k", stored(map.clone())), Ok(map));
        assert_eq!(stored([("f", &b"\xff\x00"[..])])[0].1, Value::new(b"\xff\x00"));
        let error = HashMap::<String, i64>::from_fields(b"k", stored(("f", "x"))).expect_err("no integer");
        assert!(error.message().contains("at 'f'"), "{error}");
    }
}
