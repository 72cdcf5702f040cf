//! The end-to-end tests: one executable, so that all of them share one broker.

mod bad_input;
mod bench;
mod delivery;
mod harness;
mod objects;
mod plugins;
mod transfer;
mod upstream;
mod verify_objects;
