use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

/// A zip archive of these files, each with the mode that Unix systems note.
fn zip(entries: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (b"#!/usr/bin/env python3\n".to_vec(), Vec::new());
    let before = bytes.len();
    for (name, content, mode) in entries {
        let begin = u32::try_from(bytes.len() - before).unwrap();
        let packed = miniz_oxide::deflate::compress_to_vec(content, 6);
        let mut common = Vec::new();
        common.extend(20_u16.to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        common.extend(8_u16.to_le_bytes());
        common.extend([0; 4]);
        common.extend(crc32fast::hash(content).to_le_bytes());
        common.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
        common.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        common.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&common);
        bytes.extend(name.as_bytes());
        bytes.extend(&packed);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&common);
        directory.extend([0; 6]);
        directory.extend((mode << 16).to_le_bytes());
        directory.extend(begin.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let begin = u32::try_from(bytes.len() - before).unwrap();
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    let size = u32::try_from(directory.len()).unwrap();
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count, count].concat());
    bytes.extend(size.to_le_bytes());
    bytes.extend(begin.to_le_bytes());
    bytes.extend(0_u16.to_le_bytes());
    bytes
}

/// The file of Python that runs in a folder.
const PYTHON_MAIN: &str = "__main__.py";
const FILE: u32 = 0o100_644;

/// The paths of a script's files, or the error.
fn paths(script: Result<Script, ScriptError>) -> Result<Vec<String>, String> {
    let script = script.map_err(|error| error.to_string())?;
    Ok(script.files.into_iter().map(|file| file.path).collect())
}

fn archive(folder: &TempDir, name: &str, entries: &[(&str, &[u8], u32)]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, zip(entries)).unwrap();
    path
}

#[test]
fn file_folder_and_archive_are_scripts_with_all_their_files() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("analysis.py"), "import lib").unwrap();
    fs::write(at("__main__.py"), "").unwrap();
    fs::write(at(".hidden"), "").unwrap();
    fs::create_dir_all(at("lib/__pycache__")).unwrap();
    fs::write(at("lib/__init__.py"), "a = 1").unwrap();
    fs::write(at("lib/__pycache__/x.pyc"), "").unwrap();

    let script = Script::read(Language::Python, &at("analysis.py"), &[at("lib")]).unwrap();
    assert_eq!(
        (script.main.as_str(), script.name.as_deref()),
        ("analysis.py", None)
    );
    assert_eq!(script.files[1].content, b"a = 1");
    assert_eq!(
        paths(Ok(script)),
        Ok(vec!["analysis.py".into(), "lib/__init__.py".into()])
    );
    assert_eq!(
        paths(Script::read(Language::Python, folder.path(), &[])),
        Ok(vec![
            "__main__.py".into(),
            "analysis.py".into(),
            "lib/__init__.py".into()
        ])
    );
    let long = b"pass\n".repeat(1000);
    let pyz = archive(
        &folder,
        "a.pyz",
        &[
            ("lib/", b"", 0o040_755),
            ("lib/m.py", &long, FILE),
            ("__main__.py", b"", 0),
        ],
    );
    let script = Script::read(Language::Python, &pyz, &[]).unwrap();
    assert_eq!((script.main.as_str(), script.files.len()), (PYTHON_MAIN, 2));
    assert_eq!(script.files[1].content, long);
    assert_eq!(script.name.as_deref(), Some("a"));
    let named = at("a `b`\u{202e}");
    fs::create_dir(&named).unwrap();
    fs::write(named.join(PYTHON_MAIN), "").unwrap();
    let script = Script::read(Language::Python, &named, &[]).unwrap();
    assert_eq!(script.name.as_deref(), Some("a _b__"));
    let wheel = archive(&folder, "w-1-py3-none-any.whl", &[("w.py", b"1", FILE)]);
    assert_eq!(
        paths(Script::read(Language::Python, &pyz, &[wheel])).unwrap(),
        ["__main__.py", "lib/m.py", "w.py"]
    );
}

