//! The macros for owned objects.

/// Makes an owned object: its fields in the order of the journal's writer, how each is set, and how all are written.
///
/// `?` after a name: the writer leaves the field out if it is absent.
macro_rules! owned {
    (
        $(#[$about:meta])*
        $object:ident ($object_type:literal) {
            $(
                $(#[$field_about:meta])*
                $field:ident = $name:literal $([$omitted:tt])? : $kind:ty = $default:expr, set $setter:tt;
            )*
        }
    ) => {
        $(#[$about])*
        ///
        /// Each method sets one field and returns the object.
        ///
        /// ```
        /// # use journal_plugin_sdk::owned;
        #[doc = concat!("let record = owned::", stringify!($object), "::new();")]
        /// let (key, value) = (record.key(), record.encode());
        /// # assert!(!key.is_empty() && !value.is_empty());
        /// ```
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $object {
            $( $(#[$field_about])* pub $field: $kind, )*
        }

        impl Default for $object {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }

        impl $object {
            /// The object type, as in plans and topics.
            ///
            /// ```
            #[doc = concat!("assert_eq!(journal_plugin_sdk::owned::", stringify!($object), "::OBJECT_TYPE, ", stringify!($object_type), ");")]
            /// ```
            pub const OBJECT_TYPE: &'static str = $object_type;

            /// An object whose fields are empty, zero or absent.
            ///
            /// ```
            /// # use journal_plugin_sdk::owned;
            #[doc = concat!("let object = owned::", stringify!($object), "::new();")]
            #[doc = concat!("assert_eq!(object, owned::", stringify!($object), "::default());")]
            /// ```
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }

            $( $crate::model::owned::object::setter!(
                $object $field [$kind] $setter $(#[$field_about])*
            ); )*

            fn write(&self, value: &mut Vec<u8>) {
                use $crate::model::encode::{self, Encode};

                let mut pairs = 0;
                $( pairs += u32::from(!$crate::model::owned::object::left_out!(self $field $($omitted)?)); )*
                encode::map(value, pairs);
                $(
                    if !$crate::model::owned::object::left_out!(self $field $($omitted)?) {
                        encode::text(value, $name);
                        Encode::encode(&self.$field, value);
                    }
                )*
            }
        }

        /// All fields, as [`Out::emit_object`](crate::Out::emit_object) writes them.
        impl ::serde::Serialize for $object {
            fn serialize<S: ::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                $crate::model::whole::serialize(&self.encode(), serializer)
            }
        }

        impl $crate::model::owned::Object for $object {
            const OBJECT_TYPE: &'static str = $object_type;

            fn encode(&self) -> Vec<u8> {
                $object::encode(self)
            }

            fn key(&self) -> Vec<u8> {
                $object::key(self)
            }
        }
    };
}
pub(crate) use owned;

macro_rules! left_out {
    ($self:ident $field:ident) => {
        false
    };
    ($self:ident $field:ident ?) => {
        Encode::is_absent(&$self.$field)
    };
}
pub(crate) use left_out;

macro_rules! setter {
    ($object:ident $field:ident $kind:tt by_hand $(#[$about:meta])*) => {};
    ($object:ident $field:ident [$kind:ty] value $(#[$about:meta])*) => {
        $crate::model::owned::object::setter!(@
            $object $field, $kind, $field, $(#[$about])*
        );
    };
    ($object:ident $field:ident [$kind:ty] optional $(#[$about:meta])*) => {
        $crate::model::owned::object::setter!(@
            $object $field, impl Into<$kind>, $field.into(), $(#[$about])*
        );
    };
    ($object:ident $field:ident $kind:tt bytes $(#[$about:meta])*) => {
        $crate::model::owned::object::setter!(@
            $object $field, impl AsRef<[u8]>, $field.as_ref().to_vec(), $(#[$about])*
        );
    };
    ($object:ident $field:ident $kind:tt optional_bytes $(#[$about:meta])*) => {
        $crate::model::owned::object::setter!(@
            $object $field, impl AsRef<[u8]>, Some($field.as_ref().to_vec()), $(#[$about])*
        );
    };
    ($object:ident $field:ident $kind:tt text $(#[$about:meta])*) => {
        $crate::model::owned::object::setter!(@
            $object $field, impl Into<String>, $field.into(), $(#[$about])*
        );
    };
    ($object:ident $field:ident $kind:tt optional_text $(#[$about:meta])*) => {
        $crate::model::owned::object::setter!(@
            $object $field, impl Into<String>, Some($field.into()), $(#[$about])*
        );
    };
    ($object:ident $field:ident $kind:tt person $(#[$about:meta])*) => {
        $crate::model::owned::object::setter!(@
            $object $field, $crate::Person<'_>, Some($field.into_owned()), $(#[$about])*
        );
    };
    ($object:ident $field:ident $kind:tt date $(#[$about:meta])*) => {
        $crate::model::owned::object::setter!(@
            $object $field, $crate::Date<'_>, Some($field.into_owned()), $(#[$about])*
        );
    };
    ($object:ident $field:ident $kind:tt metadata $(#[$about:meta])*) => {
        $(#[$about])*
        ///
        /// The argument is anything that serializes to a map.
        ///
        /// # Errors
        /// If it cannot be serialized or is not a map.
        ///
        /// ```
        /// use std::collections::BTreeMap;
        ///
        /// use journal_plugin_sdk::owned;
        ///
        /// let metadata = BTreeMap::from([("license", "MIT")]);
        #[doc = concat!("let object = owned::", stringify!($object), "::new().metadata(&metadata)?;")]
        /// # Ok::<(), journal_plugin_sdk::FieldError>(())
        /// ```
        pub fn $field<M: ::serde::Serialize + ?Sized>(
            mut self,
            $field: &M,
        ) -> Result<Self, $crate::FieldError> {
            self.$field = Some($crate::Metadata::of($field)?);
            Ok(self)
        }
    };
    (@ $object:ident $field:ident, $taken:ty, $made:expr, $(#[$about:meta])*) => {
        $(#[$about])*
        ///
        /// ```
        /// # use journal_plugin_sdk::owned;
        #[doc = concat!("let field = owned::", stringify!($object), "::new().", stringify!($field), ";")]
        /// ```
        #[must_use]
        pub fn $field(mut self, $field: $taken) -> Self {
            self.$field = $made;
            self
        }
    };
}
pub(crate) use setter;

/// Declares `encode` and `key` of an object with an identifier, which is computed if it is not set.
macro_rules! identified_owned {
    ($object:ident) => {
        impl $object {
            /// The msgpack of the object, as in the journal. The [`id`](Self::id) is computed if it is not set.
            ///
            /// ```
            /// # use journal_plugin_sdk::owned;
            #[doc = concat!("let value = owned::", stringify!($object), "::new().encode();")]
            #[doc = concat!("let object = journal_plugin_sdk::", stringify!($object), "::new(&value);")]
            /// assert_eq!(object.compute_id()?.unwrap_or(object.id()?), object.id()?);
            /// # Ok::<(), journal_plugin_sdk::FieldError>(())
            /// ```
            #[must_use]
            pub fn encode(&self) -> Vec<u8> {
                let identified = Self { id: Some(self.identifier()), ..self.clone() };
                let mut value = Vec::new();
                identified.write(&mut value);
                value
            }

            /// The identifier that was set, or else the computed one. For a release without a target, which has none, it is
            /// all zeros.
            ///
            /// ```
            /// # use journal_plugin_sdk::owned;
            #[doc = concat!("println!(\"{}\", owned::", stringify!($object), "::new().identifier());")]
            /// ```
            #[must_use]
            pub fn identifier(&self) -> $crate::Id {
                let computed = || {
                    let mut value = Vec::new();
                    self.write(&mut value);
                    $crate::$object::new(&value).compute_id().ok().flatten()
                };
                self.id.or_else(computed).unwrap_or($crate::Id([0; 20]))
            }
        }
    };
}
pub(crate) use identified_owned;

/// Declares `key` of an object whose key is its identifier.
macro_rules! keyed_by_id {
    ($object:ident) => {
        impl $object {
            /// The key of the record in the journal.
            ///
            /// ```
            /// # use journal_plugin_sdk::{Id, owned};
            #[doc = concat!("let key = owned::", stringify!($object), "::new().id(Id([7; 20])).key();")]
            /// assert!(key.ends_with(&[7; 20]));
            /// ```
            #[must_use]
            pub fn key(&self) -> Vec<u8> {
                let mut key = Vec::new();
                $crate::model::encode::bytes(&mut key, &self.identifier().0);
                key
            }
        }
    };
}
pub(crate) use keyed_by_id;

/// Declares `encode` of an object without an identifier.
macro_rules! encoded_owned {
    ($object:ident) => {
        impl $object {
            /// The msgpack of the object, as in the journal.
            ///
            /// ```
            /// # use journal_plugin_sdk::owned;
            #[doc = concat!("let value = owned::", stringify!($object), "::new().encode();")]
            #[doc = concat!("assert_eq!(journal_plugin_sdk::", stringify!($object), "::new(&value).decode()?, ")]
            #[doc = concat!("    owned::", stringify!($object), "::new());")]
            /// # Ok::<(), journal_plugin_sdk::FieldError>(())
            /// ```
            #[must_use]
            pub fn encode(&self) -> Vec<u8> {
                let mut value = Vec::new();
                self.write(&mut value);
                value
            }
        }
    };
}
pub(crate) use encoded_owned;
