//! `journal-host check`: whether a run could start.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::args;
use super::confined;
use super::hints::Explain;
use super::names::Names;
use super::report::{self, Report};
use super::run;
use crate::config::Config;
use crate::pipeline::check::{self, Finding, Outcome};
use crate::text::{LINE_BYTES, clean, plural};

/// Checks everything that `run` with the same settings needs: settings, plugin, brokers, topics, rights, lag and outputs.
/// It joins no group, and writes and commits nothing.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    run: run::Arguments,

    /// Print JSON instead of lines.
    #[arg(long)]
    json: bool,
}

/// A finding in words.
struct Line {
    subject: String,
    result: &'static str,
    text: String,
    hint: Option<String>,
}

/// Checks, and prints each finding at once.
pub(super) fn execute(arguments: Arguments) -> Result<(), Report> {
    let json = arguments.json;
    let (config, origins) = args::configure::<Config>(arguments.run.into_layer());
    let names = Names(&origins);
    let config = config.map_err(|error| Report::of(&error, names))?;
    let mut printer = Printer {
        json,
        lines: Vec::new(),
        written: Ok(()),
    };
    let prepared = check::prepare(&config);
    confined::confine(&config);
    check::check(&config, prepared, &mut |finding| {
        printer.add(Line::of(&finding, names));
    });
    printer.finish()
}

impl Line {
    fn of(finding: &Finding, names: Names<'_>) -> Self {
        let (result, text, hint) = match &finding.outcome {
            Outcome::Fine(text) => ("ok", text.clone(), None),
            Outcome::Warning(warning) => ("warning", warning.sentence(names), warning.hint(names)),
            Outcome::Failed(error) => ("failed", error.sentence(names), error.hint(names)),
            Outcome::Skipped(because) => ("skipped", (*because).to_owned(), None),
        };
        Self {
            subject: finding.subject.to_string(),
            result,
            text,
            hint,
        }
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        // Texts of a plugin or a broker cannot forge a line.
        let text = clean(&self.text, LINE_BYTES);
        writeln!(to, "{:<8} {}: {text}", self.result, self.subject)?;
        for line in self.hint.iter().flat_map(|hint| report::hint_lines(hint)) {
            writeln!(to, "{:<8} {line}", "")?;
        }
        Ok(())
    }

    fn as_json(&self) -> Value {
        json!({
            "check": self.subject,
            "result": self.result,
            "message": self.text,
            "hint": self.hint,
        })
    }
}

/// Prints findings.
struct Printer {
    json: bool,
    lines: Vec<Line>,
    /// The first failure to write.
    written: io::Result<()>,
}

impl Printer {
    fn add(&mut self, line: Line) {
        if !self.json && self.written.is_ok() {
            let mut stdout = io::stdout().lock();
            self.written = line.write(&mut stdout).and_then(|()| stdout.flush());
        }
        self.lines.push(line);
    }

    fn finish(mut self) -> Result<(), Report> {
        let failed = self.lines.iter().filter(|line| line.result == "failed");
        let failed = failed.count();
        if self.json {
            let checks: Vec<Value> = self.lines.iter().map(Line::as_json).collect();
            let shown = json!({"ok": failed == 0, "checks": checks});
            let mut stdout = io::stdout().lock();
            self.written = writeln!(stdout, "{shown:#}").and_then(|()| stdout.flush());
        }
        report::unless_reader_is_gone(self.written).map_err(Report::of_standard_output)?;
        if failed > 0 {
            let all = plural(self.lines.len(), "check");
            let text = format!("{failed} of {all} failed");
            return Err(Report::failure(anyhow::Error::msg(text), None));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origins;
    use crate::pipeline::check::{CheckError, CheckWarning, Subject};

    fn written(subject: Subject, outcome: Outcome) -> String {
        let finding = Finding { subject, outcome };
        let mut text = Vec::new();
        let line = Line::of(&finding, Names(&Origins::default()));
        line.write(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn each_finding_is_a_line_with_its_way_out() {
        let fine = Outcome::Fine("reads\norigin".to_owned());
        assert_eq!(
            written(Subject::Plan, fine),
            "ok       plan: reads\\norigin\n",
            "a text from outside forges no line"
        );
        let error = CheckError::GroupRight {
            group_id: "g".to_owned(),
        };
        let failed = written(Subject::Group, Outcome::Failed(Box::new(error)));
        assert!(
            failed.starts_with(
                "failed   group: the account may not use the group `g`\n         hint: ask for the right"
            ),
            "{failed}"
        );
        assert!(failed.contains("`--group-id`"), "{failed}");
        let warning = CheckWarning::IdleWorkers {
            workers: 3,
            partitions: 2,
        };
        assert_eq!(
            written(Subject::Topics, Outcome::Warning(warning)),
            "warning  topics: 3 workers share 2 partitions\n         hint: lower `--workers`: the others stay idle\n"
        );
        assert_eq!(
            written(Subject::Lag, Outcome::Skipped("no broker answers")),
            "skipped  lag: no broker answers\n"
        );
    }
}