#[test]
fn languages_are_known_by_the_path() {
    let folder = TempDir::new().unwrap();
    assert_eq!(Language::of(folder.path()), None);
    fs::write(folder.path().join(PYTHON_MAIN), "").unwrap();
    for path in ["a.py", "a.PYZ"] {
        assert_eq!(Language::of(Path::new(path)), Some(Language::Python));
    }
    assert_eq!(Language::of(folder.path()), Some(Language::Python));
    for path in ["a.js", "a.MJS"] {
        assert_eq!(Language::of(Path::new(path)), Some(Language::JavaScript));
    }
    fs::remove_file(folder.path().join(PYTHON_MAIN)).unwrap();
    fs::write(folder.path().join("index.js"), "").unwrap();
    assert_eq!(Language::of(folder.path()), Some(Language::JavaScript));
    assert_eq!(Language::of(Path::new("a.ts")), None);
    assert_eq!(Language::of(Path::new("a.wasm")), None);
}

#[test]
fn archive_that_leaves_its_folder_is_refused() {
    let folder = TempDir::new().unwrap();
    let long = "n".repeat(1001);
    for (name, rule) in [
        ("../a.py", "leaves the folder of the script"),
        ("/etc/passwd", "leaves the folder of the script"),
        ("lib/./a.py", "leaves the folder of the script"),
        ("lib//a.py", "leaves the folder of the script"),
        ("..\\a.py", "has control characters or backslashes"),
        ("a\nb.py", "has control characters or backslashes"),
        (&long, "is longer than 1000 bytes"),
    ] {
        let pyz = archive(
            &folder,
            "a.pyz",
            &[(name, b"", FILE), (PYTHON_MAIN, b"", FILE)],
        );
        let error = paths(Script::read(Language::Python, &pyz, &[])).unwrap_err();
        assert!(error.ends_with(rule), "{error}");
    }
}

#[test]
fn links_compiled_code_and_repeated_names_are_refused() {
    let folder = TempDir::new().unwrap();
    let refused = |entries: &[(&str, &[u8], u32)]| {
        paths(Script::read(
            Language::Python,
            &archive(&folder, "a.pyz", entries),
            &[],
        ))
        .unwrap_err()
    };
    let error = refused(&[("a.py", b"/etc/passwd", 0o120_777)]);
    assert!(
        error.starts_with("`a.py` in ") && error.ends_with("is a link"),
        "{error}"
    );
    assert!(refused(&[("p", b"", 0o010_644)]).ends_with("neither a file nor a folder"));
    assert!(refused(&[("x/n.so", b"", FILE)]).contains("is compiled code"));
    assert_eq!(
        refused(&[("a.py", b"", FILE), ("a.py", b"", FILE)]),
        "`a.py` is given twice"
    );
    assert_eq!(
        refused(&[
            ("a/b.py", b"", FILE),
            ("a", b"", FILE),
            (PYTHON_MAIN, b"", FILE)
        ]),
        "`a` is given twice"
    );
    assert!(refused(&[("a.py", b"", FILE)]).ends_with("has no `__main__.py`"));

    symlink("/etc/passwd", folder.path().join("b.py")).unwrap();
    let error = paths(Script::read(Language::Python, folder.path(), &[])).unwrap_err();
    assert!(
        error.starts_with("`b.py` in ") && error.ends_with("is a link"),
        "{error}"
    );
}

#[test]
fn bombs_are_refused_before_they_are_unpacked() {
    let folder = TempDir::new().unwrap();
    let large = vec![0; BYTES / 2 + 1];
    let pyz = archive(
        &folder,
        "a.pyz",
        &[("a", &large, FILE), ("b", &large, FILE)],
    );
    assert!(fs::metadata(&pyz).unwrap().len() < 100_000);
    let error = paths(Script::read(Language::Python, &pyz, &[])).unwrap_err();
    assert!(error.contains("take more than 32 MiB"), "{error}");

    // It says that it is small, and is not.
    let mut lying = zip(&[("a", &large, FILE)]);
    let begin = lying
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
        .unwrap();
    lying[begin + 24..begin + 28].copy_from_slice(&10_u32.to_le_bytes());
    fs::write(&pyz, lying).unwrap();
    let error = paths(Script::read(Language::Python, &pyz, &[])).unwrap_err();
    assert!(error.ends_with("larger than it says"), "{error}");

    let names: Vec<String> = (0..1001).map(|number| format!("{number}.py")).collect();
    let many: Vec<(&str, &[u8], u32)> =
        names.iter().map(|name| (&**name, &b""[..], FILE)).collect();
    let error = paths(Script::read(
        Language::Python,
        &archive(&folder, "m.pyz", &many),
        &[],
    ))
    .unwrap_err();
    assert_eq!(error, "the script has more than 1000 files");
}

