//! Serializes a field of a row into the value of a column.

use journal_aggregate::{Fault, Row, Span, Value};
use journal_msgpack::Cursor;
use serde::ser::{Impossible, Serialize, Serializer};

use super::fields::MergeError;

type Compound = Impossible<Value<Span>, MergeError>;

/// Serializes a value of a column. Texts and bytes are copied into the row.
pub(super) struct ColumnSerializer<'a> {
    pub(super) row: &'a mut Row,
    pub(super) column: usize,
}

impl ColumnSerializer<'_> {
    #[cold]
    fn refuse(&self, found: &str) -> MergeError {
        self.row.bad_value(self.column, found).into()
    }

    fn bytes(self, bytes: &[u8]) -> Result<Span, MergeError> {
        Ok(self.row.take(bytes)?)
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty => $make:expr;)*) => {
        $(
            #[inline]
            fn $method(self, number: $type) -> Result<Self::Ok, Self::Error> {
                Ok($make(number.into()))
            }
        )*
    };
}

macro_rules! wide_integers {
    ($($method:ident: $type:ty;)*) => {
        $(
            fn $method(self, number: $type) -> Result<Self::Ok, Self::Error> {
                let wide = i128::try_from(number).ok().and_then(Value::wide_integer);
                wide.ok_or_else(|| self.refuse("an integer of more than 64 bits"))
            }
        )*
    };
}

impl Serializer for ColumnSerializer<'_> {
    type Ok = Value<Span>;
    type Error = MergeError;
    type SerializeSeq = Compound;
    type SerializeTuple = Compound;
    type SerializeTupleStruct = Compound;
    type SerializeTupleVariant = Compound;
    type SerializeMap = Compound;
    type SerializeStruct = Compound;
    type SerializeStructVariant = Compound;

    integers! {
        serialize_u8: u8 => Value::Unsigned;
        serialize_u16: u16 => Value::Unsigned;
        serialize_u32: u32 => Value::Unsigned;
        serialize_u64: u64 => Value::Unsigned;
        serialize_i8: i8 => Value::integer;
        serialize_i16: i16 => Value::integer;
        serialize_i32: i32 => Value::integer;
        serialize_i64: i64 => Value::integer;
        serialize_f32: f32 => Value::Float;
        serialize_f64: f64 => Value::Float;
    }

    wide_integers! {
        serialize_u128: u128;
        serialize_i128: i128;
    }

    fn serialize_str(self, text: &str) -> Result<Self::Ok, Self::Error> {
        self.bytes(text.as_bytes()).map(Value::Text)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Self::Ok, Self::Error> {
        self.bytes(bytes).map(Value::Bytes)
    }

    fn serialize_char(self, character: char) -> Result<Self::Ok, Self::Error> {
        self.serialize_str(character.encode_utf8(&mut [0; 4]))
    }

    fn serialize_none(self) -> Result<Self::Ok, Self::Error> {
        Ok(Value::Nothing)
    }

    fn serialize_unit(self) -> Result<Self::Ok, Self::Error> {
        Ok(Value::Nothing)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Self::Ok, Self::Error> {
        Ok(Value::Nothing)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Self::Ok, Self::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Self::Ok, Self::Error> {
        if name != rmp_serde::MSGPACK_EXT_STRUCT_NAME {
            return value.serialize(self);
        }
        let mut extension = Vec::with_capacity(16);
        rmp_serde::Serializer::new(&mut extension).serialize_newtype_struct(name, value)?;
        Ok(self
            .row
            .read_value(self.column, &mut Cursor::new(&extension))?)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Self::Ok, Self::Error> {
        self.serialize_str(variant)
    }

    fn serialize_bool(self, value: bool) -> Result<Self::Ok, Self::Error> {
        Ok(self.row.truth(self.column, value)?)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Self::Ok, Self::Error> {
        Err(self.refuse("a map"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound, Self::Error> {
        Err(self.refuse("a list"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound, Self::Error> {
        Err(self.refuse("a list"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound, Self::Error> {
        Err(self.refuse("a list"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Compound, Self::Error> {
        Err(self.refuse("a map"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound, Self::Error> {
        Err(self.refuse("a map"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound, Self::Error> {
        Err(self.refuse("a map"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Compound, Self::Error> {
        Err(self.refuse("a map"))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

impl From<Fault> for MergeError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
