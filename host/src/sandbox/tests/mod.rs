//! Hostile guests, and the well-behaved ones beside them.

mod caching;
mod contract;
mod guest;
mod limits;
mod loading;
mod logging;
mod metering;
mod rows;
