//! A group whose offsets are in a database beside the rows of its run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;

use journal_tests::kafka::TopicPartition;
use journal_tests::postgres::PASSWORD;
use journal_tests::{Broker, Finished, Host, paths, run};
use serde_json::{Value, json};

use super::{Input, LIMIT, RECORDS};

/// A database that a run writes to.
pub(super) trait Database {
    /// It as an output.
    fn output(&self) -> OsString;

    /// The offsets that it has of a group.
    fn offsets_of(&self, group: &str) -> BTreeMap<TopicPartition, i64>;

    /// How many origins it has counted.
    fn origins(&self) -> u64;
}

/// A group with its database.
pub(super) struct Kept<D> {
    pub(super) input: Input,
    pub(super) database: D,
}

impl<D: Database> Kept<D> {
    pub(super) fn new(name: &str, database: D) -> Self {
        let input = Input::new(name);
        Self { input, database }
    }

    /// Reads everything that is not read yet.
    pub(super) fn run(&self) {
        let host = self.arguments("run").args(["--on-eof", "stop"]);
        let _ = host.finish(LIMIT).success();
    }

    pub(super) fn arguments(&self, command: &str) -> Host {
        Host::new()
            .env("PGPASSWORD", PASSWORD)
            .arg(command)
            .arg(paths::plugin("count-objects"))
            .args(["--brokers", &Broker::shared().address()])
            .args(["--prefix", self.input.prefix.as_str()])
            .args(["--group-id", &self.input.group])
            .arg("--output")
            .arg(self.database.output())
    }

    /// `journal-host offsets COMMAND` about the group and its database.
    pub(super) fn offsets(&self, command: &str) -> Host {
        self.input
            .offsets(command)
            .env("PGPASSWORD", PASSWORD)
            .arg("--run-output")
            .arg(self.database.output())
    }

    pub(super) fn shown(&self) -> Value {
        let finished = self.offsets("show").arg("--json").finish(LIMIT).success();
        serde_json::from_str(&finished.stdout).expect("it prints JSON")
    }

    pub(super) fn kept(&self) -> BTreeMap<TopicPartition, i64> {
        self.database.offsets_of(&self.input.group)
    }

    /// Shows, saves, resets and restores the offsets, and asserts that the group has the same.
    pub(super) fn is_shown_saved_and_moved(&self) {
        self.run();
        let (input, ends) = (&self.input, self.input.ends());
        assert_eq!(self.kept(), ends);
        // Without the database, the group alone is moved.
        let alone = input.offsets("reset").args(["--to", "earliest"]);
        let _ = alone.finish(LIMIT).success();
        assert_eq!(self.kept(), ends);
        let shown = self.shown();
        let output = self.database.output().into_string().expect("it is text");
        assert_eq!(
            (&shown["lag"], &shown["offsets_in"]),
            (&json!(0), &json!(output)),
            "{shown}"
        );
        let table = self.offsets("show").finish(LIMIT).success().stdout;
        let named = format!("offsets: those in `{output}`");
        assert!(table.contains(&named), "{table}");
        let saved = run::folder("saved").join("offsets.tsv");
        let save = self.offsets("save").arg("--output").arg(&saved);
        let _ = save.finish(LIMIT).success();
        let text = fs::read_to_string(&saved).expect("it was written");
        for ((topic, number), end) in &ends {
            assert!(
                text.contains(&format!("{topic}\t{number}\t{end}\n")),
                "{text}"
            );
        }

        let reset = |more: &[&str]| -> Finished {
            let reset = self.offsets("reset").args(["--to", "earliest"]).args(more);
            reset.finish(LIMIT).success()
        };
        let dry = reset(&["--dry-run"]).stdout;
        assert!(dry.contains("would change 4 offsets"), "{dry}");
        assert_eq!(self.kept(), ends);
        let said = reset(&[]).stdout;
        assert!(said.contains("changed 4 offsets"), "{said}");
        assert!(self.kept().values().all(|&offset| offset == 0));
        self.run();
        let twice = 2 * u64::from(RECORDS);
        assert_eq!(self.database.origins(), twice, "everything came again");
        assert_eq!(
            (self.kept(), input.committed()),
            (ends.clone(), ends.clone())
        );

        let _ = reset(&[]);
        let restored = self.offsets("restore").arg(&saved).finish(LIMIT).success();
        let said = restored.stdout;
        assert!(said.contains("changed 4 offsets"), "{said}");
        assert_eq!((self.kept(), input.committed()), (ends.clone(), ends));
    }
}
