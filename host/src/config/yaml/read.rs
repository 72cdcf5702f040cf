//! Reads a value of the tree as a setting wants it. The setting's type decides: `yes` is a text where a text is wanted,
//! and true where a truth value is.

use std::fmt;

use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::scalar::{self, Meaning, Scalar, Style};
use super::{Content, Key, Node, parse};
use crate::config::outputs::LIST_OR_MAPPING;
use crate::config::values::SCALAR;
use crate::text;

/// Why a value is not one that its setting takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct ReadError(pub(in crate::config) String);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}

impl Error for ReadError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self(reason.to_string())
    }

    /// Values are quoted where the error is reported, and only where they are not secret.
    fn invalid_type(_: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self(format!("it is not {expected}"))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self(format!("it is not {expected}"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let reason = format!("it is not one of {}", text::list(expected));
        match text::nearest(variant, expected) {
            Some(nearest) => Self(format!("{reason}; did you mean `{nearest}`?")),
            None => Self(reason),
        }
    }
}

/// A value that is read.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Reader<'a>(pub(in crate::config) &'a Node);

impl<'a> Reader<'a> {
    fn scalar(self) -> Result<&'a Scalar, ReadError> {
        match &self.0.content {
            Content::Scalar(scalar) => Ok(scalar),
            _ => Err(ReadError(format!(
                "it is {}, not a single value",
                self.0.kind()
            ))),
        }
    }

    /// The value in a variable that is written as YAML.
    fn of_flow(scalar: &Scalar, opening: char) -> Result<Option<Node>, ReadError> {
        if scalar.style != Style::Variable || !scalar.text.trim_start().starts_with(opening) {
            return Ok(None);
        }
        parse(&scalar.text).map_err(|error| ReadError(format!("it is not YAML: {error}")))
    }

    /// The mapping that a variable writes as YAML or JSON.
    pub(in crate::config) fn mapping_of_variable(self) -> Result<Option<Node>, ReadError> {
        match &self.0.content {
            Content::Scalar(scalar) => Self::of_flow(scalar, '{'),
            _ => Ok(None),
        }
    }

    fn integer(self) -> Result<i64, ReadError> {
        scalar::integer(&self.scalar()?.text)
            .ok_or_else(|| ReadError("it is not a whole number".to_owned()))
    }
}

macro_rules! read_integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            match u64::try_from(self.integer()?) {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => visitor.visit_i64(self.integer()?),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.0.content {
            Content::Scalar(scalar) => match scalar.meaning() {
                Meaning::Null => visitor.visit_unit(),
                Meaning::Bool(value) => visitor.visit_bool(value),
                Meaning::Integer(value) => match u64::try_from(value) {
                    Ok(value) => visitor.visit_u64(value),
                    Err(_) => visitor.visit_i64(value),
                },
                Meaning::Float(value) => visitor.visit_f64(value),
                Meaning::Text(text) => visitor.visit_str(text),
            },
            Content::List(items) => visitor.visit_seq(Items(items.iter())),
            Content::Mapping(entries) => visitor.visit_map(Entries::new(entries)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let scalar = self.scalar()?;
        let value = match (scalar.style, scalar.text.as_str()) {
            (Style::Variable, "1") => Some(true),
            (Style::Variable, "0") => Some(false),
            (_, text) => scalar::truth(text),
        };
        let value = value.ok_or_else(|| ReadError("it is not true or false".to_owned()))?;
        visitor.visit_bool(value)
    }

    read_integers!(deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);
    read_integers!(deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64);

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_str(&self.scalar()?.text)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.0.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == SCALAR {
            return match self.scalar()?.meaning() {
                Meaning::Bool(value) => visitor.visit_bool(value),
                _ => self.deserialize_str(visitor),
            };
        }
        if name == LIST_OR_MAPPING {
            if let Some(node) = self.mapping_of_variable()? {
                return Reader(&node).deserialize_map(visitor);
            }
            let is_variable = |scalar: &Scalar| scalar.style == Style::Variable;
            return match &self.0.content {
                Content::Scalar(scalar) if is_variable(scalar) => self.deserialize_seq(visitor),
                _ => self.deserialize_any(visitor),
            };
        }
        visitor.visit_newtype_struct(self)
    }

    /// A single value is a list of one; in a variable, commas separate the values of a list.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let scalar = match &self.0.content {
            Content::List(items) => return visitor.visit_seq(Items(items.iter())),
            Content::Mapping(_) => {
                return Err(ReadError("it is a mapping, not a list".to_owned()));
            }
            Content::Scalar(scalar) => scalar,
        };
        if let Some(node) = Self::of_flow(scalar, '[')? {
            return Reader(&node).deserialize_seq(visitor);
        }
        if scalar.style != Style::Variable {
            return visitor.visit_seq(Items(std::slice::from_ref(self.0).iter()));
        }
        let parts = scalar.text.split(',').map(str::trim);
        let parts = parts.filter(|part| !part.is_empty()).map(str::to_owned);
        let parts: Vec<Node> = parts.map(Node::of_variable).collect();
        visitor.visit_seq(Items(parts.iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.0.content {
            Content::Mapping(entries) => visitor.visit_map(Entries::new(entries)),
            Content::Scalar(scalar) => match Self::of_flow(scalar, '{')? {
                Some(node) => Reader(&node).deserialize_map(visitor),
                None => Err(ReadError("it is not a mapping".to_owned())),
            },
            Content::List(_) => Err(ReadError("it is a list, not a mapping".to_owned())),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_enum(Word(&self.scalar()?.text))
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct ignored_any
    }
}

/// The items of a list.
struct Items<'a>(std::slice::Iter<'a, Node>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ReadError> {
        let item = self.0.next();
        item.map(|node| seed.deserialize(Reader(node))).transpose()
    }
}

/// The entries of a mapping.
struct Entries<'a> {
    entries: std::slice::Iter<'a, (Key, Node)>,
    value: Option<&'a Node>,
}

impl<'a> Entries<'a> {
    fn new(entries: &'a [(Key, Node)]) -> Self {
        Self {
            entries: entries.iter(),
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = ReadError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ReadError> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        let key: StringDeserializer<ReadError> = key.text.clone().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        match self.value.take() {
            Some(node) => seed.deserialize(Reader(node)),
            None => Err(ReadError("a value was read before its key".to_owned())),
        }
    }
}

/// A variant of an enumeration, by its name.
struct Word<'a>(&'a str);

impl<'de> EnumAccess<'de> for Word<'_> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), ReadError> {
        let word: StrDeserializer<'_, ReadError> = self.0.into_deserializer();
        seed.deserialize(word).map(|value| (value, self))
    }
}

impl<'de> VariantAccess<'de> for Word<'_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, ReadError> {
        Err(ReadError("it needs a value".to_owned()))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, ReadError> {
        Err(ReadError("it needs values".to_owned()))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ReadError> {
        Err(ReadError("it needs members".to_owned()))
    }
}
