//! Files that are plugins, and files that are not.

use std::path::Path;

use super::guest::{self, Guest, LIMITS, load};
use crate::sandbox::{Compiler, Engine, LoadError, Plugin, Processor};

fn refused(bytes: &[u8]) -> LoadError {
    load(bytes, LIMITS).err().expect("it is refused")
}

#[test]
fn a_core_module_with_its_type_and_a_component_are_the_same_plugin() {
    let guest = Guest::default();
    for bytes in [guest.module(), guest.component()] {
        let plugin = load(&bytes, LIMITS).unwrap();
        assert_eq!(plugin.description().name, "guest");
        assert_eq!(plugin.digest().len(), 64);
        let (mut processor, _) = Processor::start(&plugin, "{}", LIMITS).unwrap();
        processor.process(&[]).unwrap();
    }
}

#[test]
fn more_exports_are_tolerated() {
    let guest = Guest {
        wit: guest::wit_with_more_exports(),
        extra: r#"(func (export "init"))"#,
        ..Guest::default()
    };
    guest.load(LIMITS).unwrap();
}

#[test]
fn a_later_patch_version_is_the_same_interface() {
    let guest = Guest {
        wit: guest::wit_of_version("0.1.7"),
        version: "0.1.7",
        ..Guest::default()
    };
    let plugin = guest.load(LIMITS).unwrap();
    Processor::start(&plugin, "{}", LIMITS).unwrap();
}

#[test]
fn a_missing_file_a_folder_and_a_pipe_are_different_errors() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &Path| {
        Plugin::load_with(&Engine::new(Compiler::Here).unwrap(), path, LIMITS, None)
            .err()
            .unwrap()
    };
    let missing = at(&folder.path().join("missing.wasm"));
    assert!(matches!(missing, LoadError::Missing { .. }), "{missing:?}");
    let is_folder = at(folder.path());
    assert!(
        matches!(is_folder, LoadError::Folder { .. }),
        "{is_folder:?}"
    );
    let device = at(Path::new("/dev/null"));
    assert!(matches!(device, LoadError::NotAFile { .. }), "{device:?}");
}

#[test]
fn a_file_beyond_the_largest_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.wasm");
    std::fs::File::create(&path)
        .unwrap()
        .set_len((64 << 20) + 1)
        .unwrap();
    let error = Plugin::load_with(&Engine::new(Compiler::Here).unwrap(), &path, LIMITS, None)
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .ends_with("large.wasm` is larger than 64 MiB"),
        "{error}"
    );
}

#[test]
fn what_is_not_webassembly_is_refused() {
    for bytes in [&b""[..], b"\x7fELF", b"#!/bin/sh"] {
        assert!(matches!(
            refused(bytes),
            LoadError::NotWasm { text: false, .. }
        ));
    }
    let text = refused(b"\n(module)");
    assert!(matches!(text, LoadError::NotWasm { text: true, .. }));
}

#[test]
fn a_plugin_cut_short_anywhere_is_refused_without_a_panic() {
    let guest = Guest::default();
    for whole in [guest.module(), guest.component()] {
        for end in (8..whole.len()).step_by(97) {
            refused(&whole[..end]);
        }
    }
    let component = guest.component();
    let error = refused(&component[..component.len() - 10]);
    assert!(matches!(error, LoadError::Malformed { .. }), "{error:?}");
}

#[test]
fn a_core_module_without_its_type_has_that_of_its_exports() {
    let guest = Guest {
        types: false,
        ..Guest::default()
    };
    let (mut processor, _) = guest.started(LIMITS);
    processor.process(&[]).unwrap();
    let later_patch = Guest {
        version: "0.1.7",
        ..guest
    };
    let (mut processor, _) = later_patch.started(LIMITS);
    processor.process(&[]).unwrap();
}

#[test]
fn a_core_module_without_its_type_and_with_other_exports_is_refused() {
    let error = refused(&wat::parse_str("(module)").unwrap());
    assert!(
        matches!(error, LoadError::NoComponentType { .. }),
        "{error:?}"
    );
    let other_shape = r#"(module
        (memory (export "memory") 1)
        (func (export "swh:journal/processor@0.1.0#describe") (result i64) (i64.const 0)))"#;
    let error = refused(&wat::parse_str(other_shape).unwrap());
    assert!(matches!(error, LoadError::Componentize { .. }), "{error:?}");
}

