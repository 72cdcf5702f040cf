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
        self.find(base, name)
            .ok_or_else(|| Error::new_resolving_message(base, name, missing(name)))
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

/// Why there is no such module.
fn missing(name: &str) -> &'static str {
    const OF_NODE: [&str; 12] = [
        "assert",
        "buffer",
        "child_process",
        "crypto",
        "fs",
        "http",
        "https",
        "net",
        "os",
        "path",
        "process",
        "util",
    ];
    let is_typescript = [".ts", ".tsx", ".mts"]
        .iter()
        .any(|end| name.ends_with(end));
    if is_typescript {
        "it is TypeScript, which has to be compiled to JavaScript first"
    } else if name.starts_with("node:") || OF_NODE.contains(&name) {
        "it is a module of Node.js, and a script has none of these: it has the language's own objects and `journal_host`"
    } else {
        "the host's `--with PATH` adds a module, and a folder's modules are below that folder"
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
}
