//! The schemas of plugins' options: a small part of JSON Schema 2020-12, read into a typed tree that checks values.
//!
//! The host and the SDK's test harness both use this crate, so that they give the same errors. A schema is a plugin's
//! and therefore untrusted: its depth and its number of parts are bounded while it is read, and the time to check a
//! value grows with the size of the value alone.
//!
//! | value | schema |
//! |---|---|
//! | `true` or `false` | `"type": "boolean"` |
//! | number | `"type": "integer"` or `"number"`; `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum` |
//! | string | `"type": "string"`; `minLength`, `maxLength` (characters) |
//! | one of several strings | `enum`, or `const` for a single one |
//! | list | `"type": "array"`; `items`, `minItems`, `maxItems`, `uniqueItems` (of scalars) |
//! | object | `"type": "object"`; `properties`, `required`, `additionalProperties` |
//! | map | `"type": "object"` with a schema as `additionalProperties` |
//! | anything | `true`, or no `type` |
//!
//! A second type `"null"` beside the first allows `null`. `description`, `default`, `title`, `examples`, `format`,
//! `deprecated`, `readOnly`, `writeOnly` and `$comment` are documentation and are not checked. Every other member is
//! refused, because ignoring it would allow values that it forbids.

mod check;
mod error;
mod form;
mod number;
mod options;
mod read;
mod schema;
mod show;

pub use error::{OptionError, SchemaError};
pub use options::{OptionDoc, OptionSchema};
pub use show::shown;

#[cfg(test)]
mod tests;
