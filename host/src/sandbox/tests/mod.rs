//! Tests with hostile guests and with well-behaved ones.

mod caching;
mod contract;
mod guest;
mod limits;
mod loading;
mod logging;
mod metering;
mod rows;
mod wasi;
