//! The modules of a script: its files, and `journal_host`.

use std::collections::BTreeMap;
use std::rc::Rc;

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Module, Result};

/// The module that the runtime offers.
pub(crate) const OURS: &str = "journal_host";

/// The files of a script, by their paths.
pub(crate) type Files = Rc<BTreeMap<String, Vec<u8>>>;

/// Finds and loads the modules of a script, and nothing else.
#[derive(Clone)]
pub(crate) struct Modules(pub(crate) Files);

impl Modules {
    /// The path of the file that an import names.
    fn find(&self, base: &str, name: &str) -> Option<String> {
        let path = if name.starts_with("./") || name.starts_with("../") {
            let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
            joined(folder, name)?
        } else {
            joined("", name)?
        };
        let others = [".js", ".mjs", "/index.js"].map(|ending| format!("{path}{ending}"));
        let mut paths = std::iter::once(path).chain(others);
        paths.find(|path| self.0.contains_key(path))
    }
}

impl Resolver for Modules {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        if name == OURS {
            return Ok(OURS.to_owned());
        }
        // A file of JSON would be read as JavaScript.
        let found = self.find(base, name).filter(|path| !is_json(path));
        found.ok_or_else(|| Error::new_resolving_message(base, name, missing(name)))
    }
}

impl Loader for Modules {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        path: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        let source = self.0.get(path).ok_or_else(|| Error::new_loading(path))?;
        Module::declare(ctx.clone(), path, source.as_slice())
    }
}

/// A path below the script's folder; none where it leaves the folder.
fn joined(folder: &str, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The modules of Node.js, without those in a folder such as `fs/promises`.
const OF_NODE: &[&str] = &[
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "string_decoder",
    "sys",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

fn is_json(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, ending)| ending == "json")
}

/// Why there is no such module.
fn missing(name: &str) -> &'static str {
    let is_path = name.starts_with(['.', '/']);
    let is_typescript = [".ts", ".tsx", ".mts"]
        .iter()
        .any(|end| name.ends_with(end));
    let folder = name.split('/').next().unwrap_or(name);
    let letters = name.trim_start_matches("./").trim_end_matches(".js");
    let letters = letters
        .replace(['-', '_', '.', '/', ' '], "")
        .to_lowercase();
    if matches!(letters.as_str(), "journalhost" | "journalhosts") {
        "did you mean `journal_host`?"
    } else if name.contains("://")
        || ["data:", "npm:", "jsr:"]
            .iter()
            .any(|one| name.starts_with(one))
    {
        "nothing is fetched, and there are no packages of npm: the host's `--with PATH` adds a module that is in a file"
    } else if is_json(name) {
        "JSON is not imported: write it as a module, a file `.js` that begins with `export default`"
    } else if is_typescript {
        "it is TypeScript, which has to be compiled to JavaScript first"
    } else if name.starts_with("node:") || (!is_path && OF_NODE.contains(&folder)) {
        "it is a module of Node.js, and a script has none of these: it has the language's own objects and `journal_host`"
    } else if is_path {
        "the host's `--with PATH` adds a module, and a folder's modules are below that folder"
    } else {
        "there are no packages of npm, and nothing is fetched: the host's `--with PATH` adds a module that is in a file"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn import_leads_to_a_file_of_the_script_only() {
        let names = ["main.js", "lib/words.js", "lib/index.js", "more.mjs"];
        let files = names.map(|name| (name.to_owned(), Vec::new()));
        let modules = Modules(Rc::new(files.into()));
        let find = |base: &str, name: &str| modules.find(base, name);
        assert_eq!(
            find("main.js", "./lib/words.js").as_deref(),
            Some("lib/words.js")
        );
        assert_eq!(
            find("main.js", "lib/words").as_deref(),
            Some("lib/words.js")
        );
        assert_eq!(find("main.js", "./lib").as_deref(), Some("lib/index.js"));
        assert_eq!(find("lib/words.js", "../more").as_deref(), Some("more.mjs"));
        assert_eq!(
            find("lib/words.js", "./index.js").as_deref(),
            Some("lib/index.js")
        );
        assert_eq!(find("lib/words.js", "../../main.js"), None);
        assert_eq!(find("main.js", "/etc/passwd"), None);
        assert_eq!(find("main.js", "fs"), None);
    }

    #[test]
    fn import_that_leads_nowhere_says_what_to_do() {
        for (names, said) in [
            (
                &["journal-host", "journalHost", "./journal_host.js"][..],
                "did you mean `journal_host`?",
            ),
            (
                &[
                    "https://esm.sh/lodash",
                    "npm:lodash",
                    "lodash",
                    "@a/b",
                    "lodash/fp",
                ],
                "no packages of npm",
            ),
            (
                &["https://esm.sh/lodash", "data:text/javascript,1", "lodash"],
                "nothing is fetched",
            ),
            (
                &["./a.json", "a.json"],
                "JSON is not imported: write it as a module",
            ),
            (&["./a.ts"], "it is TypeScript"),
            (
                &[
                    "events",
                    "fs/promises",
                    "stream",
                    "url",
                    "zlib",
                    "worker_threads",
                    "node:test",
                ],
                "it is a module of Node.js",
            ),
            (
                &["./fs", "../events"],
                "`--with PATH` adds a module, and a folder's modules",
            ),
        ] {
            for name in names {
                assert!(missing(name).contains(said), "{name}: {}", missing(name));
            }
        }
    }
}
