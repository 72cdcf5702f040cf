//! Calls of Python scripts that end in the middle: the error names the function and the line.

use super::{failed, file, host, says};

/// The error of a run of a script with this text, whose calls may take a second.
#[track_caller]
fn ends_in(text: &str, expected: &[&str]) {
    let script = file("endless.py", text);
    let finished = failed(host(&script).args(["--deadline", "1s"]));
    for expected in expected {
        says(&finished, expected);
    }
}

#[test]
fn call_without_an_end_names_the_innermost_function_of_the_script() {
    const DEADLINE: &str = "the processor ran longer than 1 s, in ";
    for (text, location) in [
        (
            "def élan(objects):\n    while True:\n        pass\n\n\ndef process(all_objects):\n    élan(all_objects)\n",
            "`élan` at endless.py:",
        ),
        (
            "def process(all_objects):\n    class 遅い:\n        def __call__(self):\n            while 1: pass\n    遅い()()\n",
            "`process.<locals>.遅い.__call__` at endless.py:4",
        ),
        (
            "import re\n\ndef process(all_objects):\n    re.match('(a+)+$', 'a' * 40 + 'b')\n",
            "`process` at endless.py:4",
        ),
        (
            "def process(all_objects):\n    sum(slow() for _ in range(3))\n\ndef slow():\n    return sum(range(10 ** 12))\n",
            "`slow` at endless.py:5",
        ),
        (
            "def numbers():\n    while True:\n        yield 1\n\ndef process(all_objects):\n    for _ in numbers():\n        pass\n",
            "at endless.py:",
        ),
        (
            "def process(all_objects):\n    pass\n\nwhile True:\n    pass\n",
            "`<module>` at endless.py:",
        ),
    ] {
        ends_in(text, &[DEADLINE, location]);
    }
}

#[test]
fn call_that_traps_names_the_line_of_the_script() {
    let text = "import json\n\n\ndef process(all_objects):\n    json.loads('[' * 1000000)\n";
    let expected = "for its stack of 512 KiB, in `process` at endless.py:5";
    ends_in(text, &[expected]);
}

#[test]
fn line_of_a_module_is_named_by_its_path() {
    let script = file(
        "endless.py",
        "import helpers.slow\n\n\ndef process(all_objects):\n    helpers.slow.run()\n",
    );
    let helpers = script.with_file_name("helpers");
    std::fs::create_dir(&helpers).expect("it can be made");
    let text = "def run():\n    while True:\n        pass\n";
    std::fs::write(helpers.join("slow.py"), text).expect("it can be written");
    let run = host(&script).arg("--with").arg(&helpers);
    let finished = failed(run.args(["--deadline", "1s"]));
    says(&finished, "in `run` at helpers/slow.py:");
}
