//! What to do about an exception of the engine, which says only what is wrong.

/// What the module `journal_host` exports.
pub(crate) const EXPORTS: [&str; 7] = ["bytes", "hex", "log", "options", "reject", "swhid", "text"];

/// What to do about an exception with this name and message, if there is anything.
pub(crate) fn hint(name: &str, message: &str) -> Option<String> {
    match name {
        "ReferenceError" => {
            let undefined = message.strip_suffix(" is not defined")?;
            of_undefined(undefined).map(str::to_owned)
        }
        "SyntaxError" => {
            let missing = message.strip_prefix("Could not find export '")?;
            let missing = missing.strip_suffix("' in module 'journal_host'")?;
            Some(of_export(missing))
        }
        _ => None,
    }
}

/// What to use instead of an object that other engines have.
fn of_undefined(name: &str) -> Option<&'static str> {
    Some(match name {
        "require" => "use `import`, as in `import { text } from \"journal_host\"`",
        "module" | "exports" => "use `export`, as in `export function process(objects, emit)`",
        "TextDecoder" => "use `text` of `journal_host`",
        "TextEncoder" => "use `bytes` of `journal_host`",
        "Buffer" => "use `Uint8Array`, and `bytes`, `hex` and `text` of `journal_host`",
        "setTimeout" | "setInterval" | "setImmediate" => "a script has no timers",
        "fetch" | "XMLHttpRequest" | "WebSocket" => "a script has no network",
        _ => return None,
    })
}

/// What an import of a name that the module does not export means.
fn of_export(missing: &str) -> String {
    let letters = |name: &str| name.replace('_', "").to_lowercase();
    let (wanted, shortest) = (letters(missing), 3);
    let near = EXPORTS.into_iter().find(|name| {
        let is_part = wanted.len() >= shortest && (wanted.contains(name) || name.contains(&wanted));
        is_part || is_one_letter_off(&wanted, name)
    });
    if let Some(near) = near {
        return format!("did you mean `{near}`?");
    }
    match missing {
        "emit" => "`emit` is a parameter of `process`".to_owned(),
        "default" => {
            "write `import { text } from \"journal_host\"`, with the names that you use".to_owned()
        }
        _ => format!("it has `{}`", EXPORTS.join("`, `")),
    }
}

/// Whether one letter is added, left out or another one.
fn is_one_letter_off(one: &str, other: &str) -> bool {
    let same = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b);
    let start = same.count();
    let rest =
        |text: &str, skipped: usize| text.as_bytes().get(start + skipped..).map(<[u8]>::to_vec);
    [(1, 1), (1, 0), (0, 1)]
        .into_iter()
        .any(|(skipped, skipped_other)| {
            let left = rest(one, skipped);
            left.is_some() && left == rest(other, skipped_other)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn import_of_an_unknown_name_says_which_there_are() {
        for (name, said) in [
            (
                "nosuch",
                "it has `bytes`, `hex`, `log`, `options`, `reject`, `swhid`, `text`",
            ),
            ("option", "did you mean `options`?"),
            ("toHex", "did you mean `hex`?"),
            ("swihd", "it has `bytes`"),
            ("swhids", "did you mean `swhid`?"),
            ("tekt", "did you mean `text`?"),
            ("byes", "did you mean `bytes`?"),
            ("emit", "`emit` is a parameter of `process`"),
        ] {
            let message = format!("Could not find export '{name}' in module 'journal_host'");
            let hint = hint("SyntaxError", &message).unwrap();
            assert!(hint.starts_with(said), "{name}: {hint}");
        }
        assert_eq!(
            hint("SyntaxError", "Could not find export 'a' in module 'b.js'"),
            None
        );
    }

    #[test]
    fn exports_are_those_of_the_module() {
        let source = include_str!("journal_host.js");
        let mut names: Vec<&str> = source
            .lines()
            .filter_map(|line| line.strip_prefix("export "))
            .filter_map(|line| line.split([' ', '(', '=']).nth(1))
            .collect();
        names.sort_unstable();
        assert_eq!(names, EXPORTS);
    }
}