#[test]
fn damaged_archives_are_refused_wherever_they_are_cut_or_changed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.pyz");
    let whole = zip(&[
        (PYTHON_MAIN, b"print(1)", FILE),
        ("lib/a.py", b"a = 1", FILE),
    ]);
    for end in 0..whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        assert!(Script::read(Language::Python, &path, &[]).is_err(), "{end}");
    }
    for index in 0..whole.len() {
        let mut changed = whole.clone();
        changed[index] ^= 0xff;
        fs::write(&path, &changed).unwrap();
        // Whatever comes of it, no panic and no file outside of the limits.
        let _ = Script::read(Language::Python, &path, &[]);
    }
}

#[test]
fn runtime_is_the_given_file_or_in_the_given_folder() {
    let folder = TempDir::new().unwrap();
    let runtime = folder.path().join("journal-host-python.wasm");
    let find = |path: &Path| {
        Language::Python
            .runtime(Some(path))
            .map_err(|error| error.to_string())
    };
    let error = find(folder.path()).unwrap_err();
    assert!(
        error.starts_with("there is no runtime for Python at `"),
        "{error}"
    );
    fs::write(&runtime, "").unwrap();
    assert_eq!(find(folder.path()), Ok(runtime.clone()));
    assert_eq!(find(&runtime), Ok(runtime));
}

