//! Serializes a struct or a map into a row of an aggregate.

use std::fmt::{self, Display, Formatter};

use journal_aggregate::{Fault, Role, Row};
use serde::ser::{Error, Impossible, Serialize, SerializeMap, SerializeStruct, Serializer};

use super::column::ColumnSerializer;
use super::key;

/// Why a row could not be merged.
#[derive(Debug)]
pub(super) enum MergeError {
    /// The row does not match the plan.
    Fault(Fault),
    /// A field cannot be serialized.
    NotEncoded(String),
}

impl Display for MergeError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(formatter),
            Self::NotEncoded(reason) => formatter.write_str(reason),
        }
    }
}

impl std::error::Error for MergeError {}

impl Error for MergeError {
    fn custom<T: Display>(reason: T) -> Self {
        Self::NotEncoded(reason.to_string())
    }
}

impl From<rmp_serde::encode::Error> for MergeError {
    fn from(error: rmp_serde::encode::Error) -> Self {
        Self::NotEncoded(error.to_string())
    }
}

/// Splits a struct or a map into the fields of a row.
pub(super) struct RowSerializer<'a>(pub(super) &'a mut Row);

/// The fields of one struct or map.
pub(super) struct Fields<'a> {
    row: &'a mut Row,
    /// The role of the map value that follows.
    role: Option<Role>,
}

impl Fields<'_> {
    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, role: Role, value: &T) -> Result<(), MergeError> {
        match role {
            Role::Key => key::write(self.row.key_part(), value)?,
            Role::Column(column) => {
                let row = &mut *self.row;
                let value = value.serialize(ColumnSerializer { row, column })?;
                self.row.set(column, value)?;
            }
        }
        Ok(())
    }
}

impl SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = MergeError;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), MergeError> {
        let role = self.row.static_field(name)?;
        self.value(role, value)
    }

    #[inline]
    fn end(self) -> Result<(), MergeError> {
        Ok(self.row.finish()?)
    }
}

impl SerializeMap for Fields<'_> {
    type Ok = ();
    type Error = MergeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), MergeError> {
        self.role = Some(name.serialize(NameSerializer(self.row))?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), MergeError> {
        let role = self.role.take().ok_or(Fault::NameNotText)?;
        self.value(role, value)
    }

    fn end(self) -> Result<(), MergeError> {
        Ok(self.row.finish()?)
    }
}

/// Implements the methods of a serializer that refuse their value.
macro_rules! refuse {
    ($error:expr; $($method:ident($($type:ty),*) -> $result:ty;)*) => {
        $(
            fn $method(self, $(_: $type),*) -> Result<$result, MergeError> {
                Err($error.into())
            }
        )*
    };
    ($error:expr; others) => {
        refuse! { $error;
            serialize_bool(bool) -> Self::Ok;
            serialize_i8(i8) -> Self::Ok;
            serialize_i16(i16) -> Self::Ok;
            serialize_i32(i32) -> Self::Ok;
            serialize_i64(i64) -> Self::Ok;
            serialize_u8(u8) -> Self::Ok;
            serialize_u16(u16) -> Self::Ok;
            serialize_u32(u32) -> Self::Ok;
            serialize_u64(u64) -> Self::Ok;
            serialize_f32(f32) -> Self::Ok;
            serialize_f64(f64) -> Self::Ok;
            serialize_char(char) -> Self::Ok;
            serialize_bytes(&[u8]) -> Self::Ok;
            serialize_none() -> Self::Ok;
            serialize_unit() -> Self::Ok;
            serialize_unit_struct(&'static str) -> Self::Ok;
            serialize_seq(Option<usize>) -> Self::SerializeSeq;
            serialize_tuple(usize) -> Self::SerializeTuple;
            serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
            serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
            serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
        }

        fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Self::Ok, MergeError> {
            value.serialize(self)
        }

        fn serialize_newtype_struct<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            value: &T,
        ) -> Result<Self::Ok, MergeError> {
            value.serialize(self)
        }

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<Self::Ok, MergeError> {
            Err($error.into())
        }

        fn is_human_readable(&self) -> bool {
            false
        }
    };
}

impl<'a> Serializer for RowSerializer<'a> {
    type Ok = ();
    type Error = MergeError;
    type SerializeSeq = Impossible<(), MergeError>;
    type SerializeTuple = Impossible<(), MergeError>;
    type SerializeTupleStruct = Impossible<(), MergeError>;
    type SerializeTupleVariant = Impossible<(), MergeError>;
    type SerializeMap = Fields<'a>;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = Impossible<(), MergeError>;

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'a>, MergeError> {
        self.0.begin();
        let (row, role) = (self.0, None);
        Ok(Fields { row, role })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields<'a>, MergeError> {
        self.serialize_struct("", 0)
    }

    refuse! { Fault::NotAMap;
        serialize_str(&str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
    }
    refuse! { Fault::NotAMap; others }
}

/// Looks up the role of the field with this name.
struct NameSerializer<'a>(&'a mut Row);

impl Serializer for NameSerializer<'_> {
    type Ok = Role;
    type Error = MergeError;
    type SerializeSeq = Impossible<Role, MergeError>;
    type SerializeTuple = Impossible<Role, MergeError>;
    type SerializeTupleStruct = Impossible<Role, MergeError>;
    type SerializeTupleVariant = Impossible<Role, MergeError>;
    type SerializeMap = Impossible<Role, MergeError>;
    type SerializeStruct = Impossible<Role, MergeError>;
    type SerializeStructVariant = Impossible<Role, MergeError>;

    fn serialize_str(self, name: &str) -> Result<Role, MergeError> {
        Ok(self.0.field(name)?)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
    ) -> Result<Role, MergeError> {
        self.serialize_str(name)
    }

    refuse! { Fault::NameNotText;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
    }
    refuse! { Fault::NameNotText; others }
}
