//! Invalid command lines.

use std::fs;

use journal_tests::{Host, paths};

use super::{Failure, HOSTILE, LIMIT, fails, hostile, is_wrong_use, shipped};

/// Runs the host over a recording with this argument, which is wrong.
#[track_caller]
fn option(flag: &str, value: &str) -> Failure {
    is_wrong_use(hostile(1).args([flag, value]))
}

#[test]
fn option_of_a_wrong_type_is_named_with_its_type() {
    option("--option", "number=many")
        .says("the option `number` expects an integer, got `many`")
        .hints("the plugin takes `number` (integer): A number");
    option("--option", "number=-1")
        .says("the option `number` breaks a rule of the plugin: -1 is less than the minimum of 0")
        .hints("the plugin takes `number` (integer): A number");
    option("--option", "process=nothing")
        .names("the option `process` breaks a rule of the plugin: \"nothing\"")
        .hints("the plugin takes `process` (none or loop or eat");
    let twice = hostile(1).args(["--option", "number=1", "--option", "number=2"]);
    is_wrong_use(twice)
        .says("the option `number` was given more than once, and takes one value")
        .hints("the plugin takes `number` (integer)");
}

#[test]
fn unknown_option_lists_the_known_ones_with_their_docs() {
    option("--option", "nummer=1")
        .says("the plugin has no option `nummer`")
        .hints("the plugin's options are\n")
        .hints("\n  `number` (integer): A number");
    let without_any = Host::run(&paths::plugin("count-objects"))
        .arg("--recording")
        .arg(shipped())
        .args(["--option", "number=1"]);
    is_wrong_use(without_any)
        .says("the plugin has no option `number`")
        .hints("the plugin takes no options");
}

#[test]
fn missing_option_is_named_with_its_docs() {
    let options = r#"{"name": "guest", "version": "1", "options": {"type": "object",
        "required": ["word"],
        "properties": {"word": {"type": "string", "description": "What to look for."}}}}"#;
    let host = Host::new();
    let plugin = super::plugins::guest(options, super::plugins::PLAN, "0.1.0");
    fs::write(host.folder().join("plugin.wasm"), plugin).expect("the folder is ours");
    let run = host.args(["run", "plugin.wasm", "--recording"]);
    is_wrong_use(run.arg(shipped()))
        .says("the option `word` is missing")
        .hints("`word` (string, required): What to look for.");
}

