//! What the programs that measure the host have in common.
//!
//! `./compare` runs `compare`; `measure-model` and `measure-plugins` are run by hand. They stand on the broker and the
//! processes of the end-to-end tests, which never build them.

pub mod measure;
pub mod startup;