#[test]
fn a_program_is_no_library() {
    let program = |extra| Guest {
        types: false,
        extra,
        ..Guest::default()
    };
    let start = r#"(func (export "_start"))"#;
    let error = refused(&program(start).module());
    assert!(matches!(error, LoadError::Program { .. }), "{error:?}");
    let error = refused(&wat::parse_str(format!("(module {start})")).unwrap());
    assert!(
        error
            .to_string()
            .ends_with("guest.wasm` is a program, with `_start`, and not a library"),
        "{error}"
    );
    let both = r#"(func (export "_start") unreachable) (func (export "_initialize"))"#;
    program(both).load(LIMITS).unwrap();
}

#[test]
fn a_component_without_the_interface_is_refused() {
    let error = refused(&wat::parse_str("(component)").unwrap());
    assert!(matches!(error, LoadError::NoInterface { .. }), "{error:?}");
}

#[test]
fn another_version_is_refused_by_both_names() {
    let guest = Guest {
        wit: guest::wit_of_version("0.2.0"),
        version: "0.2.0",
        ..Guest::default()
    };
    let (module, component) = (guest.module(), guest.component());
    let untyped = Guest {
        types: false,
        ..guest
    };
    for bytes in [module, component, untyped.module()] {
        let text = refused(&bytes).to_string();
        assert!(
            text.ends_with(
                "is made for `swh:journal/processor@0.2.0`, and this host offers `swh:journal/processor@0.1.0`"
            ),
            "{text}"
        );
    }
}