#[test]
fn broken_options_file_is_named() {
    let with = |text: &str| {
        let host = hostile(1).args(["--options", "options.json"]);
        fs::write(host.folder().join("options.json"), text).expect("the folder is ours");
        host
    };
    fails(hostile(1).args(["--options", "nowhere.json"]))
        .says("cannot read the options in `nowhere.json`: No such file or directory (os error 2)")
        .hints("`--options` takes a file that holds a JSON object");
    is_wrong_use(with("{"))
        .names("the options in `options.json` are not JSON: EOF while parsing an object")
        .hints("`--options` takes a file that holds a JSON object");
    is_wrong_use(with("[]"))
        .says("the options in `options.json` are not a JSON object")
        .hints("`--options` takes a file that holds a JSON object");
    is_wrong_use(with(r#"{"nummer": 1}"#))
        .says("the plugin has no option `nummer`")
        .hints("`number` (integer)");
    is_wrong_use(with(r#"{"number": "many"}"#))
        .names("the option `number` breaks a rule of the plugin: \"many\" is not of type")
        .hints("the plugin takes `number` (integer)");
}

#[test]
fn flags_that_do_not_go_together_are_wrong_use() {
    let host = || Host::run(&paths::plugin(HOSTILE));
    is_wrong_use(host().args(["--git", ".", "--workers", "2"]))
        .says("`--workers` above 1 does not go with `--git`")
        .hints("leave `--workers` out");
    is_wrong_use(host())
        .says("`--recording`, `--git`, `--dataset` or `--brokers` is required")
        .hints("`--recording` reads a recording, `--git` a git repository, `--dataset` a dataset in ORC files")
        .hints("`--brokers` with `--group-id` a Kafka cluster");
    is_wrong_use(host().args(["--brokers", "127.0.0.1:1"]))
        .says("`--group-id` is required with `--brokers`");
    is_wrong_use(host().args(["--group-id", "g"]))
        .says("`--brokers` is required with `--group-id`");
    is_wrong_use(hostile(1).args(["--brokers", "127.0.0.1:1", "--group-id", "g"]))
        .says("`--brokers` cannot be used with `--recording`");
    is_wrong_use(hostile(1).args(["--kafka", "a=b"]))
        .says("`--kafka` cannot be used with `--recording`");
    is_wrong_use(Host::new().args(["run", "--recording", "origins.journal"]))
        .says("no plugin is named")
        .hints("`.wasm` file");
    option("--batch-bytes", "200MiB")
        .says("`--batch-bytes` is more than a quarter of `--memory-limit`")
        .hints("raise `--memory-limit`");
}

#[test]
fn process_memory_that_is_too_small_names_the_minimum() {
    // Nothing listens there: the host reports the error before it connects.
    let host = |workers: &str| {
        Host::run(&paths::plugin(HOSTILE))
            .args(["--brokers", "127.0.0.1:1", "--group-id", "g"])
            .args(["--process-memory", "128MiB", "--workers", workers])
    };
    is_wrong_use(host("16"))
        .names("`--process-memory` of 128 MiB is too little for 16 workers: the process takes ")
        .hints("set it to at least ")
        .hints(" workers at the most");
    for given in [
        ["--memory-limit", "128MiB"],
        ["--batch-bytes", "16MiB"],
        ["--kafka", "queued.max.messages.kbytes=65536"],
        ["--kafka", "fetch.max.bytes=10000000"],
    ] {
        is_wrong_use(host("1").args(given))
            .names("`--process-memory` of 128 MiB is too little for 1 worker: ")
            .hints("or lower the limits of parts that are given");
    }
}

#[test]
fn object_type_outside_of_the_plan_names_those_inside() {
    let host = hostile(1)
        .args(["--option", "object_types=revision"])
        .args(["--option", "object_types=release"])
        .args(["--object-type", "origin"]);
    is_wrong_use(host)
        .says("`--object-type origin` is not one that the plugin reads")
        .hints("it reads `revision`, `release`");
}

#[test]
fn output_that_the_plan_lacks_names_those_it_has() {
    let host = || hostile(1).args(["--option", "outputs=a", "--option", "outputs=b"]);
    let run = host().args(["--output", "c=file"]);
    let folder = run.folder().to_owned();
    is_wrong_use(run)
        .says("the processor has no output `c`; it has: `a`, `b`")
        .hints("`--output` takes `[NAME=]FILE`");
    assert!(!folder.join("file").exists());
    is_wrong_use(host().args(["--output", "a=x", "--output", "a=y"]))
        .says("`--output` is given twice for the output `a`")
        .hints("`--output` takes `[NAME=]FILE`");
    is_wrong_use(host().args(["--output", "a="]))
        .says("`--output a=` names no file")
        .hints("`--output` takes `[NAME=]FILE`");
}

#[test]
fn values_that_no_flag_takes_are_wrong_use() {
    // The value may be a secret, so it is not printed.
    let secret = [
        "--kafka=sasl.password:wonderland",
        "--brokers=127.0.0.1:1",
        "--group-id=g",
    ];
    let finished = Host::run(&paths::plugin(HOSTILE))
        .args(secret)
        .finish(LIMIT)
        .code(2);
    assert!(
        !finished.stderr.contains("wonderland"),
        "{}",
        finished.stderr
    );
    super::failure(&finished)
        .names("invalid value for '--kafka <KEY=VALUE>': it is not of the form KEY=VALUE");
    for (flag, value, reason) in [
        ("--option", "number", "it is not of the form KEY=VALUE"),
        (
            "--deadline",
            "5",
            "it is not a span of time such as 30s or 500ms",
        ),
        ("--deadline", "0s", "it must be greater than zero"),
        ("--memory-limit", "much", "it is not a size such as 1MiB"),
        (
            "--batch-records",
            "0",
            "it is not a number from 1 to 4294967295",
        ),
        ("--batch-bytes", "0", "it must be greater than zero"),
        ("--workers", "0", "it is not a number from 1 to 256"),
        ("--stop-after", "-1", "invalid value '-1'"),
        ("--on-failure", "retry", "invalid value 'retry'"),
        ("--on-eof", "wait", "invalid value 'wait'"),
    ] {
        let argument = format!("{flag}={value}");
        is_wrong_use(hostile(1).arg(argument)).names(reason);
    }
    is_wrong_use(hostile(1).arg("--on-bad-record=skip")).names("it is called `--on-failure` now");
    is_wrong_use(hostile(1).arg("--max-failures=101%")).names("a share from 0% to 100%");
    is_wrong_use(hostile(1).arg("--on-failure=dead-letter")).names("needs `--dead-letters`");
    is_wrong_use(hostile(1).arg("--dead-letters=letters.jsonl"))
        .names("`--on-failure dead-letter`");
    let host = || Host::run(&paths::plugin(HOSTILE));
    is_wrong_use(host().args(["--brokers", "", "--group-id", "g"])).names("'--brokers");
    is_wrong_use(host().args(["--brokers", "127.0.0.1:1", "--group-id", ""])).names("'--group-id");
    is_wrong_use(hostile(1).arg("--option=number")).names("`journal-host describe PLUGIN` lists");
    is_wrong_use(hostile(1).arg("--nonsense")).names("'--nonsense'");
    let tip = "an option of the plugin is passed as '--option number=VALUE'";
    let unknown = hostile(1).arg("--number=7").finish(LIMIT).code(2);
    assert!(unknown.stderr.contains(tip), "{}", unknown.stderr);
    is_wrong_use(Host::new().arg("walk")).names("'walk'");
}
