//! Codecs: any serde type as the value of a key, an element or a field.

use jcache_core::{Arg, Error, ErrorKind, Result, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ConversionError, FromValue, ToArg};

/// A serde type stored as JSON.
///
/// ```
/// use jcache::prelude::*;
/// # #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)] struct User { name: String, born: u16 }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
/// let cache = Cache::new();
/// let ada = User { name: "Ada".into(), born: 1815 };
/// cache.set("user:1", Json(&ada)).await?;
/// let found: Option<Json<User>> = cache.get("user:1").await?;
/// assert_eq!(found, Some(Json(ada)));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Json<T>(pub T);

/// A serde type stored as MessagePack with named fields: smaller and faster than JSON, and as open to new fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MsgPack<T>(pub T);

impl<T: DeserializeOwned> FromValue for Json<T> {
    fn from_value(value: Value) -> Result<Self, ConversionError> {
        serde_json::from_slice(&value)
            .map(Json)
            .map_err(|error| ConversionError::new(format!("not the JSON expected: {error}")))
    }
}

impl<'a, T: Serialize> ToArg<'a> for Json<T> {
    fn to_arg(self) -> Result<Arg<'a>> {
        let bytes = serde_json::to_vec(&self.0).map_err(|error| refused("JSON", error))?;
        Ok(Arg::from(bytes))
    }
}

impl<T: DeserializeOwned> FromValue for MsgPack<T> {
    fn from_value(value: Value) -> Result<Self, ConversionError> {
        let mut input = rmp_serde::Deserializer::from_read_ref(value.as_bytes());
        let decoded = T::deserialize(&mut input)
            .map_err(|error| ConversionError::new(format!("not the MessagePack expected: {error}")))?;
        Ok(MsgPack(decoded))
    }
}

impl<'a, T: Serialize> ToArg<'a> for MsgPack<T> {
    fn to_arg(self) -> Result<Arg<'a>> {
        let bytes = rmp_serde::to_vec_named(&self.0).map_err(|error| refused("MessagePack", error))?;
        Ok(Arg::from(bytes))
    }
}

pub(super) fn refused(codec: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Conversion, format!("cannot store the value as {codec}: {error}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
    struct Order {
        id: u64,
        lines: Vec<(String, f64)>,
        note: Option<String>,
    }

    #[test]
    fn both_codecs_bring_a_struct_back() {
        let order = Order { id: 7, lines: vec![("tea".into(), 2.5)], note: None };
        let json = Json(&order).to_arg().expect("JSON").to_value();
        assert_eq!(json.as_bytes(), br#"{"id":7,"lines":[["tea",2.5]],"note":null}"#);
        assert_eq!(Json::from_value(json), Ok(Json(order.clone())));
        let packed = MsgPack(&order).to_arg().expect("MessagePack").to_value();
        assert_eq!(MsgPack::from_value(packed), Ok(MsgPack(order)));
    }

    #[test]
    fn what_is_not_the_codec_is_an_error() {
        assert!(Json::<Order>::from_value("{".into()).is_err());
        assert!(Json::<Order>::from_value("{\"id\":7}".into()).is_err());
        assert!(MsgPack::<Order>::from_value(Value::new(&[0xc1])).is_err());
        let keys_are_not_text = std::collections::HashMap::from([(vec![1], 1)]);
        assert_eq!(Json(keys_are_not_text).to_arg().expect_err("no JSON").kind(), ErrorKind::Conversion);
    }
}
