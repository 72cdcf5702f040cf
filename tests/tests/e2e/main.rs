//! The end-to-end tests: one executable, so that all of them share one broker.

mod bad_input;
mod bench;
mod check;
mod configuration;
mod confinement;
mod delivery;
mod describe;
mod failures;
mod git;
mod harness;
mod large_records;
mod objects;
mod observing;
mod offsets;
mod operators_files;
mod page;
mod partitions;
mod phases;
mod plugins;
mod privacy;
mod refused_by_model;
mod show;
mod transfer;
mod upstream;
mod upstream_client;
mod verify_objects;
