//! The lock file of a new crate: the versions that this project was tested with.

use std::collections::{BTreeMap, BTreeSet};

/// A package, and a dependency of it that is behind a feature which only the host turns on.
const OF_THE_HOST: [(&str, &str); 1] = [("num-traits", "libm")];

/// A name and a version.
type Key<'a> = (&'a str, &'a str);
type Packages<'a> = BTreeMap<Key<'a>, Package<'a>>;

/// A package in a lock file.
struct Package<'a> {
    text: &'a str,
    version: &'a str,
    dependencies: Vec<&'a str>,
}

impl Package<'_> {
    /// The package as the lock file has it that holds only `found`.
    fn text(&self, found: &BTreeSet<Key<'_>>) -> String {
        let Some((head, _)) = self.text.split_once("dependencies = [\n") else {
            return self.text.to_owned();
        };
        if self.dependencies.is_empty() {
            return head.to_owned();
        }
        // A version is named only where there are several.
        let is_alone = |name: &str| found.iter().filter(|(one, _)| *one == name).count() == 1;
        let references = self.dependencies.iter().map(|&reference| {
            let name = reference.split(' ').next().unwrap_or_default();
            if is_alone(name) { name } else { reference }
        });
        format!("{head}{}", listed(&references.collect::<Vec<_>>()))
    }
}

/// The dependencies of a package as a lock file has them.
fn listed(references: &[&str]) -> String {
    let lines = references
        .iter()
        .map(|reference| format!(" \"{reference}\",\n"));
    format!("dependencies = [\n{}]\n", lines.collect::<String>())
}

/// The part of a lock file that the crate with this name and manifest may need. Cargo removes what it does not.
///
/// `manifests` are those of the SDK's crates: what only their own tests need is left out, as cargo leaves it out.
pub(super) fn of_crate<'a>(
    lock: &'a str,
    name: &str,
    manifest: &'a str,
    manifests: &[&str],
) -> String {
    let mut packages = packages(lock);
    for ((name, _), package) in &mut packages {
        package
            .dependencies
            .retain(|reference| !OF_THE_HOST.contains(&(name, reference)));
    }
    for manifest in manifests {
        let needed = dependencies(manifest, false);
        for ((name, _), package) in &mut packages {
            if *name == self::name(manifest) {
                let is_needed = |reference: &&str| {
                    let name = reference.split(' ').next();
                    name.is_some_and(|name| needed.contains(&name))
                };
                package.dependencies.retain(is_needed);
            }
        }
    }
    let mut direct = dependencies(manifest, true);
    direct.sort_unstable();
    let found = closure(&packages, direct.clone());
    let own = format!(
        "[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\n{}",
        listed(&direct)
    );
    let texts = found.iter().filter_map(|key| packages.get(key));
    let mut texts: Vec<String> = texts.map(|package| package.text(&found)).collect();
    texts.push(own);
    texts.sort_by_cached_key(|text| text.lines().nth(1).map(str::to_owned));
    let head = lock.split("[[package]]").next().unwrap_or_default();
    format!("{head}{}", texts.join("\n"))
}

/// Whether a package with this name is one, or is needed by one, with the name `of`.
pub(super) fn needs(lock: &str, of: &str, name: &str) -> bool {
    let packages = packages(lock);
    let found = closure(&packages, vec![of]);
    found.iter().any(|(one, _)| *one == name)
}

/// The packages with these names, and all that they need.
fn closure<'a>(packages: &Packages<'a>, mut wanted: Vec<&'a str>) -> BTreeSet<Key<'a>> {
    let mut found = BTreeSet::new();
    while let Some(reference) = wanted.pop() {
        for (key, package) in named(packages, reference) {
            if found.insert(key) {
                wanted.extend(&package.dependencies);
            }
        }
    }
    found
}

