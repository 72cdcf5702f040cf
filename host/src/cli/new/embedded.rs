//! The crates of the SDK, the templates, and the versions of all dependencies, as they were when this host was built.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
