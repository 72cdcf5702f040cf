//! Nothing: see the features in `Cargo.toml`.
