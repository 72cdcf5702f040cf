//! The end-to-end tests: one executable, so that all of them share one broker.

mod bad_input;
mod bench;
mod delivery;
mod harness;
mod objects;
mod partitions;
mod phases;
mod plugins;
mod upstream;
mod upstream_client;
mod verify_objects;
