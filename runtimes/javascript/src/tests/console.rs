//! The console of scripts, and other objects that they may look for.

use super::{Script, map};

/// What a script with these lines in its function logs.
fn log(lines: &str) -> Vec<String> {
    let text = format!("export function process(objects, emit) {{ {lines} }}");
    let script = Script::started(&text);
    script.process(&[map(&[])]).unwrap();
    script.host.log.take()
}

#[test]
fn values_are_filled_into_the_first_text_of_the_console() {
    for (values, shown) in [
        ("'%s is %d', 'a', '2.5', 'c'", "a is 2.5 c"),
        ("'%i %f %d', '2.5', '2.5', 3n", "2 2.5 3"),
        ("'%j %o', { a: 1 }, [2]", "{\"a\":1} [2]"),
        ("'%s %s', 1", "1 %s"),
        ("'100%% %x', 1", "100% %x 1"),
        ("'100%%'", "100%%"),
        ("1, '%s', 2", "1 %s 2"),
        ("'%d %s', Symbol(), Symbol('b')", "NaN Symbol(b)"),
        ("'%d', Object.create(null)", "NaN"),
        ("'$& %s', '$&'", "$& $&"),
    ] {
        assert_eq!(
            log(&format!("console.log({values});")),
            [format!("Info {shown}")]
        );
    }
}

#[test]
fn console_has_what_scripts_use() {
    let lines = log(
        "console.table([{ a: 1 }]); console.dir({ a: 1 }, { depth: 1 }); console.group('g'); console.groupEnd();
        console.count(); console.count(); console.count('n'); console.countReset(); console.count();
        console.time('t'); console.timeLog('t'); console.timeEnd('t'); console.clear(); console.group();
        console.assert(false, '%s!', 'a'); console.assert(true, 'b');
        const cycle = Object.create(null); cycle.self = cycle; console.log(cycle);",
    );
    let expected = [
        "Info [{\"a\":1}]",
        "Info {\"a\":1}",
        "Info g",
        "Info default: 1",
        "Info default: 2",
        "Info n: 1",
        "Info default: 1",
        "Error Assertion failed: a!",
        "Info [object Object]",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn objects_of_browsers_are_absent() {
    // `Atomics` is absent in WebAssembly only, where the engine has no threads.
    let absent = "TextEncoder TextDecoder structuredClone URL Intl setTimeout fetch Buffer";
    let script = format!(
        "export function process(objects, emit) {{
          emit({{ found: '{absent}'.split(' ').filter((name) => name in globalThis) }});
        }}"
    );
    assert_eq!(Script::rows(&script, map(&[])), ["{\"found\": []}"]);
}
