//! Shared code of the programs that measure the host.
//!
//! `./compare` runs `compare`; `measure-model`, `measure-plugins` and `measure-sources` are run by hand. They use the
//! support code of the end-to-end tests for brokers and processes. The tests do not depend on this package.

pub mod measure;
pub mod startup;
