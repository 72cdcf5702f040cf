//! Scripts with mistakes, and what is said of them.

use std::collections::BTreeMap;

use super::{LIMIT, failed, file, host, says, with_letters};

#[test]
fn record_that_a_script_fails_on_becomes_a_dead_letter_with_the_line() {
    let script = file(
        "letters.py",
        "def check(revision):\n    assert revision['id'][0] != 7, 'seven'\n\n\n\
         def process(all_objects, emit):\n    for revision in all_objects['revision']:\n        \
             check(revision)\n        emit({'id': revision['id']})\n",
    );
    let (finished, letters) = with_letters(host(&script));
    assert_eq!((finished.rows().len(), letters.len()), (4379, 12));
    for letter in &letters {
        assert!(letter["id"].as_str().is_some_and(|id| id.starts_with("07")));
        assert_eq!(
            letter["reason"],
            "the processor failed: `letters.py:2: AssertionError: seven (in check, called at letters.py:7 in process)`"
        );
    }
    let tracebacks = finished.stderr.matches("`letters`: AssertionError: seven");
    assert_eq!(tracebacks.count(), 12, "{}", finished.stderr);
}

#[test]
fn message_of_several_lines_is_kept_whole() {
    let script = file(
        "lines.py",
        "from journal_host import reject\n\n\n\
         def process_revision(revision):\n    if revision['id'][0] == 7:\n        reject('one\\ntwo')\n    \
         if revision['id'][0] == 8:\n        raise ValueError('three\\nfour\\x1b[2J')\n",
    );
    let (finished, letters) = with_letters(host(&script));
    let mut reasons = BTreeMap::new();
    for letter in &letters {
        let reason = letter["reason"].as_str().expect("it is a text").to_owned();
        *reasons.entry(reason).or_insert(0) += 1;
    }
    let expected = [r"lines.py:8: ValueError: three\nfour\u{1b}[2J", r"one\ntwo"];
    assert!(reasons.keys().eq(&expected), "{reasons:?}");
    says(&finished, "`lines`: ValueError: three\n");
    says(&finished, "`lines`: four\\u{1b}[2J\n");
    // Nothing of it was printed, and it has no other output.
    says(&finished, "the run has no output: nothing was printed");
}

#[test]
fn exception_ends_the_run_with_a_traceback_that_names_the_line() {
    let script = file(
        "bad.py",
        "def month(revision):\n    return revision['date']['mnth']\n\n\n\
         def process(all_objects, emit):\n    emit({'month': month(all_objects['revision'][0])})\n",
    );
    let finished = failed(host(&script));
    says(&finished, "`bad`:   File \"bad.py\", line 2, in month");
    let tracebacks = finished.stderr.matches("`bad`: KeyError: 'mnth'");
    assert_eq!(tracebacks.count(), 1, "{}", finished.stderr);
    says(&finished, "`bad`:            ~~~~~~~~~~~~~~~~^^^^^^^^");
    says(
        &finished,
        "the processor failed: `bad.py:2: KeyError: 'mnth' (in month, called at bad.py:6 in process)`",
    );
    assert!(
        !finished.stderr.contains("python_runtime"),
        "{}",
        finished.stderr
    );
    assert_eq!(finished.stdout, "");

    let finished = failed(host(&file(
        "bad.py",
        "def process(all_objects)\n    pass\n",
    )));
    says(&finished, "`bad.py:1: SyntaxError: expected ':'`");
    let finished = failed(host(&file("bad.py", "1 / 0\n")));
    says(
        &finished,
        "the processor failed: `bad.py:1: ZeroDivisionError: division by zero`",
    );
    let finished = failed(host(&file("bad.py", "import numpy\n")));
    says(
        &finished,
        "the processor failed: `bad.py:1: ModuleNotFoundError: 'numpy' has compiled code, which this runtime cannot load: ",
    );
    let finished = failed(host(&file("bad.py", "a = 1\n")));
    says(
        &finished,
        "the script has no function `process(all_objects)`",
    );
}

#[test]
fn exception_for_one_object_drops_its_rows_alone() {
    let script = file(
        "single.py",
        "from journal_host import reject\n\n\n\
         def process_revision(revision, emit):\n    \
             number = revision['id'][0] % 3\n    \
             emit({'id': revision['id'], 'number': number})\n    \
             if number == 1:\n        reject('it is one')\n    \
             if number == 2:\n        raise KeyError('two')\n",
    );
    let finished = failed(host(&script));
    says(&finished, "rejected the record");
    let finished = host(&script)
        .args(["--on-failure", "skip", "--max-failures", "100%"])
        .finish(LIMIT)
        .success();
    let rows = finished.rows();
    assert!(rows.len() > 1000 && rows.iter().all(|row| row["number"] == 0));
    let rejected = 4391 - rows.len();
    says(&finished, &format!("{rejected} rejected"));
    says(&finished, "single.py:10: KeyError: 'two'");
}

/// The exit code is that of a failure: who runs a script cannot tell its mistakes from options that it refuses.
#[test]
fn row_that_cannot_be_written_is_an_error_at_its_line() {
    for (value, reason) in [
        ("1j", "a row cannot hold complex"),
        ("2**64", "has an integer of more than 64 bits"),
        ("float('nan')", "a number of a row is finite"),
        (
            "__import__('datetime').datetime.now()",
            "a time needs a time zone",
        ),
        ("'\\udc80'", "has a text that is not Unicode"),
        ("{1: 2}", "the keys of a map are texts"),
    ] {
        let text = format!("def process(all_objects, emit):\n    emit({{'a': 1, 'b': {value}}})\n");
        let finished = failed(host(&file("rows.py", &text)));
        says(&finished, "rows.py:2: TypeError: the column 'b'");
        says(&finished, reason);
    }
}