/// The packages by name and version.
fn packages(lock: &str) -> Packages<'_> {
    let mut packages = BTreeMap::new();
    let starts: Vec<usize> = lock
        .match_indices("[[package]]")
        .map(|(at, _)| at)
        .collect();
    for (index, &start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(lock.len());
        // Without the empty line before the next one.
        let text = lock[start..end].trim_end();
        let text = &lock
            [start..start + text.len() + usize::from(lock[start + text.len()..].starts_with('\n'))];
        let value = |key: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix(key)?.strip_suffix('"'))
        };
        let (Some(name), Some(version)) = (value("name = \""), value("version = \"")) else {
            continue;
        };
        let dependencies = text
            .lines()
            .filter_map(|line| line.strip_prefix(" \"")?.strip_suffix("\","));
        packages.insert(
            (name, version),
            Package {
                text,
                version,
                dependencies: dependencies.collect(),
            },
        );
    }
    packages
}

/// The packages that a reference names: by name, or by name and version where there are several.
fn named<'p, 'a>(packages: &'p Packages<'a>, reference: &str) -> Vec<(Key<'a>, &'p Package<'a>)> {
    let mut parts = reference.split(' ');
    let (name, version) = (parts.next().unwrap_or_default(), parts.next());
    packages
        .iter()
        .filter(|((one, _), package)| {
            *one == name && version.is_none_or(|version| version == package.version)
        })
        .map(|(key, package)| (*key, package))
        .collect()
}

/// The name of a manifest's package.
pub(super) fn name(manifest: &str) -> &str {
    let mut lines = manifest.lines();
    let name = lines.find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    name.unwrap_or_default()
}

/// The names of a manifest's dependencies, without those that a feature asks for.
fn dependencies(manifest: &str, with_those_of_tests: bool) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_dependency = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_dependency = line.ends_with("dependencies]")
                && (with_those_of_tests || line != "[dev-dependencies]");
        } else if is_dependency
            && !line.starts_with('#')
            && !line.contains("optional = true")
            && let Some(end) = line.find(['.', ' '])
        {
            names.push(&line[..end]);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "# head\nversion = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\n \"b 2.0.0\",\n]\n\n\
        [[package]]\nname = \"b\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n\n\
        [[package]]\nname = \"c\"\nversion = \"1.0.0\"\n";

    #[test]
    fn lock_has_what_the_manifest_names_and_what_that_needs() {
        let manifest =
            "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\n[lints.rust]\nc = \"deny\"\n";
        let lock = of_crate(LOCK, "n", manifest, &[]);
        let names: Vec<&str> = lock
            .lines()
            .filter_map(|line| line.strip_prefix("name = "))
            .collect();
        assert_eq!(names, ["\"a\"", "\"b\"", "\"n\""]);
        assert!(lock.starts_with("# head\nversion = 4\n\n[[package]]\nname = \"a\"\n"));
        assert!(lock.contains("name = \"b\"\nversion = \"2.0.0\"\n\n[[package]]\nname = \"n\"\n"));
        assert!(lock.contains("dependencies = [\n \"a\",\n]\n"));
    }

    #[test]
    fn what_only_the_tests_of_the_sdk_need_is_left_out() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\n \"b\",\n \"c\",\n \"d\",\n]\n\n\
            [[package]]\nname = \"b\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"c\"\nversion = \"1.0.0\"\n\n\
            [[package]]\nname = \"d\"\nversion = \"1.0.0\"\n";
        let sdk = "[package]\nname = \"a\"\n[dependencies]\nb.workspace = true\n[target.'cfg(x)'.dependencies]\n\
            # Why.\nc = { workspace = true, optional = true }\n[dev-dependencies]\nd.workspace = true\n";
        let crate_ = "[dependencies]\na = \"1\"\n";
        let lock = of_crate(lock, "n", crate_, &[sdk]);
        assert!(
            lock.contains("name = \"b\"") && lock.contains("\ndependencies = [\n \"b\",\n]\n"),
            "{lock}"
        );
        assert!(!lock.contains("\"c\"") && !lock.contains("\"d\""), "{lock}");
    }
}
