//! The macro for the views of objects.

/// Makes the lazy view of an object: its fields by their names in the journal, in the order of the journal's writer, and
/// an accessor for each field with a type.
macro_rules! object {
    (
        $(#[$about:meta])*
        $object:ident ($object_type:literal, $named:literal), fields $index:ident {
            $( $(#[$field_about:meta])* $field:ident = $name:literal $(: $kind:ty)?; )*
        }
    ) => {
        $(#[$about])*
        ///
        /// A field is decoded and checked when you read it. Read the fields that you need before you change the state of
        /// your processor. [`decode`](Self::decode) reads and checks all fields.
        #[derive(Clone, Debug)]
        pub struct $object<'a> {
            fields: $crate::model::fields::Fields<'a>,
            privileged: bool,
        }

        #[expect(non_camel_case_types, reason = "the names of the accessors")]
        #[derive(Clone, Copy)]
        enum $index {
            $($field,)*
        }

        impl<'a> $object<'a> {
            /// The object type, as in plans and topics.
            ///
            /// ```
            #[doc = concat!("assert_eq!(journal_plugin_sdk::", stringify!($object), "::OBJECT_TYPE, ", stringify!($object_type), ");")]
            /// ```
            pub const OBJECT_TYPE: &'static str = $object_type;

            const NAMES: &'static $crate::model::fields::Names =
                &$crate::model::fields::Names::new($named, &[
                    $( $crate::model::fields::Name {
                        text: $name,
                        encoded: &$crate::model::object::encoded::<{ $name.len() + 1 }>($name),
                    }, )*
                ]);

            /// A view of a value in the journal. Nothing is read or checked yet.
            ///
            /// ```
            #[doc = concat!("use journal_plugin_sdk::{", stringify!($object), ", owned};")]
            ///
            #[doc = concat!("let value = owned::", stringify!($object), "::default().encode();")]
            #[doc = concat!("assert_eq!(", stringify!($object), "::new(&value).value(), value);")]
            /// ```
            #[must_use]
            #[inline]
            pub fn new(value: &'a [u8]) -> Self {
                Self {
                    fields: $crate::model::fields::Fields::new(value, Self::NAMES),
                    privileged: false,
                }
            }

            /// The msgpack of the object.
            ///
            /// ```
            #[doc = concat!("# use journal_plugin_sdk::{Raw, ", stringify!($object), ", owned};")]
            #[doc = concat!("# let value = owned::", stringify!($object), "::default().encode();")]
            #[doc = concat!("let object = ", stringify!($object), "::new(&value);")]
            /// assert!(Raw::new(object.value()).get("a_field_of_tomorrow").is_none());
            /// ```
            #[must_use]
            #[inline]
            pub fn value(&self) -> &'a [u8] {
                self.fields.value()
            }

            /// Whether the object comes from a privileged topic, which is not anonymised.
            ///
            /// ```
            #[doc = concat!("# use journal_plugin_sdk::{", stringify!($object), ", owned};")]
            #[doc = concat!("# let value = owned::", stringify!($object), "::default().encode();")]
            #[doc = concat!("assert!(!", stringify!($object), "::new(&value).privileged());")]
            /// ```
            #[must_use]
            #[inline]
            pub fn privileged(&self) -> bool {
                self.privileged
            }

            /// Reads a field with `read`. `None` if the field is missing.
            #[allow(dead_code, reason = "not every object has such fields")]
            #[inline]
            fn read_with<T>(
                &self,
                field: $index,
                read: impl FnOnce(
                    &mut $crate::model::reader::Reader<'a>,
                ) -> Result<T, $crate::model::error::FieldError>,
            ) -> Result<Option<T>, $crate::model::error::FieldError> {
                self.fields.read_with(field as usize, read)
            }

            /// The items of a list.
            #[allow(dead_code, reason = "not every object has lists")]
            #[inline]
            fn items(
                &self,
                field: $index,
            ) -> Result<$crate::model::items::Items<'_, 'a>, $crate::model::error::FieldError> {
                self.fields.items(field as usize, $crate::model::reader::Reader::array)
            }

            /// The error for a required field that is missing.
            #[allow(dead_code, reason = "not every object has such fields")]
            #[cold]
            fn missing(&self, field: $index) -> $crate::model::error::FieldError {
                self.fields.missing(field as usize)
            }

            /// Checks that the value is exactly one map.
            pub(in crate::model) fn finish(&self) -> Result<(), $crate::model::error::FieldError> {
                self.fields.finish()
            }

            $( $crate::model::object::accessor!(
                $object $named $index $field [$($kind)?] $(#[$field_about])*
            ); )*
        }

        impl $crate::model::whole::sealed::Encoded for $object<'_> {
            fn type_name(&self) -> &str {
                Self::OBJECT_TYPE
            }

            fn msgpack(&self) -> &[u8] {
                self.value()
            }
        }

        /// All fields, as [`Out::emit_object`](crate::Out::emit_object) writes them.
        impl ::serde::Serialize for $object<'_> {
            fn serialize<S: ::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                $crate::model::whole::serialize(self.value(), serializer)
            }
        }

        impl<'a> $crate::model::object::Typed<'a> for $object<'a> {
            const OBJECT_TYPE: &'static str = $object_type;

            #[inline]
            fn of_record(value: &'a [u8], privileged: bool) -> Self {
                Self { privileged, ..Self::new(value) }
            }
        }
    };
}
pub(crate) use object;

macro_rules! accessor {
    ($object:ident $named:literal $index:ident $field:ident [] $(#[$about:meta])*) => {};
    ($object:ident $named:literal $index:ident $field:ident [$kind:ty] $(#[$about:meta])*) => {
        $(#[$about])*
        ///
        /// # Errors
        /// If the field is missing, or has another type or an invalid value.
        ///
        /// ```
        #[doc = concat!("# use journal_plugin_sdk::{", stringify!($object), ", owned};")]
        #[doc = concat!("# let value = owned::", stringify!($object), "::default().encode();")]
        #[doc = concat!("# let object = ", stringify!($object), "::new(&value);")]
        #[doc = concat!("let ", stringify!($field), " = object.", stringify!($field), "()?;")]
        /// # Ok::<(), journal_plugin_sdk::FieldError>(())
        /// ```
        #[inline]
        pub fn $field(&self) -> Result<$kind, $crate::model::error::FieldError> {
            self.fields.read($index::$field as usize)
        }
    };
}
pub(crate) use accessor;

/// A lazy view of a record of one object type.
pub(crate) trait Typed<'a> {
    const OBJECT_TYPE: &'static str;

    fn of_record(value: &'a [u8], privileged: bool) -> Self;
}

/// A name as a short text of msgpack, which has up to 31 bytes.
pub(crate) const fn encoded<const SIZE: usize>(name: &str) -> [u8; SIZE] {
    let name = name.as_bytes();
    assert!(name.len() < 32 && name.len() + 1 == SIZE);
    let mut bytes = [0; SIZE];
    #[expect(clippy::cast_possible_truncation, reason = "under 32, as asserted")]
    {
        bytes[0] = 0xa0 | name.len() as u8;
    }
    let mut index = 0;
    while index < name.len() {
        bytes[index + 1] = name[index];
        index += 1;
    }
    bytes
}