#[test]
fn imports_that_the_host_does_not_offer_are_refused_by_name() {
    let guest = Guest {
        wit: guest::wit_with_environment(),
        extra: r#"(import "wasi:cli/environment@0.2.0" "count" (func $count (result i32)))"#,
        process: "(drop (call $count))",
        ..Guest::default()
    };
    for bytes in [guest.module(), guest.component()] {
        let error = refused(&bytes);
        assert!(
            error
                .to_string()
                .ends_with("imports `wasi:cli/environment@0.2.0`, which this host does not offer"),
            "{error}"
        );
    }
    let others = Guest {
        extra: r#"(import "wasi_snapshot_preview1" "thread_exit" (func (param i32)))
            (import "wasi_unstable" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
            (import "env" "abort" (func))
            (import "env" "system" (func))
            (import "env" "abort" (func))"#,
        ..Guest::default()
    };
    let text = refused(&others.module()).to_string();
    assert!(
        text.contains(
            "imports `wasi_snapshot_preview1.thread_exit`, `wasi_unstable.fd_write`, `env.abort`, `env.system`, which"
        ),
        "{text}"
    );
    let memory = r#"(module (import "env" "memory" (memory 1)) (@custom "component-type" ""))"#;
    let text = refused(&wat::parse_str(memory).unwrap()).to_string();
    assert!(text.contains("imports `env.memory`, which"), "{text}");
}

#[test]
fn imports_are_named_within_limits() {
    let functions = (0..40).map(|number| {
        let name = "x".repeat(number * 100);
        format!(r#"(import "env" "{number}{name}" (func))"#)
    });
    let others = Guest {
        extra: String::leak(functions.collect()),
        ..Guest::default()
    };
    let text = refused(&others.module()).to_string();
    assert!(text.contains("imports `env.0`, `env.1xx"), "{text}");
    assert!(
        text.ends_with("and 30 more, which this host does not offer"),
        "{text}"
    );
    assert!(text.len() < 3000, "{}", text.len());
}

#[test]
fn an_interface_of_another_shape_is_refused() {
    let wit = Guest::default()
        .wit
        .replace("records: u32,", "records: u32, more: u32,");
    let guest = Guest {
        wit,
        ..Guest::default()
    };
    let error = refused(&guest.component());
    assert!(matches!(error, LoadError::Shape { .. }), "{error:?}");
}

/// Each proposal, in a module that is a part of a component, and in one that would become a component.
#[test]
fn refused_proposal_is_named() {
    let cases: [(&str, &[&str]); 14] = [
        (
            "(memory $more 1) (func (drop (i32.load $more (i32.const 0))))",
            &["several memories in one module"],
        ),
        ("(memory i64 1)", &["64-bit memories"]),
        ("(memory 1 (pagesize 1))", &["custom page sizes"]),
        ("(func $f (return_call $f))", &["tail calls"]),
        ("(tag $t)", &["exceptions"]),
        ("(func try catch_all end)", &["legacy exceptions"]),
        (
            "(tag $t) (func try catch $t end)",
            &["exceptions", "legacy exceptions"],
        ),
        ("(type $s (struct))", &["garbage collection"]),
        (
            "(type $f (func)) (func (param (ref $f)))",
            &["typed function references"],
        ),
        ("(type $f (func)) (type $c (cont $f))", &["stack switching"]),
        ("(memory 1 1 shared)", &["threads and shared memories"]),
        (
            "(global (shared i32) (i32.const 0))",
            &["shared tables and globals"],
        ),
        (
            "(func (param v128 v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 1))))",
            &["relaxed SIMD"],
        ),
        (
            "(func (param i64 i64) (drop (drop (i64.mul_wide_s (local.get 0) (local.get 1)))))",
            &["wide arithmetic"],
        ),
    ];
    for (extra, expected) in cases {
        let memory = if extra.starts_with("(memory $more") {
            "(memory 1)"
        } else {
            ""
        };
        let component = format!(
            r#"(component (core module {memory} {extra})
                 (instance (export "swh:journal/processor@0.1.0")))"#
        );
        let mut refusals = vec![refused(&wat::parse_str(component).unwrap())];
        // A module has one memory already.
        if !extra.starts_with("(memory") || !memory.is_empty() {
            let guest = Guest {
                extra,
                ..Guest::default()
            };
            refusals.push(refused(&guest.module()));
        }
        for error in refusals {
            let LoadError::Proposals { proposals, .. } = error else {
                panic!("{extra}: {error:?}");
            };
            assert_eq!(proposals, expected, "{extra}");
        }
    }
}

/// Each module has one memory, and wasmtime makes one with both, in which the text passes from one to the other.
#[test]
fn components_that_pass_data_to_each_other_are_refused_by_the_proposal() {
    let composed = r#"(component
        (component $taker
          (core module $code
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
            (func (export "take") (param i32 i32)))
          (core instance $code (instantiate $code))
          (alias core export $code "memory" (core memory $memory))
          (alias core export $code "realloc" (core func $realloc))
          (func (export "take") (param "text" string)
            (canon lift (core func $code "take") (memory $memory) (realloc $realloc))))
        (component $giver
          (import "take" (func $take (param "text" string)))
          (core module $data (memory (export "memory") 1))
          (core instance $data (instantiate $data))
          (alias core export $data "memory" (core memory $memory))
          (core func $give (canon lower (func $take) (memory $memory)))
          (core module $code
            (import "taker" "take" (func $take (param i32 i32)))
            (func (export "run") (call $take (i32.const 0) (i32.const 0))))
          (core instance $code (instantiate $code (with "taker" (instance (export "take" (func $give))))))
          (func (export "run") (canon lift (core func $code "run"))))
        (instance $taker (instantiate $taker))
        (instance $giver (instantiate $giver (with "take" (func $taker "take"))))
        (instance (export "swh:journal/processor@0.1.0")))"#;
    let error = refused(&wat::parse_str(composed).unwrap());
    let text = error.to_string();
    assert!(
        text.ends_with(
            "guest.wasm` uses several memories in one module (to pass data between its components), which this host refuses"
        ),
        "{error:?}"
    );
}

/// Such a module makes `wit-component` overflow the stack, which ends the process.
#[test]
fn packages_that_depend_on_each_other_in_a_circle_are_refused() {
    let mut module = Guest::default().module();
    // The exported interface moves to a package of its own, and still uses the types of the
    // world's package.
    let name = b"swh:journal/processor";
    let offset = module
        .windows(name.len())
        .rposition(|at| at == name)
        .unwrap();
    module[offset + 1] = b'5';
    let error = refused(&module);
    let LoadError::Componentize { source, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        source.to_string(),
        "its packages depend on each other in a circle"
    );
}
