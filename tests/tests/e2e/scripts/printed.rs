//! Printed text, as an output and in the log.

use std::fs;
use std::path::Path;

use journal_tests::{Host, paths, run};

use super::{LIMIT, failed, file, host, says};

#[test]
fn printed_text_is_held_with_its_call() {
    let script = file(
        "text.py",
        "def process_revision(revision):\n    print(revision['id'].hex(), end=' ')\n    \
         print('é', revision['id'][0] % 2)\n    assert revision['id'][0] % 2\n",
    );
    let finished = host(&script)
        .args(["--on-failure", "skip", "--max-failures", "100%"])
        .finish(LIMIT)
        .success();
    assert!(finished.stdout.lines().count() > 1000);
    for line in finished.stdout.lines() {
        assert!(line.len() == 45 && line.ends_with(" é 1"), "{line}");
    }
}

#[test]
fn printed_text_goes_where_the_operator_says() {
    let script = file(
        "prints.py",
        "def process_revision(revision, emit):\n    print(revision['id'].hex())\n    \
         emit({'id': revision['id']})\n    assert revision['id'][0] % 2\n",
    );
    let run = |script: &Path, print: &str| {
        host(script)
            .args(["--on-failure", "skip", "--max-failures", "100%"])
            .args(["--print", print])
    };
    let rows = run::folder("script").join("rows.jsonl");
    let binding = format!("rows={}", rows.display());
    let host = run(&script, "stdout").args(["--output", &binding]);
    let finished = host.finish(LIMIT).success();
    let rows = fs::read_to_string(rows).expect("it is there");
    assert!(finished.stdout.lines().count() > 1000);
    for (line, row) in finished.stdout.lines().zip(rows.lines()) {
        assert_eq!(row, format!("{{\"id\":\"{line}\"}}"));
    }
    assert_eq!(finished.stdout.lines().count(), rows.lines().count());

    let script = file(
        "prints.py",
        "def process(all_objects):\n    print('one line')\n",
    );
    let finished = run(&script, "log").finish(LIMIT).success();
    assert_eq!(finished.stdout, "");
    says(&finished, "INFO `prints`: one line");
    assert!(
        !finished.stderr.contains("has no output"),
        "{}",
        finished.stderr
    );

    let plugin = Host::run(&paths::plugin("count-objects"));
    let finished = failed(plugin.args(["--print", "log", "--recording", "r"]));
    says(
        &finished,
        "is not a script, and prints nothing\nhint: leave out `--print`",
    );
}

#[test]
fn standard_output_that_a_module_keeps_is_the_output() {
    let script = file(
        "kept.py",
        "import csv, sys\n\nwriter = csv.writer(sys.stdout, lineterminator='\\n')\nprint('while it loads')\n\n\n\
         def process(all_objects):\n    writer.writerow([len(all_objects['revision']), 'a,b'])\n    \
             sys.stdout.buffer.write('é\\n'.encode())\n",
    );
    let printed = host(&script)
        .args(["--stop-after", "1"])
        .finish(LIMIT)
        .success();
    assert_eq!(printed.stdout, "1,\"a,b\"\né\n");
    says(&printed, "`kept`: while it loads");
}