#[test]
fn loops_and_floods_of_memory_meet_the_limits() {
    let script = file(
        "loop.py",
        "def process(all_objects):\n    while True:\n        pass\n",
    );
    let finished = failed(host(&script).args(["--deadline", "1s"]));
    says(&finished, "the processor ran longer than 1 s");
    let script = file(
        "memory.py",
        "def process(all_objects):\n    kept = []\n    while True:\n        kept.append(bytes(1 << 20))\n",
    );
    let finished =
        failed(host(&script).args(["--memory-limit", "128MiB", "--batch-bytes", "1MiB"]));
    says(&finished, "memory.py:4: MemoryError");
}

#[test]
fn script_that_would_do_nothing_is_refused_at_its_start() {
    for (text, said) in [
        (
            "def process_revision(revision, emit):\n    yield {}\n",
            "`process_revision` is a generator or a coroutine",
        ),
        (
            "async def process(all_objects, emit):\n    pass\n",
            "`process` is a generator or a coroutine",
        ),
        (
            "OBJECT_TYPES = ['origin']\ndef process_revision(revision, emit):\n    emit({})\n",
            "OBJECT_TYPES has no object type of `process_revision`",
        ),
        (
            "OBJECT_TYPES = 'revision'\ndef process(all_objects, emit):\n    emit({})\n",
            "OBJECT_TYPES is a list of texts",
        ),
        (
            "FIELDS = {'revision': 'id'}\ndef process(all_objects, emit):\n    emit({})\n",
            "FIELDS has a list of names for each object type",
        ),
        (
            "FIELDS = {'revision': ['id', 'comitter']}\ndef process(all_objects, emit):\n    emit({})\n",
            "FIELDS names the field 'comitter', which the object type 'revision' does not have: did you mean 'committer'?",
        ),
        (
            "FIELDS = {'origin': ['xxxxx']}\ndef process(all_objects, emit):\n    emit({})\n",
            "does not have: there are 'id', 'url', 'type'",
        ),
        (
            "FIELDS = {'revison': ['id']}\ndef process(all_objects, emit):\n    emit({})\n",
            "FIELDS names the object type 'revison', which does not exist: did you mean 'revision'?",
        ),
        (
            "def process(all_objects):\n    pass\ndef process_revision(revision):\n    pass\n",
            "the script has both `process` and `process_revision`: keep `process` for all objects of a call, or",
        ),
        (
            "def client(all_objects):\n    pass\ndef process_revision(revision):\n    pass\n",
            "the script has both `client` and `process_revision`",
        ),
    ] {
        says(&failed(host(&file("nothing.py", text))), said);
    }
}

#[test]
fn function_that_the_host_cannot_call_is_refused_at_the_start() {
    for (lines, said) in [
        (
            "def process(all_objects, emit, more): pass",
            "`process` is called with all_objects and, if it takes it, `emit`",
        ),
        ("def process(): pass", "`process` is called with"),
        (
            "def process(all_objects, *, emit): pass",
            "`process` is called with",
        ),
        (
            "def process_revision(revision, emit, more): pass",
            "`process_revision` is called with one object and",
        ),
        (
            "def a(all_objects): pass\ndef b(all_objects): pass",
            "`a` and `b` have a parameter `all_objects`",
        ),
        (
            "def process_revison(revision): pass",
            "`process_revison` is for no object type: did you mean `process_revision`?",
        ),
        (
            "OUTPUTS = [{'nam': 'x'}]\ndef process(all_objects, emit): pass",
            "OUTPUTS is a list of dicts, each with a name",
        ),
        (
            "OUTPUTS = {'name': 'x'}\ndef process(all_objects, emit): pass",
            "OUTPUTS is a list of dicts, each with a name",
        ),
    ] {
        let finished = failed(host(&file("calls.py", &format!("{lines}\n"))));
        says(&finished, said);
        says(&finished, "`start` failed");
    }
}

#[test]
fn parameter_with_a_default_is_the_scripts_own() {
    let script = file(
        "own.py",
        "import sys\n\ndef process(all_objects, out=sys.stdout):\n    print(len(all_objects['revision']), file=out)\n",
    );
    let printed = host(&script)
        .args(["--stop-after", "1"])
        .finish(LIMIT)
        .success();
    assert_eq!(printed.stdout, "1\n");
}

#[test]
fn name_that_is_almost_one_the_host_calls_is_told() {
    let script = file(
        "almost.py",
        "def process_revison(revision):\n    pass\n\n\ndef process_release(release):\n    print(1)\n\n\n\
         def process_revision(revision):\n    print(2)\n",
    );
    let finished = host(&script).finish(LIMIT).success();
    says(
        &finished,
        "nothing calls `process_revison`: if `process_revision` is meant",
    );
}

#[test]
fn row_that_contains_itself_is_an_error_at_its_line() {
    let script = file(
        "itself.py",
        "def process_revision(revision, emit):\n    row = {}\n    row['x'] = row\n    emit(row)\n",
    );
    let finished = failed(host(&script));
    says(
        &finished,
        "itself.py:4: TypeError: the column 'x' nests too deeply",
    );
}