#[test]
fn what_a_script_cannot_import_is_refused_by_its_language() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["a.py", "a.js", "b.js", "b.whl"] {
        fs::write(at(name), "").unwrap();
    }
    let with = |language, script: &str, module: &str| {
        let read = Script::read(language, &at(script), &[at(module)]);
        read.map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(with(Language::JavaScript, "a.js", "b.js"), Ok(()));
    for (language, script, module, said) in [
        (
            Language::Python,
            "a.py",
            "b.js",
            "a module (`.py`), a folder or a wheel (`.whl`)",
        ),
        (
            Language::JavaScript,
            "a.js",
            "b.whl",
            "a module (`.js`, `.mjs`) or a folder",
        ),
        (
            Language::Python,
            "a.py",
            "none.py",
            "there is nothing to import at `",
        ),
    ] {
        let error = with(language, script, module).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn typescript_and_modules_for_a_plugin_are_refused() {
    let refused = |path: &str, with: &[PathBuf]| {
        let refused = refuse_others(Path::new(path), with);
        refused.unwrap_err().to_string()
    };
    assert_eq!(
        refused("a.ts", &[]),
        "`a.ts` is TypeScript, which no runtime reads"
    );
    assert_eq!(
        refused("a.wasm", &[PathBuf::from("lib.py")]),
        "`lib.py` cannot be added to `a.wasm`, which is not a script"
    );
    assert!(refuse_others(Path::new("a.wasm"), &[]).is_ok());
}

/// A component without any parts.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// A runtime with a custom section of its own, and a script with this name and these files.
fn bundled(folder: &TempDir, name: Option<&str>, files: &[(&str, &[u8])]) -> (Vec<u8>, Vec<u8>) {
    let runtime = [COMPONENT, b"\0\x05\x04name"].concat();
    let path = folder.path().join("runtime.wasm");
    fs::write(&path, &runtime).unwrap();
    let file = |(path, content): &(&str, &[u8])| ScriptFile {
        path: (*path).to_owned(),
        content: content.to_vec(),
    };
    let script = Script {
        path: "a".into(),
        name: name.map(str::to_owned),
        main: files.first().map_or("", |(path, _)| path).to_owned(),
        files: files.iter().map(file).collect(),
        printing: None,
    };
    (runtime, bundle(&path, &script).unwrap())
}

fn split_error(bytes: Vec<u8>) -> String {
    bundle::split(Path::new("b.wasm"), bytes)
        .unwrap_err()
        .to_string()
}

#[test]
fn bundle_is_the_runtime_byte_by_byte_and_the_script() {
    let folder = TempDir::new().unwrap();
    let long = vec![7; 300_000];
    for name in [None, Some("app")] {
        let files: [(&str, &[u8]); 3] = [("a.py", b"1"), ("b/c.py", b""), ("d.bin", &long)];
        let (runtime, bytes) = bundled(&folder, name, &files);
        let (rest, script) = bundle::split(Path::new("b.wasm"), bytes.clone()).unwrap();
        let script = script.unwrap();
        assert_eq!(rest, runtime);
        assert_eq!((script.name.as_deref(), &*script.main), (name, "a.py"));
        let found = script
            .files
            .iter()
            .map(|file| (&*file.path, &*file.content));
        assert!(found.eq(files));

        // What follows it stays, and a bundle is a runtime for other scripts.
        let more = [&bytes[..], b"\0\x02\x01m"].concat();
        let (rest, again) = bundle::split(Path::new("b.wasm"), more).unwrap();
        assert_eq!(rest, [&runtime[..], b"\0\x02\x01m"].concat());
        assert!(again.is_some());
        let path = folder.path().join("bundle.wasm");
        fs::write(&path, &bytes).unwrap();
        assert_eq!(bundle(&path, &script).unwrap(), bytes);
    }
}

#[test]
fn file_without_a_script_stays_as_it_is() {
    for bytes in [
        b"".to_vec(),
        COMPONENT.to_vec(),
        b"\0asm".to_vec(),
        b"text".to_vec(),
        { [COMPONENT, b"\0\xff\xff\xff\xff\xff"].concat() },
    ] {
        let (rest, script) = bundle::split(Path::new("b.wasm"), bytes.clone()).unwrap();
        assert!(rest == bytes && script.is_none(), "{bytes:?}");
    }
}

#[test]
fn damaged_bundles_are_refused_wherever_they_are_cut_or_changed() {
    let folder = TempDir::new().unwrap();
    let (runtime, bytes) = bundled(&folder, None, &[("a.py", b"print(1)")]);
    let said = "cannot read the script in `b.wasm`: ";
    // After its name the section is known to be one.
    let named = runtime.len() + 3 + b"journal-host:script-1".len();
    for end in named..bytes.len() {
        let error = split_error(bytes[..end].to_vec());
        assert!(error.starts_with(said), "{end}: {error}");
    }
    for index in named..bytes.len() {
        let mut changed = bytes.clone();
        changed[index] ^= 0xff;
        assert_eq!(
            split_error(changed),
            format!("{said}its digest is another one")
        );
    }
    let twice = [&bytes[..], &bytes[runtime.len()..]].concat();
    assert_eq!(split_error(twice), format!("{said}there are two"));
}

#[test]
fn bundle_that_was_forged_meets_the_rules_and_limits() {
    let folder = TempDir::new().unwrap();
    let refused = |name, files: &[(&str, &[u8])]| split_error(bundled(&folder, name, files).1);
    let error = refused(None, &[("../a.py", b"")]);
    assert!(
        error.ends_with("leaves the folder of the script"),
        "{error}"
    );
    let error = refused(None, &[("a.py", b""), ("a.py", b"")]);
    assert_eq!(error, "`a.py` is given twice");
    let error = refused(Some("a\x1b[2J"), &[("a.py", b"")]);
    assert!(error.ends_with("its name breaks a rule"), "{error}");
    let error = refused(None, &[]);
    assert!(error.ends_with("its main file is missing"), "{error}");
    let names: Vec<String> = (0..1001).map(|number| format!("{number}.py")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (&**name, &b""[..])).collect();
    assert_eq!(refused(None, &many), "the script has more than 1000 files");
    let large = vec![0; BYTES / 2 + 1];
    let error = refused(None, &[("a.py", &large), ("b.py", &large)]);
    assert_eq!(error, "the files of the script take more than 32 MiB");
}
