//! Delivery while members die and brokers come and go, on three brokers, with exact accounts: how often each record is
//! in the outputs, compared with the checkpoints that the logs name.
//!
//! The tests use one cluster, one after another.

mod accounts;
mod chaos;
mod faults;
mod feed;
mod members;
