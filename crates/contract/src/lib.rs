//! The contract between `journal-host` and its plugins, as text and names.
//!
//! [`WIT`] declares the world that a plugin implements, and documents every item of it. A plugin describes itself and
//! its plan in JSON: [`DESCRIPTION_SCHEMA`] and [`PLAN_SCHEMA`] hold the rules. The crate depends on nothing, so that
//! hosts, SDKs and generators of bindings in any language can use it.

macro_rules! version {
    () => {
        "0.1.0"
    };
}

macro_rules! interface {
    ($name:literal) => {
        concat!("swh:journal/", $name, "@", version!())
    };
}

/// The package of interfaces in WIT.
pub const WIT: &str = include_str!("../wit/journal.wit");

/// The JSON schema of the answer to `describe`.
pub const DESCRIPTION_SCHEMA: &str = include_str!("../wit/description.schema.json");

/// The JSON schema of the answer to `start`.
pub const PLAN_SCHEMA: &str = include_str!("../wit/plan.schema.json");

/// The world of [`WIT`] that a plugin implements.
pub const WORLD: &str = "plugin";

/// Prefix of the names of all interfaces of the contract, of any version.
pub const PACKAGE: &str = "swh:journal/";

/// The version of the contract.
pub const VERSION: &str = version!();

/// The interface that a plugin exports.
pub const PROCESSOR: &str = interface!("processor");

/// The types that the other interfaces use; it has no functions.
pub const TYPES: &str = interface!("types");

/// The interface for lines in the operator's log.
pub const LOG: &str = interface!("log");

/// The interface for emitting rows.
pub const OUTPUTS: &str = interface!("outputs");

/// The interface that a runtime exports besides [`PROCESSOR`]: it runs the script that it loads.
pub const SCRIPT: &str = interface!("script");

/// The mark of a note that a runtime may keep in its memory, which says where its script is. A host reads it after a call
/// that ended in the middle, as at its deadline. The mark is followed by the length of a text in four bytes, the lowest
/// first, and the text in UTF-8: the file's path within the script, the line and the function, each on a line, and on a fourth
/// line the function that is called there, where the runtime does not know that one's line. A length of 0 says nothing. The mark may be in the memory only once.
pub const SCRIPT_LOCATION: &str = interface!("script-location");

/// What a plugin may import.
pub const IMPORTS: [&str; 3] = [TYPES, LOG, OUTPUTS];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_the_wit() {
        let package = format!("package {}@{VERSION};", PACKAGE.trim_end_matches('/'));
        assert!(WIT.contains(&package), "{package}");
        assert!(WIT.contains(&format!("world {WORLD} {{")));
        for interface in IMPORTS.into_iter().chain([PROCESSOR, SCRIPT]) {
            let name = interface.strip_prefix(PACKAGE).unwrap();
            let name = name.strip_suffix(&format!("@{VERSION}")).unwrap();
            assert!(WIT.contains(&format!("interface {name} {{")), "{name}");
        }
    }

    #[test]
    fn every_interface_of_the_wit_has_a_name() {
        assert_eq!(WIT.matches("\ninterface ").count(), IMPORTS.len() + 2);
    }
}
