//! Tests of the objects of every type.

mod damage;
mod each;
mod edges;
mod errors;
mod lazy;
mod order;
mod samples;
mod verifying;
