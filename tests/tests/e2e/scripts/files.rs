//! What a script is made of: files, folders, archives and added modules.

use std::fs;
use std::path::Path;
use std::process::Command;

use journal_tests::{Host, paths, run};
use serde_json::Value;

use super::{LIMIT, failed, file, host, says};

#[test]
fn folders_archives_and_added_modules_are_imported() {
    let folder = run::folder("script");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    };
    write(
        "app/__main__.py",
        "import importlib.resources\nfrom lib import words\n\n\ndef process(all_objects, emit):\n    \
         text = importlib.resources.files('lib').joinpath('data.txt').read_text()\n    \
         emit({'sum': words.SUM, 'text': text, 'same': open('lib/data.txt').read() == text})\n",
    );
    write("app/lib/__init__.py", "");
    write("app/lib/words.py", "SUM = 1 + 2\n");
    write("app/lib/data.txt", "data");
    let expected = r#"{"sum":3,"text":"data","same":true}"#;
    let zipped = folder.join("app.pyz");
    let mut zip = Command::new("python3");
    let zip = zip.args(["-m", "zipapp", "--compress", "--output"]);
    let _ = run::succeed(zip.arg(&zipped).arg(folder.join("app")));
    for path in [folder.join("app"), zipped] {
        let finished = host(&path).finish(LIMIT).success();
        assert_eq!(finished.stdout.lines().next(), Some(expected));
        says(&finished, "plugin `app` 0 ");
    }

    write(
        "alone.py",
        "# /// script\n# dependencies = [\"lib>=1\"]\n# ///\nfrom lib import words\n\n\n\
         def process(all_objects, emit):\n    emit({'sum': words.SUM})\n",
    );
    let alone = folder.join("alone.py");
    let finished = failed(host(&alone));
    says(
        &finished,
        "alone.py needs lib>=1: `pip download --only-binary=:all: --no-deps 'lib>=1'` fetches",
    );
    let with = host(&alone).arg("--with").arg(folder.join("app/lib"));
    let finished = with.finish(LIMIT).success();
    assert_eq!(finished.stdout.lines().next(), Some(r#"{"sum":3}"#));
}

#[test]
fn script_with_its_runtime_is_one_file_that_is_taken_wherever_a_plugin_is() {
    let folder = run::folder("script").join("shared");
    fs::create_dir_all(folder.join("lib")).expect("it can be made");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("it is written");
    write("lib/words.py", "WORD = 'id'\n");
    let text = "from lib import words\n\n\ndef process_revision(revision, emit):\n    emit({'id': revision[words.WORD]})\n    \
                assert revision['id'][0] != 7\n";
    write("__main__.py", text);
    let bundle = folder.with_file_name("bundle.wasm");
    let bundled = |source: &Path, output: &Path| {
        let host = Host::new().arg("build").arg(source).arg("-o").arg(output);
        host.arg("--runtime").arg(paths::runtime())
    };
    let written = bundled(&folder, &bundle).finish(LIMIT).success();
    assert_eq!(written.stdout, format!("{}\n", bundle.display()));
    // A script that does not start replaces nothing, and leaves nothing.
    let good = fs::read(&bundle).expect("it was built");
    write("__main__.py", "def process_revision(:\n");
    for output in [&bundle, &folder.with_file_name("other.wasm")] {
        let failed = bundled(&folder, output).finish(LIMIT).code(1);
        says(&failed, "SyntaxError");
    }
    assert!(fs::read(&bundle).expect("it is there") == good);
    let there = fs::read_dir(folder.parent().expect("it has one")).expect("it is there");
    assert_eq!(there.count(), 2, "the folder of the script, and the bundle");
    fs::remove_dir_all(&folder).expect("it can be removed");

    let letters = folder.with_file_name("letters.jsonl");
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let finished = Host::run(&bundle)
        .arg("--recording")
        .arg(&recording)
        .args(["--on-failure", "dead-letter", "--dead-letters"])
        .arg(&letters)
        .finish(LIMIT)
        .success();
    assert_eq!(finished.rows().len(), 4379);
    // The compiled form is that of all other scripts.
    assert!(
        !finished.stderr.contains("compiling"),
        "{}",
        finished.stderr
    );
    says(&finished, "plugin `shared` 0 ");
    let described = Host::new().arg("describe").arg(&bundle).arg("--json");
    let described = described.finish(LIMIT).success();
    let described: Value = serde_json::from_str(&described.stdout).expect("it is JSON");
    let digest = run::succeed(Command::new("sha256sum").arg(paths::runtime()));
    let digest = digest.split(' ').next().expect("it is printed");
    assert_eq!(described["runtime_sha256"], digest);
    assert_eq!(described["name"], "shared");
    let letter = fs::read_to_string(letters).expect("it is there");
    let letter = letter.lines().next().expect("there is one");
    let letter: Value = serde_json::from_str(letter).expect("it is JSON");
    for (member, described_as) in [
        ("digest", "sha256"),
        ("runtime_digest", "runtime_sha256"),
        ("script_digest", "script_sha256"),
    ] {
        assert_eq!(
            letter["plugin"][member], described[described_as],
            "{member}"
        );
    }

    let checked = Host::new()
        .arg("test")
        .arg(&bundle)
        .arg("--recording")
        .arg(&recording);
    let _ = checked
        .args([
            "--stop-after",
            "100",
            "--splits",
            "1",
            "--on-failure",
            "skip",
        ])
        .finish(LIMIT)
        .success();

    let mut damaged = fs::read(&bundle).expect("it is there");
    damaged.truncate(damaged.len() - 1);
    fs::write(&bundle, damaged).expect("it can be written");
    let finished = failed(Host::run(&bundle).arg("--recording").arg(&recording));
    let said = "bundle.wasm`: it is cut short\nhint: make it again with `journal-host build`";
    says(&finished, said);

    let bad = file("bad.py", "def process(all_objects)\n    pass\n");
    says(
        &failed(bundled(&bad, &bundle)),
        "`bad.py:1: SyntaxError: expected ':'`",
    );
}

#[test]
fn missing_runtime_is_one_error_with_the_way_out() {
    let script = file("some.py", "def process(all_objects):\n    pass\n");
    let finished = failed(Host::run(&script).args(["--runtime", "nowhere", "--recording", "r"]));
    says(
        &finished,
        "error: there is no runtime for Python at `nowhere`\nhint: `./build-runtime python` makes one",
    );
    let finished = failed(Host::run(&paths::runtime()).args(["--recording", "r"]));
    says(&finished, "is a runtime, which needs a script to run");
    let plugin = paths::plugin("count-objects");
    let finished = failed(
        Host::run(&script)
            .arg("--runtime")
            .arg(plugin)
            .args(["--recording", "r"]),
    );
    says(&finished, "is not a runtime, and cannot run a script");
}

#[test]
fn file_that_no_build_made_is_not_replaced() {
    let text = "def process_revision(revision, emit):\n    emit({})\n";
    let script = file("kept.py", text);
    let runtime = script.with_file_name("runtime.wasm");
    fs::copy(paths::runtime(), &runtime).expect("it can be copied");
    for (output, said) in [
        (&script, "is a file that no build made"),
        (&runtime, "is the runtime itself"),
    ] {
        let host = Host::new().arg("build").arg(&script).arg("-o").arg(output);
        let finished = host.arg("--runtime").arg(&runtime).finish(LIMIT).code(2);
        says(&finished, said);
        says(&finished, "name another file with `--output`");
    }
    assert_eq!(fs::read_to_string(&script).expect("it is there"), text);
    assert!(
        fs::read(runtime)
            .expect("it is there")
            .starts_with(b"\0asm")
    );
}

#[test]
fn runtime_of_the_other_language_is_told() {
    let script = file("years.js", "export function processRevision() {}\n");
    let finished = failed(host(&script));
    says(
        &finished,
        "years.js is not Python, and this is the runtime of Python",
    );
}

#[test]
fn folder_of_a_script_is_its_root_for_every_function_that_looks() {
    let folder = run::folder("script").join("root");
    fs::create_dir_all(folder.join("data")).expect("it can be made");
    fs::write(folder.join("data/x.txt"), "hello").expect("it can be written");
    let main = "from pathlib import Path\nimport glob, os, sys\n\nhere = Path(__file__).resolve().parent\n\n\n\
        def process_revision(revision, emit):\n    \
            emit({'text': (here / 'data' / 'x.txt').read_text(), 'size': os.stat('data/x.txt').st_size,\n          \
            'there': [os.path.exists(one) for one in ('data', '/data/x.txt', 'data/y.txt', '../../data')],\n          \
            'found': [*map(str, Path('.').rglob('*.txt')), *glob.glob('*/*'), *os.listdir('data')],\n          \
            'walked': [names for _, _, names in os.walk('.')], 'argv': sys.argv})\n";
    fs::write(folder.join("__main__.py"), main).expect("it can be written");
    let rows = host(&folder)
        .args(["--stop-after", "1"])
        .finish(LIMIT)
        .success()
        .rows();
    let expected = serde_json::json!({
        "text": "hello", "size": 5, "there": [true, true, false, true],
        "found": ["data/x.txt", "data/x.txt", "x.txt"],
        "walked": [["__main__.py"], ["x.txt"]], "argv": ["__main__.py"],
    });
    assert_eq!(rows, [expected]);
}

#[test]
fn block_of_dependencies_that_cannot_be_met_says_why() {
    for (block, said) in [
        (
            "# dependencies = [\n#   \"attrs\"\n#   \"lib\",\n# ]",
            "lost.py has a block `# /// script` that is no TOML: Unclosed array",
        ),
        (
            "# dependencies = [1]",
            "no list of names, such as [\"attrs>=23\"]: [1]",
        ),
        ("# dependencies = \"attrs\"", "no list of names"),
        (
            "# dependencies = [\"attrs\", \"numpy>=2\"]",
            "lost.py needs numpy, which has compiled code",
        ),
        (
            "# dependencies = [\"swh.model\"]",
            "lost.py needs swh-model: there is no `swh` here",
        ),
    ] {
        let text = format!("# /// script\n{block}\n# ///\ndef process(all_objects): pass\n");
        says(&failed(host(&file("lost.py", &text))), said);
    }
    let own = "# /// script\n# dependencies = [\"journal-host-sdk\"]\n# ///\nfrom journal_host import log\n\n\n\
        def process(all_objects):\n    pass\n";
    let _finished = host(&file("own.py", own)).finish(LIMIT).success();
}
